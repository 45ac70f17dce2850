"""Every metric of an evaluation by name: what a reader must know of it (`METRICS`), and its value for one clip (`score_pair`).

docs/metrics.md has an entry for each. To add one: a pure function in a file of the room ``metrics``, and a line in `METRICS` whose
``measure`` calls it. Those that share work with others are computed by family below.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dance2music.evaluation.features import SCALARS, AudioFeatures, MotionFeatures
from dance2music.evaluation.results import MetricInfo
from dance2music.metrics import paper_rhythm as published
from dance2music.metrics import strict
from dance2music.metrics.own_beats import own_beat_scores
from dance2music.metrics.production import (
    bandwidth_hz,
    crest_db,
    energy_correlation,
    lead_repetition,
    loudness_spread_db,
    stereo_width,
    sub_db,
)
from dance2music.metrics.quality import log_mel_l1, multi_resolution_stft
from dance2music.metrics.rhythm import AIST_FPS, AIST_SIGMA_FRAMES, F_WINDOW_SECONDS, beat_alignment, beat_f, shifted_alignments
from dance2music.metrics.sound import attack_seconds, found_comb
from dance2music.music.beats import USUAL_BPM, aist_beat_frames
from dance2music.music.loudness import loudness_range, true_peak_db
from dance2music.types import Audio, Score

SILENCE_DB = -120.0
"""True peak that is written for silence."""
SHIFTS = 200
"""Random circular shifts behind a lift."""
OWN_SHIFTS = 50
"""The same behind the chance of the dancer's own beats, each matched one to one."""

_D2M, _CGAN, _LORIS = "D2M-GAN 4.2", "Creative-GAN 4.2", "LORIS"
_PUBLISHED, _STRICT, _SYNC, _GENRE = "rhythm as published", "rhythm, strict", "sync with the dancer", "genre"
_OWN = "beats of the dancer's own music"
_DIVERSITY, _QUALITY, _RULES = "diversity and novelty", "sound", "rules of composition"


def _rate(label: str, family: str, source: str, *needs: str, per_clip: bool = True) -> MetricInfo:
    """A score from 0 (worst) to 1 (best)."""
    return MetricInfo(label, family, ideal=1.0, worst=0.0, needs=needs, source=source, per_clip=per_clip)


def _error(
    label: str, family: str, source: str, *needs: str, unit: str = "", worst: float | None = None, per_clip: bool = True
) -> MetricInfo:
    """A distance: 0 is best."""
    return MetricInfo(label, family, unit, "lower", 0.0, worst, needs, per_clip, source)


def _measured(label: str, unit: str, source: str, measure: Callable[[Pair], float], family: str = _QUALITY, *needs: str) -> MetricInfo:
    """A value of the sound as it is in its file, of which neither more nor less is better."""
    return MetricInfo(label, family, unit, "", needs=needs, source=source, measure=measure)


def _following(pair: Pair) -> float:
    assert pair.seen is not None
    return energy_correlation(pair.whole, pair.seen.kinetic_velocity, pair.seen.kinetic_fps)


def _returning(pair: Pair) -> float:
    assert pair.score is not None
    return lead_repetition(pair.score)


METRICS: dict[str, MetricInfo] = {
    "own_beat_f_70ms": _rate("beat F with the dancer's own music, 70 ms", _OWN, "metrics.own_beats", "own beats"),
    "own_beat_f_120ms": _rate("the same, 120 ms", _OWN, "metrics.own_beats", "own beats"),
    "own_beat_f_shifted": MetricInfo("chance: the same at random shifts, 70 ms", _OWN, better="", needs=("own beats",), source="mir_eval"),
    "own_beat_lift": MetricInfo("lift over chance, 70 ms", _OWN, ideal=None, needs=("own beats",), source="metrics.own_beats"),
    "beats_coverage": MetricInfo("Beats Coverage (count ratio)", _PUBLISHED, ideal=1.0, worst=0.0, needs=("reference",), source=_D2M),
    "beats_hit": _rate("Beats Hit", _PUBLISHED, _D2M, "reference"),
    "loris_precision": _rate("LORIS coverage (precision)", _PUBLISHED, _LORIS, "reference"),
    "loris_recall": _rate("LORIS hit (recall)", _PUBLISHED, _LORIS, "reference"),
    "loris_f1": _rate("LORIS F1", _PUBLISHED, _LORIS, "reference"),
    "loris_csd": _error("LORIS CSD", _PUBLISHED, _LORIS, "reference", per_clip=False),
    "loris_hsd": _error("LORIS HSD", _PUBLISHED, _LORIS, "reference", per_clip=False),
    "onset_f_50ms": _rate("onset F, 50 ms", _STRICT, "mir_eval", "reference"),
    "onset_f_70ms": _rate("onset F, 70 ms", _STRICT, "mir_eval", "reference"),
    "beat_f_50ms": _rate("beat F, 50 ms", _STRICT, "mir_eval", "reference"),
    "beat_f_70ms": _rate("beat F, 70 ms", _STRICT, "mir_eval", "reference"),
    "tempo_error": _error("tempo error", _STRICT, "MIREX", "reference", worst=1.0),
    "tempo_error_octave": _error("tempo error, octave allowed", _STRICT, "MIREX", "reference", worst=1.0),
    "tempo_right": _rate("tempo right (4 %)", _STRICT, "MIREX", "reference"),
    "tempo_right_octave": _rate("tempo right, octave allowed", _STRICT, "MIREX", "reference"),
    "phase_error_ms": _error("phase error", _STRICT, "metrics.strict", "reference", unit="ms"),
    "cml_c": _rate("CMLc", _STRICT, "mir_eval", "reference"),
    "cml_t": _rate("CMLt", _STRICT, "mir_eval", "reference"),
    "aml_c": _rate("AMLc", _STRICT, "mir_eval", "reference"),
    "aml_t": _rate("AMLt", _STRICT, "mir_eval", "reference"),
    "lift": MetricInfo("lift of onsets over shifts", _SYNC, ideal=None, needs=("dance",), source="Eq. 13, shifted"),
    "lift_beats": MetricInfo("lift of beats over shifts", _SYNC, ideal=None, needs=("dance",), source="Eq. 13, shifted"),
    "lift_first": MetricInfo(
        "lift of onsets by the reading that ranks takes", _SYNC, ideal=None, needs=("dance",), source="Eq. 13, shifted; no evidence"
    ),
    "kinematic_beat_f": _rate("beat F with kinematic beats, 70 ms", _SYNC, "mir_eval", "dance"),
    "beat_alignment": _rate("Beat Alignment, beats", _SYNC, "Creative-GAN Eq. 13", "dance"),
    "beat_alignment_onsets": _rate("Beat Alignment, onsets", _SYNC, "Creative-GAN Eq. 13", "dance"),
    "beat_alignment_reverse": _rate("Beat Alignment from the music, beats", _SYNC, "Eq. 13, reversed", "dance"),
    "beat_alignment_reverse_onsets": _rate("Beat Alignment from the music, onsets", _SYNC, "Eq. 13, reversed", "dance"),
    "beat_alignment_aist": _rate("Beat Alignment, AIST++ settings", _SYNC, "Li et al. 2021", "dance"),
    "lift_aist": MetricInfo("lift of the AIST++ score", _SYNC, ideal=None, needs=("dance",), source="Li et al. 2021, shifted"),
    "energy_correlation": _measured("rank correlation, motion energy and loudness", "", "metrics.production", _following, _SYNC, "dance"),
    "genre_retrieval": _rate("genre accuracy, retrieval", _GENRE, _D2M, "reference", "genre"),
    "genre_classifier": _rate("genre accuracy, classifier", _GENRE, "metrics.genre", "genre"),
    "dist_m": MetricInfo("Dist_m between dances", _DIVERSITY, worst=0.0, per_clip=False, source=_CGAN),
    "dist_m_takes": MetricInfo("Dist_m between takes", _DIVERSITY, worst=0.0, needs=("takes",), per_clip=False, source=_CGAN),
    "novelty": MetricInfo("novelty: nearest training piece", _DIVERSITY, better="", needs=("training",), source="Creative-GAN abstract"),
    "frechet": _error("Fréchet distance", _QUALITY, "Kilgour et al. 2019", "reference", per_clip=False),
    "log_mel_l1": _error("log-mel L1", _QUALITY, "Kong et al. 2020", "reference"),
    "multi_resolution_stft": _error("multi-resolution STFT", _QUALITY, "Yamamoto et al. 2020", "reference"),
    "codec_log_mel_l1": MetricInfo("codec reconstruction, log-mel L1", _QUALITY, better="", source=_D2M),
    "noise_likeness": _error("noise likeness", _QUALITY, "Johnston 1988", worst=1.0),
    "comb_db": MetricInfo("buzz at the frame rate over the spectrum between", _QUALITY, "dB", "", source="metrics.sound"),
    "comb_share": MetricInfo("share of 2 to 10 kHz on the frame rate's lines", _QUALITY, better="", source="metrics.sound"),
    "comb_found_db": _measured("buzz at the rate of most", "dB", "metrics.sound", lambda p: max(0.0, found_comb(p.whole).level_db)),
    "bandwidth_khz": _measured("content to (-55 dB)", "kHz", "metrics.production", lambda p: bandwidth_hz(p.whole) / 1000),
    "stereo_width": _measured("stereo width", "", "metrics.production", lambda p: stereo_width(p.whole)),
    "crest_db": _measured("crest", "dB", "metrics.production", lambda p: crest_db(p.whole)),
    "sub_db": _measured("energy below 60 Hz", "dB", "metrics.production", lambda p: sub_db(p.whole)),
    "true_peak_dbtp": _measured("true peak", "dBTP", "ITU-R BS.1770-4", lambda p: max(SILENCE_DB, true_peak_db(p.whole))),
    "loudness_range_lu": _measured("loudness range", "LU", "EBU Tech 3342", lambda p: loudness_range(p.whole)),
    "loudness_spread_db": _measured("spread of loudness, 4 s windows", "dB", "metrics.production", lambda p: loudness_spread_db(p.whole)),
    "attack_ms": _measured("attack of hats and snares, 10 to 90 %", "ms", "metrics.sound", lambda p: 1000 * attack_seconds(p.whole)),
    "loudness_lufs": MetricInfo("loudness", _QUALITY, "LUFS", "", source="ITU-R BS.1770-4"),
    "key_clarity": _rate("key clarity", _RULES, "Krumhansl 1990"),
    "chord_consonance": _rate("chord consonance", _RULES, "Huron 1994"),
    "groove_consistency": _rate("groove consistency", _RULES, "Wu and Yang 2020"),
    "self_similarity_structure": _rate("self-similarity structure", _RULES, "Foote 1999"),
    "lead_repetition": _measured("bars of the lead that return", "", "metrics.production", _returning, _RULES, "notes"),
    "tempo_stability": _rate("tempo stability", _RULES, "metrics.composition"),
    "pulse_clarity": _rate("pulse clarity", _RULES, "metrics.musicality"),
}  # fmt: skip
"""Name -> what it is. Order is the order of tables."""


@dataclass(frozen=True)
class Pair:
    """One system's music for one clip, and what it is held against; what is not at hand is None.

    Attributes
    ----------
    heard, audio : the music that is scored.
    reference, reference_audio : the dance's own music.
    reference_beats : float64 [n], beats of the reference in seconds: annotated, or heard in it.
    reference_bpm : float, 0 where unknown.
    seen : the dance.
    genre : int, of the dance, -1 where unknown.
    played : the music as it is in its file, all channels at its own rate; by default ``audio``.
    score : its notes.
    own_beats : float64 [n], beats of the music that the dancer heard, in seconds (`metrics.own_beats`).
    start_bpm : tempo at which AIST++'s score begins to look for beats.
    """

    heard: AudioFeatures
    audio: Audio
    reference: AudioFeatures | None = None
    reference_audio: Audio | None = None
    reference_beats: np.ndarray | None = None
    reference_bpm: float = 0.0
    seen: MotionFeatures | None = None
    genre: int = -1
    played: Audio | None = None
    score: Score | None = None
    own_beats: np.ndarray | None = None
    start_bpm: float = USUAL_BPM

    @property
    def whole(self) -> Audio:
        """The music with all that its file holds."""
        return self.audio if self.played is None else self.played


def score_pair(pair: Pair, *, seed: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Every per-clip metric that can be computed, and what each lift scored at its random shifts (float64 [SHIFTS])."""
    values: dict[str, float] = {}
    values.update(_as_published(pair))
    values.update(_strictly(pair))
    if pair.own_beats is not None and len(pair.own_beats):
        values.update(own_beat_scores(pair.own_beats, pair.heard.beats, pair.heard.duration_seconds, n=OWN_SHIFTS, seed=seed))
    synced, chance = _with_dancer(pair, seed)
    values.update(synced)
    if pair.genre >= 0:
        values["genre_classifier"] = float(pair.heard.genre == pair.genre)
    values.update(_waveforms(pair))
    values.update({name: pair.heard.scalars[name] for name in SCALARS})
    values.update({name: info.measure(pair) for name, info in METRICS.items() if info.measure is not None and _has(pair, info.needs)})
    assert values.keys() <= METRICS.keys(), values.keys() - METRICS.keys()
    return values, chance


def _has(pair: Pair, needs: tuple[str, ...]) -> bool:
    """Whether what a metric needs is at hand."""
    there = {
        "reference": pair.reference_audio is not None, "dance": pair.seen is not None, "genre": pair.genre >= 0,
        "notes": pair.score is not None, "own beats": pair.own_beats is not None,
    }  # fmt: skip
    return all(there[need] for need in needs)


def _as_published(pair: Pair) -> dict[str, float]:
    if pair.reference is None:
        return {}

    def bins(heard: AudioFeatures, onsets: np.ndarray) -> np.ndarray:
        return published.second_bins(onsets, heard.duration_seconds)

    d2m = bins(pair.reference, pair.reference.d2m_onsets), bins(pair.heard, pair.heard.d2m_onsets)
    loris = bins(pair.reference, pair.reference.loris_onsets), bins(pair.heard, pair.heard.loris_onsets)
    return {
        "beats_coverage": published.beats_coverage(*d2m),
        "beats_hit": published.beats_hit(*d2m),
        "loris_precision": published.loris_precision(*loris),
        "loris_recall": published.loris_recall(*loris),
        "loris_f1": published.loris_f1(*loris),
    }


def _strictly(pair: Pair) -> dict[str, float]:
    if pair.reference is None or pair.reference_beats is None:
        return {}
    beats, heard = pair.reference_beats, pair.heard
    continuity = strict.continuity(beats, heard.beats)._asdict()
    tempi = pair.reference_bpm, heard.tempo_bpm
    return {
        "onset_f_50ms": strict.onset_f(pair.reference.onsets, heard.onsets, window_seconds=0.05),
        "onset_f_70ms": strict.onset_f(pair.reference.onsets, heard.onsets, window_seconds=0.07),
        "beat_f_50ms": beat_f(beats, heard.beats, window_seconds=0.05) if len(beats) else math.nan,
        "beat_f_70ms": beat_f(beats, heard.beats, window_seconds=F_WINDOW_SECONDS) if len(beats) else math.nan,
        "tempo_error": strict.tempo_error(*tempi),
        "tempo_error_octave": strict.tempo_error(*tempi, octave=True),
        "tempo_right": strict.tempo_right(*tempi),
        "tempo_right_octave": strict.tempo_right(*tempi, octave=True),
        "phase_error_ms": strict.phase_error_ms(beats, heard.beats),
        **continuity,
    }


def _with_dancer(pair: Pair, seed: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    if pair.seen is None:
        return {}, {}
    dance, heard, duration = pair.seen.kinematic_beats, pair.heard, pair.heard.duration_seconds
    if not len(dance):  # nothing to be in time with
        names = [name for name, info in METRICS.items() if info.family == _SYNC and not name.endswith("_aist")]
        return dict.fromkeys(names, math.nan), {}
    values = {
        "kinematic_beat_f": beat_f(dance, heard.beats),
        "beat_alignment": beat_alignment(dance, heard.beats),
        "beat_alignment_onsets": beat_alignment(dance, heard.onsets),
        "beat_alignment_reverse": beat_alignment(heard.beats, dance),
        "beat_alignment_reverse_onsets": beat_alignment(heard.onsets, dance),
    }
    chance = {
        "lift": shifted_alignments(dance, heard.onsets, duration, n=SHIFTS, seed=seed),
        "lift_beats": shifted_alignments(dance, heard.beats, duration, n=SHIFTS, seed=seed),
    }
    values["lift"] = values["beat_alignment_onsets"] - float(chance["lift"].mean())
    first = pair.seen.first_beats
    if len(first):
        chance["lift_first"] = shifted_alignments(first, heard.onsets, duration, n=SHIFTS, seed=seed)
        values["lift_first"] = beat_alignment(first, heard.onsets) - float(chance["lift_first"].mean())
    values["lift_beats"] = values["beat_alignment"] - float(chance["lift_beats"].mean())
    aist = pair.seen.aist_beats_frames
    if aist is not None and len(aist):
        frames = aist_beat_frames(pair.whole, fps=AIST_FPS, start_bpm=pair.start_bpm)
        values["beat_alignment_aist"] = beat_alignment(aist, frames, sigma_seconds=AIST_SIGMA_FRAMES)  # all in frames
        chance["lift_aist"] = shifted_alignments(aist, frames, duration * AIST_FPS, n=SHIFTS, seed=seed, sigma_seconds=AIST_SIGMA_FRAMES)
        values["lift_aist"] = values["beat_alignment_aist"] - float(chance["lift_aist"].mean())
    return values, chance


def _waveforms(pair: Pair) -> dict[str, float]:
    """Distances of samples: the music is cut, or continued with silence, to the length of the reference."""
    if pair.reference_audio is None:
        return {}
    reference, estimate = pair.reference_audio.samples[0], pair.audio.samples[0]
    estimate = np.pad(estimate, (0, max(0, len(reference) - len(estimate))))[: len(reference)]
    return {
        "log_mel_l1": log_mel_l1(reference, estimate, pair.audio.sample_rate),
        "multi_resolution_stft": multi_resolution_stft(reference, estimate),
    }
