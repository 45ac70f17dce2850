"""Retrieval from music memory as a method: bars of stored codes, resampled to the dance's tempo and decoded.

The bank holds composed pieces of every genre and tempo as residual codes (`recipe.memory` builds it). For a dance the piece whose genre
fits and whose tempo is nearest is taken (the seed chooses among the near ones, and the bar to begin with), its bars are played in
order, quieter or livelier ones by the dancer's energy, and each bar's code frames are resampled to the length of the dance's bar. What it
plays was composed before: it is a companion of the learned methods and the bar for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.methods.base import CodecGenerator, Given, looked_up
from dance2music.rhythm.sections import energy_at_beats
from dance2music.seeds import OwnTake
from dance2music.types import BEATS_PER_BAR, Codec, Conditioning, Latents, Span
from dance2music.work import check

_SHIFTS = torch.tensor([0, 2, 4, 6])
_NEAR_PIECES = 3
_STEADY_BARS = 2
_NEW_SHARE = 0.5
"""Of the frames of a section that is drawn again, so many at least are others than before."""


@dataclass(frozen=True)
class MemoryConfig:
    """Size of the bank."""

    n_codebooks: int = 6
    n_frames: int = 1
    n_bars: int = 1


class Memory(nn.Module):
    """A bank of bars as codes: a `methods.base.LatentNetwork`.

    Buffers: the codes of all bars one after another [Q, F], 10 bits each: ``low`` uint8 [Q, F] and, four frames to a byte, ``high`` uint8
    [Q, ceil(F / 4)] (`codes` puts them together); ``start``, ``length`` int32 [n_bars] in frames; ``piece``, ``genre`` int32
    [n_bars]; ``tempo_bpm``, ``energy`` float32 [n_bars].
    """

    def __init__(self, config: MemoryConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("low", torch.zeros(config.n_codebooks, config.n_frames, dtype=torch.uint8))
        self.register_buffer("high", torch.zeros(config.n_codebooks, -(-config.n_frames // 4), dtype=torch.uint8))
        for name in ("start", "length", "piece", "genre"):
            self.register_buffer(name, torch.zeros(config.n_bars, dtype=torch.int32))
        for name in ("tempo_bpm", "energy"):
            self.register_buffer(name, torch.zeros(config.n_bars))

    @property
    def codes(self) -> Tensor:
        """Codes of all bars one after another, int64 [Q, F]."""
        high = (self.get_buffer("high").long()[..., None] >> _SHIFTS) & 3
        return self.get_buffer("low").long() + 256 * high.flatten(1)[:, : self.config.n_frames]

    def store(self, codes: Tensor) -> None:
        """Take over codes int64 [Q, F] below 1024."""
        assert int(codes.min()) >= 0 and int(codes.max()) < 1024, "the bank keeps 10 bits of a code"
        self.get_buffer("low").copy_((codes & 255).to(torch.uint8))
        quarters = F.pad(codes >> 8, (0, -codes.shape[1] % 4)).unflatten(1, (-1, 4))
        self.get_buffer("high").copy_((quarters << _SHIFTS).sum(dim=-1).to(torch.uint8))

    def latents(
        self, conditioning: Conditioning, seeds: Sequence[int], codec: Codec, *, n_frames: int, span: Span | None, keep: Latents | None
    ) -> list[Latents]:
        """See `methods.base.MusicGenerator.generate`. A section is played with other bars of the same piece."""
        frame_rate = codec.sample_rate / codec.hop_length
        if span is None:
            return [looked_up(self._take(conditioning, seed, n_frames, frame_rate), codec) for seed in seeds]
        assert keep is not None and keep.codes is not None, "a section is drawn into a piece of this method"
        piece = self._piece_of(keep.codes, conditioning, frame_rate)
        begin, end = max(0, int(span.begin_seconds * frame_rate)), min(n_frames, int(np.ceil(span.end_seconds * frame_rate)))
        bars = self._bars_of_piece(piece)
        energy = energy_at_beats(conditioning)
        others: list[Tensor] = []
        for shift in (0.0, 0.5, -0.5):  # where the dancer's energy leaves one bar to choose, livelier and calmer ones will do
            for place in range(self._places(bars)):
                played = self._played(self._from(bars, place), conditioning, n_frames, frame_rate, energy=energy + shift)[:, begin:end]
                if bool((played != keep.codes[:, begin:end]).any(dim=0).float().mean() > _NEW_SHARE):
                    others.append(played)
            if len(others) > 1:
                break
        made = []
        for seed in seeds:
            codes = keep.codes.clone()
            if others:
                codes[:, begin:end] = others[int(np.random.default_rng([seed, OwnTake.MEMORY]).integers(len(others)))]
            made.append(looked_up(codes, codec))
        return made

    def _take(self, conditioning: Conditioning, seed: int, n_frames: int, frame_rate: float) -> Tensor:
        """Codes int64 [Q, n_frames] of one take."""
        rng = np.random.default_rng([seed, OwnTake.MEMORY])
        bars = self._bars_of_piece(self._piece(conditioning.genre, conditioning.rhythm.tempo_bpm, rng))
        bars = self._from(bars, int(rng.integers(self._places(bars))))
        return self._played(bars, conditioning, n_frames, frame_rate, energy=energy_at_beats(conditioning))

    def _places(self, bars: np.ndarray) -> int:
        """Pairs of bars of a piece from which it can be begun."""
        return max(1, len(bars) // _STEADY_BARS)

    def _from(self, bars: np.ndarray, place: int) -> np.ndarray:
        """The bars of a piece, beginning with one of its pairs."""
        return np.roll(bars, -_STEADY_BARS * place)

    def _played(self, bars: np.ndarray, conditioning: Conditioning, n_frames: int, frame_rate: float, *, energy: np.ndarray) -> Tensor:
        """Codes int64 [Q, n_frames] of bars played in order to a dance of this energy [n_beats]."""
        check()
        rhythm = conditioning.rhythm
        beats = rhythm.beat_at(np.array([0.0, conditioning.duration_seconds]))
        first = int(np.floor(beats[0] / BEATS_PER_BAR))
        out, bar = torch.zeros(self.config.n_codebooks, n_frames, dtype=torch.long), first
        codes = self.codes
        while (left := round(float(rhythm.time_at(np.array([bar * BEATS_PER_BAR]))[0]) * frame_rate)) < n_frames:
            right = round(float(rhythm.time_at(np.array([(bar + 1) * BEATS_PER_BAR]))[0]) * frame_rate)
            at = min(max(bar * BEATS_PER_BAR + rhythm.downbeat, 0), len(energy) - 1)
            stored = self._next_bar(bars, bar - first, float(energy[at]))
            start, length = int(self.get_buffer("start")[stored]), int(self.get_buffer("length")[stored])
            frames = start + (torch.arange(right - left) * length) // max(1, right - left)
            low, high = max(left, 0), min(right, n_frames)
            out[:, low:high] = codes[:, frames[low - left : high - left]]
            bar += 1
        return out

    def _piece_of(self, codes: Tensor, conditioning: Conditioning, frame_rate: float) -> int:
        """The piece of the bank that a take was played from: the one with most of its frames, looked for by the coarsest codes."""
        own = self.codes
        of_genre = torch.nonzero(self.get_buffer("genre") == conditioning.genre)[:, 0].tolist()
        found: dict[int, int] = {}
        wanted = {tuple(column) for column in codes[:3].T.tolist()}
        for bar in of_genre:
            start, length = int(self.get_buffer("start")[bar]), int(self.get_buffer("length")[bar])
            piece = int(self.get_buffer("piece")[bar])
            found[piece] = found.get(piece, 0) + sum(tuple(column) in wanted for column in own[:3, start : start + length].T.tolist())
        return max(found, key=lambda piece: found[piece])

    def _piece(self, genre: int, tempo_bpm: float, rng: np.random.Generator) -> int:
        """One of the pieces of the genre whose tempo is nearest."""
        of_genre = self.get_buffer("genre") == genre
        pieces, at = np.unique(self.get_buffer("piece")[of_genre].numpy(), return_index=True)
        distance = np.abs(np.log(self.get_buffer("tempo_bpm")[of_genre].numpy()[at] / tempo_bpm))
        near = np.argsort(distance, kind="stable")[:_NEAR_PIECES]
        return int(pieces[near[rng.integers(len(near))]])

    def _bars_of_piece(self, piece: int) -> np.ndarray:
        return np.flatnonzero(self.get_buffer("piece").numpy() == piece)

    def _next_bar(self, bars: np.ndarray, position: int, energy: float) -> int:
        """Bar of the piece to play at ``position``: within each pair of bars of the form, the one whose energy is nearer."""
        pair = (position // _STEADY_BARS) % max(1, len(bars) // _STEADY_BARS)
        in_order = bars[(pair * _STEADY_BARS + position % _STEADY_BARS) % len(bars)]
        same_place = bars[position % _STEADY_BARS :: _STEADY_BARS]
        nearest = same_place[np.argmin(np.abs(self.get_buffer("energy").numpy()[same_place] - energy))]
        return int(nearest if abs(float(self.get_buffer("energy")[in_order]) - energy) > 0.5 else in_order)


def bank(pieces: Sequence[tuple[Tensor, np.ndarray, int, float, np.ndarray]]) -> Memory:
    """Build a memory from pieces.

    Parameters
    ----------
    pieces : per piece its codes int64 [Q, L], the frames of its bar lines int [n_bars + 1], genre, tempo in bpm, energy [n_bars].
    """
    codes = [c[:, lines[0] : lines[-1]] for c, lines, *_ in pieces]
    memory = Memory(MemoryConfig(codes[0].shape[0], sum(c.shape[1] for c in codes), sum(len(lines) - 1 for _, lines, *_ in pieces)))
    offset, rows = 0, []
    for i, (stored, (_, lines, genre, tempo_bpm, energy)) in enumerate(zip(codes, pieces)):
        starts = offset + lines[:-1] - lines[0]
        rows += [(s, n, i, genre, tempo_bpm, e) for s, n, e in zip(starts, np.diff(lines), energy)]
        offset += stored.shape[1]
    memory.store(torch.cat(codes, dim=1))
    for name, column in zip(("start", "length", "piece", "genre", "tempo_bpm", "energy"), zip(*rows)):
        memory.get_buffer(name).copy_(torch.tensor(column))
    return memory


def load(given: Given) -> CodecGenerator:
    """The memory that comes with the package."""
    from dance2music.checkpoint import load_embedded
    from dance2music.codec import embedded

    model = load_embedded("memory", expected="memory")
    assert isinstance(model, Memory)
    return CodecGenerator(model, embedded.embedded_codec())
