"""Run a notebook from its first cell to its last in an empty folder, without Jupyter: ``python .ci/notebook.py docs/tutorial.ipynb``.

Lines that begin with ``!`` are commands; a command or cell that fails ends the run with its number. With ``--write`` what the cells printed
and drew is put into the notebook, pictures small.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

LONGEST_OUTPUT = 2000
PICTURE_DPI = 55


def shell(command: str) -> None:
    """Run a command of a notebook and print what it prints; raises RuntimeError if it fails."""
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(command, shell=True, text=True, capture_output=True, env={**os.environ, "PATH": beside, "COLUMNS": "140"})
    print(done.stdout, end="")
    if done.returncode:
        raise RuntimeError(f"{command}: exit status {done.returncode}\n{done.stderr[-3000:]}")


def python_of(source: str) -> str:
    """The Python of a cell: lines ``!command`` become calls of `shell`; a backslash at the end goes on in the next line."""
    joined = re.sub(r"(?m)^(!.*)\\\n\s*", r"\1 ", source)
    while joined != source:
        source, joined = joined, re.sub(r"(?m)^(!.*)\\\n\s*", r"\1 ", joined)
    return re.sub(r"(?m)^!(.*)$", lambda match: f"shell({match[1]!r})", source)


def outputs_of(printed: str) -> list[dict[str, Any]]:
    """What a cell printed, and the figures that it drew, which are closed."""
    outputs: list[dict[str, Any]] = []
    if printed:
        text = printed if len(printed) <= LONGEST_OUTPUT else f"{printed[:LONGEST_OUTPUT]}\n..."
        outputs.append({"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)})
    for number in plt.get_fignums():
        picture = io.BytesIO()
        plt.figure(number).savefig(picture, format="png", dpi=PICTURE_DPI, bbox_inches="tight", metadata={"Software": None})
        data = {"image/png": base64.b64encode(picture.getvalue()).decode(), "text/plain": ["<a figure>"]}
        outputs.append({"data": data, "metadata": {}, "output_type": "display_data"})
    plt.close("all")
    return outputs


def run(notebook: dict[str, Any]) -> None:
    """Run all cells in the current folder and put their outputs into them."""
    names: dict[str, Any] = {"__name__": "__main__", "shell": shell}
    for number, cell in enumerate(notebook["cells"], start=1):
        if cell["cell_type"] != "code":
            continue
        begun, printed = time.monotonic(), io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(python_of("".join(cell["source"])), f"cell {number}", "exec"), names)
        except Exception:
            sys.stderr.write(f"cell {number} failed after:\n{printed.getvalue()}\n")
            raise
        cell["outputs"] = outputs_of(printed.getvalue())
        sys.stderr.write(f"cell {number}: {time.monotonic() - begun:.1f} s\n{printed.getvalue()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--write", action="store_true", help="keep the outputs in the notebook")
    given = parser.parse_args()
    notebook = json.loads(given.notebook.read_text(encoding="utf-8"))
    path, begun = given.notebook.resolve(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        run(notebook)
    if given.write:
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stderr.write(f"{given.notebook}: every cell ran, {time.monotonic() - begun:.0f} s\n")


if __name__ == "__main__":
    main()
