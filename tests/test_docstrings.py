"""Public functions, methods and classes say what they take and give.

Public is what has no leading underscore and stands in a module or in a public class, not inside a function. Three rules:

1. It has a docstring.
2. A function that takes or returns a ``Tensor`` or ``ndarray`` names a shape in square brackets, ``[B, E, L]``, ``[n]`` or ``[...]``.
3. A function that itself raises `InputError` says so: a ``Raises`` section, or a sentence with "raises".

Commands of ``cli`` are free of the third: their docstrings are help texts, and every error of theirs is shown to the user as it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import dance2music

PACKAGE = Path(dance2music.__file__).parent
ARRAY = re.compile(r"\b(Tensor|ndarray)\b")
Definition = ast.ClassDef | ast.FunctionDef


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Qualified names and nodes of the public definitions of a module or class."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}{node.name}.")


def annotations(function: ast.FunctionDef) -> str:
    """All types of a signature as one text."""
    a = function.args
    arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, *(x for x in (a.vararg, a.kwarg) if x)]
    return " ".join(ast.unparse(x) for x in [*(argument.annotation for argument in arguments), function.returns] if x)


def raises_input_error(function: ast.FunctionDef) -> bool:
    return any(isinstance(x, ast.Raise) and x.exc and "InputError" in ast.unparse(x.exc) for x in ast.walk(function))


def faults(source: str, *, is_command: bool = False) -> list[str]:
    """What the public definitions of a module lack, as ``LINE NAME: what``."""
    found = []
    for name, node in public(ast.parse(source).body):
        text = ast.get_docstring(node) or ""
        if not text:
            found.append(f"{node.lineno} {name}: has no docstring")
        elif isinstance(node, ast.FunctionDef):
            if ARRAY.search(annotations(node)) and "[" not in text:
                found.append(f"{node.lineno} {name}: takes or returns arrays and names no shape")
            if not is_command and raises_input_error(node) and "raises" not in text.lower():
                found.append(f"{node.lineno} {name}: raises InputError and does not say so")
    return found


@pytest.mark.parametrize("room", sorted({path.relative_to(PACKAGE).parts[0] for path in PACKAGE.rglob("*.py")}))
def test_public_definitions_say_what_they_take_and_give(room: str) -> None:
    paths = [PACKAGE / room] if room.endswith(".py") else sorted((PACKAGE / room).rglob("*.py"))
    found = [
        f"{path.relative_to(PACKAGE)}:{fault}" for path in paths for fault in faults(path.read_text("utf-8"), is_command=room == "cli")
    ]
    assert not found, "\n".join(found)


def test_a_function_without_a_docstring_is_found_and_private_and_nested_ones_are_not() -> None:
    source = "def f():\n def g(): pass\ndef _h(): pass\nclass _C:\n def m(self): pass\nclass D:\n 'A class.'\n def m(self): pass\n"
    assert faults(source) == ["1 f: has no docstring", "8 D.m: has no docstring"]


def test_an_array_without_a_shape_is_found() -> None:
    source = "def f(x: Tensor): 'Doubled.'\ndef g() -> np.ndarray: 'Times [n].'\ndef h(x: int): 'A number.'\n"
    assert faults(source) == ["1 f: takes or returns arrays and names no shape"]


def test_an_input_error_that_is_not_announced_is_found_outside_of_commands() -> None:
    source = "def f():\n 'Read.'\n raise InputError('x')\ndef g():\n 'Raises InputError at once.'\n raise InputError('x')\n"
    assert faults(source) == ["1 f: raises InputError and does not say so"]
    assert faults(source, is_command=True) == []
