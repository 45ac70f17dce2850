"""The verbs ``listen build`` and ``listen score``, ``compare`` and ``evaluate --table`` from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from dance2music.cli import main as cli
from dance2music.evaluation.results import save_results
from results_example import results


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Exit code of the command with these arguments."""
    monkeypatch.setattr(sys, "argv", ["dance2music", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as leaving:
        assert isinstance(leaving.code, int)
        return leaving.code
    return 0


def test_a_test_is_built_and_scored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, sources: dict[str, Path]
) -> None:
    out = tmp_path / "test"
    given = ("--method", f"ours={sources['ours']}", "--part", "quality", "--listeners", 1, "--items", 2, "--checks", 1)
    assert run(monkeypatch, "listen", "build", out, *given) == 0
    said = capsys.readouterr().out
    assert "2 clips, 1 assignments of 5 items" in said and "do not give it to listeners" in said
    key = json.loads((tmp_path / "test.key.json").read_text())
    answers = [
        {"trial": n, "samples": trial["samples"], "answer": key["media"][trial["samples"][0]]["beeps"] or 4}
        for n, trial in enumerate(key["sessions"][0])
    ]
    result = {
        "format": "dance2music-listening-result",
        "version": 1,
        "test": key["test"],
        "listener": 1,
        "session": "a1",
        "answers": answers,
    }
    (tmp_path / "r.json").write_text(json.dumps(result))
    assert run(monkeypatch, "listen", "score", tmp_path / "r.json", "--key", tmp_path / "test.key.json", "-o", tmp_path / "s.json") == 0
    assert "1 listeners counted, 0 left out" in capsys.readouterr().out
    assert json.loads((tmp_path / "s.json").read_text())["parts"]["quality"]["n"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("listen", "build", "t", "--method", "ours"), "--method 'ours': expected NAME=DIR"),
        (("listen", "build", "t", "--method", "a=x", "--method", "a=y"), "--method a: given twice"),
        (("listen", "build", "t", "--method", "a=missing"), "missing: is no folder"),
        (("listen", "score", "r.json", "--key", "k.json"), "k.json: cannot be read"),
        (("compare", "a.json", "b.json"), "a.json: cannot be read"),
        (("evaluate", "--table", "d2m-7"), "--table d2m-7: unknown"),
        (("evaluate",), "expected --generated FOLDER and -o FOLDER, or --table NAME"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr()
    assert message in said.err and len(said.err.splitlines()) == 1 and said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_evaluations_are_compared_and_put_into_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, value in (("d2m-gan-low", 0.9), ("mine", 0.5)):
        save_results(results(name, {"beat_f_70ms": [value] * 12, "beats_hit": [value] * 12}), tmp_path / f"{name}.json")
    files = tmp_path / "d2m-gan-low.json", tmp_path / "mine.json"
    assert run(monkeypatch, "compare", *files) == 0
    assert "12 dances in common; 1 of 1 differences are beyond noise" in capsys.readouterr().out
    assert run(monkeypatch, "compare", *files, "--metric", "all", "--json") == 0
    assert {d["verdict"] for d in json.loads(capsys.readouterr().out)["differences"]} == {"a"}
    assert run(monkeypatch, "evaluate", "--table", "d2m-1", "--measured", files[0], "--measured", files[1]) == 0
    said = capsys.readouterr().out
    assert "90.0 [90.0, 90.0]" in said and "mine (not in the paper)" in said
