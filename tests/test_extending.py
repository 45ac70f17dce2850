"""docs/extending.md is true: its examples, added in the way that it says, are found in the command line, in generate, in evaluate."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dance2music import checkpoint
from dance2music.cli import main as cli
from dance2music.dance.motion_files import save_motion
from dance2music.data import prepare as preparing
from dance2music.evaluation import catalogue
from dance2music.music.audio import load_audio, save_wav
from dance2music.synthetic.drawing import example_dance, example_video
from dance2music.takes import methods
from dance2music.takes.methods import Method
from dance2music.types import Audio

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
RATE = 22_050


def example(heading: str) -> tuple[str, str, str]:
    """File, its content, and the line to add, of an example."""
    section = PAGE.split(f"\n### {heading}\n")[1].split("\n### ")[0]
    (file,) = re.findall(r"^`(\w+/\w+\.py)`:$", section, flags=re.MULTILINE)
    content, line = re.findall(r"^```python\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE)
    return file, content, line.strip()


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The examples' files lie in their rooms; gives the lines to add, as values by heading."""
    lines: dict[str, Any] = {}
    for heading in ("A method", "A metric", "A codec", "A data set"):
        file, content, line = example(heading)
        room, name = file.removesuffix(".py").split("/")
        place = tmp_path / "house" / room
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.py").write_text(content, encoding="utf-8")
        package = importlib.import_module(f"dance2music.{room}")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(place)])
        known = {**vars(catalogue), **vars(importlib.import_module(f"dance2music.{room}.{name}")), "Method": Method}
        lines[heading] = eval(f"{{{line}}}" if line.startswith('"') else line, known)  # as if it stood in the file that it is added to
    return lines


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Exit code of the command."""
    monkeypatch.setattr("sys.argv", ["dance2music", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    return 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dance as a video, and as motion with music, in the layout of the example's data set."""
    example_video(tmp_path / "dance.mp4", seconds=2.0)
    rng = np.random.default_rng(0)
    for i, name in enumerate(("first", "test-second")):
        (tmp_path / "duets" / name).mkdir(parents=True)
        save_motion(example_dance(3.0)[0], tmp_path / "duets" / name / "dance.npz")
        save_wav(Audio(0.1 * rng.standard_normal((1, 3 * RATE + i)).astype(np.float32), RATE), tmp_path / "duets" / name / "music.wav")
    return tmp_path


def test_a_method_is_one_file_and_one_record(
    written: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "generate", folder / "dance.mp4", "--method", "pulse") == 2
    assert "method 'pulse': unknown; expected one of planned" in capsys.readouterr().err
    record = written["A method"]
    monkeypatch.setitem(methods.METHODS, record.name, record)
    arguments = ("generate", folder / "dance.mp4", "-o", folder / "out.mp4", "--method", "pulse", "--genre", "house", "--no-plot")
    assert run(monkeypatch, *arguments, "--midi", folder / "notes.mid", "--stems", folder / "stems", "--take", folder / "out.take") == 0
    report = json.loads((folder / "out.json").read_text())
    assert report["method"] == "pulse" and report["take"]["candidates"] == 1 and (folder / "stems" / "chords.wav").exists()
    assert load_audio(folder / "out.mp4").duration_seconds == pytest.approx(2.0, abs=0.1) and (folder / "notes.mid").exists()
    assert run(monkeypatch, "regenerate", folder / "out.take", "--from", 0, "--to", 1) == 2
    assert "'pulse': makes whole pieces and cannot draw a section again; expected a take of planned" in capsys.readouterr().err
    assert run(monkeypatch, *arguments, "--set", "speed=2") == 2
    assert "method 'pulse' has no settings" in capsys.readouterr().err


def test_a_name_that_stands_twice_is_one_clear_line(written: dict[str, Any]) -> None:
    record = written["A method"]
    with pytest.raises(methods.ConfigError, match="method 'pulse': is recorded twice") as error:
        methods.by_name([record, record])
    assert "\n" not in str(error.value)


def test_a_metric_is_one_file_and_one_line(
    written: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, info in written["A metric"].items():
        monkeypatch.setitem(catalogue.METRICS, name, info)
    music = folder / "music"
    music.mkdir()
    half = np.concatenate([np.full((1, RATE), 0.1, np.float32), np.zeros((1, RATE), np.float32)], axis=1)
    for name in ("a", "b"):
        save_wav(Audio(half, RATE), music / f"{name}.wav")
    assert run(monkeypatch, "evaluate", "--generated", music, "-o", folder / "report", "--workers", 1, "--no-codec") == 0
    results = json.loads((folder / "report" / "results.json").read_text())
    assert results["summary"]["rest_share"]["generated"]["mean"] == pytest.approx(0.5, abs=0.01)
    assert results["summary"]["rest_share"]["silence"]["mean"] == 1.0
    assert "share of silence" in (folder / "report" / "report.html").read_text(encoding="utf-8")
    assert (
        run(monkeypatch, "compare", folder / "report" / "results.json", folder / "report" / "results.json", "--metric", "rest_share") == 0
    )
    assert "share of silence" in capsys.readouterr().out


def test_a_codec_and_a_data_set_are_one_file_and_one_line_each(
    written: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("data", "prepare", folder / "duets", "--dataset", "duets", "--out", folder / "out", "--workers", 1)
    assert run(monkeypatch, *arguments) == 2
    assert "duets" in capsys.readouterr().err
    for name, reader in written["A data set"].items():
        monkeypatch.setitem(preparing.DATASETS, name, reader)
    for name, kind in written["A codec"].items():
        monkeypatch.setitem(checkpoint.KINDS, name, kind)
    pcm = importlib.import_module("dance2music.codec.pcm")
    config = pcm.PcmConfig()
    checkpoint.save_model(folder / "pcm.safetensors", pcm.Pcm(config), config)
    assert run(monkeypatch, *arguments, "--codec", folder / "pcm.safetensors") == 0
    rows = [json.loads(line) for line in (folder / "out" / "manifest.jsonl").read_text().splitlines()]
    assert {(row["name"], row["split"]) for row in rows} == {("first", "train"), ("test-second", "test")}
    (file,) = rows[0]["codes"].values()
    with np.load(folder / "out" / file) as archive:
        assert archive["codes"].shape[1:] == (64, 2 * RATE // 64 + (2 * RATE % 64 > 0)) and archive["codes"].max() <= 255
