from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dance2music.baselines.dance2music_offline import pose_vectors
from dance2music.baselines.dance2music_online import PADDING, Dance2MusicOnline, OnlineConfig, decision, window_of
from dance2music.generation import pipeline
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.types import Conditioning

SMALL = OnlineConfig(channels=(4, 4, 4, 4, 4, 4), head=(16, 8, 8), note_hidden=4)


@pytest.fixture(scope="module")
def conditioning() -> Conditioning:
    return pipeline.condition(synthetic_clip(7, duration_seconds=5.0).motion, genre="pop")


@pytest.fixture(scope="module")
def model() -> Dance2MusicOnline:
    torch.manual_seed(0)
    return Dance2MusicOnline(SMALL).eval()


def test_the_published_sizes_have_the_published_number_of_parameters() -> None:
    assert sum(p.numel() for p in Dance2MusicOnline().parameters()) == 2_097_413


def test_a_stream_never_looks_ahead(model: Dance2MusicOnline, conditioning: Conditioning) -> None:
    assert conditioning.dance is not None
    poses = pose_vectors(conditioning.dance, 5.0)
    other = poses.copy()
    other[80:] = np.random.default_rng(0).normal(size=other[80:].shape)
    notes = []
    for dance in (poses, other):
        stream = model.stream()
        notes.append([stream.push(pose) for pose in dance])
    # Frame 84 is the first whose note may know of frame 80.
    assert notes[0][:84] == notes[1][:84]


def test_a_stream_decides_every_fifth_of_a_second_and_only_then(model: Dance2MusicOnline, conditioning: Conditioning) -> None:
    assert conditioning.dance is not None
    stream = model.stream()
    notes = [stream.push(pose) for pose in pose_vectors(conditioning.dance, 5.0)]
    assert [i for i, note in enumerate(notes) if note is not None] == list(range(0, 150, 6))
    assert notes[0] == 2


def test_training_meets_just_what_a_stream_meets(model: Dance2MusicOnline, conditioning: Conditioning) -> None:
    assert conditioning.dance is not None
    poses = pose_vectors(conditioning.dance, 5.0)
    greedy = Dance2MusicOnline(replace(SMALL, temperature=0.0)).eval()
    greedy.load_state_dict(model.state_dict())
    stream = greedy.stream()
    melody = np.array([note for pose in poses if (note := stream.push(pose)) is not None])
    for at in (1, 3, 12, 24):
        window, notes, _ = decision(poses, melody, at, SMALL)
        with torch.no_grad():
            logits = greedy(torch.from_numpy(window)[None, None], torch.from_numpy(notes)[None])
        assert int(logits.argmax()) == melody[at]


def test_a_short_history_stands_at_the_bottom_right() -> None:
    window = window_of(np.ones((4, 36)), 60)
    assert window[56:, 56:] == pytest.approx(1.0)
    assert window.sum() == pytest.approx(16.0)
    _, notes, _ = decision(np.ones((60, 36)), np.arange(5) % 5, 2, SMALL)
    assert notes.tolist() == [PADDING] * 8 + [0, 1]


def test_the_same_seed_gives_the_same_melody(model: Dance2MusicOnline, conditioning: Conditioning) -> None:
    once, again, other = model.generate(conditioning, [4, 4, 5])
    assert once.tracks[0].notes == again.tracks[0].notes
    assert once.tracks[0].notes != other.tracks[0].notes
