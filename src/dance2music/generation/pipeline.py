"""A dance in, music out: the data flow on one page.

Each step is a public function that can be used alone, so that one can enter with a file, a `Motion`, a `Conditioning`, codes or a take:

    video --read_motion--> Motion --condition--> Conditioning --best_take--> Take --finished--> Audio --mux--> video

`generation.job` walks it with files; `generation.ranking` makes takes and keeps one, `generation.take` is what lasts of it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from dance2music.errors import InputError
from dance2music.parallel import one_thread
from dance2music.types import GENRES, Conditioning, Motion

if TYPE_CHECKING:
    from torch import nn

FEATURE_FPS = 30.0


def condition(
    motion: Motion,
    *,
    genre: str | None = None,
    tempo_bpm: float | None = None,
    duration_seconds: float | None = None,
    hits: bool = True,
) -> Conditioning:
    """All that a generator may look at: with the same bits on any number of processors.

    Parameters
    ----------
    motion : the dance.
    genre : one of `GENRES`, or None to choose one from the dance.
    tempo_bpm : None to estimate it from the dance.
    duration_seconds : length of the music; the motion's own by default.
    hits : whether the music may stress the dancer's stops, off the grid too.

    Raises
    ------
    InputError
        If the genre is unknown or the tempo cannot be played.
    """
    import torch

    from dance2music.dance.flow import visual_features
    from dance2music.dance.kinematics import motion_features
    from dance2music.rhythm.estimate import estimate_rhythm
    from dance2music.rhythm.sections import energy_at_beats, plan_sections
    from dance2music.rhythm.stops import hit_times

    duration = motion.duration_seconds if duration_seconds is None else duration_seconds
    with one_thread():
        seen = Conditioning(
            motion=torch.from_numpy(motion_features(motion, fps=FEATURE_FPS)),
            visual=torch.from_numpy(visual_features(motion, fps=FEATURE_FPS)),
            rhythm=estimate_rhythm(motion, tempo_bpm=tempo_bpm, duration_seconds=duration),
            genre=genre_index(genre) if genre is not None else choose_genre(motion),
            fps=FEATURE_FPS,
            duration_seconds=duration,
            dance=motion,
            hits_seconds=hit_times(motion) if hits else np.zeros(0),
        )
        return replace(seen, sections=plan_sections(energy_at_beats(seen), seen.rhythm, duration))


def genre_index(genre: str) -> int:
    """Index of a genre's name in `GENRES`. Raises InputError if there is no such genre."""
    if genre not in GENRES:
        raise InputError(f"genre {genre!r}: unknown; expected one of {', '.join(GENRES)}")
    return GENRES.index(genre)


def choose_genre(motion: Motion) -> int:
    """Genre that goes with a dance, by the embedded classifier of dances (`perception.genre`)."""
    import torch

    from dance2music.dance.kinematics import motion_features

    with torch.no_grad():
        return int(dance_genre_classifier()(torch.from_numpy(motion_features(motion, fps=FEATURE_FPS))[None]).argmax())


@cache
def dance_genre_classifier() -> nn.Module:
    """The embedded classifier of dances, loaded once."""
    from dance2music.checkpoint import load_embedded

    return load_embedded("dance_genre", expected="dance-genre")
