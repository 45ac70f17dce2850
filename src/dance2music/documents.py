"""JSON that everyone can read; JSON and names of files out of documents that strangers wrote: bounded, never out of their folder."""

from __future__ import annotations

import dataclasses
import json
import math
from functools import cache
from pathlib import Path, PurePath
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from dance2music.errors import InputError

LONGEST_PLAIN_NAME = 200


def json_value(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises
    ------
    json.JSONDecodeError
        If it is none; if it is nested too deeply or holds a number of thousands of digits, too.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise json.JSONDecodeError("it is nested too deeply", "", 0) from None
    except ValueError as error:  # bytes that are no text, numbers of too many digits
        raise json.JSONDecodeError(" ".join(str(error).split())[:100], "", 0) from None


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON of a value as browsers and strict readers take it: what is no number (NaN) or has no end is null (RFC 8259, section 6)."""
    return json.dumps(finite(value), indent=indent, allow_nan=False)


def finite(value: Any) -> Any:
    """A value with None in the place of numbers that JSON does not know, texts as keys and lists for tuples."""
    if isinstance(value, dict):
        return {str(key): finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    if hasattr(value, "item"):  # a number of numpy
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain_name(name: object, *, where: str) -> str:
    """A name that a document gives to something that becomes files.

    Raises
    ------
    InputError
        If it is no name of a file: it has a slash in it, begins with a dot, is empty or too long.
    """
    bad = not isinstance(name, str) or not name or name.startswith(".") or any(letter in name for letter in "/\\\0")
    if bad or len(str(name)) > LONGEST_PLAIN_NAME:
        raise InputError(f"{where}: {str(name)[:80]!r} cannot be a name; expected letters without a slash; correct it")
    return str(name)


def inside(folder: Path, name: object, *, where: str) -> Path:
    """A file that a document in ``folder`` names, which lies in there.

    Raises
    ------
    InputError
        If the name leads out of the folder, or is none.
    """
    if not isinstance(name, str) or not name or "\0" in name or PurePath(name).is_absolute() or ".." in PurePath(name).parts:
        raise InputError(f"{where}: {str(name)[:80]!r} leads out of {folder}; expected the name of a file in it; correct it")
    return folder / name


_hints = cache(get_type_hints)


def fits(value: Any, hint: Any) -> bool:
    """Whether a value that came out of JSON is of a hinted type, with all that is in it; a whole number is a number, true is none."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(fits(value, one) for one in inner)
    if hint is float or hint is int:
        return isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = _hints(hint)
        names = [field.name for field in dataclasses.fields(hint) if field.compare]
        return isinstance(value, hint) and all(fits(getattr(value, name), hints[name]) for name in names)
    if origin is dict:
        return isinstance(value, dict) and all(fits(key, inner[0]) and fits(one, inner[1]) for key, one in value.items())
    if origin in (list, tuple):
        return isinstance(value, origin) and all(fits(one, inner[0]) for one in value)
    return isinstance(value, hint)
