"""Why a metric has no value for any clip, in words: docs/metrics.md has the same edge cases beside the formulas."""

from __future__ import annotations

_NO_BEATS = "the references have no beats that were heard or annotated"
_NO_DANCE = "no beat was seen in the dances"
_AIST = "needs SMPL motion at 60 fps with a beat in it"
_SILENT = "the music is silent"

REASONS = {
    **dict.fromkeys(("own_beat_f_70ms", "own_beat_f_120ms", "own_beat_f_shifted", "own_beat_lift"), "the dancer's own music has no beats"),
    **dict.fromkeys(("beats_coverage", "beats_hit"), "the references have no onsets"),
    **dict.fromkeys(("loris_csd", "loris_hsd"), "a deviation needs two pieces of music"),
    **dict.fromkeys(("onset_f_50ms", "onset_f_70ms"), "the references have no onsets"),
    **dict.fromkeys(("beat_f_50ms", "beat_f_70ms"), _NO_BEATS),
    **dict.fromkeys(("tempo_error", "tempo_error_octave", "tempo_right", "tempo_right_octave"), "the references have no tempo"),
    **dict.fromkeys(("phase_error_ms", "cml_c", "cml_t", "aml_c", "aml_t"), "the references have fewer than two beats"),
    **dict.fromkeys(("lift", "lift_beats", "lift_first", "kinematic_beat_f", "beat_alignment", "beat_alignment_onsets"), _NO_DANCE),
    **dict.fromkeys(("beat_alignment_reverse", "beat_alignment_reverse_onsets"), _NO_DANCE),
    **dict.fromkeys(("beat_alignment_aist", "lift_aist"), _AIST),
    "energy_correlation": "needs six windows of 3 s (8 s of music), and loudness and motion that change",
    "dist_m": "fewer than two dances",
    "dist_m_takes": "no dance has two takes",
    "codec_log_mel_l1": "was not measured (--no-codec)",
    "bandwidth_khz": _SILENT,
    "crest_db": _SILENT,
    "sub_db": _SILENT,
    "loudness_range_lu": "the music is shorter than 3 s, or silent",
    "loudness_spread_db": "needs more than 9 s of music",
    "attack_ms": "no strong onset above 6 kHz",
    "groove_consistency": "fewer than eight beats were heard",
    "lead_repetition": "the lead has notes in fewer than two bars",
}
"""Metric -> what is lacking where every clip's value is NaN."""


def why_nan(metric: str) -> str:
    """What is lacking where a metric is NaN for every clip, by its name in ``METRICS``; one sentence for those that always have a value."""
    return REASONS.get(metric, "no clip has a value that can be computed")
