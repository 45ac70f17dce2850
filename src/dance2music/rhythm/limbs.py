"""The limbs of a dancer as witnesses of the beat: at which part of it each slows down, how surely, and which of them say the same thing.

Six curves are looked at: the logarithms of the speeds of ankles, knees, trunk, head and arms, in which a stop of a slow limb weighs as much
as one of a quick limb, and the height of the pelvis. For a tempo and a phase their components at half the beat's frequency, at it and at
twice it are compared with what dancers are like: a complex Gaussian whose mean says where in the beat each limb is slow, and whose
covariance says how much dancers differ and which limbs only repeat each other. Against it stands the spectrum of the movement around each
frequency. The logarithm of the ratio is the evidence (`limb_evidence`). The Gaussians are measured, not set: see `recipe.limbs`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance2music.dance.kinematics import VELOCITY_CUTOFF_HZ, body_size, low_pass, resample
from dance2music.dance.skeleton import SKELETONS, body_joints
from dance2music.types import Motion

LIMBS: dict[str, tuple[str, ...]] = {
    "feet": ("left_ankle", "right_ankle"),
    "knees": ("left_knee", "right_knee"),
    "trunk": ("pelvis", "neck", "left_hip", "right_hip"),
    "head": ("head",),
    "arms": ("left_wrist", "right_wrist", "left_elbow", "right_elbow"),
}
"""Joints of the common body whose log-speeds are averaged into one curve each."""
WITNESSES: tuple[str, ...] = (*LIMBS, "height")
LEVELS: tuple[float, ...] = (0.5, 1.0, 2.0)
"""Frequencies that are looked at, in cycles per beat."""
_HIGH_PASS_HZ = 0.35
_STILL_SHARE, _STILL_SPEED = 0.1, 0.02
"""Speeds below this share of a joint's own root mean square, and below this many body sizes per second, count as rest."""
_SEEN = 0.3
"""A limb with less mean confidence than this says nothing."""
_NEIGHBOURHOOD = 1.6
"""The spectrum around a frequency reaches from it divided to it times this factor."""
DOUBT = 0.5
"""Share of stretches in which a dancer does not show the beat as others do: no grid is refuted by limbs beyond that."""
_LOG_MEAN_BIAS = 1.78
"""The mean of a periodogram over its geometric mean: exp of Euler's constant."""


@dataclass(frozen=True)
class LimbModel:
    """What dancers are like: K `LEVELS` of W `WITNESSES`, as measured on dances whose beats are known.

    Attributes
    ----------
    mean : complex [K, W], component of each curve relative to the beat.
    spread : complex [K, W, W], covariance of it from dancer to dancer.
    noise : float [W, W], correlation of the curves away from the beat.
    """

    mean: np.ndarray
    spread: np.ndarray
    noise: np.ndarray


@dataclass(frozen=True)
class LimbCurves:
    """Curves of a stretch of a dance: float64 [W, T] of unit variance at ``fps``, and bool [W], which of them were seen."""

    values: np.ndarray
    seen: np.ndarray
    fps: float


def limb_curves(motion: Motion, fps: float) -> LimbCurves:
    """The curves of `WITNESSES` for a whole dance; for a flow grid, which has no limbs, none is seen."""
    body = body_joints(resample(motion, fps))
    count = len(body.joints)
    if motion.skeleton == "flow" or count < 2:
        return LimbCurves(np.zeros((len(WITNESSES), count)), np.zeros(len(WITNESSES), bool), fps)
    at = SKELETONS["body-15"].index
    xy = low_pass(body.joints[..., :2], fps=fps, cutoff_hz=VELOCITY_CUTOFF_HZ, weights=body.confidence[..., None]) / body_size(body)
    speed = np.linalg.norm(np.gradient(xy, axis=0), axis=-1) * fps
    logs = np.log(speed + _STILL_SHARE * np.sqrt((speed**2).mean(axis=0)) + _STILL_SPEED)
    groups = {name: [at(joint) for joint in joints] for name, joints in LIMBS.items()}
    curves = np.stack([*(logs[:, joints].mean(axis=1) for joints in groups.values()), xy[:, at("pelvis"), 1]])
    seen = [body.confidence[:, joints].mean() >= _SEEN for joints in (*groups.values(), [at("pelvis")])]
    curves = curves - low_pass(curves.T, fps=fps, cutoff_hz=_HIGH_PASS_HZ).T
    return LimbCurves(curves / (curves.std(axis=1, keepdims=True) + 1e-6), np.array(seen), fps)


def components(curves: LimbCurves, times: np.ndarray, frequencies_hz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Components complex [W, F] of the curves at these frequencies, and their variances float [W, F] if there is nothing but the spectrum.

    ``times`` float [T] are those of the frames; phases are relative to time 0.
    """
    values = curves.values
    taper = np.sqrt(np.hanning(values.shape[1] + 2)[1:-1])
    found = (values * taper) @ np.exp(-2j * np.pi * np.outer(times, frequencies_hz)) / taper.sum()
    return found, _background(curves, frequencies_hz) * (taper**2).sum() / taper.sum() ** 2


def _background(curves: LimbCurves, frequencies_hz: np.ndarray) -> np.ndarray:
    """Spectral density [W, F] around each frequency: geometric mean of the periodogram over a neighbourhood, so that peaks count little."""
    count = values_count = curves.values.shape[1]
    taper = np.hanning(count + 2)[1:-1]
    size = 4 * values_count
    power = np.abs(np.fft.rfft(curves.values * taper, size, axis=1)) ** 2 / (taper**2).sum()
    hz = np.fft.rfftfreq(size, 1 / curves.fps)
    total = np.concatenate([np.zeros((len(power), 1)), np.cumsum(np.log(power + 1e-9), axis=1)], axis=1)
    low = np.searchsorted(hz, frequencies_hz / _NEIGHBOURHOOD)
    high = np.maximum(np.searchsorted(hz, frequencies_hz * _NEIGHBOURHOOD), low + 1)
    low, high = np.minimum(low, len(hz) - 1), np.minimum(high, len(hz))
    return np.asarray(_LOG_MEAN_BIAS * np.exp((total[:, high] - total[:, low]) / np.maximum(high - low, 1)))


def limb_evidence(curves: LimbCurves, times: np.ndarray, tempi_bpm: np.ndarray, phases: np.ndarray, model: LimbModel) -> np.ndarray:
    """Log-likelihood ratio of a beat at each tempo and phase against none, float64 [n_tempi, n_phases]; 0 where no limb was seen.

    It is that of a mixture: with `DOUBT` the dancer does not show the beat at all.

    Parameters
    ----------
    curves, times : a stretch of a dance; ``times`` float [T] relative to its centre.
    tempi_bpm : float [n_tempi].
    phases : float [n_phases], beat position at the centre.
    model : LimbModel.
    """
    seen = np.flatnonzero(curves.seen)
    total = np.zeros((len(tempi_bpm), len(phases)))
    if not len(seen) or len(times) < 2:
        return total
    for level, mean, spread in zip(LEVELS, model.mean[:, seen], model.spread[np.ix_(np.arange(len(LEVELS)), seen, seen)]):
        found, variance = components(curves, times, level * tempi_bpm / 60.0)
        deviation = np.sqrt(variance[seen]).T  # [F, W]
        noise = deviation[:, :, None] * deviation[:, None] * model.noise[np.ix_(seen, seen)]
        z = found[seen].T
        within, whole = np.linalg.inv(noise), np.linalg.inv(noise + spread)
        cross = np.einsum("fw,fwu,u->f", z.conj(), whole, mean)
        shift = (cross[:, None] * np.exp(2j * np.pi * level * phases)).real
        alone = np.einsum("fw,fwu,fu->f", z.conj(), within - whole, z).real - np.einsum("w,fwu,u->f", mean.conj(), whole, mean).real
        gain = np.linalg.slogdet(noise)[1] - np.linalg.slogdet(noise + spread)[1]
        total += 2.0 * shift + (alone + gain)[:, None]
    return np.asarray(np.logaddexp(np.log1p(-DOUBT) + total, np.log(DOUBT)))
