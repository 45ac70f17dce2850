"""Foley Music (Gan et al. 2020, arXiv:2007.10984): keypoints in, the events of one instrument out.

A graph network reads the skeleton, a transformer with relative attention writes performance events (`music.tokens`). The published code
decodes at most 512 events for six seconds, in what is called a beam of five but is greedy, and plays on after the end; here events are
drawn from the nucleus by default, ``greedy`` and a true ``beam`` are options, the end is obeyed, and longer dances are played in windows of
which each goes on from the second half of the one before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from dance2music.baselines.dance2music_offline import dance_of
from dance2music.baselines.event_windows import END_SECONDS, draw_events, onset_times, play_windows, window_starts
from dance2music.baselines.framed import framed_joints
from dance2music.dance.skeleton import skeleton
from dance2music.errors import InputError
from dance2music.methods.base import Given, adjusted, load_network, whole_only
from dance2music.music.tokens import FOLEY, PerformanceTokenizer, TokenizerConfig, score_of
from dance2music.nn.skeleton_graph import SkeletonEncoder
from dance2music.nn.transformer import BlockConfig, Stack, State, sinusoids, waves
from dance2music.parallel import one_thread
from dance2music.seeds import BaselineTake
from dance2music.types import Conditioning, Latents, Score, Span
from dance2music.work import check

POSE_FPS = 22.0
MODES = ("nucleus", "greedy", "beam")


@dataclass(frozen=True)
class FoleyMusicConfig:
    """Sizes; the defaults are small, `FOLEY_EMBEDDED` is the size of the package's weights, `FOLEY_PAPER` has the published.

    Attributes
    ----------
    skeleton : joint set that the graph is made of.
    window_seconds : length of the dance that one sequence of events belongs to.
    max_events : events of one window.
    true_distance : distances to the centre of the graph are those along its links; False is the published form (`skeleton_graph`).
    memory_positions : tell the decoder when in the window a memory step lies; the published code does not.
    elapsed : tell the decoder how much of the window is over at each event, in the sinusoids of the memory's positions: without it only
        the sum of all shifts before says which memory step sounds now. The published code does not.
    motion : velocity and speed of each joint as further input channels.
    onsets : a further output says in which frames notes begin, so that training can ask the encoder for it.
    guided : notes begin where that output says, and only what they are is drawn: a small encoder learns when the dancer stops in minutes, a
        small decoder takes far longer to look there. Not with ``mode="beam"``.
    mode : how events are chosen, one of `MODES`.
    program : General MIDI program of the one instrument, 0 for a piano.
    """

    skeleton: str = "coco-17"
    graph_channels: tuple[int, ...] = (64, 64, 64, 64, 128)
    graph_strides: tuple[int, ...] = (1, 1, 1, 1, 2)
    channels: int = 128
    heads: int = 4
    layers: int = 3
    feed_channels: int = 256
    max_events: int = 512
    window_seconds: float = 4.0
    dropout: float = 0.1
    true_distance: bool = True
    memory_positions: bool = True
    elapsed: bool = False
    motion: bool = False
    onsets: bool = False
    guided: bool = False
    mode: str = "nucleus"
    top_p: float = 0.9
    temperature: float = 1.0
    beams: int = 5
    program: int = 0
    tokens: TokenizerConfig = field(default_factory=lambda: FOLEY)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError(f"mode {self.mode!r}: unknown; expected one of {', '.join(MODES)}")
        if self.guided and not self.onsets:
            raise InputError("guided: True without onsets; expected a model that was trained with them; set guided=false")


FOLEY_EMBEDDED = FoleyMusicConfig(elapsed=True, motion=True, onsets=True, guided=True, dropout=0.0)
"""What the weights of the package have and what training starts from."""

FOLEY_PAPER = FoleyMusicConfig(
    graph_channels=(64, 64, 64, 64, 128, 128, 128, 256, 256, 256),
    graph_strides=(1, 1, 1, 1, 2, 1, 1, 2, 1, 1),
    channels=512,
    heads=8,
    layers=6,
    feed_channels=1024,
    window_seconds=6.0,
    true_distance=False,
    memory_positions=False,
    mode="greedy",
    tokens=replace(FOLEY, carry=False),
)


class FoleyMusic(nn.Module):
    """Joints and earlier events in, logits of the next event out."""

    def __init__(self, config: FoleyMusicConfig = FoleyMusicConfig()) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = PerformanceTokenizer(config.tokens)
        C = config.channels
        self.encoder = SkeletonEncoder(
            config.skeleton, channels_in=5 if config.motion else 2, channels=config.graph_channels, strides=config.graph_strides, out=C,
            dropout=config.dropout, true_distance=config.true_distance,
        )  # fmt: skip
        self.memory_norm = nn.LayerNorm(C)
        self.events = nn.Embedding(self.tokenizer.vocabulary, C)
        block = BlockConfig(
            channels=C, heads=config.heads, feed_channels=config.feed_channels, norm="post", attention="relative", cross=True,
            dropout=config.dropout, max_length=config.max_events,
        )  # fmt: skip
        self.decoder = Stack(block, config.layers)
        self.dropout = nn.Dropout(config.dropout)
        self.out = nn.Linear(C, self.tokenizer.vocabulary)
        self.frames_per_step = math.prod(config.graph_strides)
        self.onsets = nn.Linear(C, self.frames_per_step) if config.onsets else None
        self.register_buffer("positions", sinusoids(config.max_events, C), persistent=False)
        self.register_buffer("seconds", torch.from_numpy(self.tokenizer.seconds_table()), persistent=False)

    def encode(self, joints: Tensor) -> Tensor:
        """What the graph network makes [B, T', C] of joints [B, T, V, 2] at 22 fps; no positions yet."""
        if self.config.motion:
            velocity = torch.gradient(joints, dim=1)[0] * POSE_FPS
            joints = torch.cat([joints, velocity, velocity.norm(dim=-1, keepdim=True)], dim=-1)
        return self.memory_norm(self.encoder(joints))

    def remember(self, joints: Tensor) -> Tensor:
        """Memory [B, T', C] of joints [B, T, V, 2] at 22 fps."""
        return self.placed(self.encode(joints))

    def placed(self, encoded: Tensor) -> Tensor:
        """Memory [B, T', C] that knows where its steps are."""
        return encoded + self._places(encoded) if self.config.memory_positions else encoded

    def onset_logits(self, memory: Tensor) -> Tensor:
        """Whether a note begins in a frame of 1/22 s, logits [B, T], of a memory [B, T', C]."""
        assert self.onsets is not None, "this model has no output for onsets"
        return self.onsets(memory - self._places(memory) if self.config.memory_positions else memory).flatten(1)

    def _places(self, memory: Tensor) -> Tensor:
        return sinusoids(memory.shape[1], memory.shape[2]).to(memory)

    def forward(self, joints: Tensor, events: Tensor) -> Tensor:
        """Logits [B, L, vocabulary] of the events that follow each of ``events`` int64 [B, L]."""
        return self.read(self.remember(joints), events)

    def read(self, memory: Tensor, events: Tensor) -> Tensor:
        """Logits as `forward`, of a memory [B, T', C]."""
        x = self.events(events) + self.get_buffer("positions")[: events.shape[1]]
        if self.config.elapsed:
            x = x + self._clock(self.get_buffer("seconds")[events].cumsum(dim=1))
        return self.out(self.decoder(self.dropout(x), memory))

    def step(self, event: Tensor, position: int, states: list[State], memory: Tensor, elapsed_seconds: Tensor) -> Tensor:
        """Logits [B, vocabulary] after one more event int64 [B], at whose end so much [B] of the window is over."""
        x = self.events(event)[:, None] + self.get_buffer("positions")[position]
        if self.config.elapsed:
            x = x + self._clock(elapsed_seconds[:, None])
        return self.out(self.decoder.step(x, states, memory))[:, 0]

    def _clock(self, elapsed_seconds: Tensor) -> Tensor:
        return waves(elapsed_seconds * (POSE_FPS / self.frames_per_step), self.config.channels)

    def joints_of(self, conditioning: Conditioning) -> np.ndarray:
        """Joints float32 [T, V, 2] of the dance, at 22 fps."""
        framed = framed_joints(
            dance_of(conditioning), skeleton=self.config.skeleton, fps=POSE_FPS, duration_seconds=conditioning.duration_seconds
        )
        assert framed.shape[1] == len(skeleton(self.config.skeleton).joints)
        return framed.astype(np.float32)

    @torch.no_grad()
    def generate(
        self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Latents | Score | None = None
    ) -> list[Score]:
        """See `methods.base.MusicGenerator.generate`: whole pieces only."""
        whole_only(span, "foley-music")
        joints, config, duration = self.joints_of(conditioning), self.config, conditioning.duration_seconds
        starts = window_starts(duration, config.window_seconds)
        size = round(config.window_seconds * POSE_FPS)
        with one_thread():
            windows = [round(start * POSE_FPS) for start in starts]
            cut = np.stack([joints[np.minimum(np.arange(first, first + size), len(joints) - 1)] for first in windows])
            memories = torch.cat([self.remember(torch.from_numpy(chunk)) for chunk in np.array_split(cut, -(-len(cut) // 16))])
            scores = []
            for seed in seeds:
                choose = partial(self._choose, memories, np.random.default_rng([seed, BaselineTake.FOLEY_MUSIC]))
                notes = play_windows(self, starts, config.window_seconds, config.max_events, choose)
                scores.append(score_of(notes, conditioning.rhythm, duration_seconds=duration, genre=conditioning.genre,
                                       program=config.program))  # fmt: skip
        return scores

    def _choose(self, memories: Tensor, rng: np.random.Generator, window: int, prompt: list[int]) -> list[int]:
        config, memory = self.config, memories[window : window + 1]
        if config.mode == "beam":
            return self._beam(memory, prompt)
        onsets = onset_times(self.onset_logits(memory)[0].sigmoid().numpy(), fps=POSE_FPS) if config.guided else None
        return draw_events(
            self, memory, prompt, first=config.tokens.start, max_events=config.max_events, window_seconds=config.window_seconds,
            rng=rng, temperature=0.0 if config.mode == "greedy" else config.temperature, top_p=config.top_p,
            onsets=onsets,
        )  # fmt: skip

    def _beam(self, memory: Tensor, prompt: list[int]) -> list[int]:
        """The likeliest sequence that a beam search with summed log-probabilities finds."""
        config, n = self.config, self.config.beams
        beams, totals, states = [[config.tokens.start]], torch.zeros(1), self.decoder.start()
        finished: list[tuple[float, list[int]]] = []
        for position in range(config.max_events - 1):
            check()
            elapsed = torch.tensor([sum(map(self.tokenizer.seconds_of, b)) for b in beams])
            logits = self.step(torch.tensor([b[-1] for b in beams]), position, states, memory.expand(len(beams), -1, -1), elapsed)
            if position < len(prompt):
                beams = [[*b, prompt[position]] for b in beams]
                continue
            logits[:, [config.tokens.start, config.tokens.pad]] = -torch.inf
            logits[elapsed < config.window_seconds - END_SECONDS, config.tokens.end] = -torch.inf
            scores = totals[:, None] + torch.log_softmax(logits, dim=-1)
            best, index = scores.flatten().topk(n)
            grown: list[list[int]] = []
            parents: list[int] = []
            sums: list[float] = []
            for score, at in zip(best.tolist(), index.tolist()):
                parent, id_ = divmod(at, logits.shape[-1])
                ids = [*beams[parent], id_]
                if id_ == config.tokens.end or sum(map(self.tokenizer.seconds_of, ids)) > config.window_seconds:
                    finished.append((score / len(ids), ids))
                else:
                    grown, parents, sums = [*grown, ids], [*parents, parent], [*sums, score]
            if not grown or len(finished) >= n:
                break
            beams, totals = grown, torch.tensor(sums)
            for state in states:
                state.update({name: value[parents] for name, value in state.items()})
        finished += [(float(t) / len(b), b) for t, b in zip(totals, beams)]
        return max(finished)[1][1:]


def load(given: Given) -> FoleyMusic:
    """The network with its settings."""
    model: FoleyMusic = load_network(given, "foley-music")
    return adjusted(model, given.settings)
