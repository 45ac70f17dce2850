"""Drum kits: which sound a General MIDI drum pitch has, how loud, where in the picture, and how much of the room it gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dance2music.sound.drums import Clap, Kick, Skin, Snare, Stick
from dance2music.sound.metals import Metal


@dataclass(frozen=True)
class DrumSound:
    """A drum on the desk.

    ``make``: sample rate and variant -> float32 [2, C, n] (`drums`, `metals`). ``level_db``: of the peak at full velocity. ``pan`` -1..1.
    ``room``: level of what goes to the room. ``is_kick``: stays dry, and ducks the others. ``chokes``: silences what rings of an open hat.
    ``choked``: is an open hat.
    """

    make: Callable[[int, int], np.ndarray]
    level_db: float
    pan: float = 0.0
    room: float = 0.12
    is_kick: bool = False
    chokes: bool = False
    choked: bool = False


_STICK = Stick()
_PEDAL_HAT = Metal(low_hz=5000.0, decay_seconds=(0.035, 0.02), strike=0.45)
_RIDE = Metal(
    low_hz=3200.0, hiss=0.5, cloud=1.2, decay_seconds=(0.5, 0.28), ping_hz=3150.0, ping=0.9, ping_seconds=0.25, strike=0.9, width=0.35
)
_CRASH = Metal(low_hz=2200.0, hiss=1.0, cloud=0.8, lines=200, decay_seconds=(0.75, 0.4), strike=0.8, width=0.7)


@dataclass(frozen=True)
class DrumKit:
    """The sounds that differ between kits, and their levels at full velocity in dB; percussion is common to all (`PERCUSSION`).

    ``toms_hz``: low, middle and high. ``snare_room``: level of the snare's send to the room.
    """

    kick: Kick
    snare: Snare
    clap: Clap
    closed_hat: Metal
    open_hat: Metal
    pedal_hat: Metal = _PEDAL_HAT
    ride: Metal = _RIDE
    crash: Metal = _CRASH
    stick: Stick = _STICK
    toms_hz: tuple[float, float, float] = (88.0, 122.0, 168.0)
    tom_seconds: float = 0.2
    kick_db: float = 0.0
    snare_db: float = -3.5
    clap_db: float = -6.5
    hat_db: float = -6.5
    ride_db: float = -13.0
    crash_db: float = -11.0
    snare_room: float = 0.2

    def sound(self, pitch: int) -> DrumSound:
        """The sound of a General MIDI drum pitch; unknown ones are played on the side stick."""
        return self._sounds.get(pitch, self._sounds[37])

    @cached_property
    def _sounds(self) -> dict[int, DrumSound]:
        low, mid, high = self.toms_hz
        tom_db = -5.0
        own = {
            35: DrumSound(self.kick, self.kick_db, room=0.0, is_kick=True),
            36: DrumSound(self.kick, self.kick_db, room=0.0, is_kick=True),
            37: DrumSound(self.stick, -9.0, pan=0.08, room=0.2),
            38: DrumSound(self.snare, self.snare_db, room=self.snare_room),
            39: DrumSound(self.clap, self.clap_db, room=0.22),
            40: DrumSound(self.snare, self.snare_db, room=self.snare_room),
            41: DrumSound(Skin(0.8 * low, decay_seconds=1.2 * self.tom_seconds), tom_db, pan=-0.3),
            42: DrumSound(self.closed_hat, self.hat_db, pan=0.24, room=0.05, chokes=True),
            43: DrumSound(Skin(0.9 * low, decay_seconds=1.1 * self.tom_seconds), tom_db, pan=-0.26),
            44: DrumSound(self.pedal_hat, self.hat_db - 1.0, pan=0.24, room=0.06, chokes=True),
            45: DrumSound(Skin(low, decay_seconds=self.tom_seconds), tom_db, pan=-0.22),
            46: DrumSound(self.open_hat, self.hat_db, pan=0.24, room=0.08, chokes=True, choked=True),
            47: DrumSound(Skin(mid, decay_seconds=0.9 * self.tom_seconds), tom_db, pan=0.05),
            48: DrumSound(Skin(1.15 * mid, decay_seconds=0.85 * self.tom_seconds), tom_db, pan=0.12),
            49: DrumSound(self.crash, self.crash_db, pan=-0.25, room=0.15),
            50: DrumSound(Skin(high, decay_seconds=0.8 * self.tom_seconds), tom_db, pan=0.22),
            51: DrumSound(self.ride, self.ride_db, pan=-0.3, room=0.1),
            57: DrumSound(self.crash, self.crash_db, pan=0.3, room=0.15),
            59: DrumSound(self.ride, self.ride_db, pan=-0.3, room=0.1),
        }
        return PERCUSSION | own


_JINGLES = Metal(
    low_hz=6000.0, high_hz=14000.0, hiss=0.6, cloud=1.0, lines=60, decay_seconds=(0.075, 0.05), strokes=3, strike=0.1, width=0.5
)
_SHAKER = Metal(low_hz=5200.0, high_hz=11000.0, cloud=0.0, decay_seconds=(0.035, 0.03), attack_seconds=0.014, strike=0.0, width=0.3)
_SCRAPE = Metal(low_hz=2500.0, high_hz=7000.0, cloud=0.3, decay_seconds=(0.02, 0.02), strokes=7, strike=0.1)
_CHINA = Metal(low_hz=2000.0, hiss=0.9, cloud=1.1, lines=200, decay_seconds=(0.45, 0.3), strike=0.6, width=0.6)
_COWBELL = Stick(((545.0, 0.8, 0.07), (812.0, 1.0, 0.09), (1640.0, 0.25, 0.03)), click=0.3, squared=True, high_pass_hz=350.0)
_TRIANGLE = ((1830.0, 0.3, 0.3), (3950.0, 0.9, 0.4), (6420.0, 0.8, 0.35), (9210.0, 0.4, 0.25))

PERCUSSION: dict[int, DrumSound] = {
    52: DrumSound(_CHINA, -12.0, pan=0.35),
    53: DrumSound(Stick(((1320.0, 0.5, 0.35), (2210.0, 0.7, 0.3), (3890.0, 0.6, 0.25), (6100.0, 0.3, 0.15)), click=0.3), -14.0, pan=-0.3),
    54: DrumSound(_JINGLES, -14.5, pan=-0.35, room=0.1),
    55: DrumSound(Metal(low_hz=3500.0, cloud=0.6, decay_seconds=(0.2, 0.14), width=0.6), -13.0, pan=-0.35),
    56: DrumSound(_COWBELL, -15.0, pan=-0.28),
    58: DrumSound(_SCRAPE, -14.0, pan=0.4),
    60: DrumSound(Skin(390.0, bend=1.1, decay_seconds=0.07, slap=0.6, slap_hz=3500.0), -9.0, pan=0.42),
    61: DrumSound(Skin(290.0, bend=1.1, decay_seconds=0.09, slap=0.5, slap_hz=3000.0), -9.0, pan=0.34),
    62: DrumSound(Skin(305.0, bend=1.06, decay_seconds=0.045, slap=0.9, slap_hz=2400.0), -9.0, pan=0.38),
    63: DrumSound(Skin(250.0, bend=1.06, decay_seconds=0.14, slap=0.45, slap_hz=2200.0), -9.0, pan=0.38),
    64: DrumSound(Skin(185.0, bend=1.06, decay_seconds=0.18, slap=0.35, slap_hz=1800.0), -8.5, pan=0.3),
    65: DrumSound(Skin(420.0, bend=1.1, decay_seconds=0.12, second=0.7, slap=0.7, slap_hz=4000.0), -10.0, pan=-0.4),
    66: DrumSound(Skin(300.0, bend=1.1, decay_seconds=0.15, second=0.7, slap=0.6, slap_hz=3500.0), -10.0, pan=-0.4),
    67: DrumSound(Stick(((1060.0, 0.8, 0.09), (1620.0, 1.0, 0.1), (2600.0, 0.4, 0.06)), click=0.2), -15.0, pan=0.45),
    68: DrumSound(Stick(((790.0, 0.8, 0.1), (1210.0, 1.0, 0.11), (1960.0, 0.4, 0.07)), click=0.2), -15.0, pan=0.45),
    69: DrumSound(_SHAKER, -15.0, pan=0.4),
    70: DrumSound(_SHAKER, -15.0, pan=0.4),
    73: DrumSound(_SCRAPE, -15.0, pan=-0.4),
    74: DrumSound(_SCRAPE, -15.0, pan=-0.4),
    75: DrumSound(Stick(((2480.0, 1.0, 0.025), (4100.0, 0.2, 0.01)), click=0.3), -12.0, pan=0.3),
    76: DrumSound(Stick(((1020.0, 1.0, 0.025), (1700.0, 0.5, 0.015)), click=0.3), -11.0, pan=0.35),
    77: DrumSound(Stick(((740.0, 1.0, 0.03), (1240.0, 0.5, 0.018)), click=0.3), -11.0, pan=0.35),
    80: DrumSound(Stick(_TRIANGLE[:2], click=0.2), -17.0, pan=0.4),
    81: DrumSound(Stick(_TRIANGLE, click=0.2), -18.0, pan=0.4),
    82: DrumSound(_SHAKER, -15.0, pan=0.4),
}
"""General MIDI percussion that all kits share."""

_MACHINE_HAT = Metal(low_hz=6000.0, high_hz=16000.0, hiss=0.7, cloud=0.2, squares=0.5, decay_seconds=(0.038, 0.028), strike=0.55)
_MACHINE_OPEN = Metal(low_hz=7000.0, high_hz=16000.0, hiss=0.8, cloud=0.3, squares=0.4, decay_seconds=(0.25, 0.2), strike=0.8, width=0.4)
_CRISP_HAT = Metal(low_hz=6800.0, high_hz=17000.0, hiss=0.9, cloud=0.3, squares=0.3, decay_seconds=(0.030, 0.024), strike=0.6, width=0.35)
_WARM_HAT = Metal(low_hz=4800.0, high_hz=12500.0, hiss=0.7, cloud=0.9, decay_seconds=(0.04, 0.028), strike=0.65, tilt_db=-1.0)
_WARM_OPEN = Metal(low_hz=4400.0, high_hz=12500.0, hiss=0.7, cloud=1.0, decay_seconds=(0.34, 0.2), strike=0.55, tilt_db=-1.0, width=0.4)
_DUSTY_HAT = Metal(low_hz=5200.0, high_hz=11000.0, hiss=0.8, cloud=0.6, decay_seconds=(0.036, 0.025), strike=0.6, tilt_db=-1.5)

BREAK_KIT = DrumKit(
    Kick(150.0, 58.0, 0.014, 0.043, hold_seconds=0.012, click=0.4, click_hz=4500.0, knock=0.25, shell=0.45, drive=1.3, beater=0.9),
    Snare(205.0, 0.05, body=0.92, wire_hz=1300.0, wire_seconds=0.064, wires=0.32, crack=0.39, ring=0.06, drive=1.1),
    Clap(),
    closed_hat=_WARM_HAT,
    open_hat=_WARM_OPEN,
    snare_db=-4.5,
    hat_db=-4.0,
    tom_seconds=0.16,
    snare_room=0.13,
)
POP_KIT = DrumKit(
    Kick(190.0, 52.0, 0.016, 0.064, hold_seconds=0.015, click=0.35, click_hz=5000.0, knock=0.45, drive=1.5),
    Snare(185.0, 0.07, body=0.69, wire_hz=1100.0, wire_seconds=0.088, wires=0.35, crack=0.48, gate_seconds=0.2, drive=1.0, width=0.4),
    Clap(bursts=4, tail_seconds=0.08, high_hz=6000.0),
    closed_hat=_MACHINE_HAT,
    open_hat=_MACHINE_OPEN,
    snare_db=-6.0,
    clap_db=-9.0,
    hat_db=-3.5,
    snare_room=0.3,
    toms_hz=(92.0, 130.0, 185.0),
    tom_seconds=0.26,
)
LOCK_KIT = DrumKit(
    Kick(140.0, 60.0, 0.014, 0.038, hold_seconds=0.01, click=0.4, click_hz=4200.0, knock=0.2, shell=0.5, drive=1.2, beater=0.9),
    Snare(215.0, 0.045, body=0.92, wire_hz=1600.0, wire_seconds=0.056, wires=0.29, crack=0.39, ring=0.08, drive=0.9),
    Clap(),
    closed_hat=_WARM_HAT,
    open_hat=_WARM_OPEN,
    snare_db=-4.5,
    hat_db=-5.0,
    tom_seconds=0.15,
    snare_room=0.12,
)
BOOM_BAP_KIT = DrumKit(
    Kick(130.0, 52.0, 0.018, 0.06, hold_seconds=0.02, click=0.3, click_hz=3200.0, knock=0.2, shell=0.4, drive=1.7, beater_hz=2500.0),
    Snare(190.0, 0.06, body=1.03, wire_hz=1200.0, bright_hz=8500.0, wire_seconds=0.068, wires=0.29, crack=0.39, drive=1.6),
    Clap(),
    closed_hat=_DUSTY_HAT,
    open_hat=_WARM_OPEN,
    hat_db=-1.5,
    snare_db=-4.0,
    tom_seconds=0.18,
)
TRAP_KIT = DrumKit(
    Kick(230.0, 50.0, 0.018, 0.06, hold_seconds=0.02, click=0.3, click_hz=7000.0, knock=0.5, drive=1.8),
    Snare(200.0, 0.05, body=0.69, wire_hz=1800.0, bright_hz=14000.0, wire_seconds=0.08, wires=0.35, crack=0.34, drive=1.3, width=0.3),
    Clap(bursts=4, gap_seconds=0.008, tail_seconds=0.09, high_hz=8000.0, width=0.6),
    closed_hat=_CRISP_HAT,
    open_hat=Metal(low_hz=7500.0, high_hz=17000.0, hiss=1.0, cloud=0.3, squares=0.3, decay_seconds=(0.24, 0.17), width=0.5),
    clap_db=-5.5,
    snare_db=-5.0,
    hat_db=-2.0,
)
HOUSE_KIT = DrumKit(
    Kick(240.0, 50.0, 0.02, 0.072, hold_seconds=0.025, click=0.3, click_hz=7000.0, knock=0.45, drive=1.6, beater=0.6),
    Snare(190.0, 0.05, body=0.63, wire_hz=1500.0, wire_seconds=0.072, wires=0.35, crack=0.48, drive=1.0, width=0.3),
    Clap(bursts=4, gap_seconds=0.0095, tail_seconds=0.085, high_hz=6500.0, width=0.6),
    closed_hat=_MACHINE_HAT,
    open_hat=_MACHINE_OPEN,
    clap_db=-6.0,
    hat_db=0.0,
    kick_db=0.0,
)
DISCO_KIT = DrumKit(
    Kick(150.0, 56.0, 0.014, 0.047, hold_seconds=0.012, click=0.42, click_hz=4500.0, knock=0.25, shell=0.4, drive=1.4, beater=0.8),
    Snare(180.0, 0.06, body=0.92, wire_hz=1300.0, wire_seconds=0.068, wires=0.27, crack=0.31, drive=1.0),
    Clap(bursts=4, tail_seconds=0.07, width=0.6),
    closed_hat=_WARM_HAT,
    open_hat=_WARM_OPEN,
    hat_db=-2.5,
    tom_seconds=0.18,
)
KRUMP_KIT = DrumKit(
    Kick(260.0, 47.0, 0.022, 0.08, hold_seconds=0.03, click=0.45, click_hz=6000.0, knock=0.6, drive=3.0, beater=0.6, beater_hz=2800.0),
    Snare(
        175.0,
        0.07,
        body=1.03,
        wire_hz=1000.0,
        bright_hz=13000.0,
        wire_seconds=0.096,
        wires=0.39,
        crack=0.5,
        metal=0.12,
        drive=2.2,
        width=0.35,
    ),
    Clap(bursts=5, tail_seconds=0.1, high_hz=7000.0, width=0.6),
    closed_hat=_CRISP_HAT,
    open_hat=_MACHINE_OPEN,
    toms_hz=(70.0, 98.0, 135.0),
    tom_seconds=0.3,
    snare_db=-4.0,
    clap_db=-8.0,
    snare_room=0.25,
    hat_db=-2.0,
)
STREET_KIT = DrumKit(
    Kick(160.0, 54.0, 0.016, 0.055, hold_seconds=0.015, click=0.35, click_hz=5000.0, knock=0.3, shell=0.3, drive=1.4, beater=0.7),
    Snare(195.0, 0.055, body=0.86, wire_hz=1500.0, bright_hz=12500.0, wire_seconds=0.068, wires=0.32, crack=0.34, drive=1.0, width=0.25),
    Clap(bursts=3, tail_seconds=0.06, high_hz=7000.0),
    closed_hat=Metal(low_hz=5800.0, high_hz=15000.0, cloud=0.6, decay_seconds=(0.045, 0.03)),
    open_hat=_WARM_OPEN,
    hat_db=-4.0,
    tom_seconds=0.18,
)
JAZZ_KIT = DrumKit(
    Kick(
        105.0,
        62.0,
        0.02,
        0.06,
        hold_seconds=0.008,
        click=0.12,
        click_hz=2500.0,
        knock=0.08,
        shell=0.4,
        drive=0.7,
        beater=0.35,
        beater_hz=2200.0,
    ),
    Snare(200.0, 0.05, body=0.57, wire_hz=1800.0, bright_hz=11000.0, wire_seconds=0.08, wires=0.32, crack=0.2, drive=0.4),
    Clap(),
    closed_hat=_WARM_HAT,
    open_hat=_WARM_OPEN,
    pedal_hat=Metal(low_hz=4200.0, cloud=0.8, decay_seconds=(0.05, 0.03), strike=0.4, width=0.4),
    ride=Metal(low_hz=2600.0, hiss=0.55, cloud=1.2, decay_seconds=(0.6, 0.3), ping_hz=2750.0, ping=0.8, strike=1.0, width=0.45),
    kick_db=-4.0,
    snare_db=-6.0,
    ride_db=-13.0,
    hat_db=-5.5,
    toms_hz=(105.0, 145.0, 200.0),
)
