"""Every command and every snippet of the README runs, in order, in an empty folder that holds a dance."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from dance2music.cli.main import app
from jobs import FEW_CANDIDATES

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
TIMEOUT_SECONDS = 240
OWN = "dance2music "
"""How the commands of the package begin. The first runs as a user types it, the others in this process, with two candidates for a take."""


class Block(NamedTuple):
    """A fenced block of the README."""

    language: str
    text: str
    line: int


def blocks() -> list[Block]:
    """All fenced blocks in order."""
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
    return [Block(match[1], match[2], README[: match.start()].count("\n") + 1) for match in found]


def commands() -> list[tuple[int, str]]:
    """Every line of the bash blocks with its line number."""
    return [(block.line + 1 + i, line) for block in blocks() if block.language == "bash" for i, line in enumerate(block.text.splitlines())]


# What sets up an environment would undo or repeat the one that the tests run in, so make and pip only say what they would do.
STUBS = {
    "make": 'exec "$REAL_MAKE" -C "$REPOSITORY" -n "$@"',
    "pip": 'cd "$REPOSITORY" && exec "$PYTHON" -m pip "$1" --quiet --dry-run --no-deps --no-build-isolation "${@:2}"',
    "python": 'if [ -f "$REPOSITORY/$1" ]; then exec "$PYTHON" "$REPOSITORY/$1" "${@:2}"; fi; exec "$PYTHON" "$@"',
    "dance2music": 'exec "$PYTHON" -m dance2music "$@"',
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``dance.mp4``, two seconds of the drawn dancer."""
    from dance2music.synthetic.drawing import example_video

    folder = tmp_path_factory.mktemp("readme")
    example_video(folder / "dance.mp4", seconds=2.0)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment in which the commands of the README mean this checkout."""
    stubs = tmp_path_factory.mktemp("bin")
    for name, body in STUBS.items():
        (stubs / name).write_text(f"#!/usr/bin/env bash\n{body}\n", encoding="utf-8")
        (stubs / name).chmod(0o755)
    make = subprocess.run(["bash", "-c", "command -v make || true"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        **os.environ,
        "PATH": f"{stubs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHON": sys.executable,
        "REPOSITORY": str(REPOSITORY),
        "REAL_MAKE": make,
    }


def run(arguments: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Output of a command, which must succeed."""
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def run_here(arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command of the package without the seconds that a new process needs to import it all."""
    monkeypatch.chdir(folder)
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 0, f"{ran.output}\n{ran.exception!r}"


@pytest.mark.parametrize(("line", "command"), commands(), ids=[f"line {line}: {command}" for line, command in commands()])
def test_command_runs(
    line: int, command: str, folder: Path, environment: dict[str, str], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command.startswith("make ") and not environment["REAL_MAKE"]:
        pytest.skip("make is not installed")
    if command in [text for _, text in commands() if text.startswith(OWN)][1:]:
        request.getfixturevalue("few_candidates")
        run_here(shlex.split(command)[1:], folder, monkeypatch)
    else:
        run(["bash", "-c", command], folder, environment)
    named = re.search(r" -o (\S+)", command)
    assert named is None or (folder / named[1]).stat().st_size > 0


def test_python_snippets_run_one_after_the_other(folder: Path, environment: dict[str, str]) -> None:
    snippets = [block.text for block in blocks() if block.language == "python"]
    assert len(snippets) >= 3
    paths = f"{FEW_CANDIDATES}{os.pathsep}{environment['PYTHONPATH']}"
    printed = run([sys.executable, "-c", "\n".join(snippets)], folder, environment | {"PYTHONPATH": paths})
    assert len(printed.splitlines()) >= 3
    assert (folder / "python.mp4").stat().st_size > 0


def test_every_block_is_run_or_is_plain_output() -> None:
    assert {block.language for block in blocks()} == {"bash", "python", "text"}


def test_make_demo_and_make_test_come_first() -> None:
    assert [command for _, command in commands()][:2] == ["make demo", "make test"]


@pytest.mark.parametrize("document", ["README.md", *sorted(str(p.relative_to(REPOSITORY)) for p in (REPOSITORY / "docs").glob("*.md"))])
def test_links_to_files_of_the_project_lead_somewhere(document: str) -> None:
    path = REPOSITORY / document
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8")):
        assert re.match(r"https?://", target) or (path.parent / target).exists(), f"{document} links to {target}"
