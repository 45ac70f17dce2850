"""A new user's loop by the commands of the README: own clips, a codec, a generator, a set of the test split, its evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dance2music.checkpoint import load_model
from dance2music.cli.main import app
from dance2music.errors import InputError
from dance2music.evaluation.sets import SetRequest, generate_set
from dance2music.music.audio import load_audio
from dance2music.takes.methods import load_method, method_for
from layouts import write_pairs

STEPS = ["--set", "loop.steps=2", "--set", "loop.accelerator=cpu"]


def command(*words: str | Path | int) -> str:
    """Output of a command that must succeed."""
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after ``train codec``, ``data prepare``, ``train gan``, ``train decoder`` and ``generate-set``."""
    home = tmp_path_factory.mktemp("home")
    write_pairs(home / "own" / "train" / "house", ("a", "b"))
    write_pairs(home / "own" / "test" / "pop", ("c",), first_seed=5)
    small = ["segments.first_pieces=1", "segments.piece_seconds=3.0", "segments.pieces_per_step=1", "held_out_pieces=1"]
    pieces = [word for setting in small for word in ("--set", setting)]
    prepare = ("data", "prepare", home / "own", "--dataset", "folder", "--out", home / "prepared", "--workers", 1)
    command(*prepare)
    command("train", "codec", "--preset", "spectral-small-high", "--data", home / "prepared", "--out", home / "codec", *STEPS, *pieces)
    command(*prepare, "--codec", home / "codec" / "latest.safetensors")
    preset = ("--preset", "d2m-gan-high-embedded", "--data", home / "prepared", "--codec", home / "codec" / "latest.safetensors")
    for stage in ("gan", "decoder"):
        command("train", stage, *preset, "--out", home / stage, *STEPS, "--set", "batch_size=1")
    made = command("generate-set", home / "prepared", "-o", home / "set", "--weights", home / "gan", "--codec", home / "codec", "--json")
    assert json.loads(made)["names"] == json.loads(made)["made"] == 2
    return home


def test_evaluate_takes_a_set_as_it_is(home: Path) -> None:
    run = ("--weights", home / "gan", "--codec", home / "codec")
    assert "1 of test by d2m-gan, 1 made now" in command("generate-set", home / "prepared", "-o", home / "one", *run, "--limit", 1)
    told = command("evaluate", "--generated", home / "one", "-o", home / "report", "--workers", 1, "--no-codec")
    assert "d2m-gan-high: 1 segment of 1 dance, 1 file; one dance: no interval" in told
    among = CliRunner().invoke(app, ["evaluate", "--generated", str(home / "one"), "-o", str(home / "one")])
    assert isinstance(among.exception, InputError) and "one: lies in --generated" in str(among.exception)
    results = json.loads((home / "report" / "results.json").read_text())
    assert results["name"] == "d2m-gan-high"
    assert {(clip["dance"], clip["segment"]) for clip in results["clips"]} == {("c", "c_seg1")}
    assert {clip["genre"] for clip in results["clips"]} == {"pop"}


def test_a_set_has_music_reference_and_motion_of_every_segment(home: Path) -> None:
    rows = [json.loads(line) for line in (home / "set" / "manifest.jsonl").read_text().splitlines()]
    assert [(row["name"], row["clip"], row["segment"], row["genre"]) for row in rows] == [
        ("c_seg1", "c", 1, "pop"),
        ("c_seg2", "c", 2, "pop"),
    ]
    for row in rows:
        music, reference = (load_audio(home / "set" / name) for name in (row["music"][0], row["reference"]))
        assert music.samples.shape == reference.samples.shape == (1, 44_100) and np.abs(music.samples).max() > 0
        assert (home / "set" / row["motion"]).is_file()


def test_what_is_there_is_not_made_again_and_other_settings_are_refused(home: Path) -> None:
    request = SetRequest(home / "prepared", home / "set", weights=home / "gan", codec=home / "codec")
    (home / "set" / "music" / "c_seg2.wav").unlink()
    before = (home / "set" / "music" / "c_seg1.wav").stat().st_mtime_ns
    again = generate_set(request)
    assert (again["made"], again["there"]) == (1, 1)
    assert (home / "set" / "music" / "c_seg1.wav").stat().st_mtime_ns == before
    with pytest.raises(InputError, match=r"holds a set of seed 0, now 3; choose another folder"):
        generate_set(SetRequest(home / "prepared", home / "set", weights=home / "gan", codec=home / "codec", seed=3))


def test_a_whole_clip_gets_music_as_long_as_it_is(home: Path, tmp_path: Path) -> None:
    done = generate_set(SetRequest(home / "prepared", tmp_path / "whole", weights=home / "gan", codec=home / "codec", whole=True, takes=2))
    assert done["names"] == 1
    music = [load_audio(tmp_path / "whole" / "music" / f"c-{number}.wav") for number in (1, 2)]
    assert [piece.duration_seconds for piece in music] == pytest.approx([4.0, 4.0], abs=0.05)


def test_every_training_of_the_papers_can_be_played(home: Path, tmp_path: Path) -> None:
    names = {run: method_for("", home / run).name for run in ("gan", "codec", "decoder")}
    assert names == {"gan": "d2m-gan", "codec": "jukebox-reconstruction", "decoder": "jukebox-reconstruction"}
    tuned = load_method("d2m-gan", weights=home / "gan", codec=home / "codec", decoder=home / "decoder")
    own = load_model(home / "decoder" / "codec.safetensors").state_dict()
    assert tuned.codec is not None and all(bool((value == own[name]).all()) for name, value in tuned.codec.state_dict().items())  # type: ignore[attr-defined]
    command("generate", "--from-motion", home / "own" / "test" / "pop" / "c.npz", "-o", tmp_path / "c.wav", "--no-plot",
            "--weights", home / "gan", "--codec", home / "codec", "--decoder", home / "decoder")  # fmt: skip
    report = json.loads((tmp_path / "c.json").read_text())
    assert report["method"] == "d2m-gan" and report["decoder"] == str(home / "decoder")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weights": "gan"}, r"was trained with codec \w{12}, which is not the package's own; give its model file with --codec"),
        ({"weights": "gan", "codec": "decoder"}, r"--codec .*decoder: is codec \w{12}; .* was trained with \w{12}; give that one"),
        ({"weights": "gan", "codec": "gan"}, "holds a 'd2m-gan'; expected a codec"),
        ({"weights": "gan", "codec": "codec", "level": "low"}, "--level low: .* is of the high level"),
        ({"weights": "gan", "codec": "codec", "precision": "bf16"}, "--precision bf16: .* plays in fp32"),
        ({"weights": "codec"}, "holds a 'spectral-codec'; expected d2m-gan or d2m-gan-two-seconds .* --method jukebox-reconstruction"),
        ({"weights": "prepared"}, "prepared: holds .*; expected one of generator.safetensors"),
        ({"weights": "nowhere"}, "nowhere: no such file or folder"),
        ({"codec": "codec"}, "--codec .*: the weights in the package go with the package's codec"),
    ],
)
def test_a_run_or_a_codec_that_does_not_fit_is_refused_in_one_line(home: Path, options: dict[str, str], said: str) -> None:
    given = {name: value if name in ("level", "precision") else home / value for name, value in options.items()}
    with pytest.raises(InputError, match=said) as error:
        load_method("d2m-gan", **given)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_a_training_that_has_not_ended_and_several_weights_are_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"")
    with pytest.raises(InputError, match="is a training that has not ended"):
        method_for("", tmp_path)
    (tmp_path / "weights").mkdir()
    for name in ("cmt", "inverse_mv"):
        (tmp_path / "weights" / f"{name}.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="holds weights of cmt, inverse-mv; say which with --method"):
        method_for("", tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "validation"}, "has no clip of split 'validation'; expected one of test, train"),
        ({"split": "best"}, "--split 'best': expected one of train, validation, test"),
        ({"takes": 0}, "--takes 0: expected 1 to"),
        ({"limit": -1}, "--limit -1: expected 1 or more"),
    ],
)
def test_a_set_that_cannot_be_made_is_refused_before_anything_is_written(
    home: Path, tmp_path: Path, options: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        generate_set(SetRequest(home / "prepared", tmp_path / "out", weights=home / "gan", codec=home / "codec", **options))  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
