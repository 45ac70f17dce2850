"""A folder of videos gets music: resumable, one report, reasons for what was left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dance2music.cli.main import app
from dance2music.errors import InputError
from dance2music.evaluation.video_sets import generate_videos
from dance2music.generation import job
from dance2music.generation.request import Request


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the videos that were made: a stand-in writes what `job.run` would."""
    names: list[str] = []

    def run(request: Request) -> list[dict[str, Any]]:
        assert request.video is not None and request.out is not None
        if b"broken" in request.video.read_bytes():
            raise InputError(f"{request.video}: is no video")
        names.append(request.video.name)
        files = [request.out, request.out.with_suffix(".json")]
        for file in files:
            file.write_text("made")
        return [{"files": [str(f) for f in files], "genre": "pop", "tempo_bpm": 120.0, "duration_seconds": 2.0, "seconds": {"total": 1.0}}]

    monkeypatch.setattr(job, "run", run)
    return names


def phones(folder: Path) -> Path:
    for name in ("a.mp4", "b.mov", "deep/a.mp4", "deep/a.webm", "no.txt", ".hidden/x.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_every_video_is_made_once_and_again_only_if_it_changed(made: list[str], tmp_path: Path) -> None:
    folder = phones(tmp_path / "in")
    report = generate_videos(folder, tmp_path / "out")
    assert made == ["a.mp4", "b.mov", "a.mp4", "a.webm"] and (report["made"], report["there"]) == (4, 0)
    assert {row["video"]: row["files"][0] for row in report["rows"]} == {
        "a.mp4": "a.mp4", "b.mov": "b.mov", "deep/a.mp4": "a.mp4.mp4", "deep/a.webm": "a.webm.mp4",
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report
    (tmp_path / "out" / "b.json").unlink()
    (folder / "a.mp4").write_text("another one")
    again = generate_videos(folder, tmp_path / "out")
    assert made[4:] == ["a.mp4", "b.mov"] and (again["made"], again["there"]) == (2, 2)


def test_a_broken_video_is_left_out_with_its_reason_and_tried_again(made: list[str], tmp_path: Path) -> None:
    folder = phones(tmp_path / "in")
    (folder / "b.mov").write_text("broken")
    run = CliRunner().invoke(app, ["generate-set", str(folder), "-o", str(tmp_path / "out")], catch_exceptions=False)
    assert run.exit_code == 0 and "left out b.mov" in run.output and "4 videos, 3 made now, 0 were there, 1 left out" in run.output
    (folder / "b.mov").write_text("whole")
    assert generate_videos(folder, tmp_path / "out", Request(method="planned"))["made"] == 1


def test_a_set_of_before_there_was_a_setting_goes_on_with_its_default_and_no_other(made: list[str], tmp_path: Path) -> None:
    folder, about = phones(tmp_path / "in"), tmp_path / "out" / "set.json"
    generate_videos(folder, tmp_path / "out")
    about.write_text(json.dumps({name: value for name, value in json.loads(about.read_text()).items() if name != "ending"}))
    assert generate_videos(folder, tmp_path / "out")["there"] == 4
    with pytest.raises(InputError, match=r"holds a set of ending True, now False"):
        generate_videos(folder, tmp_path / "out", Request(ending=False))


def test_what_cannot_be_asked_for_is_one_line(made: list[str], tmp_path: Path) -> None:
    folder = phones(tmp_path / "in")
    with pytest.raises(InputError, match="lies among the videos"):
        generate_videos(folder, folder / "out")
    generate_videos(folder, tmp_path / "out")
    with pytest.raises(InputError, match=r"holds a set of seed 0, now 1"):
        generate_videos(folder, tmp_path / "out", Request(seed=1))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: has no videos"):
        generate_videos(tmp_path / "empty", tmp_path / "out2")
