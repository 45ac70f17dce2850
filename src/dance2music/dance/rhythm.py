"""The rhythm of a dance: tempo, beat phase and downbeat, estimated from its motion over time.

Three sources are added up on a grid of hypotheses (tempo x phase) in overlapping windows: how periodic the movement is at half, one and
two times the beat, how well a grid falls on the kinematic beats, and a prior over tempi. The best path through the windows
(Viterbi, phase carried on by the tempo) gives one beat grid for the whole clip.
Reading poses and kinetic velocity is not here: see `dance.pose` and `dance.kinematics`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import argrelextrema

from dance2music.errors import InputError
from dance2music.types import BEATS_PER_BAR, Motion, Rhythm

MUSIC_RANGE_BPM = (76.0, 140.0)
"""Tempi that the music may have; the pieces of AIST++ lie at 80 to 135."""


@dataclass(frozen=True)
class RhythmConfig:
    """Settings of the estimator. Weights multiply log-scores; all were set on drawn dances, none on test data."""

    tempo_step: float = 0.01
    """Relative step between neighbouring tempo hypotheses."""
    phase_bins: int = 32
    """Phase hypotheses per beat."""
    window_seconds: float = 8.0
    """Length of an analysis window; clips up to one and a half windows are one window."""
    hop_seconds: float = 2.0
    sigma_seconds: float = 0.05
    """Width of the agreement kernel: a kinematic beat this far off a beat counts exp(-1/2)."""
    prior_bpm: float = 106.0
    prior_width: float = 0.35
    """Log-normal prior: standard deviation of the natural logarithm of the tempo."""
    spectral_weight: float = 1.5
    agreement_weight: float = 0.6
    """Per kinematic beat, of agreement above its expectation."""
    drift_weight: float = 1.5
    """Cost of changing the tempo by one step from window to window."""
    slip_weight: float = 0.25
    """Cost of moving the phase by one bin (squared) beyond what the tempo explains."""


def tempo_hypotheses_bpm(config: RhythmConfig = RhythmConfig()) -> np.ndarray:
    """Geometric grid of tempi over the music range, float64 [n_tempi]."""
    low, high = MUSIC_RANGE_BPM
    n = int(np.floor(np.log(high / low) / np.log1p(config.tempo_step))) + 1
    return low * (1.0 + config.tempo_step) ** np.arange(n)


def estimate_rhythm(
    motion: Motion,
    *,
    tempo_bpm: float | None = None,
    duration_seconds: float | None = None,
    config: RhythmConfig = RhythmConfig(),
) -> Rhythm:
    """Estimate the beat grid that music for this dance should have.

    Parameters
    ----------
    motion : Motion
        At least two frames; any skeleton, or flow energy alone (all joint confidences 0).
    tempo_bpm : float or None
        Tempo to keep; only phase and downbeat are estimated then.
    duration_seconds : float or None
        Length that the grid has to cover; default is that of the motion.

    Returns
    -------
    Rhythm
        A grid that starts at or before 0 and ends at or after ``duration_seconds``.

    Raises
    ------
    InputError
        If the motion has fewer than two frames, the tempo lies outside 40 to 240 bpm, or the duration is not positive.
    """
    if len(motion.joints) < 2 or not motion.fps > 0:
        raise InputError(
            f"motion {motion.source}: {len(motion.joints)} frames at {motion.fps} fps; expected at least 2 frames; give a longer clip"
        )
    if tempo_bpm is not None and not 40.0 <= tempo_bpm <= 240.0:
        raise InputError(f"tempo {tempo_bpm}: out of range; expected 40 to 240 bpm; give a tempo that music can have")
    if duration_seconds is not None and not duration_seconds > 0:
        raise InputError(f"duration {duration_seconds} s: not positive; expected a length in seconds; leave it out to use the motion's")
    duration = max(motion.duration_seconds, duration_seconds or 0.0)
    speed = kinetic_speed(motion)
    beats = kinematic_beats(speed, motion.fps)
    curves = movement_curves(motion, speed)
    tempi = tempo_hypotheses_bpm(config) if tempo_bpm is None else np.array([tempo_bpm])
    centres, width = _windows(motion.duration_seconds, config)
    scores = np.stack([_window_scores(curves, motion.fps, beats, t, width, tempi, config) for t in centres])
    path = _best_path(scores, tempi, centres, width, config)
    anchors = _phase_anchors(scores, path, tempi, centres)
    steady = len(centres) == 1
    if steady:
        anchors, tempo = _refine_steady(beats, float(centres[0]), float(anchors[0]), tempi[path[0, 0]], config, fixed=tempo_bpm is not None)
        grid = _steady_grid(float(centres[0]), float(anchors), tempo, duration)
    else:
        grid = _anchored_grid(centres, anchors, tempi[path[:, 0]], duration)
    grid = _cover(grid, duration)
    return Rhythm(
        beat_times_seconds=grid,
        downbeat=_downbeat(grid, speed, motion.fps),
        tempo_bpm=float(60.0 / np.median(np.diff(grid))),
        confidence=_confidence(scores, path, tempi),
        kinematic_beats_seconds=beats,
    )


_BODY: dict[int, list[int]] = {33: [0, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28, 31, 32]}


def _body(motion: Motion) -> np.ndarray:
    """Joints [T, B, 2 or 3] in units of body size; all joints where the skeleton is not known."""
    joints = motion.joints.astype(np.float64)
    joints = joints[:, _BODY.get(joints.shape[1], list(range(joints.shape[1])))]
    spread = np.sqrt(((joints - joints.mean(axis=1, keepdims=True)) ** 2).sum(axis=-1).mean(axis=1))
    size = float(np.median(spread))
    return joints / size if size > 0 else joints


def _flow_only(motion: Motion) -> bool:
    return motion.flow_energy is not None and not motion.confidence.any()


def kinetic_speed(motion: Motion) -> np.ndarray:
    """Mean speed of the body joints in body sizes per second, float64 [T]; flow energy where there is no pose."""
    if _flow_only(motion):
        assert motion.flow_energy is not None
        return motion.flow_energy.astype(np.float64)
    velocity = np.gradient(_body(motion), 1.0 / motion.fps, axis=0)
    return np.linalg.norm(velocity, axis=-1).mean(axis=1)


def kinematic_beats(speed: np.ndarray, fps: float) -> np.ndarray:
    """Times of the local minima of the speed, float64 [n] in seconds.

    Li et al. 2021 (arXiv:2101.08779), Sec. 5.2.3: a minimum counts if it is the smallest within 1/6 s (10 frames at 60 per second).
    """
    smooth = gaussian_filter1d(speed, max(0.5, 0.017 * fps))
    order = max(1, round(fps / 6))
    index = argrelextrema(smooth, np.less, order=order)[0]
    return index / fps


def movement_curves(motion: Motion, speed: np.ndarray) -> np.ndarray:
    """Curves that repeat with the beat: speed, joint speeds, accelerations, vertical movement; float64 [T, C], standardised."""
    fps = motion.fps
    curves = [speed[:, None]]
    if not _flow_only(motion):
        body = gaussian_filter1d(_body(motion), max(0.5, 0.03 * fps), axis=0)
        velocity = np.gradient(body, 1.0 / fps, axis=0)
        acceleration = np.gradient(velocity, 1.0 / fps, axis=0)
        joint_speed = np.linalg.norm(velocity, axis=-1)
        curves += [
            joint_speed,
            np.linalg.norm(acceleration, axis=-1),
            velocity[..., 1],
            body[..., 1].mean(axis=1, keepdims=True),
        ]
    x = np.concatenate(curves, axis=1)
    x = gaussian_filter1d(x, max(0.5, 0.03 * fps), axis=0)
    x = x - gaussian_filter1d(x, 0.7 * fps, axis=0)
    return x / (x.std(axis=0) + 1e-9)


def _windows(duration_seconds: float, config: RhythmConfig) -> tuple[np.ndarray, float]:
    """Centres [W] and common length of the analysis windows, in seconds."""
    if duration_seconds <= 1.5 * config.window_seconds:
        return np.array([duration_seconds / 2]), duration_seconds
    half = config.window_seconds / 2
    n = int(np.ceil((duration_seconds - config.window_seconds) / config.hop_seconds)) + 1
    return np.linspace(half, duration_seconds - half, n), config.window_seconds


def _window_scores(
    curves: np.ndarray, fps: float, beats: np.ndarray, centre: float, width: float, tempi: np.ndarray, config: RhythmConfig
) -> np.ndarray:
    """Log-score of every hypothesis in one window, float64 [n_tempi, n_phases]; phase is the beat position at the centre."""
    first, last = round((centre - width / 2) * fps), round((centre + width / 2) * fps)
    part = curves[max(first, 0) : last]
    spectral = _spectral_scores(part, fps, tempi)
    inside = beats[np.abs(beats - centre) <= width / 2]
    agreement = _agreement(inside - centre, tempi, config).sum(axis=0) if len(inside) else np.zeros((len(tempi), config.phase_bins))
    prior = -0.5 * (np.log(tempi / config.prior_bpm) / config.prior_width) ** 2
    return config.spectral_weight * spectral[:, None] + config.agreement_weight * agreement + prior[:, None]


def _spectral_scores(curves: np.ndarray, fps: float, tempi: np.ndarray) -> np.ndarray:
    """Share of the movement's power at half, one and two times the beat, standardised over tempi, [n_tempi]."""
    n = len(curves)
    t = (np.arange(n) - n / 2) / fps
    window = np.hanning(n + 2)[1:-1, None]
    total = np.zeros(len(tempi))
    energy = ((curves * window) ** 2).sum(axis=0) + 1e-9
    for level in (0.5, 1.0, 2.0):
        wave = np.exp(-2j * np.pi * np.outer(tempi / 60.0 * level, t))
        total += (np.abs(wave @ (curves * window)) ** 2 / energy).mean(axis=1)
    if len(tempi) == 1:
        return np.zeros(1)
    return (total - total.mean()) / (total.std() + 1e-9)


def _agreement(offsets_seconds: np.ndarray, tempi: np.ndarray, config: RhythmConfig) -> np.ndarray:
    """Kernel value of each kinematic beat at its nearest beat, minus what chance gives; [n_beats, n_tempi, n_phases]."""
    phases = np.arange(config.phase_bins) / config.phase_bins
    period = 60.0 / tempi
    position = offsets_seconds[:, None, None] / period[None, :, None] + phases
    distance = (position - np.round(position)) * period[None, :, None]
    chance = config.sigma_seconds * np.sqrt(2 * np.pi) / period
    return np.exp(-0.5 * (distance / config.sigma_seconds) ** 2) - chance[None, :, None]


def _best_path(scores: np.ndarray, tempi: np.ndarray, centres: np.ndarray, width: float, config: RhythmConfig) -> np.ndarray:
    """Most probable (tempo, phase) index per window, int [W, 2], by Viterbi search with small tempo and phase steps."""
    n_windows, n_tempi, n_phases = scores.shape
    back = np.zeros((n_windows, n_tempi, n_phases, 2), dtype=np.int16)
    best = scores[0]
    hop = float(centres[1] - centres[0]) if n_windows > 1 else 0.0
    share = min(1.0, hop / width) if n_windows > 1 else 1.0
    best = best * share if n_windows > 1 else best
    frequency = tempi / 60.0
    columns = np.arange(n_phases)
    for w in range(1, n_windows):
        candidates = np.full((n_tempi, n_phases), -np.inf)
        for step in range(-3, 4):
            source = np.clip(np.arange(n_tempi) - step, 0, n_tempi - 1)
            advance = hop * 0.5 * (frequency[source] + frequency) * n_phases
            whole = np.round(advance).astype(int)
            rest = advance - whole
            for slip in range(-3, 4):
                from_phase = (columns[None, :] - whole[:, None] - slip) % n_phases
                cost = config.drift_weight * abs(step) + config.slip_weight * (slip - rest) ** 2
                value = best[source[:, None], from_phase] - cost[:, None]
                better = value > candidates
                candidates = np.where(better, value, candidates)
                back[w, ..., 0] = np.where(better, source[:, None], back[w, ..., 0])
                back[w, ..., 1] = np.where(better, from_phase, back[w, ..., 1])
        best = candidates + scores[w] * share
    path = np.zeros((n_windows, 2), dtype=int)
    path[-1] = np.unravel_index(np.argmax(best), best.shape)
    for w in range(n_windows - 1, 0, -1):
        path[w - 1] = back[w, path[w, 0], path[w, 1]]
    return path


def _phase_anchors(scores: np.ndarray, path: np.ndarray, tempi: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Unwrapped beat position at the window centres, float64 [W], refined between phase bins by a parabola."""
    n_phases = scores.shape[2]
    anchors = np.zeros(len(centres))
    for w, (i, j) in enumerate(path):
        left, middle, right = scores[w, i, (j - 1) % n_phases], scores[w, i, j], scores[w, i, (j + 1) % n_phases]
        curvature = left - 2 * middle + right
        fraction = float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5)) if curvature < 0 else 0.0
        phase = (j + fraction) / n_phases
        if w == 0:
            anchors[w] = phase
            continue
        rate = 0.5 * (tempi[path[w - 1, 0]] + tempi[i]) / 60.0
        expected = anchors[w - 1] + rate * (centres[w] - centres[w - 1])
        anchors[w] = expected + (phase - expected + 0.5) % 1.0 - 0.5
    return anchors


def _refine_steady(
    beats: np.ndarray, centre: float, phase: float, tempo: float, config: RhythmConfig, *, fixed: bool
) -> tuple[np.ndarray, float]:
    """Phase at the centre and tempo of a steady grid, moved to the nearest best agreement with the kinematic beats."""
    if not len(beats):
        return np.array(phase), tempo
    ratios = np.array([1.0]) if fixed else np.linspace(0.985, 1.015, 31)
    shifts = np.linspace(-0.08, 0.08, 33)
    position = (beats - centre)[:, None, None] * tempo * ratios[None, :, None] / 60.0 + phase + shifts
    distance = (position - np.round(position)) * 60.0 / (tempo * ratios[None, :, None])
    total = np.exp(-0.5 * (distance / config.sigma_seconds) ** 2).sum(axis=0)
    i, j = np.unravel_index(np.argmax(total), total.shape)
    return np.array(phase + shifts[j]), float(tempo * ratios[i])


def _steady_grid(centre: float, phase: float, tempo: float, duration: float) -> np.ndarray:
    """Beat times of a steady tempo from at or before 0 to at or after the end."""
    rate = tempo / 60.0
    first = np.floor(phase - centre * rate)
    last = np.ceil(phase + (duration - centre) * rate)
    return centre + (np.arange(first, last + 1) - phase) / rate


def _anchored_grid(centres: np.ndarray, anchors: np.ndarray, tempi: np.ndarray, duration: float) -> np.ndarray:
    """Beat times through (time, beat) anchors, monotone piecewise cubic inside, steady outside."""
    from scipy.interpolate import PchipInterpolator

    start = anchors[0] - centres[0] * tempi[0] / 60.0
    end = anchors[-1] + (duration - centres[-1]) * tempi[-1] / 60.0
    beats = np.concatenate([[start - 2], [start] if centres[0] > 0 else [], anchors, [end, end + 2]])
    times = np.concatenate([[-2 * 60.0 / tempi[0]], [0.0] if centres[0] > 0 else [], centres, [duration, duration + 2 * 60.0 / tempi[-1]]])
    return PchipInterpolator(beats, times)(np.arange(np.ceil(start - 1), np.floor(end + 1) + 1))


def _cover(grid: np.ndarray, duration: float) -> np.ndarray:
    """Drop beats that are not needed to cover 0 to the end; keep at least two."""
    first = max(0, int(np.searchsorted(grid, 0.0, side="right")) - 1)
    last = min(len(grid), int(np.searchsorted(grid, duration, side="left")) + 1)
    if last - first < 2:
        last = first + 2
    assert grid[first] <= 1e-9 and grid[last - 1] >= duration - 1e-9
    return grid[first:last]


def _downbeat(grid: np.ndarray, speed: np.ndarray, fps: float) -> int:
    """First downbeat: the count on which the movement stops most and starts hardest, index 0..3."""
    smooth = gaussian_filter1d(speed, 0.05 * fps)
    times = np.arange(len(speed)) / fps
    accent = np.interp(grid + 0.15, times, smooth) - np.interp(grid, times, smooth)
    inside = (grid >= 0) & (grid <= times[-1])
    totals = [
        float(accent[k::BEATS_PER_BAR][inside[k::BEATS_PER_BAR]].mean()) if inside[k::BEATS_PER_BAR].any() else -np.inf for k in range(4)
    ]
    return min(int(np.argmax(totals)), len(grid) - 1)


def _confidence(scores: np.ndarray, path: np.ndarray, tempi: np.ndarray) -> float:
    """Mean posterior of the chosen tempo (within 4 %) and phase (within an eighth of a beat) over the windows, 0..1."""
    n_phases = scores.shape[2]
    mass = []
    for window, (i, j) in zip(scores, path):
        p = np.exp(window - window.max())
        near_tempo = np.abs(np.log(tempi / tempi[i])) <= 0.04
        shift = np.abs((np.arange(n_phases) - j + n_phases // 2) % n_phases - n_phases // 2)
        mass.append(p[np.ix_(near_tempo, shift <= n_phases // 8)].sum() / p.sum())
    return float(np.mean(mass))
