"""The rhythm of a dance: tempo, beat phase and downbeat, estimated from its motion over time.

The evidence of `rhythm.evidence` is added up on a grid of hypotheses (tempo x phase), for the whole dance at a steady tempo; of longer
dances also in overlapping windows, where the best path (Viterbi, phase carried on by the tempo) takes the steady grid's place if it
explains the dance much better (`rhythm.grids`). The grid is then bent a little towards the kinematic beats (`rhythm.follow`). Reading
poses and kinetic velocity is not here: see `dance.pose` and `dance.kinematics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dance2music.dance.kinematics import kinematic_beats, kinetic_velocity
from dance2music.dance.skeleton import SKELETONS
from dance2music.errors import InputError
from dance2music.rhythm.choices import TEMPO_LIMITS_BPM
from dance2music.rhythm.evidence import Window, embedded_network, evidence, kinematic_beat_readings
from dance2music.rhythm.follow import FollowConfig, follow
from dance2music.rhythm.grids import anchored_grid, best_path, cover, phase_anchors, steady_grid
from dance2music.rhythm.together import followed, windows_of_all
from dance2music.types import BEATS_PER_BAR, Dancer, Hypothesis, Motion, Rhythm

if TYPE_CHECKING:
    from dance2music.rhythm.network import RhythmModel

MUSIC_RANGE_BPM = (76.0, 140.0)
"""Tempi that the music may have; the pieces of AIST++ lie at 80 to 135."""
TEMPO_TOLERANCE = 0.04
"""A tempo within 4 % of the true one counts as right, as usual in tempo estimation (Gouyon et al. 2006)."""


@dataclass(frozen=True)
class EvidenceWeights:
    """Factors of the terms of `evidence.evidence` in the log-posterior of tempo and phase."""

    limbs: float = 0.0
    periodicity: float = 0.0
    agreement: float = 0.0
    network_tempo: float = 0.0
    network_beat: float = 0.0

    def total(self, terms: dict[str, np.ndarray]) -> np.ndarray:
        """Weighted sum of the terms, [n_tempi, n_phases]; weights of absent terms do not matter."""
        return np.asarray(sum(getattr(self, name) * term for name, term in terms.items()))


@dataclass(frozen=True)
class RhythmConfig:
    """Settings of the estimator.

    The weights with the network were chosen on drawn dances and on the twelve development dances of AIST++: those that drawn dances alone
    would choose (more of the network's beats, less of the kinematic ones) are wrong of real ones more often.
    """

    tempo_step: float = 0.01
    """Relative step between neighbouring tempo hypotheses of a window."""
    phase_bins: int = 32
    """Phase hypotheses per beat."""
    window_seconds: float = 8.0
    """Length of an analysis window; clips up to one and a half windows are one window."""
    hop_seconds: float = 2.0
    steady_seconds: float = 120.0
    """Dances up to this long are also looked at as a whole: music for dancing is steady."""
    steady_margin: float = 1.0
    """A steady grid is kept where the path through the windows scores at most this much better per window."""
    sigma_seconds: float = 0.05
    """Width of the agreement kernel: a kinematic beat this far off a beat counts exp(-1/2)."""
    prior_bpm: float = 106.0
    prior_width: float = 0.35
    """Log-normal prior: standard deviation of the natural logarithm of the tempo."""
    with_network: EvidenceWeights = EvidenceWeights(limbs=0.5, periodicity=0.2, agreement=0.1, network_tempo=1.2, network_beat=0.2)
    without_network: EvidenceWeights = EvidenceWeights(periodicity=1.06, agreement=1.0)
    drift_weight: float = 1.5
    """Cost of changing the tempo by one step from window to window."""
    slip_weight: float = 0.25
    """Cost of moving the phase by one bin (squared) beyond what the tempo explains."""
    confidence_power: float = 0.5
    """Exponent of the posterior in probabilities: real dances are less like drawn ones than drawn ones are like each other."""
    apart_beats: float = 0.25
    """Rhythms of one tempo count as two where their beats are at least this far apart."""
    listed: int = 4
    """Alternatives that are kept."""
    lag_seconds: float = 0.02
    """How far the evidence lies behind the beats of the music that dancers hear (median over real dances, between 0 and 32 ms by three
    readings); a grid that is estimated is moved ahead by it."""
    use_network: bool = True
    follow: FollowConfig = field(default_factory=FollowConfig)


def tempo_hypotheses_bpm(step: float) -> np.ndarray:
    """Geometric grid of tempi over the music range with a relative step, float64 [n_tempi]."""
    low, high = MUSIC_RANGE_BPM
    n = int(np.floor(np.log(high / low) / np.log1p(step))) + 1
    return low * (1.0 + step) ** np.arange(n)


def estimate_rhythm(
    motion: Motion,
    *,
    tempo_bpm: float | None = None,
    duration_seconds: float | None = None,
    beat_times_seconds: np.ndarray | None = None,
    config: RhythmConfig | None = None,
    network: RhythmModel | None = None,
    others: Sequence[Dancer] = (),
    share: float = 1.0,
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
    beat_times_seconds : float64 [n] or None
        Beats to keep, from at or before 0 to at or after the end; only the downbeat is estimated then.
    config : RhythmConfig or None
        Defaults to ``RhythmConfig()``.
    network : RhythmModel or None
        Weights of one's own (`dance2music train rhythm`); None takes those that the package carries.
    others : sequence of Dancer
        Further dancers to the same music, with their shares of the rhythm; those of share 0 say nothing.
    share : float
        That of ``motion``, the greatest, where there are others.

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
    network = (network or embedded_network()) if config.use_network else None
    centres, width = _window_centres(motion.duration_seconds, config)
    others = [other for other in others if other.share > 0]
    windows = windows_of_all(motion, others, share, centres, width, network)
    if beat_times_seconds is not None:
        tempo = float(60.0 / np.median(np.diff(beat_times_seconds)))
        downbeat = _downbeat(beat_times_seconds, motion, windows, centres)
        return Rhythm(beat_times_seconds, downbeat, tempo, 1.0, kinematic_beats(motion))
    reach = duration + config.lag_seconds
    looked = _Look(windows, centres, width, tempo_bpm, config)
    whole = None
    if motion.duration_seconds <= config.steady_seconds:
        middle = np.array([motion.duration_seconds / 2])
        whole = windows[0] if len(windows) == 1 else windows_of_all(motion, others, share, middle, motion.duration_seconds, network)[0]
    if len(windows) == 1:
        assert whole is not None
        found = _steady(whole, float(centres[0]), width, tempo_bpm, reach, config)
    else:
        found = looked.path(reach)
        if whole is not None:
            steady = _steady(whole, motion.duration_seconds / 2, motion.duration_seconds, tempo_bpm, reach, config)
            if looked.value_of(steady[0].grid) >= found[0].value - config.steady_margin * len(windows):
                found = steady
    grid = cover(found[0].grid - config.lag_seconds, duration)
    tempo = float(60.0 / np.median(np.diff(grid)))
    if tempo_bpm is None:
        readings = [reading for one in followed(motion, others, share) for reading in kinematic_beat_readings(one)]
        grid = follow(grid, readings, config.follow)
        grid[0], grid[-1] = min(grid[0], 0.0), max(grid[-1], duration)
    return Rhythm(
        beat_times_seconds=grid,
        downbeat=_downbeat(grid, motion, windows, centres),
        tempo_bpm=tempo,
        confidence=found[0].probability,
        kinematic_beats_seconds=kinematic_beats(motion),
        alternatives=tuple(_hypothesis(other.grid - config.lag_seconds, other.probability) for other in found[1 : 1 + config.listed]),
    )


class _Grid(NamedTuple):
    """A beat grid float64 [n] with its value (log-posterior up to a constant) and probability."""

    grid: np.ndarray
    value: float
    probability: float


def _hypothesis(grid: np.ndarray, probability: float) -> Hypothesis:
    """What is told of a grid that was not chosen."""
    return Hypothesis(float(60.0 / np.median(np.diff(grid))), float(grid[grid >= 0][0]), probability)


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


def joint_scores(terms: dict[str, np.ndarray], tempi: np.ndarray, config: RhythmConfig) -> np.ndarray:
    """Log-posterior of tempo and phase up to a constant, float64 [n_tempi, n_phases]; phase is the beat position at the centre."""
    weights = config.with_network if "network_tempo" in terms else config.without_network
    joint = np.broadcast_to(weights.total(terms), (len(tempi), config.phase_bins))
    return joint - 0.5 * (np.log(tempi / config.prior_bpm) / config.prior_width)[:, None] ** 2


def _steady(window: Window, centre: float, seconds: float, tempo_bpm: float | None, duration: float, config: RhythmConfig) -> list[_Grid]:
    """Steady grids of a whole dance that are apart from each other, the most probable first."""
    step = min(config.tempo_step, config.tempo_step * config.window_seconds / seconds)
    tempi = tempo_hypotheses_bpm(step) if tempo_bpm is None else np.array([tempo_bpm])
    phases = np.arange(config.phase_bins) / config.phase_bins
    scores = joint_scores(evidence(window, tempi, phases, config.sigma_seconds), tempi, config)
    found = []
    for (i, j), mass, share in _apart(scores, tempi, config):
        phase, tempo = _refine(window, float(phases[j]), float(tempi[i]), step, config, fixed=tempo_bpm is not None)
        found.append(_Grid(steady_grid(centre, phase, tempo, duration), mass, share))
    return found


def _apart(scores: np.ndarray, tempi: np.ndarray, config: RhythmConfig) -> list[tuple[tuple[int, int], float, float]]:
    """Summits (tempo, phase) of a log-posterior [n_tempi, n_phases] with the log of the mass around each, and its share, largest first.

    Around means: tempi within 4 %, phases nearer than `RhythmConfig.apart_beats`.
    """
    left, n_phases = config.confidence_power * scores, scores.shape[1]
    total = _log_sum(left)
    found = []
    for _ in range(1 + 2 * config.listed):
        i, j = np.unravel_index(np.argmax(left), left.shape)
        if not np.isfinite(left[i, j]):
            break
        near_tempo = np.abs(np.log(tempi / tempi[i])) <= TEMPO_TOLERANCE
        off = (np.arange(n_phases) - j) / n_phases
        near_phase = np.abs(off - np.round(off)) < config.apart_beats
        around = np.ix_(near_tempo, near_phase)
        mass = _log_sum(left[around])
        left[around] = -np.inf
        found.append(((int(i), int(j)), mass, float(np.exp(mass - total))))
    return sorted(found, key=lambda summit: -summit[1])


def _log_sum(values: np.ndarray) -> float:
    """Logarithm of the sum of exponentials."""
    top = values.max()
    return float(top + np.log(np.exp(values - top).sum())) if np.isfinite(top) else -np.inf


class _Look:
    """The windows of a long dance and how well grids go through them."""

    def __init__(self, windows: list[Window], centres: np.ndarray, width: float, tempo_bpm: float | None, config: RhythmConfig) -> None:
        self.centres, self.width, self.config = centres, width, config
        self.tempi = tempo_hypotheses_bpm(config.tempo_step) if tempo_bpm is None else np.array([tempo_bpm])
        self.share = min(1.0, float(centres[1] - centres[0]) / width) if len(centres) > 1 else 1.0
        if len(windows) > 1:
            phases = np.arange(config.phase_bins) / config.phase_bins
            terms = [evidence(window, self.tempi, phases, config.sigma_seconds) for window in windows]
            self.scores = np.stack([joint_scores(t, self.tempi, config) for t in terms])

    def path(self, duration: float) -> list[_Grid]:
        """The best path through the windows, and the same half a beat later."""
        config = self.config
        path = best_path(
            self.scores, self.tempi, self.centres, self.width, drift_weight=config.drift_weight, slip_weight=config.slip_weight
        )
        anchors = phase_anchors(self.scores, path, self.tempi, self.centres)
        grids = [anchored_grid(self.centres, anchors + off, self.tempi[path[:, 0]], duration) for off in (0.0, 0.5)]
        values = [self.value_of(grid) for grid in grids]
        shares = np.exp(self.config.confidence_power * self.share * (np.array(values) - max(values)))
        tempo_sure = _confidence(self.config.confidence_power * _over_phases(self.scores), self.tempi[path[:, 0]], self.tempi)
        return [_Grid(grid, value, float(tempo_sure * share / shares.sum())) for grid, value, share in zip(grids, values, shares)]

    def value_of(self, grid: np.ndarray) -> float:
        """Sum over windows of the score of a grid's tempo and phase there, float."""
        count = np.arange(len(grid), dtype=np.float64)
        total = 0.0
        for scores, centre in zip(self.scores, self.centres):
            position, ahead = np.interp([centre, centre + 0.5], grid, count)
            i = int(np.abs(np.log(self.tempi / (120.0 * max(ahead - position, 1e-6)))).argmin())
            total += float(scores[i, round(position * scores.shape[1]) % scores.shape[1]])
        return total


def _over_phases(scores: np.ndarray) -> np.ndarray:
    """Log-posterior of each tempo, whatever its phase, up to a constant: [W, n_tempi] of [W, n_tempi, n_phases]."""
    top = scores.max(axis=2)
    return np.asarray(top + np.log(np.exp(scores - top[:, :, None]).mean(axis=2)))


def _window_centres(duration_seconds: float, config: RhythmConfig) -> tuple[np.ndarray, float]:
    """Centres [W] and common length of the analysis windows, in seconds."""
    if duration_seconds <= 1.5 * config.window_seconds:
        return np.array([duration_seconds / 2]), duration_seconds
    half = config.window_seconds / 2
    n = int(np.ceil((duration_seconds - config.window_seconds) / config.hop_seconds)) + 1
    return np.linspace(half, duration_seconds - half, n), config.window_seconds


def _refine(window: Window, phase: float, tempo: float, step: float, config: RhythmConfig, *, fixed: bool) -> tuple[float, float]:
    """Phase at the centre and tempo of a steady grid, moved to the nearest maximum of the score between hypotheses a ``step`` apart."""
    tempi = np.array([tempo]) if fixed else np.clip(tempo * (1.0 + step * np.linspace(-1.0, 1.0, 9)), *MUSIC_RANGE_BPM)
    shifts = np.linspace(-1.0, 1.0, 17) / config.phase_bins
    terms = evidence(window, tempi, phase + shifts, config.sigma_seconds)
    terms.pop("periodicity")  # relative to the tempi that it is given
    weights = config.with_network if "network_tempo" in terms else config.without_network
    fit = np.broadcast_to(weights.total(terms), (len(tempi), len(shifts)))
    i, j = np.unravel_index(np.argmax(fit), fit.shape)
    return float(phase + shifts[j]), float(tempi[i])


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
