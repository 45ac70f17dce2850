"""A dance in, music out: the data flow on one page.

Each step is a public function that can be used alone, so that one can enter with a file, a `Motion`, a `Conditioning`, codes or a take:

    video --read_dancers--> Motion of each dancer --condition--> Conditioning --best_take--> Take --finished--> Audio --mux--> video

`generation.job` walks it with files; `takes.ranking` makes takes and keeps one, `takes.take` is what lasts of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dance2music.errors import InputError
from dance2music.parallel import one_thread
from dance2music.people.dancers import ALL
from dance2music.rhythm.choices import AS_READ, Choice
from dance2music.types import GENRES, Conditioning, Dancer, GenreGuess, Motion, Rhythm

if TYPE_CHECKING:
    from dance2music.perception.dance_genre import DanceGenreClassifier
    from dance2music.rhythm.network import RhythmModel

FEATURE_FPS = 30.0


def condition(
    motion: Motion | Sequence[Dancer],
    *,
    dancer: str = ALL,
    genre: str | None = None,
    tempo_bpm: float | None = None,
    duration_seconds: float | None = None,
    hits: bool = True,
    ending: bool = True,
    choice: Choice = AS_READ,
    rhythm_network: RhythmModel | None = None,
    genre_classifier: DanceGenreClassifier | None = None,
) -> Conditioning:
    """All that a generator may look at: with the same bits on any number of processors.

    Parameters
    ----------
    motion : the dance, or those of everybody in a video (`dance.watch.read_dancers`).
    dancer : who the music is for: ``all``, ``largest`` or a number from 1 (`people.dancers`). Rhythm and energy are read from all who
        count, by their shares; genre and stops from the one who counts most.
    genre : one of `GENRES`, or None to choose one from the dance.
    tempo_bpm : None to estimate it from the dance.
    duration_seconds : length of the music; the motion's own by default.
    hits : whether the music may stress the dancer's stops, off the grid too.
    ending : whether the music ends on a last chord that rings out; else it plays on to the end.
    choice : half or double time, moved or tapped beats.
    rhythm_network : weights of one's own for the rhythm, see `load_rhythm_network`; the embedded ones by default.
    genre_classifier : the same for the genre, see `load_dance_genre`.

    Raises
    ------
    InputError
        If the genre is unknown, there is no such dancer, the tempo cannot be played, or the choice cannot be followed.
    """
    import torch

    from dance2music.dance.flow import visual_features
    from dance2music.people.dancers import chosen, features_of_all, leading, of_motion
    from dance2music.rhythm.sections import energy_at_beats, plan_sections
    from dance2music.rhythm.stops import hit_times

    dancers = chosen((of_motion(motion),) if isinstance(motion, Motion) else motion, dancer)
    first = leading(dancers)
    motion, others = first.motion, [one for one in dancers if one is not first and one.share > 0]
    duration = motion.duration_seconds if duration_seconds is None else duration_seconds
    with one_thread():
        rhythm = rhythm_of(motion, duration, tempo_bpm=tempo_bpm, choice=choice, network=rhythm_network, others=others, share=first.share)
        guess = None if genre is not None else choose_genre(motion, rhythm.tempo_bpm, classifier=genre_classifier)
        seen = Conditioning(
            motion=torch.from_numpy(features_of_all([first, *others], fps=FEATURE_FPS)),
            visual=torch.from_numpy(visual_features(motion, fps=FEATURE_FPS)),
            rhythm=rhythm,
            genre=guess.genre if guess is not None else genre_index(genre or ""),
            fps=FEATURE_FPS,
            duration_seconds=duration,
            dance=motion,
            hits_seconds=hit_times(motion) if hits else np.zeros(0),
            genre_guess=guess,
            dancers=tuple(one for one in dancers if one.seen),
        )
        return replace(seen, sections=plan_sections(energy_at_beats(seen), seen.rhythm, duration, ending=ending))


def rhythm_of(
    motion: Motion,
    duration_seconds: float,
    *,
    tempo_bpm: float | None = None,
    choice: Choice = AS_READ,
    network: RhythmModel | None = None,
    others: Sequence[Dancer] = (),
    share: float = 1.0,
) -> Rhythm:
    """The beat grid of music for a dance, as estimated or as the user chose it. Raises InputError as `condition`.

    ``others`` dance to the same music, with shares beside ``share``.
    """
    from dance2music.rhythm.choices import check_choice, choose, tapped_grid
    from dance2music.rhythm.estimate import estimate_rhythm

    check_choice(choice)
    tapped = None if choice.taps_seconds is None else tapped_grid(choice.taps_seconds, duration_seconds)
    rhythm = estimate_rhythm(
        motion,
        tempo_bpm=tempo_bpm,
        duration_seconds=duration_seconds,
        beat_times_seconds=tapped,
        network=network,
        others=others,
        share=share,
    )
    return choose(rhythm, choice, duration_seconds) if choice.any else rhythm


def load_rhythm_network(path: str | Path) -> RhythmModel:
    """A rhythm network from the file that ``dance2music train rhythm`` wrote. Raises InputError if the file is none."""
    from dance2music.checkpoint import load_model
    from dance2music.rhythm.network import RhythmModel

    model = load_model(path, expected="rhythm")
    assert isinstance(model, RhythmModel)
    return model


def genre_index(genre: str) -> int:
    """Index of a genre's name in `GENRES`. Raises InputError if there is no such genre."""
    if genre not in GENRES:
        raise InputError(f"genre {genre!r}: unknown; expected one of {', '.join(GENRES)}")
    return GENRES.index(genre)


def choose_genre(motion: Motion, tempo_bpm: float, *, classifier: DanceGenreClassifier | None = None) -> GenreGuess:
    """Genre that goes with a dance at its tempo, by the embedded classifier of dances or another (`perception.dance_genre`)."""
    return (classifier or dance_genre_classifier()).guess(motion, tempo_bpm)


@cache
def dance_genre_classifier() -> DanceGenreClassifier:
    """The embedded classifier of dances, loaded once."""
    from dance2music.checkpoint import load_embedded
    from dance2music.perception.dance_genre import DanceGenreClassifier

    model = load_embedded("dance_genre", expected="dance-genre")
    assert isinstance(model, DanceGenreClassifier)
    return model


def load_dance_genre(path: str | Path) -> DanceGenreClassifier:
    """A classifier of dances from the file that ``dance2music train dance-genre`` wrote. Raises InputError if the file is none."""
    from dance2music.checkpoint import load_model
    from dance2music.perception.dance_genre import DanceGenreClassifier

    model = load_model(path, expected="dance-genre")
    assert isinstance(model, DanceGenreClassifier)
    return model
