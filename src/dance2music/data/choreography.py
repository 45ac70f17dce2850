"""A procedural dancer: dances of ten genres over a beat grid, for training what looks at real dancers.

`dance` plans phrases of eight counts out of steps, arm moves and torso grooves (`moves`), each at a metrical level of its own, and lets a
jointed puppet (`puppet`) perform them with human timing. Dancers differ on purpose: size, precision, bias, energy, the level that they
prefer, missed accents; the beat has to be found in spite of that.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from dance2music.data import moves
from dance2music.data.perturb import perturb
from dance2music.data.puppet import Body, Track, pose, unit
from dance2music.errors import InputError
from dance2music.types import BEATS_PER_BAR, GENRES, Motion, Rhythm, Score

__all__ = ["Dancer", "dance", "perturb"]

PHRASE_BEATS = 2 * BEATS_PER_BAR
"""Dancers count in eights."""

RHYTHMS: tuple[tuple[float, ...], ...] = (
    (0, 1, 2, 3), (0, 2), (0, 1, 2), (0, 1.5, 2, 3), (0, 0.5, 1, 2, 3), (0, 1, 2, 2.5, 3), (1, 3), (0, 0.75, 1.5, 2, 3),
    (0, 1.5, 3), (0, 2, 3), (0, 2, 2.5, 3, 3.5), (0.5, 1, 2.5, 3), (0, 3),
)  # fmt: skip
"""Rhythms of a bar that arm moves may follow, in beats."""


_UNREST = np.array([0.03, 0.02, 0.015, 0.03, 0.02, 0.03, 0.02, 0.02, 0.04, 0.03, 0.06, 0.02, 0.02, 0.006, 0.01, 0.01])
"""Size of the slow random motion of each control channel: the 13 of `puppet.TORSO`, then height, side and depth of the pelvis in metres."""


@dataclass(frozen=True)
class Dancer:
    """Habits of one dancer.

    ``bias_seconds`` is how late (or early) all moves come, ``drift_seconds`` the slow and ``jitter_seconds`` the quick part of the timing
    error (standard deviations), ``amplitude`` and ``groove`` scale moves and bounce, ``level`` stretches the periods of all moves (2: half
    time), ``sloppy`` 0..1 blurs and drops moves, ``early`` is how far a move runs through its beat (0 arrives on it), in beats.
    ``calm`` dancers are legato: no rests, no snap; ``inertia_seconds`` softens the arms.
    """

    body: Body
    bias_seconds: float
    drift_seconds: float
    jitter_seconds: float
    amplitude: float
    groove: float
    level: float
    sloppy: float
    early: float
    snap: float
    calm: bool
    inertia_seconds: float

    @classmethod
    def draw(cls, rng: np.random.Generator, tempo_bpm: float, *, quick_style: float = 0.0, calm_style: float = 0.1) -> Dancer:
        """A random dancer; at quick tempi more of them move in half time, at slow tempi more in double time (``quick_style`` adds to that).

        A share ``calm_style`` of them hardly moves: long slow lines, no bounce.
        """
        sloppy = float(rng.beta(1.3, 2.5))
        slow = 0.15 + 0.25 * float(np.clip((tempo_bpm - 95.0) / 40.0, 0.0, 1.0))
        quick = (0.12 + quick_style) * float(np.clip((105.0 - tempo_bpm) / 25.0, 0.0, 1.0))
        level = float(rng.choice([0.5, 1.0, 2.0], p=[quick, 1.0 - quick - slow, slow]))
        calm = bool(rng.random() < calm_style)
        slower = float(rng.choice([1.0, 2.0, 4.0], p=[0.25, 0.5, 0.25])) if calm else 1.0
        return cls(
            body=Body.draw(rng),
            bias_seconds=float(np.clip(rng.normal(0.005, 0.025), -0.07, 0.07)),
            drift_seconds=float(rng.uniform(0.005, 0.012) + 0.018 * sloppy),
            jitter_seconds=float(rng.uniform(0.008, 0.02) + 0.03 * sloppy),
            amplitude=float(np.clip(np.exp(rng.normal(-0.05, 0.4)), 0.3, 1.7)) * (0.55 if calm else 1.0),
            groove=float(np.clip(np.exp(rng.normal(-0.2, 0.7)), 0.05, 2.2)) * (0.2 if calm else 1.0),
            level=max(level, 1.0) * slower if calm else level,
            sloppy=sloppy,
            early=float(rng.choice([0.0, rng.uniform(-0.2, 0.2)], p=[0.75, 0.25])),
            snap=float(np.exp(rng.normal(0.0, 0.25))),
            calm=calm,
            inertia_seconds=float(rng.uniform(0.02, 0.07)),
        )


def dance(
    rhythm: Rhythm | np.ndarray,
    *,
    genre: int,
    seed: int,
    fps: float = 60.0,
    duration_seconds: float | None = None,
    downbeat: int = 0,
    score: Score | None = None,
    energy: np.ndarray | None = None,
) -> Motion:
    """Dance to a beat grid: joints of skeleton "smpl-24" in metres, y up, the dancer around the origin.

    Parameters
    ----------
    rhythm : Rhythm, or float [n_beats] beat times in seconds, increasing.
    genre : int, index into `GENRES`.
    seed : int, draws the dancer and the choreography; same arguments, same bits.
    fps : frames per second of the motion.
    duration_seconds : length; the last beat by default.
    downbeat : int, index of the first downbeat, where ``rhythm`` is an array.
    score : the music, where there is some: its accents pull moves and its silences freeze the dancer.
    energy : float [n_beats] or None, scales the moves of each beat (1 is plain).

    Returns
    -------
    Motion, float32 [T, 24, 3] with T = round(duration * fps); confidence 1.

    Raises
    ------
    InputError
        If the genre is unknown, there are fewer than two beats, or they do not increase.
    """
    if not 0 <= genre < len(GENRES):
        raise InputError(f"genre: {genre}; expected 0 to {len(GENRES) - 1}, an index into GENRES")
    if not isinstance(rhythm, Rhythm):
        grid = np.asarray(rhythm, dtype=np.float64)
        if grid.ndim != 1 or len(grid) < 2 or not np.all(np.diff(grid) > 0):
            raise InputError(f"beat grid: shape {grid.shape}; expected at least two increasing times in seconds")
        rhythm = Rhythm(grid, downbeat, float(60.0 / np.median(np.diff(grid))), 1.0, np.empty(0))
    duration = float(rhythm.beat_times_seconds[-1]) if duration_seconds is None else duration_seconds
    rng = np.random.default_rng([seed, genre, 24])
    style = moves.STYLES[genre]
    dancer = Dancer.draw(rng, rhythm.tempo_bpm, quick_style=style.quick, calm_style=style.calm)
    plan = _Plan(rhythm, style, dancer, rng, duration, score, energy)
    plan.compose()
    count = max(1, round(duration * fps))
    joints = plan.perform(np.arange(max(2, count)) / fps)[:count]
    return Motion(joints, np.ones(joints.shape[:2], np.float32), float(fps), "smpl-24", source=f"synthetic {GENRES[genre]} {seed}")


def _pick(rng: np.random.Generator, chances: dict) -> object:  # type: ignore[type-arg]
    """A key of ``chances``, drawn in proportion to its value."""
    bounds = np.cumsum(list(chances.values()))
    return list(chances)[int(np.searchsorted(bounds, rng.random() * bounds[-1], side="right"))]


@dataclass(frozen=True)
class _Groove:
    """A periodic motion of some torso channels over a span of beats; ``power`` sharpens it, ``phase`` in periods."""

    start: float
    end: float
    channels: tuple[tuple[int, float], ...]
    period: float
    phase: float
    power: float
    sway: bool


class _Plan:
    """One dance being composed: tracks of key poses, grooves, freezes. Beats count from the first downbeat."""

    def __init__(
        self, rhythm: Rhythm, style: moves.Style, dancer: Dancer, rng: np.random.Generator, duration: float,
        score: Score | None, energy: np.ndarray | None,
    ) -> None:  # fmt: skip
        self.style, self.dancer, self.rng = style, dancer, rng
        self.first = float(np.floor(rhythm.beat_at(np.zeros(1))[0])) - 1.0
        self.last = float(np.ceil(rhythm.beat_at(np.array([duration]))[0])) + 2.0
        self.grid = np.arange(self.first - PHRASE_BEATS, self.last + PHRASE_BEATS + 1.0)
        noise = rng.normal(0.0, dancer.drift_seconds, len(self.grid))
        drift = np.empty_like(noise)
        level = 0.0
        for i, x in enumerate(noise):
            level = 0.7 * level + 0.7 * float(x)
            drift[i] = level
        self.clock = np.maximum.accumulate(rhythm.time_at(self.grid) + dancer.bias_seconds + drift + 1e-6 * np.arange(len(self.grid)))
        self.energy = None if energy is None else np.asarray(energy, dtype=np.float64)
        self.energy_at = rhythm.downbeat
        self.accents = None if score is None else _accents(score, self.grid)
        self.arms = (Track(), Track())
        self.feet = (Track(), Track())
        self.torso, self.heading, self.toes = Track(), Track(), (Track(), Track())
        self.grooves: list[_Groove] = []
        self.freezes: list[tuple[float, float]] = []
        self.facing = float(rng.normal(0.0, 0.3))
        self.centre = rng.normal(0.0, 0.15, 2)
        self.stance = [np.zeros(2), np.zeros(2)]
        self.landed = [-1e9, -1e9]
        self.lean = float(rng.uniform(0.0, 0.15))
        self.shape = np.exp(rng.normal(0.0, float(rng.choice([0.1, 0.25, 0.45])), PHRASE_BEATS))  # some counts are danced larger
        self.shape[BEATS_PER_BAR:] = 0.6 * self.shape[BEATS_PER_BAR:] + 0.4 * self.shape[:BEATS_PER_BAR]

    # ---- time and size ------------------------------------------------------------------------------------------------------------

    def when(self, beat: float, *, exact: bool = False) -> float:
        """Time of a move that belongs to ``beat``, with this dancer's timing."""
        jitter = 0.0 if exact else float(self.rng.normal(0.0, self.dancer.jitter_seconds))
        return float(np.interp(beat, self.grid, self.clock)) + jitter

    def size(self, beat: float) -> float:
        """How large a move at ``beat`` is: the dancer's amplitude, the energy of the music, more on downbeats."""
        scale = self.dancer.amplitude * self.style.amplitude * float(self.shape[int(np.floor(beat + 0.01)) % PHRASE_BEATS])
        scale *= 1.12 if abs(beat % BEATS_PER_BAR) < 0.1 else 1.0
        if self.energy is not None and len(self.energy):
            scale *= float(self.energy[int(np.clip(round(beat) + self.energy_at, 0, len(self.energy) - 1))])
        return scale * float(np.exp(self.rng.normal(0.0, 0.08 + 0.2 * self.dancer.sloppy)))

    # ---- composing ----------------------------------------------------------------------------------------------------------------

    def compose(self) -> None:
        """Fill all tracks with phrases of eight counts."""
        rng, style = self.rng, self.style
        start = PHRASE_BEATS * np.floor(self.first / PHRASE_BEATS)
        start += float(rng.choice([0.0, 4.0, 2.0, 1.0], p=[0.72, 0.22, 0.04, 0.02])) - PHRASE_BEATS
        rest = self.when(start - 2.0, exact=True)
        for side in (0, 1):
            self.arms[side].add(rest, moves.arm_pose("down", right=bool(side)).ravel())
            self.stance[side] = np.array([0.13 if side == 0 else -0.13, 0.0]) * self.dancer.body.leg
            self.feet[side].add(rest, self._foot(side, 0.0))
            self.toes[side].add(rest, np.array([self.facing]))
        self.heading.add(rest, np.array([self.facing]))
        self.torso.add(rest, np.zeros(13))
        sets = {name: float(rng.gamma(0.7) + 0.05) * w for name, w in style.steps.items()}  # everyone has favourites
        arm_sets = {name: float(rng.gamma(0.9) + 0.05) * w for name, w in style.arms.items()}
        previous: tuple[object, ...] | None = None
        beat = float(start)
        while beat < self.last:
            if previous is None or rng.random() > 0.4:
                previous = (
                    _pick(rng, sets), _pick(rng, sets), _pick(rng, arm_sets), _pick(rng, arm_sets), _pick(rng, style.torso),
                    _pick(rng, style.bounce_periods), int(rng.integers(1 << 30)), rng.random() < 0.35,
                )  # fmt: skip
            steps, other_steps, arms, other_arms, torso, bounce, seed, long = previous
            mirror = rng.random() < 0.5
            self._turn_somewhere(beat)
            self._bounce(beat, float(bounce))  # type: ignore[arg-type]
            self._steps_for(beat, PHRASE_BEATS if long else 4, str(steps), mirror)
            if not long:
                self._steps_for(beat + 4, 4, str(other_steps if rng.random() < 0.5 else steps), not mirror)
            shared = np.random.default_rng(seed)  # type: ignore[arg-type]  # a repeated phrase repeats its arm moves
            self._arms_for(beat, 4, str(arms), shared, mirror)
            shared = np.random.default_rng(seed) if rng.random() < 0.6 else shared  # type: ignore[arg-type]
            self._arms_for(beat + 4, 4, str(other_arms if long else arms), shared, mirror ^ (rng.random() < 0.4))
            self._torso_for(beat, str(torso))
            if rng.random() < style.freeze:
                at = beat + float(rng.choice([3.0, 6.0, 7.0, 4.0]))
                self.freezes.append((self.when(at), self.when(at + float(rng.choice([0.75, 1.0, 1.5, 2.0])))))
            beat += PHRASE_BEATS
        if self.accents is not None:
            for at, length in _silences(self.accents, self.grid):
                if rng.random() < 0.8:
                    self.freezes.append((self.when(at), self.when(at + length)))

    def _turn_somewhere(self, beat: float) -> None:
        """A new heading for the phrase, seldom far from the camera."""
        aim = float(np.clip(self.rng.normal(0.0, 0.35), -1.2, 1.2)) if self.rng.random() < 0.6 else self.facing
        self.facing += float(np.clip((aim - self.facing + np.pi) % (2 * np.pi) - np.pi, -1.5, 1.5))
        self.heading.add(self.when(beat + float(self.rng.choice([0.0, 1.0]))), np.array([self.facing]), hold=0.6)
        self.centre = 0.7 * self.centre + self.rng.normal(0.0, 0.18, 2)

    def _bounce(self, beat: float, period: float) -> None:
        """Knee bounce and its echo in the torso for one phrase; lowest on the beat, or (fewer) highest."""
        rng, style, dancer = self.rng, self.style, self.dancer
        up = 0.5 if rng.random() < style.bounce_up else 0.0
        depth = style.bounce * dancer.body.leg * dancer.groove * min(1.6, self.size(beat)) * (0.0 if rng.random() < 0.12 else 1.0)
        power = float(rng.uniform(0.7, 2.2))
        period *= dancer.level if rng.random() < 0.8 else 1.0
        bend = 0.25 * depth / dancer.body.leg
        nod = float(rng.uniform(-0.5, 2.5)) * bend
        self.grooves.append(_Groove(beat, beat + PHRASE_BEATS, ((13, -depth), (3, bend), (8, nod)), period, up, power, False))
        if rng.random() < 0.5:
            wide = float(rng.uniform(0.01, 0.06)) * dancer.groove
            sway = ((14, wide), (2, 0.5 * wide), (4, -0.6 * wide), (5, float(rng.normal(0.0, 1.0)) * wide))
            self.grooves.append(_Groove(beat, beat + PHRASE_BEATS, sway, 2.0 * period, 0.0, 1.0, True))

    def _foot(self, side: int, height: float) -> np.ndarray:
        """Wished ankle position [3] of a foot at its stance; the ankle of a flat foot is 8 cm above the floor."""
        x, z = self.stance[side]
        return np.array([x, 0.08 + height, z])

    def _steps_for(self, beat: float, beats: int, name: str, mirror: bool) -> None:
        """Fill ``beats`` beats with a step pattern, repeated as often as it fits."""
        rng, dancer = self.rng, self.dancer
        leg = dancer.body.leg
        if rng.random() < self.style.turn:
            self._spin(beat + beats - 4, mirror)
            beats -= 4
        length, pattern = moves.STEPS[name]
        stretch = dancer.level if dancer.level * length <= max(beats, 4) else 1.0
        stretch = 2.0 if rng.random() < 0.12 and 2.0 * length <= beats else stretch
        shift = float(rng.choice([0.0, 1.0], p=[1.0 - 0.5 * self.style.offbeat, 0.5 * self.style.offbeat]))
        spot = 0.0
        while spot + length * stretch <= beats + 0.01:
            for at, side, x, z, lift in pattern:
                if rng.random() < 0.06 * dancer.sloppy:
                    continue
                side = 1 - side if mirror else side
                x = -x if mirror else x
                size = min(self.size(beat + spot), 1.5)
                narrow = 0.1 if side == 0 else -0.1
                local = np.array([narrow + (x - narrow) * (0.45 + 0.65 * size), 1.1 * z * size]) * leg
                self._land(beat + spot + (at + shift) * stretch, side, local, lift * leg * (0.4 + 0.6 * size), stretch)
            spot += length * stretch
            if length * stretch <= 2 and rng.random() < 0.5:
                mirror = not mirror

    def _land(self, beat: float, side: int, local: np.ndarray, lift: float, stretch: float) -> None:
        """One step: the foot leaves, passes its highest point and lands at ``beat``."""
        time = self.when(beat)
        gap = time - self.landed[side]
        if gap < 0.12:
            return
        period = self.when(1.0, exact=True) - self.when(0.0, exact=True)
        swing = min(gap, float(np.clip(period * stretch * self.rng.uniform(0.4, 0.8), 0.16, 0.9)))
        c, s = np.cos(self.facing), np.sin(self.facing)
        target = self.centre + np.array([c * local[0] + s * local[1], c * local[1] - s * local[0]]) + self.rng.normal(0, 0.015, 2)
        middle = 0.5 * (self.stance[side] + target)
        self.stance[side] = target
        high = lift > 0.45 * self.dancer.body.leg  # a kick: the foot is up at the beat
        x, y, z = self._foot(side, lift if high else 0.0)
        rest = float(np.clip(1.0 - 0.5 * swing / max(gap - 0.5 * swing, 1e-3), 0.0, 0.97))
        top = np.array([middle[0], 0.08 + lift * (0.5 if high else 1.0), middle[1]])
        self.feet[side].add(time - 0.5 * swing, top, hold=rest, flow=1.0)
        self.feet[side].add(time, np.array([x, y, z]), snap=1.0)
        toe_out = 0.25 if side == 0 else -0.25
        self.toes[side].add(time, np.array([self.facing + toe_out]), hold=0.5)
        self.landed[side] = time

    def _spin(self, beat: float, mirror: bool) -> None:
        """A full turn within four beats."""
        count = int(self.rng.choice([2, 3, 4]))
        sign = -1.0 if mirror else 1.0
        for i in range(count):
            self.facing += sign * 2.0 * np.pi / count
            self.heading.add(self.when(beat + i), np.array([self.facing]), flow=0.9 if i < count - 1 else 0.0)
            side = (i + int(mirror)) % 2
            local = np.array([0.12 if side == 0 else -0.12, 0.1]) * self.dancer.body.leg
            self._land(beat + i, side, local, 0.08, 1.0)

    def _arms_for(self, beat: float, beats: int, kind: str, shared: np.random.Generator, mirror: bool) -> None:
        """Arm moves of one kind over ``beats`` beats; ``shared`` draws what repeats with the phrase, ``self.rng`` what does not."""
        style, dancer = self.style, self.dancer
        level = float(_pick(shared, style.periods)) * dancer.level  # type: ignore[arg-type]
        level = float(np.clip(level, 0.5, 2 * beats if dancer.calm else beats))
        onsets = [k * level for k in range(int(np.ceil(beats / level)))]
        odd = shared.random()
        if odd < 0.3 and kind in ("poses", "hit"):
            onsets = list(RHYTHMS[int(shared.integers(len(RHYTHMS)))])
        elif odd < 0.3 + 0.5 * style.offbeat:
            onsets = [t + (0.5 if level <= 1 else 1.0) for t in onsets]
        onsets = self._to_accents(beat, onsets)
        hold = float(shared.uniform(*style.hold))
        snap = float(shared.uniform(*style.snap)) * dancer.snap
        if dancer.calm:
            hold, snap = 0.0, 1.0
        flow = float(shared.uniform(*style.flow)) * (1.0 if hold < 0.1 else 0.0)
        flow = max(flow, 0.5) if dancer.calm else flow
        alike = shared.random()
        count = int(shared.choice([2, 2, 3, 4]))
        poses = [str(style.poses[int(shared.integers(len(style.poses)))]) for _ in range(count)]
        others = [str(style.poses[int(shared.integers(len(style.poses)))]) for _ in range(count)]
        blur = shared.normal(0.0, 0.2, (count, 2, 2, 3))
        if kind in ("twirl", "wave"):
            self._circles(beat, beats, kind, shared, mirror)
            return
        if kind == "swing":
            poses, others, alike, hold = ["front_low", "back"], ["back", "front_low"], 0.5, min(hold, 0.2)
        elif kind == "cross":
            poses, others, alike = ["cross", "side_low"], ["cross", "side_low"], 0.5
        elif kind == "clap":
            poses, others, alike = ["down", "chest"], ["down", "chest"], 0.5
        for i, at in enumerate(onsets):
            if self.rng.random() < 0.02 + 0.12 * dancer.sloppy:
                continue
            size = self.size(beat + at)
            for side in (0, 1):
                if (alike < 0.2 and side == int(mirror)) or (alike > 0.85 and (i + side) % 2):
                    continue  # one arm only, or arms in turn
                name = (poses if alike < 0.6 or side == int(mirror) else others)[i % len(poses)]
                if kind == "swing":
                    name = (poses if side == int(mirror) else others)[i % 2]
                self._arm_key(side, beat + at + dancer.early, name, blur[i % count, side ^ int(mirror)], size, hold, snap, flow)
                if kind == "hit":
                    back = beat + at + 0.5 * min(level, 1.0)
                    self._arm_key(side, back, "relaxed", 0.5 * blur[i % count, side ^ int(mirror)], size, 0.1, 1.0, 0.0)

    def _arm_key(self, side: int, beat: float, name: str, blur: np.ndarray, size: float, hold: float, snap: float, flow: float) -> None:
        """Key pose of one arm; small moves stay near the relaxed arm."""
        neutral = moves.arm_pose("relaxed", right=bool(side))
        noise = (blur + self.rng.normal(0.0, 0.05 + 0.1 * self.dancer.sloppy, (2, 3))) * [-1.0 if side else 1.0, 1.0, 1.0]
        value = neutral + (moves.arm_pose(name, right=bool(side)) + noise - neutral) * min(size, 1.3)
        soft = flow > 0.0
        self.arms[side].add(self.when(beat), value.ravel(), hold=0.0 if soft else hold, flow=flow, snap=1.0 if soft else snap)

    def _circles(self, beat: float, beats: int, kind: str, shared: np.random.Generator, mirror: bool) -> None:
        """Arms whirl in circles (one turn per half, one or two beats), or a wave runs through them."""
        period = float(shared.choice([1.0, 2.0, 0.5] if kind == "twirl" else [2.0, 4.0, 2.0])) * self.dancer.level
        wide = float(shared.uniform(0.5, 1.1)) * min(1.2, self.size(beat))
        base = moves.arm_pose(str(shared.choice(["side", "head", "up_wide", "side_low"])), right=False)
        both = shared.random() < 0.6
        start = self.when(beat)
        stride = (self.when(beat + beats, exact=True) - start) / beats
        for at in np.arange(0.0, beats, 0.2 * min(period, 1.5)):
            angle = 2.0 * np.pi * at / period
            for side in (0, 1):
                if not both and side == int(mirror):
                    continue
                phase = angle + (np.pi if kind == "wave" and side else 0.0)
                if kind == "twirl":
                    turn = np.array(
                        [[0.0, 0.25 * np.sin(phase), 0.25 * np.cos(phase)], [0.3 * np.cos(phase), np.sin(phase), np.cos(phase)]]
                    )
                else:
                    turn = np.array([[0.0, 0.45 * np.sin(phase), 0.0], [0.0, 0.8 * np.sin(phase - 1.2), 0.1]])
                value = (base + wide * turn) * [-1.0 if side else 1.0, 1.0, 1.0]
                self.arms[side].add(start + at * stride, value.ravel(), flow=1.0)

    def _torso_for(self, beat: float, kind: str) -> None:
        """Grooves and leans of the torso over one phrase."""
        rng, dancer = self.rng, self.dancer
        size = self.size(beat) * 0.8
        level = float(_pick(rng, self.style.periods)) * dancer.level  # type: ignore[arg-type]
        end = beat + PHRASE_BEATS
        off = 1.0 if rng.random() < self.style.offbeat else 0.0

        def groove(channels: tuple[tuple[int, float], ...], period: float, phase: float, power: float, sway: bool = False) -> None:
            self.grooves.append(_Groove(beat, end, tuple((c, a * size) for c, a in channels), period, phase, power, sway))

        if kind == "nod":
            groove(((8, 0.25), (3, 0.06)), min(level, 2.0), 0.0, 1.5)
        elif kind == "rock":
            groove(((3, 0.2), (1, 0.1), (8, -0.1)), max(level, 1.0), 0.0, 1.0)
        elif kind == "twist":
            groove(((5, 0.3), (0, -0.1), (10, -0.15)), 2.0 * max(level, 1.0), 0.0, 1.0, True)
        elif kind == "pop":
            groove(((6, -0.25), (11, 0.2), (12, 0.2), (8, -0.12)), 2.0 if off else max(level, 1.0), off / 2.0, 6.0)
        elif kind == "roll":
            period = max(2.0, 2.0 * level)
            for channel, lag, wide in ((1, 0.0, 0.1), (3, 0.15, 0.25), (6, 0.25, -0.2), (8, 0.35, 0.2)):
                groove(((channel, wide),), period, lag, 1.0)
        elif kind == "jack":
            groove(((3, 0.22), (6, 0.2), (8, -0.15), (1, -0.08)), max(1.0, min(level, 2.0)), 0.0, 1.2)
        chance = 0.9 if kind == "lean" else 0.35
        crouch = max(0.0, float(rng.normal(0.3, 0.5))) * self.style.crouch * dancer.body.leg
        step = max(2.0, 2.0 * level)
        for at in np.arange(0.0, PHRASE_BEATS, step):
            if rng.random() > chance:
                continue
            value = np.zeros(16)
            value[1:6] = rng.normal(0.0, [0.05, 0.06, 0.14, 0.14, 0.25]) * size
            value[[8, 9, 10]] = rng.normal(0.0, [0.1, 0.12, 0.3])
            value[[3, 13]] += [self.lean, -crouch * float(rng.uniform(0.3, 1.0))]
            self.torso.add(self.when(beat + at), value, hold=float(rng.uniform(0.0, 0.6)))

    def _to_accents(self, beat: float, onsets: list[float]) -> list[float]:
        """Some onsets moved to the strongest accent of the music within half a beat."""
        if self.accents is None:
            return onsets
        out = []
        for at in onsets:
            around = np.arange(-2, 3) / 4.0
            steps = np.clip(np.round((beat + at + around - self.grid[0]) * 4).astype(int), 0, len(self.accents) - 1)
            strength = self.accents[steps] - 0.3 * np.abs(around) * self.accents.max()
            out.append(at + float(around[int(np.argmax(strength))]) if self.rng.random() < 0.35 and strength.max() > 0 else at)
        return sorted(set(out))

    # ---- performing ---------------------------------------------------------------------------------------------------------------

    def perform(self, times: np.ndarray) -> np.ndarray:
        """Joints [T, 24, 3] at ``times`` [T] in seconds."""
        from scipy.ndimage import gaussian_filter1d

        body, rng = self.dancer.body, self.rng
        frame = float(times[1] - times[0])
        warped = _freeze(times, self.freezes)
        beats = np.interp(warped, self.clock, self.grid)
        for track in (self.torso,):
            track.values = [np.concatenate([v, np.zeros(16 - len(v))]) for v in track.values]
        control = self.torso.sample(warped)
        heading = self.heading.sample(warped)[:, 0]
        for groove in self.grooves:
            a, b = np.searchsorted(beats, [groove.start - 0.4, groove.end + 0.4])
            if b <= a:
                continue
            x = beats[a:b]
            gate = np.clip((x - groove.start + 0.4) / 0.8, 0.0, 1.0) * np.clip((groove.end + 0.4 - x) / 0.8, 0.0, 1.0)
            wave = np.cos(2.0 * np.pi * (x / groove.period + groove.phase))
            wave = wave if groove.sway else (0.5 + 0.5 * wave) ** groove.power
            for channel, depth in groove.channels:
                control[a:b, channel] += depth * gate * wave
        unrest = float(rng.uniform(0.15, 1.3)) * (0.4 if self.dancer.calm else 1.0)
        control += unrest * _wander(rng, times, 16) * _UNREST
        ankles = np.stack([self.feet[0].sample(warped), self.feet[1].sample(warped)], axis=1)
        toes = np.stack([self.toes[0].sample(warped)[:, 0], self.toes[1].sample(warped)[:, 0]], axis=1)
        weight = np.exp(-(ankles[:, :, 1] - 0.08) / 0.12)
        weight /= weight.sum(axis=1, keepdims=True)
        spot = np.einsum("ts,tsd->td", weight, ankles[:, :, [0, 2]])
        lead = gaussian_filter1d(spot, 0.13 / frame, axis=0, mode="nearest")
        cos, sin = np.cos(heading), np.sin(heading)
        x = lead[:, 0] + cos * control[:, 14] + sin * control[:, 15]
        z = lead[:, 1] - sin * control[:, 14] + cos * control[:, 15]
        reach = 0.985 * body.leg
        away = (ankles[:, :, 0] - x[:, None]) ** 2 + (ankles[:, :, 2] - z[:, None]) ** 2
        top = ankles[:, :, 1] + np.sqrt(np.maximum(reach**2 - away, (0.55 * reach) ** 2))
        top = np.where(ankles[:, :, 1] > 0.3, 1.3 * reach, top)  # a kicking foot does not hold the pelvis down
        limit = gaussian_filter1d(top.min(axis=1), 0.06 / frame, mode="nearest")
        height = np.minimum(limit, 0.08 + reach) + 0.09 + np.minimum(control[:, 13], 0.02)
        pelvis = np.stack([x, np.maximum(height, 0.45 * body.leg), z], axis=1)
        torso = control[:, :13].copy()
        torso[:, 0] += heading
        arms = np.concatenate([self.arms[0].sample(warped), self.arms[1].sample(warped)], axis=1).reshape(len(times), 4, 3)
        arms = _around_front(gaussian_filter1d(_around_front(arms), self.dancer.inertia_seconds / frame, axis=0, mode="nearest"))
        arms = arms + _wander(rng, times, 12).reshape(-1, 4, 3) * (0.04 * unrest)
        swing = np.gradient(gaussian_filter1d(control[:, 13], 0.05 / frame, mode="nearest"), frame)
        arms[:, [1, 3], 1] -= 0.15 * swing[:, None]  # forearms lag behind the bounce
        pitch = np.clip((ankles[:, :, 1] - 0.08) * 1.5, 0.0, 0.6)
        return pose(body, pelvis, torso, arms, ankles, toes, pitch)


def _wander(rng: np.random.Generator, times: np.ndarray, count: int) -> np.ndarray:
    """Slow random motion [T, count], about unit variance: three sines of 0.1 to 1.3 Hz per channel."""
    rates = rng.uniform(0.1, 1.3, (3, 1, count))
    return np.sin(2.0 * np.pi * (rates * times[None, :, None] + rng.random((3, 1, count)))).sum(axis=0) * 0.8


def _around_front(arms: np.ndarray) -> np.ndarray:
    """Unit directions [T, 4, 3] of arms; between two opposite directions they pass in front of the body instead of flipping."""
    short = np.exp(-np.einsum("tad,tad->ta", arms, arms) / 0.25)
    out = arms.copy()
    out[..., 2] += 0.6 * short
    out[..., 1] -= 0.2 * short
    return unit(out)


def _freeze(times: np.ndarray, spans: list[tuple[float, float]]) -> np.ndarray:
    """Times [T] with rests: stands still through each span, then catches up within a third of a second."""
    out = times.copy()
    for start, end in spans:
        if end <= start:
            continue
        catch = end + 0.35
        inside = (times >= start) & (times < end)
        after = (times >= end) & (times < catch)
        out[inside] = start
        share = (times[after] - end) / 0.35
        out[after] = start + (catch - start) * share * share * (3.0 - 2.0 * share)
    return np.maximum.accumulate(out)


def _accents(score: Score, grid: np.ndarray) -> np.ndarray:
    """Strength of the music on each quarter of a beat [4 * len(grid)] from ``grid[0]``: velocities of all notes that start there."""
    strength = np.zeros(4 * len(grid))
    for track in score.tracks:
        weight = 1.0 if track.is_drum else 0.5
        for note in track.notes:
            step = round((note.start_beats - float(grid[0])) * 4)
            if 0 <= step < len(strength):
                strength[step] += weight * note.velocity / 127.0
    return strength


def _silences(accents: np.ndarray, grid: np.ndarray) -> list[tuple[float, float]]:
    """Spans (start in beats, length in beats) of one to four beats in which no note starts, between notes."""
    out = []
    sounding = np.flatnonzero(accents > 0)
    for a, b in itertools.pairwise(sounding):
        length = (int(b) - int(a)) / 4.0
        if 1.0 < length <= 4.5:
            out.append((float(grid[0]) + (int(a) + 1) / 4.0, length - 0.5))
    return out
