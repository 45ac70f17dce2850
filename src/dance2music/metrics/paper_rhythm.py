"""The rhythm scores of the field exactly as published: one bit per second, under names that tell the two formulas apart.

D2M-GAN (Zhu et al. 2022, arXiv:2204.00604, section 4.2) divides counts; LORIS (Yu et al. 2023) kept the name "coverage" for a precision
and changed the detector. In both a "beat" is a second of the clip with an onset in it: a click track at any tempo scores near 1, and
where in the second the onset lies does not matter. They are here for comparison with print; `metrics.strict` measures synchronisation.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from dance2music.errors import InputError
from dance2music.types import Audio

DETECTOR_SAMPLE_RATE = 22050
"""Rate in Hz to which both published tools resample on loading: librosa's default."""


@dataclass(frozen=True)
class Detector:
    """Settings of librosa's onset detector; all widths are frames of `music.beats.ONSET_HOP_LENGTH` samples (23 ms)."""

    wait: int = 1
    delta: float = 0.2
    pre_avg: int = 1
    post_avg: int = 1
    pre_max: int = 1
    post_max: int = 1


D2M_DETECTOR = Detector()
"""Of the published tool of D2M-GAN (Beats_Scores). It leaves ``pre_max`` at librosa's default, which is 1 frame at its rate."""

LORIS_DETECTOR = Detector(pre_avg=3, post_avg=3, pre_max=3, post_max=3)


def detector_envelope(audio: Audio) -> np.ndarray:
    """Onset strength float32 [T] that `published_onsets` picks from: librosa's, of the sound in mono at `DETECTOR_SAMPLE_RATE`."""
    import librosa

    from dance2music.music.audio import resample
    from dance2music.music.beats import ONSET_HOP_LENGTH, mono

    y = mono(resample(audio, DETECTOR_SAMPLE_RATE))
    if not np.any(y):
        return np.zeros(1 + len(y) // ONSET_HOP_LENGTH, dtype=np.float32)
    return librosa.onset.onset_strength(y=y, sr=DETECTOR_SAMPLE_RATE, hop_length=ONSET_HOP_LENGTH)


def published_onsets(audio: Audio, detector: Detector = D2M_DETECTOR, *, envelope: np.ndarray | None = None) -> np.ndarray:
    """Onsets as a published tool finds them; the envelope is normalised per file, so loudness does not matter.

    Parameters
    ----------
    audio : Audio of any rate and number of channels.
    detector : `D2M_DETECTOR` or `LORIS_DETECTOR`.
    envelope : float [T], `detector_envelope` of the audio where it is at hand.

    Returns
    -------
    float64 [n], seconds; empty for silence.
    """
    import librosa

    from dance2music.music.beats import ONSET_HOP_LENGTH
    from dance2music.music.compiled import compiled_alone

    envelope = detector_envelope(audio) if envelope is None else envelope
    if not np.any(envelope):
        return np.zeros(0)
    with compiled_alone("onset_detect", str(envelope.dtype)):
        return librosa.onset.onset_detect(
            onset_envelope=envelope, sr=DETECTOR_SAMPLE_RATE, hop_length=ONSET_HOP_LENGTH, units="time", **asdict(detector)
        )


def second_bins(onsets: np.ndarray, duration_seconds: float) -> np.ndarray:
    """Which seconds of a clip have an onset: bool [ceil(duration)]. Onsets beyond the end are left out.

    Raises
    ------
    InputError
        If the duration is not positive, or an onset is negative or not finite.
    """
    if not (duration_seconds > 0 and math.isfinite(duration_seconds)):
        raise InputError(f"duration_seconds: {duration_seconds}; expected the positive length of the clip")
    onsets = np.asarray(onsets, dtype=np.float64)
    if not np.isfinite(onsets).all() or (onsets < 0).any():
        raise InputError("onsets: negative or not finite; expected times in seconds from the start of the clip")
    # A clip of 2 s that lost a sample to rounding of times has two bins, not three.
    bins = np.zeros(math.ceil(duration_seconds - 1e-6), dtype=bool)
    seconds = onsets.astype(np.int64)
    bins[seconds[seconds < len(bins)]] = True
    return bins


def beats_coverage(reference: np.ndarray, estimate: np.ndarray) -> float:
    """D2M-GAN's Beats Coverage, a ratio of counts: seconds with an onset in the estimate over those in the reference.

    Zhu et al. 2022, section 4.2, B_g / B_t, as its tool computes it. Can exceed 1, and over- and undershoots cancel in a mean over clips.
    Departs from the tool, which stops at a reference without onsets and at unequal numbers of bins: see Returns and Parameters.

    Parameters
    ----------
    reference, estimate : bool [S], `second_bins`. What the estimate has beyond the reference's length does not count, what it lacks is 0.

    Returns
    -------
    float >= 0; NaN where the reference has no onset.
    """
    reference, estimate = _pair(reference, estimate)
    return float(estimate.sum() / reference.sum()) if reference.any() else math.nan


def beats_hit(reference: np.ndarray, estimate: np.ndarray) -> float:
    """D2M-GAN's Beats Hit: the share of the reference's seconds with an onset in which the estimate has one, too (B_a / B_t).

    Parameters bool [S] and edge cases as `beats_coverage`; at most 1. LORIS has the same formula with `LORIS_DETECTOR`.
    """
    reference, estimate = _pair(reference, estimate)
    return float((reference & estimate).sum() / reference.sum()) if reference.any() else math.nan


def loris_precision(reference: np.ndarray, estimate: np.ndarray) -> float:
    """LORIS' "Beats Coverage", a precision: the share of the estimate's seconds with an onset in which the reference has one, too.

    Yu et al. 2023 (arXiv:2305.01319) and those who compare with it. Not comparable with `beats_coverage`, whose name it took.

    Parameters
    ----------
    reference, estimate : bool [S], `second_bins` of onsets by `LORIS_DETECTOR`; the longer is cut to the shorter.

    Returns
    -------
    float in 0..1; 0 where the estimate has no onset.
    """
    n = min(len(reference), len(estimate))
    reference, estimate = np.asarray(reference[:n], dtype=bool), np.asarray(estimate[:n], dtype=bool)
    return float((reference & estimate).sum() / estimate.sum()) if estimate.any() else 0.0


def loris_recall(reference: np.ndarray, estimate: np.ndarray) -> float:
    """LORIS' Beats Hit of bool [S]: `beats_hit` with `LORIS_DETECTOR`, both cut to the shorter; 0 where the reference has no onset."""
    return loris_precision(estimate, reference)


def loris_f1(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Harmonic mean of `loris_precision` and `loris_recall` of one clip, bool [S] each; 0 where both are 0."""
    precision, recall = loris_precision(reference, estimate), loris_recall(reference, estimate)
    return 2.0 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def deviation(values: np.ndarray) -> float:
    """CSD or HSD of LORIS: the standard deviation (n - 1) of `loris_precision` or `loris_recall` of clips, float [n].

    NaN for fewer than two; clips without a finite value are left out.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def _pair(reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as bool [S] of the reference's length."""
    reference, estimate = np.asarray(reference, dtype=bool), np.asarray(estimate, dtype=bool)
    return reference, np.pad(estimate, (0, max(0, len(reference) - len(estimate))))[: len(reference)]
