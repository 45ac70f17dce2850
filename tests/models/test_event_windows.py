"""Windows of events: an end that comes early is not taken, and later windows go on from what is known."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dance2music.models.event_windows import END_SECONDS, draw_events, play_windows, preview
from dance2music.models.transformer import BlockConfig, Stack, State
from dance2music.music.tokens import INVERSE_MV, PerformanceTokenizer, TimedNote


class Ending:
    """Wants to end at once; else it lets a tenth of a second pass."""

    tokenizer = PerformanceTokenizer(INVERSE_MV)
    decoder = Stack(BlockConfig(channels=4, heads=1, feed_channels=4), 1)

    def step(self, event: Tensor, position: int, states: list[State], memory: Tensor, elapsed_seconds: Tensor) -> Tensor:
        logits = torch.zeros(1, self.tokenizer.vocabulary)
        logits[:, INVERSE_MV.end], logits[:, self.tokenizer.base["shift"] + 9] = 60.0, 50.0
        return logits


def test_a_window_does_not_end_before_its_last_second() -> None:
    ids = draw_events(Ending(), torch.zeros(1, 1, 4), [], first=0, max_events=200, window_seconds=4.0, chance=np.random.default_rng(0),
                      temperature=1.0, top_p=0.9)  # fmt: skip
    seconds = sum(map(Ending.tokenizer.seconds_of, ids))
    assert ids[-1] == INVERSE_MV.end and 4.0 - END_SECONDS <= seconds < 4.0 - END_SECONDS + 0.2


def test_a_window_keeps_what_the_one_before_wrote_but_for_its_last_second() -> None:
    asked: list[list[TimedNote]] = []
    model = Ending()

    def choose(window: int, prompt: list[int]) -> list[int]:
        asked.append(model.tokenizer.decode(prompt))
        new = [TimedNote(2.5 - 2 * window, 2.7, 60, 81)] if window == 0 else [TimedNote(2.0, 2.5, 72, 81)]
        return prompt + model.tokenizer.encode([*new, TimedNote(3.4, 3.6, 61, 81)])

    notes = play_windows(model, [0.0, 2.0], 4.0, 64, choose)
    assert asked[0] == [] and [(n.pitch, round(n.onset_seconds, 3)) for n in asked[1]] == [(60, 0.5)]
    assert not any(abs(n.onset_seconds - 3.4) < 1e-6 and n.pitch == 61 for n in notes), "the last second is written anew"


def test_a_preview_shows_the_frames_that_come_between_their_middles_and_nothing_behind_the_window() -> None:
    onsets = torch.arange(1.0, 11.0)[None]  # frame k lasts from k to k + 1 tenths of a second
    shown = preview(onsets, torch.tensor([[0.05, 0.5, 0.95, 7.0]]), 3, fps=10.0)
    expected = torch.tensor([[[1.0, 2.0, 3.0], [5.5, 6.5, 7.5], [10.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    assert torch.allclose(shown, expected, atol=1e-4)
