"""benchmarks/RESULTS.md: every section has a command that exists today, a date with its commit, and a table; links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from dance2music.cli.main import app

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
PAGE = (BENCHMARKS / "RESULTS.md").read_text(encoding="utf-8")
SECTIONS = {text.split("\n", 1)[0]: text for text in re.split(r"(?m)^## ", PAGE)[1:]}
BLOCKS = re.findall(r"(?ms)^```\n(.*?)^```", PAGE)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]


def anchor(heading: str) -> str:
    """The fragment that a heading gets: lower case, hyphens for spaces, no punctuation."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_names_a_benchmark_or_a_verb_and_options_that_it_has(command: str) -> None:
    words = [word for word in shlex.split(command, comments=True) if "=" not in word]
    options = [word for word in words if word.startswith("--")]
    if words[0] == "dance2music":
        verb = get_command(app)
        for word in words[1:]:
            if not hasattr(verb, "commands"):
                break
            verb = verb.commands[word]
        known = {name for parameter in verb.params for name in (*parameter.opts, *parameter.secondary_opts)}
        assert set(options) <= known, f"{command}: {set(options) - known}"
        return
    assert words[0] == "python"
    script = (BENCHMARKS.parent / words[1]).read_text(encoding="utf-8")
    for option in options:
        assert f'"{option}"' in script, f"{words[1]} has no {option}"


@pytest.mark.parametrize("title", [title for title in SECTIONS if title != "Not measured"])
def test_a_section_has_a_command_a_dated_commit_and_then_a_table(title: str) -> None:
    text = SECTIONS[title]
    assert re.search(r"\d{4}-\d\d-\d\d", text) and re.search(r"commit [0-9a-f]{7}\b", text)
    assert 0 < text.find("```\n") < text.find("\n| ")


@pytest.mark.parametrize("page", sorted(str(path.relative_to(BENCHMARKS)) for path in BENCHMARKS.rglob("*.md")))
def test_links_of_the_results_and_their_history_lead_somewhere(page: str) -> None:
    path = BENCHMARKS / page
    for target, fragment in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", path.read_text(encoding="utf-8")):
        linked = path.parent / target if target else path
        assert linked.exists(), f"{page} links to {target}"
        if fragment:
            headings = re.findall(r"(?m)^#+ (.*)$", linked.read_text(encoding="utf-8"))
            assert fragment in map(anchor, headings), f"{page} links to {target}#{fragment}"


def test_every_page_of_the_history_is_listed() -> None:
    listed = set(re.findall(r"\]\(([^)]+)\)", (BENCHMARKS / "history" / "README.md").read_text(encoding="utf-8")))
    assert {path.name for path in (BENCHMARKS / "history").glob("*.md")} - {"README.md"} <= listed
