"""Visual features of pretrained networks: I3D (D2M-GAN section 3.1) and TSN (Creative-GAN section 3.1.1 a), one vector per clip.

The weights are the user's to bring (`perception.i3d`, `perception.tsn` say where they are); without them `dance.flow.visual_features` is
the default, which needs none. Pictures are upright RGB as `video.frames.read_frames` gives them. Optical flow is TV-L1 (`tv_l1`), with
which both networks were trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.perception.i3d import I3D_FEATURES, load_i3d
from dance2music.perception.tsn import FLOW_FRAMES, SEGMENTS, TSN_FEATURES, load_tsn
from dance2music.perception.tv_l1 import tv_l1

SHORT_SIDE, CROP = 256, 224
FLOW_BOUND = 20.0
"""Flow is clipped to this many pixels per frame, on pictures of `SHORT_SIDE`."""
LEAST_FRAMES = 10
"""Pictures of a clip: nine flow fields, the fewest that I3D can see."""
RGB_MEAN, RGB_DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Of ImageNet's pictures in 0..255, by which TSN normalises."""
_LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue in grey, ITU-R BT.601."""
CLIP_FPS = 25.0
"""Frame rate at which Kinetics is read for both networks."""


class VisualExtractor(Protocol):
    """A network that sees a clip."""

    width: int

    def features(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """Pictures uint8 [H, W, 3] RGB of one clip, at least 10 -> float32 [1, width]."""
        ...


class I3DExtractor:
    """Two-stream I3D: 1024 numbers of RGB, then 1024 of flow, each averaged over the clip, as in the released D2M-GAN data.

    Parameters
    ----------
    rgb, flow : files of weights, see `perception.i3d`.

    Raises
    ------
    InputError
        If a file is missing (the message says where to get it and under which licence) or does not fit.
    """

    width = 2 * I3D_FEATURES

    def __init__(self, rgb: str | Path, flow: str | Path) -> None:
        self.rgb, self.flow = load_i3d(rgb, in_channels=3), load_i3d(flow, in_channels=2)

    @torch.no_grad()
    def features(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """float32 [1, 2048] of a clip, see `VisualExtractor.features`.

        Raises InputError for fewer than 10 pictures or pictures of unequal size.
        """
        small = resized(frames)
        seen = [self.rgb.features(i3d_rgb(small)), self.flow.features(i3d_flow(flows(small)))]
        return torch.cat([x.mean(dim=-1) for x in seen], dim=1).numpy()


class TSNExtractor:
    """Two-stream TSN: the middle of each of three segments, consensus by averaging, then the mean of both streams: 2048 numbers.

    The paper gives neither segments, streams nor width; three segments are TSN's own. ``flow`` may be left out.
    """

    width = TSN_FEATURES

    def __init__(self, rgb: str | Path, flow: str | Path | None = None) -> None:
        self.rgb = load_tsn(rgb, in_channels=3)
        self.flow = None if flow is None else load_tsn(flow, in_channels=2 * FLOW_FRAMES)

    @torch.no_grad()
    def features(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """float32 [1, 2048] of a clip, see `VisualExtractor.features`.

        Raises InputError for fewer than 10 pictures or pictures of unequal size.
        """
        small = resized(frames)
        starts = segment_starts(len(small))
        streams = [self.rgb(tsn_rgb(small[starts + FLOW_FRAMES // 2]))]
        if self.flow is not None:
            fields = np.stack([flows(small[start : start + FLOW_FRAMES + 1]) for start in starts])
            streams.append(self.flow(tsn_flow(fields)))
        return torch.stack(streams).mean(dim=0).numpy()


EXTRACTORS: dict[str, tuple[type[I3DExtractor] | type[TSNExtractor], tuple[str, ...]]] = {
    "i3d": (I3DExtractor, ("rgb_imagenet.pt", "flow_imagenet.pt")),
    "tsn": (TSNExtractor, ("tsn_rgb.pth", "tsn_flow.pth")),
}
"""By the name that a user types: the class, and the files it looks for in a folder of weights."""


def load_extractor(name: str, folder: str | Path) -> VisualExtractor:
    """The extractor ``i3d`` or ``tsn`` with the weights of a folder (`EXTRACTORS` names the files).

    Raises
    ------
    InputError
        If the name is unknown, or weights are missing (the message says where to get them and under which licence).
    """
    if name not in EXTRACTORS:
        raise InputError(f"visual features {name!r}: unknown; expected {' or '.join(EXTRACTORS)}")
    kind, files = EXTRACTORS[name]
    return kind(*(Path(folder) / file for file in files))


def video_features(video: str | Path, extractor: VisualExtractor, *, clip_seconds: float = 2.0) -> np.ndarray:
    """Features float32 [clips, width] of a video in clips of ``clip_seconds``; a last clip of less than half of that is left out.

    Memory holds one clip. Raises InputError as `video.frames.read_frames`, or if the video is shorter than half a clip.
    """
    from dance2music.video.frames import read_frames

    frames = ((frame.image, frame.time_seconds) for frame in read_frames(video, fps=CLIP_FPS))
    rows = [extractor.features(clip) for clip in _clips(frames, clip_seconds)]
    if not rows:
        raise InputError(f"{video}: is shorter than {clip_seconds / 2:g} s; expected at least that for its visual features")
    return np.concatenate(rows)


def write_segment_features(video: str | Path, extractor: VisualExtractor, folder: str | Path) -> list[Path]:
    """Write `video_features` as the released D2M-GAN data has them: ``NAME_seg1.npy`` ..., float32 [1, width] per two seconds.

    A video whose files are all there is not watched again.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stem = Path(video).stem
    if (folder / f"{stem}_seg1.npy").exists():
        return sorted(folder.glob(f"{stem}_seg*.npy"), key=lambda path: int(path.stem.rpartition("_seg")[2]))
    rows = video_features(video, extractor)
    for number in range(len(rows), 0, -1):  # the first last: while it is missing, the video is not done
        path = folder / f"{stem}_seg{number}.npy"
        with whole_file(path) as temporary:
            np.save(temporary, rows[number - 1 : number])
    return [folder / f"{stem}_seg{number}.npy" for number in range(1, len(rows) + 1)]


def _clips(frames: Iterator[tuple[np.ndarray, float]], clip_seconds: float) -> Iterator[list[np.ndarray]]:
    """Pictures of consecutive clips."""
    clip: list[np.ndarray] = []
    end = clip_seconds
    for image, time in frames:
        if time >= end - 1e-6:
            yield clip
            clip, end = [], end + clip_seconds
        clip.append(image)
    if len(clip) >= max(LEAST_FRAMES, clip_seconds * CLIP_FPS / 2):
        yield clip


def resized(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures uint8 [T, h, w, 3] whose shorter side is 256, of pictures of one size; bilinear.

    Raises
    ------
    InputError
        For fewer than 10 pictures or pictures of unequal size.
    """
    if len(frames) < LEAST_FRAMES:
        raise InputError(f"clip: {len(frames)} pictures; expected at least {LEAST_FRAMES}; take a longer clip")
    sizes = {frame.shape for frame in frames}
    if len(sizes) != 1:
        raise InputError(f"clip: pictures of {len(sizes)} sizes, as {' and '.join(str(s) for s in sorted(sizes)[:2])}; expected one")
    height, width = frames[0].shape[:2]
    scale = SHORT_SIDE / min(height, width)
    size = (max(SHORT_SIDE, round(height * scale)), max(SHORT_SIDE, round(width * scale)))
    channels = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float()
    small = F.interpolate(channels, size, mode="bilinear", align_corners=False)
    return small.round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def flows(frames: np.ndarray) -> np.ndarray:
    """Optical flow float32 [T - 1, h, w, 2] in pixels per frame (x right, y down) between pictures uint8 [T, h, w, 3]."""
    grey = torch.from_numpy(frames).float() @ torch.tensor(_LUMA)
    with torch.no_grad():
        found = [tv_l1(a[None, None], b[None, None]) for a, b in pairwise(grey)]
    return torch.cat(found).permute(0, 2, 3, 1).contiguous().numpy()


def i3d_rgb(frames: np.ndarray) -> Tensor:
    """Pictures uint8 [T, h, w, 3] -> [1, 3, T, 224, 224], the middle, in -1..1."""
    return torch.from_numpy(_centre(frames).astype(np.float32) / 127.5 - 1.0).permute(3, 0, 1, 2)[None]


def i3d_flow(fields: np.ndarray) -> Tensor:
    """Flow [T, h, w, 2] -> [1, 2, T, 224, 224], the middle, clipped to 20 pixels and brought to -1..1."""
    clipped = np.clip(_centre(fields), -FLOW_BOUND, FLOW_BOUND) / FLOW_BOUND
    return torch.from_numpy(clipped.astype(np.float32)).permute(3, 0, 1, 2)[None]


def segment_starts(n_frames: int) -> np.ndarray:
    """First frame, int64 [3], of the snippet in the middle of each of three equal segments.

    A snippet has one frame more than flow fields.
    """
    middle = (np.arange(SEGMENTS) + 0.5) * n_frames / SEGMENTS
    return np.clip(np.floor(middle - FLOW_FRAMES / 2), 0, n_frames - FLOW_FRAMES - 1).astype(np.int64)


def tsn_rgb(frames: np.ndarray) -> Tensor:
    """Pictures uint8 [S, h, w, 3] -> [1, S, 3, 224, 224], the middle, normalised by ImageNet's mean and deviation."""
    normalised = (_centre(frames).astype(np.float32) - np.asarray(RGB_MEAN, np.float32)) / np.asarray(RGB_DEVIATION, np.float32)
    return torch.from_numpy(normalised).permute(0, 3, 1, 2)[None]


def tsn_flow(fields: np.ndarray) -> Tensor:
    """Flow [S, 5, h, w, 2] -> [1, S, 10, 224, 224]: x and y of each field in turn, as grey pictures 0..255 of +-20 pixels less their
    middle, over it."""
    grey = np.round((np.clip(_centre(fields), -FLOW_BOUND, FLOW_BOUND) + FLOW_BOUND) * (255.0 / (2 * FLOW_BOUND)))
    channels = torch.from_numpy(((grey - 128.0) / 128.0).astype(np.float32)).permute(0, 1, 4, 2, 3)
    return channels.flatten(1, 2)[None]


def _centre(pictures: np.ndarray) -> np.ndarray:
    """The middle 224 x 224 of [..., h, w, c]."""
    height, width = pictures.shape[-3:-1]
    top, left = (height - CROP) // 2, (width - CROP) // 2
    return pictures[..., top : top + CROP, left : left + CROP, :]
