"""From what a method wrote to finished sound: decode or play; take the hiss out, set the loudness, fade the edges where no desk did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dance2music.sound.master import LEVEL_RANGES, Levels
from dance2music.takes.take_file import flag, need, number
from dance2music.types import Audio, Latents, Score


@dataclass(frozen=True)
class Finish:
    """How the sound of a take is finished.

    Attributes
    ----------
    denoise : whether the noise floor is taken out.
    gain_db : what makes the take as loud as it is to be, before the limiter; None where nothing was measured yet, or the take is silent.
    levels : what the studio's desk measured of the whole piece: its sections are rendered alone at these levels. None in another sound, of
        silence, and in takes of before there were levels: their sections are rendered with the whole piece.
    """

    denoise: bool = True
    gain_db: float | None = None
    levels: Levels | None = None

    def values(self) -> dict[str, Any]:
        """As JSON values."""
        return {"denoise": self.denoise, "gain_db": self.gain_db, "levels": None if self.levels is None else list(self.levels)}


def finish_from(values: Mapping[str, Any], *, sound: str) -> Finish:
    """The inverse of `Finish.values`, for a take in that sound; raises ValueError where something cannot be. Older takes have no levels."""
    gain_db, levels = values["gain_db"], values.get("levels")
    need(levels is None or (sound == "studio" and len(levels) == len(Levels._fields)), "levels", levels)
    return Finish(
        flag(values["denoise"]),
        None if gain_db is None else number(gain_db, -200, 200),
        None if levels is None else Levels(*(number(level, *limits) for level, limits in zip(levels, LEVEL_RANGES))),
    )


MASTERED = ("studio", "hybrid")
"""Sounds that come from the desk of the room ``sound`` as they are to be heard."""


def to_audio(
    music: Latents | Score,
    *,
    sound: str = "",
    soundfont: str | Path | None = None,
    seed: int = 0,
    duration_seconds: float | None = None,
    sample_rate: int | None = None,
) -> Audio:
    """Sound of what a generator made: latents are decoded by their codec, a score is played.

    Parameters
    ----------
    sound : one of `methods.base.SOUNDS`; by default neural for latents and soundfont for a score.
    soundfont : see `music.synth.render`.
    seed : of the small differences between strokes in the studio.
    duration_seconds : length of decoded latents; by default that of their score, or all of their hops.
    sample_rate : Hz; by default the studio's own, 48,000, the codec's, or `music.synth.DEFAULT_SAMPLE_RATE`.
    """
    if isinstance(music, Score):
        if sound == "studio":
            from dance2music.sound.render import SAMPLE_RATE, render_studio

            return render_studio(music, seed=seed, sample_rate=sample_rate or SAMPLE_RATE)
        from dance2music.music.synth import DEFAULT_SAMPLE_RATE, render

        return render(music, soundfont=soundfont, sample_rate=sample_rate or DEFAULT_SAMPLE_RATE)
    import torch

    codec = music.codec
    if music.score is not None:
        duration_seconds = music.score.duration_seconds
    n_samples = None if duration_seconds is None else round(duration_seconds * codec.sample_rate)
    with torch.no_grad():
        decoded = Audio.from_tensor(codec.decode(music.z[None], n_samples), codec.sample_rate)
    if sound != "hybrid":
        from dance2music.music.audio import resample

        return decoded if sample_rate is None else resample(decoded, sample_rate)
    from dance2music.sound.render import SAMPLE_RATE, render_hybrid

    assert music.score is not None, "a bed for studio drums has notes"
    return render_hybrid(music.score, decoded, seed=seed, sample_rate=sample_rate or SAMPLE_RATE)


def finish(audio: Audio, *, denoise: bool = True, gain_db: float | None = None, fade_seconds: float | None = None) -> Audio:
    """Take out the noise floor, set the loudness, fade the edges.

    Both papers run noisereduce with its defaults on what was decoded; that takes sustained notes for noise, so a milder reduction is used
    here (`music.audio.reduce_hiss`; the published one is `music.audio.denoise`).

    Parameters
    ----------
    gain_db : of a take whose loudness was set before (`finished`), so that a section of it that was drawn again is as loud.
    fade_seconds : length of the fade at the end; by default a quarter of a second or a tenth of the music.
    """
    if gain_db is None:
        return finished(audio, denoise=denoise, fade_seconds=fade_seconds)[0]
    from dance2music.music.audio import reduce_hiss
    from dance2music.music.loudness import normalize_loudness

    return _faded(normalize_loudness(reduce_hiss(audio) if denoise else audio, gain_db=gain_db), fade_seconds)


def finished(audio: Audio, *, denoise: bool = True, fade_seconds: float | None = None) -> tuple[Audio, Finish]:
    """`finish`, and what it did."""
    from dance2music.music.audio import reduce_hiss
    from dance2music.music.loudness import normalized
    from dance2music.work import report

    if denoise:
        audio = reduce_hiss(audio)
    report(0.5)
    audio, gain_db = normalized(audio)
    return _faded(audio, fade_seconds), Finish(denoise, gain_db)


def _faded(audio: Audio, fade_seconds: float | None) -> Audio:
    from dance2music.music.audio import fade

    return fade(audio, in_seconds=0.01, out_seconds=min(0.25, audio.duration_seconds / 10) if fade_seconds is None else fade_seconds)
