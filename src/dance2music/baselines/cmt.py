"""CMT, the Controllable Music Transformer (Di et al. 2021, arXiv:2111.08380): five tracks whose rhythm is that of the picture.

A causal transformer with linear attention writes compound words (`baselines.compound_words`) and never saw a dance in training. While it
writes, its rhythm words are replaced by those of the dance: the density of a bar follows the speed of its motion (with probability
``density_control``), and every visual beat gets beat words whose strength follows the impact. Genre and instruments are prefix vectors;
the published code announces one genre and all instruments always, here both are controls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.baselines.compound_words import (
    BAR,
    BEAT,
    CLASSES,
    DENSITY,
    DRUMS,
    DURATION,
    END,
    GUITAR,
    I_BEAT,
    INSTRUMENT,
    N_BEAT,
    NOTE,
    P_BEAT,
    P_BEAT_CLASSES,
    PIANO,
    PITCH,
    RHYTHM,
    STRENGTH,
    TICKS_PER_BAR,
    TICKS_PER_BEAT,
    TYPE,
    rhythm_word,
    tracks_of,
)
from dance2music.baselines.dance2music_offline import dance_of
from dance2music.methods.base import Given, adjusted, load_network, whole_only
from dance2music.nn.sampling import draw
from dance2music.nn.transformer import BlockConfig, Stack, State, waves
from dance2music.parallel import one_thread
from dance2music.rhythm.impact import IMPACT_FPS, visual_beats
from dance2music.seeds import BaselineTake
from dance2music.types import BEATS_PER_BAR, GENRES, Conditioning, Latents, Score, Span
from dance2music.work import check

N_INSTRUMENTS = CLASSES[INSTRUMENT] - 1
FORCED = (DRUMS, PIANO, GUITAR)
"""Instruments that a visual beat is written for, in turn."""
DENSITY_EDGES, STRENGTH_EDGES = CLASSES[DENSITY] - 2, 10
MAX_NOTES_PER_GROUP = 8
MAX_WORDS_PER_BAR = 160


@dataclass(frozen=True)
class CmtConfig:
    """Sizes; the defaults are the embedded ones, `CMT_PAPER` has the published.

    ``field_channels`` are the widths of the embeddings of the seven fields; temperatures and ``top_p`` are those of the published sampler
    but for ``duration_temperature``: at the published 2 chords last four times as long as in the corpus and drown the drums.
    """

    channels: int = 128
    heads: int = 4
    layers: int = 4
    feed_channels: int = 512
    field_channels: tuple[int, ...] = (8, 16, 16, 64, 32, 8, 16)
    progress_channels: int = 64
    prefix_channels: int = 64
    type_channels: int = 32
    n_genres: int = len(GENRES) + 1
    dropout: float = 0.1
    top_p: float = 0.9
    beat_temperature: float = 1.2
    duration_temperature: float = 1.0
    density_control: float = 0.7
    strength_control: float = 1.0
    instruments: tuple[int, ...] = field(default=tuple(range(1, N_INSTRUMENTS + 1)))


CMT_PAPER = CmtConfig(
    channels=512,
    heads=8,
    layers=12,
    feed_channels=2048,
    field_channels=(32, 64, 64, 512, 128, 32, 64),
    progress_channels=256,
    n_genres=7,
    duration_temperature=2.0,
)


class Cmt(nn.Module):
    """Words in, logits of the next word's fields out."""

    def __init__(self, config: CmtConfig = CmtConfig()) -> None:
        super().__init__()
        self.config = config
        C = config.channels
        self.fields = nn.ModuleList(nn.Embedding(n, width) for n, width in zip(CLASSES, config.field_channels))
        self.word = nn.Linear(sum(config.field_channels), C)
        self.progress = nn.Embedding(P_BEAT_CLASSES, config.progress_channels)
        self.progress_in = nn.Linear(config.progress_channels, C)
        sizes = (config.n_genres, 1, N_INSTRUMENTS + 1)
        self.prefix = nn.ModuleList(nn.Embedding(n, config.prefix_channels) for n in sizes)
        self.prefix_in = nn.Linear(len(sizes) * config.prefix_channels, C)
        block = BlockConfig(
            channels=C, heads=config.heads, feed_channels=config.feed_channels, norm="post", activation="gelu", attention="linear",
            dropout=config.dropout,
        )  # fmt: skip
        self.stack = Stack(block, config.layers)
        self.dropout = nn.Dropout(config.dropout)
        self.type_out = nn.Linear(C, CLASSES[TYPE])
        self.type_in = nn.Embedding(CLASSES[TYPE], config.type_channels)
        self.deepen = nn.Linear(C + config.type_channels, C)
        self.fields_out = nn.ModuleList(nn.Linear(C, n) for n in CLASSES[1:])
        # What counts as fast and as hard: percentiles over training dances, set by `baselines.cmt_train`.
        self.register_buffer("density_edges", torch.linspace(0.002, 0.04, DENSITY_EDGES))
        self.register_buffer("strength_edges", torch.linspace(0.05, 0.95, STRENGTH_EDGES))

    def embed(self, words: Tensor) -> Tensor:
        """Vectors [B, L, C] of words int64 [B, L, 10]."""
        parts = [table(words[..., i]) * math.sqrt(table.embedding_dim) for i, table in enumerate(self.fields)]  # type: ignore[arg-type]
        x = self.word(torch.cat(parts, dim=-1))
        x = x + self.progress_in(self.progress(words[..., P_BEAT]) * math.sqrt(self.config.progress_channels))
        return self.dropout(x + waves(words[..., I_BEAT], self.config.channels))

    def prefixed(self, genre: Tensor, instruments: Tensor) -> Tensor:
        """The seven prefix vectors [B, 7, C]: genre, then one place for each instrument, announced or not.

        Parameters
        ----------
        genre : int64 Tensor [B], 0 for none. instruments : bool Tensor [B, 5].
        """
        B = len(genre)
        index = torch.zeros(B, N_INSTRUMENTS + 2, 3, dtype=torch.long, device=genre.device)
        index[:, 0, 0] = genre
        index[:, 2:, 2] = torch.arange(1, N_INSTRUMENTS + 1, device=genre.device) * instruments
        return self.prefix_in(torch.cat([table(index[..., i]) for i, table in enumerate(self.prefix)], dim=-1))

    def forward(self, words: Tensor, genre: Tensor, instruments: Tensor) -> list[Tensor]:
        """Teacher-forced logits of the seven fields, each [B, L, classes], of words int64 [B, L, 10]; position i sees those before."""
        prefix = self.prefixed(genre, instruments)
        h = self.stack(torch.cat([prefix, self.embed(words)], dim=1))[:, prefix.shape[1] - 1 : -1]
        return [self.type_out(h), *self.field_logits(h, words[..., TYPE])]

    def field_logits(self, h: Tensor, type_: Tensor) -> list[Tensor]:
        """Logits of the six fields that follow from the type, h [B, L, C], type int64 [B, L]."""
        deep = self.deepen(torch.cat([h, self.type_in(type_)], dim=-1))
        return [out(deep) for out in self.fields_out]

    @torch.no_grad()
    def generate(
        self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Latents | Score | None = None
    ) -> list[Score]:
        """See `methods.base.MusicGenerator.generate`: whole pieces only."""
        whole_only(span, "cmt")
        program = self.program(conditioning)
        with one_thread():
            return [self.write(program, conditioning, seed=seed) for seed in seeds]

    def program(self, conditioning: Conditioning) -> Program:
        """What the dance asks of the music, bar by bar."""
        rhythm = conditioning.rhythm
        start, end = rhythm.beat_at(np.array([0.0, conditioning.duration_seconds]))
        first_bar = math.floor(start / BEATS_PER_BAR)
        n_bars = max(1, math.ceil(end / BEATS_PER_BAR) - first_bar)
        seen = visual_beats(dance_of(conditioning))
        bar_of_frame = np.floor(rhythm.beat_at(np.arange(len(seen.speed)) / IMPACT_FPS) / BEATS_PER_BAR).astype(int) - first_bar
        means = [seen.speed[bar_of_frame == bar].mean() if (bar_of_frame == bar).any() else 0.0 for bar in range(n_bars)]
        density = np.searchsorted(self.get_buffer("density_edges").numpy(), means) + 1
        strength = np.searchsorted(self.get_buffer("strength_edges").numpy(), seen.weights)
        ticks = np.round(rhythm.beat_at(seen.times_seconds) * TICKS_PER_BEAT).astype(int) - first_bar * TICKS_PER_BAR
        inside = (ticks >= 0) & (ticks < n_bars * TICKS_PER_BAR) & (strength > 1)
        return Program(first_bar, density.tolist(), dict(zip(ticks[inside].tolist(), strength[inside].tolist())))

    def write(self, program: Program, conditioning: Conditioning, *, seed: int) -> Score:
        """Write a score that keeps to the program."""
        rhythm = conditioning.rhythm
        words = Writer(self, program, genre=conditioning.genre + 1, seed=seed).run()
        return Score(
            tracks=tracks_of(words, first_bar=program.first_bar),
            beat_times_seconds=rhythm.beat_times_seconds,
            downbeat=rhythm.downbeat,
            duration_seconds=conditioning.duration_seconds,
            genre=conditioning.genre,
            key=0,
            minor=False,
        )


@dataclass(frozen=True)
class Program:
    """The rhythm that a dance asks for: density id of each bar, and strength by tick (from the first bar) of each visual beat."""

    first_bar: int
    density: list[int]
    strength: dict[int, int]


class Writer:
    """One piece in the making: the states of the transformer, the place in the bar, and what the program still asks for."""

    def __init__(self, model: Cmt, program: Program, *, genre: int, seed: int) -> None:
        self.model, self.program = model, program
        self.rng = np.random.default_rng([seed, BaselineTake.CMT])
        self.states: list[State] = model.stack.start()
        allowed = torch.zeros(N_INSTRUMENTS, dtype=torch.bool)
        allowed[[k - 1 for k in model.config.instruments]] = True
        self.instruments = torch.cat([torch.zeros(1, dtype=torch.bool), allowed])
        genre = genre if genre < model.config.n_genres else 0
        for vector in model.prefixed(torch.tensor([genre]), allowed[None]).unbind(dim=1):
            self.h = model.stack.step(vector[:, None], self.states)
        self.bar, self.beat, self.playing, self.in_group = -1, 0, 0, 0
        self.pending: list[tuple[int, int]] = []
        """Visual beats of this bar that are still to be written, as (beat id, instrument)."""

    @property
    def n_bars(self) -> int:
        """Bars of the piece."""
        return len(self.program.density)

    def run(self) -> list[np.ndarray]:
        """All words of the piece, each int64 [10]."""
        words = [self.put(rhythm_word(BAR, self.program.density[0], bar=0, n_bars=self.n_bars))]
        n_in_bar = 0
        while True:
            check()
            word = self.steer(self.sample(only_bar=n_in_bar >= MAX_WORDS_PER_BAR))
            if word is None:
                return words
            n_in_bar = 0 if word[BEAT] == BAR else n_in_bar + 1
            words.append(self.put(word))

    def put(self, word: np.ndarray) -> np.ndarray:
        """Take a word int64 [10] into the piece and return it with its place filled in: the transformer sees it, and the place moves on."""
        if word[TYPE] == RHYTHM and word[BEAT] == BAR:
            self.bar, self.beat, self.playing, self.in_group = self.bar + 1, 0, 0, 0
            first = self.bar * TICKS_PER_BAR
            asked = [tick for tick in range(TICKS_PER_BAR) if first + tick in self.program.strength]
            usable = [k for k in FORCED if self.instruments[k]]
            self.pending = [(tick + 1, k) for tick in asked for k in usable if self.rng.random() < self.model.config.strength_control]
        elif word[TYPE] == RHYTHM:
            self.beat, self.playing, self.in_group = int(word[BEAT]), int(word[INSTRUMENT]), 0
        else:
            self.in_group += 1
        word[I_BEAT] = self.bar * TICKS_PER_BAR + max(self.beat - 1, 0)
        word[N_BEAT] = self.n_bars * TICKS_PER_BAR
        word[P_BEAT] = min(100 * word[I_BEAT] // word[N_BEAT] + 1, P_BEAT_CLASSES - 1)
        self.h = self.model.stack.step(self.model.embed(torch.from_numpy(word)[None, None]), self.states)
        return word

    def steer(self, word: np.ndarray) -> np.ndarray | None:
        """The word int64 [10] to write in place of a sampled one: the dance's, where it asks for one. None at the end of the piece."""
        if word[TYPE] != RHYTHM:
            return word
        if self.pending and word[BEAT] >= self.pending[0][0]:
            beat, instrument = self.pending.pop(0)
            density = 1 if word[BEAT] == BAR else max(int(word[DENSITY]), 1)
            strength = self.program.strength[self.bar * TICKS_PER_BAR + beat - 1]
            return rhythm_word(beat, density, bar=self.bar, n_bars=self.n_bars, instrument=instrument, strength=strength)
        if word[BEAT] == BAR:
            if self.bar + 1 >= self.n_bars:
                return None
            if self.rng.random() < self.model.config.density_control:
                word[DENSITY] = self.program.density[self.bar + 1]
            word[INSTRUMENT] = word[STRENGTH] = 0
        return word

    def sample(self, *, only_bar: bool) -> np.ndarray:
        """A word int64 [10] of the model's own that obeys the grammar.

        No note outside a group, no step back in a bar, no end before the end.
        """
        model, config = self.model, self.model.config
        word = np.zeros(10, dtype=np.int64)
        types = torch.tensor([False, True, self.playing > 0 and self.in_group < MAX_NOTES_PER_GROUP and not only_bar])
        word[TYPE] = self._draw(model.type_out(self.h)[0, 0], types)
        assert word[TYPE] != END
        beat, density, pitch, duration, instrument, strength = (
            logits[0, 0] for logits in model.field_logits(self.h, torch.tensor([[int(word[TYPE])]]))
        )
        if word[TYPE] == NOTE:
            word[PITCH] = self._draw(pitch, _from(CLASSES[PITCH], 1))
            word[DURATION] = self._draw(duration, _from(CLASSES[DURATION], 2), temperature=config.duration_temperature)
            word[INSTRUMENT] = self.playing
            return word
        beats = torch.zeros(CLASSES[BEAT], dtype=torch.bool)
        beats[BAR] = True
        if not only_bar:
            # An instrument plays once at a tick: the last one leaves only later ticks.
            beats[max(self.beat + (self.playing >= N_INSTRUMENTS), 1) : BAR] = True
        word[BEAT] = self._draw(beat, beats, temperature=config.beat_temperature, top_p=1.0)
        word[DENSITY] = self._draw(density, _from(CLASSES[DENSITY], 1))
        if word[BEAT] != BAR:
            allowed = self.instruments.clone()
            if word[BEAT] == self.beat:
                allowed[: self.playing + 1] = False
            if not allowed.any():
                allowed = self.instruments.clone()
                word[BEAT] = min(int(word[BEAT]) + 1, BAR)
            if word[BEAT] != BAR:
                word[INSTRUMENT] = self._draw(instrument, allowed)
                word[STRENGTH] = self._draw(strength, _from(CLASSES[STRENGTH], 1))
        return word

    def _draw(self, logits: Tensor, allowed: Tensor, *, temperature: float = 1.0, top_p: float | None = None) -> int:
        uniform = torch.tensor(self.rng.random())
        top_p = self.model.config.top_p if top_p is None else top_p
        return int(draw(logits, uniform, temperature=temperature, top_p=top_p, allowed=allowed))


def _from(n: int, first: int) -> Tensor:
    return torch.arange(n) >= first


def word_losses(model: Cmt, words: Tensor, genre: Tensor, instruments: Tensor, mask: Tensor) -> Tensor:
    """Mean of the seven cross-entropies over unmasked words; all fields of all words count, zeros included, as published.

    words int64 [B, L, 10], mask bool [B, L].
    """
    logits = model(words, genre, instruments)
    losses = [
        (F.cross_entropy(x.flatten(0, 1), words[..., i].flatten(), reduction="none").view(mask.shape) * mask).sum() / mask.sum()
        for i, x in enumerate(logits)
    ]
    return torch.stack(losses).mean()


def load(given: Given) -> Cmt:
    """The network with its settings."""
    from dance2music.baselines.compound_words import instrument_ids

    settings = given.settings
    if given.instruments:
        settings = (*settings, f"instruments={list(instrument_ids(given.instruments))}")
    model: Cmt = load_network(given, "cmt")
    return adjusted(model, settings)
