"""Other instruments for a take: the same notes, by names of roles and instruments."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.generation.pipeline import condition
from dance2music.generation.redraw import regenerate
from dance2music.sound.patches import PROGRAM_PATCHES
from dance2music.synthetic.drawing import example_dance
from dance2music.takes.methods import load_method
from dance2music.takes.take import Take, make_takes
from dance2music.takes.voices import VOICES, voices_of, with_voices
from dance2music.types import Score


@cache
def take(sound: str = "studio") -> Take:
    (made,) = make_takes(load_method("planned", sound=sound), condition(example_dance(4.0)[0]), seeds=[3])
    return made


def test_the_same_notes_sound_otherwise_in_that_role_and_edits_too() -> None:
    role = next(iter(voices_of(take())))
    other = next(name for name in VOICES[role] if name != voices_of(take())[role])
    drawn = regenerate(take(), (1.0, 2.5), seed=4)
    changed = with_voices(drawn, {role: other})
    assert voices_of(changed) == voices_of(drawn) | {role: other}
    assert isinstance(changed.music, Score) and isinstance(drawn.music, Score)
    assert [track.notes for track in changed.music.tracks] == [track.notes for track in drawn.music.tracks]
    assert not np.array_equal(changed.finished.samples, drawn.finished.samples)


def test_every_instrument_has_a_sound_of_its_own() -> None:
    assert {program for found in VOICES.values() for program in found.values()} <= set(PROGRAM_PATCHES)


@pytest.mark.parametrize(
    "voices, message", [({"drums": "piano"}, "role 'drums' is unknown"), ({"bass": "kazoo"}, "'kazoo' does not play bass")]
)
def test_what_there_is_not_is_refused(voices: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        with_voices(take(), voices)


def test_a_recording_has_no_instruments_to_change() -> None:
    assert voices_of(take("neural")) == {}
    with pytest.raises(InputError, match="is one recording"):
        with_voices(take("neural"), {"bass": "sub bass"})
