"""The register of seeds: from where on the seeds of a corpus are held out, and the number of every stream of random numbers.

Whatever is drawn comes from ``numpy.random.default_rng([seed, ..., STREAM])``: the seed says which item, step or take, the stream what is
drawn for it. Two things drawn for the same seed have different streams, so that neither tells of the other; the classes below are
by whose seed it is, and in each of them a number stands once. What is shipped was made with these numbers: none may change.
"""

from __future__ import annotations

from enum import IntEnum, unique

HELD_OUT_PIECES = 900_000_000
"""Pieces of music of codecs and perceptual networks: seeds from here on are never trained on. A multiple of the corpus's 60 slots."""
HELD_OUT_PAIRS = 1_000_000_000
"""The same for the pairs of planner and performer,"""
HELD_OUT_DANCES = 1_000_000_000
"""for the dances of the rhythm network,"""
HELD_OUT_CLIPS = 1_000_000_000
"""for the composed clips of the papers' generators,"""
VALIDATION_CLIPS = 1_100_000_000
"""others of them for the validation of a training,"""
HELD_OUT_SYMBOLIC = 1_200_000_000
"""and for pieces and dances of the symbolic baselines."""

GENRE_DANCES = 300_000_000
"""First seed of the dances that the genre classifier of dances is trained on; a run has a million from its own seed on."""
GENRE_CLIPS = 400_000_000
"""First seed of the clips whose music the genre classifier of sound is trained on, beside the codec's pieces."""
SHORT_PAIRS = 200_000_000
"""First seed of the pairs of planner and performer that are too short for sections."""
VOICING_PIECES = 500_000_000
"""First seed of the pieces whose chords make the vocabulary of voicings."""
MEMORY_PIECES = 2_000_000_000
"""First seed of the pieces whose bars the memory holds."""
DANCES_PER_RUN = 1_000_000
"""Dances of a training of the rhythm network begin at so many times its seed; the same for `GENRE_DANCES`."""


SIMULATION = 98
"""Stream of what is drawn for the plan of a preparation: ``[seed of the plan, SIMULATION]``."""


@unique
class Corpus(IntEnum):
    """What is drawn for an item of a corpus: ``[seed of the item, stream]``."""

    CLIP = 2
    FILM = 5
    IS_FILMED = 6
    GENRE_POSE_NOISE = 7
    LOOK = 9
    FORM = 10
    POSE_NOISE = 11
    SYMBOLIC_POSE_NOISE = 12
    DANCE = 24
    COMPANY = 33
    TIMING = 36
    RHYTHM_ITEM = 41
    RHYTHM_EXACT = 42
    SONG_CLIP = 51
    PIECE_TEMPO = 60
    PIECE_SOUND = 71
    GENRE_CLIP_SOUND = 72


@unique
class RecipeStep(IntEnum):
    """What is drawn for a step of a training of shipped weights: ``[seed of the run, step, stream]``.

    Segments of codecs and windows of the rhythm network, the only ones of their runs, have ``[seed, step]``.
    """

    PLANNER_CROPS = 1
    PERFORMER_CROPS = 2
    MUSIC_GENRE_CUTS = 5
    PERCEPTUAL_CUTS = 8
    MELODY_DECISIONS = 21
    WORD_CROPS = 22
    POSE_WINDOWS = 23
    PICTURE_WINDOWS = 24
    CODE_CUTS = 25


@unique
class GanStep(IntEnum):
    """What is drawn for a training of the papers' generators: ``[seed of the run, epoch or step, stream]``.

    The gain of a place in the order of all segments is ``[seed of the run, GAIN, place]``.
    """

    ORDER = 4
    NOISE = 5
    GAIN = 31
    SHARDS = 97


@unique
class OwnTake(IntEnum):
    """What is drawn for a take of the default and the memory: ``[seed of the take, stream]``."""

    KEY = 1
    MEMORY = 3
    PLAN = 7
    NOVELTY = 73
    FILLS = 79


@unique
class PaperTake(IntEnum):
    """What is drawn for a take of the papers' generators."""

    NOISE = 9


@unique
class BaselineTake(IntEnum):
    """What is drawn for a take of a system that the papers compare with."""

    OFFLINE = 3
    ONLINE = 9
    CMT = 13
    FOLEY_MUSIC = 17
    INVERSE_MV = 19
    JUKEBOX = 29


@unique
class Control(IntEnum):
    """What is drawn for the controls of an evaluated clip: ``[seed of the clip, stream]``."""

    SHIFT = 2
    NOISE = 3
    OTHER_MUSIC = 4


@unique
class GanScore(IntEnum):
    """What is drawn to score a trained generator on a composed clip: ``[seed of the clip, stream]``."""

    CONTROLS = 6
    SHIFTS = 8


@unique
class Resampling(IntEnum):
    """What is drawn for intervals and tests: ``[seed of the evaluation, stream]``."""

    BOOTSTRAP = 0
    SIGNS = 1
    UNPAIRED = 2
