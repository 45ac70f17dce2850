"""From what a method wrote to finished sound: decode or play, take the hiss out, set the loudness, fade the edges."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dance2music.types import Audio, Latents, Score


@dataclass(frozen=True)
class Finish:
    """How the sound of a take is finished.

    Attributes
    ----------
    denoise : whether the noise floor is taken out.
    gain_db : what makes the take as loud as it is to be, before the limiter; None where nothing was measured yet, or the take is silent.
    """

    denoise: bool = True
    gain_db: float | None = None


def to_audio(music: Latents | Score, *, soundfont: str | Path | None = None, duration_seconds: float | None = None) -> Audio:
    """Sound of what a generator made: latents are decoded by their codec, a score is played through a soundfont.

    Parameters
    ----------
    soundfont : see `music.synth.render`.
    duration_seconds : length of decoded latents; by default that of their score, or all of their hops.
    """
    if isinstance(music, Score):
        from dance2music.music.synth import render

        return render(music, soundfont=soundfont)
    import torch

    codec = music.codec
    if music.score is not None:
        duration_seconds = music.score.duration_seconds
    n_samples = None if duration_seconds is None else round(duration_seconds * codec.sample_rate)
    with torch.no_grad():
        samples = codec.decode(music.z[None], n_samples)
    return Audio(samples=samples.numpy(), sample_rate=codec.sample_rate)


def finish(audio: Audio, *, denoise: bool = True, gain_db: float | None = None) -> Audio:
    """Take out the noise floor, set the loudness, fade the edges.

    Both papers run noisereduce with its defaults on what was decoded; that takes sustained notes for noise, so a milder reduction is used
    here (`music.audio.reduce_hiss`; the published one is `music.audio.denoise`).

    Parameters
    ----------
    gain_db : of a take whose loudness was set before (`finished`), so that a section of it that was drawn again is as loud.
    """
    if gain_db is None:
        return finished(audio, denoise=denoise)[0]
    from dance2music.music.audio import reduce_hiss
    from dance2music.music.loudness import normalize_loudness

    return _faded(normalize_loudness(reduce_hiss(audio) if denoise else audio, gain_db=gain_db))


def finished(audio: Audio, *, denoise: bool = True) -> tuple[Audio, Finish]:
    """`finish`, and what it did."""
    from dance2music.music.audio import reduce_hiss
    from dance2music.music.loudness import normalized
    from dance2music.work import report

    if denoise:
        audio = reduce_hiss(audio)
    report(0.5)
    audio, gain_db = normalized(audio)
    return _faded(audio), Finish(denoise, gain_db)


def _faded(audio: Audio) -> Audio:
    from dance2music.music.audio import fade

    return fade(audio, in_seconds=0.01, out_seconds=min(0.25, audio.duration_seconds / 10))
