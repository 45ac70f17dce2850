"""Runs of the papers' generators as a user starts them: settings, validation, exports, beginnings, own music, one run per folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from dance2music.checkpoint import load_model, read_provenance, save_model
from dance2music.cli.main import app
from dance2music.data.prepare import PrepareConfig, prepare
from dance2music.errors import InputError
from dance2music.leftovers import only_here
from dance2music.papers.begin import begin_from
from dance2music.papers.gan_step import Networks
from dance2music.papers.names import CODEC_NAMES, GAN_NAMES
from dance2music.papers.runs import gan_training, run_codec, run_gan
from dance2music.papers.sizes import CODEC_TRAININGS
from dance2music.papers.trainings import EMBEDDED_CODECS, GAN_TRAININGS
from dance2music.seeds import HELD_OUT_PIECES
from dance2music.train.own_music import OwnMusic, own_music
from layouts import write_music, write_pairs
from small_gan import CONFIG as SMALL_D2M
from small_gan import discriminator
from small_gan import generator as small_generator
from tiny_gan import codec_file_in

PRESET = "d2m-gan-high-embedded"
SETTINGS = [
    "loop.steps=4", "loop.log_every_steps=1", "batch_size=2", "loop.accelerator=cpu", "loop.validate_every_steps=2", "weights.mel=0",
    "weights.waveform=0", "generator.channels=32",
]  # fmt: skip


@pytest.fixture(scope="module")
def codec_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return codec_file_in(tmp_path_factory.mktemp("codec"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, codec_file: Path) -> Path:
    folder = tmp_path_factory.mktemp("own")
    write_pairs(folder / "raw" / "train" / "house", ("a", "b"))
    write_pairs(folder / "raw" / "validation" / "pop", ("c",), first_seed=2)
    prepare(folder / "raw", "folder", folder / "prepared", PrepareConfig(codec=str(codec_file)), workers=1)
    return folder / "prepared"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, codec_file: Path, prepared: Path) -> Path:
    out = tmp_path_factory.mktemp("run")
    run_gan(PRESET, prepared, codec_file, out, [*SETTINGS, "loop.keep_every_steps=2"])
    return out


def command(*words: str | Path) -> str:
    """What a command says that must fail with one line."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(done.exception, InputError) and "\n" not in str(done.exception), done.output
    return str(done.exception)


def test_a_run_validates_and_keeps_its_best_and_numbered_weights_in_both_forms(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    validations = [line for line in lines if "validation" in line]
    assert [line["step"] for line in validations] == [2, 4]
    assert all(line["validation"] == pytest.approx(15 * line["validation_commitment"]) for line in validations)
    names = {"generator", "generator-raw", "best", "best-raw", "weights/step-0000002", "weights/step-0000002-raw"}
    assert {str(path.relative_to(run).with_suffix("")) for path in run.rglob("*.safetensors")} == names
    best = min(validations, key=lambda line: line["validation"])["step"]
    assert read_provenance(run / "best.safetensors")["step"] == str(best)
    averaged, raw = (load_model(run / f"{name}.safetensors").state_dict() for name in ("generator", "generator-raw"))
    assert any(not torch.equal(value, raw[name]) for name, value in averaged.items())
    assert json.loads((run / "config.json").read_text())["settings"]["batch_size"] == 2


def test_equal_runs_give_equal_files_and_validation_changes_no_bit(run: Path, tmp_path: Path, codec_file: Path, prepared: Path) -> None:
    run_gan(PRESET, prepared, codec_file, tmp_path, [*SETTINGS, "loop.keep_every_steps=2", "loop.validate_every_steps=0"])
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.safetensors")}
    assert {path.as_posix() for path in made} == {
        f"{name}{form}.safetensors" for name in ("generator", "weights/step-0000002") for form in ("", "-raw")
    }
    for path in made:
        one, other = (hashlib.sha256((folder / path).read_bytes()).hexdigest() for folder in (run, tmp_path))
        assert one == other, path


def test_changed_settings_are_refused_with_the_difference(run: Path, codec_file: Path, prepared: Path) -> None:
    options = ("--preset", PRESET, "--data", prepared, "--codec", codec_file, "--out", run)
    said = command("train", "gan", *options, *(word for setting in [*SETTINGS, "weights.commitment=1"] for word in ("--set", setting)))
    assert "begun with other settings: weights.commitment 15.0, now 1.0; give the same" in said


def test_a_second_training_in_a_folder_is_refused_before_its_data_are_made(tmp_path: Path, codec_file: Path) -> None:
    with only_here(tmp_path, "a training"):
        said = command("train", "gan", "--preset", PRESET, "--data", "composed", "--codec", codec_file, "--out", tmp_path)
    assert "a training is running there already; wait for it to end, or choose another folder" in said
    assert not (tmp_path / "data").exists()


def test_all_settings_can_be_printed_without_training() -> None:
    for words in (("gan", "--preset", PRESET), ("decoder", "--preset", PRESET), ("codec", "--preset", "spectral-small-high")):
        done = CliRunner().invoke(app, ["train", *words, "--print-config", "--set", "loop.steps=7"], catch_exceptions=False)
        assert json.loads(done.stdout)["loop"]["steps"] == 7
    assert json.loads(CliRunner().invoke(app, ["train", "all", "--print-config"]).stdout)["rhythm"]["loop"]["steps"] > 0
    assert json.loads(CliRunner().invoke(app, ["train", "rhythm", "--print-config"]).stdout).keys() == {"rhythm", "other_rhythms"}
    assert "--data, --codec, --out not given" in command("train", "gan", "--preset", PRESET)


def test_a_run_begins_from_another_one_with_its_discriminators(run: Path, tmp_path: Path, codec_file: Path, prepared: Path) -> None:
    config = gan_training(PRESET, SETTINGS)
    networks = Networks(config)
    begin_from(networks, run, level="high")
    held = torch.load(run / "checkpoint.pt", weights_only=True)["model"]
    assert all(torch.equal(value, held[f"discriminator.{name}"]) for name, value in networks.discriminator.state_dict().items())
    run_gan(PRESET, prepared, codec_file, tmp_path, [*SETTINGS, "loop.steps=1", "loop.learning_rate=1e-9"], init=run / "best.safetensors")
    made, begun = (load_model(path).state_dict() for path in (tmp_path / "generator.safetensors", run / "best.safetensors"))
    assert all(torch.allclose(value, begun[name], atol=1e-3) for name, value in made.items() if "running" not in name)
    assert read_provenance(tmp_path / "generator.safetensors")["begun from"]
    with pytest.raises(InputError, match=r"holds a TemporalD2MGan; expected a TemporalMusicVectorGenerator, which this preset trains"):
        begin_from(Networks(gan_training("creative-gan-high-embedded", [])), run, level="high")
    with pytest.raises(InputError, match=r"--init .*nothing: no such file or folder"):
        begin_from(networks, tmp_path / "nothing", level="high")


def test_a_run_begins_from_imported_files(tmp_path: Path) -> None:
    published, new = small_generator(), torch.nn.Module()
    new.generator, new.discriminator = type(published)(SMALL_D2M), discriminator(seed=9)
    save = {"motion_encoder_tiktok": published.motion, "generator_tiktok_high": published.generator, "discriminator": discriminator()}
    for stem, model in save.items():
        save_model(tmp_path / f"{stem}.safetensors", model, model.config, storage="float32")
    begin_from(new, tmp_path, level="high")
    for name, value in published.state_dict().items():
        assert torch.equal(value, new.generator.state_dict()[name]), name
    assert all(torch.equal(a, b) for a, b in zip(new.discriminator.parameters(), discriminator().parameters()))
    with pytest.raises(InputError, match=r"expected generator_tiktok_low\.safetensors"):
        begin_from(new, tmp_path, level="low")


CODEC = ["loop.steps=2", "loop.accelerator=cpu", "segments.piece_seconds=3.0", "segments.pieces_per_step=1", "held_out_pieces=1"]


def test_a_plan_says_what_is_left_and_leaves_nothing(run: Path, tmp_path: Path, codec_file: Path, prepared: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    words = ["train", "gan", "--preset", PRESET, "--data", prepared, "--codec", codec_file, "--plan"]
    words += [word for setting in SETTINGS[1:] for word in ("--set", setting)] + ["--set", "loop.steps=1004"]
    for folder, done in ((run, 4), (tmp_path / "new", 0)):
        told = CliRunner().invoke(app, [str(word) for word in [*words, "--out", folder]], catch_exceptions=False).output
        assert f"{done} steps are done, {1004 - done} are left: " in told
        assert "4 segments; 1004 steps of 2 are 502.0 epochs" in told and "MiB at most in all" in told
    assert before == {path: path.stat().st_mtime_ns for path in run.rglob("*")} and not (tmp_path / "new").exists()


def test_a_codec_learns_from_own_music(tmp_path: Path, prepared: Path) -> None:
    music = own_music(prepared, tmp_path / "unused", 22050)
    assert [path.stem for path in (*music.learnt, *music.held_out)] == ["a", "b", "c"]
    with np.load(prepared / "clips" / "a.npz") as clip:
        part, whole = music.cut(0, 30_000), clip["audio"]
        begins = np.flatnonzero((whole[:-2] == part[0]) & (whole[1:-1] == part[1]) & (whole[2:] == part[2]))
        assert any(np.array_equal(part, whole[at : at + 30_000]) for at in begins)
    assert len(music(1, 5.0, 22050)) == 5 * 22050 and not np.array_equal(music(HELD_OUT_PIECES, 1.0, 22050), music(0, 1.0, 22050))
    made = run_codec("spectral-small-high", tmp_path / "codec", CODEC, data=prepared)
    assert not (tmp_path / "codec" / "pieces").exists() and (tmp_path / "codec" / "best.safetensors").exists()
    further = run_codec("spectral-small-high", tmp_path / "on", [*CODEC, "loop.learning_rate=1e-9"], data=prepared, init=made.parent)
    begun, done = (load_model(path).state_dict() for path in (made, further))
    assert all(torch.allclose(value, done[name], atol=1e-3) for name, value in begun.items() if name.startswith("decoder"))


def test_own_music_may_be_a_plain_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for i, name in enumerate(("one", "two")):
        write_music(tmp_path / "music" / f"{name}.wav", 2.5, i)
    write_music(tmp_path / "music" / "short.wav", 1.0, 5)
    (tmp_path / "music" / "broken.mp3").write_bytes(b"no sound")
    music = own_music(tmp_path / "music", tmp_path / "read", 22050)
    assert isinstance(music, OwnMusic) and {path.stem for path in (*music.learnt, *music.held_out)} == {"one", "two"}
    assert "short.wav lasts less than 2 s" in caplog.text and "broken.mp3" in caplog.text
    with pytest.raises(InputError, match="has no music to learn from"):
        own_music(tmp_path / "read", tmp_path / "none", 22050)
    with pytest.raises(InputError, match="expected a codec of that rate"):
        own_music(tmp_path / "music", tmp_path / "none", 44100)


def test_what_is_no_codec_for_this_preset_or_no_preset_is_said_in_one_line(tmp_path: Path, run: Path, prepared: Path) -> None:
    options = ("--preset", PRESET, "--data", prepared, "--out", tmp_path / "x")
    assert "expected" in command("train", "gan", *options, "--codec", run / "generator.safetensors")
    assert "go with a preset" in command("train", "codec", "--data", prepared, "--out", tmp_path)
    assert "expected a codec's model file" in command("train", "codec", "--preset", "vqvae-high", "--init", prepared, "--out", tmp_path)


def test_the_names_of_trainings_are_those_of_their_tables() -> None:
    assert tuple(GAN_TRAININGS) == GAN_NAMES and (*CODEC_TRAININGS, *EMBEDDED_CODECS) == CODEC_NAMES


def test_genres_of_one_song_are_said_when_a_training_learns_genres(
    tmp_path: Path, codec_file: Path, prepared: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_gan("creative-gan-high-embedded", prepared, codec_file, tmp_path, [*SETTINGS[:4], "loop.steps=1", "weights.perceptual=0"])
    assert "all of it is house; nothing can be learnt of genres from one" in caplog.text
