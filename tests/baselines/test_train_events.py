from __future__ import annotations

import numpy as np
import pytest
import torch

from dance2music.baselines.event_losses import danced, onset_frames, onset_loss, window_events
from dance2music.baselines.foley_music_train import pose_and_notes
from dance2music.dance.kinematics import kinematic_beats
from dance2music.metrics.rhythm import beat_alignment
from dance2music.music.tokens import FOLEY, PerformanceTokenizer, TimedNote
from dance2music.seeds import Corpus
from dance2music.synthetic.perturb import perturb
from dance2music.synthetic.synthetic import synthetic_clip

CHORD = [TimedNote(0.0, 0.9, pitch, 80) for pitch in (67, 60, 64)]
TUNE = [TimedNote(1.0, 1.4, 72, 90)]


def test_notes_are_struck_where_the_dancer_stops_and_last_until_the_next_stop() -> None:
    played = danced([*CHORD, *TUNE], np.array([0.1, 0.3, 0.45, 0.9, 2.9]), 3.0)
    assert [(n.onset_seconds, round(n.offset_seconds, 6), n.pitch) for n in played] == [
        (0.1, 0.3, 60), (0.1, 0.3, 64), (0.1, 0.3, 67),  # the chord
        (0.3, 0.45, 60), (0.45, 0.9, 64),  # its tones again, upwards
        (0.9, 2.4, 72), (2.9, 3.0, 72),  # what the music plays next to it, not for ever
    ]  # fmt: skip
    assert [n.velocity for n in played if n.pitch == 72] == [90, 90]


def test_a_dancer_who_never_stops_plays_nothing() -> None:
    assert danced(CHORD, np.zeros(0), 3.0) == []


@pytest.mark.parametrize(("follow", "least", "most"), [(True, 0.99, 1.0), (False, 0.0, 0.5)])
def test_only_notes_that_are_danced_meet_the_kinematic_beats(follow: bool, least: float, most: float) -> None:
    values = []
    for seed in range(4):
        notes = pose_and_notes(seed, seconds=10.0, skeleton="coco-17", follow=follow)["notes"]
        motion = perturb(synthetic_clip(seed, duration_seconds=10.0).motion, np.random.default_rng([seed, Corpus.SYMBOLIC_POSE_NOISE]))
        values.append(beat_alignment(kinematic_beats(motion), notes[:, 0].astype(float)))
    assert least <= float(np.mean(values)) <= most


def test_onsets_lie_in_the_frames_in_which_notes_begin() -> None:
    notes = np.array([[0.05, 1, 60, 80], [0.99, 2, 60, 80], [1.0, 2, 64, 80], [2.0, 3, 64, 80]], dtype=np.float32)
    assert onset_frames(notes, 9, 3, fps=10.0).tolist() == [1, 1, 0]
    assert onset_frames(notes, 0, 2, fps=10.0).tolist() == [1, 0]


def test_an_encoder_that_knows_the_onsets_loses_nothing_on_them() -> None:
    onsets = torch.tensor([[0.0, 1.0, 0.0]])
    terms = {"cross_entropy": torch.tensor(2.0)}
    knows, does_not = (onset_loss(terms, logits, onsets, weight=0.5) for logits in (20 * onsets - 10, torch.zeros(1, 3)))
    assert next(iter(knows)) == "total"
    assert float(knows["total"]) == pytest.approx(2.0, abs=1e-3)
    assert float(does_not["total"]) == pytest.approx(2.0 + 0.5 * np.log(2), abs=1e-5)


def test_events_of_a_window_begin_with_the_start_and_end_with_the_end() -> None:
    notes = np.array([[0.5, 1.0, 60, 80], [2.2, 2.6, 64, 80], [4.5, 5.0, 67, 80]], dtype=np.float32)
    tokenizer = PerformanceTokenizer(FOLEY)
    ids = window_events(tokenizer, notes, 2.0, 2.0, 40).tolist()
    assert ids[0] == FOLEY.start and FOLEY.end in ids and set(ids[ids.index(FOLEY.end) + 1 :]) == {FOLEY.pad}
    (note,) = tokenizer.decode(ids[1:])
    assert (note.pitch, round(note.onset_seconds, 1), round(note.offset_seconds, 1)) == (64, 0.2, 0.6)
