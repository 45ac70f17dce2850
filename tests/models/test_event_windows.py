"""Windows of events: an end that comes early is not taken, and later windows go on from what is known."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dance2music.models.event_windows import END_SECONDS, draw_events, play_windows
from dance2music.models.transformer import BlockConfig, Stack, State
from dance2music.music.tokens import INVERSE_MV, PerformanceTokenizer, TimedNote


class Ending:
    """Wants to end at once; else it lets a tenth of a second pass."""

    tokenizer = PerformanceTokenizer(INVERSE_MV)
    decoder = Stack(BlockConfig(channels=4, heads=1, feed_channels=4), 1)

    def step(self, event: Tensor, position: int, states: list[State], memory: Tensor) -> Tensor:
        logits = torch.zeros(1, self.tokenizer.vocabulary)
        logits[:, INVERSE_MV.end], logits[:, self.tokenizer.base["shift"] + 9] = 60.0, 50.0
        return logits


def test_a_window_does_not_end_before_its_last_second() -> None:
    ids = draw_events(Ending(), torch.zeros(1, 1, 4), [], first=0, max_events=200, window_seconds=4.0, chance=np.random.default_rng(0),
                      temperature=1.0, top_p=0.9)  # fmt: skip
    seconds = sum(map(Ending.tokenizer.seconds_of, ids))
    assert ids[-1] == INVERSE_MV.end and 4.0 - END_SECONDS <= seconds < 4.0 - END_SECONDS + 0.2


def test_a_window_keeps_what_the_one_before_wrote_for_their_common_half() -> None:
    asked: list[list[TimedNote]] = []
    model = Ending()

    def choose(window: int, prompt: list[int]) -> list[int]:
        asked.append(model.tokenizer.decode(prompt))
        return prompt + model.tokenizer.encode([TimedNote(3.0 + 0.1 * window, 3.5, 60, 81)])

    notes = play_windows(model, [0.0, 2.0], 4.0, 64, choose)
    assert asked[0] == [] and [round(n.onset_seconds, 3) for n in asked[1]] == [1.0]
    assert any(abs(n.onset_seconds - 3.0) < 1e-6 for n in notes)
