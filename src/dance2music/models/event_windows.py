"""Playing performance events window by window: each window of a dance goes on from what the one before wrote for their common half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from dance2music.models.sampling import draw
from dance2music.models.transformer import Stack, State
from dance2music.music.tokens import PerformanceTokenizer, TimedNote

END_SECONDS = 1.0
"""A window may end this long before its time is over, not earlier: a dance goes on, and an early end would leave a hole of silence."""


class EventModel(Protocol):
    """What can be asked for the next event."""

    tokenizer: PerformanceTokenizer
    decoder: Stack

    def step(self, event: Tensor, position: int, states: list[State], memory: Tensor) -> Tensor:
        """Logits [B, vocabulary] after one more event int64 [B]."""
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
        prompt = model.tokenizer.encode(_shifted(known, -start))[: max_events // 2]
        played = [n for n in model.tokenizer.decode(choose(index, prompt)) if n.onset_seconds < window_seconds]
        notes = [n for n in notes if n.onset_seconds < start] + _shifted(played, start)
    return notes


def _shifted(notes: list[TimedNote], seconds: float) -> list[TimedNote]:
    return [n._replace(onset_seconds=n.onset_seconds + seconds, offset_seconds=n.offset_seconds + seconds) for n in notes]


def draw_events(
    model: EventModel,
    memory: Tensor,
    prompt: list[int],
    *,
    first: int,
    max_events: int,
    window_seconds: float,
    chance: np.random.Generator,
    temperature: float,
    top_p: float,
) -> list[int]:
    """Events of one window [1, T, C], drawn until the end event (`END_SECONDS`), the window's end or the last position.

    ``first`` is the event that stands before all others; it and the padding are never drawn. Temperature 0 is greedy.
    """
    config, states = model.tokenizer.config, model.decoder.start()
    ids, elapsed = [first], 0.0
    while len(ids) < max_events:
        logits = model.step(torch.tensor([ids[-1]]), len(ids) - 1, states, memory)
        if len(ids) <= len(prompt):
            ids.append(prompt[len(ids) - 1])
        else:
            logits[:, [first, config.pad]] = -torch.inf
            if elapsed < window_seconds - END_SECONDS:
                logits[:, config.end] = -torch.inf
            ids.append(int(draw(logits, torch.tensor([chance.random()]), temperature=temperature, top_p=top_p)[0]))
        elapsed += model.tokenizer.seconds_of(ids[-1])
        if ids[-1] == config.end or elapsed > window_seconds:
            break
    return ids[1:]
