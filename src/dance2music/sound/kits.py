"""One table: what each of the ten genres sounds like. Drum kit, instruments, levels, room, ducking and tone of the master.

A row names instruments for General MIDI programs by role; a program that a row does not name has its usual sound (`patches`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dance2music.sound import drum_kits, patches
from dance2music.sound.drum_kits import DrumKit
from dance2music.sound.patch import Patch
from dance2music.types import GENRES

_LEVELS_DB = {"drums": 0.0, "bass": 2.0, "chords": -3.0, "lead": -2.0, "pad": -8.0, "effects": -6.0}
_ROOM = {"bass": 0.0, "chords": 0.16, "lead": 0.2, "pad": 0.22, "effects": 0.2}


@dataclass(frozen=True)
class GenreSound:
    """Sound of a genre.

    Attributes
    ----------
    kit : DrumKit.
    instruments : role -> {General MIDI program: Patch}.
    levels_db : role -> level on the desk, dB; roles that are left out have the usual one.
    room_seconds, room_gated : of the room; ``room`` : role -> level of the send to it; ``drum_room_db`` : change of the drums' sends.
    echo : role -> level of the send to the echo.
    duck_db : role -> depth of the kick's ducking, dB, and ``duck_seconds`` its release.
    drive : role -> saturation (`effects.saturated`); drums: of everything but the kick.
    low_pass_hz : role -> upper end of dull (sampled) sounds.
    low_db, high_db : shelves of the master at 90 Hz and 9 kHz.
    vinyl_db : level of record noise, or None.
    """

    kit: DrumKit
    instruments: Mapping[str, Mapping[int, Patch]] = field(default_factory=dict)
    levels_db: Mapping[str, float] = field(default_factory=dict)
    room_seconds: float = 0.7
    room_gated: bool = False
    room: Mapping[str, float] = field(default_factory=dict)
    drum_room_db: float = 0.0
    echo: Mapping[str, float] = field(default_factory=lambda: {"lead": 0.12})
    duck_db: Mapping[str, float] = field(default_factory=lambda: {"bass": 4.0, "pad": 4.0})
    duck_seconds: float = 0.12
    drive: Mapping[str, float] = field(default_factory=lambda: {"drums": 0.8, "bass": 1.0, "chords": 1.2, "lead": 1.2, "pad": 0.8})
    low_pass_hz: Mapping[str, float] = field(default_factory=dict)
    low_db: float = 0.0
    high_db: float = 1.5
    vinyl_db: float | None = None

    def patch(self, role: str, program: int) -> Patch:
        """The instrument of a role and program; bass tracks whose program is no bass have one all the same."""
        own = self.instruments.get(role, {})
        if program in own:
            return own[program]
        if role == "bass" and program == 16:
            return patches.ORGAN_BASS
        if role == "bass" and not 32 <= program % 128 < 40:
            return own[min(own)] if own else patches.FINGER_BASS
        return patches.program_patch(program)

    def level_db(self, role: str) -> float:
        """Level of a role in the mix, in dB."""
        return self.levels_db.get(role, _LEVELS_DB[role])

    def room_send(self, role: str) -> float:
        """Share of a role that goes to the room."""
        return self.room.get(role, _ROOM[role])


P = patches

BREAK = GenreSound(
    drum_kits.BREAK_KIT,
    {"bass": {33: P.FINGER_BASS, 36: P.SLAP_BASS}, "lead": {61: P.BRASS_SECTION}, "chords": {61: P.BRASS_SECTION}},
    levels_db={"bass": 2.5},
    room_seconds=0.5,
    drum_room_db=2.0,
    duck_db={"bass": 4.0, "pad": 4.0},
    duck_seconds=0.09,
    drive={"drums": 1.6, "bass": 1.4, "chords": 1.5, "lead": 1.5, "pad": 1.0},
)
POP = GenreSound(
    drum_kits.POP_KIT,
    {
        "bass": {38: P.FUNK_BASS, 39: P.FUNK_BASS},
        "chords": {62: P.SYNTH_BRASS},
        "lead": {62: P.SYNTH_BRASS, 80: P.SQUARE_LEAD, 81: P.SAW_LEAD},
    },
    levels_db={"bass": 6.0, "chords": 1.0, "lead": 1.0, "pad": -5.0},
    room_seconds=0.42,
    room_gated=True,
    drum_room_db=3.0,
    echo={"lead": 0.18, "chords": 0.06},
    duck_db={"bass": 5.0, "pad": 6.0},
)
LOCK = GenreSound(
    drum_kits.LOCK_KIT,
    {"bass": {36: P.SLAP_BASS, 33: P.DISCO_BASS}, "chords": {16: P.GOSPEL_ORGAN}, "pad": {16: P.GOSPEL_ORGAN}},
    levels_db={"bass": 1.5, "chords": -5.0, "lead": -4.0, "pad": -11.0},
    room_seconds=0.5,
    echo={"lead": 0.06},
    duck_seconds=0.09,
    drive={"drums": 1.2, "bass": 1.4, "chords": 1.3, "lead": 1.4, "pad": 1.0},
)
MIDDLE_HIP_HOP = GenreSound(
    drum_kits.BOOM_BAP_KIT,
    {"bass": {32: P.UPRIGHT_BASS, 33: P.FINGER_BASS, 39: P.SUB_BASS}},
    levels_db={"bass": 5.0, "chords": -1.0, "lead": 2.0, "pad": -6.0},
    room_seconds=0.55,
    echo={"lead": 0.16},
    duck_db={"bass": 4.0, "chords": 2.5, "pad": 5.0},
    duck_seconds=0.15,
    drive={"drums": 2.0, "bass": 1.4, "chords": 2.0, "lead": 1.4, "pad": 1.4},
    low_pass_hz={"chords": 5200.0, "pad": 4200.0},
    low_db=1.5,
    vinyl_db=2.0,
)
LA_HIP_HOP = GenreSound(
    drum_kits.TRAP_KIT,
    {
        "bass": {39: P.BASS_808, 38: P.BASS_808},
        "chords": {10: P.DARK_BELL, 45: P.PIZZICATO, 0: P.PIANO},
        "lead": {80: P.PLUCK, 10: P.MUSIC_BOX},
    },
    levels_db={"bass": 1.5, "chords": -1.0, "lead": 0.5, "pad": -7.0},
    room_seconds=1.1,
    echo={"lead": 0.22, "chords": 0.08},
    duck_db={"bass": 5.0, "pad": 6.0, "chords": 2.0},
    duck_seconds=0.13,
    low_db=1.5,
    high_db=2.5,
)
HOUSE = GenreSound(
    drum_kits.HOUSE_KIT,
    {
        "bass": {38: P.HOUSE_BASS, 16: P.ORGAN_BASS, 39: P.SUB_BASS},
        "chords": {0: P.HOUSE_PIANO, 16: P.HOUSE_ORGAN, 5: P.STAB},
        "lead": {81: P.SUPERSAW},
    },
    levels_db={"drums": -5.0, "bass": 5.5, "chords": 1.0, "lead": 0.0, "pad": -5.0},
    room_seconds=0.9,
    echo={"lead": 0.18, "chords": 0.09},
    duck_db={"bass": 8.0, "pad": 8.0, "chords": 4.0, "lead": 2.0},
    duck_seconds=0.17,
    low_db=1.5,
    high_db=2.5,
)
WAACK = GenreSound(
    drum_kits.DISCO_KIT,
    {"bass": {33: P.DISCO_BASS, 38: P.FUNK_BASS}, "lead": {48: P.FAST_STRINGS, 61: P.BRASS_SECTION}},
    levels_db={"bass": 4.0, "chords": -1.0, "lead": -3.5, "pad": -7.0},
    room_seconds=0.7,
    echo={"lead": 0.08},
    duck_db={"bass": 5.0, "pad": 5.0, "chords": 2.0},
    high_db=2.0,
)
KRUMP = GenreSound(
    drum_kits.KRUMP_KIT,
    {
        "bass": {39: P.HARD_808, 38: P.REESE_BASS},
        "chords": {61: P.BIG_BRASS, 62: P.BIG_BRASS, 48: P.FAST_STRINGS},
        "lead": {81: P.SAW_LEAD, 62: P.BIG_BRASS},
    },
    levels_db={"drums": -4.0, "bass": 5.0, "chords": 0.0, "lead": 1.0, "pad": -5.0},
    room_seconds=1.0,
    drum_room_db=2.0,
    echo={"lead": 0.12},
    duck_db={"bass": 4.0, "pad": 5.0, "chords": 2.0},
    duck_seconds=0.1,
    low_db=1.0,
    drive={"drums": 2.5, "bass": 2.0, "chords": 2.0, "lead": 2.0, "pad": 1.2},
)
STREET_JAZZ = GenreSound(
    drum_kits.STREET_KIT,
    {"bass": {38: P.HOUSE_BASS}, "chords": {4: P.ELECTRIC_PIANO, 0: P.PIANO}},
    levels_db={"bass": 2.5, "chords": -4.0, "lead": -3.5, "pad": -9.0},
    room_seconds=0.8,
    echo={"lead": 0.14, "chords": 0.04},
    duck_db={"bass": 4.5, "pad": 5.0},
    high_db=2.0,
)
BALLET_JAZZ = GenreSound(
    drum_kits.JAZZ_KIT,
    {"bass": {32: P.UPRIGHT_BASS}},
    levels_db={"drums": 1.0, "bass": -2.0, "chords": -5.0, "lead": -6.5, "pad": -11.0},
    room_seconds=1.4,
    room={"chords": 0.22, "lead": 0.26, "pad": 0.3},
    drum_room_db=2.0,
    echo={"lead": 0.03},
    duck_db={"bass": 4.0, "pad": 4.0},
    duck_seconds=0.08,
    drive={"drums": 0.4, "bass": 0.6, "chords": 0.6, "lead": 0.6, "pad": 0.4},
)

GENRE_SOUNDS: tuple[GenreSound, ...] = (
    BREAK,
    POP,
    LOCK,
    MIDDLE_HIP_HOP,
    LA_HIP_HOP,
    HOUSE,
    WAACK,
    KRUMP,
    STREET_JAZZ,
    BALLET_JAZZ,
)
"""Sound of each genre, in the order of `GENRES`."""

assert len(GENRE_SOUNDS) == len(GENRES)
