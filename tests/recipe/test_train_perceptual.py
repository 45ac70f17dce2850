from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from dance2music.perception.perceptual import PerceptualConfig, PerceptualNet
from dance2music.recipe.perceptual import (
    LabelledCuts,
    Labels,
    PerceptualTrainConfig,
    evaluate_perceptual,
    labels_of_piece,
    train_perceptual,
)
from dance2music.train.pieces import PieceStore, composed_piece, composed_score
from dance2music.train.start import LoopConfig
from dance2music.types import ROLES

SMALL = PerceptualTrainConfig(
    network=PerceptualConfig(channels=(16, 16, 16, 16), strides=(1, 2, 2, 2), dilations=(1, 1, 1, 1), compared=(0, 1)),
    loop=LoopConfig(steps=24, workers=0, warmup_steps=2, save_every_steps=12, log_every_steps=6, accelerator="cpu", learning_rate=5e-3),
    batch_size=4,
    clip_seconds=1.5,
    piece_seconds=2.0,
    pool_size=3,
    held_out_pieces=2,
)


def test_labels_are_what_the_piece_was_made_of() -> None:
    score, labels = composed_score(13, 4.0), labels_of_piece(13, 4.0)
    assert labels.genre == score.genre
    assert abs(100 * 2**labels.tempo_octaves - score.tempo_bpm) < 1e-6
    drums = next(track for track in score.tracks if track.role == "drums")
    starts = labels.notes[ROLES.index("drums")][:, 0]
    assert len(starts) == len(drums.notes) * (drums.gain > 0)


def test_a_role_sounds_where_one_of_its_notes_starts() -> None:
    none = np.zeros((0, 2))
    labels = Labels(0, 0.0, (np.array([[0.5, 0.7], [3.0, 9.0]]), none, none, none, none))
    assert labels.roles_between(0.0, 1.0).tolist() == [1, 0, 0, 0, 0]
    assert labels.roles_between(1.0, 3.0).tolist() == [0, 0, 0, 0, 0]


def test_a_role_that_was_left_out_of_the_sound_is_not_in_the_labels() -> None:
    silent = [(seed, track.role) for seed in range(30) for track in composed_score(seed, 2.0).tracks if track.gain == 0.0 and track.notes]
    assert silent
    for seed, role in silent[:3]:
        assert len(labels_of_piece(seed, 2.0).notes[ROLES.index(role)]) == 0


def test_a_step_is_a_pure_function_of_seed_and_step(tmp_path: Path) -> None:
    cuts = [LabelledCuts(SMALL, PieceStore(composed_piece, tmp_path / name, 2.0, 22_050)) for name in ("a", "b")]
    _, first, again = cuts[0][4], cuts[0][7], cuts[1][7]
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["audio"].shape == (4, 1, 33_075) and first["roles"].shape == (4, 5)


def test_training_lowers_the_loss_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    model = train_perceptual(SMALL, tmp_path / "run", tmp_path / "pieces")
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["genre"] < lines[0]["genre"]
    again = train_perceptual(SMALL, tmp_path / "run", tmp_path / "pieces")
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values()))
    scores = evaluate_perceptual(PerceptualNet.eval(again), SMALL, tmp_path / "held")
    assert set(scores) == {"genre", "tempo", "roles"} and all(0.0 <= value <= 1.0 for value in scores.values())
