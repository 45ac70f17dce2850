"""Dance2Music, online (Aggarwal & Parikh 2021, arXiv:2107.06252): a note every 0.2 s from the motion so far, and from nothing later.

A convolutional network looks at the self-similarity of the last two seconds of poses, a small LSTM at the last ten notes; together they
choose the next of five notes. It is trained on what the offline search (`baselines.dance2music_offline`) writes. `Stream` plays while a
dancer moves; `generate` runs a stream over a dance that is already there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from dance2music.baselines.dance2music_offline import NOTE_PITCHES, SearchConfig, cosine_similarity, dance_of, play, pose_vectors
from dance2music.methods.base import Given, adjusted, load_network, whole_only
from dance2music.nn.sampling import draw
from dance2music.parallel import one_thread
from dance2music.seeds import BaselineTake
from dance2music.types import Conditioning, Latents, Score, Span
from dance2music.work import check

PADDING = len(NOTE_PITCHES)
"""Class of a note before the first."""


@dataclass(frozen=True)
class OnlineConfig:
    """Sizes of the network, as published; ``channels`` are those of the six convolutions.

    ``temperature`` 0 takes the likeliest note, as published; above it a seed draws.
    """

    channels: tuple[int, ...] = (64, 128, 128, 256, 512, 32)
    note_dim: int = 16
    note_hidden: int = 32
    head: tuple[int, ...] = (512, 256, 128)
    history_frames: int = 60
    history_notes: int = 10
    dropout: float = 0.5
    temperature: float = 0.5
    search: SearchConfig = field(default_factory=SearchConfig)


class Dance2MusicOnline(nn.Module):
    """Similarity of recent poses and recent notes in, logits of the next note out."""

    def __init__(self, config: OnlineConfig = OnlineConfig()) -> None:
        super().__init__()
        self.config = config
        a, b, c, d, e, f = config.channels
        self.dance = nn.Sequential(
            nn.Conv2d(1, a, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(a, b, 3), nn.ReLU(), nn.Conv2d(b, c, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(c, d, 3), nn.ReLU(), nn.Conv2d(d, e, 3), nn.ReLU(), nn.Conv2d(e, f, 3),
        )  # fmt: skip
        self.notes = nn.Embedding(PADDING + 1, config.note_dim)
        self.melody = nn.LSTM(config.note_dim, config.note_hidden, num_layers=2, bidirectional=True, batch_first=True)
        widths = (f + 2 * config.note_hidden, *config.head)
        layers: list[nn.Module] = [nn.Linear(widths[0], widths[1]), nn.ReLU(), nn.Dropout(config.dropout)]
        for i in range(1, len(widths) - 1):
            layers += [nn.Linear(widths[i], widths[i + 1]), nn.ReLU()] if i < len(widths) - 2 else [nn.Linear(widths[i], widths[i + 1])]
        self.head = nn.Sequential(*layers, nn.ReLU(), nn.Linear(widths[-1], len(NOTE_PITCHES)))

    def forward(self, similarity: Tensor, notes: Tensor) -> Tensor:
        """Logits [B, 5] of the next note.

        Parameters
        ----------
        similarity : float Tensor [B, 1, 60, 60] of the last poses, a shorter history zero at the top left (see `window_of`).
        notes : int64 Tensor [B, 10], the last notes, `PADDING` before the first.
        """
        seen = self.dance(similarity).mean(dim=(2, 3))
        heard, _ = self.melody(self.notes(notes))
        return self.head(torch.cat([seen, heard[:, -1]], dim=-1))

    def stream(self, *, seed: int = 0) -> Stream:
        """A stream that has seen nothing yet."""
        return Stream(self, seed)

    @torch.no_grad()
    def generate(
        self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Latents | Score | None = None
    ) -> list[Score]:
        """See `methods.base.MusicGenerator.generate`: a stream per seed, fed frame by frame, whole pieces only."""
        whole_only(span, "dance2music-online")
        poses = pose_vectors(dance_of(conditioning), conditioning.duration_seconds)
        scores = []
        for seed in seeds:
            stream = self.stream(seed=seed)
            with one_thread():
                notes = []
                for pose in poses:
                    check()
                    if (note := stream.push(pose)) is not None:
                        notes.append(note)
            scores.append(play(np.array(notes, dtype=np.int64), conditioning, self.config.search))
        return scores


class Stream:
    """A dance as it happens: `push` takes a pose and returns a note class when one is due. It never looks ahead.

    The first note, before any motion, is the published one; a note that is due at frame t is decided from the frames before t. Memory and
    time per pose do not grow with the length of the dance.
    """

    def __init__(self, model: Dance2MusicOnline, seed: int) -> None:
        config = model.config
        self.model, self.rng = model, np.random.default_rng([seed, BaselineTake.ONLINE])
        self.poses: deque[np.ndarray] = deque(maxlen=config.history_frames)
        self.notes: deque[int] = deque([PADDING] * config.history_notes, maxlen=config.history_notes)
        self.frame = 0

    @torch.no_grad()
    def push(self, pose: np.ndarray) -> int | None:
        """The note class that begins with this pose, or None between notes. pose : float [36], see `dance2music_offline.pose_vectors`."""
        config, due = self.model.config, self.frame % self.model.config.search.frames_per_note == 0
        note = None
        if due and self.frame == 0:
            note = config.search.first_class
        elif due:
            similarity = window_of(np.stack(self.poses), config.history_frames)
            logits = self.model(torch.from_numpy(similarity)[None, None], torch.tensor([list(self.notes)]))
            note = int(draw(logits, torch.tensor([self.rng.random()]), temperature=config.temperature)[0])
        if note is not None:
            self.notes.append(note)
        self.poses.append(np.asarray(pose, dtype=np.float64))
        self.frame += 1
        return note


def window_of(poses: np.ndarray, size: int) -> np.ndarray:
    """Similarity float32 [size, size] of the last ``size`` poses [n, D]; a shorter history leaves zeros at the top left."""
    window = np.zeros((size, size), dtype=np.float32)
    recent = poses[-size:]
    window[size - len(recent) :, size - len(recent) :] = cosine_similarity(recent)
    return window


def decision(poses: np.ndarray, melody: np.ndarray, at: int, config: OnlineConfig) -> tuple[np.ndarray, np.ndarray, int]:
    """What the network meets where note ``at`` >= 1 of a melody is due, and that note: window [60, 60], notes int64 [10], class."""
    frames, n = at * config.search.frames_per_note, config.history_notes
    window = window_of(poses[max(0, frames - config.history_frames) : frames], config.history_frames)
    return window, np.concatenate([np.full(n, PADDING), melody[:at]])[-n:].astype(np.int64), int(melody[at])


def load(given: Given) -> Dance2MusicOnline:
    """The network with its settings."""
    model: Dance2MusicOnline = load_network(given, "dance2music-online")
    return adjusted(model, given.settings)
