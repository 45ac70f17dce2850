"""What requests say, as dataclasses: their fields are checked, and the API's document is written from them."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, get_args, get_origin, get_type_hints

from dance2music.music.audio import AUDIO_SUFFIXES
from dance2music.music.markers import MARKER_SUFFIXES
from dance2music.takes.voices import VOICES
from dance2music.types import GENRES, ROLES

MOST_TAKES = 8


@dataclass(frozen=True)
class NewDance:
    """What is wished of the first take of a dance."""

    genre: str | None = field(default=None, metadata={"enum": GENRES, "says": "left out: chosen from the dance"})
    ending: bool = field(default=True, metadata={"says": "whether the music ends on a last chord; for a loop: false"})


@dataclass(frozen=True)
class UploadDance(NewDance):
    """A video that comes in, and its first take."""

    title: str = field(default="", metadata={"says": "name of the file"})


@dataclass(frozen=True)
class DrawDance(NewDance):
    """A dance to draw."""

    seconds: float = field(default=10.0, metadata={"says": "length, 2 to 60"})


@dataclass(frozen=True)
class MakeTakes:
    """Takes to make for a dance."""

    count: int = field(default=1, metadata={"says": f"how many, 1 to {MOST_TAKES}"})
    seed: int | None = field(default=None, metadata={"says": "the same seed gives the same take; left out: one that was not used yet"})
    genre: str | None = field(default=None, metadata={"enum": GENRES, "says": "left out: as the dance has it"})
    method: str = field(default="planned", metadata={"says": "planned, composer or memory"})
    sound: str = field(default="", metadata={"says": "studio, hybrid, neural or soundfont; left out: the method's own"})
    like: str | None = field(default=None, metadata={"says": "id of a take of this dance on whose beats they are made"})
    dancer: str | None = field(default=None, metadata={"says": "all, largest or a number, as the dance's about.dancers has them"})
    ending: bool | None = field(
        default=None, metadata={"says": "whether it ends on a last chord; left out: as was asked for ``like``, or for the dance"}
    )


@dataclass(frozen=True)
class ChangeRhythm(MakeTakes):
    """A take on other beats; what is left out stays as in the take ``like``, or as they were found."""

    factor: float | None = field(default=None, metadata={"says": "0.5 for half time, 2 for double time"})
    shift_beats: float = field(default=0.0, metadata={"says": "moves all beats, by -2 to 2 of them"})
    shift_downbeat: int = field(default=0, metadata={"says": "moves the first beat of the bar, by -3 to 3 beats"})
    tempo_bpm: float | None = field(default=None, metadata={"says": "a steady tempo, 40 to 240"})
    first_beat_seconds: float = field(default=0.0, metadata={"says": "where its first downbeat is"})
    taps_seconds: tuple[float, ...] = field(default=(), metadata={"says": "when the beat was tapped, the first tap on a downbeat"})


@dataclass(frozen=True)
class DrawSection:
    """A section of a take to draw again."""

    from_seconds: float
    to_seconds: float
    roles: tuple[str, ...] = field(default=(), metadata={"says": f"only these of {', '.join(ROLES)}; none: all"})
    genre: str | None = field(default=None, metadata={"enum": GENRES, "says": "left out: as the take"})
    energy: str = field(default="", metadata={"enum": ("", "calmer", "wilder")})
    count: int = field(default=3, metadata={"says": "how many to choose from, 1 to 8"})
    seed: int | None = field(default=None, metadata={"says": "left out: one that was not used yet"})


@dataclass(frozen=True)
class ChangeVoices:
    """Other instruments for a take; a role that is left out keeps its own."""

    bass: str | None = field(default=None, metadata={"enum": tuple(VOICES["bass"])})
    chords: str | None = field(default=None, metadata={"enum": tuple(VOICES["chords"])})
    lead: str | None = field(default=None, metadata={"enum": tuple(VOICES["lead"])})
    pad: str | None = field(default=None, metadata={"enum": tuple(VOICES["pad"])})


@dataclass(frozen=True)
class Export:
    """What to write of a take."""

    video: bool = True
    sounds: tuple[str, ...] = field(default=(), metadata={"says": f"suffixes of sound files, of {', '.join(AUDIO_SUFFIXES)}"})
    stems: bool = False
    midi: bool = False
    markers: tuple[str, ...] = field(default=(), metadata={"says": f"suffixes of files of beats, of {', '.join(MARKER_SUFFIXES)}"})
    take: bool = False
    original_db: float | None = field(default=None, metadata={"says": "the clip's own sound beside the music, -60 to 20 dB"})
    duck_db: float = field(default=0.0, metadata={"says": "by how much the music gives way to it, 0 to 60 dB"})
    loud: bool = field(default=True, metadata={"says": "bring a mix by faders to -14 LUFS"})


@dataclass(frozen=True)
class ListeningTest:
    """Takes to compare blindly."""

    takes: tuple[str, ...]


@dataclass(frozen=True)
class Fader:
    """One stem in the mix."""

    gain_db: float = field(default=0.0, metadata={"says": "-60 (silent) to 12"})
    mute: bool = False
    solo: bool = False


@dataclass(frozen=True)
class ChangeDance:
    """What can be changed of a dance."""

    title: str | None = None


@dataclass(frozen=True)
class ChangeTake:
    """What can be changed of a take; what is left out stays."""

    title: str | None = None
    starred: bool | None = None
    mix: dict | None = field(default=None, metadata={"says": "a fader per stem: { stem: { gain_db, mute, solo } }"})  # type: ignore[type-arg]


def schema(kind: type) -> dict[str, Any]:
    """JSON Schema of a body."""
    hints, properties, needed = get_type_hints(kind), {}, []
    for item in fields(kind):
        hint = hints[item.name]
        inner = [part for part in get_args(hint) if part is not type(None)]
        about: dict[str, Any]
        if get_origin(hint) is tuple:
            about = {"type": "array", "items": {"type": _TYPES[inner[0]]}}
        else:
            about = {"type": _TYPES[inner[0] if inner else hint]}
        if says := item.metadata.get("says"):
            about["description"] = says
        if enum := item.metadata.get("enum"):
            about["enum"] = list(enum)
        properties[item.name] = about
        if item.default is MISSING and item.default_factory is MISSING:
            needed.append(item.name)
    described = {"type": "object", "description": kind.__doc__, "properties": properties, "additionalProperties": False}
    return described | ({"required": needed} if needed else {})


_TYPES: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object"}
