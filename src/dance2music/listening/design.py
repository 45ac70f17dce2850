"""Who hears what: the items of every listener of a listening test, balanced and shuffled. No media here, see `listening.build`.

The protocols are those of D2M-GAN (appendix, "Subjective Evaluations": coherence of dance and music with video, overall quality without,
15 items each, 1 to 5) and Creative-GAN (Sec. 4.2 d: overall quality; e: 25 pairs, "which music follows better to the dance").
Neither paper says how items were assigned, shuffled or checked; here that is stated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from dance2music.errors import InputError

ORIGINAL = "original"
SHIFTED = "shifted"
CLICK = "click"
NOISE = "noise"
RESERVED = (ORIGINAL, SHIFTED, CLICK, NOISE)
"""Names that no method may have."""

PARTS = ("coherence", "quality", "preference")

CONTROLS = {"coherence": (SHIFTED, CLICK), "quality": (NOISE,), "preference": (SHIFTED,)}
"""Hidden controls of each part besides the original. Shifting music leaves its quality as it is, so it is no control of quality."""

MAX_BEEPS = 5
_SHUFFLES = 200


@dataclass(frozen=True)
class ListeningConfig:
    """Settings of a listening test."""

    parts: tuple[str, ...] = PARTS
    """Which of `PARTS`, in the order of the test."""
    listeners: int = 30
    """How many different assignments to make; more listeners may share them."""
    rated_items: int = 15
    """Ratings per listener in each of coherence and quality (D2M-GAN, appendix)."""
    pairs: int = 25
    """Comparisons per listener (Creative-GAN, Sec. 4.2 e)."""
    checks: int = 2
    """Attention checks per part and listener."""
    focus: str = ""
    """The method that every pair contains; empty: all pairs of methods and the original."""
    symbolic: tuple[str, ...] = ()
    """Methods whose music comes from notes through a synthesiser."""
    symbolic_in_quality: bool = False
    """Rate symbolic methods in the quality part too; D2M-GAN does not, Creative-GAN does."""
    controls: bool = True
    """Hide the controls among the items."""
    reference_shown: bool = False
    """Show the original beside each item of the coherence part, as D2M-GAN does."""
    seconds: float = 0.0
    """Cut every clip to this length; 0: as long as the shortest version of it."""
    loudness_lufs: float = -23.0
    """Of every sample (EBU R 128); louder, the limiter would hold clicks back."""
    longest_side: int = 720
    compressed: bool = False
    """Sound without video as m4a instead of wav."""
    seed: int = 0
    title: str = "Music for dance: a listening test"
    own: bool = False
    """The one listener made the music: the page addresses them so, practises nothing, and tells at the end which sample was which."""


@dataclass(frozen=True)
class Sample:
    """One thing to hear: the sound of ``source`` for ``clip``; a check has no source, its music gives way to as many ``beeps``."""

    clip: str
    source: str
    beeps: int = 0


@dataclass(frozen=True)
class Trial:
    """One item of one listener: a sample to rate, or two to choose from (A first)."""

    part: str
    samples: tuple[Sample, ...]
    training: bool = False
    reference: Sample | None = None


def check_config(config: ListeningConfig, methods: list[str]) -> None:
    """Refuse settings that contradict each other.

    Raises
    ------
    InputError
        If a part, the focus or a symbolic method is unknown, a method has a reserved name, or a number is out of range.
    """
    for part in config.parts:
        if part not in PARTS:
            raise InputError(f"part {part!r}: unknown; expected some of {', '.join(PARTS)}")
    if not config.parts or len(set(config.parts)) != len(config.parts):
        raise InputError(f"parts: {', '.join(config.parts) or 'none'}; expected each of {', '.join(PARTS)} at most once, and at least one")
    if config.own and (config.parts != ("preference",) or config.listeners != 1):
        raise InputError(f"own: with parts {', '.join(config.parts)} and {config.listeners} listeners; expected preference alone, and 1")
    for name in methods:
        if name in RESERVED:
            raise InputError(f"method {name!r}: is the name of a control; expected another name; rename it")
    for name in (*config.symbolic, *([config.focus] if config.focus else [])):
        if name not in methods:
            raise InputError(f"method {name!r}: is not among the methods; expected one of {', '.join(methods)}")
    for name, value, least in (
        ("listeners", config.listeners, 1),
        ("items", config.rated_items, 1),
        ("pairs", config.pairs, 1),
        ("checks", config.checks, 0),
        ("seed", config.seed, 0),
    ):
        if value < least:
            raise InputError(f"{name}: {value}; expected a whole number from {least}")


def sources_of(config: ListeningConfig, part: str, methods: list[str], *, original: bool) -> list[str]:
    """What is rated in a part: methods, the original where there is one, controls. Symbolic methods are left out of the quality part."""
    left_out = config.symbolic if part == "quality" and not config.symbolic_in_quality else ()
    sources = [name for name in methods if name not in left_out]
    if original:
        sources.append(ORIGINAL)
    return [*sources, *(CONTROLS[part] if config.controls else ())]


def pairs_of(config: ListeningConfig, methods: list[str], *, original: bool) -> list[tuple[str, str]]:
    """What is compared: the focus against all others, or everything against everything; and the original against itself shifted in time."""
    rivals = [*methods, *([ORIGINAL] if original else [])]
    if config.focus:
        pairs = [(config.focus, rival) for rival in rivals if rival != config.focus]
    else:
        pairs = list(combinations(rivals, 2))
    if config.controls:
        pairs.append((ORIGINAL if original else config.focus or methods[0], SHIFTED))
    return pairs


def assign(config: ListeningConfig, clips: list[str], methods: list[str], *, original: bool, salt: int = 0) -> list[list[Trial]]:
    """The items of every listener, in order: per part two for practice, then ratings or pairs with the checks among them.

    A cyclic Latin square over clips and sources, of which each listener takes the next stretch (`cells`): over all listeners no
    (clip, source) is heard more than once more often than another, no listener hears a clip again before all others, and each
    listener hears sources about equally often. The order within a part is shuffled per listener; in pairs either is about as often A as B.
    The order goes by the seed and by ``salt``, a number that listeners do not know.

    Returns
    -------
    list [listeners] of lists of Trial.

    Raises
    ------
    InputError
        As `check_config`, or if there is nothing to rate or to compare.
    """
    check_config(config, methods)
    if not clips:
        raise InputError("clips: none; expected at least one dance that every method has music for")
    sessions: list[list[Trial]] = [[] for _ in range(config.listeners)]
    for p, part in enumerate(config.parts):
        rng = np.random.default_rng([config.seed, p, salt])
        order = [clips[i] for i in rng.permutation(len(clips))]
        things: list[tuple[str, ...]]
        if part == "preference":
            things = list(pairs_of(config, methods, original=original))
        else:
            things = [(source,) for source in sources_of(config, part, methods, original=original)]
        if not things:
            raise InputError(f"part {part}: nothing to judge with methods {', '.join(methods) or 'none'}; give more methods or --original")
        things = [things[i] for i in rng.permutation(len(things))]
        wanted = min(config.pairs if part == "preference" else config.rated_items, len(order) * len(things))
        for listener, session in enumerate(sessions):
            own = np.random.default_rng([config.seed, p, listener, salt])
            trials = []
            for c, t in cells(listener, wanted, len(order), len(things)):
                names = things[t] if (c + t + listener * wanted // (len(order) * len(things))) % 2 == 0 else things[t][::-1]
                trials.append(_trial(config, part, order[c], names, original=original))
            session += [] if config.own else _training(config, part, clips, methods, own, original=original)
            session += _with_checks(config, part, _shuffled(trials, own), clips, own, original=original)
    return sessions


def cells(listener: int, items: int, rows: int, columns: int) -> list[tuple[int, int]]:
    """The stretch of a cyclic Latin square that one listener takes.

    All rows x columns cells are put in a line: cell t has row t mod rows and column t mod columns, and after each common multiple of both,
    when that would repeat, columns go one further. Every cell is on the line once, and any stretch of it has rows and columns about equally
    often. Listener n takes the cells n * items to (n + 1) * items - 1 of the line, which begins again at its end.
    """
    line = (np.arange(items) + listener * items) % (rows * columns)
    return [(int(t % rows), int((t + t // math.lcm(rows, columns)) % columns)) for t in line]


def _trial(config: ListeningConfig, part: str, clip: str, names: tuple[str, ...], *, original: bool, training: bool = False) -> Trial:
    reference = Sample(clip, ORIGINAL) if config.reference_shown and original and part == "coherence" else None
    return Trial(part, tuple(Sample(clip, name) for name in names), training=training, reference=reference)


def _training(
    config: ListeningConfig, part: str, clips: list[str], methods: list[str], rng: np.random.Generator, *, original: bool
) -> list[Trial]:
    """Two items for practice: a usual one, and one with beeps, as the checks are."""
    clip = clips[int(rng.integers(len(clips)))]
    names = pairs_of(config, methods, original=original)[0] if part == "preference" else (ORIGINAL if original else methods[0],)
    return [
        _trial(config, part, clip, names, original=original, training=True),
        _check(part, clip, names[0], rng, training=True),
    ]


def _check(part: str, clip: str, other: str, rng: np.random.Generator, *, training: bool = False) -> Trial:
    """An item with one right answer: the number of beeps, or the sample that beeps."""
    samples = [Sample(clip, "", beeps=int(rng.integers(1, MAX_BEEPS + 1)))]
    if part == "preference":
        samples.insert(int(rng.integers(2)), Sample(clip, other))
    return Trial(part, tuple(samples), training=training)


def _with_checks(
    config: ListeningConfig, part: str, trials: list[Trial], clips: list[str], rng: np.random.Generator, *, original: bool
) -> list[Trial]:
    """The items with the checks among them, one at a random place of each of as many equal stretches."""
    others = sorted({sample.source for trial in trials for sample in trial.samples if sample.source not in RESERVED}) or [ORIGINAL]
    borders = np.linspace(0, len(trials), config.checks + 1).astype(int)
    result: list[Trial] = []
    for begin, end in pairwise(borders):
        place = int(rng.integers(begin, max(begin + 1, end)))
        other = others[int(rng.integers(len(others)))]
        result += [*trials[begin:place], _check(part, clips[int(rng.integers(len(clips)))], other, rng), *trials[place:end]]
    return result if config.checks else list(trials)


def _shuffled(trials: list[Trial], rng: np.random.Generator) -> list[Trial]:
    """In random order, the same clip as seldom as possible twice in a row."""
    best, fewest = list(trials), len(trials) + 1
    for _ in range(_SHUFFLES):
        tried = [trials[i] for i in rng.permutation(len(trials))]
        repeats = sum(a.samples[0].clip == b.samples[0].clip for a, b in pairwise(tried))
        if repeats < fewest:
            best, fewest = tried, repeats
        if not fewest:
            break
    return best
