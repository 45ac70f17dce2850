"""Creative-GAN (Huang et al. 2023) in its embedded, any-length form: a planner and a performer between dance and codebook.

The paper's generator goes from fused dance features to a music vector that is looked up in the codebook of a music VQ-VAE. Here the same
road is cut in two: the planner (`methods.planner`) draws a score plan from the fused features, the performer (`methods.performer`)
turns the plan into latents that are looked up. Departures from the paper are listed in docs/paper_map.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from dance2music.codec.spectral import SpectralCodec
from dance2music.composer.parts import beat_emphasis
from dance2music.methods.performer import Performer, PerformerConfig
from dance2music.methods.plan import PITCHED_ROLES, STEPS_PER_BAR, Vocabulary, bars_of, score_from_plan
from dance2music.methods.planner import Planner, PlannerConfig
from dance2music.methods.roll import frame_roll, note_table
from dance2music.methods.sketch import sketch
from dance2music.parallel import one_thread, side_by_side
from dance2music.rhythm.steps import pool_at_steps
from dance2music.types import BEATS_PER_BAR, STEPS_PER_BEAT, Conditioning, Latents, Rhythm, Score

_WINDOW_FRAMES = 1024
LEAD_STEPS = 8
"""So many 16ths at least are drawn before the dance begins: a piece that begins with it is silent up to its first onset and sparse after
that, one that is under way rings into it. In 2 s that decides."""
SOUND = 0
"""Index of the soundfont whose sound the embedded performer learned."""


@dataclass(frozen=True)
class CreativeGanConfig:
    """Both halves, and the chord voicings that the plan's vocabulary holds."""

    planner: PlannerConfig = field(default_factory=PlannerConfig)
    performer: PerformerConfig = field(default_factory=PerformerConfig)
    voicings: tuple[tuple[int, ...], ...] = ((48, 52, 55),)
    temperature: float = 0.9
    top_p: float = 0.92


class CreativeGan(nn.Module):
    """Dance in, latents out."""

    codec: SpectralCodec | None = None
    """Whose latents it makes, see `attach`."""

    def __init__(self, config: CreativeGanConfig) -> None:
        super().__init__()
        self.config = config
        self.planner = Planner(config.planner)
        self.performer = Performer(config.performer)
        self.vocabulary = Vocabulary(config.voicings)

    def attach(self, codec: SpectralCodec) -> CreativeGan:
        """Set the codec whose latents it makes; it is no part of the generator's own weights."""
        object.__setattr__(self, "codec", codec)  # past nn.Module, which would take it for a part
        return self

    @torch.no_grad()
    def scores(self, conditioning: Conditioning, *, seeds: Sequence[int]) -> list[Score]:
        """One score per seed for the first item of the batch."""
        rhythm = conditioning.rhythm[0]
        beats = rhythm.beat_at(np.array([0.0, conditioning.duration_seconds]))
        first_bar, n_bars = bars_of(beats[0] - LEAD_STEPS / STEPS_PER_BEAT, beats[1])
        motion, visual = step_features(conditioning, first_bar=first_bar, n_steps=n_bars * STEPS_PER_BAR)
        begin, end = np.round((beats - first_bar * BEATS_PER_BAR) * STEPS_PER_BEAT).astype(int)
        seen = under_way(begin, end, n_bars * STEPS_PER_BAR)
        motion, visual = motion[:, seen], visual[:, seen]
        n = len(seeds)
        with one_thread():
            plans = self.planner.draw(
                motion.expand(n, -1, -1),
                visual.expand(n, -1, -1),
                conditioning.genre[:1].expand(n),
                torch.full((n,), rhythm.tempo_bpm),
                first_bar,
                keys=[int(np.random.default_rng([seed, 1]).integers(12)) for seed in seeds],
                seeds=list(seeds),
                temperature=self.config.temperature,
                top_p=self.config.top_p,
            )
        emphasis = np.array([beat_emphasis(step) for step in range(n_bars * STEPS_PER_BAR)])
        return [
            score_from_plan(
                plan,
                self.vocabulary,
                beat_times_seconds=rhythm.beat_times_seconds,
                downbeat=rhythm.downbeat,
                duration_seconds=conditioning.duration_seconds,
                emphasis=emphasis,
            )
            for plan in plans
        ]

    def generate(self, conditioning: Conditioning, *, seeds: Sequence[int]) -> list[Latents]:
        """Latents of one take per seed for the first item of the batch."""
        return side_by_side(self.perform, self.scores(conditioning, seeds=seeds))

    @torch.no_grad()
    def perform(self, score: Score) -> Latents:
        """Latents of a score, window by window: memory does not hang on the length, and the seams are exact."""
        codec = self.codec
        assert codec is not None, "attach() a codec first"
        frame_rate = codec.sample_rate / codec.hop_length
        n_frames = -(-round(score.duration_seconds * codec.sample_rate) // codec.hop_length)
        table, margin = note_table(score, frame_rate), self.performer.receptive_frames
        programs = torch.from_numpy(table.programs)[None]
        present = torch.from_numpy(np.isin(np.arange(len(PITCHED_ROLES)), table.role))[None]
        source = sketch(table, n_frames * codec.hop_length, sample_rate=codec.sample_rate, hop_length=codec.hop_length)
        sketched = codec.encode(torch.from_numpy(source)[None])
        chosen = []
        for start in range(0, n_frames, _WINDOW_FRAMES):
            end = min(start + _WINDOW_FRAMES, n_frames)
            first = max(0, start - margin)
            drums, pitched = frame_roll(table, first, min(end + margin, n_frames) - first, frame_rate)
            features = self.performer.features(
                torch.from_numpy(drums)[None],
                torch.from_numpy(pitched)[None],
                programs,
                torch.tensor([SOUND]),
                torch.tensor([score.genre]),
                sketched[..., first : first + drums.shape[-1]],
                present=present,
            )
            latents = self.performer.regress(features[:, start - first : end - first])
            # Finer codebooks than those that it learnt with would keep its own error: looked up coarsely, it sounds nearer to true music.
            chosen.append(codec.quantize(latents).codes[:, : self.performer.config.n_codebooks])
        codes = torch.cat(chosen, dim=-1)
        return Latents(z=codec.lookup(codes), codes=codes, sample_rate=codec.sample_rate, hop_length=codec.hop_length, score=score)


def step_features(conditioning: Conditioning, *, first_bar: int, n_steps: int) -> tuple[Tensor, Tensor]:
    """Motion [1, S, D_m] and visual [1, S, D_v] features of the first item, pooled at the steps of its beat grid."""
    rhythm: Rhythm = conditioning.rhythm[0]
    pooled = [
        torch.from_numpy(pool_at_steps(features[0].numpy(), conditioning.fps, rhythm, first_bar=first_bar, n_steps=n_steps))[None]
        for features in (conditioning.motion, conditioning.visual)
    ]
    return pooled[0], pooled[1]


def under_way(begin: int, end: int, n_steps: int) -> np.ndarray:
    """Index int64 [n_steps] of the step whose features each step sees: its own, or before the dance those of its place in the first bar.

    A planner that saw no dance there would write silence. ``begin`` is the first step of the dance, ``end`` the one after its last.
    """
    steps = np.arange(n_steps)
    return np.where(steps < begin, begin + (steps - begin) % STEPS_PER_BAR % max(1, end - begin), steps)
