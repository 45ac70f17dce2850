"""Playing performance events window by window: each window of a dance goes on from what the one before wrote for their common half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from dance2music.dance.kinematics import MIN_BEAT_DISTANCE_SECONDS, minima
from dance2music.music.tokens import PerformanceTokenizer, TimedNote
from dance2music.nn.sampling import draw
from dance2music.nn.transformer import Stack, State
from dance2music.work import check

END_SECONDS = 1.0
"""A window may end this long before its time is over, not earlier: a dance goes on, and an early end would leave a hole of silence. What a
window writes later than that, seeing little of the dance beyond, is written anew by the next one."""

LEAST_PROBABILITY = 0.15
"""Of an onset in a frame, for a note to begin there."""
LEAST_GAP_SECONDS = 0.1
"""Onsets of overlapping windows that are closer than this are one."""


class EventModel(Protocol):
    """What can be asked for the next event."""

    tokenizer: PerformanceTokenizer
    decoder: Stack

    def step(self, event: Tensor, position: int, states: list[State], memory: Tensor, elapsed_seconds: Tensor) -> Tensor:
        """Logits [B, vocabulary] after one more event int64 [B], at whose end so much [B] of the window is over."""
        ...


def window_starts(duration_seconds: float, window_seconds: float) -> list[float]:
    """Where windows begin that overlap by half and reach to the end."""
    hop = window_seconds / 2
    return [i * hop for i in range(max(1, int(np.ceil(duration_seconds / hop - 1e-9)) - 1))]


def play_windows(
    model: EventModel, starts: Sequence[float], window_seconds: float, max_events: int, choose: Callable[[int, list[int]], list[int]]
) -> list[TimedNote]:
    """Notes in seconds of the whole dance.

    Parameters
    ----------
    starts : where the windows begin, see `window_starts`.
    max_events : half of them at most are those that a window takes over.
    choose : ``choose(window, prompt)`` gives the events of a window, those of the prompt first.
    """
    notes: list[TimedNote] = []
    for index, start in enumerate(starts):
        known = [n for n in notes if n.onset_seconds >= start]
        prompt = _until(model.tokenizer, model.tokenizer.encode(_shifted(known, -start)), window_seconds / 2 - END_SECONDS)[
            : max_events // 2
        ]
        played = [n for n in model.tokenizer.decode(choose(index, prompt)) if n.onset_seconds < window_seconds]
        notes = [n for n in notes if n.onset_seconds < start] + _shifted(played, start)
    return notes


def _until(tokenizer: PerformanceTokenizer, ids: list[int], seconds: float) -> list[int]:
    """Events up to a time; notes that sound on then are left without an end."""
    elapsed = np.cumsum([tokenizer.seconds_of(id_) for id_ in ids])
    return ids[: int(np.searchsorted(elapsed, seconds))]


def _shifted(notes: list[TimedNote], seconds: float) -> list[TimedNote]:
    return [n._replace(onset_seconds=n.onset_seconds + seconds, offset_seconds=n.offset_seconds + seconds) for n in notes]


def onset_times(probabilities: np.ndarray, *, fps: float) -> list[float]:
    """When notes begin, in seconds, from the probability in each frame [T] that one does: its maxima, not closer than kinematic beats."""
    times = minima(-probabilities, fps=fps, min_distance_seconds=MIN_BEAT_DISTANCE_SECONDS)
    likely = probabilities[np.round(times * fps).astype(int)] >= LEAST_PROBABILITY
    return (times[likely] + 0.5 / fps).tolist()


def draw_events(
    model: EventModel,
    memory: Tensor,
    prompt: list[int],
    *,
    first: int,
    max_events: int,
    window_seconds: float,
    rng: np.random.Generator,
    temperature: float,
    top_p: float,
    onsets: Sequence[float] | None = None,
) -> list[int]:
    """Events of one window [1, T, C], drawn until the end event (`END_SECONDS`), the window's end or the last position.

    ``first`` is the event that stands before all others; it and the padding are never drawn. Temperature 0 is greedy. With ``onsets``, in
    seconds of the window, notes begin at these times only: what sounds then is drawn, how long to wait is not.
    """
    tokenizer, states = model.tokenizer, model.decoder.start()
    config = tokenizer.config
    notes, shifts = (slice(tokenizer.base[kind], tokenizer.base[kind] + size) for kind, size in
                     (("note_on", config.highest_pitch - config.lowest_pitch + 1), ("shift", len(config.shift_seconds))))  # fmt: skip
    ids, elapsed, forced = [first], 0.0, list(prompt)
    waiting = over = False  # for the first note of an onset; no note begins any more
    while len(ids) < max_events:
        check()
        logits = model.step(torch.tensor([ids[-1]]), len(ids) - 1, states, memory, torch.tensor([elapsed]))
        if onsets is not None and not forced and len(ids) == 1 + len(prompt):
            forced = _wait(tokenizer, onsets, elapsed)
            waiting, over = bool(forced), not forced
        if forced:
            ids.append(forced.pop(0))
        else:
            logits[:, [first, config.pad]] = -torch.inf
            coming = onsets is not None and any(onset - elapsed > LEAST_GAP_SECONDS for onset in onsets)
            if elapsed < window_seconds - END_SECONDS or coming or waiting:
                logits[:, config.end] = -torch.inf
            if waiting:
                logits[:, shifts] = -torch.inf
            if over:
                logits[:, notes] = -torch.inf
            id_ = int(draw(logits, torch.tensor([rng.random()]), temperature=temperature, top_p=top_p)[0])
            if onsets is not None and shifts.start <= id_ < shifts.stop:
                over = not coming
                if coming:
                    id_, *forced = _wait(tokenizer, onsets, elapsed)
                    waiting = True
            elif notes.start <= id_ < notes.stop:
                waiting = False
            ids.append(id_)
        elapsed += tokenizer.seconds_of(ids[-1])
        if ids[-1] == config.end or elapsed > window_seconds:
            break
    return ids[1:]


def _wait(tokenizer: PerformanceTokenizer, onsets: Sequence[float], elapsed_seconds: float) -> list[int]:
    """Events until the next onset; none if there is no further one."""
    gap = next((onset - elapsed_seconds for onset in onsets if onset - elapsed_seconds > LEAST_GAP_SECONDS), 0.0)
    return tokenizer.shifts(gap)[0]
