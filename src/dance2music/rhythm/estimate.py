"""The rhythm of a dance: tempo, beat phase and downbeat, estimated from its motion over time.

The evidence of `rhythm.evidence` is added up on a grid of hypotheses (tempo x phase) in overlapping windows; the best path through
the windows (Viterbi, phase carried on by the tempo) gives one beat grid for the whole clip, which is then moved to the nearest maximum of
the evidence, and bent a little towards the kinematic beats (`rhythm.follow`). Reading poses and kinetic velocity is not here: see
`dance.pose` and `dance.kinematics`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from dance2music.dance.kinematics import kinematic_beats, kinetic_velocity
from dance2music.dance.skeleton import SKELETONS
from dance2music.errors import InputError
from dance2music.rhythm.evidence import Window, embedded_network, evidence, kinematic_beat_readings, make_windows
from dance2music.rhythm.follow import FollowConfig, follow
from dance2music.types import BEATS_PER_BAR, Motion, Rhythm

MUSIC_RANGE_BPM = (76.0, 140.0)
"""Tempi that the music may have; the pieces of AIST++ lie at 80 to 135."""
TEMPO_LIMITS_BPM = (40.0, 240.0)
"""Tempi that a user may ask for."""
TEMPO_TOLERANCE = 0.04
"""A tempo within 4 % of the true one counts as right, as usual in tempo estimation (Gouyon et al. 2006)."""


@dataclass(frozen=True)
class EvidenceWeights:
    """Factors of the terms of `evidence.evidence` in the log-posterior."""

    periodicity: float
    agreement: float
    network_tempo: float = 0.0
    network_beat: float = 0.0

    def total(self, terms: dict[str, np.ndarray]) -> np.ndarray:
        """Weighted sum of the terms, [n_tempi, n_phases]; weights of absent terms do not matter."""
        return np.asarray(sum(getattr(self, name) * term for name, term in terms.items()))


@dataclass(frozen=True)
class RhythmConfig:
    """Settings of the estimator, all set on drawn dances, none on test data.

    The posterior of the tempo is a fit by maximum likelihood. The phase is a choice: dancers' beats are seldom the instants at
    which they rest, and music that is to look in time has to meet those, so the phase leans to the kinematic beats wherever the network
    is in doubt.
    """

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
    with_network: EvidenceWeights = EvidenceWeights(periodicity=0.4, agreement=0.55, network_tempo=0.3, network_beat=0.7)
    without_network: EvidenceWeights = EvidenceWeights(periodicity=1.06, agreement=0.9)
    phase: EvidenceWeights = EvidenceWeights(periodicity=0.0, agreement=1.0, network_beat=0.7)
    """Weights by which the phase is chosen, given the tempo; the network's is times its trust (`network_trust`)."""
    sure_spread: float = 5.0
    """Spread over the phases of the network's evidence per beat from which on it is trusted wholly, and with the square of it below. Half
    of drawn dances reach it; dances that are unlike those it was trained on do not, and there the kinematic beats have more to say."""
    clear_spread: float = 0.55
    """Spread of the agreement per beat from which on the network loses trust: a dancer who rests on almost every beat shows it."""
    fit_weight: float = 1.0
    """How much the best phase score of a tempo counts when the tempo is chosen."""
    drift_weight: float = 1.5
    """Cost of changing the tempo by one step from window to window."""
    slip_weight: float = 0.25
    """Cost of moving the phase by one bin (squared) beyond what the tempo explains."""
    confidence_power: float = 0.5
    """Exponent of the posterior in the confidence: real dances are less like drawn ones than drawn ones are like each other."""
    use_network: bool = True
    follow: FollowConfig = field(default_factory=FollowConfig)


def tempo_hypotheses_bpm(config: RhythmConfig) -> np.ndarray:
    """Geometric grid of tempi over the music range, float64 [n_tempi]."""
    low, high = MUSIC_RANGE_BPM
    n = int(np.floor(np.log(high / low) / np.log1p(config.tempo_step))) + 1
    return low * (1.0 + config.tempo_step) ** np.arange(n)


def estimate_rhythm(
    motion: Motion,
    *,
    tempo_bpm: float | None = None,
    duration_seconds: float | None = None,
    config: RhythmConfig | None = None,
) -> Rhythm:
    """Estimate the beat grid that music for this dance should have.

    Parameters
    ----------
    motion : Motion
        At least two frames; any skeleton, or the grid of optical flow.
    tempo_bpm : float or None
        Tempo to keep; only phase and downbeat are estimated then, and the grid is steady: it does not follow the kinematic beats.
    duration_seconds : float or None
        Length that the grid has to cover; default is that of the motion.
    config : RhythmConfig or None
        Defaults to ``RhythmConfig()``.

    Returns
    -------
    Rhythm
        A grid that starts at or before 0 and ends at or after ``duration_seconds``.

    Raises
    ------
    InputError
        If the motion has fewer than two frames, the tempo lies outside 40 to 240 bpm, or the duration is not positive.
    """
    _check(motion, tempo_bpm, duration_seconds)
    config = config or RhythmConfig()
    motion = _flow_if_no_pose(motion)
    duration = max(motion.duration_seconds, duration_seconds or 0.0)
    tempi = tempo_hypotheses_bpm(config) if tempo_bpm is None else np.array([tempo_bpm])
    centres, width = _window_centres(motion.duration_seconds, config)
    windows = make_windows(motion, centres, width, embedded_network() if config.use_network else None)
    phases = np.arange(config.phase_bins) / config.phase_bins
    terms = [evidence(window, tempi, phases, config.sigma_seconds) for window in windows]
    posteriors = np.stack([tempo_scores(t, tempi, config) for t in terms])
    trusts = [network_trust(t, tempi, width, config) for t in terms]
    scores = np.stack([_choice_scores(*row, config) for row in zip(terms, posteriors, trusts)])
    path = _best_path(scores, tempi, centres, width, config)
    anchors = _phase_anchors(scores, path, tempi, centres)
    if len(windows) == 1:
        at = path[0, 0]
        phase, tempo = _refine(windows[0], float(anchors[0]), float(tempi[at]), float(trusts[0][at]), config, fixed=tempo_bpm is not None)
        grid = _steady_grid(float(centres[0]), phase, tempo, duration)
    else:
        grid = _anchored_grid(centres, anchors, tempi[path[:, 0]], duration)
    grid = _cover(grid, duration)
    tempo = float(60.0 / np.median(np.diff(grid)))
    if tempo_bpm is None:
        grid = follow(grid, kinematic_beat_readings(motion), config.follow)
        grid[0], grid[-1] = min(grid[0], 0.0), max(grid[-1], duration)
    return Rhythm(
        beat_times_seconds=grid,
        downbeat=_downbeat(grid, motion, windows, centres),
        tempo_bpm=tempo,
        confidence=_confidence(config.confidence_power * posteriors, tempi[path[:, 0]], tempi),
        kinematic_beats_seconds=kinematic_beats(motion),
    )


def _flow_if_no_pose(motion: Motion) -> Motion:
    """The motion, or its flow energy alone where no joint was ever seen."""
    if motion.skeleton == "flow" or motion.flow_energy is None or motion.confidence.any():
        return motion
    cells = len(SKELETONS["flow"].joints)
    count = len(motion.joints)
    return replace(motion, joints=np.zeros((count, cells, 2), np.float32), confidence=np.zeros((count, cells), np.float32), skeleton="flow")


def _check(motion: Motion, tempo_bpm: float | None, duration_seconds: float | None) -> None:
    what = f"motion {motion.source}".strip()
    if len(motion.joints) < 2 or not motion.fps > 0:
        raise InputError(f"{what}: {len(motion.joints)} frames at {motion.fps} fps; expected at least 2 frames; give a longer clip")
    if not (np.isfinite(motion.joints).all() and np.isfinite(motion.confidence).all()):
        raise InputError(f"{what}: has positions that are no numbers; expected finite joints; fill the gaps by interpolation")
    low, high = TEMPO_LIMITS_BPM
    if tempo_bpm is not None and not low <= tempo_bpm <= high:
        raise InputError(f"tempo {tempo_bpm}: out of range; expected {low:g} to {high:g} bpm; give a tempo that music can have")
    if duration_seconds is not None and not duration_seconds > 0:
        raise InputError(f"duration {duration_seconds} s: not positive; expected a length in seconds; leave it out to use the motion's")


def tempo_scores(terms: dict[str, np.ndarray], tempi: np.ndarray, config: RhythmConfig) -> np.ndarray:
    """Log-posterior of each tempo, whatever its phase, up to a constant; float64 [n_tempi]."""
    weights = config.with_network if "network_tempo" in terms else config.without_network
    joint = np.broadcast_to(weights.total(terms), (len(tempi), config.phase_bins))
    top = joint.max(axis=1)
    marginal = top + np.log(np.exp(joint - top[:, None]).mean(axis=1))
    return marginal - 0.5 * (np.log(tempi / config.prior_bpm) / config.prior_width) ** 2


def network_trust(terms: dict[str, np.ndarray], tempi: np.ndarray, seconds: float, config: RhythmConfig) -> np.ndarray:
    """How far the network is trusted with the phase at each tempo, float64 [n_tempi] in 0..1.

    The more clearly it prefers some phases the more, the more clearly the kinematic beats do the less. ``terms`` hold the evidence at all
    phases of a window of ``seconds``; without network trust is 0.
    """
    if "network_beat" not in terms:
        return np.zeros(len(tempi))
    from scipy.ndimage import maximum_filter1d

    sure, clear = (np.ptp(terms[name], axis=1) / (seconds * tempi / 60.0) for name in ("network_beat", "agreement"))
    clear = maximum_filter1d(
        clear, 2 * round(TEMPO_TOLERANCE / config.tempo_step) + 1, mode="nearest"
    )  # or else a slightly wrong tempo wins
    return np.minimum(1.0, sure / config.sure_spread) ** 2 / np.maximum(1.0, clear / config.clear_spread) ** 3


def _phase_fit(terms: dict[str, np.ndarray], trust: np.ndarray, config: RhythmConfig) -> np.ndarray:
    """How well each phase fits, float64 [n_tempi, n_phases], with the network trusted so far at each tempo [n_tempi]."""
    if "network_beat" not in terms:
        return config.phase.total(terms)
    return config.phase.total({**terms, "network_beat": trust[:, None] * terms["network_beat"]})


def _choice_scores(terms: dict[str, np.ndarray], posterior: np.ndarray, trust: np.ndarray, config: RhythmConfig) -> np.ndarray:
    """Scores by which tempo and phase are chosen, float64 [n_tempi, n_phases]; phase is the beat position at the centre."""
    fit = _phase_fit(terms, trust, config)
    return posterior[:, None] + fit - (1.0 - config.fit_weight) * fit.max(axis=1, keepdims=True)


def _window_centres(duration_seconds: float, config: RhythmConfig) -> tuple[np.ndarray, float]:
    """Centres [W] and common length of the analysis windows, in seconds."""
    if duration_seconds <= 1.5 * config.window_seconds:
        return np.array([duration_seconds / 2]), duration_seconds
    half = config.window_seconds / 2
    n = int(np.ceil((duration_seconds - config.window_seconds) / config.hop_seconds)) + 1
    return np.linspace(half, duration_seconds - half, n), config.window_seconds


def _refine(window: Window, phase: float, tempo: float, trust: float, config: RhythmConfig, *, fixed: bool) -> tuple[float, float]:
    """Phase at the centre and tempo of a steady grid, moved to the nearest maximum of agreement and beat activation."""
    tempi = np.array([tempo]) if fixed else np.clip(tempo * np.linspace(0.985, 1.015, 31), *MUSIC_RANGE_BPM)
    shifts = np.linspace(-0.1, 0.1, 41)
    fit = _phase_fit(evidence(window, tempi, phase + shifts, config.sigma_seconds), np.full(len(tempi), trust), config)
    i, j = np.unravel_index(np.argmax(fit), fit.shape)
    return float(phase + shifts[j]), float(tempi[i])


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


def _downbeat(grid: np.ndarray, motion: Motion, windows: list[Window], centres: np.ndarray) -> int:
    """Index 0..3 of the first downbeat: the count on which the network hears downbeats, or else on which the quickest moves arrive."""
    if windows[0].downbeat_probability is not None:
        times = np.concatenate([centre + window.frame_times_seconds for centre, window in zip(centres, windows)])
        values = np.concatenate([window.downbeat_probability for window in windows if window.downbeat_probability is not None])
        order = np.argsort(times, kind="stable")
        accent = np.interp(grid, times[order], values[order])
    else:
        speed = kinetic_velocity(motion)
        times = np.arange(len(speed)) / motion.fps
        accent = np.interp(grid - 0.15, times, speed) - np.interp(grid, times, speed)
    inside = (grid >= 0) & (grid <= motion.duration_seconds)
    totals = [accent[k::BEATS_PER_BAR][inside[k::BEATS_PER_BAR]] for k in range(min(BEATS_PER_BAR, len(grid)))]
    return int(np.argmax([total.mean() if len(total) else -np.inf for total in totals]))


def _confidence(posteriors: np.ndarray, chosen_bpm: np.ndarray, tempi: np.ndarray) -> float:
    """Tempered posterior probability that the tempo is within 4 % of the chosen one, mean over windows, 0..1."""
    p = np.exp(posteriors - posteriors.max(axis=1, keepdims=True))
    near = np.abs(np.log(tempi[None] / chosen_bpm[:, None])) <= TEMPO_TOLERANCE
    return float(((p * near).sum(axis=1) / p.sum(axis=1)).mean())
