"""The script of docs/studio.md runs as it stands there, and the API's document is whole."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from studio_server import Running

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "studio.md"


def test_the_script_of_the_document_gets_music_for_a_drawn_dance(studio: Running, tmp_path: Path) -> None:
    (script,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py", studio.address], cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"Take 1 [a-z-]+ [\d.]+\n", done.stdout)
    assert (tmp_path / "Take 1.wav").stat().st_size > 100_000


def test_the_document_of_the_api_names_every_path_with_its_body(studio: Running) -> None:
    document = studio.ask("GET", "/api/openapi.json")
    assert document["openapi"].startswith("3.1")
    takes = document["paths"]["/api/dances/{id}/takes"]["post"]
    name = takes["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert document["components"]["schemas"][name]["properties"]["count"]["type"] == "integer"
    operations = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(operations) == len(set(operations))
