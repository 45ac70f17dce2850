"""From names and files to a training, through the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from typer.testing import CliRunner

from dance2music.checkpoint import load_model, read_provenance
from dance2music.cli.main import app
from dance2music.data.prepare import PrepareConfig, prepare
from dance2music.errors import InputError
from dance2music.papers.runs import gan_training, motion_layout, needs_genre, open_codec, open_perceptual, open_segments, run_gan
from dance2music.papers.trainings import GAN_TRAININGS
from dance2music.perception.perceptual import PerceptualNet
from dance2music.perception.soundnet import SoundNet
from dance2music.synthetic.synthetic import write_corpus
from tiny_gan import codec_file_in

SMALL = ["--set", "loop.steps=2", "--set", "loop.log_every_steps=1", "--set", "batch_size=2", "--set", "loop.accelerator=cpu"]
PRESET = "d2m-gan-high-embedded"


@pytest.fixture(scope="module")
def codec_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return codec_file_in(tmp_path_factory.mktemp("codec"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, codec_file: Path) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder / "raw", 1, 0, duration_seconds=4.0, filmed_share=0.0, workers=1)
    prepare(folder / "raw", "composed", folder / "prepared", PrepareConfig(codec=str(codec_file)), workers=1)
    return folder / "prepared"


def test_a_prepared_corpus_trains_a_generator_with_its_cached_codes(tmp_path: Path, codec_file: Path, prepared: Path) -> None:
    config = gan_training(PRESET, [])
    segments = open_segments(prepared, config, open_codec(codec_file, config.codec, config.level), tmp_path)
    item = segments[1]
    assert len(segments) == 2 and item["motion"].shape == (60, 80) and item["visual"].shape == (60, 5)
    assert item["codes"].shape == (1, 173) and item["latents"].shape == (64, 173)
    options = ["--preset", PRESET, "--data", str(prepared), "--codec", str(codec_file), "--out", str(tmp_path / "gan"), *SMALL]
    done = CliRunner().invoke(app, ["train", "gan", *options], catch_exceptions=False)
    assert done.exit_code == 0
    about = read_provenance(tmp_path / "gan" / "generator.safetensors")
    assert (about["level"], about["preset"], about["step"]) == ("high", PRESET, "2")
    load_model(tmp_path / "gan" / "generator.safetensors", expected="d2m-gan")
    assert [json.loads(line)["step"] for line in (tmp_path / "gan" / "log.jsonl").read_text().splitlines()] == [1, 2]


def test_music_that_is_scaled_comes_without_codes_and_trains(tmp_path: Path, codec_file: Path, prepared: Path) -> None:
    settings = [*(setting for setting in SMALL if setting != "--set"), "gain=[0.3, 1.0]"]
    config = gan_training(PRESET, settings)
    assert config.gain == (0.3, 1.0)
    item = open_segments(prepared, config, open_codec(codec_file, config.codec, config.level), tmp_path)[0]
    assert "audio" in item and not item.keys() & {"codes", "latents"}
    load_model(run_gan(PRESET, prepared, codec_file, tmp_path, settings), expected="d2m-gan")


def test_soundnet_takes_the_place_of_the_embedded_perceptual_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(SoundNet().state_dict(), tmp_path / "soundnet.pt")
    preset = "creative-gan-high-embedded"
    assert isinstance(open_perceptual(gan_training(preset, [])), PerceptualNet)
    assert isinstance(open_perceptual(gan_training(preset, [f"perceptual={tmp_path / 'soundnet.pt'}"])), SoundNet)
    assert open_perceptual(gan_training(PRESET, [])) is None
    with pytest.raises(InputError, match="expected SoundNet's weights"):
        open_perceptual(gan_training(preset, ["perceptual=sound8.npz"]))
    with pytest.raises(InputError, match="d2m-gan-high-embedded has no perceptual loss"):
        run_gan(PRESET, "composed", tmp_path / "codec", tmp_path, [], soundnet=tmp_path / "soundnet.pt")


def test_a_generator_learns_from_soundnets_features(tmp_path: Path, codec_file: Path, prepared: Path) -> None:
    torch.manual_seed(0)
    torch.save(SoundNet().state_dict(), tmp_path / "soundnet.pt")
    settings = [setting for setting in SMALL if setting != "--set"]
    run_gan("creative-gan-high-embedded", prepared, codec_file, tmp_path, settings, soundnet=tmp_path / "soundnet.pt")
    assert read_provenance(tmp_path / "generator.safetensors")["perceptual network"].startswith("SoundNet ")
    with pytest.raises(InputError, match=r"perceptual network 'SoundNet \w+', not 'PerceptualNet \w+'"):
        run_gan("creative-gan-high-embedded", prepared, codec_file, tmp_path, settings)


def test_a_prepared_corpus_tunes_a_decoder(tmp_path: Path, codec_file: Path, prepared: Path) -> None:
    options = ["--preset", PRESET, "--data", str(prepared), "--codec", str(codec_file), "--out", str(tmp_path), *SMALL]
    assert CliRunner().invoke(app, ["train", "decoder", *options], catch_exceptions=False).exit_code == 0
    open_codec(tmp_path / "codec.safetensors", "spectral-small-high", "high")
    assert CliRunner().invoke(app, ["train", "plot", str(tmp_path)], catch_exceptions=False).exit_code == 0
    assert (tmp_path / "losses.png").stat().st_size > 0


def test_names_that_the_commands_had_before_work_and_are_shown_no_more() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    verbs: Any = typer.main.get_command(app)
    for name in ("codec", "gan", "decoder", "plot"):
        now, before = verbs.commands["train"].commands[name], verbs.commands[f"train-{name}"]
        assert before.hidden and f"train-{name}" not in shown and not now.hidden
        assert before.callback.__wrapped__ is now.callback.__wrapped__
        assert [parameter.opts for parameter in before.params] == [parameter.opts for parameter in now.params]


def test_the_papers_generators_take_the_motion_of_their_data_set(tmp_path: Path, codec_file: Path, prepared: Path) -> None:
    layouts = {name: motion_layout(config.generator) for name, config in GAN_TRAININGS.items()}
    assert {layout for name, layout in layouts.items() if "holistic" in name} == {"posture"}
    assert {layout for name, layout in layouts.items() if "aist" in name or name == "creative-gan-low-paper"} == {"smpl"}
    assert {layout for name, layout in layouts.items() if "tiktok" in name} == {"keypoints"}
    assert needs_genre(GAN_TRAININGS["d2m-gan-high-aist-released"]) and not needs_genre(GAN_TRAININGS["d2m-gan-high-tiktok-released"])
    codec = open_codec(codec_file, "spectral-small-high", "high")
    with pytest.raises(InputError, match=r"has no visual vector, which this preset sees; make them with 'data visual'"):
        open_segments(prepared, GAN_TRAININGS["d2m-gan-high-aist-paper"], codec, tmp_path)
    item = open_segments(prepared, gan_training("d2m-gan-high-aist-paper", ['inputs=["motion"]']), codec, tmp_path)[0]
    assert item["motion"].shape == (120, 219) and item["visual"].shape == (2048,)
    with pytest.raises(InputError, match="prepare data"):
        open_segments("composed", GAN_TRAININGS["d2m-gan-high-aist-paper"], codec, tmp_path)
    odd = replace(GAN_TRAININGS["d2m-gan-high-aist-paper"].generator.motion, features=7)
    with pytest.raises(InputError, match="not prepared"):
        motion_layout(replace(GAN_TRAININGS["d2m-gan-high-aist-paper"].generator, motion=odd))


def test_creative_gan_on_tiktok_has_no_genre_terms() -> None:
    for level in ("high", "low"):
        config = GAN_TRAININGS[f"creative-gan-{level}-tiktok-paper"]
        assert not needs_genre(config) and not config.weights.style and config.weights.perceptual
        assert needs_genre(GAN_TRAININGS[f"creative-gan-{level}-paper"])
