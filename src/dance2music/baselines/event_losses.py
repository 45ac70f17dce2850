"""What the models of performance events have in common in training: a window's events, and what is lost on them."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from dance2music.music.tokens import PerformanceTokenizer, TimedNote

_TOGETHER_SECONDS = 0.03
_LONGEST_SECONDS = 1.5


def danced(notes: list[TimedNote], times: np.ndarray, duration_seconds: float) -> list[TimedNote]:
    """The notes as the dancer would strike them: at each kinematic beat what the music plays next to it.

    The notes of music that a dance was made for begin where its beats and off-beats are; the dancer stops at other times, and more seldom.
    What is played keeps pitches and velocities, takes its times from the dance, and lasts until the next stop. Of what was struck already,
    a single tone sounds again, upwards from stop to stop.

    Parameters
    ----------
    notes : by onset, at least one.
    times : kinematic beats in seconds, float [n], increasing.
    """
    groups: list[list[TimedNote]] = []
    for note in notes:
        if groups and note.onset_seconds - groups[-1][0].onset_seconds < _TOGETHER_SECONDS:
            groups[-1].append(note)
        else:
            groups.append([note])
    onsets = np.array([group[0].onset_seconds for group in groups])
    played: list[TimedNote] = []
    last, again = -1, 0
    for start, end in zip(times, [*times[1:], duration_seconds]):
        nearest = int(np.abs(onsets - start).argmin())
        group = sorted(groups[nearest], key=lambda note: note.pitch)
        again = again + 1 if nearest == last else 0
        last = nearest
        for note in [group[(again - 1) % len(group)]] if again else group:
            played.append(TimedNote(float(start), float(min(end, start + _LONGEST_SECONDS)), note.pitch, note.velocity))
    return played


def window_events(tokenizer: PerformanceTokenizer, notes: np.ndarray, start_seconds: float, window_seconds: float, size: int) -> np.ndarray:
    """Start (padding where the tokeniser has none), events of the notes that begin in a window, and end: int64 [size], padded or cut.

    notes : float [n, 4], onset and offset in seconds, pitch, velocity.
    """
    config = tokenizer.config
    inside = [
        TimedNote(on - start_seconds, min(off - start_seconds, window_seconds), int(pitch), int(velocity))
        for on, off, pitch, velocity in notes.tolist()
        if start_seconds <= on < start_seconds + window_seconds
    ]
    first = config.start if config.start >= 0 else config.pad
    ids = [first, *tokenizer.encode(inside), config.end][:size]
    return np.array(ids + [config.pad] * (size - len(ids)), dtype=np.int64)


def onset_frames(notes: np.ndarray, first: int, size: int, *, fps: float) -> np.ndarray:
    """1 in those of ``size`` frames from frame ``first`` in which a note [n, 4] begins, else 0; float32 [size]."""
    frames = np.floor(notes[:, 0].astype(np.float64) * fps).astype(int) - first
    result = np.zeros(size, dtype=np.float32)
    result[frames[(frames >= 0) & (frames < size)]] = 1.0
    return result


def onset_loss(terms: dict[str, Tensor], logits: Tensor, onsets: Tensor, *, weight: float) -> dict[str, Tensor]:
    """The terms of `event_losses` with what the encoder loses on the frames [B, T] in which notes begin, ``total`` first.

    Through the events alone an encoder learns late what to look for: at first a decoder does without it.
    """
    onset = F.binary_cross_entropy_with_logits(logits.float(), onsets)
    return {"total": terms["cross_entropy"] + weight * onset, **terms, "onset": onset}


def event_losses(logits: Tensor, target: Tensor, *, pad: int) -> dict[str, Tensor]:
    """Cross entropy of the next event, padding left out, and how often the likeliest is right. logits [B, L, n], target int64 [B, L]."""
    real = target != pad
    return {
        "cross_entropy": F.cross_entropy(logits.float().flatten(0, 1), target.flatten(), ignore_index=pad),
        "accuracy": ((logits.argmax(dim=-1) == target) & real).float().sum() / real.sum().clamp_min(1),
    }
