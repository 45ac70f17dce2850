"""The instruments of a take: which play its roles, and the same notes with others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dance2music.errors import InputError
from dance2music.takes.take import Edit, Take, levelled
from dance2music.types import Latents, Score

VOICES: dict[str, dict[str, int]] = {
    "bass": {"upright bass": 32, "finger bass": 33, "slap bass": 36, "synth bass": 38, "sub bass": 39},
    "chords": {
        "piano": 0, "electric piano": 4, "FM piano": 5, "clavinet": 7, "organ": 16, "clean guitar": 27, "muted guitar": 28,
        "strings": 48, "synth strings": 50, "brass": 61, "synth brass": 62,
    },
    "lead": {
        "music box": 10, "vibraphone": 11, "pizzicato": 45, "trumpet": 56, "brass": 61, "saxophone": 65, "flute": 73, "square lead": 80,
        "saw lead": 81, "electric piano": 4,
    },
    "pad": {"organ": 16, "strings": 48, "synth strings": 50, "choir": 52, "warm pad": 89},
}  # fmt: skip
"""Role -> name of an instrument -> General MIDI program (from 0). The drum kit is the genre's."""


def voices_of(take: Take) -> dict[str, str]:
    """The instruments of the roles that play in a take, by name; "" for one that has none here. Nothing where the music is no score."""
    if not isinstance(take.latest, Score):
        return {}
    names = {role: {program: name for name, program in found.items()} for role, found in VOICES.items()}
    return {track.role: names[track.role].get(track.program, "") for track in take.latest.tracks if track.role in VOICES and track.notes}


def with_voices(take: Take, voices: Mapping[str, str]) -> Take:
    """The take with other instruments: the same notes, sections that were drawn again too.

    Parameters
    ----------
    voices : role -> name of its instrument, of `VOICES`; roles that are left out keep theirs.

    Raises
    ------
    InputError
        If a role or instrument is unknown, if a role does not play in this take, or if the take is one recording.
    """
    if not isinstance(take.latest, Score):
        raise InputError(
            f"instruments: the {take.given.sound} sound of {take.method} is one recording; expected notes; make a take in the studio"
        )
    playing = voices_of(take)
    for role, name in voices.items():
        if role not in VOICES:
            raise InputError(f"instruments: role {role!r} is unknown; expected some of {', '.join(VOICES)}")
        if name not in VOICES[role]:
            raise InputError(f"instruments: {name!r} does not play {role}; expected one of {', '.join(VOICES[role])}")
        if role not in playing:
            raise InputError(f"instruments: {role} does not play in this take; expected some of {', '.join(playing) or 'no role'}")

    def played(music: Latents | Score) -> Latents | Score:
        assert isinstance(music, Score), "edits are as the music"
        chosen = [replace(t, program=VOICES[t.role][voices[t.role]]) if t.role in voices else t for t in music.tracks]
        return replace(music, tracks=chosen)

    edits = tuple(Edit(edit.span, edit.seed, played(edit.music)) for edit in take.edits)
    changed = replace(take, music=played(take.music), edits=edits)
    return changed if take.finishing.levels is None else levelled(changed)
