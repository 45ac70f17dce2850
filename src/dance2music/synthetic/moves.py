"""The vocabulary of the procedural dancer: arm poses, step patterns and the style of each of the ten genres.

A step pattern lists landings as (beat, foot, x, z, lift): beat within the move, 0 left or 1 right foot, where it lands in the dancer's own
frame in shares of the leg length (x to the dancer's left, z forward), how high it is lifted on the way. Facts about genres (which accents a
style dances on) are common knowledge of these styles; every number is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ARM_POSES: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "down": ((0.25, -1.0, 0.0), (0.1, -1.0, 0.25)),
    "relaxed": ((0.35, -0.9, -0.1), (0.1, -0.5, 0.85)),
    "guard": ((0.4, -0.85, 0.2), (-0.25, 0.35, 0.9)),
    "side": ((1.0, 0.0, 0.0), (1.0, 0.05, 0.1)),
    "side_low": ((0.8, -0.6, 0.0), (0.9, -0.3, 0.2)),
    "box": ((0.95, -0.1, 0.1), (0.0, 1.0, 0.1)),
    "robot": ((0.95, -0.1, 0.1), (0.0, -1.0, 0.2)),
    "up": ((0.3, 1.0, 0.0), (0.05, 1.0, 0.0)),
    "up_wide": ((0.7, 0.75, 0.0), (0.5, 0.9, 0.0)),
    "halo": ((0.8, 0.6, 0.0), (-0.75, 0.65, 0.1)),
    "front": ((0.1, -0.1, 1.0), (0.0, 0.0, 1.0)),
    "front_low": ((0.2, -0.6, 0.75), (-0.1, -0.2, 1.0)),
    "cross": ((0.1, -0.45, 0.85), (-0.95, 0.15, 0.35)),
    "chest": ((0.75, -0.5, 0.35), (-0.95, 0.1, 0.35)),
    "hip": ((0.75, -0.7, -0.15), (-0.65, -0.65, 0.35)),
    "point": ((0.75, 0.35, 0.5), (0.8, 0.4, 0.5)),
    "back": ((0.35, -0.8, -0.5), (0.2, -0.75, -0.6)),
    "head": ((0.85, 0.3, 0.3), (-0.6, 0.75, -0.1)),
    "shoulder": ((0.7, -0.3, 0.6), (-0.35, 0.9, -0.2)),
    "reach": ((0.5, 0.55, 0.65), (0.35, 0.75, 0.55)),
    "round": ((0.75, -0.3, 0.55), (-0.55, -0.05, 0.85)),
    "long": ((0.95, 0.3, -0.1), (0.95, 0.25, 0.05)),
}
"""Directions of upper arm and forearm of the LEFT arm in the chest frame (x outwards, y up, z forward); mirrored for the right."""

Step = tuple[float, int, float, float, float]

STEPS: dict[str, tuple[float, tuple[Step, ...]]] = {
    "stand": (4, ()),
    "stand_wide": (4, ((0, 0, 0.22, 0, 0.06), (1, 1, -0.22, 0, 0.06))),
    "step_touch": (4, ((0, 1, -0.38, 0, 0.08), (1, 0, -0.18, 0, 0.06), (2, 0, 0.38, 0, 0.08), (3, 1, 0.18, 0, 0.06))),
    "step_touch_slow": (8, ((0, 1, -0.4, 0, 0.08), (2, 0, -0.2, 0, 0.06), (4, 0, 0.4, 0, 0.08), (6, 1, 0.2, 0, 0.06))),
    "march": (4, ((0, 0, 0.13, 0, 0.2), (1, 1, -0.13, 0, 0.2), (2, 0, 0.13, 0, 0.2), (3, 1, -0.13, 0, 0.2))),
    "walk": (4, ((0, 0, 0.1, 0.35, 0.1), (1, 1, -0.1, 0.7, 0.1), (2, 0, 0.1, 0.35, 0.1), (3, 1, -0.1, 0.0, 0.1))),
    "slow_walk": (8, ((0, 0, 0.1, 0.35, 0.08), (2, 1, -0.1, 0.7, 0.08), (4, 0, 0.1, 0.35, 0.08), (6, 1, -0.1, 0.0, 0.08))),
    "front_back": (4, ((0, 0, 0.1, 0.35, 0.1), (1, 0, 0.12, 0.0, 0.08), (2, 1, -0.1, 0.35, 0.1), (3, 1, -0.12, 0.0, 0.08))),
    "two_step": (4, ((0, 0, 0.3, 0.1, 0.1), (0.5, 1, 0.05, 0.0, 0.06), (1, 0, 0.15, 0, 0.06), (2, 1, -0.3, 0.1, 0.1),
                     (2.5, 0, -0.05, 0, 0.06), (3, 1, -0.15, 0, 0.06))),
    "shuffle": (2, ((0, 0, 0.2, 0.12, 0.08), (0.5, 1, -0.1, -0.08, 0.08), (1, 1, -0.2, 0.12, 0.08), (1.5, 0, 0.1, -0.08, 0.08))),
    "heel_toe": (2, ((0, 0, 0.3, 0.15, 0.06), (0.5, 0, 0.1, 0.0, 0.08), (1, 1, -0.3, 0.15, 0.06), (1.5, 1, -0.1, 0.0, 0.08))),
    "jack": (2, ((0, 0, 0.17, 0.05, 0.05), (1, 1, -0.17, 0.05, 0.05))),
    "toprock": (4, ((0, 0, -0.15, 0.4, 0.22), (1, 0, 0.2, -0.05, 0.12), (2, 1, 0.15, 0.4, 0.22), (3, 1, -0.2, -0.05, 0.12))),
    "indian": (4, ((0, 0, -0.2, 0.38, 0.25), (0.5, 1, -0.25, 0.0, 0.06), (1, 0, 0.2, 0.0, 0.12),
                   (2, 1, 0.2, 0.38, 0.25), (2.5, 0, 0.25, 0.0, 0.06), (3, 1, -0.2, 0.0, 0.12))),
    "six_step": (6, ((0, 0, -0.3, 0.35, 0.1), (1, 1, -0.45, 0.1, 0.1), (2, 0, 0.4, 0.2, 0.1), (3, 1, 0.3, 0.4, 0.1),
                     (4, 0, 0.45, 0.0, 0.1), (5, 1, -0.4, 0.2, 0.1))),
    "stomp": (4, ((0, 0, 0.28, 0.15, 0.35), (2, 1, -0.28, 0.15, 0.35))),
    "stomp_double": (4, ((0, 0, 0.3, 0.1, 0.32), (1, 0, 0.25, 0.1, 0.22), (2, 1, -0.3, 0.1, 0.32), (3, 1, -0.25, 0.1, 0.22))),
    "lunge": (4, ((0, 0, 0.55, 0.05, 0.1), (2, 0, 0.12, 0, 0.08))),
    "lunge_sides": (8, ((0, 0, 0.55, 0.05, 0.1), (2, 0, 0.12, 0, 0.08), (4, 1, -0.55, 0.05, 0.1), (6, 1, -0.12, 0, 0.08))),
    "scoot": (4, ((0, 0, 0.3, 0, 0.08), (0, 1, 0.0, 0, 0.05), (1.5, 1, -0.2, 0, 0.1), (2, 0, 0.2, 0.0, 0.05))),
    "skeeter": (4, ((0, 1, -0.25, 0.05, 0.3), (1, 1, -0.12, 0, 0.08), (1.5, 0, 0.12, 0, 0.1), (2, 0, 0.25, 0.05, 0.3),
                    (3, 0, 0.12, 0, 0.08), (3.5, 1, -0.12, 0, 0.1))),
    "glide": (4, ((1.6, 0, 0.5, 0, 0.0), (2, 1, 0.2, 0, 0.02), (3.6, 1, -0.35, 0, 0.0), (4, 0, 0.12, 0, 0.02))),
    "twist_o_flex": (4, ((1, 0, 0.2, 0.15, 0.04), (2, 1, -0.2, 0.1, 0.04), (3, 0, 0.15, 0.0, 0.04))),
    "kick": (4, ((0, 0, 0.1, 0.75, 0.75), (1, 0, 0.12, 0.0, 0.2), (2, 1, -0.1, 0.4, 0.15), (3, 1, -0.12, 0.0, 0.1))),
    "high_kick": (8, ((1, 0, 0.2, 0.35, 0.1), (2, 1, -0.15, 1.0, 1.1), (4, 1, -0.15, 0.4, 0.4), (6, 0, 0.12, 0.15, 0.1))),
    "grapevine": (4, ((0, 1, -0.4, 0, 0.07), (1, 0, -0.6, -0.15, 0.08), (2, 1, -0.85, 0, 0.07), (3, 0, -0.65, 0, 0.06))),
    "chasse": (4, ((0, 1, -0.45, 0, 0.07), (0.5, 0, -0.25, 0, 0.06), (1, 1, -0.6, 0, 0.07), (2, 0, 0.2, 0, 0.08),
                   (2.5, 1, 0.0, 0, 0.06), (3, 0, 0.3, 0, 0.07))),
    "tendu": (8, ((1, 0, 0.1, 0.55, 0.03), (3, 0, 0.1, 0, 0.03), (5, 1, -0.55, 0.05, 0.03), (7, 1, -0.1, 0, 0.03))),
    "plie": (8, ((0, 0, 0.3, 0, 0.05), (4, 0, 0.12, 0, 0.05))),
    "hop": (4, ((0, 0, 0.2, 0.05, 0.22), (0, 1, -0.2, 0.05, 0.22), (2, 0, 0.12, 0.0, 0.2), (2, 1, -0.12, 0.0, 0.2))),
    "knee_up": (4, ((1, 0, 0.12, 0.15, 0.55), (2, 0, 0.15, 0.0, 0.3), (3, 1, -0.12, 0.15, 0.55), (4, 1, -0.15, 0.0, 0.3))),
}  # fmt: skip
"""Step patterns: length in beats and landings."""


@dataclass(frozen=True)
class Style:
    """How a genre moves. Dicts hold unnormalised chances.

    ``periods`` is the metrical level of the arms in beats per key pose, ``bounce`` the depth of the knee bounce as a share of the leg,
    ``bounce_periods`` its level, ``hold`` the share of rest before each move, ``snap`` how late and hard moves arrive, ``flow`` how much
    they run through their keys, ``crouch`` the lowest stance, ``offbeat`` the chance that a pattern leans on beats 2 and 4 or the "and",
    ``quick`` the further chance of double time at slow tempi, ``calm`` that of a dancer who moves little and slowly.
    """

    periods: dict[float, float]
    bounce: float
    bounce_periods: dict[float, float]
    hold: tuple[float, float]
    snap: tuple[float, float]
    flow: tuple[float, float]
    arms: dict[str, float]
    poses: tuple[str, ...]
    steps: dict[str, float]
    torso: dict[str, float]
    crouch: float = 0.05
    offbeat: float = 0.15
    turn: float = 0.08
    freeze: float = 0.05
    amplitude: float = 1.0
    bounce_up: float = 0.15
    quick: float = 0.0
    calm: float = 0.1


_PERIODS = {0.5: 0.08, 1.0: 0.45, 2.0: 0.35, 4.0: 0.12}
_BOUNCE = {0.5: 0.1, 1.0: 0.75, 2.0: 0.15}

STYLES: tuple[Style, ...] = (
    Style(  # break
        _PERIODS | {0.5: 0.15}, 0.06, _BOUNCE, (0.0, 0.4), (0.8, 1.4), (0.1, 0.6),
        {"swing": 0.45, "poses": 0.3, "cross": 0.25}, ("relaxed", "guard", "cross", "side", "side_low", "down", "front_low"),
        {"toprock": 3, "indian": 2, "six_step": 2, "two_step": 1, "shuffle": 1, "kick": 0.7, "hop": 1.5},
        {"rock": 0.5, "twist": 0.3, "lean": 0.2}, crouch=0.25, turn=0.12, freeze=0.12, amplitude=1.3, quick=0.35, calm=0.03,
    ),
    Style(  # pop
        _PERIODS, 0.02, {1.0: 0.5, 2.0: 0.5}, (0.3, 0.75), (0.7, 2.2), (0.0, 0.2),
        {"poses": 0.5, "hit": 0.2, "wave": 0.3}, ("box", "robot", "side", "front", "chest", "guard", "down", "halo", "point", "front_low"),
        {"stand_wide": 2, "glide": 2, "twist_o_flex": 2, "stand": 1, "slow_walk": 1, "step_touch_slow": 0.6},
        {"pop": 0.5, "lean": 0.2, "roll": 0.3}, offbeat=0.4, turn=0.05, freeze=0.1, amplitude=0.8,
    ),
    Style(  # lock
        _PERIODS, 0.05, _BOUNCE, (0.35, 0.75), (0.6, 1.3), (0.0, 0.15),
        {"poses": 0.5, "twirl": 0.25, "swing": 0.15, "clap": 0.1},
        ("point", "up", "guard", "hip", "side", "box", "front_low", "down", "robot"),
        {"scoot": 1.5, "skeeter": 2, "kick": 1.5, "step_touch": 1.5, "stand_wide": 1.5, "knee_up": 1, "lunge": 0.6},
        {"nod": 0.3, "lean": 0.4, "twist": 0.3}, offbeat=0.2, freeze=0.15, amplitude=0.95, calm=0.15,
    ),
    Style(  # middle hip-hop
        _PERIODS, 0.06, _BOUNCE, (0.0, 0.5), (0.7, 1.4), (0.1, 0.5),
        {"swing": 0.4, "poses": 0.4, "cross": 0.1, "wave": 0.1},
        ("relaxed", "guard", "chest", "side_low", "down", "cross", "box", "shoulder"),
        {"step_touch": 2, "two_step": 2, "march": 1, "front_back": 1, "stand_wide": 1.5, "walk": 1, "hop": 0.5, "knee_up": 0.6},
        {"nod": 0.4, "rock": 0.4, "twist": 0.2}, crouch=0.1,
    ),
    Style(  # LA hip-hop
        _PERIODS | {0.5: 0.12, 2.0: 0.3}, 0.035, {1.0: 0.6, 2.0: 0.4}, (0.1, 0.7), (0.7, 1.8), (0.0, 0.4),
        {"poses": 0.6, "hit": 0.15, "wave": 0.15, "swing": 0.1},
        ("guard", "chest", "box", "point", "cross", "shoulder", "head", "side", "up", "front", "hip", "reach"),
        {"stand_wide": 2, "lunge": 1.5, "step_touch": 1, "walk": 1, "lunge_sides": 1, "slow_walk": 0.7, "knee_up": 0.6, "front_back": 0.7},
        {"pop": 0.3, "roll": 0.3, "lean": 0.25, "twist": 0.15}, crouch=0.12, offbeat=0.3, freeze=0.08,
    ),
    Style(  # house
        {0.5: 0.2, 1.0: 0.5, 2.0: 0.25, 4.0: 0.05}, 0.055, {0.5: 0.08, 1.0: 0.87, 2.0: 0.05}, (0.0, 0.15), (0.85, 1.2), (0.2, 0.8),
        {"swing": 0.7, "poses": 0.2, "float": 0.1}, ("relaxed", "guard", "side_low", "down", "cross", "round"),
        {"shuffle": 3, "heel_toe": 2, "jack": 2, "two_step": 1.5, "chasse": 1, "front_back": 1, "indian": 0.5},
        {"jack": 0.7, "nod": 0.2, "twist": 0.1}, crouch=0.08, bounce_up=0.2, amplitude=1.0, calm=0.04,
    ),
    Style(  # waack
        {0.5: 0.25, 1.0: 0.5, 2.0: 0.2, 4.0: 0.05}, 0.03, {1.0: 0.6, 2.0: 0.4}, (0.0, 0.5), (0.6, 1.3), (0.0, 0.6),
        {"twirl": 0.45, "poses": 0.5, "float": 0.05}, ("head", "halo", "up", "side", "long", "shoulder", "reach", "point", "back", "hip"),
        {"stand_wide": 2, "step_touch": 2, "lunge": 1.2, "walk": 1.5, "step_touch_slow": 1, "grapevine": 0.6},
        {"lean": 0.4, "twist": 0.4, "nod": 0.2}, turn=0.12, freeze=0.08, amplitude=1.15,
    ),
    Style(  # krump
        _PERIODS | {0.5: 0.12}, 0.05, {1.0: 0.7, 2.0: 0.3}, (0.1, 0.6), (0.8, 2.2), (0.0, 0.3),
        {"hit": 0.45, "poses": 0.3, "swing": 0.25},
        ("guard", "chest", "up_wide", "side_low", "front", "cross", "back", "head", "front_low"),
        {"stomp": 3, "stomp_double": 2, "stand_wide": 1, "lunge": 1, "knee_up": 1},
        {"pop": 0.6, "rock": 0.25, "lean": 0.15}, crouch=0.15, amplitude=1.25, freeze=0.08, calm=0.03,
    ),
    Style(  # street jazz
        {0.5: 0.08, 1.0: 0.42, 2.0: 0.35, 4.0: 0.15}, 0.02, {1.0: 0.4, 2.0: 0.6}, (0.0, 0.6), (0.6, 1.4), (0.1, 0.7),
        {"poses": 0.7, "float": 0.2, "swing": 0.1},
        ("hip", "head", "up", "long", "shoulder", "cross", "side", "reach", "down", "point", "back"),
        {"walk": 1.5, "step_touch": 1.5, "grapevine": 1, "lunge_sides": 1, "kick": 1, "stand_wide": 1.5, "slow_walk": 1, "chasse": 0.7},
        {"lean": 0.35, "roll": 0.35, "twist": 0.3}, turn=0.15, amplitude=0.95, calm=0.2,
    ),
    Style(  # ballet jazz
        {1.0: 0.25, 2.0: 0.45, 4.0: 0.3}, 0.012, {1.0: 0.3, 2.0: 0.5, 4.0: 0.2}, (0.0, 0.25), (0.7, 1.2), (0.2, 0.9),
        {"float": 0.65, "poses": 0.35}, ("round", "halo", "long", "up", "reach", "side", "up_wide", "down", "side_low"),
        {"tendu": 2, "plie": 1.5, "chasse": 1, "grapevine": 1, "high_kick": 1, "slow_walk": 1.5, "lunge_sides": 1, "step_touch_slow": 0.8},
        {"lean": 0.5, "roll": 0.2, "twist": 0.3}, turn=0.25, amplitude=1.0, bounce_up=0.4, calm=0.25,
    ),
)  # fmt: skip
"""One style per genre, in the order of `dance2music.types.GENRES`."""

ARMS: dict[str, np.ndarray] = {name: np.array(pair) for name, pair in ARM_POSES.items()}


def arm_pose(name: str, *, right: bool) -> np.ndarray:
    """Directions [2, 3] of upper arm and forearm in the chest frame."""
    return ARMS[name] * np.array([-1.0 if right else 1.0, 1.0, 1.0])
