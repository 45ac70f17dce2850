"""What a preparation tells: rows, what was left out, and what splits and genres lack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dance2music.data.manifest import SKIPPED, SPLITS, ClipRow, Skip
from dance2music.types import GENRES


@dataclass(frozen=True)
class Report:
    """What `data.prepare.prepare` did: rows of the manifest, what was left out, counts of usable clips made now and there before, notes."""

    rows: Sequence[ClipRow]
    skipped: Sequence[Skip]
    made: int
    kept: int
    notes: Sequence[str]

    def table(self, *, most: int = 20) -> Iterator[str]:
        """Lines to print: a count per split, notes, and the first of what was skipped."""
        for split, count in Counter(row.split for row in self.rows).items():
            rows = [row for row in self.rows if row.split == split]
            songs, segments = len({row.song for row in rows}), sum(len(row.segments) for row in rows)
            yield f"{split:<12}{count:>7} clips {segments:>8} segments {songs:>6} songs"
        yield from self.notes
        if self.skipped:
            yield f"{'skipped':<12}{len(self.skipped):>7}"
        for skip in self.skipped[:most]:
            yield f"  {skip.name}: {skip.reason}"
        if len(self.skipped) > most:
            yield f"  and {len(self.skipped) - most} more in {SKIPPED}"


def gaps(rows: Sequence[ClipRow]) -> Iterator[str]:
    """What a split or its genres lack, a line each."""
    lacks = {
        "train": "nothing can be trained on it",
        "validation": "trainings are not validated, and keep no best weights",
        "test": "nothing can be measured on it",
    }
    for split in SPLITS:
        if not any(row.split == split for row in rows):
            yield f"{split:<12}   none: {lacks[split]}; give more songs, or say their splits (docs/data.md)"
    songs = {genre: {row.song: row.split for row in rows if row.genre == genre} for genre in GENRES}
    single = [f"{genre} ({next(iter(split_of.values()))})" for genre, split_of in songs.items() if len(split_of) == 1]
    if single:
        yield f"genres of a single song: {', '.join(single)}: what learns or retrieves them may know the song instead"
