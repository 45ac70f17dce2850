"""Training of the rhythm network: drawn dances, batches, losses, resuming."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dance2music.checkpoint import load_model, read_provenance, save_model
from dance2music.config import override
from dance2music.dance.kinematics import MOTION_FEATURES, motion_features
from dance2music.data.prepare import PrepareConfig, prepare
from dance2music.errors import ConfigError, InputError
from dance2music.recipe.build import build
from dance2music.recipe.rhythm import (
    RealDances,
    RhythmBatches,
    RhythmTrainConfig,
    _pool_item,
    _seen_exactly,
    draw_pool,
    pool_name,
    rhythm_losses,
    rhythm_weights,
    targets,
    tempo_accuracy,
    train_rhythm,
)
from dance2music.recipe.rhythm_items import augment, draw_item
from dance2music.recipe.rhythm_networks import rhythm_networks, train_networks
from dance2music.recipe.settings import Recipe
from dance2music.rhythm.network import OTHER_SAY, RhythmModel, RhythmModelConfig, RhythmOutput
from dance2music.seeds import DANCES_PER_RUN
from dance2music.synthetic.synthetic import write_corpus
from dance2music.train.objective import weighted_total
from dance2music.train.start import LoopConfig

TINY = RhythmTrainConfig(
    model=RhythmModelConfig(channels=8, dilations=(1, 4), novelty_channels=2, tempo_channels=4, dropout=0.0),
    loop=LoopConfig(steps=6, seed=3, warmup_steps=2, threads=1, workers=0, save_every_steps=3, log_every_steps=2, accelerator="cpu"),
    batch_size=3,
    pool_size=6,
    item_seconds=5.0,
    max_window_seconds=4.0,
    limb_dances=40,
)


def test_an_item_is_a_function_of_its_seed() -> None:
    first, second, other = (draw_item(seed, seconds=4.0) for seed in (5, 5, 6))
    assert (first.motion.joints == second.motion.joints).all() and first.tempo_bpm == second.tempo_bpm
    assert first.tempo_bpm != other.tempo_bpm


def test_the_grid_of_an_item_covers_it_and_has_its_tempo() -> None:
    item = draw_item(11, seconds=6.0)
    assert item.beat_times_seconds[0] <= 0 and item.beat_times_seconds[-1] >= 6.0
    assert 76 * 0.97 <= item.tempo_bpm <= 140 * 1.03


def test_augmented_motion_is_flat_finite_and_keeps_its_length() -> None:
    plain = draw_item(2, seconds=5.0, augmented=False).motion
    for seed in range(20):
        motion = augment(plain, np.random.default_rng(seed))
        assert motion.joints.shape[1:] == (24, 2) and np.isfinite(motion.joints).all()
        assert motion.duration_seconds == pytest.approx(5.0, abs=0.05)
        assert motion.confidence.min() >= 0 and motion.confidence.max() <= 1


def test_targets_peak_on_beats_and_every_fourth_is_a_downbeat() -> None:
    item = draw_item(4, seconds=6.0, augmented=False)
    beat, downbeat = targets(item, TINY)
    frames = np.round(item.beat_times_seconds * TINY.model.fps).astype(int)
    inside = [(i, f) for i, f in enumerate(frames) if 0 <= f < len(beat)]
    assert all(beat[f] > 0.9 for _, f in inside)
    assert all((downbeat[f] > 0.9) == ((i - item.downbeat) % 4 == 0) for i, f in inside)


def test_batches_are_a_function_of_the_step(tmp_path: Path) -> None:
    batches = RhythmBatches(draw_pool(TINY, tmp_path), TINY)
    assert len(batches) == 6
    assert all(torch.equal(a, b) for a, b in zip(batches[4], batches[4]))
    assert batches[0][0].shape != batches[1][0].shape or not torch.equal(batches[0][0], batches[1][0])


def test_the_loss_is_least_for_the_right_tempo_and_beats() -> None:
    wanted = torch.zeros(1, 2, 30)
    wanted[..., ::15] = 1.0
    tempi = TINY.model.tempi_bpm()
    right = torch.where(torch.arange(len(tempi)) == 10, 8.0, 0.0)[None]
    logits = 10.0 * (wanted - 0.5)
    good = RhythmOutput(logits[:, 0], logits[:, 1], right)

    def total(output: RhythmOutput) -> torch.Tensor:
        return weighted_total(rhythm_losses(output, wanted, tempi[10:11], TINY), rhythm_weights(TINY))

    assert tempo_accuracy(good, tempi[10:11], TINY) == 1.0
    for worse in (good._replace(beat=-good.beat), good._replace(downbeat=-good.downbeat), good._replace(tempo=right.roll(9))):
        assert total(worse) > total(good) + 0.1


def test_a_run_that_was_stopped_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    whole = train_rhythm(TINY, tmp_path / "whole")
    train_rhythm(replace(TINY, loop=replace(TINY.loop, steps=3, final_factor=1.0, warmup_steps=9)), tmp_path / "halved")
    same_schedule = replace(TINY, loop=replace(TINY.loop, final_factor=1.0, warmup_steps=9))
    resumed = train_rhythm(same_schedule, tmp_path / "halved")
    straight = train_rhythm(same_schedule, tmp_path / "straight")
    assert resumed.read_bytes()[-2000:] == straight.read_bytes()[-2000:]
    assert whole.read_bytes() != straight.read_bytes()


def test_the_result_is_a_model_file_of_its_kind(tmp_path: Path) -> None:
    path = train_rhythm(TINY, tmp_path)
    model = load_model(path, expected="rhythm")
    assert isinstance(model, RhythmModel) and model.config == TINY.model
    assert all(torch.isfinite(p).all() for p in model.parameters())


def dances(folder: Path, seed: int) -> Path:
    """A prepared folder with one dance in its training split, whose beats are known."""
    write_corpus(folder / "raw", 1, seed, duration_seconds=4.0, filmed_share=0.0, workers=1)
    prepare(folder / "raw", "composed", folder / "prepared", PrepareConfig(visual=False))
    return folder / "prepared"


def test_a_run_does_not_go_on_with_other_dances_nor_take_a_finished_one_for_theirs(tmp_path: Path) -> None:
    own, other = dances(tmp_path / "own", 0), dances(tmp_path / "other", 1)
    tiny = replace(TINY, data=str(own))
    train_rhythm(tiny, tmp_path / "run")
    with pytest.raises(InputError, match=r"is of another run, with data set '1 dances, .*resume with the same or choose another folder"):
        train_rhythm(replace(tiny, data=str(other)), tmp_path / "run")
    moved = own.rename(tmp_path / "moved")
    train_rhythm(replace(tiny, data=str(moved)), tmp_path / "run")
    build(Recipe(rhythm=replace(tiny, data=str(moved)), other_rhythms=()), tmp_path / "all", stages=["rhythm"])
    with pytest.raises(InputError, match=r"is finished, and learnt from 1 dances, .*; no --data is given; choose another --out"):
        build(Recipe(rhythm=TINY), tmp_path / "all", stages=["rhythm"])
    with pytest.raises(InputError, match=r"rhythm.safetensors: is finished, and learnt from 1 dances, .*; choose another --out"):
        build(Recipe(rhythm=replace(tiny, data=str(other))), tmp_path / "all", stages=["rhythm"])


def test_another_network_learns_from_its_own_real_dances_or_else_from_those_of_the_first(tmp_path: Path) -> None:
    own, other = str(dances(tmp_path / "own", 0)), str(dances(tmp_path / "other", 1))
    second = replace(TINY, loop=replace(TINY.loop, seed=4))
    inherits = Recipe(rhythm=replace(TINY, data=own), other_rhythms=(second,))
    assert rhythm_networks(inherits)["other_rhythms.0"].data == own
    apart = replace(inherits, other_rhythms=(replace(second, data=other),))
    build(apart, tmp_path / "all", stages=["rhythm"])
    learnt = read_provenance(tmp_path / "all" / "weights" / "rhythm.safetensors")
    assert learnt["data set"] == RealDances(replace(TINY, data=own)).fingerprint
    assert learnt["other_rhythms.0"]["data set"] == RealDances(replace(TINY, data=other)).fingerprint
    build(apart, tmp_path / "all", stages=["rhythm"])
    with pytest.raises(InputError, match=r"is finished, and other_rhythms.0 in it learnt from 1 dances, .*; choose another --out"):
        build(inherits, tmp_path / "all", stages=["rhythm"])


def test_a_network_alone_is_the_file_that_its_training_wrote(tmp_path: Path) -> None:
    build(Recipe(rhythm=TINY, other_rhythms=()), tmp_path, stages=["rhythm"])
    assert (tmp_path / "weights" / "rhythm.safetensors").read_bytes() == (tmp_path / "rhythm" / "rhythm.safetensors").read_bytes()


def test_too_few_dances_to_measure_limbs_on_are_refused_before_the_training(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^limb_dances: \d steady dances to measure limbs on; expected more than \d+; raise the setting"):
        train_rhythm(replace(TINY, limb_dances=4), tmp_path)
    assert not list(tmp_path.glob("*"))


def test_dances_that_are_seen_exactly_are_a_share_and_not_perturbed() -> None:
    some, every = (replace(TINY, exact_share=share) for share in (0.5, 1.0))
    seeds = range(40)
    assert 8 < sum(_seen_exactly(seed, some) for seed in seeds) < 32
    assert all(_seen_exactly(seed, every) for seed in seeds) and not any(_seen_exactly(seed, TINY) for seed in seeds)
    exact, perturbed = (_pool_item(3, config=config)["features"] for config in (every, TINY))
    plain = draw_item(3 * DANCES_PER_RUN + 3, seconds=TINY.item_seconds, augmented=False).motion
    np.testing.assert_allclose(exact, motion_features(plain, fps=TINY.model.fps)[: len(exact)], atol=2e-2)
    assert not np.allclose(exact, perturbed, atol=2e-2)


def test_a_pool_is_met_again_by_what_draws_the_same_and_by_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = replace(TINY, pool_size=2, draw_workers=1)
    perturbed = draw_pool(tiny, tmp_path)[0]
    assert not np.array_equal(draw_pool(replace(tiny, exact_share=1.0), tmp_path)[0], perturbed)
    monkeypatch.setattr("dance2music.recipe.rhythm.draw_item", None)
    np.testing.assert_array_equal(draw_pool(replace(tiny, batch_size=2, data_share=0.1), tmp_path)[0], perturbed)


def test_every_setting_that_changes_an_item_changes_the_name_of_its_pool() -> None:
    faster, later = replace(TINY.model, fps=25.0), replace(TINY.loop, seed=4)
    others = [{"exact_share": 0.5}, {"beat_sigma_seconds": 0.05}, {"item_seconds": 5.01}, {"model": faster}, {"loop": later}]
    assert len({pool_name(TINY), *(pool_name(replace(TINY, **other)) for other in others)}) == 1 + len(others)


@pytest.mark.parametrize(("name", "value"), [("n_tempi", 16), ("fps", 25.0), ("lead_beats", 0.1)])
def test_networks_that_do_not_tell_the_same_are_refused_before_the_training(name: str, value: float, tmp_path: Path) -> None:
    second = replace(TINY, model=replace(TINY.model, **{name: value}))
    with pytest.raises(ConfigError, match=rf"^other_rhythms\.0\.model\.{name}: {value}; expected .*, as the first network has it"):
        build(Recipe(rhythm=TINY, other_rhythms=(second,)), tmp_path, stages=["rhythm"])
    assert not (tmp_path / "rhythm").exists()


def test_a_network_of_other_sizes_is_nothing_to_start_from(tmp_path: Path) -> None:
    file, tiny = tmp_path / "other.safetensors", replace(TINY, pool_size=2, draw_workers=1)
    save_model(file, RhythmModel(RhythmModelConfig(channels=4)), RhythmModelConfig(channels=4), provenance={}, storage="int8")
    with pytest.raises(InputError, match=r"other\.safetensors: has other sizes than these settings' model; expected its own"):
        train_rhythm(replace(tiny, start_from=str(file)), tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "value"),
    [("pool_size", 0), ("exact_share", 2.0), ("limb_dances", 0), ("data_share", -0.1), ("item_seconds", -1.0), ("min_window_seconds", 0.0)],
)
def test_settings_that_nothing_can_be_trained_with_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{name}: {value}; expected"):
        replace(TINY, **{name: value})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("other_rhythms.0.pool_size=0", r"^other_rhythms\.0\.pool_size: 0; expected 1 to"),
        ('other_rhythms=[{"pool_size": 0}]', r"^other_rhythms\.0\.pool_size: 0; expected 1 to"),
        ("rhythm.loop.steps=-1", "^rhythm.loop.steps: -1; expected 0 to"),
        ("rhythm.model.others=[{}]", "^rhythm.model.others: a network is trained by itself; expected [^;]+; the recipe joins it with its"),
    ],
)
def test_of_a_setting_that_is_refused_the_message_says_which_network_it_is_of(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        override(Recipe(), [setting])


def test_of_a_setting_that_is_refused_while_training_the_message_says_which_network_it_is_of(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^other_rhythms\.0\.limb_dances: \d steady dances to measure limbs on; expected more than \d+"):
        train_networks({"other_rhythms.0": replace(TINY, limb_dances=4)}, tmp_path)


def test_the_stage_joins_two_networks_that_were_trained_by_themselves(tmp_path: Path) -> None:
    second = replace(TINY, model=replace(TINY.model, channels=6), loop=replace(TINY.loop, seed=4))
    build(Recipe(rhythm=TINY, other_rhythms=(second,)), tmp_path / "all", stages=["rhythm"])
    model = load_model(tmp_path / "all" / "weights" / "rhythm.safetensors", expected="rhythm")
    alone = [load_model(train_rhythm(config, tmp_path / name)) for config, name in ((TINY, "first"), (second, "second"))]
    x = torch.randn(1, 60, MOTION_FEATURES)
    torch.testing.assert_close(model(x).beat, 0.5 * (alone[0](x).beat + alone[1](x).beat))
    own, other = (torch.log_softmax(network(x).tempo, dim=-1) for network in alone)
    torch.testing.assert_close(model(x).tempo, own + OTHER_SAY * other)
    again = train_rhythm(replace(TINY, start_from=str(tmp_path / "all" / "weights" / "rhythm.safetensors")), tmp_path / "again")
    assert isinstance(begun := load_model(again), RhythmModel) and not begun.others
