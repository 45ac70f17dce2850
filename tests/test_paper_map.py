"""The map from the papers to the code names things that exist."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

from dance2music import losses

PAPER_MAP = Path(__file__).resolve().parents[1] / "docs" / "paper_map.md"
TEXT = PAPER_MAP.read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`(dance2music\.[\w.]+)`", TEXT)))


def find(name: str) -> object:
    """The module, class, function or method with that dotted name."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(name)


def rows_of(heading: str) -> list[list[str]]:
    """Cells of the table below a heading, without its head."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_the_map_can_be_imported(name: str) -> None:
    assert find(name) is not None


def test_a_name_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(AttributeError):
        find("dance2music.losses.no_such_loss")
    with pytest.raises(AttributeError):
        find("dance2music.no_such_module.thing")


@pytest.mark.parametrize(("paper", "last"), [("D2M-GAN", 8), ("Creative-GAN", 13)])
def test_every_equation_has_a_row(paper: str, last: int) -> None:
    places = [row[0] for row in rows_of(paper)]
    numbers = {int(number) for place in places if place.startswith("Eq.") for number in re.findall(r"\d+", place.partition("Sec.")[0])}
    assert numbers == set(range(1, last + 1))


@pytest.mark.parametrize("paper", ["D2M-GAN", "Creative-GAN"])
def test_every_row_names_code_or_says_that_there_is_none_yet(paper: str) -> None:
    for row in rows_of(paper):
        assert len(row) == 4, row
        assert "`dance2music." in row[2] or row[2] == "**not yet**", row


def test_every_loss_is_in_the_map() -> None:
    public = [f"dance2music.losses.{name}" for name, _ in inspect.getmembers(losses, inspect.isfunction) if not name.startswith("_")]
    assert len(public) >= 9 and set(public) <= set(NAMES)


def test_every_misprint_that_a_row_points_to_is_settled() -> None:
    pointed = {int(number) for number in re.findall(r"misprint (\d+)", TEXT)}
    settled = {int(number) for number in re.findall(r"(?m)^(\d+)\. \*\*(?:D2M|Creative)", TEXT)}
    assert pointed == settled
