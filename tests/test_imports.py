"""Every module imports, and starting the command pulls in nothing heavy."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys

import pytest

import dance2music

MODULES = sorted(module.name for module in pkgutil.walk_packages(dance2music.__path__, "dance2music."))
EXTRAS = {f"dance2music.studio.{name}": "starlette" for name in ("api", "dance_api", "endpoints", "guard", "take_api")}
"""Modules that need an extra, and what it brings."""
HEAVY = ("torch", "mediapipe", "librosa", "cv2", "matplotlib", "lightning_fabric", "scipy", "numba", "symusic")


@pytest.mark.parametrize("name", MODULES)
def test_module_imports(name: str) -> None:
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name], reason=f"{EXTRAS[name]} is not installed: pip install 'dance2music[studio]', to run this test")
    importlib.import_module(name)


def imported_by(statement: str) -> set[str]:
    """Top-level packages in a new Python after ``statement``."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    code = f"{statement}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment).stdout.split())


@pytest.mark.parametrize("module", ["dance2music", "dance2music.cli.main"])
def test_importing_the_package_or_its_command_loads_nothing_heavy(module: str) -> None:
    loaded = imported_by(f"import {module}")
    assert "dance2music" in loaded
    assert loaded.isdisjoint(HEAVY), f"import {module} loads {loaded.intersection(HEAVY)}"


def test_no_part_of_the_main_path_needs_training_libraries() -> None:
    loaded = imported_by("import dance2music.generation.pipeline, dance2music.checkpoint, dance2music.takes.methods")
    assert loaded.isdisjoint({"lightning_fabric", "tensorboard", "pytest"})
