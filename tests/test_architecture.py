"""The house stays as docs/architecture.md draws it: layers that import downwards, no circles, rooms and files of a size to live in."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from dance2music.takes.methods import METHODS

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "dance2music"
LAYERS = (
    ("errors", "seeds", "types"),
    ("config", "documents", "files", "leftovers", "names", "work"),
    ("processes",),
    ("cluster",),
    ("parallel", "child", "losses", "checkpoint"),
    ("music", "video"),
    ("dance", "people"),
    ("nn",),
    ("codec", "rhythm", "perception"),
    ("metrics", "composer", "sound"),
    ("methods",),
    ("synthetic", "data"),
    ("scale",),
    ("train",),
    ("papers",),
    ("baselines",),
    ("recipe",),
    ("takes",),
    ("generation",),
    ("evaluation", "listening", "experiments"),
    ("studio",),
    ("cli",),
    ("entry",),
    ("__main__",),
)
"""Rooms from the bottom up: a room imports from its own layer and those above it in this table, never from those below."""
LARGEST_ROOM, LONGEST_FILE = 3300, 400


@cache
def modules() -> dict[str, Path]:
    """Every module by its dotted name."""
    paths = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
    return {".".join(("dance2music", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in paths}


@cache
def imports() -> dict[str, set[str]]:
    """Modules of the package that each module imports, at its head or inside a function, for types too."""
    found: dict[str, set[str]] = {}
    for name, path in modules().items():
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                names = {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
            elif isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            else:
                continue
            found[name] |= names & modules().keys()
    return found


def room(module: str) -> str:
    return module.split(".")[1]


def layer(module: str) -> int:
    return next(i for i, rooms in enumerate(LAYERS) if room(module) in rooms)


def test_every_room_is_in_a_layer_and_every_layer_has_rooms() -> None:
    assert {room(module) for module in modules()} == {name for rooms in LAYERS for name in rooms}


def test_no_import_runs_back_up_a_layer() -> None:
    upwards = [f"{a} -> {b}" for a, targets in imports().items() for b in targets if layer(b) > layer(a)]
    assert not upwards, "\n".join(sorted(upwards))


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert not circles(imports())


def test_a_circle_and_an_upward_import_would_be_noticed() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]
    assert layer("dance2music.cli.main") > layer("dance2music.generation.job") > layer("dance2music.types")


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Sets of modules of which each reaches all others."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(graph.get(start, ()))
        while waiting:
            module = waiting.pop()
            if module not in seen:
                seen.add(module)
                waiting += graph.get(module, ())
        return seen

    reach = {module: reached(module) for module in graph}
    found: list[set[str]] = []
    for module in graph:
        mates = {other for other in reach[module] if module in reach.get(other, ())}
        if mates and mates not in found:
            found.append(mates)
    return found


def test_rooms_and_files_are_of_a_size_to_live_in() -> None:
    lines: dict[str, int] = {}
    for module, path in modules().items():
        n = len(path.read_text(encoding="utf-8").splitlines())
        assert n <= LONGEST_FILE, f"{path.name} has {n} lines; split it by idea"
        if path.parent != PACKAGE:
            lines[room(module)] = lines.get(room(module), 0) + n
    assert max(lines.values()) <= LARGEST_ROOM, lines
    assert not [path for path in PACKAGE.rglob("*.py") if len(path.relative_to(PACKAGE).parts) > 2], "one level of folders"


def nodes(*rooms: str) -> list[tuple[str, ast.AST]]:
    """All nodes of the modules of some rooms."""
    chosen = [(name, path) for name, path in modules().items() if room(name) in rooms]
    return [(name, node) for name, path in chosen for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]


def test_no_code_asks_for_a_method_by_its_name() -> None:
    """What is special about a method is a field of its record; the papers' trainings have kinds of their own."""
    asked = []
    for module, node in nodes("generation", "takes", "methods", "cli", "evaluation", "listening", "parallel"):
        if isinstance(node, ast.Compare):
            texts = {part.value for part in [node.left, *node.comparators] if isinstance(part, ast.Constant)}
            if texts & METHODS.keys():
                asked.append(f"{module}:{node.lineno}: {ast.unparse(node)}")
    assert not asked, "\n".join(asked)


def test_the_contract_of_a_generator_is_not_looked_up_by_getattr() -> None:
    asked = []
    for module, node in nodes("generation", "takes", "methods"):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in ("getattr", "hasattr"):
            continue
        if ast.unparse(node.args[0]) not in ("import_module(method.module)", "plan", "kept"):  # a module; arrays of a plan
            asked.append(f"{module}:{node.lineno}: {ast.unparse(node)}")
    assert not asked, "\n".join(asked)
