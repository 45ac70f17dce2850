"""The embedded weights are the files that their model card and their list of digests speak of."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

from dance2music.recipe.settings import PAPER_GANS, SYMBOLIC

REPOSITORY = Path(__file__).resolve().parents[1]
WEIGHTS = Path(str(resources.files("dance2music"))) / "weights"
MAX_MEGABYTES = 20.0
MAX_SYMBOLIC_MEGABYTES = 12.0
MAX_PAPERS_MEGABYTES = 12.0


def test_the_model_card_says_what_the_files_are() -> None:
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "model_card.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONPATH": ":".join(sys.path)})
    assert done.returncode == 0, done.stderr


def test_every_method_has_its_weights() -> None:
    names = {path.stem for path in WEIGHTS.glob("*.safetensors")}
    assert {"codec", "planned", "memory", "dance_genre", "music_genre", "rhythm", "perceptual", *PAPER_GANS} <= names


def test_the_weights_stay_small() -> None:
    sizes = {path.stem: path.stat().st_size for path in WEIGHTS.glob("*.safetensors")}
    symbolic = sum(size for name, size in sizes.items() if name in SYMBOLIC)
    papers = sum(size for name, size in sizes.items() if name in PAPER_GANS)
    assert symbolic <= MAX_SYMBOLIC_MEGABYTES * 1e6 and papers <= MAX_PAPERS_MEGABYTES * 1e6
    assert sum(sizes.values()) - symbolic - papers <= MAX_MEGABYTES * 1e6
