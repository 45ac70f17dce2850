"""What speaks for a tempo and a beat phase: log-evidence on a grid of hypotheses, for one window of a dance.

Five terms, weighed and added up by `rhythm.estimate`: where in the beat the limbs slow down (`rhythm.limbs`); the periodicity of the
movement at half, one and two times the beat; how well a grid falls on the kinematic beats; and from the learned network
(`rhythm.network`) its distribution over tempi and its beat activation at the beats of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from dance2music.dance.kinematics import FEATURE_SLICES, kinematic_beats, kinetic_velocity, kinetic_velocity_aist, motion_features, resample
from dance2music.dance.skeleton import body_joints
from dance2music.rhythm.limbs import LimbCurves, limb_curves, limb_evidence
from dance2music.types import Motion

if TYPE_CHECKING:
    from dance2music.rhythm.network import RhythmModel

FEATURE_FPS = 30.0
LOOK_SECONDS = 12.0
"""The network looks at no more than this at once, the longest that it was trained on."""
LOOK_HOP_SECONDS = 6.0


@dataclass(frozen=True)
class Window:
    """A stretch of a dance with all that the evidence is computed from; times are relative to its centre.

    Attributes
    ----------
    curves : float64 [T, C] at `FEATURE_FPS`.
    kinematic_beats_seconds : several float64 [n], kinematic beats by each of the readings of `kinematic_beat_readings`.
    frame_times_seconds : float64 [T].
    limbs : curves of the limbs [W, T].
    network : whose statistics of limbs count (`RhythmModel.limb_model`), or None without network.
    beat_activation : float64 [T], logits of the network minus their mean, or None without network.
    downbeat_probability : float64 [T], smoothed over a quarter of a second, or None.
    tempo_log_p : float64 [n], log-probability at ``tempo_bins_bpm`` [n], or None; of a long window the sum over independent looks.
    weight : how much this dancer's evidence counts beside that of the others.
    company : the same stretch of the other dancers, see `rhythm.together`.
    """

    curves: np.ndarray
    kinematic_beats_seconds: list[np.ndarray]
    frame_times_seconds: np.ndarray
    limbs: LimbCurves
    network: RhythmModel | None = None
    beat_activation: np.ndarray | None = None
    downbeat_probability: np.ndarray | None = None
    tempo_log_p: np.ndarray | None = None
    tempo_bins_bpm: np.ndarray | None = None
    weight: float = 1.0
    company: tuple[Window, ...] = ()


def rhythm_features(motion: Motion) -> np.ndarray:
    """`dance.kinematics.motion_features` [T, D] at `FEATURE_FPS`.

    Where only optical flow was seen, its energy stands for the kinetic velocity.
    """
    features = motion_features(motion, fps=FEATURE_FPS)
    if motion.skeleton == "flow" and motion.flow_energy is not None:
        energy = kinetic_velocity(resample(motion, FEATURE_FPS))
        energy = energy / (energy.std() + 1e-9)
        block = FEATURE_SLICES["kinetic"]
        features[:, block.start] = energy
        features[:, block.start + 1] = np.gradient(energy) * FEATURE_FPS / 10.0 if len(energy) > 1 else 0.0
    return features


def movement_curves(features: np.ndarray) -> np.ndarray:
    """Curves that repeat with the beat: joint speeds, accelerations of the parts, kinetic velocity, vertical movement; float64 [T, C].

    High-passed at a period of about 4 s and standardised.
    """
    from scipy.ndimage import gaussian_filter1d

    velocity = features[:, FEATURE_SLICES["velocity"]].astype(np.float64)
    speeds = np.hypot(velocity[:, 0::2], velocity[:, 1::2])
    blocks = [speeds, *(features[:, FEATURE_SLICES[name]] for name in ("part_acceleration", "kinetic", "vertical"))]
    x = np.concatenate(blocks, axis=1)
    x = gaussian_filter1d(x, 0.03 * FEATURE_FPS, axis=0)
    x = x - gaussian_filter1d(x, 0.7 * FEATURE_FPS, axis=0)
    return x / (x.std(axis=0) + 1e-6)


@lru_cache(maxsize=1)
def embedded_network() -> RhythmModel | None:
    """The network with the weights that the package carries, or None where they are missing.

    Raises
    ------
    InputError
        If the file was changed or damaged.
    """
    from dance2music.checkpoint import load_model
    from dance2music.rhythm.network import RhythmModel

    with resources.as_file(resources.files("dance2music") / "weights" / "rhythm.safetensors") as path:
        if not path.is_file():
            return None
        model = load_model(path, expected="rhythm")
    assert isinstance(model, RhythmModel)
    return model


def kinematic_beat_readings(motion: Motion) -> list[np.ndarray]:
    """Kinematic beats in seconds by three readings of "local minimum of the kinetic velocity", which differ in smoothing and extent.

    No definition is the true one: what agrees with all of them looks in time to whoever measures it. The last is that of AIST++ (Li et al.
    2021: no smoothing, minima of order 1/6 s), on the common body.

    Returns
    -------
    list of float64 [n]; a single one where only optical flow was seen.
    """
    from scipy.signal import argrelextrema

    smooth = kinematic_beats(motion)
    if motion.skeleton == "flow":
        return [smooth]
    quick = kinematic_beats(motion, cutoff_hz=10.0, min_distance_seconds=1.0 / 6.0)
    raw = kinetic_velocity_aist(body_joints(motion).joints)
    return [smooth, quick, argrelextrema(raw, np.less, order=max(1, round(motion.fps / 6)))[0] / motion.fps]


def make_windows(motion: Motion, centres: np.ndarray, width: float, network: RhythmModel | None) -> list[Window]:
    """Cut a motion into windows of ``width`` seconds around ``centres`` [n], in seconds, of which the network, if any, has seen each."""
    features = rhythm_features(motion)
    curves, limbs = movement_curves(features), limb_curves(motion, FEATURE_FPS)
    readings = kinematic_beat_readings(motion)
    length = max(2, min(len(features), round(width * FEATURE_FPS)))
    starts = np.clip(np.round((centres - width / 2) * FEATURE_FPS).astype(int), 0, len(features) - length)
    seen = _look(network, features) if network is not None and len(features) >= 8 else None
    windows = []
    for centre, start in zip(centres, starts):
        inside = [beats[np.abs(beats - centre) <= width / 2 + 1e-9] - centre for beats in readings]
        span = slice(start, start + length)
        times = (start + np.arange(length)) / FEATURE_FPS - centre
        window = Window(curves[span], inside, times, replace(limbs, values=limbs.values[:, span]))
        if seen is not None and network is not None:
            beat = seen.beat[span]
            window = replace(
                window,
                network=network,
                beat_activation=beat - beat.mean(),
                downbeat_probability=seen.downbeat[span],
                tempo_log_p=seen.tempo_in(start / FEATURE_FPS, (start + length) / FEATURE_FPS),
                tempo_bins_bpm=network.config.tempi_bpm().double().numpy(),
            )
        windows.append(window)
    return windows


@dataclass(frozen=True)
class _Seen:
    """What the network makes of a dance: beat logits and smooth downbeat probabilities [T], tempo log-probabilities [L, n] of its looks."""

    beat: np.ndarray
    downbeat: np.ndarray
    tempo: np.ndarray
    centres_seconds: np.ndarray

    def tempo_in(self, begin_seconds: float, end_seconds: float) -> np.ndarray:
        """Log-probability of each tempo by the looks whose centres lie in a span, the overlap of neighbours taken off."""
        inside = (self.centres_seconds >= begin_seconds) & (self.centres_seconds <= end_seconds)
        if not inside.any():
            inside = np.arange(len(self.tempo)) == np.abs(self.centres_seconds - (begin_seconds + end_seconds) / 2).argmin()
        hop = LOOK_SECONDS if len(self.centres_seconds) < 2 else float(self.centres_seconds[1] - self.centres_seconds[0])
        count = 1.0 + (inside.sum() - 1) * min(1.0, hop / LOOK_SECONDS)
        return np.asarray(self.tempo[inside].mean(axis=0) * count)


def _look(network: RhythmModel, features: np.ndarray) -> _Seen:
    """Let the network look at all features [T, D_m], at `LOOK_SECONDS` at once; where looks overlap, the nearer centre counts more."""
    import torch
    from scipy.ndimage import gaussian_filter1d

    length = min(len(features), round(LOOK_SECONDS * FEATURE_FPS))
    looks = 1 + int(np.ceil((len(features) - length) / (LOOK_HOP_SECONDS * FEATURE_FPS)))
    starts = np.round(np.linspace(0, len(features) - length, looks)).astype(int)
    weight = np.hanning(length + 2)[1:-1] + 1e-3
    beat, downbeat, total = np.zeros(len(features)), np.zeros(len(features)), np.zeros(len(features))
    tempi = []
    with torch.inference_mode():
        for start in starts:
            out = network(torch.from_numpy(features[start : start + length])[None])
            span = slice(start, start + length)
            beat[span] += weight * out.beat[0].double().numpy()
            downbeat[span] += weight * torch.sigmoid(out.downbeat[0]).double().numpy()
            total[span] += weight
            tempi.append(torch.log_softmax(out.tempo[0], dim=-1).double().numpy())
    centres = (starts + length / 2) / FEATURE_FPS
    return _Seen(beat / total, gaussian_filter1d(downbeat / total, 0.1 * FEATURE_FPS), np.array(tempi), centres)


def evidence(window: Window, tempi_bpm: np.ndarray, phases: np.ndarray, sigma_seconds: float) -> dict[str, np.ndarray]:
    """Terms of the log-evidence, each float64 [n_tempi, n_phases or 1]; phases are beat positions at the centre of the window.

    ``agreement`` is a sum over kinematic beats (mean of their readings) of ``exp(-d^2 / 2 sigma^2)`` minus its value by chance: Beat
    Alignment (Li et al. 2021) with the grid as music. ``network_beat`` is the sum over frames of the network's activation times the same
    kernel, per kernel mass. Of several dancers each term is the weighted sum of theirs.
    """
    terms = _evidence_of_one(window, tempi_bpm, phases, sigma_seconds)
    if not window.company:
        return terms
    everybody = [window, *window.company]
    each = [terms, *(_evidence_of_one(other, tempi_bpm, phases, sigma_seconds) for other in window.company)]
    return {name: np.asarray(sum(one.weight * of_one[name] for one, of_one in zip(everybody, each))) for name in terms}


def _evidence_of_one(window: Window, tempi_bpm: np.ndarray, phases: np.ndarray, sigma_seconds: float) -> dict[str, np.ndarray]:
    """`evidence` of a single dancer."""
    period = 60.0 / tempi_bpm
    chance = sigma_seconds * np.sqrt(2 * np.pi) / period
    agreement = np.zeros((len(tempi_bpm), len(phases)))
    for beats in window.kinematic_beats_seconds:
        at_beats = _kernel(beats, period, phases, sigma_seconds).sum(axis=0) - len(beats) * chance[:, None]
        agreement += at_beats / len(window.kinematic_beats_seconds)
    terms = {"periodicity": _periodicity(window.curves, tempi_bpm)[:, None], "agreement": agreement}
    if window.tempo_log_p is not None and window.tempo_bins_bpm is not None and window.beat_activation is not None:
        if window.network is not None:
            terms["limbs"] = limb_evidence(window.limbs, window.frame_times_seconds, tempi_bpm, phases, window.network.limb_model())
        terms["network_tempo"] = np.interp(np.log(tempi_bpm), np.log(window.tempo_bins_bpm), window.tempo_log_p)[:, None]
        led = phases + (0.0 if window.network is None else window.network.config.lead_beats)
        terms["network_beat"] = _beat_sums(window.beat_activation, window.frame_times_seconds, period, led, sigma_seconds)
    return terms


def _kernel(times: np.ndarray, period: np.ndarray, phases: np.ndarray, sigma_seconds: float) -> np.ndarray:
    """Kernel of the distance from each time to the nearest beat, [n_times, n_tempi, n_phases]."""
    position = times[:, None, None] / period[None, :, None] + phases
    distance = (position - np.round(position)) * period[None, :, None]
    return np.exp(-0.5 * (distance / sigma_seconds) ** 2)


def _beat_sums(activation: np.ndarray, times: np.ndarray, period: np.ndarray, phases: np.ndarray, sigma_seconds: float) -> np.ndarray:
    """Sum over beats of an activation [T] under a Gaussian of mass 1 around each, [n_tempi, n_phases], by the harmonics of such a train."""
    total = np.repeat(activation.sum() / (period * FEATURE_FPS)[:, None], len(phases), axis=1)
    for harmonic in range(1, 1 + int(np.ceil(period.max() / (2.0 * sigma_seconds)))):
        height = 2.0 * np.exp(-2.0 * (np.pi * harmonic * sigma_seconds / period) ** 2) / (period * FEATURE_FPS)
        found = activation @ np.exp(2j * np.pi * harmonic * times[:, None] / period)
        total += height[:, None] * (found[:, None] * np.exp(2j * np.pi * harmonic * phases)).real
    return total


def _periodicity(curves: np.ndarray, tempi_bpm: np.ndarray) -> np.ndarray:
    """Share of the movement's power at half, one and two times the beat, times frequency, standardised over tempi, [n_tempi]."""
    if len(tempi_bpm) == 1:
        return np.zeros(1)
    n = len(curves)
    t = (np.arange(n) - (n - 1) / 2) / FEATURE_FPS
    x = curves * np.hanning(n + 2)[1:-1, None]
    energy = (x**2).sum(axis=0) + 1e-9
    total = np.zeros(len(tempi_bpm))
    for level in (0.5, 1.0, 2.0):
        angle = 2 * np.pi * np.outer(tempi_bpm / 60.0 * level, t)
        # Movement has about 1/f power: the factor keeps slow tempi from winning by that alone.
        total += level * tempi_bpm * (((np.cos(angle) @ x) ** 2 + (np.sin(angle) @ x) ** 2) / energy).mean(axis=1)
    return (total - total.mean()) / (total.std() + 1e-9)
