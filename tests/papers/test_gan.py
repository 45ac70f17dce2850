"""The adversarial step of both papers: which network each term moves, what is refused, the same bits after a kill, several processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import tiny_gan
from dance2music.errors import ConfigError, InputError, TrainingDiverged
from dance2music.papers import gan_step as gan
from dance2music.papers.gan_step import GanTrainer, GanWeights, train_gan
from dance2music.train.segments import SegmentBatches
from dance2music.train.start import start_fabric
from tiny_gan import CONFIG, codec, segments

HERE, SOURCE = Path(__file__).parents[1], Path(__file__).parents[2] / "src"
NOTHING = GanWeights(0, 0, 0, 0, 0, 0, 0, 0)


@pytest.fixture(autouse=True)
def _no_model_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gan, "save_generator", lambda *arguments: None)


def trainer(**changes: object) -> GanTrainer:
    torch.manual_seed(0)
    config = replace(CONFIG, **changes)  # type: ignore[arg-type]
    return GanTrainer(start_fabric(config.loop), config, codec())


def step(trainer: GanTrainer, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """One step outside of a run."""
    with tempfile.TemporaryDirectory() as folder:
        return trainer.step(batch, trainer.loop(SegmentBatches(segments(), batch_size=4, seed=0), folder))


def batch() -> dict[str, Tensor]:
    return SegmentBatches(segments(), batch_size=4, seed=0)[0]


def test_parts_of_a_batch_and_recomputed_activations_move_weights_as_the_batch_does() -> None:
    weights = GanWeights(1.0, 3.0, 15.0, 40.0, 15.0, 5.0, 0.0, 0.0)
    whole, parts, recomputed = (trainer(weights=weights, **how) for how in ({}, {"accumulate": 2}, {"recompute": True}))
    expected = step(whole, batch())
    for other, exact in ((parts, False), (recomputed, True)):
        told = step(other, batch())
        assert told.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(told[name], value.detach(), rtol=0 if exact else 1e-4, atol=0 if exact else 1e-5)
        for a, b in zip(whole.networks.parameters(), other.networks.parameters()):
            torch.testing.assert_close(a, b, rtol=0, atol=0 if exact else 1e-4)  # Adam's first step: gradients near 0 count alike


def test_parts_that_do_not_divide_the_batch_are_refused() -> None:
    with pytest.raises(ConfigError, match="accumulate: 3; expected a number of parts that divides the batch of 4"):
        trainer(accumulate=3)


def under_torchrun(out: Path, processes: int) -> subprocess.CompletedProcess[bytes]:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    environment = {**os.environ, "PYTHONPATH": f"{SOURCE}:{HERE}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, str(HERE / "tiny_gan.py"), str(out)]
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=240)


def killed(out: Path, step: int, where: str) -> int:
    """Train in a child that kills itself before ``where`` is updated at a step; its exit status."""
    child = os.fork()
    if child == 0:
        tiny_gan.kill_at(step, where)
        train_gan(CONFIG, segments(), codec(), out)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def logged(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def kept(out: Path) -> dict[str, Tensor]:
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    return {**state["model"], **{f"average of {name}": value for name, value in state["average"]["shadow"].items()}}


@pytest.mark.parametrize("term", ["adversarial", "feature_matching", "commitment", "waveform", "mel", "latent", "style"])
def test_every_term_alone_has_a_gradient_on_the_generator(term: str) -> None:
    values = step(trainer(weights=replace(NOTHING, **{term: 1.0})), batch())
    assert float(values["generator_gradient"]) > 0


def test_without_straight_through_waveform_and_mel_move_nothing_and_are_not_computed() -> None:
    values = step(trainer(straight_through=False), batch())
    assert not {"waveform", "mel"} & values.keys()


def test_the_generators_terms_do_not_move_the_discriminators() -> None:
    one, other = (trainer(weights=weights) for weights in (GanWeights(), replace(NOTHING, commitment=1.0)))
    for each in (one, other):
        step(each, batch())
    assert all(torch.equal(a, b) for a, b in zip(one.d_params, other.d_params))
    assert not all(torch.equal(a, b) for a, b in zip(one.g_params, other.g_params))


def test_the_genre_discriminator_never_learns_from_generated_music() -> None:
    one, other = trainer(), trainer()
    other.generate = lambda batch, n_frames: torch.randn(4, tiny_gan.LATENT_DIM, n_frames, requires_grad=True)  # type: ignore[method-assign]
    for each in (one, other):
        step(each, batch())
    assert one.networks.genre is not None and other.networks.genre is not None
    assert all(torch.equal(a, b) for a, b in zip(one.networks.genre.parameters(), other.networks.genre.parameters()))


def test_an_input_that_is_left_out_does_not_matter() -> None:
    seeing, blind = trainer(), trainer(inputs=("visual",))
    one, other = batch(), batch()
    other["motion"] = other["motion"] + 1
    assert not torch.equal(seeing.generate(one, 16), seeing.generate(other, 16))
    assert torch.equal(blind.generate(one, 16), blind.generate(other, 16))


def test_codes_and_latents_that_are_not_cached_are_computed_to_the_same() -> None:
    plain = {name: value for name, value in batch().items() if name not in ("latents", "codes")}
    cached, computed = step(trainer(), batch()), step(trainer(), plain)
    for name, value in cached.items():
        assert float(computed[name]) == pytest.approx(float(value), rel=5e-3), name  # latents are cached in half precision


def test_a_batch_does_not_hang_on_the_number_of_processes_and_an_epoch_has_every_segment_once() -> None:
    whole = SegmentBatches(segments(), batch_size=4, seed=1)
    shares = [SegmentBatches(segments(), batch_size=4, seed=1, rank=rank, world_size=2)[3]["motion"] for rank in (0, 1)]
    assert torch.equal(whole[3]["motion"], torch.cat(shares))
    assert sorted(i for step in range(5) for i in whole.indices(step)) == sorted(2 * list(range(10)))
    with pytest.raises(InputError, match="multiple"):
        SegmentBatches(segments(), batch_size=3, seed=0, world_size=2)


def test_two_processes_under_torchrun_lose_what_one_loses(tmp_path: Path, whole: Path) -> None:
    done = under_torchrun(tmp_path / "two", 2)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    one, two = logged(whole), logged(tmp_path / "two")
    assert len(one) == len(two) == CONFIG.loop.steps
    for a, b in zip(one, two):
        for name in a.keys() - {"steps_per_second", "items_per_second", "seconds_left"}:
            assert b[name] == pytest.approx(a[name], rel=1e-3, abs=1e-5), (a["step"], name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gan, "save_generator", lambda *arguments: None)
        train_gan(CONFIG, segments(), codec(), out)
    return out


@pytest.mark.parametrize(("step", "where"), [(1, "generator"), (3, "discriminator"), (4, "generator")])
def test_a_run_killed_anywhere_and_resumed_ends_with_the_same_bits(tmp_path: Path, whole: Path, step: int, where: str) -> None:
    assert killed(tmp_path / "killed", step, where) == -signal.SIGKILL
    train_gan(CONFIG, segments(), codec(), tmp_path / "killed")
    expected, resumed = kept(whole), kept(tmp_path / "killed")
    assert expected.keys() == resumed.keys() and all(torch.equal(value, resumed[name]) for name, value in expected.items())


def test_a_loss_that_is_no_number_stops_with_step_and_term_and_keeps_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def breaks(reference: Tensor, estimate: Tensor) -> Tensor:
        calls.append(0)
        return (reference - estimate).abs().mean() * (float("nan") if len(calls) == 4 else 1.0)

    monkeypatch.setattr(gan.losses, "waveform", breaks)
    with pytest.raises(TrainingDiverged, match=r"step 3: waveform is nan; .*checkpoint.pt keeps step 2;"):
        train_gan(CONFIG, segments(), codec(), tmp_path)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 2
    assert all(value.isfinite().all() for value in kept(tmp_path).values())


def test_a_run_of_another_level_codec_or_data_set_is_refused(tmp_path: Path) -> None:
    short = replace(CONFIG, loop=replace(CONFIG.loop, steps=1))
    train_gan(short, segments(), codec(), tmp_path)
    with pytest.raises(InputError, match="level 'high', not 'low'"):
        train_gan(replace(short, level="low"), segments(), codec(), tmp_path)
    with pytest.raises(InputError, match="data set"):
        train_gan(short, segments(seed=1), codec(), tmp_path)
    other = codec()
    other.quantizer.codebooks[0].get_buffer("k").add_(1.0)
    with pytest.raises(InputError, match="codec"):
        train_gan(short, segments(), other, tmp_path)


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="genre discriminator"):
        trainer(genre_discriminator=False)
    with pytest.raises(ConfigError, match="perceptual network"):
        trainer(weights=replace(NOTHING, perceptual=1.0))
    with pytest.raises(ConfigError, match="'hinge2'"):
        trainer(adversary="hinge2")


def test_training_lowers_the_objective_and_leaves_a_picture_of_every_loss(tmp_path: Path) -> None:
    config = replace(CONFIG, weights=replace(NOTHING, commitment=1.0, mel=1.0), loop=replace(CONFIG.loop, steps=30, log_every_steps=5))
    train_gan(config, segments(), codec(), tmp_path)
    lines = logged(tmp_path)
    assert lines[-1]["generator_total"] < 0.92 * lines[0]["generator_total"]
    assert {"discriminator", "genre", "adversarial", "generator_gradient", "discriminator_gradient"} <= lines[0].keys()
    assert (tmp_path / "losses.png").read_bytes()[:4] == b"\x89PNG"
