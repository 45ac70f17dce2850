"""The command line: options arrive, errors are one line and exit code 2, an interruption is 130, bars only on a terminal."""

from __future__ import annotations

import io
import json
import logging
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dance2music import __version__
from dance2music.cli import main as cli
from dance2music.errors import InputError
from dance2music.generation import job
from dance2music.generation.request import Request
from dance2music.work import Cancel, check, keeps

REPORT = {
    "output": "out.mp4", "files": ["out.mp4", "out.json"], "genre": "house", "tempo_bpm": 120.0, "duration_seconds": 10.0,
    "sync": {"beat_alignment": 0.5, "shifted_mean": 0.3, "kinematic_beats": 12.0}, "seconds": {"total": 4.0},
}  # fmt: skip


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of the command with these arguments."""
    monkeypatch.setattr("dance2music.cli.generate.check_there", lambda *_, **__: None)  # the files of these tests are names only
    monkeypatch.setattr(sys, "argv", ["dance2music", *arguments])
    monkeypatch.setattr(cli.os, "_exit", sys.exit)  # it would end this process: tests/generation/test_interruption.py
    try:
        cli.main()
    except SystemExit as leaving:
        assert isinstance(leaving.code, int)
        return leaving.code
    return 0


def replace_job(monkeypatch: pytest.MonkeyPatch, *, error: BaseException | None = None) -> list[Request]:
    """Let the job do nothing, or fail; gives the requests that reach it."""
    requests: list[Request] = []

    def fake(request: Request, *, progress: Any = None) -> list[dict[str, Any]]:
        requests.append(request)
        progress("watch", 0.0)
        progress("watch", 0.5)
        progress("a stage without a name", 1.0)
        progress("watch", 0.0)
        if error is not None:
            raise error
        return [REPORT] * request.takes

    monkeypatch.setattr(job, "run", fake)
    return requests


def test_all_options_reach_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = replace_job(monkeypatch)
    given = "generate d.mp4 -o o.mp4 --genre pop --seed 4 --takes 3 --tempo 99.5 --method cmt --level high --weights w --wav --midi n.mid"
    given += " --take t.take --precision bf16 --audio a.flac --markers m.csv --sample-rate 44100"
    given += " --keep-original -3 --duck 9 --duck-attack 0.1 --duck-release 0.7 --dancer 2"
    given += " --stems s --soundfont f.sf2 --instruments drums,bass --set top_p=1 --set density_control=0.5"
    given += " --no-denoise --no-plot --no-hits --no-ending"
    assert run(monkeypatch, *given.split()) == 0
    assert run(monkeypatch, "generate", "--from-motion", "d.npz", "-o", "o.wav") == 0
    assert requests[0] == Request(
        video=Path("d.mp4"), out=Path("o.mp4"), genre="pop", seed=4, takes=3, tempo_bpm=99.5, method="cmt", level="high", weights=Path("w"),
        wav=True, midi=Path("n.mid"), stems=Path("s"), take=Path("t.take"), soundfont="f.sf2", precision="bf16",
        instruments=("drums", "bass"), settings=("top_p=1", "density_control=0.5"), denoise=False, plot=False, hits=False,
        ending=False, audio=Path("a.flac"), markers=Path("m.csv"), sample_rate=44100, keep_original_db=-3.0,
        duck_db=9.0, duck_attack_seconds=0.1, duck_release_seconds=0.7, dancer="2",
    )  # fmt: skip
    assert requests[1] == Request(None, Path("o.wav"), Path("d.npz"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [("--method pl", ["planned"]), ("--method dance2music-o", ["dance2music-offline", "dance2music-online"]), ("--genre ho", ["house"]),
     ("--sound s", ["studio", "soundfont"])],
)  # fmt: skip
def test_a_shell_completes_methods_genres_and_sounds(words: str, expected: list[str]) -> None:
    asked = {"_DANCE2MUSIC_COMPLETE": "complete_bash", "COMP_WORDS": f"dance2music generate {words}", "COMP_CWORD": "3"}
    said = CliRunner().invoke(cli.app, [], env=asked, prog_name="dance2music")
    assert said.output.split() == expected


def test_a_summary_for_people_and_json_for_programs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    replace_job(monkeypatch)
    assert run(monkeypatch, "generate", "d.mp4") == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "out.mp4: house at 120.0 bpm, sync 0.50 (by chance 0.30)" and said.err == ""
    assert run(monkeypatch, "generate", "d.mp4", "--json", "--takes", "2") == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == [REPORT, REPORT] and said.err == ""


@pytest.mark.parametrize(
    ("found", "said"), [({"p": 0.04}, "; better than 96% of shifts"), ({"p": 0.7}, "; better than 30% of shifts"), ({}, "")]
)
def test_the_sync_is_told_with_how_many_shifts_of_the_music_it_is_better_than(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: dict[str, float], said: str
) -> None:
    sync = {"beat_alignment": 0.5, "shifted_mean": 0.3, "kinematic_beats": 12.0}
    monkeypatch.setattr(job, "run", lambda request, **options: [REPORT | {"sync": sync | found}])
    assert run(monkeypatch, "generate", "d.mp4") == 0
    assert f"sync 0.50 (by chance 0.30{said})" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("bpm", "said"),
    [
        (120.02, "the beats may also lie elsewhere: from 0.46 s on (11%; chosen 85%)"),
        (60.0, "the beat may also be 60.0 bpm from 0.46 s on (11%; chosen 85%)"),
    ],
)
def test_another_reading_of_the_same_tempo_is_told_as_other_beats(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bpm: float, said: str
) -> None:
    other = {"tempo_bpm": bpm, "first_beat_seconds": 0.46, "probability": 0.11}
    monkeypatch.setattr(job, "run", lambda request, **options: [REPORT | {"rhythm_confidence": 0.85, "rhythm_alternatives": [other]}])
    assert run(monkeypatch, "generate", "d.mp4") == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(("sure", "said"), [(0.157, True), (0.8, False)])
def test_a_beat_that_is_a_guess_is_called_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sure: float, said: bool
) -> None:
    monkeypatch.setattr(job, "run", lambda request, **options: [REPORT | {"rhythm_confidence": sure}])
    assert run(monkeypatch, "generate", "d.mp4") == 0
    assert ("this beat is little more than a guess (16% sure)" in capsys.readouterr().out) == said


def test_where_several_are_seen_a_line_says_who_counts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    people = [
        {"number": 1, "share": 0.75, "size": 0.6, "sureness": 0.9, "seen_seconds": [[0.0, 9.9]]},
        {"number": 2, "share": 0.25, "size": 0.4, "sureness": 0.9, "seen_seconds": [[0.0, 2.0], [5.0, 7.5]]},
    ]
    monkeypatch.setattr(job, "run", lambda request, **options: [REPORT | {"dancers": people}])
    assert run(monkeypatch, "generate", "d.mp4") == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "people" in line)
    assert line.strip() == "2 people seen: 1 for 9.9 s (75% of the rhythm), 2 for 4.5 s (25% of the rhythm)"


def test_an_error_of_input_is_one_line_and_exit_code_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    replace_job(monkeypatch, error=InputError("clip.mp4: is empty;\nexpected a video"))
    assert run(monkeypatch, "generate", "clip.mp4") == 2
    said = capsys.readouterr()
    assert said.err == "dance2music: clip.mp4: is empty; expected a video\n" and said.out == ""


def test_an_interruption_is_exit_code_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    replace_job(monkeypatch, error=KeyboardInterrupt())
    assert run(monkeypatch, "generate", "clip.mp4") == 130
    assert capsys.readouterr().err.strip() == "dance2music: interrupted"


def test_an_interruption_says_what_is_kept_of_the_work(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        keeps("runs keeps step 4: the same command goes on from there")
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "run", stopped)
    assert run(monkeypatch, "generate", "clip.mp4") == 130
    assert capsys.readouterr().err == "dance2music: interrupted; runs keeps step 4: the same command goes on from there\n"


@pytest.mark.parametrize(("signal", "code"), [("_interrupt", 130), ("_terminate", 143)])
def test_a_signal_that_a_library_swallows_stops_the_work_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], signal: str, code: int
) -> None:
    went_on = []

    def deaf(*_: Any, **__: Any) -> None:
        with suppress(BaseException):
            getattr(cli, signal)(code - 128, None)
        went_on.append("for a moment")
        check()
        went_on.append("to the end")

    monkeypatch.setattr(job, "run", deaf)
    monkeypatch.setattr(cli, "_asked_to_end", [])
    monkeypatch.setattr(cli, "_stop", Cancel())
    assert run(monkeypatch, "generate", "clip.mp4") == code
    assert capsys.readouterr().err.strip() == "dance2music: interrupted" and went_on == ["for a moment"]


def test_a_signal_that_a_library_makes_an_error_of_is_an_interruption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        try:
            cli._terminate(15, None)
        except BaseException as error:
            raise RuntimeError("a worker was killed") from error

    monkeypatch.setattr(job, "run", killed)
    monkeypatch.setattr(cli, "_asked_to_end", [])
    monkeypatch.setattr(cli, "_stop", Cancel())
    assert run(monkeypatch, "generate", "clip.mp4") == 143
    assert capsys.readouterr().err.strip() == "dance2music: interrupted"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("generate --frobnicate", "No such option"),
        ("regenerate", "(see dance2music regenerate --help)"),
        ("regenerate a.take --from 1", "--from: without --to; expected both for a section, or neither for the take as it is"),
        ("regenerate a.take --to 2", "--to: without --from"),
        ("regenerate a.take --seed 3", "--seed 3: is of a section that is drawn again"),
        ("regenerate a.take --bars", "--bars: is of a section that is drawn again"),
        ("generate d.mp4 --seed many", "Invalid value for '--seed'"),
        ("generate d.mp4 e.mp4", "e.mp4"),
        ("dance", "No such command"),
        ("generate missing-video.mp4", "missing-video.mp4: cannot be read"),
        ("train gan --preset foo", "preset 'foo': unknown; expected one of d2m-gan-high-aist-paper"),
        ("train decoder --preset foo", "preset 'foo': unknown"),
        ("train codec --preset foo", "preset 'foo': unknown; expected one of spectral-embedded"),
        ("train gan --preset d2m-gan-high-embedded --data composed --codec missing --out o", "missing: cannot be read"),
        ("train gan --preset d2m-gan-high-embedded --data missing --codec /dev/null --out o", "missing: cannot be read"),
        ("ablate d2m-2 --steps -1", "Invalid value for '--steps'"),
        ("ablate d2m-2 --steps 0", "Invalid value for '--steps'"),
        ("ablate d2m-2 --seeds 0", "Invalid value for '--seeds'"),
        ("generate", "expected either a video or --from-motion FILE"),
    ],
)
def test_mistakes_in_the_command_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: str, said: str
) -> None:
    assert run(monkeypatch, *arguments.split()) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and error.startswith("dance2music: ")


def test_a_fault_of_our_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_job(monkeypatch, error=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        run(monkeypatch, "generate", "clip.mp4")


@pytest.mark.parametrize("verb", [(), ("generate",), ("train", "gan")])
def test_h_is_help_everywhere(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: tuple[str, ...]) -> None:
    assert run(monkeypatch, *verb, "-h") == 0
    assert "Usage:" in capsys.readouterr().out


def test_without_arguments_there_is_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch) == 2
    said = capsys.readouterr()
    assert "generate" in said.out + said.err and "Traceback" not in said.err
    assert run(monkeypatch, "generate", "--help") == 0
    help_text = capsys.readouterr().out
    assert all(option in help_text for option in ("--genre", "--seed", "--takes", "--tempo", "--method", "--json", "--from-motion"))
    for asked in ("--version", "version"):
        assert run(monkeypatch, asked) == 0
        assert capsys.readouterr().out.strip() == __version__


def test_bars_are_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    replace_job(monkeypatch)
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", screen)
        assert run(patch, "generate", "d.mp4") == 0
    assert "loading" in screen.getvalue() and "watching the dance" in screen.getvalue()
    assert capsys.readouterr().out.startswith("out.mp4")


def test_a_warning_of_ours_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    handler = cli._Stderr()
    handler.setFormatter(logging.Formatter("dance2music: %(levelname)s: %(message)s"))
    handler.emit(logging.LogRecord("dance2music", logging.WARNING, "", 0, "no dancer", None, None))
    assert capsys.readouterr().err == "dance2music: WARNING: no dancer\n"


def test_the_example_is_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new folder" / "dance.mp4"
    assert run(monkeypatch, "example", str(out), "--seconds", "1") == 0
    assert out.stat().st_size > 1000 and str(out) in capsys.readouterr().out
