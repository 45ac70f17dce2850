"""A data set as it unpacks becomes a folder to train from: `prepare`, the command ``dance2music data prepare``.

::

    OUT/manifest.jsonl            one row per clip (`data.manifest.ClipRow`), written last
    OUT/skipped.jsonl             what was left out, and why
    OUT/prepared.json             data set, settings, counts
    OUT/clips/CLIP.npz            features (`data.features`)
    OUT/codes/CODEC/CLIP.npz      codes int16 [S, Q, L] and latents float16 [S, E, L] of every segment's music
    OUT/rows/CLIP.json            the clip's row or the reason why it has none: what a run that was killed goes on from

A clip is made anew only if its settings or its files (size, time) changed; what could not be used is tried again only then, too. Song,
split, genre and tempo are labels: other ones make no clip anew. Every file is whole or not there, so that a run can be killed at any time.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from dance2music.data.aist import list_aist, list_aist_segments
from dance2music.data.composed import list_composed
from dance2music.data.folder import list_folder
from dance2music.data.maker import Maker, codec_label_of
from dance2music.data.manifest import ABOUT, MANIFEST, SKIPPED, Listing, Progress, Reader, Source, check_leaks, write_lines
from dance2music.data.parts import Part, Result
from dance2music.data.report import Report, gaps
from dance2music.data.tiktok import list_tiktok
from dance2music.data.visual import with_visual
from dance2music.documents import json_value, plain_name
from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.leftovers import only_here
from dance2music.parallel import Engine, engine
from dance2music.work import Cancel

logger = logging.getLogger(__name__)

DATASETS: dict[str, Reader] = {
    "aist": list_aist,
    "aist-segments": list_aist_segments,
    "tiktok": list_tiktok,
    "folder": list_folder,
    "composed": list_composed,
}
"""Data set by the name that a user types -> function that lists its clips."""

_TELL_SECONDS = 10.0


@dataclass(frozen=True)
class PrepareConfig:
    """Which clips are prepared, and what is made of them, in a folder or in shards.

    Attributes
    ----------
    codec : "spectral" for the embedded codec, or a model file of a codec; None makes no codes. Codes of other codecs stay.
    lists : folder of lists that choose clips or segments, for data sets that have them.
    visual : watch videos for optical flow.
    visual_features : folder of ``CLIP_segK.npy``, a visual vector per segment, as ``dance2music data visual`` makes them; segments without
        one are left out.
    posture : keep body, hands and face as well, for the holistic presets.
    """

    codec: str | None = None
    lists: str | Path | None = None
    visual: bool = True
    visual_features: str | Path | None = None
    posture: bool = False

    @property
    def codec_label(self) -> str:
        """Name of the codec's folder, "" without codec. Raises InputError if it cannot be loaded."""
        return "" if self.codec is None else codec_label_of(self.codec)


DEFAULT = PrepareConfig()


def prepare(
    source: str | Path,
    dataset: str,
    out: str | Path,
    config: PrepareConfig = DEFAULT,
    *,
    workers: int = 1,
    executor: str | Engine = "process",
    part: Part | None = None,
    cancel: Cancel | None = None,
    progress: Progress | None = None,
) -> Report:
    """Prepare a data set; a second call makes only what is missing or changed.

    Parameters
    ----------
    source : folder of the data set.
    dataset : key of `DATASETS`.
    out : folder to write, made where missing.
    config : which clips, and what is made of them.
    workers : processes.
    executor : `parallel.Engine` that runs them, or its name.
    part : make this part of the clips only, beside other runs that make the others; `data.parts.merge` then writes the manifest.
    cancel : stops between clips, and workers at any time; a second call goes on.
    progress : called with (clips done, of).

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If the data set is unknown or broken as a whole, a song is in two splits, nothing can be used, or a worker dies. A single clip
        that cannot be used is skipped instead.
    """
    if workers < 1:
        raise InputError(f"workers: {workers}; expected at least 1")
    folder, out = Path(source), Path(out)
    listing = list_clips(folder, dataset, config)
    if out.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{out}: lies in the data set {folder}, of which it would become a part; choose an --out elsewhere")
    _check_same(out, dataset, folder)
    make_folders(out, config.codec)
    maker = Maker(out, config.visual, config.codec, config.codec_label, config.posture)
    run = engine(executor, workers)
    about = {"dataset": dataset, "source": str(folder.resolve()), "visual": config.visual}
    if part is None:
        with only_here(out, "a preparation"):
            results, made = _make(maker, listing.sources, run, cancel, progress)
            return finish(out, about, listing, results, made=made)
    own = part.of(listing.sources)
    with part.record_in(out, about | {"codec": maker.codec_label}, own, listing):
        results, made = _make(maker, own, run, cancel, progress)
    rows = [row for row, _ in results.values() if row is not None]
    skips = [skip for _, skips in results.values() for skip in skips]
    notes = [*listing.notes, f"part {part}: run the others, then 'dance2music data merge {out}'"]
    return Report(rows, skips, made, len(rows) - made, notes)


def list_clips(folder: Path, dataset: str, config: PrepareConfig = DEFAULT) -> Listing:
    """The clips of a data set, every name once and fit to be that of a file, with their visual vectors. Raises InputError as `prepare`."""
    if dataset not in DATASETS:
        raise InputError(f"data set {dataset!r}: unknown; expected one of {', '.join(DATASETS)}")
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; expected that of the data set {dataset!r}; unpack it there")
    listing = DATASETS[dataset](folder, lists=None if config.lists is None else Path(config.lists))
    for clip in listing.sources:
        plain_name(clip.name, where=str(folder))
    doubles = [name for name, count in Counter(clip.name for clip in listing.sources).items() if count > 1]
    if doubles:
        raise InputError(f"{folder}: {len(doubles)} clips have the name of another, first {doubles[0]!r}; expected one each; rename them")
    if config.visual_features is None:
        return listing
    seen, unseen = with_visual(listing.sources, Path(config.visual_features))
    return Listing(seen, [*listing.skipped, *unseen], listing.notes)


def _make(
    maker: Maker, clips: Sequence[Source], run: Engine, cancel: Cancel | None, progress: Progress | None
) -> tuple[dict[str, Result], int]:
    """Results by clip, in order, and how many clips became usable now."""
    known = {clip.name: maker.finished(clip) for clip in clips}
    todo = [clip for clip in clips if known[clip.name] is None]
    kept = len(clips) - len(todo)
    results = {name: result for name, result in known.items() if result is not None}
    for name, result in _told(run.map(maker, todo, ordered=False, cancel=cancel), len(todo), kept, progress):
        results[name] = result
    made = sum(results[clip.name][0] is not None for clip in todo)
    return {clip.name: results[clip.name] for clip in clips}, made


def finish(out: Path, about: dict[str, Any], listing: Listing, results: Mapping[str, Result], *, made: int = 0) -> Report:
    """Write what was skipped, the manifest and what it is, of the results by clip in the order of the data set. Raises InputError as
    `prepare`."""
    where = str(about["source"])
    rows = [row for row, _ in results.values() if row is not None]
    skipped = [*listing.skipped, *sorted((skip for _, skips in results.values() for skip in skips), key=lambda skip: skip.name)]
    write_lines(out / SKIPPED, (json.dumps(dataclasses.asdict(skip)) for skip in skipped))
    if not rows:
        first = f"; first: {skipped[0].name}: {skipped[0].reason}" if skipped else ""
        raise InputError(f"{where}: none of {len(skipped)} clips can be used{first}; see {out / SKIPPED}")
    check_leaks(rows, where=where, same_held_out=True)
    write_lines(out / MANIFEST, (row.to_json() for row in rows))
    whole = about | {"clips": len(rows), "skipped": len(skipped), "codecs": sorted({name for row in rows for name in row.codes})}
    with whole_file(out / ABOUT) as temporary:
        temporary.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    return Report(rows, skipped, made, len(rows) - made, [*listing.notes, *gaps(rows)])


def _told(results: Iterator[tuple[str, Result]], count: int, before: int, progress: Progress | None) -> Iterator[tuple[str, Result]]:
    """The results as they come, with progress and now and then the time left; ``before`` clips were there already."""
    start = told = time.monotonic()
    for done, result in enumerate(results, start=1):
        yield result
        if progress is not None:
            progress(before + done, before + count)
        now = time.monotonic()
        if now - told >= _TELL_SECONDS:
            told, left = now, (now - start) / done * (count - done)
            logger.info("%d of %d clips, about %s left", before + done, before + count, timedelta(seconds=round(left)))


def _check_same(out: Path, dataset: str, source: Path) -> None:
    """Refuse a folder that holds another data set, by its kind or its place."""
    try:
        about: dict[str, Any] = json_value((out / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if about.get("dataset") != dataset:
        raise InputError(
            f"{out}: holds the data set {about.get('dataset')!r}; expected a folder of its own for {dataset!r}; choose another --out"
        )
    check_place(about, source, out)


def check_place(about: Mapping[str, Any], source: Path, out: object) -> None:
    """Refuse to prepare a source over what was prepared from another, which ``about`` is of. Raises InputError."""
    had = str(about.get("source", source))
    if not same_place(had, source):
        raise InputError(
            f"{out}: holds what was prepared from {had}; expected a folder of its own for {source}; choose another --out, or remove "
            f"{ABOUT} in it if the data set was moved"
        )


def same_place(one: str | Path, other: str | Path) -> bool:
    """Whether two paths name one place; relative ones, which earlier versions wrote, do so from here."""
    return Path(one).resolve() == Path(other).resolve()


def make_folders(out: Path, codec: str | None) -> None:
    """Make the folders that clips are written into. Raises InputError where that cannot be done."""
    wanted = [out / "clips", out / "rows"]
    if codec is not None:
        wanted.append(out / "codes" / codec_label_of(codec))
    try:
        for folder in wanted:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be made ({error.strerror}); choose another --out") from error
