"""A procedural dancer: dances of ten genres over a beat grid, for training what looks at real dancers.

`dance` plans phrases of eight counts out of steps, arm moves and torso grooves (`moves`), each at a metrical level of its own, and lets a
jointed puppet (`puppet`) perform them with human timing. Dancers differ on purpose: size, precision, bias, energy, the level that they
prefer, missed accents; the beat has to be found in spite of that.
"""

from __future__ import annotations

import numpy as np

from dance2music.errors import InputError
from dance2music.seeds import Corpus
from dance2music.synthetic import moves
from dance2music.synthetic.accents import silences
from dance2music.synthetic.arm_phrases import arms_for, pick
from dance2music.synthetic.dance_plan import PHRASE_BEATS, Plan
from dance2music.synthetic.dancer import Dancer
from dance2music.synthetic.performance import Groove, perform
from dance2music.synthetic.perturb import perturb
from dance2music.types import GENRES, Motion, Rhythm, Score

__all__ = ["Dancer", "dance", "perturb"]


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
    rng = np.random.default_rng([seed, genre, Corpus.DANCE])
    style = moves.STYLES[genre]
    dancer = Dancer.draw(rng, rhythm.tempo_bpm, quick_style=style.quick, calm_style=style.calm)
    plan = Plan(rhythm, style, dancer, rng, duration, score, energy)
    _compose(plan)
    count = max(1, round(duration * fps))
    joints = perform(plan.sheet, dancer, np.arange(max(2, count)) / fps, rng)[:count]
    return Motion(joints, np.ones(joints.shape[:2], np.float32), float(fps), "smpl-24", source=f"synthetic {GENRES[genre]} {seed}")


def _compose(plan: Plan) -> None:
    """Fill all tracks with phrases of eight counts."""
    rng, style = plan.rng, plan.style
    start = PHRASE_BEATS * np.floor(plan.first / PHRASE_BEATS)
    start += float(rng.choice([0.0, 4.0, 2.0, 1.0], p=[0.72, 0.22, 0.04, 0.02])) - PHRASE_BEATS
    rest = plan.when(start - 2.0, exact=True)
    for side in (0, 1):
        plan.sheet.arms[side].add(rest, moves.arm_pose("down", right=bool(side)).ravel())
        plan.stance[side] = np.array([0.13 if side == 0 else -0.13, 0.0]) * plan.dancer.body.leg
        plan.sheet.feet[side].add(rest, _foot(plan, side, 0.0))
        plan.sheet.toes[side].add(rest, np.array([plan.facing]))
    plan.sheet.heading.add(rest, np.array([plan.facing]))
    plan.sheet.torso.add(rest, np.zeros(13))
    sets = {name: float(rng.gamma(0.7) + 0.05) * w for name, w in style.steps.items()}  # everyone has favourites
    arm_sets = {name: float(rng.gamma(0.9) + 0.05) * w for name, w in style.arms.items()}
    previous: tuple[object, ...] | None = None
    beat = float(start)
    while beat < plan.last:
        if previous is None or rng.random() > 0.4:
            previous = (
                pick(rng, sets), pick(rng, sets), pick(rng, arm_sets), pick(rng, arm_sets), pick(rng, style.torso),
                pick(rng, style.bounce_periods), int(rng.integers(1 << 30)), rng.random() < 0.35,
            )  # fmt: skip
        steps, other_steps, arms, other_arms, torso, bounce, seed, long = previous
        mirror = rng.random() < 0.5
        _turn_somewhere(plan, beat)
        _bounce(plan, beat, float(bounce))  # type: ignore[arg-type]
        _steps_for(plan, beat, PHRASE_BEATS if long else 4, str(steps), mirror)
        if not long:
            _steps_for(plan, beat + 4, 4, str(other_steps if rng.random() < 0.5 else steps), not mirror)
        shared = np.random.default_rng(seed)  # type: ignore[arg-type]  # a repeated phrase repeats its arm moves
        arms_for(plan, beat, 4, str(arms), shared, mirror)
        shared = np.random.default_rng(seed) if rng.random() < 0.6 else shared  # type: ignore[arg-type]
        arms_for(plan, beat + 4, 4, str(other_arms if long else arms), shared, mirror ^ (rng.random() < 0.4))
        _torso_for(plan, beat, str(torso))
        if rng.random() < style.freeze:
            at = beat + float(rng.choice([3.0, 6.0, 7.0, 4.0]))
            plan.sheet.freezes.append((plan.when(at), plan.when(at + float(rng.choice([0.75, 1.0, 1.5, 2.0])))))
        beat += PHRASE_BEATS
    if plan.accents is not None:
        for at, length in silences(plan.accents, plan.sheet.grid):
            if rng.random() < 0.8:
                plan.sheet.freezes.append((plan.when(at), plan.when(at + length)))


def _turn_somewhere(plan: Plan, beat: float) -> None:
    """A new heading for the phrase, seldom far from the camera."""
    aim = float(np.clip(plan.rng.normal(0.0, 0.35), -1.2, 1.2)) if plan.rng.random() < 0.6 else plan.facing
    plan.facing += float(np.clip((aim - plan.facing + np.pi) % (2 * np.pi) - np.pi, -1.5, 1.5))
    plan.sheet.heading.add(plan.when(beat + float(plan.rng.choice([0.0, 1.0]))), np.array([plan.facing]), hold=0.6)
    plan.centre = 0.7 * plan.centre + plan.rng.normal(0.0, 0.18, 2)


def _bounce(plan: Plan, beat: float, period: float) -> None:
    """Knee bounce and its echo in the torso for one phrase; lowest on the beat, or (fewer) highest."""
    rng, style, dancer = plan.rng, plan.style, plan.dancer
    up = 0.5 if rng.random() < style.bounce_up else 0.0
    depth = style.bounce * dancer.body.leg * dancer.groove * min(1.6, plan.size(beat)) * (0.0 if rng.random() < 0.12 else 1.0)
    power = float(rng.uniform(0.7, 2.2))
    period *= dancer.level if rng.random() < 0.8 else 1.0
    bend = 0.25 * depth / dancer.body.leg
    nod = float(rng.uniform(-0.5, 2.5)) * bend
    plan.sheet.grooves.append(Groove(beat, beat + PHRASE_BEATS, ((13, -depth), (3, bend), (8, nod)), period, up, power, False))
    if rng.random() < 0.5:
        wide = float(rng.uniform(0.01, 0.06)) * dancer.groove
        sway = ((14, wide), (2, 0.5 * wide), (4, -0.6 * wide), (5, float(rng.normal(0.0, 1.0)) * wide))
        plan.sheet.grooves.append(Groove(beat, beat + PHRASE_BEATS, sway, 2.0 * period, 0.0, 1.0, True))


def _foot(plan: Plan, side: int, height: float) -> np.ndarray:
    """Wished ankle position [3] of a foot at its stance; the ankle of a flat foot is 8 cm above the floor."""
    x, z = plan.stance[side]
    return np.array([x, 0.08 + height, z])


def _steps_for(plan: Plan, beat: float, beats: int, name: str, mirror: bool) -> None:
    """Fill ``beats`` beats with a step pattern, repeated as often as it fits."""
    rng, dancer = plan.rng, plan.dancer
    leg = dancer.body.leg
    if rng.random() < plan.style.turn:
        _spin(plan, beat + beats - 4, mirror)
        beats -= 4
    length, pattern = moves.STEPS[name]
    stretch = dancer.level if dancer.level * length <= max(beats, 4) else 1.0
    stretch = 2.0 if rng.random() < 0.12 and 2.0 * length <= beats else stretch
    shift = float(rng.choice([0.0, 1.0], p=[1.0 - 0.5 * plan.style.offbeat, 0.5 * plan.style.offbeat]))
    spot = 0.0
    while spot + length * stretch <= beats + 0.01:
        for at, side, x, z, lift in pattern:
            if rng.random() < 0.06 * dancer.sloppy:
                continue
            side = 1 - side if mirror else side
            x = -x if mirror else x
            size = min(plan.size(beat + spot), 1.5)
            narrow = 0.1 if side == 0 else -0.1
            local = np.array([narrow + (x - narrow) * (0.45 + 0.65 * size), 1.1 * z * size]) * leg
            _land(plan, beat + spot + (at + shift) * stretch, side, local, lift * leg * (0.4 + 0.6 * size), stretch)
        spot += length * stretch
        if length * stretch <= 2 and rng.random() < 0.5:
            mirror = not mirror


def _land(plan: Plan, beat: float, side: int, local: np.ndarray, lift: float, stretch: float) -> None:
    """One step: the foot leaves, passes its highest point and lands at ``beat``."""
    time = plan.when(beat)
    gap = time - plan.landed[side]
    if gap < 0.12:
        return
    period = plan.when(1.0, exact=True) - plan.when(0.0, exact=True)
    swing = min(gap, float(np.clip(period * stretch * plan.rng.uniform(0.4, 0.8), 0.16, 0.9)))
    c, s = np.cos(plan.facing), np.sin(plan.facing)
    target = plan.centre + np.array([c * local[0] + s * local[1], c * local[1] - s * local[0]]) + plan.rng.normal(0, 0.015, 2)
    middle = 0.5 * (plan.stance[side] + target)
    plan.stance[side] = target
    high = lift > 0.45 * plan.dancer.body.leg  # a kick: the foot is up at the beat
    x, y, z = _foot(plan, side, lift if high else 0.0)
    rest = float(np.clip(1.0 - 0.5 * swing / max(gap - 0.5 * swing, 1e-3), 0.0, 0.97))
    top = np.array([middle[0], 0.08 + lift * (0.5 if high else 1.0), middle[1]])
    plan.sheet.feet[side].add(time - 0.5 * swing, top, hold=rest, flow=1.0)
    plan.sheet.feet[side].add(time, np.array([x, y, z]), snap=1.0)
    toe_out = 0.25 if side == 0 else -0.25
    plan.sheet.toes[side].add(time, np.array([plan.facing + toe_out]), hold=0.5)
    plan.landed[side] = time


def _spin(plan: Plan, beat: float, mirror: bool) -> None:
    """A full turn within four beats."""
    count = int(plan.rng.choice([2, 3, 4]))
    sign = -1.0 if mirror else 1.0
    for i in range(count):
        plan.facing += sign * 2.0 * np.pi / count
        plan.sheet.heading.add(plan.when(beat + i), np.array([plan.facing]), flow=0.9 if i < count - 1 else 0.0)
        side = (i + int(mirror)) % 2
        local = np.array([0.12 if side == 0 else -0.12, 0.1]) * plan.dancer.body.leg
        _land(plan, beat + i, side, local, 0.08, 1.0)


def _torso_for(plan: Plan, beat: float, kind: str) -> None:
    """Grooves and leans of the torso over one phrase."""
    rng, dancer = plan.rng, plan.dancer
    size = plan.size(beat) * 0.8
    level = float(pick(rng, plan.style.periods)) * dancer.level  # type: ignore[arg-type]
    end = beat + PHRASE_BEATS
    off = 1.0 if rng.random() < plan.style.offbeat else 0.0

    def groove(channels: tuple[tuple[int, float], ...], period: float, phase: float, power: float, sway: bool = False) -> None:
        plan.sheet.grooves.append(Groove(beat, end, tuple((c, a * size) for c, a in channels), period, phase, power, sway))

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
    crouch = max(0.0, float(rng.normal(0.3, 0.5))) * plan.style.crouch * dancer.body.leg
    step = max(2.0, 2.0 * level)
    for at in np.arange(0.0, PHRASE_BEATS, step):
        if rng.random() > chance:
            continue
        value = np.zeros(16)
        value[1:6] = rng.normal(0.0, [0.05, 0.06, 0.14, 0.14, 0.25]) * size
        value[[8, 9, 10]] = rng.normal(0.0, [0.1, 0.12, 0.3])
        value[[3, 13]] += [plan.lean, -crouch * float(rng.uniform(0.3, 1.0))]
        plan.sheet.torso.add(plan.when(beat + at), value, hold=float(rng.uniform(0.0, 0.6)))
