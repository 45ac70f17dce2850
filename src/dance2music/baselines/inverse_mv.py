"""InverseMV / VMT (Lin & Yang 2021, arXiv:2112.15320): pictures at three per second in, the events of a piano out.

Each picture goes through a small convolutional network of its own, a transformer encoder mixes them over time, and a decoder writes
performance events. The published model sees the video's pictures; here the pictures are drawn from the dancer's joints, in training as in
use, so that weights trained on drawn dances meet what they know. At three pictures per second nothing faster than 1.5 Hz can be seen, and
music in time with the dancer is not to be expected; the published scores say so. A drawn picture may show more than one instant, though,
as a long exposure does: still three per second, each shows in red, green and blue where the dancer is in the thirds of its time.
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

from dance2music.baselines.dance2music_offline import dance_of
from dance2music.baselines.event_windows import draw_events, onset_times, play_windows, window_starts
from dance2music.baselines.framed import framed_joints
from dance2music.dance.skeleton import skeleton
from dance2music.errors import InputError
from dance2music.methods.base import Given, adjusted, load_network, whole_only
from dance2music.music.tokens import INVERSE_MV, PerformanceTokenizer, TokenizerConfig, score_of
from dance2music.nn.transformer import BlockConfig, Stack, State, encoder, sinusoids, waves
from dance2music.parallel import one_thread
from dance2music.seeds import BaselineTake
from dance2music.synthetic.canvas import Canvas
from dance2music.types import Conditioning, Latents, Score, Span

PICTURE_FPS = 3.0
PICTURE_SKELETON = "openpose-18"
INSTANTS = 3
"""Instants that a picture with ``exposure`` shows, one per colour."""


@dataclass(frozen=True)
class InverseMvConfig:
    """Sizes; the defaults are the embedded ones, `INVERSE_MV_PAPER` has the published.

    The last of ``picture_channels`` is the width of the transformer. Pure sampling (``top_p`` 1), as published, is noisy at small size.

    Attributes
    ----------
    exposure : a picture shows three instants of its third of a second, one per colour; the published ones show one.
    elapsed : tell the decoder how much of the window is over at each event, in the sinusoids of the pictures; the published code does not.
    onsets : a further output says at which instants of the pictures notes begin, so that training can ask the encoder for it.
    guided : notes begin where that output says, and only what they are is drawn, as in Foley Music.
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
    exposure: bool = False
    elapsed: bool = False
    onsets: bool = False
    guided: bool = False
    tokens: TokenizerConfig = field(default_factory=lambda: INVERSE_MV)

    def __post_init__(self) -> None:
        if self.guided and not self.onsets:
            raise InputError("guided: True without onsets; expected a model that was trained with them; set guided=false")

    @property
    def poses_fps(self) -> float:
        """Poses per second that pictures are drawn from."""
        return PICTURE_FPS * (INSTANTS if self.exposure else 1)


INVERSE_MV_GUIDED = InverseMvConfig(exposure=True, elapsed=True, onsets=True, guided=True, dropout=0.0)
"""All that helps Foley Music to follow the dancer, for training with ``danced``; the weights of the package are without."""

INVERSE_MV_PAPER = InverseMvConfig(
    picture_size=256, picture_channels=(64, 128, 512), heads=8, layers=6, feed_channels=2048, max_events=1024, top_p=1.0
)


class InverseMv(nn.Module):
    """Pictures and earlier events in, logits of the next event out."""

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
        self.onsets = nn.Linear(C, INSTANTS if config.exposure else 1) if config.onsets else None
        self.dropout = nn.Dropout(config.dropout)
        self.register_buffer("positions", sinusoids(max(config.max_events, config.n_pictures), C), persistent=False)
        self.register_buffer("seconds", torch.from_numpy(self.tokenizer.seconds_table()), persistent=False)

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

    def onset_logits(self, memory: Tensor) -> Tensor:
        """Whether a note begins at an instant of the pictures, logits [B, n_pictures x instants], from a memory [B, n_pictures, C]."""
        assert self.onsets is not None, "this model has no output for onsets"
        return self.onsets(memory).flatten(1)

    def forward(self, pictures: Tensor, events: Tensor) -> Tensor:
        """Logits [B, L, vocabulary] of the events that follow each of ``events`` int64 [B, L]."""
        return self.read(self.remember(pictures), events)

    def read(self, memory: Tensor, events: Tensor) -> Tensor:
        """Logits as `forward`, of a memory [B, T, C]."""
        x = self.embed(events) + self.get_buffer("positions")[: events.shape[1]]
        if self.config.elapsed:
            x = x + waves(self.get_buffer("seconds")[events].cumsum(dim=1) * PICTURE_FPS, x.shape[-1])
        return F.linear(self.decoder(self.dropout(x), memory), self.events.weight)

    def step(self, event: Tensor, position: int, states: list[State], memory: Tensor, elapsed_seconds: Tensor) -> Tensor:
        """Logits [B, vocabulary] after one more event int64 [B], at whose end so much [B] of the window is over."""
        x = self.embed(event)[:, None] + self.get_buffer("positions")[position]
        if self.config.elapsed:
            x = x + waves(elapsed_seconds[:, None] * PICTURE_FPS, x.shape[-1])
        return F.linear(self.decoder.step(x, states, memory), self.events.weight)[:, 0]

    @torch.no_grad()
    def generate(
        self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Latents | Score | None = None
    ) -> list[Score]:
        """See `methods.base.MusicGenerator.generate`: whole pieces only."""
        whole_only(span, "inverse-mv")
        config, duration = self.config, conditioning.duration_seconds
        joints = framed_joints(dance_of(conditioning), skeleton=PICTURE_SKELETON, fps=config.poses_fps, duration_seconds=duration)
        starts = window_starts(duration, self.window_seconds)
        with one_thread():
            memories = []
            for start in starts:
                first = round(start * config.poses_fps)
                window = joints[np.minimum(np.arange(first, first + round(self.window_seconds * config.poses_fps)), len(joints) - 1)]
                drawn = draw_pictures(window, config.picture_size, exposure=config.exposure)
                memories.append(self.remember(torch.from_numpy(drawn)[None].float()))
            scores = []
            for seed in seeds:
                choose = partial(self._choose, memories, np.random.default_rng([seed, BaselineTake.INVERSE_MV]))
                notes = play_windows(self, starts, self.window_seconds, config.max_events, choose)
                scores.append(score_of(notes, conditioning.rhythm, duration_seconds=duration, genre=conditioning.genre,
                                       program=config.program))  # fmt: skip
        return scores

    def _choose(self, memories: list[Tensor], rng: np.random.Generator, window: int, prompt: list[int]) -> list[int]:
        config, fps = self.config, self.config.poses_fps
        onsets = onset_times(self.onset_logits(memories[window])[0].sigmoid().numpy(), fps=fps) if config.guided else None
        return draw_events(
            self, memories[window], prompt, first=config.tokens.pad, max_events=config.max_events, window_seconds=self.window_seconds,
            rng=rng, temperature=config.temperature, top_p=config.top_p, onsets=onsets,
        )  # fmt: skip


def draw_pictures(joints: np.ndarray, size: int, *, exposure: bool = False) -> np.ndarray:
    """Pictures uint8 [T, 3, size, size] of joints [T, 18, 2] in -1..1: coloured limbs on grey, left and right in colours of their own.

    With ``exposure``, joints [3 T, 18, 2] at three times the rate give as many pictures, white limbs on black, one instant per colour.
    """
    body = skeleton(PICTURE_SKELETON)
    colours = {} if exposure else {"left": (230, 120, 60), "right": (60, 140, 230)}
    middle = (255, 255, 255) if exposure else (235, 220, 200)
    ground = np.full((size, size, 3), 0 if exposure else 96, dtype=np.uint8)
    thickness = max(1, size // 20)
    pictures = np.empty((len(joints), 3, size, size), dtype=np.uint8)
    for picture, pose in zip(pictures, (joints + 1) / 2 * (size - 1)):
        canvas = Canvas(ground)
        for a, b in body.bones:
            canvas.line(pose[a], pose[b], thickness, colours.get(body.joints[b].split("_")[0], middle))
        canvas.disc(pose[body.index("nose")], size / 24, middle)
        picture[:] = canvas.image.transpose(2, 0, 1)
    return np.ascontiguousarray(pictures[:, 0].reshape(-1, INSTANTS, size, size)) if exposure else pictures


def load(given: Given) -> InverseMv:
    """The network with its settings."""
    model: InverseMv = load_network(given, "inverse-mv")
    return adjusted(model, given.settings)
