"""InverseMV / VMT (Lin & Yang 2021, arXiv:2112.15320): pictures at three per second in, the events of a piano out.

Each picture goes through a small convolutional network of its own, a transformer encoder mixes them over time, and a decoder writes
performance events. The published model sees the video's pictures; here the pictures are drawn from the dancer's joints, in training as in
use, so that weights trained on drawn dances meet what they know. At three pictures per second nothing faster than 1.5 Hz can be seen:
music in time with the beat is not to be expected, and the published scores say so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.dance.framed import framed_joints
from dance2music.dance.skeleton import skeleton
from dance2music.models.dance2music_search import dance_of
from dance2music.models.event_windows import draw_events, play_windows, window_starts
from dance2music.models.sampling import one_thread
from dance2music.models.transformer import BlockConfig, Stack, State, encoder, sinusoids
from dance2music.music.tokens import INVERSE_MV, PerformanceTokenizer, TokenizerConfig, score_of
from dance2music.types import Conditioning, Score

PICTURE_FPS = 3.0
PICTURE_SKELETON = "openpose-18"


@dataclass(frozen=True)
class InverseMvConfig:
    """Sizes; the defaults are the embedded ones, `INVERSE_MV_PAPER` has the published.

    The last of ``picture_channels`` is the width of the transformer. Pure sampling (``top_p`` 1), as published, is noisy at small size.
    """

    picture_size: int = 64
    picture_channels: tuple[int, int, int] = (16, 32, 128)
    heads: int = 4
    layers: int = 3
    feed_channels: int = 512
    n_pictures: int = 30
    max_events: int = 512
    dropout: float = 0.1
    top_p: float = 0.9
    temperature: float = 1.0
    program: int = 0
    tokens: TokenizerConfig = field(default_factory=lambda: INVERSE_MV)


INVERSE_MV_PAPER = InverseMvConfig(
    picture_size=256, picture_channels=(64, 128, 512), heads=8, layers=6, feed_channels=2048, max_events=1024, top_p=1.0
)


class InverseMv(nn.Module):
    """Pictures and earlier events in, logits of the next event out."""

    candidates = 1
    """One take is made and kept, as published: nothing is chosen by its sync."""
    SETTINGS = ("top_p", "temperature", "program")

    def __init__(self, config: InverseMvConfig = InverseMvConfig()) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = PerformanceTokenizer(config.tokens)
        widths = (3, *config.picture_channels)
        self.pictures = nn.Sequential(
            *(nn.Sequential(nn.Conv2d(a, b, 4, 2, 1), nn.InstanceNorm2d(b, affine=True), nn.LeakyReLU(0.2)) for a, b in pairwise(widths))
        )
        C = config.picture_channels[-1]
        block = BlockConfig(
            channels=C, heads=config.heads, feed_channels=config.feed_channels, norm="pre", dropout=config.dropout, bias=False, cross=True
        )
        self.encoder, self.decoder = encoder(block, config.layers), Stack(block, config.layers)
        self.space = nn.Parameter(torch.randn(C) * C**-0.5)
        self.events = nn.Embedding(self.tokenizer.vocabulary, C)
        nn.init.normal_(self.events.weight, std=C**-0.5)
        self.dropout = nn.Dropout(config.dropout)
        self.register_buffer("positions", sinusoids(max(config.max_events, config.n_pictures), C), persistent=False)

    @property
    def window_seconds(self) -> float:
        """Length of the dance that one sequence of events belongs to."""
        return self.config.n_pictures / PICTURE_FPS

    def remember(self, pictures: Tensor) -> Tensor:
        """Memory [B, T, C] of pictures float [B, T, 3, H, W], each standardised here."""
        B, T = pictures.shape[:2]
        mean, std = pictures.mean(dim=(-1, -2), keepdim=True), pictures.std(dim=(-1, -2), keepdim=True)
        x = (pictures - mean) / std.clamp_min(1.0 / self.config.picture_size)
        x = self.pictures(x.flatten(0, 1)).mean(dim=(-1, -2)).view(B, T, -1)
        return self.encoder(self.dropout(x + self.space + self.get_buffer("positions")[:T]))

    def embed(self, events: Tensor) -> Tensor:
        """Vectors [..., C] of events."""
        return self.events(events) * math.sqrt(self.events.embedding_dim)

    def forward(self, pictures: Tensor, events: Tensor) -> Tensor:
        """Logits [B, L, vocabulary] of the events that follow each of ``events`` int64 [B, L]."""
        x = self.dropout(self.embed(events) + self.get_buffer("positions")[: events.shape[1]])
        return F.linear(self.decoder(x, self.remember(pictures)), self.events.weight)

    def step(self, event: Tensor, position: int, states: list[State], memory: Tensor) -> Tensor:
        """Logits [B, vocabulary] after one more event int64 [B]."""
        x = self.embed(event)[:, None] + self.get_buffer("positions")[position]
        return F.linear(self.decoder.step(x, states, memory), self.events.weight)[:, 0]

    @torch.no_grad()
    def generate(self, conditioning: Conditioning, *, seeds: Sequence[int]) -> list[Score]:
        """One score per seed for the first item of the batch."""
        config, duration = self.config, conditioning.duration_seconds
        joints = framed_joints(dance_of(conditioning), skeleton=PICTURE_SKELETON, fps=PICTURE_FPS, duration_seconds=duration)
        starts = window_starts(duration, self.window_seconds)
        with one_thread():
            memories = []
            for start in starts:
                first = round(start * PICTURE_FPS)
                window = joints[np.minimum(np.arange(first, first + config.n_pictures), len(joints) - 1)]
                memories.append(self.remember(torch.from_numpy(draw_pictures(window, config.picture_size))[None].float()))
            scores = []
            for seed in seeds:
                choose = partial(self._choose, memories, np.random.default_rng([seed, 19]))
                notes = play_windows(self, starts, self.window_seconds, config.max_events, choose)
                scores.append(score_of(notes, conditioning.rhythm[0], duration_seconds=duration, genre=int(conditioning.genre[0]),
                                       program=config.program))  # fmt: skip
        return scores

    def _choose(self, memories: list[Tensor], chance: np.random.Generator, window: int, prompt: list[int]) -> list[int]:
        config = self.config
        return draw_events(
            self, memories[window], prompt, first=config.tokens.pad, max_events=config.max_events, window_seconds=self.window_seconds,
            chance=chance, temperature=config.temperature, top_p=config.top_p,
        )  # fmt: skip


def draw_pictures(joints: np.ndarray, size: int) -> np.ndarray:
    """Pictures uint8 [T, 3, size, size] of joints [T, 18, 2] in -1..1: coloured limbs on grey, left and right in colours of their own."""
    import cv2

    body = skeleton(PICTURE_SKELETON)
    colours = {"left": (230, 120, 60), "right": (60, 140, 230)}
    pictures = np.full((len(joints), size, size, 3), 96, dtype=np.uint8)
    thickness = max(1, size // 20)
    points = np.round((joints + 1) / 2 * (size - 1) * 8).astype(int)
    for picture, pose in zip(pictures, points):
        for a, b in body.bones:
            colour = colours.get(body.joints[b].split("_")[0], (235, 220, 200))
            cv2.line(picture, tuple(pose[a].tolist()), tuple(pose[b].tolist()), colour, thickness, cv2.LINE_AA, 3)
        cv2.circle(picture, tuple(pose[body.index("nose")].tolist()), size * 8 // 24, (235, 220, 200), -1, cv2.LINE_AA, 3)
    return pictures.transpose(0, 3, 1, 2)
