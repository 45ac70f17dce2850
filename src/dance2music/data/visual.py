"""Visual vectors that a user brings to a data set: the files of ``dance2music data visual``, found by the names of clips."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dance2music.data.manifest import Skip, Source
from dance2music.errors import InputError

_VECTOR = re.compile(r"(?P<clip>.+)_seg(?P<k>[1-9]\d*)")


def with_visual(sources: Sequence[Source], folder: Path) -> tuple[list[Source], list[Skip]]:
    """Clips with the visual vectors ``CLIP_segK.npy`` of a folder or below it; they take the place of the data set's own.

    Returns
    -------
    The clips that have any, and the others with the reason.

    Raises
    ------
    InputError
        If there is a vector for none of the clips.
    """
    found: dict[str, dict[int, Path]] = defaultdict(dict)
    for path in sorted(folder.rglob("*_seg*.npy")):
        match = _VECTOR.fullmatch(path.stem)
        if match is not None:
            found[match["clip"]].setdefault(int(match["k"]), path)
    seen: list[Source] = []
    skipped: list[Skip] = []
    for clip in sources:
        vectors = found.get(clip.name, {})
        single = _VECTOR.fullmatch(clip.name)  # a published segment is a clip of its own
        if not vectors and single is not None and int(single["k"]) in found.get(single["clip"], {}):
            vectors = {1: found[single["clip"]][int(single["k"])]}
        if vectors:
            ks = tuple(sorted(vectors))
            seen.append(replace(clip, visual=tuple(vectors[k] for k in ks), visual_segments=ks))
        else:
            skipped.append(Skip(clip.name, f"has no visual vector {clip.name}_seg1.npy in {folder}"))
    if sources and not seen:
        raise InputError(
            f"{folder}: has visual vectors of none of {len(sources)} clips; expected files as {sources[0].name}_seg1.npy; "
            "make them with 'dance2music data visual'"
        )
    return seen, skipped
