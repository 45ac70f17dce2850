"""Windows of events: an end that comes early is not taken, and later windows go on from what is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dance2music.baselines.event_windows import END_SECONDS, draw_events, onset_times, play_windows
from dance2music.music.tokens import INVERSE_MV, PerformanceTokenizer, TimedNote
from dance2music.nn.transformer import BlockConfig, Stack, State


class Ending:
    """Wants to end at once; else it lets a tenth of a second pass."""

    tokenizer = PerformanceTokenizer(INVERSE_MV)
    decoder = Stack(BlockConfig(channels=4, heads=1, feed_channels=4), 1)

    def step(self, event: Tensor, position: int, states: list[State], memory: Tensor, elapsed_seconds: Tensor) -> Tensor:
        logits = torch.zeros(1, self.tokenizer.vocabulary)
        logits[:, INVERSE_MV.end], logits[:, self.tokenizer.base["shift"] + 9] = 60.0, 50.0
        return logits


def test_a_window_does_not_end_before_its_last_second() -> None:
    ids = draw_events(Ending(), torch.zeros(1, 1, 4), [], first=0, max_events=200, window_seconds=4.0, rng=np.random.default_rng(0),
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


def test_onsets_are_the_middles_of_the_likeliest_frames() -> None:
    probabilities = np.full(40, 0.02)
    probabilities[[5, 6, 7, 20, 21, 30]] = [0.3, 0.6, 0.3, 0.5, 0.5, 0.05]
    assert onset_times(probabilities, fps=20.0) == pytest.approx([6.5 / 20, 21.0 / 20], abs=1e-6)


class Striking(Ending):
    """Wants to let a tenth of a second pass, or else to strike a note."""

    def step(self, event: Tensor, position: int, states: list[State], memory: Tensor, elapsed_seconds: Tensor) -> Tensor:
        logits = torch.zeros(1, self.tokenizer.vocabulary)
        logits[:, self.tokenizer.base["shift"] + 9], logits[:, self.tokenizer.base["note_on"] + 40] = 60.0, 50.0
        return logits


def test_guided_notes_begin_at_the_onsets_and_nowhere_else_and_go_on_from_a_prompt() -> None:
    model, onsets = Striking(), [0.25, 0.73, 1.5, 2.61]
    prompt = model.tokenizer.encode([TimedNote(0.25, 0.5, 50, 81)])
    for given in ([], prompt):
        ids = draw_events(model, torch.zeros(1, 1, 4), given, first=0, max_events=200, window_seconds=4.0, rng=np.random.default_rng(0),
                          temperature=1.0, top_p=0.9, onsets=onsets)  # fmt: skip
        assert ids[: len(given)] == given
        assert [n.onset_seconds for n in model.tokenizer.decode(ids)] == pytest.approx(onsets, abs=0.011)
