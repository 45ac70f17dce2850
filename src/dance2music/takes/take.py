"""A take: one piece of music for a dance, with all that it came from, so that the same bits come again and a section can be drawn again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dance2music import __version__
from dance2music.errors import InputError
from dance2music.methods.base import Given
from dance2music.music.splice import spliced_audio
from dance2music.rhythm.sections import SHORTEST_FADE_SECONDS, ending_of, ring_seconds
from dance2music.takes import take_file
from dance2music.takes.methods import METHODS, LoadedMethod, Method, load
from dance2music.takes.sound import MASTERED, Finish, finish, finish_from, finished, to_audio
from dance2music.types import GENRES, Audio, Conditioning, Latents, Score, Section, Span

if TYPE_CHECKING:
    from torch import Tensor

PREVIEW_RATE = 24_000
"""Hz, of `Take.preview`."""
LEAD_SECONDS = 0.02
"""How far ahead of the dance's beat grid the music is placed. A loud stroke is heard within 2.3 ms of its note in every sound (superflux,
hop of 3 ms, its own lateness on clicks taken off); the rest makes up for beat trackers, which hear beats about 27 ms after strokes, in the
music that dancers heard too: a grid whose lag was measured by them (`RhythmConfig.lag_seconds`) lies that much late."""


@dataclass(frozen=True)
class Edit:
    """A section of a take that was drawn again: where, from which seed, and the whole piece with it."""

    span: Span
    seed: int
    music: Latents | Score = field(repr=False)


@dataclass(frozen=True)
class Source:
    """The file that a take was made for: its path as it was given, sha256 and whether it is a video (else a motion file)."""

    path: Path
    sha256: str
    is_video: bool


@dataclass(frozen=True)
class Take:
    """One piece of music for a dance.

    Attributes
    ----------
    method : name of its method; ``given`` is what the user brought for it.
    conditioning : the dance that it was made for.
    music : what the method wrote; ``edits`` are sections that were drawn again, in order.
    seed : int, the seed that the method was given for this take.
    candidates : int, how many takes it was chosen from.
    sample_rate : int, Hz, of its sound; None for the rate that the sound has by itself (48,000 in the studio).
    soundfont : what plays its notes, where notes are played, see `music.synth.render`.
    finishing : how its sound is finished, see `finished_take`.
    source : the file of the dance, where there is one.
    """

    method: str
    conditioning: Conditioning
    music: Latents | Score
    seed: int
    candidates: int = 1
    given: Given = field(default_factory=Given)
    soundfont: str | None = None
    sample_rate: int | None = None
    edits: tuple[Edit, ...] = ()
    finishing: Finish = field(default_factory=Finish)
    source: Source | None = None

    def __repr__(self) -> str:
        length, rhythm = self.conditioning.duration_seconds, self.conditioning.rhythm
        drawn = f", {len(self.edits)} sections drawn again" if self.edits else ""
        genre = GENRES[self.conditioning.genre]
        return f"<Take of {self.method}: {length:.2f} s, {genre} at {rhythm.tempo_bpm:.1f} bpm, seed {self.seed}{drawn}>"

    @property
    def latest(self) -> Latents | Score:
        """What the method wrote, with all sections that were drawn again."""
        return self.edits[-1].music if self.edits else self.music

    @property
    def score(self) -> Score | None:
        """The notes, where the method has notes."""
        return self.latest if isinstance(self.latest, Score) else self.latest.score

    @property
    def sections(self) -> tuple[Section, ...]:
        """The form of the music; systems to compare with follow none."""
        return () if METHODS[self.method].compared else self.conditioning.sections

    @cached_property
    def audio(self) -> Audio:
        """Sound as the method made it, before it is finished and without sections that were drawn again."""
        return self._sound(self.music)

    def preview(self) -> Audio:
        """`audio`, of the studio at a rate that costs half: what takes are ranked by."""
        return self._sound(self.music, preview=True) if self.given.sound in MASTERED else self.audio

    @cached_property
    def finished(self) -> Audio:
        """Sound as it is heard: each section drawn again put into what was there before."""
        audio = self._finish(self.audio)
        for edit in self.edits:
            audio = self._spliced(audio, edit)
        return audio

    def section_sound(self, before: Audio) -> Audio:
        """`finished`, of sound [C, N] as it was heard before the last section was drawn again: its samples outside the section's seams keep
        their bits, and of what was read from a wav file of 16 bits the same file comes as of `finished`."""
        assert self.edits, "a section was drawn again"
        return self._spliced(before, self.edits[-1])

    def _spliced(self, before: Audio, edit: Edit) -> Audio:
        levels = self.finishing.levels
        if levels is None:
            return spliced_audio(before, self._finish(self._sound(edit.music)), edit.span, as_written=True)
        from dance2music.sound.section import SAMPLE_RATE, render_section

        assert isinstance(edit.music, Score), "what has levels was played by the studio"
        first, drawn = render_section(edit.music, edit.span, levels, sample_rate=self.sample_rate or SAMPLE_RATE, seed=self.seed)
        return spliced_audio(before, drawn, edit.span, first=first, as_written=True)

    def save(self, path: str | Path, *, method: LoadedMethod | None = None) -> None:
        """Write the take to a file, by custom ``*.take``, whole or not at all: all from which the same bits come again.

        With the same versions of the libraries (they are in the file) on the same kind of processor, that is. ``method`` is the take's,
        where it is loaded already; else it is loaded, to know the digests of its weights.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        record, tensors = METHODS[self.method], {}  # type: ignore[var-annotated]
        source = self.source
        header = {
            "version": __version__,
            "libraries": take_file.versions(),
            "method": self.method,
            "given": take_file.given_values(self.given),
            "digests": take_file.digests(load(record, self.given) if method is None else method),
            "soundfont": take_file.soundfont_values(self.given, self.soundfont),
            "sample_rate": self.sample_rate,
            "seed": self.seed,
            "candidates": self.candidates,
            "finish": self.finishing.values(),
            "source": None if source is None else {"path": str(source.path), "sha256": source.sha256, "is_video": source.is_video},
            "dance": take_file.put_conditioning(self.conditioning, tensors),
            "music": take_file.put_music("music", self.music, tensors),
            "edits": [
                {"span": list(edit.span), "seed": edit.seed, "music": take_file.put_music(f"edit{i}", edit.music, tensors)}
                for i, edit in enumerate(self.edits)
            ],
        }
        take_file.write(path, header, tensors)

    def _sound(self, music: Latents | Score, *, preview: bool = False) -> Audio:
        return to_audio(
            music,
            sound=self.given.sound,
            soundfont=self.soundfont,
            seed=self.seed,
            duration_seconds=self.conditioning.duration_seconds,
            sample_rate=PREVIEW_RATE if preview else self.sample_rate,
        )

    def _finish(self, audio: Audio) -> Audio:
        if self.given.sound in MASTERED:
            return audio
        return finish(audio, denoise=self.finishing.denoise, gain_db=self.finishing.gain_db, fade_seconds=self.fade_seconds)

    @property
    def fade_seconds(self) -> float | None:
        """Length of the fall to silence where no desk sees to it: next to nothing of music that plays on; None of music without form."""
        if self.conditioning.sections and ending_of(self.conditioning.sections) is None:
            return SHORTEST_FADE_SECONDS
        ending = ending_of(self.sections)
        if ending is None:
            return None
        duration, beat = self.conditioning.duration_seconds, float(ending.begin_beat)
        return ring_seconds(float(ahead(self.conditioning).rhythm.time_at(np.array([beat]))[0]), duration)


def finished_take(take: Take, *, denoise: bool = True, source: Source | None = None) -> Take:
    """The take with its loudness measured, so that it stays as it is when a section of it is drawn again; made for the dance of a file.

    Raises
    ------
    InputError
        If a section was drawn again already: then its loudness is measured, and `Take.finished` is its sound.
    """
    if take.edits:
        raise InputError(f"a take with {len(take.edits)} sections drawn again: is finished already; take its `finished` sound as it is")
    if take.given.sound in MASTERED:
        done = take if take.finishing.levels is not None and "finished" in take.__dict__ else levelled(take)
        return keeping_sound(replace(done, source=source), audio=done.audio, finished=done.finished)
    audio, finishing = finished(take.audio, denoise=denoise, fade_seconds=take.fade_seconds)
    return keeping_sound(replace(take, finishing=finishing, source=source), audio=take.audio, finished=audio)


def levelled(take: Take) -> Take:
    """A take of a mastered sound, at whose levels the desk renders its sections (`Finish.levels`)."""
    if take.given.sound == "studio":
        from dance2music.sound.render import SAMPLE_RATE, render_measured

        assert isinstance(take.music, Score), "the studio plays notes"
        audio, levels = render_measured(take.music, seed=take.seed, sample_rate=take.sample_rate or SAMPLE_RATE)
    else:
        audio, levels = take.audio, None
    made = replace(take, finishing=Finish(denoise=False, levels=levels))
    return keeping_sound(made, audio=audio) if made.edits else keeping_sound(made, audio=audio, finished=audio)


def make_takes(
    method: LoadedMethod,
    conditioning: Conditioning,
    *,
    seeds: Sequence[int],
    soundfont: str | Path | None = None,
    sample_rate: int | None = None,
) -> list[Take]:
    """One take per seed, `LEAD_SECONDS` ahead of the dance's beat grid, each as long as the dance to the sample."""
    made = method.generate(ahead(conditioning), list(seeds))
    font = None if soundfont is None else str(soundfont)
    return [
        Take(method.method.name, conditioning, music, seed, given=method.given, soundfont=font, sample_rate=sample_rate)
        for music, seed in zip(made, seeds)
    ]


def method_that_redraws(take: Take) -> Method:
    """The method of a take; raises InputError if it cannot draw a section."""
    if not METHODS[take.method].redraws:
        can = ", ".join(name for name, other in METHODS.items() if other.redraws)
        raise InputError(f"method {take.method!r}: makes whole pieces and cannot draw a section again; expected a take of {can}")
    return METHODS[take.method]


def check_span(take: Take, span: Sequence[float]) -> Span:
    """The section; raises InputError for one that is reversed, not in the take, shorter than a beat, or in the ring of its last chord."""
    try:
        begin, end = (float(time) for time in span)
    except (TypeError, ValueError):
        raise InputError(f"section {span!r}: expected two times in seconds, from and to; give those") from None
    length, beat = take.conditioning.duration_seconds, 60.0 / take.conditioning.rhythm.tempo_bpm
    if not (0.0 <= begin < length and begin < end <= length + 0.05):
        raise InputError(f"section from {begin:g} s to {end:g} s: expected one within 0 s and {length:.2f} s, the earlier time first")
    if end - begin < beat - 1e-6:
        raise InputError(f"section from {begin:g} s to {end:g} s: is {end - begin:.2f} s long; expected at least a beat, {beat:.2f} s")
    ending = None if take.score is None else ending_of(take.score.sections)
    if take.score is not None and ending is not None:
        rings = float(take.score.time_at(np.array([float(ending.begin_beat)]))[0])
        if begin > rings + 1e-3:
            raise InputError(f"section from {begin:g} s to {end:g} s: the last chord rings since {rings:.2f} s; begin there or earlier")
    return Span(begin, end)


def ahead(conditioning: Conditioning) -> Conditioning:
    """The dance as a method sees it: its beat grid and its hits earlier by `LEAD_SECONDS`."""
    rhythm = conditioning.rhythm
    return replace(
        conditioning,
        rhythm=replace(rhythm, beat_times_seconds=rhythm.beat_times_seconds - LEAD_SECONDS),
        hits_seconds=conditioning.hits_seconds - LEAD_SECONDS,
    )


def keeping_sound(take: Take, **made: Audio) -> Take:
    """The take, told the sound that was made of its music already: ``audio`` or ``finished``."""
    take.__dict__.update(made)
    return take


def load_take(path: str | Path) -> Take:
    """The take of a file that `Take.save` wrote; its method is loaded to decode what it wrote.

    Raises
    ------
    InputError
        If the file is missing, damaged, no take or one of another version; if it holds what cannot be; if the weights or the soundfont that
        it was made with are not here.
    """
    return open_take(path)[0]


def open_take(path: str | Path, *, loader: Callable[[Method, Given], LoadedMethod] = load) -> tuple[Take, LoadedMethod]:
    """`load_take`, and the take's method; ``loader`` may have it already. Raises InputError as `load_take`."""
    try:
        return _opened(*take_file.read(path), path, loader)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: does not hold what a take holds ({type(error).__name__}: {error}); get it again") from error


def _opened(
    header: dict[str, Any], tensors: dict[str, Tensor], path: str | Path, loader: Callable[[Method, Given], LoadedMethod]
) -> tuple[Take, LoadedMethod]:
    name, number, whole, flag = header["method"], take_file.number, take_file.whole, take_file.flag
    if name not in METHODS:
        known = ", ".join(METHODS)
        raise InputError(f"{path}: was made by method {name!r}; expected one of {known}; open it with the version that made it")
    conditioning = take_file.take_conditioning(header["dance"], tensors)
    given, duration = take_file.given_from(header["given"]), conditioning.duration_seconds
    method = loader(METHODS[name], given)
    take_file.check_digests(header["digests"], method, path)
    rows = header["edits"]
    take_file.need(isinstance(rows, list) and len(rows) <= take_file.MAX_EDITS, "edits", f"{len(rows)} of {type(rows).__name__}")
    edits = []
    for i, row in enumerate(rows):
        begin, end = row["span"]
        span = Span(number(begin, 0, duration), number(end, begin, duration + take_file.SLACK_SECONDS))
        music = take_file.take_music(f"edit{i}", row["music"], tensors, method, duration)
        edits.append(Edit(span, whole(row["seed"], 0, 2**63), music))
    source, rate = header["source"], header.get("sample_rate")  # older takes have none
    take_file.need(source is None or "\0" not in take_file.text(source["path"]), "source", "a name with a zero byte")
    take = Take(
        method=name,
        conditioning=conditioning,
        music=take_file.take_music("music", header["music"], tensors, method, duration),
        seed=whole(header["seed"], 0, 2**63),
        candidates=whole(header["candidates"], 1, 10_000),
        given=given,
        soundfont=take_file.soundfont_from(header["soundfont"], path),
        sample_rate=None if rate is None else whole(rate, 16_000, 192_000),
        edits=tuple(edits),
        finishing=finish_from(header["finish"], sound=given.sound),
        source=None if source is None else Source(Path(source["path"]), take_file.text(source["sha256"]), flag(source["is_video"])),
    )
    return take, method
