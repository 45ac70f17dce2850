"""What requests say, as dataclasses: their fields are checked, and the API's document is written from them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, get_args, get_type_hints

from dance2music.types import GENRES

MOST_TAKES = 8


@dataclass(frozen=True)
class DrawDance:
    """A dance to draw."""

    seconds: float = field(default=10.0, metadata={"says": "length, 2 to 60"})
    genre: str | None = field(default=None, metadata={"enum": GENRES})


@dataclass(frozen=True)
class MakeTakes:
    """Takes to make for a dance."""

    count: int = field(default=1, metadata={"says": f"how many, 1 to {MOST_TAKES}"})
    seed: int | None = field(default=None, metadata={"says": "the same seed gives the same take; left out: one that was not used yet"})
    genre: str | None = field(default=None, metadata={"enum": GENRES, "says": "left out: as the dance has it"})
    method: str = field(default="planned", metadata={"says": "planned, composer or memory"})
    sound: str = field(default="", metadata={"says": "studio, hybrid, neural or soundfont; left out: the method's own"})


@dataclass(frozen=True)
class ChangeDance:
    """What can be changed of a dance."""

    title: str | None = None


@dataclass(frozen=True)
class ChangeTake:
    """What can be changed of a take; what is left out stays."""

    title: str | None = None
    starred: bool | None = None


def schema(kind: type) -> dict[str, Any]:
    """JSON Schema of a body."""
    hints, properties, needed = get_type_hints(kind), {}, []
    for item in fields(kind):
        hint = hints[item.name]
        inner = [part for part in get_args(hint) if part is not type(None)]
        about: dict[str, Any] = {"type": _TYPES[inner[0] if inner and hint not in _TYPES else hint]}
        if says := item.metadata.get("says"):
            about["description"] = says
        if enum := item.metadata.get("enum"):
            about["enum"] = list(enum)
        properties[item.name] = about
        if item.default is item.default_factory:  # both missing
            needed.append(item.name)
    described = {"type": "object", "description": kind.__doc__, "properties": properties, "additionalProperties": False}
    return described | ({"required": needed} if needed else {})


_TYPES: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object"}
