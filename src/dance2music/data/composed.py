"""The composed corpus as a data set: the folder that `synthetic.synthetic.write_corpus` made (`dance2music data synthetic`)."""

from __future__ import annotations

from pathlib import Path

from dance2music.data.manifest import MANIFEST, Listing, Skip, Source, check_leaks
from dance2music.documents import inside, json_value, plain_name
from dance2music.errors import InputError
from dance2music.types import GENRES

VALIDATION_EVERY = 10
"""One seed in so many; the one after it is held out (`synthetic.synthetic`)."""


def _not_test(seed: int) -> str:
    """Split of a song that is not held out: "validation" for one in ten."""
    return "validation" if seed % VALIDATION_EVERY == VALIDATION_EVERY - 2 else "train"


def list_composed(folder: Path, *, lists: Path | None = None) -> Listing:
    """Clips of a composed corpus; its held-out songs are the test split, those before them validate. ``lists`` has no meaning here.

    Raises
    ------
    InputError
        If the folder is no composed corpus or a song is in two splits.
    """
    if lists is not None:
        raise InputError(f"{lists}: a composed corpus has its split in its manifest; leave --lists out")
    path = folder / MANIFEST
    sources: list[Source] = []
    skipped: list[Skip] = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json_value(line)
            name = plain_name(row["name"], where=str(path))
            if "audio" not in row:
                skipped.append(Skip(name, "was made without its music (--no-audio)"))
                continue
            sources.append(
                Source(
                    name=name,
                    song=plain_name(row["song"], where=str(path)),
                    split="test" if row["split"] == "held-out" else _not_test(int(row["seed"])),
                    music=inside(folder, row["audio"], where=str(path)),
                    motion=inside(folder, row["motion"], where=str(path)),
                    genre=GENRES.index(row["genre"]),
                    tempo_bpm=float(row["tempo_bpm"]),
                    beat_times_seconds=tuple(float(t) for t in row["beat_times_seconds"]),
                )
            )
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(f"{path}: is no composed corpus ({error}); expected the folder that 'dance2music data synthetic' made") from error
    check_leaks(sources, where=str(folder))
    return Listing(sources, skipped)
