"""A section of a piece rendered alone, at the levels of the whole: what takes two seconds of a minute's piece takes a few tenths.

Only a window around the section is played, which begins early enough that room, echo, filters and compressors are in the state that they
have there in the piece; what the desk measures over a whole piece (`master.Levels`) is given. So these are the samples of
`render.render_studio` to within rounding, but for a record's noise, which is another. Those of a section whose notes are others are as loud
as the piece that they are put into.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from dance2music.music.splice import SEAM_SECONDS
from dance2music.sound import effects, mix
from dance2music.sound.dynamics import block_samples
from dance2music.sound.master import Levels, MasterSettings, master
from dance2music.sound.render import SAMPLE_RATE, mastered_stems, mixed, settings_of
from dance2music.types import Audio, Score, Span

SETTLING_SECONDS = 1.0
"""After so long filters and compressors go by what they hear, not by how they began."""
_AHEAD_SECONDS = 0.1
"""Limiter and compressors look ahead by less."""


class _Window(NamedTuple):
    """A section's window: its first sample, the score as it is in there, what the master is set to, and the samples of the piece that
    follow."""

    first: int
    score: Score
    settings: MasterSettings
    n_after: int


def render_section(score: Score, span: Span, levels: Levels, *, sample_rate: int = SAMPLE_RATE, seed: int = 0) -> tuple[int, Audio]:
    """A section of a piece, with its seams (`music.splice.SEAM_SECONDS`).

    Parameters
    ----------
    score : the whole piece.
    span : the section, in seconds.
    levels : of the piece that the section is put into, from `render.render_measured`.
    sample_rate, seed : as of that piece.

    Returns
    -------
    Index of the first sample in the piece, and Audio float32 [2, n] from there to behind the section's end.
    """
    window = _window(score, span, sample_rate)
    total, _ = mixed(window.score, sample_rate, seed, {}, None, drums_power=levels.drums_power)
    sound, _ = master(total, window.settings, sample_rate=sample_rate, levels=levels, n_after=window.n_after)
    return window.first, Audio(sound, sample_rate)


def render_section_stems(
    score: Score, span: Span, levels: Levels, *, sample_rate: int = SAMPLE_RATE, seed: int = 0
) -> tuple[int, dict[str, Audio]]:
    """`render_section` in stems [2, n], which add up to it to within rounding; same parameters."""
    window = _window(score, span, sample_rate)
    return window.first, mastered_stems(window.score, sample_rate, seed, {}, None, window.settings, levels, window.n_after)


def _window(score: Score, span: Span, sample_rate: int) -> _Window:
    n = round(score.duration_seconds * sample_rate)
    first = max(0, round((span.begin_seconds - SEAM_SECONDS - _lead_seconds(score)) * sample_rate))
    first -= first % block_samples(sample_rate)  # compressors look at the blocks that they look at in the piece
    last = min(n, round((span.end_seconds + SEAM_SECONDS + _AHEAD_SECONDS) * sample_rate))
    shifted = score.beat_times_seconds - first / sample_rate
    part = replace(score, beat_times_seconds=shifted, duration_seconds=(last - first) / sample_rate)
    return _Window(first, part, settings_of(score), n - last)


def _lead_seconds(score: Score) -> float:
    """How long before its section a window begins: what was played earlier has died away in room and echo."""
    sound = mix.genre_sound(score)
    echoes = effects.echo_seconds(60.0 / score.tempo_bpm) if any(sound.echo.values()) else 0.0
    return SETTLING_SECONDS + sound.room_seconds + echoes
