"""Draws a dancer as video: thick coloured limbs, a face and simple hands on a calm stage, real enough for a pose estimator to follow.

The project needs no filmed person: its example video and its tests are drawn here, with beats that are known exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.seeds import Corpus
from dance2music.synthetic.canvas import Canvas, Colour
from dance2music.types import GENRES, Motion, Rhythm

_SKINS: tuple[Colour, ...] = ((241, 203, 175), (224, 172, 138), (198, 139, 104), (150, 98, 70), (105, 66, 48))
_HAIRS: tuple[Colour, ...] = ((45, 32, 28), (84, 56, 36), (30, 30, 38), (150, 100, 50), (110, 40, 30))
_SHIRTS: tuple[Colour, ...] = ((214, 84, 74), (62, 120, 178), (238, 178, 62), (88, 150, 110), (120, 86, 160), (232, 232, 226), (60, 62, 74))
_TROUSERS: tuple[Colour, ...] = ((44, 52, 74), (70, 74, 82), (96, 78, 60), (38, 40, 44), (72, 96, 124))
_WALLS: tuple[Colour, ...] = ((226, 220, 208), (208, 220, 226), (216, 224, 210), (230, 212, 206), (212, 208, 224), (196, 200, 204))


@dataclass(frozen=True)
class Look:
    """Colours (RGB) of dancer and stage, and the view: camera yaw and pitch in radians, share of the picture that the dancer fills."""

    skin: Colour = _SKINS[1]
    hair: Colour = _HAIRS[0]
    shirt: Colour = _SHIRTS[0]
    trousers: Colour = _TROUSERS[0]
    shoes: Colour = (240, 240, 236)
    wall: Colour = _WALLS[0]
    floor: Colour = (196, 170, 142)
    yaw: float = 0.0
    pitch: float = 0.05
    fill: float = 0.8
    long_hair: bool = False

    @classmethod
    def draw(cls, seed: int) -> Look:
        """A random look."""
        rng = np.random.default_rng([seed, Corpus.LOOK])

        def pick(colours: tuple[Colour, ...]) -> Colour:
            return colours[int(rng.integers(len(colours)))]

        wall = pick(_WALLS)
        shades = rng.uniform(0.65, 0.9) * rng.uniform(0.92, 1.05, 3)
        floor = tuple(int(c * s) for c, s in zip(wall, shades))
        return cls(
            pick(_SKINS), pick(_HAIRS), pick(_SHIRTS), pick(_TROUSERS), (240, 240, 236) if rng.random() < 0.6 else (50, 46, 46), wall,
            (floor[0], floor[1], floor[2]), float(np.clip(rng.normal(0.0, 0.3), -0.8, 0.8)), float(rng.uniform(0.0, 0.15)),
            float(rng.uniform(0.6, 0.85)), bool(rng.random() < 0.5),
        )  # fmt: skip


def draw_video(
    motion: Motion,
    path: str | Path,
    *,
    size: tuple[int, int] = (640, 480),
    fps: float = 30.0,
    seed: int | None = None,
    look: Look | None = None,
) -> None:
    """Write a video (H.264, no sound) of the dance, as long as the motion.

    Parameters
    ----------
    motion : Motion, float32 [T, 24, 3], skeleton "smpl-24", metres, y up, facing +z.
    path : file to write; its suffix chooses the container (mp4, mkv, mov).
    size : width and height in pixels, even numbers.
    fps : frames per second of the video.
    seed : draws the look; with neither ``seed`` nor ``look`` the plain `Look`.
    look : colours and view.

    Raises
    ------
    InputError
        If the motion has another skeleton, the size is odd or tiny, or the file cannot be written.
    """
    if look is None:
        look = Look() if seed is None else Look.draw(seed)
    write_pictures(draw_frames(motion, size=size, fps=fps, look=look), path, size=size, fps=fps)


def write_pictures(pictures: Iterable[np.ndarray], path: str | Path, *, size: tuple[int, int], fps: float) -> None:
    """Write pictures uint8 [H, W, 3] RGB as a video; parameters as in `draw_video`, raises InputError as that does."""
    import av

    width, height = size
    if width % 2 or height % 2 or min(size) < 64:
        raise InputError(f"size: {width}x{height}; expected even numbers of at least 64 pixels")
    with whole_file(path) as temporary, av.open(str(temporary), "w") as out:
        stream = out.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "25", "threads": "1"}
        for image in pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode())


def draw_frames(motion: Motion, *, size: tuple[int, int], fps: float, look: Look) -> Iterator[np.ndarray]:
    """Pictures uint8 [H, W, 3] RGB of the dance, one per 1 / fps seconds; parameters as in `draw_video`.

    Raises
    ------
    InputError
        If the motion is not of 24 SMPL joints in three dimensions.
    """
    joints = poses_at(motion, fps)
    camera = Camera.around(joints, size, look)
    stage = empty_stage(size, camera, look)
    for pose in joints:
        canvas = Canvas(stage)
        Painter(canvas, camera, look).dancer(pose)
        yield np.ascontiguousarray(canvas.image)


def poses_at(motion: Motion, fps: float) -> np.ndarray:
    """Joints float [T, 24, 3] of a dance at so many pictures per second. Raises InputError as `draw_frames`."""
    if motion.skeleton != "smpl-24" or motion.joints.shape[1:] != (24, 3):
        raise InputError(f"motion: skeleton {motion.skeleton} {motion.joints.shape}; expected smpl-24 with 3-D joints; convert it first")
    count = max(1, round(motion.duration_seconds * fps))
    at = np.clip(np.arange(count) / fps * motion.fps, 0.0, len(motion.joints) - 1.0)
    low = at.astype(int)
    high = np.minimum(low + 1, len(motion.joints) - 1)
    share = (at - low)[:, None, None]
    return np.asarray(motion.joints[low] * (1.0 - share) + motion.joints[high] * share)


@dataclass(frozen=True)
class Camera:
    """Perspective view of the stage: rotation, centre of the scene, distance in metres, focal length in pixels, picture centre."""

    turn: np.ndarray
    centre: np.ndarray
    distance: float
    focal: float
    middle: np.ndarray

    @classmethod
    def around(cls, joints: np.ndarray, size: tuple[int, int], look: Look) -> Camera:
        """The camera that has all joints [..., J, 3] in a picture of this size (width, height), from where the look has it."""
        cy, sy, cp, sp = np.cos(look.yaw), np.sin(look.yaw), np.cos(look.pitch), np.sin(look.pitch)
        turn = np.array([[cy, 0.0, sy], [sp * sy, cp, -sp * cy], [-cp * sy, sp, cp * cy]])
        low, high = joints.reshape(-1, 3).min(axis=0), joints.reshape(-1, 3).max(axis=0)
        centre = 0.5 * (low + high)
        distance = 5.0
        seen = (joints - centre) @ turn.T
        flat = seen[..., :2] / (distance - seen[..., 2:])
        reach = np.abs(flat.reshape(-1, 2)).max(axis=0) + 0.03
        focal = float(look.fill * min(0.5 * size[0] / reach[0], 0.5 * size[1] / reach[1]))
        return cls(turn, centre, distance, focal, np.array([0.5 * size[0], 0.52 * size[1]]))

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels [..., 2] and pixels per metre [...] of points [..., 3]."""
        seen = (points - self.centre) @ self.turn.T
        scale = self.focal / np.maximum(self.distance - seen[..., 2], 0.5)
        return self.middle + seen[..., :2] * scale[..., None] * [1.0, -1.0], scale

    def depth(self, points: np.ndarray) -> float:
        """How near the middle of points [n, 3] is, in metres from the centre of the scene towards the camera."""
        return float((((points - self.centre) @ self.turn.T)[:, 2]).mean())


def empty_stage(size: tuple[int, int], camera: Camera, look: Look) -> np.ndarray:
    """Empty stage with opacity, uint8 [H, W, 4]: a wall with soft light and a floor with faint boards."""
    width, height = size
    horizon, _ = camera.project(np.array([0.0, 0.0, -2.0]))
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    light = 1.0 - 0.16 * (((x / width - 0.5) / 0.6) ** 2 + ((y / height - 0.35) / 0.8) ** 2)
    wall = np.array(look.wall, dtype=np.float64) * np.clip(light, 0.6, 1.1)[..., None]
    depth = np.clip((y - horizon[1]) / max(height - horizon[1], 1.0), 0.0, 1.0)
    floor = np.array(look.floor, dtype=np.float64) * (0.86 + 0.16 * depth)[..., None]
    edge = np.clip(y - horizon[1], 0.0, 1.0)[..., None]
    image = np.clip(wall * (1.0 - edge) + floor * edge, 0, 255).astype(np.uint8)
    boards = Canvas(image)
    dark = _shade(look.floor, 0.88)
    for across in np.arange(-6.0, 6.1, 0.75):
        ends, _ = camera.project(np.array([[across, 0.0, -2.0], [across, 0.0, 2.2]]))
        boards.line(ends[0], ends[1], 1.0, dark)
    return np.dstack([np.where(edge > 0.0, boards.image, image), np.full(size[::-1], 255, np.uint8)])


def _shade(colour: Colour, factor: float) -> Colour:
    return (min(255, int(colour[0] * factor)), min(255, int(colour[1] * factor)), min(255, int(colour[2] * factor)))


class Painter:
    """Paints a dancer of one look on a canvas, farthest parts first."""

    def __init__(self, canvas: Canvas, camera: Camera, look: Look) -> None:
        self.canvas, self.camera, self.look = canvas, camera, look

    def dancer(self, joints: np.ndarray) -> None:
        """The dancer of joints [24, 3], over what is on the canvas."""
        look = self.look
        up = joints[12] - joints[0]
        up /= np.linalg.norm(up) + 1e-9
        left = joints[16] - joints[17]
        forward = np.cross(left, up)
        forward /= np.linalg.norm(forward) + 1e-9
        self._shadow(joints)
        parts: list[tuple[float, int]] = []
        for side in (0, 1):
            parts += [
                (self.camera.depth(joints[[4 + side, 7 + side]]) - 0.02, side),
                (self.camera.depth(joints[[18 + side, 20 + side]]), 2 + side),
            ]
        parts += [(self.camera.depth(joints[[0, 9]]), 4), (self.camera.depth(joints[[15]]) + 0.02, 5)]
        for _, part in sorted(parts):
            if part < 2:
                self._leg(joints, part, look)
            elif part < 4:
                self._arm(joints, part - 2, look)
            elif part == 4:
                self._trunk(joints, look)
            else:
                self._head(joints, up, forward, look)

    def _limb(self, a: np.ndarray, b: np.ndarray, wide_a: float, wide_b: float, colour: Colour) -> None:
        """A tapered limb between two points, widths (diameters) in metres."""
        (p, q), (s, t) = self.camera.project(np.stack([a, b]))
        self.canvas.limb(p, q, (wide_a * float(s), wide_b * float(t)), colour)

    def _disc(self, point: np.ndarray, radius: float, colour: Colour) -> None:
        p, s = self.camera.project(point)
        self.canvas.disc(p, max(0.5, radius * float(s)), colour)

    def _shadow(self, joints: np.ndarray) -> None:
        """Soft shadow on the floor under feet and body."""
        from scipy.ndimage import gaussian_filter

        height, width = self.canvas.image.shape[:2]
        p, scale = self.camera.project(joints[[0, 10, 11]] * [1.0, 0.0, 1.0])
        middle, reach = p[0], 0.75 * float(scale[0])
        left, right = int(np.clip(middle[0] - 1.5 * reach, 0, width)), int(np.clip(middle[0] + 1.5 * reach, 0, width))
        top, bottom = int(np.clip(middle[1] - reach, 0, height)), int(np.clip(middle[1] + reach, 0, height))
        if right - left < 8 or bottom - top < 8:
            return
        y, x = np.ogrid[top:bottom:4, left:right:4]  # it is blurred: a quarter of the pixels is enough
        dark = np.zeros((y.shape[0], x.shape[1]))
        for (at_x, at_y), s, spot, radius, shade in zip(p, scale, joints[[0, 10, 11]], (0.34, 0.13, 0.13), (0.22, 0.3, 0.3)):
            faint = float(np.clip(1.0 - 0.8 * (spot[1] - 0.02), 0.3, 1.0)) if radius < 0.3 else 1.0
            wide, deep = max(2.0, radius * float(s)), max(2.0, 0.3 * radius * float(s))
            inside = ((x - at_x) / wide) ** 2 + ((y - at_y) / deep) ** 2 <= 1.0
            dark = np.maximum(dark, shade * faint * inside)
        light = (1.0 - gaussian_filter(dark, 1.0 + 0.003 * width, mode="constant")).astype(np.float32)
        light = np.repeat(np.repeat(light, 4, axis=0), 4, axis=1)[: bottom - top, : right - left, None]
        patch = self.canvas.image[top:bottom, left:right]
        patch[:] = (patch * light).astype(np.uint8)

    def _leg(self, joints: np.ndarray, side: int, look: Look) -> None:
        hip, knee, ankle, toe = joints[1 + side], joints[4 + side], joints[7 + side], joints[10 + side]
        colour = _shade(look.trousers, 1.0 if side == 0 else 0.88)
        self._limb(ankle + (ankle - toe) * 0.25 - [0, 0.02, 0], toe, 0.085, 0.075, look.shoes)
        self._limb(hip, knee, 0.175, 0.13, colour)
        self._limb(knee, ankle, 0.13, 0.095, _shade(colour, 1.06))

    def _arm(self, joints: np.ndarray, side: int, look: Look) -> None:
        shoulder, elbow, wrist, hand = joints[16 + side], joints[18 + side], joints[20 + side], joints[22 + side]
        skin = _shade(look.skin, 1.0 if side == 0 else 0.93)
        self._limb(elbow, wrist, 0.078, 0.06, skin)
        self._limb(shoulder, elbow, 0.105, 0.082, skin)
        sleeve = shoulder + 0.55 * (elbow - shoulder)
        self._limb(shoulder, sleeve, 0.125, 0.11, _shade(look.shirt, 1.05 if side == 0 else 0.93))
        self._limb(wrist, hand, 0.07, 0.075, skin)
        along = hand - wrist
        fan = np.cross(along, self.camera.turn[2])
        fan /= np.linalg.norm(fan) + 1e-9
        for spread in (-0.024, -0.008, 0.008, 0.024):
            self._limb(hand + fan * spread, hand + fan * spread * 1.5 + along * 0.75, 0.022, 0.018, skin)
        sign = 1.0 if side == 0 else -1.0
        self._limb(wrist + 0.4 * along, wrist + 0.75 * along + fan * 0.055 * sign, 0.026, 0.02, skin)

    def _trunk(self, joints: np.ndarray, look: Look) -> None:
        from scipy.spatial import ConvexHull

        corners, scale = self.camera.project(joints[[16, 17, 2, 1]])
        waist, _ = self.camera.project(joints[[3, 6]])
        thick = 0.1 * float(scale.mean())
        hips = _shade(look.trousers, 0.95)
        self._limb(joints[1], joints[2], 0.17, 0.17, hips)
        outline = np.concatenate([corners, waist])
        self.canvas.polygon(outline[ConvexHull(outline, qhull_options="QJ").vertices], look.shirt)
        for a, b in ((16, 17), (16, 1), (17, 2), (9, 3)):
            (p, q), _ = self.camera.project(joints[[a, b]])
            self.canvas.line(p, q, max(1.0, thick), look.shirt)
        self._limb(joints[1] * 0.92 + joints[2] * 0.08, joints[2] * 0.92 + joints[1] * 0.08, 0.13, 0.13, hips)
        self._limb(
            joints[12] - (joints[12] - joints[9]) * 0.25, joints[12] + (joints[15] - joints[12]) * 0.4, 0.1, 0.09, _shade(look.skin, 0.9)
        )

    def _head(self, joints: np.ndarray, up: np.ndarray, chest_forward: np.ndarray, look: Look) -> None:
        """Head with hair, eyes, brows, nose and mouth, looking where the head joint points."""
        lean = joints[15] - joints[12]
        tall = up * 0.7 + lean / (np.linalg.norm(lean) + 1e-9) * 0.3
        tall /= np.linalg.norm(tall) + 1e-9
        forward = lean - tall * float(lean @ tall)
        forward = forward / (np.linalg.norm(forward) + 1e-9) * 0.5 + chest_forward
        forward -= tall * float(forward @ tall)
        forward /= np.linalg.norm(forward) + 1e-9
        side = np.cross(tall, forward)
        size = float(np.linalg.norm(lean)) / 0.11
        centre = joints[12] + tall * 0.15 * size + forward * 0.01
        facing = float(forward @ self.camera.turn[2])

        def at(x: float, y: float, z: float) -> np.ndarray:
            return centre + size * (side * x + tall * y + forward * z)

        if look.long_hair:
            self._limb(at(0, 0.03, -0.05), at(0, -0.14, -0.06), 0.19 * size, 0.15 * size, look.hair)
            if facing > -0.1:
                self._limb(at(0, -0.14, 0.0), at(0, -0.06, 0.0), 0.1 * size, 0.1 * size, _shade(look.skin, 0.9))
        self._limb(at(0, 0.045, -0.02), at(0, 0.03, -0.03), 0.205 * size, 0.2 * size, look.hair)
        if facing > -0.35:
            self._limb(at(0, 0.02, 0.022), at(0, -0.055, 0.03), 0.172 * size, 0.125 * size, look.skin)
            self._limb(at(-0.055, 0.085, 0.03), at(0.055, 0.085, 0.03), 0.06 * size, 0.06 * size, look.hair)
        for x in (-0.088, 0.088):
            if facing * 0.3 + float(side @ self.camera.turn[2]) * np.sign(x) > -0.1:
                self._disc(at(x, -0.005, 0.0), 0.02 * size, _shade(look.skin, 0.92))
        if facing > 0.05:
            dark = _shade(look.hair, 0.8)
            for x in (-0.036, 0.036):
                self._disc(at(x, 0.016, 0.085), 0.0165 * size, (250, 250, 248))
                self._disc(at(x, 0.016, 0.09), 0.0105 * size, (40, 32, 30))
                self._limb(at(x - 0.018, 0.045, 0.085), at(x + 0.018, 0.045, 0.085), 0.005 * size, 0.005 * size, dark)
            self._limb(at(0, 0.012, 0.095), at(0, -0.018, 0.11), 0.014 * size, 0.024 * size, _shade(look.skin, 0.86))
            for x in (-1.0, 1.0):  # a smile
                self._limb(at(0, -0.057, 0.085), at(0.03 * x, -0.047, 0.075), 0.013 * size, 0.008 * size, (176, 72, 74))


def example_dance(seconds: float = 10.0) -> tuple[Motion, Rhythm]:
    """The dance of the example video and its exact beats: house at 120 bpm, a downbeat at 0.4 s, with the timing of the average dancer."""
    from dance2music.synthetic.choreography import dance
    from dance2music.synthetic.timing import MARGIN_SECONDS, TimingConfig, hurried

    period, first = 0.5, 0.4
    before = 4
    beats = first + period * (np.arange(int(seconds / period) + 3 * before) - before)
    rhythm = Rhythm(beats, before % 4, 60.0 / period, 1.0, np.zeros(0))
    drawn = dance(rhythm, genre=GENRES.index("house"), seed=EXAMPLE_SEED, duration_seconds=seconds + MARGIN_SECONDS)
    average = TimingConfig(lead_beats=0.06, arm_lead_beats=0.03, lead_spread=0.0, arm_lead_spread=0.0, bounce_share=0.0)
    return hurried(drawn, beats, seconds, np.random.default_rng(EXAMPLE_SEED), average), rhythm


EXAMPLE_SEED = 17
"""A dancer who stops on the beats, as the second reading sees it."""


def example_video(path: str | Path, seconds: float = 10.0) -> Rhythm:
    """Write the example video of the demo, 640x480 at 30 fps, and return its exact beats.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    motion, rhythm = example_dance(seconds)
    draw_video(motion, path, size=(640, 480), fps=30.0, look=Look(shirt=_SHIRTS[1], trousers=_TROUSERS[0], wall=_WALLS[3], fill=0.82))
    return rhythm
