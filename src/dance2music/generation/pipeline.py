"""A dance in, music out: the data flow on one page.

Every line of `generate` is a public function that can be used alone, so that one can enter with a file, a `Motion`, a `Conditioning` or
codes:

    video --read_motion--> Motion --condition--> Conditioning --make_take--> Take (Audio, Score) --finish--> Audio --mux--> video
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

from dance2music.errors import InputError
from dance2music.generation.take import Take
from dance2music.methods.base import MusicGenerator
from dance2music.parallel import side_by_side
from dance2music.types import GENRES, Audio, Conditioning, Latents, Motion, Score

FEATURE_FPS = 30.0
LEAD_SECONDS = 0.02
"""How far ahead of the dance's beat grid the music is placed: an attack is heard, and found by onset detection, some 15 ms after it
starts, and beat tracking adds to that."""


def condition(
    motion: Motion, *, genre: str | None = None, tempo_bpm: float | None = None, duration_seconds: float | None = None
) -> Conditioning:
    """All that a generator may look at.

    Parameters
    ----------
    motion : the dance.
    genre : one of `GENRES`, or None to choose one from the dance.
    tempo_bpm : None to estimate it from the dance.
    duration_seconds : length of the music; the motion's own by default.

    Raises
    ------
    InputError
        If the genre is unknown or the tempo cannot be played.
    """
    from dance2music.dance.flow import visual_features
    from dance2music.dance.kinematics import motion_features
    from dance2music.rhythm.estimate import estimate_rhythm

    duration = motion.duration_seconds if duration_seconds is None else duration_seconds
    rhythm = estimate_rhythm(motion, tempo_bpm=tempo_bpm, duration_seconds=duration)
    return Conditioning(
        motion=torch.from_numpy(motion_features(motion, fps=FEATURE_FPS))[None],
        visual=torch.from_numpy(visual_features(motion, fps=FEATURE_FPS))[None],
        rhythm=[rhythm],
        genre=torch.tensor([genre_index(genre) if genre is not None else choose_genre(motion)]),
        fps=FEATURE_FPS,
        duration_seconds=duration,
        dance=motion,
    )


def genre_index(genre: str) -> int:
    """Index of a genre's name in `GENRES`."""
    if genre not in GENRES:
        raise InputError(f"genre {genre!r}: unknown; expected one of {', '.join(GENRES)}")
    return GENRES.index(genre)


def choose_genre(motion: Motion) -> int:
    """Genre that goes with a dance, by the embedded classifier of dances (`perception.genre`)."""
    from dance2music.dance.kinematics import motion_features

    with torch.no_grad():
        return int(dance_genre_classifier()(torch.from_numpy(motion_features(motion, fps=FEATURE_FPS))[None]).argmax())


@cache
def dance_genre_classifier() -> torch.nn.Module:
    """The embedded classifier of dances, loaded once."""
    from dance2music.checkpoint import load_embedded

    return load_embedded("dance_genre", expected="dance-genre")


def make_takes(
    generator: MusicGenerator, conditioning: Conditioning, *, seeds: Sequence[int], soundfont: str | Path | None = None
) -> list[Take]:
    """One take per seed, `LEAD_SECONDS` ahead of the dance's beat grid, each as long as the dance to the sample."""
    ahead = [replace(rhythm, beat_times_seconds=rhythm.beat_times_seconds - LEAD_SECONDS) for rhythm in conditioning.rhythm]
    play = partial(to_audio, codec=getattr(generator, "codec", None), soundfont=soundfont, duration_seconds=conditioning.duration_seconds)
    made = list(generator.generate(replace(conditioning, rhythm=ahead), seeds=seeds))
    return [
        Take(audio=audio, score=music if isinstance(music, Score) else music.score, seed=seed)
        for audio, music, seed in zip(side_by_side(play, made), made, seeds)
    ]


def to_audio(
    music: Latents | Score, *, codec: Any = None, soundfont: str | Path | None = None, duration_seconds: float | None = None
) -> Audio:
    """Sound of what a generator made: latents are decoded by their codec (the embedded one), a score is played through a soundfont.

    Parameters
    ----------
    codec : whose latents they are; the embedded one by default.
    soundfont : see `music.synth.render`.
    duration_seconds : length of decoded latents; by default that of their score, or all of their hops.
    """
    if isinstance(music, Score):
        from dance2music.music.synth import render

        return render(music, soundfont=soundfont)
    from dance2music.codec import embedded

    codec = embedded.embedded_codec() if codec is None else codec
    if music.score is not None:
        duration_seconds = music.score.duration_seconds
    n_samples = None if duration_seconds is None else round(duration_seconds * codec.sample_rate)
    with torch.no_grad():
        samples = codec.decode(music.z, n_samples)
    return Audio(samples=samples.numpy(), sample_rate=codec.sample_rate)


def finish(audio: Audio, *, denoise: bool = True) -> Audio:
    """Take out the noise floor, set the loudness, fade the edges.

    Both papers run noisereduce with its defaults on what was decoded; that takes sustained notes for noise, so a milder reduction is used
    here (`music.audio.reduce_hiss`; the published one is `music.audio.denoise`).
    """
    from dance2music.music import audio as sound

    if denoise:
        audio = sound.reduce_hiss(audio)
    audio = sound.normalize_loudness(audio)
    return sound.fade(audio, in_seconds=0.01, out_seconds=min(0.25, audio.duration_seconds / 10))
