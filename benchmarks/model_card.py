"""Write the table of the embedded weights into their model card, and their digests into sha256.json.

    python benchmarks/model_card.py [--check]

With ``--check`` nothing is written; the exit code is 1 if the card or the list does not say what the files are.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import resources
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- files -->", "<!-- /files -->"
WEIGHTS = Path(str(resources.files("dance2music"))) / "weights"


def row(path: Path) -> str:
    """One file: size, parameters, steps of every training loop with their seeds, digest."""
    from dance2music.checkpoint import load_model, read_provenance, sha256_of

    provenance = read_provenance(path)
    count = sum(parameter.numel() for parameter in load_model(path).parameters())
    loops = ", ".join(f"{name} {loop['steps']} (seed {loop['seed']})" for name, loop in loops_of(provenance))
    size = path.stat().st_size
    return f"| `{path.stem}` | {size / 1e6:.2f} MB | {count / 1e6:.2f} M | {loops or '-'} | `{sha256_of(path)[:16]}` |"


def loops_of(values: dict[str, Any], name: str = "training") -> list[tuple[str, dict[str, Any]]]:
    """Every training loop's settings in nested provenance, by the name of what holds it."""
    found = []
    for key, value in values.items():
        if isinstance(value, dict):
            found += [(name, value)] if key == "loop" and {"steps", "seed"} <= value.keys() else loops_of(value, key)
    return found


def table(weights: Path = WEIGHTS) -> str:
    """The Markdown table of all files."""
    rows = [row(path) for path in sorted(weights.glob("*.safetensors"))]
    return "\n".join(["| File | Size | Parameters | Steps | sha256 |", "| --- | --- | --- | --- | --- |", *rows])


def main() -> int:
    """Write or check the card and the list of digests."""
    from dance2music.checkpoint import sha256_of

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if the card is out of date")
    arguments = parser.parse_args()
    card = WEIGHTS / "README.md"
    text = card.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    new = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    digests = json.dumps({path.name: sha256_of(path) for path in sorted(WEIGHTS.glob("*.safetensors"))}, indent=1) + "\n"
    if not arguments.check:
        card.write_text(new, encoding="utf-8")
        (WEIGHTS / "sha256.json").write_text(digests, encoding="utf-8")
        return 0
    if new != text:
        sys.stderr.write(f"{card}: out of date; run python benchmarks/model_card.py\n")
        return 1
    if json.loads((WEIGHTS / "sha256.json").read_text(encoding="utf-8")) != json.loads(digests):
        sys.stderr.write(f"{WEIGHTS / 'sha256.json'}: out of date; run python benchmarks/model_card.py\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
