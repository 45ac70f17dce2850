"""A preparation in parts, by runs that know nothing of each other: arrays of jobs, machines without a cluster.

::

    OUT/parts/I-of-N.json    what the run of part I was asked for, and its clips; written when they are made

Every part is a stretch of the data set's clips, in order, so that the parts one after the other are the whole. Runs write into one folder,
or into folders of their own that `data.merge` puts together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dance2music.data.manifest import ClipRow, Listing, Skip, Source
from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.leftovers import only_here

PARTS = "parts"
Result = tuple[ClipRow | None, list[Skip]]
"""What became of a clip: its row, or none, and what of it was skipped."""
A = TypeVar("A")
_MOST_PARTS = 1_000_000


@dataclass(frozen=True)
class Part:
    """Part ``number`` (from 1) of ``count``."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Part:
        """The part of a text as 2/8. Raises InputError if it is none."""
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
        number, count = (int(found[1]), int(found[2])) if found else (0, 0)
        if not 1 <= number <= count <= _MOST_PARTS:
            raise InputError(
                f"--shard {text}: expected I/N with I from 1 to N and N at most {_MOST_PARTS}, for example 1/4; "
                "in a Slurm array $SLURM_ARRAY_TASK_ID/N"
            )
        return cls(number, count)

    def of(self, items: Sequence[A]) -> Sequence[A]:
        """The stretch of some items that belongs to this part."""
        return items[(self.number - 1) * len(items) // self.count : self.number * len(items) // self.count]

    @contextmanager
    def record_in(self, out: Path, asked: dict[str, Any], own: Sequence[Source], listing: Listing) -> Iterator[None]:
        """Keep a second run of this part out while the block lasts, and write at its end what this part is.

        Raises InputError if it runs already, or cannot be written."""
        path = out / PARTS / f"{self.number}-of-{self.count}.json"
        held = path.with_suffix(".lock")
        try:
            held.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{held}: cannot be made ({error.strerror}); choose another --out") from error
        with only_here(held, f"part {self}"):
            yield
            content = {
                "asked": asked,
                "clips": [clip.name for clip in own],
                "skipped": [(skip.name, skip.reason) for skip in listing.skipped],
                "notes": list(listing.notes),
            }
            with whole_file(path) as temporary:
                temporary.write_text(json.dumps(content), encoding="utf-8")
