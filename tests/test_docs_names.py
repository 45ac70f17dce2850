"""The documents name files, modules and functions that exist; `docs/paper_map.md` has a test of its own."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import dance2music

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "src" / "dance2music"
DOCUMENTS = ["README.md", "CHANGELOG.md", *(str(path.relative_to(REPOSITORY)) for path in sorted((REPOSITORY / "docs").rglob("*.md")))]
DOCUMENTS.append("src/dance2music/weights/README.md")
FILE_ENDINGS = (".py", ".md", ".json", ".npz", ".mp4", ".wav", ".safetensors")
ROOMS = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}


def exists(dotted: str) -> bool:
    """True if a module of the package, or something in one, has that name."""
    parts = dotted.removeprefix("dance2music.").split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(["dance2music", *parts[:length]]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return parts[0] in dance2music.__all__


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_and_names_in_a_document_exist(document: str) -> None:
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    examples = re.findall(r"(?m)^`([\w/]+\.py)`:\n\n```python$", text)  # files that the document itself gives, to be written by the reader
    files = set(re.findall(r"`((?:[a-z_0-9]+/)+[a-z_0-9]+\.(?:py|md))`", text)) - set(examples)
    missing = [file for file in sorted(files) if not any((root / file).exists() for root in (REPOSITORY, PACKAGE.parent, PACKAGE))]
    names = [name for name in re.findall(r"`((?:\w+\.)+\w+)`", text) if name.split(".")[0] in ROOMS | {"dance2music"}]
    missing += [name for name in names if not name.endswith(FILE_ENDINGS) and not exists(name)]
    assert not missing, f"{document} names {', '.join(missing)}"
