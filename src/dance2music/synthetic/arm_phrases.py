"""Arm moves of the drawn dances: poses hit, swung, clapped, whirled or waved on the counts of a phrase."""

from __future__ import annotations

import numpy as np

from dance2music.synthetic import moves
from dance2music.synthetic.accents import to_accents
from dance2music.synthetic.dance_plan import Plan

RHYTHMS: tuple[tuple[float, ...], ...] = (
    (0, 1, 2, 3), (0, 2), (0, 1, 2), (0, 1.5, 2, 3), (0, 0.5, 1, 2, 3), (0, 1, 2, 2.5, 3), (1, 3), (0, 0.75, 1.5, 2, 3),
    (0, 1.5, 3), (0, 2, 3), (0, 2, 2.5, 3, 3.5), (0.5, 1, 2.5, 3), (0, 3),
)  # fmt: skip
"""Rhythms of a bar that arm moves may follow, in beats."""


def pick(rng: np.random.Generator, chances: dict) -> object:  # type: ignore[type-arg]
    """A key of ``chances``, drawn in proportion to its value."""
    bounds = np.cumsum(list(chances.values()))
    return list(chances)[int(np.searchsorted(bounds, rng.random() * bounds[-1], side="right"))]


def arms_for(plan: Plan, beat: float, beats: int, kind: str, shared: np.random.Generator, mirror: bool) -> None:
    """Arm moves of one kind over ``beats`` beats; ``shared`` draws what repeats with the phrase, ``plan.rng`` what does not."""
    style, dancer = plan.style, plan.dancer
    level = float(pick(shared, style.periods)) * dancer.level  # type: ignore[arg-type]
    level = float(np.clip(level, 0.5, 2 * beats if dancer.calm else beats))
    onsets = [k * level for k in range(int(np.ceil(beats / level)))]
    odd = shared.random()
    if odd < 0.3 and kind in ("poses", "hit"):
        onsets = list(RHYTHMS[int(shared.integers(len(RHYTHMS)))])
    elif odd < 0.3 + 0.5 * style.offbeat:
        onsets = [t + (0.5 if level <= 1 else 1.0) for t in onsets]
    onsets = to_accents(plan.accents, beat - float(plan.sheet.grid[0]), onsets, plan.rng)
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
        _circles(plan, beat, beats, kind, shared, mirror)
        return
    if kind == "swing":
        poses, others, alike, hold = ["front_low", "back"], ["back", "front_low"], 0.5, min(hold, 0.2)
    elif kind == "cross":
        poses, others, alike = ["cross", "side_low"], ["cross", "side_low"], 0.5
    elif kind == "clap":
        poses, others, alike = ["down", "chest"], ["down", "chest"], 0.5
    for i, at in enumerate(onsets):
        if plan.rng.random() < 0.02 + 0.12 * dancer.sloppy:
            continue
        size = plan.size(beat + at)
        for side in (0, 1):
            if (alike < 0.2 and side == int(mirror)) or (alike > 0.85 and (i + side) % 2):
                continue  # one arm only, or arms in turn
            name = (poses if alike < 0.6 or side == int(mirror) else others)[i % len(poses)]
            if kind == "swing":
                name = (poses if side == int(mirror) else others)[i % 2]
            _arm_key(plan, side, beat + at + dancer.early, name, blur[i % count, side ^ int(mirror)], size, hold, snap, flow)
            if kind == "hit":
                back = beat + at + 0.5 * min(level, 1.0)
                _arm_key(plan, side, back, "relaxed", 0.5 * blur[i % count, side ^ int(mirror)], size, 0.1, 1.0, 0.0)


def _arm_key(plan: Plan, side: int, beat: float, name: str, blur: np.ndarray, size: float, hold: float, snap: float, flow: float) -> None:
    """Key pose of one arm; small moves stay near the relaxed arm."""
    neutral = moves.arm_pose("relaxed", right=bool(side))
    noise = (blur + plan.rng.normal(0.0, 0.05 + 0.1 * plan.dancer.sloppy, (2, 3))) * [-1.0 if side else 1.0, 1.0, 1.0]
    value = neutral + (moves.arm_pose(name, right=bool(side)) + noise - neutral) * min(size, 1.3)
    soft = flow > 0.0
    plan.sheet.arms[side].add(plan.when(beat), value.ravel(), hold=0.0 if soft else hold, flow=flow, snap=1.0 if soft else snap)


def _circles(plan: Plan, beat: float, beats: int, kind: str, shared: np.random.Generator, mirror: bool) -> None:
    """Arms whirl in circles (one turn per half, one or two beats), or a wave runs through them."""
    period = float(shared.choice([1.0, 2.0, 0.5] if kind == "twirl" else [2.0, 4.0, 2.0])) * plan.dancer.level
    wide = float(shared.uniform(0.5, 1.1)) * min(1.2, plan.size(beat))
    base = moves.arm_pose(str(shared.choice(["side", "head", "up_wide", "side_low"])), right=False)
    both = shared.random() < 0.6
    start = plan.when(beat)
    stride = (plan.when(beat + beats, exact=True) - start) / beats
    for at in np.arange(0.0, beats, 0.2 * min(period, 1.5)):
        angle = 2.0 * np.pi * at / period
        for side in (0, 1):
            if not both and side == int(mirror):
                continue
            phase = angle + (np.pi if kind == "wave" and side else 0.0)
            if kind == "twirl":
                turn = np.array([[0.0, 0.25 * np.sin(phase), 0.25 * np.cos(phase)], [0.3 * np.cos(phase), np.sin(phase), np.cos(phase)]])
            else:
                turn = np.array([[0.0, 0.45 * np.sin(phase), 0.0], [0.0, 0.8 * np.sin(phase - 1.2), 0.1]])
            value = (base + wide * turn) * [-1.0 if side else 1.0, 1.0, 1.0]
            plan.sheet.arms[side].add(start + at * stride, value.ravel(), flow=1.0)
