"""From the dance to a score plan: the half of the embedded generator that decides what is played.

Encoders over time read motion and visual features (D2M-GAN section 3.1: convolutional encoders, then fusion by concatenation); the fused
features are pooled at the 16th notes of the dance's beat grid. A causal transformer over those steps then draws the plan one step at a
time, from loudness over drums, chords, pad and bass to lead, each field seeing those drawn before it. Drawing from the seed is
what makes takes differ. A header (key mode, swing, instruments) is drawn first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.composer.genres import DRUM_LANES, PROGRAMS
from dance2music.methods.form import FORM_DIM
from dance2music.methods.plan import (
    BASS_HIGH,
    BASS_LOW,
    DRUM_LEVELS,
    DYNAMICS,
    FIRST_ONSET,
    LEAD_HIGH,
    LEAD_LOW,
    PITCHED_ROLES,
    STEPS_PER_BAR,
    SWINGS,
    Plan,
)
from dance2music.nn.blocks import ConvNeXtBlock
from dance2music.nn.sampling import draw
from dance2music.nn.transformer import CausalBlock
from dance2music.seeds import OwnTake
from dance2music.types import GENRES
from dance2music.work import report

BARS_PER_PHRASE = 8
HEADER_SIZES = (2, len(SWINGS), *(len(PROGRAMS),) * len(PITCHED_ROLES))
"""Classes of the header's fields: minor or major, swing, and the instrument of each pitched role."""


_SPARSE_ROLES = ("pad", "lead")
"""Roles of which it is drawn first whether a note starts, then which."""
LEAD_INVITATION = 2.0
"""Added to the logits of a melody's notes until its first: without it a third of all takes has none."""
NOVELTY = 0.5
"""Share of the pitched onsets of a section that are others when it is drawn again."""
NOVEL_TEMPERATURE = 1.6
"""Of such a draw, as a multiple: what goes on from a piece is so sure of itself that choices would hardly differ."""


@dataclass(frozen=True)
class PlannerConfig:
    """Sizes of the planner."""

    motion_dim: int = 80
    visual_dim: int = 5
    n_voicings: int = 128
    encoder_channels: int = 64
    channels: int = 192
    heads: int = 6
    layers: int = 5
    window_steps: int = 256
    dropout: float = 0.1
    knows_form: bool = False
    """Whether it reads the sections of the piece (`methods.form`); planners of before version 0.2 do not."""


class Planner(nn.Module):
    """Step features and earlier steps in, logits of the next step's fields out."""

    def __init__(self, config: PlannerConfig) -> None:
        super().__init__()
        self.config = config
        C, E = config.channels, config.encoder_channels
        self.motion_encoder = _encoder(config.motion_dim, E)
        self.visual_encoder = _encoder(config.visual_dim, E // 4)
        self.fuse = nn.Linear(E + E // 4, C)
        self.genre = nn.Embedding(len(GENRES), C)
        self.tempo = nn.Linear(1, C)
        self.header_in = nn.ModuleList(nn.Embedding(size, C) for size in HEADER_SIZES)
        self.header_out = nn.ModuleList(nn.Linear(C, size) for size in HEADER_SIZES)
        self.step = nn.Embedding(STEPS_PER_BAR, C)
        self.bar = nn.Embedding(BARS_PER_PHRASE, C)
        self.form = nn.Linear(FORM_DIM, C) if config.knows_form else None
        sizes = field_sizes(config.n_voicings)
        self.fields_in = nn.ModuleDict({name: nn.Embedding(size, C) for name, size in sizes.items()})
        self.drums_in = nn.Linear(len(DRUM_LANES) * DRUM_LEVELS, C)
        self.drums_out = nn.Linear(C, len(DRUM_LANES) * DRUM_LEVELS)
        self.deepen = nn.ModuleDict({name: nn.Linear(C, C) for name in (*sizes, "drums")})
        self.fields_out = nn.ModuleDict({name: nn.Linear(C, size) for name, size in sizes.items()})
        self.blocks = nn.ModuleList(
            CausalBlock(C, heads=config.heads, window=config.window_steps, dropout=config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(C)
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.05)
        if self.form is not None:
            nn.init.zeros_(self.form.weight)
            nn.init.zeros_(self.form.bias)

    def encode(self, motion: Tensor, visual: Tensor) -> Tensor:
        """motion [B, S, D_m] and visual [B, S, D_v], pooled at the steps, -> fused features [B, S, C]."""
        fused = torch.cat([self.motion_encoder(motion.transpose(1, 2)), self.visual_encoder(visual.transpose(1, 2))], dim=1)
        return self.fuse(fused.transpose(1, 2))

    def header_context(self, genre: Tensor, tempo_bpm: Tensor) -> Tensor:
        """genre int64 [B], tempo float [B] -> [B, C]."""
        return self.genre(genre) + self.tempo((tempo_bpm[:, None] - 105.0) / 20.0)

    def header_logits(self, genre: Tensor, tempo_bpm: Tensor, header: Tensor) -> list[Tensor]:
        """Teacher-forced logits of the header's fields; header int64 [B, 6]."""
        context, result = self.header_context(genre, tempo_bpm), []
        for i, out in enumerate(self.header_out):
            result.append(out(F.gelu(context)))
            context = context + self.header_in[i](header[:, i])
        return result

    def context(self, fused: Tensor, genre: Tensor, tempo_bpm: Tensor, header: Tensor, first_bar: Tensor, form: Tensor) -> Tensor:
        """What every step sees beside earlier steps: [B, S, C]; form [B, S, FORM_DIM] is `methods.form.form_features`."""
        steps = torch.arange(fused.shape[1], device=fused.device)
        bars = (first_bar[:, None] + (steps // STEPS_PER_BAR)[None]) % BARS_PER_PHRASE
        piece = self.header_context(genre, tempo_bpm)
        for i, embedding in enumerate(self.header_in):
            piece = piece + embedding(header[:, i])
        context = fused + piece[:, None] + self.step(steps % STEPS_PER_BAR)[None] + self.bar(bars)
        return context if self.form is None else context + self.form(form)

    def embed(self, drums: Tensor, fields: dict[str, Tensor]) -> Tensor:
        """Played steps as vectors: drums int64 [B, S, lanes], each field int64 [B, S] -> [B, S, C]."""
        x = self.drums_in(F.one_hot(drums, DRUM_LEVELS).flatten(-2).to(self.drums_in.weight.dtype))
        for name, value in fields.items():
            x = x + self.fields_in[name](value)
        return x

    def forward(self, context: Tensor, drums: Tensor, fields: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Teacher-forced logits.

        Parameters
        ----------
        context : Tensor [B, S, C]; drums : int64 Tensor [B, S, lanes]; fields : name -> int64 Tensor [B, S].

        Returns
        -------
        drums : Tensor [B, S, lanes, DRUM_LEVELS]; fields : name -> Tensor [B, S, classes].
        """
        past = F.pad(self.embed(drums, fields), (0, 0, 1, 0))[:, :-1]
        h = context + past
        for block in self.blocks:
            h = block(h)
        h = self.norm(h)
        logits: dict[str, Tensor] = {}
        logits["dynamics"] = self._head("dynamics", h)
        h = h + self.fields_in["dynamics"](fields["dynamics"])
        drum_logits = self.drums_out(F.gelu(self.deepen["drums"](h))).unflatten(-1, (len(DRUM_LANES), DRUM_LEVELS))
        h = h + self.drums_in(F.one_hot(drums, DRUM_LEVELS).flatten(-2).to(h.dtype))
        for name in ("chords", "pad", "bass", "lead"):
            logits[name] = self._head(name, h)
            h = h + self.fields_in[name](fields[name])
        return drum_logits, logits

    def _head(self, name: str, h: Tensor) -> Tensor:
        return self.fields_out[name](F.gelu(self.deepen[name](h)))

    @torch.no_grad()
    def draw(
        self,
        motion: Tensor,
        visual: Tensor,
        genre: Tensor,
        tempo_bpm: Tensor,
        first_bar: int,
        form: Tensor,
        *,
        keys: list[int],
        seeds: list[int],
        temperature: float = 0.9,
        top_p: float = 0.95,
        kept: Plan | None = None,
        redrawn: range | None = None,
    ) -> list[Plan]:
        """Draw one plan per batch item.

        Parameters
        ----------
        motion : Tensor [B, S, D_m]; visual : Tensor [B, S, D_v], pooled at the steps.
        genre : int64 Tensor [B]; tempo_bpm : Tensor [B]; first_bar : bar index of step 0; form : Tensor [B, S, FORM_DIM];
            keys : tonic per item.
        seeds : one per item, so that an item's draw does not depend on its neighbours; temperature, top_p : of the draw.
        kept : a plan of the same steps, of which all but the steps ``redrawn`` stays as it is, header and key too; what comes before these
            is what the drawn steps go on from. Music repeats itself, and so does the network, even word for word: of the pitched onsets
            that were there a share of `NOVELTY` is not drawn again.
        """
        B, S, _ = motion.shape
        rng = [np.random.default_rng([seed, OwnTake.PLAN]) for seed in seeds]
        header = torch.zeros(B, len(HEADER_SIZES), dtype=torch.long)
        piece = self.header_context(genre, tempo_bpm)
        for i, out in enumerate(self.header_out):
            header[:, i] = draw(out(F.gelu(piece)), _uniform(rng), top_p=top_p) if kept is None else header_of(kept)[i]
            piece = piece + self.header_in[i](header[:, i])
        bars = torch.full((B,), first_bar, dtype=torch.long)
        context = self.context(self.encode(motion, visual), genre, tempo_bpm, header, bars, form)
        caches: list[list[Tensor]] = [[] for _ in self.blocks]
        past = torch.zeros(B, 1, self.config.channels)
        drums = torch.zeros(B, S, len(DRUM_LANES), dtype=torch.long)
        fields = {name: torch.zeros(B, S, dtype=torch.long) for name in self.fields_in}
        if kept is not None:
            temperature = temperature * NOVEL_TEMPERATURE
        last, others = S, [np.random.default_rng([seed, OwnTake.NOVELTY]) for seed in seeds]
        if kept is not None:
            assert kept.n_steps == S and kept.first_bar == first_bar and redrawn is not None, "the kept plan has the steps of this one"
            drums[:] = torch.from_numpy(kept.drums.astype(np.int64))
            for name, value in fields.items():
                value[:] = torch.from_numpy(getattr(kept, name).astype(np.int64))
            last = redrawn.stop
        for s in range(last):
            report(s / last)
            h = context[:, s : s + 1] + past
            for block, cache in zip(self.blocks, caches):
                h = block(h, start=s, cache=cache)
            if redrawn is not None and s not in redrawn:
                past = self.embed(drums[:, s : s + 1], {name: value[:, s : s + 1] for name, value in fields.items()})
                continue
            h = self.norm(h)
            fields["dynamics"][:, s] = draw(self._head("dynamics", h)[:, 0], _uniform(rng), temperature=temperature, top_p=top_p)
            h = h + self.fields_in["dynamics"](fields["dynamics"][:, s : s + 1])
            logits = self.drums_out(F.gelu(self.deepen["drums"](h)))[:, 0].unflatten(-1, (len(DRUM_LANES), DRUM_LEVELS))
            drums[:, s] = draw(logits, _uniform(rng, len(DRUM_LANES)), temperature=temperature, top_p=top_p)
            h = h + self.drums_in(F.one_hot(drums[:, s : s + 1], DRUM_LEVELS).flatten(-2).to(h.dtype))
            for name in ("chords", "pad", "bass", "lead"):
                logits = self._head(name, h)[:, 0]
                if name == "lead":
                    logits = _inviting(logits, fields[name][:, :s])
                if kept is not None:
                    logits = _other_than(logits, int(getattr(kept, name)[s]), others)
                starting = _whether_it_starts(logits, rng, temperature=temperature) if name in _SPARSE_ROLES else None
                fields[name][:, s] = draw(logits, _uniform(rng), temperature=temperature, top_p=top_p, allowed=starting)
                h = h + self.fields_in[name](fields[name][:, s : s + 1])
            past = self.embed(drums[:, s : s + 1], {name: value[:, s : s + 1] for name, value in fields.items()})
        return [
            Plan(
                drums=drums[b].numpy().astype(np.uint8),
                bass=fields["bass"][b].numpy().astype(np.int16),
                chords=fields["chords"][b].numpy().astype(np.int16),
                lead=fields["lead"][b].numpy().astype(np.int16),
                pad=fields["pad"][b].numpy().astype(np.int16),
                dynamics=fields["dynamics"][b].numpy().astype(np.uint8),
                first_bar=first_bar,
                genre=int(genre[b]),
                key=keys[b],
                minor=bool(header[b, 0]),
                swing=int(header[b, 1]),
                programs=tuple(int(p) for p in header[b, 2:]),
            )
            for b in range(B)
        ]


def field_sizes(n_voicings: int) -> dict[str, int]:
    """Number of classes of each of a step's fields beside the drums."""
    return {
        "dynamics": DYNAMICS,
        "chords": FIRST_ONSET + n_voicings,
        "pad": FIRST_ONSET + n_voicings,
        "bass": FIRST_ONSET + BASS_HIGH - BASS_LOW + 1,
        "lead": FIRST_ONSET + LEAD_HIGH - LEAD_LOW + 1,
    }


def header_of(plan: Plan) -> list[int]:
    """The header's fields of a plan, in the order of `HEADER_SIZES`."""
    return [int(plan.minor), plan.swing, *plan.programs]


def _encoder(channels_in: int, channels: int) -> nn.Sequential:
    """Convolutional encoder over the steps: [B, D, S] -> [B, channels, S]."""
    return nn.Sequential(nn.Conv1d(channels_in, channels, 3, padding=1), ConvNeXtBlock(channels), ConvNeXtBlock(channels, dilation=2))


def _other_than(logits: Tensor, value: int, others: list[np.random.Generator]) -> Tensor:
    """Logits [B, classes] in which an onset ``value`` is ruled out for a share of `NOVELTY` of the items."""
    if value < FIRST_ONSET:
        return logits
    ruled_out = torch.tensor([source.random() < NOVELTY for source in others])
    logits = logits.clone()
    logits[ruled_out, value] = -torch.inf
    return logits


def _inviting(logits: Tensor, before: Tensor) -> Tensor:
    """Logits [B, classes] of a melody of which ``before`` [B, s] was drawn: where it has no note yet, one is likelier to start."""
    silent = ~(before >= FIRST_ONSET).any(dim=1)
    invited = logits.clone()
    invited[silent, FIRST_ONSET:] += LEAD_INVITATION
    return invited


def _whether_it_starts(logits: Tensor, rng: list[np.random.Generator], *, temperature: float) -> Tensor:
    """Classes that are left, bool [B, classes], once it is drawn whether a note starts: onsets, or rest and hold.

    ``top_p`` over all classes would cut off onsets that are spread over many pitches, each less likely than a rest.
    """
    onset = torch.arange(logits.shape[-1]) >= FIRST_ONSET
    starts = _uniform(rng) < torch.softmax(logits.double() / temperature, dim=-1)[:, onset].sum(dim=-1)
    return onset[None] == starts[:, None]


def _uniform(rng: list[np.random.Generator], *shape: int) -> Tensor:
    """Uniform numbers [B, *shape], item b from its own source."""
    return torch.from_numpy(np.stack([source.random(shape) for source in rng]))
