"""Dance segments of one length with their music, as the generators of both papers train on them.

A data set of segments is anything with ``len`` and ``segments[i] -> dict`` of tensors of one item:

    motion   float32 [T, F], ``visual`` float32 [T_v, V] or [V], ``genre`` int64 []
    audio    float32 [1, N], peak at most 1
    latents  float32 [E, L], the codec's encoding before the lookup, and ``codes`` int64 [Q, L]

`SegmentBatches` makes steps of it. The encoder is frozen while a generator trains, so `coded` computes latents and codes once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dance2music.errors import ConfigError, InputError
from dance2music.files import whole_file
from dance2music.seeds import HELD_OUT_CLIPS, Corpus, GanStep
from dance2music.types import Codec

MOTION_FPS = 30.0
_CODED_AT_ONCE = 16


class Segments(Protocol):
    """See the head of this file."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> dict[str, Tensor]: ...


@runtime_checkable
class Ordered(Protocol):
    """Segments that say in which order an epoch meets them: `scale.segments.ShardedSegments`."""

    def order(self, seed: int, epoch: int, begin: int, end: int) -> list[int]:
        """Indices of the segments at the places ``begin`` to ``end`` (not included) of an epoch."""
        ...


class SegmentBatches(Dataset[dict[str, Tensor]]):
    """Item ``step`` is the batch of that step: every epoch goes through all segments once, in an order drawn from the seed.

    Batches run on across epochs, so that all are of the same size (the released loader cuts its last batch in two instead). With several
    processes, ``rank`` gets its share of the same batch; so the number of processes does not change what is trained.

    Parameters
    ----------
    noise_dim : a batch also has standard normal ``noise`` [B, noise_dim], if it is not 0.
    gain : each segment's music is scaled by a factor drawn between these (the released code of D2M-GAN: 0.3 to 1).

    Raises
    ------
    InputError
        If the batch is no multiple of the processes, or there are no segments.
    ConfigError
        If ``gain`` scales music whose codes come with the data: they are those of the unscaled music.
    """

    def __init__(
        self,
        segments: Segments,
        *,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        noise_dim: int = 0,
        gain: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        if batch_size % world_size:
            raise InputError(f"batch_size: {batch_size} over {world_size} processes; expected a multiple of them; set batch_size")
        if not len(segments):
            raise InputError("segments: the data set is empty; prepare it again and look at what was skipped")
        if gain != (1.0, 1.0) and segments[0].keys() & {"codes", "latents"}:
            raise ConfigError(f"gain {list(gain)}: these segments have codes, which are of the music as it is; leave one of the two out")
        self.segments, self.batch_size, self.seed, self.noise_dim, self.gain = segments, batch_size, seed, noise_dim, gain
        self.rank, self.world_size = rank, world_size

    def indices(self, step: int) -> list[int]:
        """Indices of the whole batch of a step, all processes together."""
        n = len(self.segments)
        positions = range(step * self.batch_size, (step + 1) * self.batch_size)
        if isinstance(self.segments, Ordered):
            return [
                index
                for epoch in range(positions[0] // n, positions[-1] // n + 1)
                for index in self.segments.order(self.seed, epoch, max(0, positions[0] - epoch * n), min(n, positions[-1] + 1 - epoch * n))
            ]
        orders = {epoch: np.random.default_rng([self.seed, epoch, GanStep.ORDER]).permutation(n) for epoch in {p // n for p in positions}}
        return [int(orders[p // n][p % n]) for p in positions]

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        share = self.batch_size // self.world_size
        own = slice(self.rank * share, (self.rank + 1) * share)
        items = [self.segments[i] for i in self.indices(step)[own]]
        batch = {name: torch.stack([item[name] for item in items]) for name in items[0]}
        if self.gain != (1.0, 1.0):
            places = range(step * self.batch_size, (step + 1) * self.batch_size)[own]
            gains = [np.random.default_rng([self.seed, GanStep.GAIN, place]).uniform(*self.gain) for place in places]
            batch["audio"] = batch["audio"] * torch.tensor(gains, dtype=torch.float32)[:, None, None]
        if self.noise_dim:
            drawn = np.random.default_rng([self.seed, step, GanStep.NOISE]).standard_normal((self.batch_size, self.noise_dim))
            batch["noise"] = torch.from_numpy(drawn[own].astype(np.float32))
        return batch


class StackedSegments:
    """Segments in memory: one tensor per name, item first. float16 and int16 are widened on the way out."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: _widened(name, value[index]) for name, value in self.tensors.items()}


def _widened(name: str, value: Tensor) -> Tensor:
    if name == "audio" and value.dtype == torch.int16:
        return value.float() / 32767
    return value.float() if value.is_floating_point() else value.long()


def coded(segments: StackedSegments, codec: Codec) -> StackedSegments:
    """The segments with ``latents`` and ``codes`` of a frozen codec beside the audio, computed once."""
    latents, codes = [], []
    with torch.no_grad():
        for start in range(0, len(segments), _CODED_AT_ONCE):
            audio = _widened("audio", segments.tensors["audio"][start : start + _CODED_AT_ONCE])
            z = codec.encode(audio)
            latents.append(z.half())
            codes.append(codec.quantize(z).codes.to(torch.int16))
    return StackedSegments({**segments.tensors, "latents": torch.cat(latents), "codes": torch.cat(codes)})


@dataclass(frozen=True)
class ComposedConfig:
    """Composed clips, each cut into ``clip_seconds / segment_seconds`` segments; ``held_out`` clips of other seeds are for measuring."""

    clips: int = 300
    held_out: int = 24
    clip_seconds: float = 6.0
    segment_seconds: float = 2.0
    sample_rate: int = 22050
    first_seed: int = 0


@dataclass(frozen=True)
class ComposedClip:
    """One clip: motion [T, F] and visual [T, V] features at `MOTION_FPS`, music [1, N], true and kinematic beats in seconds, the recording
    that it is of and its song, both of which are its own where they are not named."""

    seed: int
    motion: np.ndarray
    visual: np.ndarray
    audio: np.ndarray
    genre: int
    beat_times_seconds: np.ndarray
    kinematic_beats_seconds: np.ndarray
    recording: str = ""
    song: str = ""


def composed_clip(seed: int, seconds: float, sample_rate: int) -> ComposedClip:
    """A drawn dance as a pose estimator would see it, and the piece composed for it; a pure function of the arguments."""
    from dance2music.dance.flow import visual_features
    from dance2music.dance.kinematics import kinematic_beats, motion_features
    from dance2music.music.synth import render
    from dance2music.synthetic.perturb import perturb
    from dance2music.synthetic.synthetic import synthetic_clip

    clip = synthetic_clip(seed, duration_seconds=seconds)
    assert clip.score is not None and clip.rhythm is not None and clip.genre is not None
    motion = perturb(clip.motion, np.random.default_rng([seed, Corpus.POSE_NOISE]))
    audio = render(clip.score, sample_rate=sample_rate).samples[0]
    n_frames, n_samples = round(seconds * MOTION_FPS), round(seconds * sample_rate)
    audio = np.pad(audio, (0, max(0, n_samples - len(audio))))[:n_samples]
    beats = clip.rhythm.beat_times_seconds
    return ComposedClip(
        seed=seed,
        motion=_fitted(motion_features(motion, fps=MOTION_FPS), n_frames),
        visual=_fitted(visual_features(motion, fps=MOTION_FPS), n_frames),
        audio=(audio * (0.95 / max(float(np.abs(audio).max()), 1e-4))).astype(np.float32)[None],
        genre=clip.genre,
        beat_times_seconds=beats[(beats >= 0) & (beats < seconds)],
        kinematic_beats_seconds=kinematic_beats(motion),
    )


def composed_segments(config: ComposedConfig, folder: str | Path, *, progress: Callable[[int, int], None] | None = None) -> StackedSegments:
    """Training segments of composed clips (without codes); kept in ``folder`` and read from there the next time."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(repr(config).encode()).hexdigest()[:12]
    path = folder / f"composed-{name}.npz"
    if not path.exists():
        rows: dict[str, list[np.ndarray]] = {"motion": [], "visual": [], "audio": [], "genre": []}
        parts = round(config.clip_seconds / config.segment_seconds)
        for done in range(config.clips):
            clip = composed_clip(config.first_seed + done, config.clip_seconds, config.sample_rate)
            rows["motion"] += np.split(clip.motion.astype(np.float16), parts)
            rows["visual"] += np.split(clip.visual.astype(np.float16), parts)
            rows["audio"] += np.split(np.round(clip.audio[0] * 32767).astype(np.int16), parts)
            rows["genre"] += [np.asarray(clip.genre, dtype=np.int16)] * parts
            if progress is not None:
                progress(done + 1, config.clips)
        with whole_file(path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **{key: np.stack(value) for key, value in rows.items()})
    with np.load(path, allow_pickle=False) as data:
        tensors = {key: torch.from_numpy(data[key]) for key in data.files}
    return StackedSegments(tensors | {"audio": tensors["audio"][:, None]})


def held_out_clips(config: ComposedConfig) -> list[ComposedClip]:
    """Composed clips that nothing is trained on."""
    return [composed_clip(HELD_OUT_CLIPS + i, config.clip_seconds, config.sample_rate) for i in range(config.held_out)]


class Prepared:
    """Segments of a folder of ``dance2music data prepare``: `data.dataset.PreparedSegments`, one item at a time; of shards those of
    `scale.segments.ShardedSegments`, in an order of theirs.

    Parameters
    ----------
    folder : the prepared folder, or the place of shards.
    motion : "smpl", "keypoints" or "features"; ``flow`` gives optical flow [60, 5] as ``visual`` instead of the vector of 2048.
    codec : beginning of the name of a prepared codec, or "" to encode in every step.
    vectors : whether every clip must have visual vectors (I3D, TSN): optical flow, cut or filled with zeros, does not stand in for them.

    Raises
    ------
    InputError
        As `PreparedSegments`, and if a segment has no genre while ``genres`` are needed, or no visual vector while ``vectors`` are.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        motion: str,
        flow: bool,
        codec: str = "",
        split: str = "train",
        genres: bool = True,
        vectors: bool = False,
    ) -> None:
        from dance2music.data.dataset import PreparedConfig, PreparedSegments
        from dance2music.scale.segments import ShardedSegments
        from dance2music.scale.table import is_sharded

        open_data = ShardedSegments if is_sharded(folder) else PreparedSegments
        self.data = open_data(folder, PreparedConfig(motion=motion, codec=codec), split=split)
        self.flow = flow
        if isinstance(self.data, ShardedSegments):
            self.order = self.data.order
        if genres and (nameless := self.data.nameless) is not None:
            raise InputError(
                f"{folder}: segment {nameless} has no genre, and this preset learns from it; give genres by names of "
                "folders or in clips.csv (name,genre) and prepare again, which makes no clip anew; or choose another preset"
            )
        if vectors and (unseen := self.data.unseen) is not None:
            raise InputError(
                f"{folder}: segment {unseen} has no visual vector, which this preset sees; make them with "
                "'data visual' and prepare again with --visual-features, or train blind by --set 'inputs=[\"motion\"]'"
            )

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        item = self.data[index]
        item["visual"] = item["flow" if self.flow else "visual"]
        return {name: item[name] for name in ("motion", "visual", "genre", "audio", "latents", "codes") if name in item}


def fingerprint(segments: Segments) -> str:
    """What tells a data set from another in a checkpoint: its length, the shapes of an item, and a digest of its first and last item."""
    digest = hashlib.sha256()
    items: Sequence[dict[str, Tensor]] = [segments[0], segments[len(segments) - 1]]
    for item in items:
        for name in sorted(item):
            digest.update(name.encode() + item[name].contiguous().numpy().tobytes())
    shapes = ",".join(f"{name}{list(value.shape)}" for name, value in sorted(items[0].items()))
    return f"{len(segments)} segments of {shapes}, {digest.hexdigest()[:12]}"


def _fitted(rows: np.ndarray, n: int) -> np.ndarray:
    """The first ``n`` rows, the last one repeated where there are fewer."""
    return np.pad(rows, [(0, max(0, n - len(rows))), (0, 0)], mode="edge")[:n]
