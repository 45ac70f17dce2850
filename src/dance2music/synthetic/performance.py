"""A composed dance on its feet: key poses, grooves and freezes become joints over time.

What is danced is decided in `choreography`; nothing here chooses a move.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dance2music.synthetic.dancer import Dancer
from dance2music.synthetic.puppet import Track, pose, unit

_UNREST = np.array([0.03, 0.02, 0.015, 0.03, 0.02, 0.03, 0.02, 0.02, 0.04, 0.03, 0.06, 0.02, 0.02, 0.006, 0.01, 0.01])
"""Size of the slow random motion of each control channel: the 13 of `puppet.TORSO`, then height, side and depth of the pelvis in metres."""


@dataclass(frozen=True)
class Groove:
    """A periodic motion of some torso channels over a span of beats; ``power`` sharpens it, ``phase`` in periods."""

    start: float
    end: float
    channels: tuple[tuple[int, float], ...]
    period: float
    phase: float
    power: float
    sway: bool


@dataclass
class Sheet:
    """A dance as it was composed.

    Attributes
    ----------
    grid, clock : float64 [n], whole beats from the first downbeat and the time in seconds at which this dancer reaches each.
    arms, feet, toes : tracks of the left and the right side; torso, heading : tracks of the trunk.
    grooves : periodic motions of the torso.
    freezes : (start, end) in seconds of the rests.
    """

    grid: np.ndarray
    clock: np.ndarray
    arms: tuple[Track, Track] = field(default_factory=lambda: (Track(), Track()))
    feet: tuple[Track, Track] = field(default_factory=lambda: (Track(), Track()))
    toes: tuple[Track, Track] = field(default_factory=lambda: (Track(), Track()))
    torso: Track = field(default_factory=Track)
    heading: Track = field(default_factory=Track)
    grooves: list[Groove] = field(default_factory=list)
    freezes: list[tuple[float, float]] = field(default_factory=list)


def perform(sheet: Sheet, dancer: Dancer, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Joints float32 [T, 24, 3] at ``times`` [T >= 2] in seconds; ``rng`` draws the unrest of a body that is never quite still."""
    from scipy.ndimage import gaussian_filter1d

    body = dancer.body
    frame = float(times[1] - times[0])
    warped = _freeze(times, sheet.freezes)
    beats = np.interp(warped, sheet.clock, sheet.grid)
    for track in (sheet.torso,):
        track.values = [np.concatenate([v, np.zeros(16 - len(v))]) for v in track.values]
    control = sheet.torso.sample(warped)
    heading = sheet.heading.sample(warped)[:, 0]
    for groove in sheet.grooves:
        a, b = np.searchsorted(beats, [groove.start - 0.4, groove.end + 0.4])
        if b <= a:
            continue
        x = beats[a:b]
        gate = np.clip((x - groove.start + 0.4) / 0.8, 0.0, 1.0) * np.clip((groove.end + 0.4 - x) / 0.8, 0.0, 1.0)
        wave = np.cos(2.0 * np.pi * (x / groove.period + groove.phase))
        wave = wave if groove.sway else (0.5 + 0.5 * wave) ** groove.power
        for channel, depth in groove.channels:
            control[a:b, channel] += depth * gate * wave
    unrest = float(rng.uniform(0.15, 1.3)) * (0.4 if dancer.calm else 1.0)
    control += unrest * _wander(rng, times, 16) * _UNREST
    ankles = np.stack([sheet.feet[0].sample(warped), sheet.feet[1].sample(warped)], axis=1)
    toes = np.stack([sheet.toes[0].sample(warped)[:, 0], sheet.toes[1].sample(warped)[:, 0]], axis=1)
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
    arms = np.concatenate([sheet.arms[0].sample(warped), sheet.arms[1].sample(warped)], axis=1).reshape(len(times), 4, 3)
    arms = _around_front(gaussian_filter1d(_around_front(arms), dancer.inertia_seconds / frame, axis=0, mode="nearest"))
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
