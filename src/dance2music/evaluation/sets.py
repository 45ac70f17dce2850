"""A whole split of a prepared data set with music of one method: what ``dance2music generate-set`` writes and ``evaluate`` takes.

::

    OUT/music/NAME.wav       the music; of several takes NAME-1.wav, NAME-2.wav, ...
    OUT/reference/NAME.wav   the dance's own music over the same time
    OUT/motion/NAME.npz      the dance, keypoints of a single camera
    OUT/genres.csv           name,genre where the data set knows it
    OUT/manifest.jsonl       one row per NAME, written last
    OUT/set.json             what made it

NAME is that of a segment of two seconds, on which both papers test, or with ``whole`` that of a clip. A second call makes what is missing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dance2music import __version__
from dance2music.config import fit_fields
from dance2music.data.manifest import MANIFEST, SEGMENT_SECONDS, SPLITS, ClipRow, read_manifest, segment_name, write_lines
from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.generation.request import MAX_TAKES, check_seed
from dance2music.methods.base import CodecGenerator, Given, frames_in, quantized
from dance2music.parallel import Engine, Serial, one_thread
from dance2music.takes.methods import LoadedMethod, Method, check_given, load, method_for
from dance2music.types import GENRES, Audio, Conditioning, Latents, Motion, Score, Span
from dance2music.work import Cancel, Progress, cancellable, current_cancel

if TYPE_CHECKING:
    from dance2music.takes.take import Take

ABOUT = "set.json"
_LARGEST_SAMPLE = 32767
_OPTIONS = ("level", "weights", "codec", "decoder", "precision", "settings", "sound")


@dataclass(frozen=True)
class SetRequest:
    """Which split of which data set gets music of which method; the fields are options of ``dance2music generate-set``.

    ``whole`` makes music for clips as long as they are instead of segments, ``limit`` stops after so many names, 0 for none. Raises
    InputError for values of other types.
    """

    prepared: Path
    out: Path
    split: str = "test"
    method: str = ""
    level: str | None = None
    weights: Path | None = None
    codec: Path | None = None
    decoder: Path | None = None
    precision: str = "fp32"
    settings: tuple[str, ...] = ()
    sound: str = ""
    seed: int = 0
    takes: int = 1
    whole: bool = False
    denoise: bool = True
    limit: int = 0

    def __post_init__(self) -> None:
        fit_fields(self)


@dataclass(frozen=True)
class Item:
    """A segment or a clip of a prepared folder: its name, row and K (None for the whole clip), and its arrays over that time."""

    name: str
    row: ClipRow
    segment: int | None
    arrays: dict[str, np.ndarray]


def generate_set(
    request: SetRequest, *, executor: Engine | None = None, progress: Progress | None = None, cancel: Cancel | None = None
) -> dict[str, Any]:
    """Make what is missing of a set and return what it is: names, made now, there already, left out with reasons, seconds.

    Parameters
    ----------
    executor : engine whose workers make the music, each with one thread; without one it is made here, with all threads.

    Raises
    ------
    InputError
        If anything in the request cannot be used, the split is empty, or ``out`` holds a set that was made otherwise.
    Cancelled
        If ``cancel`` was set; what was finished stays.
    """
    begun = time.perf_counter()
    with cancellable(cancel):
        method, given = _resolved(request)
        rows = [row for row in read_manifest(request.prepared) if row.split == request.split]
        if not rows:
            has = sorted({row.split for row in read_manifest(request.prepared)})
            raise InputError(f"{request.prepared}: has no clip of split {request.split!r}; expected one of {', '.join(has) or 'none'}")
        _claim(request, method)
        names = list(_names(rows, request))
        there = [all(path.is_file() for path in _files_of(request, name)) for _, _, name in names]
        todo = [one for one, whole in zip(names, there) if not whole]
        loaded = None if method.hears or executor is not None else load(method, given)
        make = partial(_made, request, method, given, loaded, executor is not None)
        if progress is not None:
            progress("music", 0.0)
        reasons: dict[str, str] = {}
        for n, (name, reason) in enumerate((executor or Serial()).map(make, todo, ordered=False, cancel=current_cancel()), start=1):
            if reason:
                reasons[name] = reason
            if progress is not None:
                progress("music", n / len(todo))
        done = [one for one in names if one[2] not in reasons]
        made = len(todo) - len(reasons)
        skipped = [{"name": name, "reason": reasons[name]} for _, _, name in names if name in reasons]
        if progress is not None:
            progress("music", 1.0)
        _list(request, done)
    if not done:
        raise InputError(f"{request.prepared}: none of {len(names)} could be made, first {skipped[0]['name']}: {skipped[0]['reason']}")
    return {
        "out": str(request.out), "method": method.name, "split": request.split, "names": len(done), "made": made,
        "there": len(done) - made, "skipped": skipped, "seconds": round(time.perf_counter() - begun, 2),
    }  # fmt: skip


_loaded_here = cache(load)
"""Workers keep a method warm."""


def _made(
    request: SetRequest, method: Method, given: Given, loaded: LoadedMethod | None, alone: bool, one: tuple[ClipRow, int | None, str]
) -> tuple[str, str]:
    """Make an item: its name, and why it could not be made, or ""; ``alone`` with one thread, so that the engine changes no bit."""
    row, segment, name = one
    with one_thread() if alone else nullcontext():
        if loaded is None and not method.hears:
            loaded = _loaded_here(method, given)
        try:
            item = read_item(request.prepared, row, segment, name)
            _write(item, request, loaded, method, given, _files_of(request, name))
        except InputError as error:
            return name, str(error)
    return name, ""


def _resolved(request: SetRequest) -> tuple[Method, Given]:
    """The method and what is given to it, checked."""
    if request.split not in SPLITS:
        raise InputError(f"--split {request.split!r}: expected one of {', '.join(SPLITS)}")
    if not 1 <= request.takes <= MAX_TAKES:
        raise InputError(f"--takes {request.takes}: expected 1 to {MAX_TAKES}")
    if request.limit < 0:
        raise InputError(f"--limit {request.limit}: expected 1 or more, or 0 for all")
    check_seed(request.seed)
    method = method_for(request.method, request.weights)
    options = {name: getattr(request, name) for name in _OPTIONS}
    given = Given(**options)
    check_given(method, given)
    return method, given


def _claim(request: SetRequest, method: Method) -> None:
    """Write what makes the set, or refuse a folder in which another was begun."""
    from dance2music.checkpoint import sha256_of

    about: dict[str, Any] = {"version": __version__, "method": method.name, "prepared": str(request.prepared.resolve())}
    about |= {name: value for name, value in asdict(request).items() if name not in ("prepared", "out", "method", "limit")}
    for name in ("weights", "codec", "decoder"):
        path = getattr(request, name)
        about[name] = None if path is None else str(path)
        about[f"{name}_sha256"] = sha256_of(path) if path is not None and path.is_file() else None
    about["settings"] = list(request.settings)
    path = request.out / ABOUT
    if path.is_file():
        try:
            had = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read ({error}); choose another folder") from error
        changed = [
            f"{name} {had.get(name)!r}, now {value!r}" for name, value in about.items() if name != "version" and had.get(name) != value
        ]
        if changed:
            raise InputError(f"{request.out}: holds a set of {'; '.join(changed)}; choose another folder, or the same settings")
        return
    for folder in ("music", "reference", "motion"):
        try:
            (request.out / folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{request.out}: cannot be made ({error.strerror}); choose another folder") from error
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _names(rows: list[ClipRow], request: SetRequest) -> Iterator[tuple[ClipRow, int | None, str]]:
    """Row, segment and name of everything in the set, in the manifest's order."""
    found = (
        (row, k, row.name if k is None else segment_name(row.name, k)) for row in rows for k in ([None] if request.whole else row.segments)
    )
    for i, one in enumerate(found):
        if request.limit and i >= request.limit:
            return
        yield one


def _files_of(request: SetRequest, name: str) -> list[Path]:
    """Motion, reference and the music of each take, in the order in which they are written."""
    takes = [name] if request.takes == 1 else [f"{name}-{number}" for number in range(1, request.takes + 1)]
    return [
        request.out / "motion" / f"{name}.npz",
        request.out / "reference" / f"{name}.wav",
        *(request.out / "music" / f"{take}.wav" for take in takes),
    ]


def read_item(folder: Path, row: ClipRow, segment: int | None, name: str) -> Item:
    """A segment (K, from 1) of a prepared clip, or all of the clip. Raises InputError if its file cannot be read."""
    from dance2music.data.dataset import mapped_npz
    from dance2music.data.features import LAYOUT_FPS, segment_audio, segment_frames

    arrays = mapped_npz(folder / row.features)
    layouts = [layout for layout in LAYOUT_FPS if layout in arrays]
    if segment is None:
        seconds = row.duration_seconds
        cut = {layout: np.asarray(arrays[layout][: round(seconds * LAYOUT_FPS[layout])], dtype=np.float32) for layout in layouts}
        sound = np.asarray(arrays["audio"], dtype=np.float32)[None] / _LARGEST_SAMPLE
    else:
        cut = {layout: segment_frames(arrays[layout], segment, layout) for layout in layouts}
        sound = segment_audio(arrays["audio"], segment)
        if "visual" in arrays:
            cut["visual"] = np.asarray(arrays["visual"][row.segments.index(segment)], dtype=np.float32)
    return Item(name, row, segment, cut | {"audio": sound})


def conditioning_of(item: Item) -> tuple[Conditioning, Motion]:
    """What a generator may look at of an item, and its motion: features and pictures are the prepared ones, bit by bit."""
    import torch

    from dance2music.dance.openpose import KEYPOINT_FPS
    from dance2music.data.manifest import SAMPLE_RATE
    from dance2music.generation.pipeline import condition

    points = item.arrays["keypoints"].reshape(len(item.arrays["keypoints"]), -1, 3)
    joints = points[..., :2] * np.array([1, -1], dtype=np.float32)  # y up
    motion = Motion(joints, points[..., 2].copy(), float(KEYPOINT_FPS), "body-25", source=item.name)
    seconds = SEGMENT_SECONDS if item.segment is not None else min(item.row.duration_seconds, item.arrays["audio"].shape[-1] / SAMPLE_RATE)
    seen = condition(motion, genre=item.row.genre, duration_seconds=seconds)
    visual = item.arrays["visual"][None] if "visual" in item.arrays else item.arrays["flow"]
    return replace(seen, motion=torch.from_numpy(item.arrays["features"]), visual=torch.from_numpy(visual)), motion


class TwoSeconds:
    """A generator at a paper's size, fed what was prepared for it in place of what a motion in general would be brought to."""

    def __init__(self, generator: CodecGenerator, arrays: Mapping[str, np.ndarray]) -> None:
        self.generator, self.arrays, self.codec = generator, arrays, generator.codec

    def generate(
        self, conditioning: Conditioning, seeds: list[int], *, span: Span | None = None, keep: Latents | Score | None = None
    ) -> list[Latents]:
        """See `methods.base.MusicGenerator.generate`: of the conditioning genre and length count.

        Raises
        ------
        InputError
            If the motion layout or the visual vector that the generator takes was not prepared.
        """
        import torch

        from dance2music.papers.creative_gan import seeded_noise
        from dance2music.papers.runs import motion_layout

        network: Any = self.generator.network
        layout, width = motion_layout(network.config), network.config.visual
        if layout not in self.arrays:
            raise InputError(f"motion: was not prepared as {layout!r}, which this generator takes; prepare 3-D motion, or choose another")
        visual = self.arrays.get("visual")
        if visual is None or visual.shape[-1] != width:
            raise InputError(
                f"visual: no vector of {width} numbers was prepared, which this generator sees; prepare them, or choose another"
            )
        motion, seen = torch.from_numpy(self.arrays[layout])[None], torch.from_numpy(visual)[None]
        noise_dim = getattr(network.config, "noise_dim", 0)
        n_frames = frames_in(conditioning.duration_seconds, self.codec)
        made = []
        with torch.no_grad():
            for seed in seeds:
                noise = {"noise": seeded_noise(seed, noise_dim)} if noise_dim else {}
                z = network(motion, seen, torch.tensor([conditioning.genre]), **noise).float()
                made.append(quantized(z[0, :, :n_frames], self.codec))
        return made


def _takes(item: Item, loaded: LoadedMethod, request: SetRequest, conditioning: Conditioning) -> Iterator[Take]:
    """The takes of an item."""
    from dance2music.takes.ranking import best_take

    network: Any = getattr(loaded.generator, "network", None)
    if item.segment is not None and hasattr(getattr(getattr(network, "config", None), "generator", None), "n_frames"):
        loaded = replace(loaded, generator=TwoSeconds(loaded.generator, item.arrays))  # type: ignore[arg-type]
    for i in range(request.takes):
        yield best_take(loaded, conditioning, seed=request.seed + i)


def _write(item: Item, request: SetRequest, loaded: LoadedMethod | None, method: Method, given: Given, files: list[Path]) -> None:
    """Write the files of an item, the music last."""
    from dance2music.dance.motion_files import save_motion
    from dance2music.data.manifest import SAMPLE_RATE
    from dance2music.music.audio import save_wav
    from dance2music.takes.take import finished_take

    conditioning, motion = conditioning_of(item)
    motion_file, reference, *music = files
    n_samples = round(conditioning.duration_seconds * SAMPLE_RATE)
    save_motion(motion, motion_file)
    save_wav(Audio(item.arrays["audio"][:, :n_samples], SAMPLE_RATE), reference)
    if loaded is None:  # a method that hears the dance's own music
        loaded = load(method, replace(given, heard=reference))
    for path, take in zip(music, _takes(item, loaded, request, conditioning)):
        save_wav(finished_take(take, denoise=request.denoise and method.denoise).finished, path)


def _list(request: SetRequest, done: list[tuple[ClipRow, int | None, str]]) -> None:
    """Write genres and manifest of what there is."""
    with whole_file(request.out / "genres.csv") as temporary:
        temporary.write_text("".join(f"{name},{row.genre}\n" for row, _, name in done if row.genre in GENRES), encoding="utf-8")
    rows = []
    for row, segment, name in done:
        motion, reference, *music = (str(path.relative_to(request.out)) for path in _files_of(request, name))
        rows.append(
            json.dumps(
                {"name": name, "clip": row.name, "song": row.song, "segment": segment, "genre": row.genre, "tempo_bpm": row.tempo_bpm,
                 "music": music, "reference": reference, "motion": motion}
            )
        )  # fmt: skip
    write_lines(request.out / MANIFEST, rows)
