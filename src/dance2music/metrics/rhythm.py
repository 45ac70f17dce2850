"""Scores of rhythm: is the music in time with this dancer, or with a true beat grid?

Every function is pure and takes ``(reference, estimate)``, times in seconds. Beat Alignment averages over the *kinematic* beats (Li et al.
2021, AIST++; Huang et al. 2023, Creative-GAN, Eq. 13), so a denser music always scores higher: lead with `shift_lift`, which takes the
score of the same music at random shifts away, and which an unrelated or a steady but unsynchronised music fails.
Beats against beats, tempo and phase are in `metrics.strict`; the published one-bit-per-second scores in `metrics.paper_rhythm`.
"""

from __future__ import annotations

import numpy as np

from dance2music.errors import InputError
from dance2music.types import Audio

SIGMA_SECONDS = 0.05
"""σ of Beat Alignment: the 3 frames at 60 fps of AIST++'s score tool."""

AIST_FPS = 60.0
AIST_SIGMA_FRAMES = 3.0

F_WINDOW_SECONDS = 0.07


def beat_alignment(reference: np.ndarray, estimate: np.ndarray, *, sigma_seconds: float = SIGMA_SECONDS) -> float:
    """Beat Alignment: mean over the kinematic beats of ``exp(-d^2 / (2 sigma^2))``, d the distance to the nearest music beat.

    Huang et al. 2023 (doi:10.1587/transfun.2023EAP1059), Eq. 13; Li et al. 2021 (arXiv:2101.08779), Eq. 7. The papers' σ = 3 counts frames.

    Parameters
    ----------
    reference : float [m], kinematic beats in seconds.
    estimate : float [n], beats or onsets of the music in seconds, in any order.
    sigma_seconds : float

    Returns
    -------
    float in 0..1; 0 when either list is empty.

    Raises
    ------
    InputError
        If a list is not one-dimensional and finite, or ``sigma_seconds`` is not positive.
    """
    reference, estimate = check_times("reference", reference), check_times("estimate", estimate)
    if sigma_seconds <= 0:
        raise InputError(f"sigma_seconds: {sigma_seconds}; expected a positive number, for example {SIGMA_SECONDS}")
    return _alignment(reference, estimate, sigma_seconds)


def beat_alignment_aist(joints: np.ndarray, music: Audio | np.ndarray, *, fps: float = AIST_FPS, start_bpm: float = 120.0) -> float:
    """Beat Alignment exactly as AIST++'s score tool has it: unsmoothed SMPL joints, beats as frame numbers, σ 3 frames at 60 fps.

    Parameters
    ----------
    joints : float [T, 24, 3], SMPL joints.
    music : Audio, in which beats are found as the tool does (`music.beats.aist_beat_frames`), or float [n], beats as frame numbers.
    fps : float, frames per second of the joints; σ and the order of the minima stay as long in seconds as they are at 60.
    start_bpm : float, tempo at which the tracker of beats begins: the tool takes the piece's.

    Returns
    -------
    float in 0..1; 0 without kinematic beats, as the tool has it, and without music beats, where it stops.
    """
    from dance2music.dance.kinematics import kinematic_beats_aist
    from dance2music.music.beats import aist_beat_frames

    beats = aist_beat_frames(music, fps=fps, start_bpm=start_bpm) if isinstance(music, Audio) else music
    return beat_alignment(kinematic_beats_aist(joints, fps=fps), beats, sigma_seconds=AIST_SIGMA_FRAMES * fps / AIST_FPS)  # all in frames


def shift_lift(reference: np.ndarray, estimate: np.ndarray, duration_seconds: float, *, n: int = 200, seed: int = 0) -> dict[str, float]:
    """Beat Alignment above what the same music reaches by chance: minus its mean over random circular shifts in time.

    Parameters
    ----------
    reference : float [m], kinematic beats in seconds.
    estimate : float [k], onsets or beats of the music in seconds.
    duration_seconds : float, of the music; shifts are uniform in it and wrap around.
    n : int, number of shifts.
    seed : int

    Returns
    -------
    dict with ``beat_alignment``, ``shifted_mean``, ``shifted_error`` (standard error of that mean), ``lift`` (the difference),
    ``lift_low`` and ``lift_high`` (the score minus the 97.5 % and 2.5 % quantiles of the shifted ones) and ``p`` (see `permutation_p`).

    Raises
    ------
    InputError
        As `beat_alignment`, or if ``duration_seconds`` is not positive.
    """
    reference, estimate = check_times("reference", reference), check_times("estimate", estimate)
    if not duration_seconds > 0:
        raise InputError(f"duration_seconds: {duration_seconds}; expected the positive length of the music")
    score = beat_alignment(reference, estimate)
    chance = shifted_alignments(reference, estimate, duration_seconds, n=n, seed=seed)
    mean = float(chance.mean()) if n else 0.0
    error = float(chance.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    low, high = np.quantile(chance, (0.025, 0.975)) if n else (0.0, 0.0)
    return {
        "beat_alignment": score,
        "shifted_mean": mean,
        "shifted_error": error,
        "lift": score - mean,
        "lift_low": score - float(high),
        "lift_high": score - float(low),
        "p": permutation_p(score, chance),
    }


def shifted_alignments(
    reference: np.ndarray,
    estimate: np.ndarray,
    duration_seconds: float,
    *,
    n: int = 200,
    seed: int = 0,
    sigma_seconds: float = SIGMA_SECONDS,
) -> np.ndarray:
    """Beat Alignment of the same music at ``n`` random circular shifts, float64 [n]. Parameters and errors as `shift_lift`."""
    reference, estimate = check_times("reference", reference), check_times("estimate", estimate)
    shifts = np.random.default_rng(seed).uniform(0.0, duration_seconds, n)
    return np.array([_alignment(reference, (estimate + shift) % duration_seconds, sigma_seconds) for shift in shifts])


def _alignment(reference: np.ndarray, estimate: np.ndarray, sigma_seconds: float) -> float:
    if not len(reference) or not len(estimate):
        return 0.0
    return float(np.exp(nearest_distance(reference, estimate) ** 2 * (-0.5 / sigma_seconds**2)).sum() / len(reference))


def permutation_p(score: float, chance: np.ndarray) -> float:
    """One-sided p-value of a score under draws [n] of its null: (1 + draws that reach it) / (1 + draws) (Phipson and Smyth 2010)."""
    return float((1 + np.count_nonzero(np.asarray(chance) >= score - 1e-12)) / (1 + len(chance)))


def beat_f(reference: np.ndarray, estimate: np.ndarray, *, window_seconds: float = F_WINDOW_SECONDS) -> float:
    """F-measure of beats matched one to one within a window (Davies et al. 2009, as mir_eval computes it), nothing trimmed at the start.

    Parameters
    ----------
    reference, estimate : float [n], seconds, in any order.
    window_seconds : float, the greatest distance of a pair.

    Returns
    -------
    float in 0..1; 0 when either list is empty.

    Raises
    ------
    InputError
        If the times are not one list of finite numbers.
    """
    import mir_eval

    reference, estimate = np.sort(check_times("reference", reference)), np.sort(check_times("estimate", estimate))
    if not len(reference) or not len(estimate):
        return 0.0
    return float(mir_eval.beat.f_measure(reference, estimate, f_measure_threshold=window_seconds))


def onset_z(onset_envelope: np.ndarray, fps: float, beat_times: np.ndarray, *, reach_seconds: float = 0.0) -> float:
    """Onset strength at given times, in standard deviations above its mean over the piece.

    Parameters
    ----------
    onset_envelope : float [T], onset strength of the music.
    fps : float, frames per second of the envelope.
    beat_times : float [n], seconds; times outside the envelope are left out.
    reach_seconds : float, the greatest value within this distance counts.

    Returns
    -------
    float; 0 for a flat envelope or no times. Random times give 0 on average (above 0 with a reach).

    Raises
    ------
    InputError
        If ``fps`` is not positive or the times are not one list of finite numbers.
    """
    envelope = np.asarray(onset_envelope, dtype=np.float64)
    times = check_times("beat_times", beat_times)
    if fps <= 0:
        raise InputError(f"fps: {fps}; expected the positive frame rate of the envelope")
    frames = np.round(times * fps).astype(int)
    frames = frames[(frames >= 0) & (frames < len(envelope))]
    if not len(frames) or envelope.std() < 1e-12:
        return 0.0
    reach = round(reach_seconds * fps)
    values = [envelope[max(0, frame - reach) : frame + reach + 1].max() for frame in frames]
    return float((np.mean(values) - envelope.mean()) / envelope.std())


def nearest_distance(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Distance float [m] of each point to the nearest of the targets [n > 0]; any order."""
    targets = np.sort(targets)
    right = np.clip(np.searchsorted(targets, points), 0, len(targets) - 1)
    left = np.maximum(right - 1, 0)
    return np.minimum(np.abs(points - targets[left]), np.abs(points - targets[right]))


def check_times(name: str, values: np.ndarray) -> np.ndarray:
    """Times as float64 [n]; raises InputError unless they are one-dimensional and finite."""
    times = np.asarray(values, dtype=np.float64)
    if times.size == 0:
        return np.zeros(0)
    if times.ndim != 1 or not np.isfinite(times).all():
        raise InputError(f"{name}: shape {times.shape}; expected a list of finite times in seconds")
    return times
