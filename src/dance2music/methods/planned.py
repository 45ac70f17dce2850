"""The default: a planner and a performer between dance and codebook.

Creative-GAN's generator (Huang et al. 2023) goes from fused dance features to a music vector that is looked up in the codebook of a music
VQ-VAE. Here the same road is cut in two: the planner (`methods.planner`) draws a score plan from the fused features, the performer
(`methods.performer`) turns the plan into latents that are looked up. Departures from the paper are listed in docs/paper_map.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from dance2music.composer.parts import beat_emphasis
from dance2music.composer.shape import shaped, unshaped_velocity
from dance2music.methods.base import CodecGenerator, Given, frames_in, looked_up
from dance2music.methods.form import form_features
from dance2music.methods.hits import with_hits
from dance2music.methods.performer import Performer, PerformerConfig
from dance2music.methods.plan import PITCHED_ROLES, STEPS_PER_BAR, Plan, Vocabulary, bars_of, on_steps, plan_from_score, score_from_plan
from dance2music.methods.planner import Planner, PlannerConfig
from dance2music.methods.recall import recalled
from dance2music.methods.roll import frame_roll, note_table
from dance2music.methods.sketch import sketch
from dance2music.music.splice import spliced
from dance2music.parallel import one_thread, side_by_side
from dance2music.rhythm.sections import energy_at_beats, freezes
from dance2music.rhythm.steps import pool_at_steps
from dance2music.seeds import OwnTake
from dance2music.types import BEATS_PER_BAR, STEPS_PER_BEAT, Codec, Conditioning, Latents, Note, Score, Span
from dance2music.work import check, part

_WINDOW_FRAMES = 1024
LEAD_STEPS = 8
"""So many 16ths at least are drawn before the dance begins: a piece that begins with it is silent up to its first onset and sparse after
that, one that is under way rings into it. In 2 s that decides."""
SOUND = 0
"""Index of the soundfont whose sound the embedded performer learned."""


@dataclass(frozen=True)
class PlannedConfig:
    """Both halves, and the chord voicings that the plan's vocabulary holds."""

    planner: PlannerConfig = field(default_factory=PlannerConfig)
    performer: PerformerConfig = field(default_factory=PerformerConfig)
    voicings: tuple[tuple[int, ...], ...] = ((48, 52, 55),)
    temperature: float = 0.9
    top_p: float = 0.92


class Planned(nn.Module):
    """Dance in, latents out: a `methods.base.LatentNetwork`."""

    performs_drums = True
    """Whether drums are heard in the latents; not where the studio plays them over these (sound ``hybrid``)."""

    def __init__(self, config: PlannedConfig) -> None:
        super().__init__()
        self.config = config
        self.planner = Planner(config.planner)
        self.performer = Performer(config.performer)
        self.vocabulary = Vocabulary(config.voicings)

    def latents(
        self, conditioning: Conditioning, seeds: Sequence[int], codec: Codec, *, n_frames: int, span: Span | None, keep: Latents | None
    ) -> list[Latents]:
        """See `methods.base.MusicGenerator.generate`. Of a section, the codes of the frames in it are new, those around it are kept."""
        if span is None:
            with part(0.0, 0.5):
                scores = self.scores(conditioning, seeds)
            with part(0.5, 1.0):
                return side_by_side(lambda score: self.perform(score, codec), scores)
        assert keep is not None and keep.score is not None and keep.codes is not None, "a section is drawn into a piece of this method"
        scores = self.scores(conditioning, seeds, span=span, keep=keep.score)
        rate, kept = codec.sample_rate / codec.hop_length, keep.codes
        frames = range(max(0, int(span.begin_seconds * rate)), min(n_frames, int(np.ceil(span.end_seconds * rate))))

        def perform(score: Score) -> Latents:
            codes = kept.clone()
            codes[:, frames.start : frames.stop] = self.codes(score, codec, frames)
            return looked_up(codes, codec, score=score)

        return side_by_side(perform, scores)

    def scores(
        self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Score | None = None
    ) -> list[Score]:
        """One score per seed: plans with phrases that return, shaped; with ``span``, ``keep`` with this section drawn again."""
        plans = self.plans(conditioning, seeds, span=span, keep=keep)
        if span is None:
            plans = [recalled(plan, conditioning.sections) for plan in plans]
        energy, stops = energy_at_beats(conditioning), freezes(conditioning)
        scores = [
            with_hits(shaped(self.written(plan, conditioning), seed=seed, energy=energy, stops=stops), conditioning.hits_seconds)
            for plan, seed in zip(plans, seeds)
        ]
        return scores if span is None or keep is None else [spliced(keep, score, span) for score in scores]

    @torch.no_grad()
    def plans(self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Score | None = None) -> list[Plan]:
        """What the planner itself draws, one plan per seed; with ``span``, that of ``keep`` with the steps of this section drawn again."""
        rhythm = conditioning.rhythm
        beats = rhythm.beat_at(np.array([0.0, conditioning.duration_seconds]))
        first_bar, n_bars = bars_of(beats[0] - LEAD_STEPS / STEPS_PER_BEAT, beats[1])
        n_steps = n_bars * STEPS_PER_BAR
        motion, visual = step_features(conditioning, first_bar=first_bar, n_steps=n_steps)
        begin, end = np.round((beats - first_bar * BEATS_PER_BAR) * STEPS_PER_BEAT).astype(int)
        seen = under_way(begin, end, n_steps)
        motion, visual = motion[:, seen], visual[:, seen]
        form = torch.from_numpy(form_features(conditioning.sections, first_bar=first_bar, n_steps=n_steps))
        n, plan, redrawn = len(seeds), None, None
        if span is not None:
            assert keep is not None, "a section is drawn into a piece"
            plan = self._plan_of(keep, first_bar, n_steps, energy_at_beats(conditioning))
            first, last = (rhythm.beat_at(np.array(span)) - first_bar * BEATS_PER_BAR) * STEPS_PER_BEAT
            redrawn = range(max(0, round(float(first))), min(n_steps, round(float(last))))
        with one_thread():
            return self.planner.draw(
                motion.expand(n, -1, -1),
                visual.expand(n, -1, -1),
                torch.full((n,), conditioning.genre),
                torch.full((n,), rhythm.tempo_bpm),
                first_bar,
                form.expand(n, -1, -1),
                keys=[int(np.random.default_rng([seed, OwnTake.KEY]).integers(12)) if keep is None else keep.key for seed in seeds],
                seeds=list(seeds),
                temperature=self.config.temperature,
                top_p=self.config.top_p,
                kept=plan,
                redrawn=redrawn,
            )

    def written(self, plan: Plan, conditioning: Conditioning) -> Score:
        """A plan as a score on the grid of a dance, its beat stated more, with the dance's sections."""
        rhythm = conditioning.rhythm
        score = score_from_plan(
            plan,
            self.vocabulary,
            beat_times_seconds=rhythm.beat_times_seconds,
            downbeat=rhythm.downbeat,
            duration_seconds=conditioning.duration_seconds,
            emphasis=np.array([beat_emphasis(step) for step in range(plan.n_steps)]),
        )
        return replace(score, sections=conditioning.sections)

    def _plan_of(self, score: Score, first_bar: int, n_steps: int, energy: np.ndarray) -> Plan:
        """The plan on these steps that a score of `scores` was written from, as far as its notes tell."""

        def softened(note: Note) -> Note:
            note = unshaped_velocity(note, score.sections, energy, score.downbeat)
            return note._replace(velocity=max(1, round(note.velocity / beat_emphasis(round(note.start_beats * STEPS_PER_BEAT)))))

        plain = replace(score, tracks=[replace(track, notes=[softened(note) for note in track.notes]) for track in score.tracks])
        return on_steps(plan_from_score(plain, self.vocabulary), first_bar=first_bar, n_steps=n_steps)

    @torch.no_grad()
    def perform(self, score: Score, codec: Codec) -> Latents:
        """Latents of a score."""
        return looked_up(self.codes(score, codec, range(frames_in(score.duration_seconds, codec))), codec, score=score)

    def codes(self, score: Score, codec: Codec, frames: range) -> Tensor:
        """Codes int64 [Q, len(frames)] of these frames of a score, window by window: memory does not depend on the length, the seams are
        exact."""
        if not self.performs_drums:
            score = replace(score, tracks=[replace(track, notes=[]) if track.is_drum else track for track in score.tracks])
        frame_rate = codec.sample_rate / codec.hop_length
        n_frames = frames_in(score.duration_seconds, codec)
        table, margin = note_table(score, frame_rate), self.performer.receptive_frames
        programs = torch.from_numpy(table.programs)[None]
        present = torch.from_numpy(np.isin(np.arange(len(PITCHED_ROLES)), table.role))[None]
        source = sketch(table, n_frames * codec.hop_length, sample_rate=codec.sample_rate, hop_length=codec.hop_length)
        sketched = codec.encode(torch.from_numpy(source)[None, None])
        chosen = []
        for start in range(frames.start, frames.stop, _WINDOW_FRAMES):
            check()
            end = min(start + _WINDOW_FRAMES, frames.stop)
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
            chosen.append(codec.quantize(latents).codes[0, : self.performer.config.n_codebooks])
        return torch.cat(chosen, dim=-1)


def step_features(conditioning: Conditioning, *, first_bar: int, n_steps: int) -> tuple[Tensor, Tensor]:
    """Motion [1, S, D_m] and visual [1, S, D_v] features of a dance, pooled at the steps of its beat grid."""
    pooled = [
        torch.from_numpy(pool_at_steps(features.numpy(), conditioning.fps, conditioning.rhythm, first_bar=first_bar, n_steps=n_steps))[None]
        for features in (conditioning.motion, conditioning.visual)
    ]
    return pooled[0], pooled[1]


def under_way(begin: int, end: int, n_steps: int) -> np.ndarray:
    """Index int64 [n_steps] of the step whose features each step sees: its own, or before the dance those of its place in the first bar.

    A planner that saw no dance there would write silence. ``begin`` is the first step of the dance, ``end`` the one after its last.
    """
    steps = np.arange(n_steps)
    return np.where(steps < begin, begin + (steps - begin) % STEPS_PER_BAR % max(1, end - begin), steps)


class PlannedNotes:
    """The planner alone, behind the contract of `methods.base.MusicGenerator`: its scores are played, not performed in a codec."""

    def __init__(self, network: Planned) -> None:
        self.network = network

    def generate(
        self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Latents | Score | None = None
    ) -> list[Score]:
        """See `MusicGenerator.generate`."""
        assert not isinstance(keep, Latents), "a section is drawn into a piece of this method"
        return self.network.scores(conditioning, seeds, span=span, keep=keep)


def load(given: Given) -> CodecGenerator | PlannedNotes:
    """The planner and performer with their embedded weights; the performer only where it is heard."""
    from dance2music.checkpoint import load_embedded
    from dance2music.codec import embedded

    model = load_embedded("planned", expected="planned")
    assert isinstance(model, Planned)
    if given.sound in ("studio", "soundfont"):
        return PlannedNotes(model)
    model.performs_drums = given.sound != "hybrid"
    return CodecGenerator(model, embedded.embedded_codec())
