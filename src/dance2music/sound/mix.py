"""The desk: a strip for each role, with its filter, saturation, ducking and level, and the sends to room and echo.

All that a strip does is its own, and room and echo are linear: so the mix is the sum of the strips' sounds and of the returns of the summed
sends, and a stem is one strip with the returns of its own sends. Drums bus: kick, and the rest, glued. Bass and kick stay dry and in the
middle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dance2music.sound import effects
from dance2music.sound.drum_track import DrumStrip, kick_strokes, place_drums
from dance2music.sound.dynamics import compression, ducking
from dance2music.sound.kits import GENRE_SOUNDS, GenreSound
from dance2music.sound.room import impulse_response, reverberate
from dance2music.sound.transition_sounds import Transition, place_transitions, vinyl
from dance2music.sound.voices import place_track
from dance2music.types import ROLES, Score

STEMS: tuple[str, ...] = (*ROLES, "effects")
"""Roles of a score, and what belongs to none: transitions and record noise."""

LOW_CUT_HZ: dict[str, float] = {"chords": 125.0, "lead": 150.0, "pad": 170.0, "effects": 25.0}
"""High pass of what is neither drums nor bass: the low end belongs to those."""

_MUD_HZ, _MUD_DB, _MUD_Q = 320.0, -2.0, 0.9
_PANS: dict[str, float] = {"chords": -0.2, "lead": 0.14, "pad": 0.0, "bass": 0.0}
_VINYL_LEVEL = 10.0 ** (-6.0 / 20.0)


class Strip(NamedTuple):
    """A role on the desk: dry sound [2, N], sends to room [N] and echo [N]; float32. Of drums the mean power of their bus."""

    dry: np.ndarray
    room: np.ndarray
    echo: np.ndarray
    bus_power: float = 0.0


def genre_sound(score: Score) -> GenreSound:
    """The row of the table for the score's genre; genres beyond it count from the start again."""
    return GENRE_SOUNDS[score.genre % len(GENRE_SOUNDS)]


def strips(
    score: Score,
    *,
    sample_rate: int,
    seed: int,
    instruments: Mapping[str, int],
    transitions: Sequence[Transition],
    roles: Sequence[str] = STEMS,
    drums_power: float | None = None,
) -> Iterator[tuple[str, Strip]]:
    """One strip after the other, for those of ``roles`` that have something to play; ``drums_power`` as in `master.Levels`."""
    for role in roles:
        # Nothing of a strip stays in a name here: it is the caller's, who may let go of it before the next one is made.
        if role == "effects":
            if transitions or _noisy(score):
                yield role, _effects(score, sample_rate, seed, transitions)
        elif any(track.role == role and track.notes for track in score.tracks):
            yield role, _played(score, role, sample_rate, seed, instruments, drums_power)


def _played(score: Score, role: str, sample_rate: int, seed: int, instruments: Mapping[str, int], drums_power: float | None) -> Strip:
    """The strip of all tracks of a role: drums, and what is pitched."""
    n_samples = round(score.duration_seconds * sample_rate)
    sound = genre_sound(score)
    tracks = [(i, track) for i, track in enumerate(score.tracks) if track.role == role and track.notes]
    pitched = [(i, track) for i, track in tracks if not track.is_drum]
    beaten: Strip | None = None
    if len(pitched) < len(tracks):
        strip = DrumStrip(*(np.zeros(shape, dtype=np.float32) for shape in (n_samples, (2, n_samples), n_samples)))
        for i, track in tracks:
            if track.is_drum:
                place_drums(track, sound.kit, score, strip, sample_rate=sample_rate, seed=_track_seed(seed, i))
        bus, power = _drum_bus(strip, sound, sample_rate, drums_power or None)
        beaten = Strip(bus, strip.room, np.zeros(0, dtype=np.float32), power)
        if not pitched:
            beaten.room[:] *= np.float32(10.0 ** (sound.drum_room_db / 20.0))
            return beaten
    voices = np.zeros((2, n_samples), dtype=np.float32)
    for i, track in pitched:
        patch = sound.patch(role, instruments.get(role, track.program))
        place_track(track, patch, score, voices, sample_rate=sample_rate, seed=_track_seed(seed, i), pan=_PANS.get(role, 0.0))
    made = _strip(voices, "chords" if role == "drums" else role, sound, kick_strokes(score, sound.kit), sample_rate)
    if beaten is not None:
        made.dry[:] += beaten.dry
        made.room[:] += beaten.room
        made = made._replace(bus_power=beaten.bus_power)
    return made


def add_returns(out: np.ndarray, room: np.ndarray, echo: np.ndarray, score: Score, *, sample_rate: int) -> None:
    """Add to ``out``, float32 [2, N], what comes back from room and echo for sends [N] each; an empty echo send is silence.

    The send to the room is used up.
    """
    sound = genre_sound(score)
    if len(echo) and echo.any():
        wet = effects.echo(echo, beat_seconds=60.0 / score.tempo_bpm, sample_rate=sample_rate)
        out += wet
        wet *= np.float32(0.1)
        room += wet[0]
        room += wet[1]
        del wet
    if room.any():
        reverberate(room, impulse_response(sound.room_seconds, sample_rate, gated=sound.room_gated), out)


def duck(sound: np.ndarray, score: Score, *, sample_rate: int, depth_db: float) -> np.ndarray:
    """Other sound, float32 [C, N], under the score's kick."""
    row = genre_sound(score)
    times, strengths = kick_strokes(score, row.kit)
    gain = ducking(times, strengths, sound.shape[-1], sample_rate=sample_rate, depth_db=depth_db, release_seconds=row.duck_seconds)
    return np.asarray(sound * gain)


def _track_seed(seed: int, track: int) -> int:
    return seed * 1_000_003 + track


def _drum_bus(strip: DrumStrip, sound: GenreSound, sample_rate: int, mean_power: float | None) -> tuple[np.ndarray, float]:
    """Kick and the rest with saturation and glue, float32 [2, N], and the mean power that the glue goes by."""
    bus = effects.saturated(strip.others, sound.drive.get("drums", 0.0))
    bus += strip.kick
    gain, mean_power = compression(
        bus,
        sample_rate=sample_rate,
        ratio=2.0,
        over_db=4.0,
        attack_seconds=0.012,
        release_db_per_second=70.0,
        most_db=4.0,
        mean_power=mean_power,
    )
    bus *= gain * np.float32(10.0 ** (sound.level_db("drums") / 20.0))
    return bus, mean_power


def _strip(dry: np.ndarray, role: str, sound: GenreSound, strokes: tuple[np.ndarray, np.ndarray], sample_rate: int) -> Strip:
    """Filter, level, saturation, ducking and sends of a pitched role; ``dry`` is used up."""
    sections = [np.zeros((0, 6))]
    if role in LOW_CUT_HZ:
        sections.append(effects.high_pass(LOW_CUT_HZ[role], sample_rate=sample_rate))
    if role in ("chords", "pad"):
        sections.append(effects.bell(_MUD_HZ, _MUD_DB, q=_MUD_Q, sample_rate=sample_rate))
    if role in sound.low_pass_hz:
        sections.append(effects.low_pass(sound.low_pass_hz[role], sample_rate=sample_rate))
    chain = np.concatenate(sections)
    if len(chain):
        effects.filtered(dry, chain, in_place=True)
    dry = effects.saturated(dry, sound.drive.get(role, 0.0))
    gain = np.float32(10.0 ** (sound.level_db(role) / 20.0))
    depth_db = sound.duck_db.get(role, 0.0)
    if depth_db and len(strokes[0]):
        dry *= gain
        dry *= ducking(*strokes, dry.shape[-1], sample_rate=sample_rate, depth_db=depth_db, release_seconds=sound.duck_seconds)
    else:
        dry *= gain
    room, echo = sound.room_send(role), sound.echo.get(role, 0.0)
    middle = dry[0] + dry[1]
    middle *= np.float32(0.5)
    to_echo = middle * np.float32(echo) if echo else np.zeros(0, dtype=np.float32)
    middle *= np.float32(room)
    return Strip(dry, middle, to_echo)


def _noisy(score: Score) -> bool:
    """Whether a record's noise is heard; a score without a note has none."""
    return genre_sound(score).vinyl_db is not None and any(track.notes for track in score.tracks)


def _effects(score: Score, sample_rate: int, seed: int, transitions: Sequence[Transition]) -> Strip:
    """Transitions and record noise."""
    sound, n_samples = genre_sound(score), round(score.duration_seconds * sample_rate)
    out = np.zeros((2, n_samples), dtype=np.float32)
    place_transitions(transitions, out, sample_rate=sample_rate, seed=seed)
    if _noisy(score):
        assert sound.vinyl_db is not None
        out += vinyl(n_samples, sample_rate=sample_rate, seed=seed) * np.float32(_VINYL_LEVEL * 10.0 ** (sound.vinyl_db / 20.0))
    return _strip(out, "effects", sound, kick_strokes(score, sound.kit), sample_rate)
