"""A jointed puppet with constant bone lengths: control channels over time become the 24 joints of the SMPL skeleton.

The torso is a chain of rotations, arms are two unit vectors each (upper arm, forearm) in the chest frame, legs are solved from hip to
planted ankle by two-bone inverse kinematics. `Track` holds key poses and interpolates them with an easing of its own per key.
What the puppet dances is decided in `choreography`; this file knows nothing of beats.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dance2music.dance.smpl import PARENTS

TORSO = (
    "yaw", "pitch", "roll", "bend", "side", "twist", "chest", "shift", "nod", "tilt", "look", "l_shrug", "r_shrug",
)  # fmt: skip
"""Torso channels in radians (chest, shift and shrugs too): pelvis yaw/pitch/roll, spine bend/side/twist, chest isolation forward and
sideways, head nod/tilt/look, shoulders raised."""


_QUICKEST_SECONDS = 0.18
"""A move takes at least this long; the rest before it is cut if need be."""


@dataclass(frozen=True)
class Body:
    """Proportions of a dancer, in metres."""

    thigh: float = 0.39
    shin: float = 0.41
    foot: float = 0.14
    hip_width: float = 0.075
    spine: float = 0.31
    neck: float = 0.21
    head: float = 0.11
    shoulder_width: float = 0.175
    upper_arm: float = 0.265
    forearm: float = 0.25
    hand: float = 0.085

    @property
    def leg(self) -> float:
        """Hip to ankle, stretched."""
        return self.thigh + self.shin

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Body:
        """A body of random size (about 1.5 to 1.95 m) and proportions."""
        size = float(np.clip(rng.normal(1.0, 0.07), 0.84, 1.16))
        plain = cls()
        ratios = np.clip(rng.normal(1.0, 0.05, 11), 0.85, 1.15)
        return cls(*(float(getattr(plain, name)) * size * float(r) for name, r in zip(cls.__dataclass_fields__, ratios)))


@dataclass
class Track:
    """Key values of one group of channels over time.

    Each key is reached at its time; before that the track rests for a share ``hold`` of the way from the previous key and then moves.
    ``flow`` 0 comes to rest at the key, 1 passes through it with the speed of its neighbours (Catmull-Rom); ``snap`` > 1 moves late and
    arrives hard, < 1 starts hard and arrives softly.
    """

    times: list[float] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    holds: list[float] = field(default_factory=list)
    flows: list[float] = field(default_factory=list)
    snaps: list[float] = field(default_factory=list)

    def add(self, time: float, value: np.ndarray, *, hold: float = 0.0, flow: float = 0.0, snap: float = 1.0) -> None:
        """Append a key, a value [n] of the channels at a time; keys may come unsorted."""
        self.times.append(time)
        self.values.append(np.asarray(value, dtype=np.float64))
        self.holds.append(hold)
        self.flows.append(flow)
        self.snaps.append(snap)

    def sample(self, times: np.ndarray) -> np.ndarray:
        """Values [T, D] at ``times`` [T] in seconds."""
        order = np.argsort(np.asarray(self.times), kind="stable")
        at = np.asarray(self.times)[order]
        gaps = np.concatenate([[1.0], np.diff(at)])
        keep = gaps > 0.09  # keys nearer than this would be a jump
        order, at = order[keep], at[keep]
        value = np.stack(self.values)[order]
        if len(at) == 1:
            return np.repeat(value, len(times), axis=0)
        hold, flow, snap = (np.asarray(x)[order] for x in (self.holds, self.flows, self.snaps))
        span = np.diff(at)
        hold[1:] = np.minimum(hold[1:], np.maximum(0.0, 1.0 - _QUICKEST_SECONDS / span))
        rests = hold > 0.02
        stops = rests | np.concatenate([rests[1:], [False]])  # a rest on either side of a key: no speed at it
        slope = np.zeros_like(value)
        slope[1:-1] = np.where(stops, 0.0, flow)[1:-1, None] * (value[2:] - value[:-2]) / (at[2:] - at[:-2])[:, None]
        index = np.clip(np.searchsorted(at, times, side="right") - 1, 0, len(at) - 2)
        rest, end = hold[index + 1], index + 1
        moving = span[index] * (1.0 - rest)
        share = np.clip((times - at[index] - span[index] * rest) / moving, 0.0, 1.0)
        s = np.where(flow[index] + flow[end] > 0.0, share, share ** snap[end])[:, None]
        s3 = s * s * s
        smooth = s3 * (10.0 - 15.0 * s + 6.0 * s * s)  # minimum jerk, Flash and Hogan 1985
        leave = s - s3 * (6.0 - 8.0 * s + 3.0 * s * s)
        arrive = s3 * (-4.0 + 7.0 * s - 3.0 * s * s)
        a, b = value[index], value[end]
        return a + (b - a) * smooth + moving[:, None] * (leave * slope[index] + arrive * slope[end])


def rotation(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Rotation matrices [T, 3, 3], R = R_y(yaw) R_x(pitch) R_z(roll), of angles [T] in radians."""
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    out = np.empty((len(yaw), 3, 3))
    out[:, 0, 0] = cy * cr + sy * sp * sr
    out[:, 0, 1] = -cy * sr + sy * sp * cr
    out[:, 0, 2] = sy * cp
    out[:, 1, 0] = cp * sr
    out[:, 1, 1] = cp * cr
    out[:, 1, 2] = -sp
    out[:, 2, 0] = -sy * cr + cy * sp * sr
    out[:, 2, 1] = sy * sr + cy * sp * cr
    out[:, 2, 2] = cy * cp
    return out


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [..., 3] scaled to length 1."""
    return vectors / (np.sqrt(np.einsum("...i,...i->...", vectors, vectors)) + 1e-9)[..., None]


def _turn(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Matrices [T, 3, 3] applied to one vector [3] or to vectors [T, 3]."""
    return matrix @ vector if vector.ndim == 1 else np.einsum("tij,tj->ti", matrix, vector)


def _leg(hip: np.ndarray, ankle: np.ndarray, forward: np.ndarray, body: Body) -> tuple[np.ndarray, np.ndarray]:
    """Knee and ankle [T, 3]: two-bone inverse kinematics; an ankle out of reach is pulled towards the hip."""
    line = ankle - hip
    far = np.sqrt(np.einsum("ti,ti->t", line, line)) + 1e-9
    along = line / far[:, None]
    reach = body.leg * 0.999
    soft = 0.97 * reach  # approach the limit smoothly, so that the knee does not snap
    far = np.where(far > soft, soft + (reach - soft) * np.tanh((far - soft) / (reach - soft)), far)
    far = np.maximum(far, abs(body.thigh - body.shin) + 0.05)
    cosine = np.clip((body.thigh**2 + far**2 - body.shin**2) / (2.0 * body.thigh * far), -1.0, 1.0)
    pole = unit(forward - along * np.einsum("ti,ti->t", forward, along)[:, None])
    knee = hip + body.thigh * (along * cosine[:, None] + pole * np.sqrt(1.0 - cosine**2)[:, None])
    return knee, hip + along * far[:, None]


def pose(
    body: Body, pelvis: np.ndarray, torso: np.ndarray, arms: np.ndarray, ankles: np.ndarray, toes_yaw: np.ndarray, toes_pitch: np.ndarray
) -> np.ndarray:
    """Joints float32 [T, 24, 3] in metres, y up, facing +z at yaw 0, the dancer's left at +x.

    Parameters
    ----------
    pelvis : [T, 3], position of the pelvis.
    torso : [T, 13], channels as in `TORSO`.
    arms : [T, 4, 3], directions of left upper arm, left forearm, right upper arm, right forearm in the chest frame; of any length.
    ankles : [T, 2, 3], wished positions of left and right ankle.
    toes_yaw : [T, 2], heading of the feet in radians.
    toes_pitch : [T, 2], toes down in radians.
    """
    count = len(pelvis)
    joints = np.empty((count, 24, 3))
    zero = np.zeros(count)
    yaw, pitch, roll, bend, side, twist, chest, shift, nod, tilt, look, l_shrug, r_shrug = torso.T
    hips = rotation(yaw, pitch, roll)
    low = hips @ rotation(twist / 3, bend / 3 - chest, side / 3 + shift)
    mid = low @ rotation(twist / 3, bend / 3 + 0.3 * chest, side / 3 - 0.3 * shift)
    top = mid @ rotation(twist / 3, bend / 3 + 0.7 * chest, side / 3 - 0.7 * shift)
    skull = top @ rotation(look, nod, tilt)
    joints[:, 0] = pelvis
    joints[:, 3] = pelvis + _turn(hips, np.array([0.0, 0.36 * body.spine, -0.02]))
    joints[:, 6] = joints[:, 3] + _turn(low, np.array([0.0, 0.44 * body.spine, 0.0]))
    joints[:, 9] = joints[:, 6] + _turn(mid, np.array([0.0, 0.20 * body.spine, 0.01]))
    joints[:, 12] = joints[:, 9] + _turn(top, np.array([0.0, body.neck, -0.03]))
    joints[:, 15] = joints[:, 12] + _turn(skull, np.array([0.0, 0.9 * body.head, 0.45 * body.head]))
    for collar, shoulder, elbow, wrist, hand, sign, shrug, which in (
        (13, 16, 18, 20, 22, 1.0, l_shrug, 0),
        (14, 17, 19, 21, 23, -1.0, r_shrug, 2),
    ):
        joints[:, collar] = joints[:, 9] + _turn(top, np.array([0.4 * sign * body.shoulder_width, 0.54 * body.neck, -0.02]))
        out = np.stack([0.6 * sign * body.shoulder_width * np.cos(shrug), 0.6 * body.shoulder_width * (np.sin(shrug) + 0.25), zero], axis=1)
        joints[:, shoulder] = joints[:, collar] + _turn(top, unit(out) * (0.63 * body.shoulder_width))
        upper = _turn(top, unit(arms[:, which]))
        fore = _turn(top, unit(arms[:, which + 1]))
        joints[:, elbow] = joints[:, shoulder] + body.upper_arm * upper
        joints[:, wrist] = joints[:, elbow] + body.forearm * fore
        joints[:, hand] = joints[:, wrist] + body.hand * unit(fore + 0.15 * upper)
    for hip, knee, ankle, foot, sign, which in ((1, 4, 7, 10, 1.0, 0), (2, 5, 8, 11, -1.0, 1)):
        joints[:, hip] = pelvis + _turn(hips, np.array([sign * body.hip_width, -0.09, 0.0]))
        heading = toes_yaw[:, which]
        forward = np.stack([np.sin(heading), zero, np.cos(heading)], axis=1)
        outward = np.array([0.2 * sign, 0.0, 0.0])
        joints[:, knee], joints[:, ankle] = _leg(joints[:, hip], ankles[:, which], forward + outward, body)
        down = toes_pitch[:, which] + 0.42
        toe = forward * np.cos(down)[:, None]
        toe[:, 1] = -np.sin(down)
        joints[:, foot] = joints[:, ankle] + body.foot * toe
    return joints.astype(np.float32)


def bone_lengths(joints: np.ndarray) -> np.ndarray:
    """Lengths [T, 23] of the bones from each joint but the pelvis to its parent, in the unit of ``joints`` [T, 24, 3]."""
    return np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1)
