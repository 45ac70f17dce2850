"""Config dataclasses to and from JSON, with overrides that are checked against the types of their fields.

A config is a frozen dataclass that sits above the class it configures. Files hold plain nested tables, so that a checkpoint carries the
config that rebuilds its model and nothing is ever unpickled.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import reprlib
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from dance2music.documents import json_value
from dance2music.errors import ConfigError, InputError

C = TypeVar("C")


def to_dict(config: Any) -> dict[str, Any]:
    """Plain nested dict of a config dataclass; tuples stay tuples (JSON writes them as lists)."""
    assert dataclasses.is_dataclass(config) and not isinstance(config, type)
    return dataclasses.asdict(config)


def to_json(config: Any) -> str:
    """JSON text of a config dataclass, keys in field order."""
    return json.dumps(to_dict(config))


def from_dict(kind: type[C], values: dict[str, Any], *, where: str = "config") -> C:
    """Build config ``kind`` from a plain dict.

    Raises
    ------
    ConfigError
        If a key is no field of ``kind`` or a value has another type; the message names the field, the value and the expected type.
    """
    hints = get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for key in values:
        if key not in names:
            raise ConfigError(f"{where}: unknown field {key!r} of {kind.__name__}; expected one of {', '.join(names)}")
    fields = {key: _coerce(value, hints[key], f"{where}.{key}") for key, value in values.items()}
    with settings_of(where):
        return kind(**fields)


def from_json(kind: type[C], text: str, *, where: str = "config") -> C:
    """Build config ``kind`` from JSON text."""
    try:
        values = json_value(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where}: not valid JSON ({error.msg} at character {error.pos})") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected a JSON object with the fields of {kind.__name__}, got {type(values).__name__}")
    return from_dict(kind, values, where=where)


def override(config: C, assignments: list[str]) -> C:
    """Replace fields by ``name=value`` texts; nested fields as ``outer.inner=value``, one of several as ``outer.0.inner=value``.

    Raises
    ------
    ConfigError
        If a text has no ``=``, the name is no field, or the value does not fit the field's type.
    """
    for text in assignments:
        name, sign, value = text.partition("=")
        if not sign:
            raise ConfigError(f"override {text!r}: expected name=value, for example steps=1000")
        config = _replace(config, name.split("."), value, name)
    return config


@contextmanager
def settings_of(where: str) -> Iterator[None]:
    """Of settings that are refused in the block say whose they are: a ConfigError of "steps: -1" is one of "codec.loop.steps: -1"."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{where}.{error}") from error


def check_ranges(config: Any, **allowed: tuple[float, float] | tuple[str, ...]) -> None:
    """Refuse fields with values that nothing can be done with: for the ``__post_init__`` of a config, so that they stand beside it.

    Parameters
    ----------
    allowed : by field, the lowest and the highest number (infinite: as high as one likes), or the texts that it may have; a tuple has
        one such value or several.

    Raises
    ------
    ConfigError
        If a field has another value; the message names it, the value and what was expected.
    """
    for name, those in allowed.items():
        value = getattr(config, name)
        given = value if isinstance(value, list | tuple) else (value,)
        if isinstance(those[0], str):
            fits, expected = all(one in those for one in given), f"one of {', '.join(map(str, those))}"
        else:
            low, high = those
            fits = all(isinstance(one, Real) and low <= one <= high for one in given)  # type: ignore[operator]
            expected = f"{low} or more" if high == math.inf else f"{low} to {high}"
        if not fits or not given:
            raise ConfigError(f"{name}: {reprlib.repr(value)}; expected {expected}; set it so")


def fit_fields(options: Any) -> None:
    """Make the fields of a frozen dataclass what they are said to be, in place: names of files become paths, lists tuples.

    For dataclasses whose fields a user sets from Python: a whole number is a number, and nothing else is guessed.

    Raises
    ------
    InputError
        If a field has a value of another type; the message names it, the value and what was expected.
    """
    for name, hint in get_type_hints(type(options)).items():
        object.__setattr__(options, name, _fitted(getattr(options, name), hint, name))


_SAID = {int: "a whole number", float: "a number", bool: "True or False", str: "a text", Path: "the name of a file"}


def _fitted(value: Any, hint: Any, name: str) -> Any:
    """The value as the hinted type (``X`` or ``X | None``), or an InputError."""
    optional = isinstance(hint, types.UnionType)
    kind = next(one for one in get_args(hint) if one is not type(None)) if optional else hint
    if value is None and optional:
        return None
    if kind is Path and isinstance(value, str | os.PathLike) and "\0" not in os.fsdecode(value):
        return Path(os.fsdecode(value))
    if kind in (int, float) and not isinstance(value, bool) and isinstance(value, Integral if kind is int else Real):
        if kind is float and isinstance(value, Integral) and abs(int(value)) > sys.float_info.max:
            raise InputError(f"option {name}: {reprlib.repr(value)} is too large; expected a number below {sys.float_info.max:.1e}")
        return kind(value)
    if kind in (bool, str) and isinstance(value, kind):
        return value
    if get_origin(kind) is tuple and isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return tuple(value)
    expected = _SAID.get(kind, "a list of texts") + (" or None" if optional else "")
    raise InputError(f"option {name}: {reprlib.repr(value)} is of type {type(value).__name__}; expected {expected}; give one")


def _replace(config: Any, path: list[str], value: str, where: str) -> Any:
    if isinstance(config, tuple):
        return _replace_one(config, path, value, where)
    if not dataclasses.is_dataclass(type(config)):
        raise ConfigError(f"override {where}: {reprlib.repr(config)} has no field {path[0]!r}; it is a value; leave .{'.'.join(path)} out")
    hints = get_type_hints(type(config))
    if path[0] not in hints:
        raise ConfigError(f"override {where}: {type(config).__name__} has no field {path[0]!r}; it has {', '.join(hints)}")
    if len(path) > 1:
        new = _replace(getattr(config, path[0]), path[1:], value, where)
    else:
        new = _coerce(_plain(value), hints[path[0]], where)
    outer = where.split(".")[: -len(path)]
    with settings_of(".".join(outer)) if outer else nullcontext():
        return dataclasses.replace(config, **{path[0]: new})


def _replace_one(values: tuple[Any, ...], path: list[str], value: str, where: str) -> tuple[Any, ...]:
    """The tuple with one of its values, which the path begins with the number of, replaced."""
    if path[0] not in map(str, range(len(values))):
        numbers = f"0 to {len(values) - 1}" if values else "none, it is empty"
        raise ConfigError(f"override {where}: no value has the number {path[0]!r}; expected {numbers}")
    i = int(path[0])
    new = _replace(values[i], path[1:], value, where) if len(path) > 1 else _coerce(_plain(value), type(values[i]), where)
    return (*values[:i], new, *values[i + 1 :])


def _plain(text: str) -> Any:
    """The JSON value of a text, or the text."""
    try:
        return json_value(text)
    except json.JSONDecodeError:
        return text


def _coerce(value: Any, hint: Any, where: str) -> Any:
    """The value as the hinted type, or a ConfigError; int is taken for float, list for tuple, dict for a nested config."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in get_args(hint):
            return None
        return _coerce(value, next(a for a in get_args(hint) if a is not type(None)), where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        return from_dict(hint, value, where=where)
    if origin is tuple and isinstance(value, list | tuple):
        args = get_args(hint)
        inner = [args[0]] * len(value) if len(args) == 2 and args[1] is Ellipsis else list(args)
        if len(inner) != len(value):
            raise ConfigError(f"{where}: expected {len(inner)} values, got {len(value)}: {reprlib.repr(value)}")
        places = [f"{where}.{i}" if isinstance(v, dict) else where for i, v in enumerate(value)]
        return tuple(_coerce(v, a, place) for v, a, place in zip(value, inner, places))
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) > sys.float_info.max and not isinstance(value, float):
            raise ConfigError(f"{where}: expected a number below {sys.float_info.max:.1e}, got one of {len(str(value))} digits")
        return float(value)
    if isinstance(hint, type) and isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    name = getattr(hint, "__name__", str(hint))
    raise ConfigError(f"{where}: expected {name}, got {type(value).__name__} {reprlib.repr(value)}")
