"""The notebook: its commands exist with their options; `make tutorial` runs it whole, which is a step of .ci/run."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from dance2music.cli.main import app

REPOSITORY = Path(__file__).resolve().parents[1]
NOTEBOOK = REPOSITORY / "docs" / "tutorial.ipynb"


def runner() -> Any:
    """The module that runs notebooks."""
    spec = importlib.util.spec_from_file_location("notebook", REPOSITORY / ".ci" / "notebook.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands() -> list[list[str]]:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [runner().python_of("".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
    return [shlex.split(command) for source in code for command in re.findall(r"(?m)^shell\('(.*)'\)$", source)]


def test_every_command_of_the_notebook_exists_with_its_options() -> None:
    seen = set()
    for program, *words in commands():
        assert program == "dance2music"
        verb: Any = typer.main.get_command(app)
        while hasattr(verb, "commands"):
            verb, words = verb.commands[words[0]], words[1:]
        known = {name for parameter in verb.params for name in parameter.opts + parameter.secondary_opts}
        assert {word for word in words if word.startswith("-")} <= known, (verb.name, words)
        seen.add(verb.name)
    assert seen >= {"generate", "synthetic", "prepare", "codec", "gan", "generate-set", "evaluate"}


def test_the_notebook_is_small() -> None:
    assert NOTEBOOK.stat().st_size < 400_000


def test_a_cell_runs_its_python_and_its_commands_and_a_failing_one_ends_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    def notebook(source: str) -> dict[str, Any]:
        return {"cells": [{"cell_type": "code", "source": [source], "outputs": []}]}

    good = notebook("x = 2\n!echo one \\\n    two\nprint(x)\nimport matplotlib.pyplot as plt\nfigure = plt.figure(figsize=(1, 1))")
    runner().run(good)
    text, picture = good["cells"][0]["outputs"]
    assert text["text"] == ["one two\n", "2\n"] and set(picture["data"]) == {"image/png", "text/plain"}
    with pytest.raises(RuntimeError, match="exit status 3"):
        runner().run(notebook("!exit 3"))
    assert "cell 1 failed" in capfd.readouterr().err
