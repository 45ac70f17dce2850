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
"""A window may end this long before its time is over, not earlier: a dance goes on, and an early end would leave a hole of silence. What a
window writes later than that, seeing little of the dance beyond, is written anew by the next one."""


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


def preview(onsets: Tensor, elapsed_seconds: Tensor, n: int, *, fps: float) -> Tensor:
    """What each event has before it: of onsets [B, T] in a window's frames, the next ``n`` from its time [B, L] on: [B, L, n].

    Between the middles of frames it is interpolated; before and behind the window there is nothing.
    """
    B, L = elapsed_seconds.shape
    at = (elapsed_seconds[..., None] * fps - 0.5 + torch.arange(n, device=onsets.device)).clamp(-1, onsets.shape[1])
    low = at.floor().clamp(max=onsets.shape[1] - 1)
    padded = torch.nn.functional.pad(onsets, (1, 1))
    before, behind = (padded.gather(1, (low.long() + k).flatten(1)).view(B, L, n) for k in (1, 2))
    return before + (behind - before) * (at - low)


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
        logits = model.step(torch.tensor([ids[-1]]), len(ids) - 1, states, memory, torch.tensor([elapsed]))
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
