from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dance2music.baselines.event_windows import window_starts
from dance2music.baselines.inverse_mv import INVERSE_MV_GUIDED, INVERSE_MV_PAPER, InverseMv, InverseMvConfig, draw_pictures
from dance2music.baselines.inverse_mv_train import InverseMvTrainConfig, PictureEvents, losses, poses_and_notes
from dance2music.generation import pipeline
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.train.symbolic import SymbolicTrainConfig
from dance2music.types import Conditioning

SMALL = replace(INVERSE_MV_GUIDED, picture_size=16, picture_channels=(4, 8, 32), heads=2, layers=1, feed_channels=32, n_pictures=12,
                max_events=96)  # fmt: skip


def built(config: InverseMvConfig = SMALL) -> InverseMv:
    torch.manual_seed(0)
    return InverseMv(config).eval()


@pytest.fixture(scope="module")
def conditioning() -> Conditioning:
    return pipeline.condition(synthetic_clip(7, duration_seconds=6.0).motion, genre="pop")


def test_the_published_and_the_embedded_sizes_have_the_specified_number_of_parameters() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in InverseMv(INVERSE_MV_PAPER).parameters()) == pytest.approx(45.46e6, rel=5e-4)
        for config in (InverseMvConfig(), INVERSE_MV_GUIDED):
            assert sum(p.numel() for p in InverseMv(config).parameters()) == pytest.approx(1.50e6, rel=2e-3)


def test_thirty_pictures_are_thirty_memory_steps() -> None:
    memory = built(replace(SMALL, n_pictures=30)).remember(torch.rand(1, 30, 3, 16, 16))
    assert memory.shape == (1, 30, 32)


def test_brightness_and_contrast_of_a_picture_do_not_matter() -> None:
    model, pictures = built(), torch.rand(1, 12, 3, 16, 16)
    with torch.no_grad():
        assert torch.allclose(model.remember(pictures), model.remember(pictures * 40 + 7), atol=1e-3)


def test_a_black_picture_gives_numbers() -> None:
    with torch.no_grad():
        assert built().remember(torch.zeros(1, 12, 3, 16, 16)).isfinite().all()


def test_the_same_seed_plays_the_same_notes_inside_the_dance(conditioning: Conditioning) -> None:
    once, again, other = built().generate(conditioning, [1, 1, 2])
    assert once.tracks[0].notes == again.tracks[0].notes
    assert once.tracks[0].notes != other.tracks[0].notes
    onsets = once.time_at(np.array([n.start_beats for n in once.tracks[0].notes]))
    assert onsets.min() >= -1e-6
    assert onsets.max() < conditioning.duration_seconds


def test_windows_overlap_by_half_and_reach_the_end() -> None:
    assert window_starts(3.0, 4.0) == [0.0]
    assert window_starts(4.0, 4.0) == [0.0]
    assert window_starts(9.0, 4.0) == [0.0, 2.0, 4.0, 6.0]


def test_pictures_show_the_dancer_and_move_with_them() -> None:
    pose = np.random.default_rng(0).uniform(-0.8, 0.8, (1, 18, 2))
    still, moved = draw_pictures(pose, 64), draw_pictures(pose * 0.5, 64)
    assert (still != 96).mean() > 0.02
    assert (still != moved).mean() > 0.02


def test_a_long_exposure_shows_in_colour_what_moves_and_in_grey_what_does_not() -> None:
    pose = np.random.default_rng(0).uniform(-0.6, 0.6, (1, 18, 2))
    still = draw_pictures(np.repeat(pose, 3, axis=0), 64, exposure=True)
    assert still.shape == (1, 3, 64, 64)
    assert (still[0, 0] == still[0, 1]).all() and (still[0, 0] == still[0, 2]).all() and (still > 0).any()
    moving = draw_pictures(pose + np.array([0.0, 0.1, 0.2])[:, None, None], 64, exposure=True)
    columns = [np.average(np.arange(64), weights=plane.sum(axis=0)) for plane in moving[0].astype(float)]
    assert np.diff(columns) == pytest.approx([3.15, 3.15], abs=0.3)  # a tenth of half of 63 pixels to the right each


def test_events_step_by_step_are_those_of_the_whole_sequence() -> None:
    model = built()
    events = torch.tensor([[0, 290, 40, 230, 120, 200, 44]])
    with torch.no_grad():
        memory, states = model.remember(torch.rand(1, 12, 3, 16, 16)), model.decoder.start()
        whole = model.read(memory, events)
        seconds = torch.cumsum(torch.tensor([model.tokenizer.seconds_of(id_) for id_ in events[0].tolist()]), dim=0)
        for i in range(events.shape[1]):
            step = model.step(events[:, i], i, states, memory, seconds[i : i + 1])
            assert torch.allclose(step, whole[:, i], atol=1e-4)


def test_the_model_learns_one_dance_by_heart() -> None:
    config = InverseMvTrainConfig(
        model=replace(SMALL, dropout=0.0), training=SymbolicTrainConfig(batch_size=2, n_pieces=1, piece_seconds=4.0), crop_events=64
    )
    data = PictureEvents([poses_and_notes(5, seconds=4.0, fps=config.model.poses_fps)], config, seed=0)
    torch.manual_seed(0)
    model = InverseMv(config.model).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    first = float(losses(model, data[0])["cross_entropy"])
    for step in range(60):
        loss = losses(model, data[step])["cross_entropy"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss) < 0.25 * first
