"""All pitched instruments as settings of the synthesis engines, and which of them plays a General MIDI program where a genre does not say.

Settings are common sound-design practice; numbers in comments are General MIDI programs counted from 0.
"""

from __future__ import annotations

from dance2music.sound.analog import Analog, analog
from dance2music.sound.fm import Fm, Pair, fm
from dance2music.sound.organ import Organ, organ
from dance2music.sound.patch import Patch
from dance2music.sound.plucked import Plucked, plucked
from dance2music.sound.sub import Sub, sub

_SEVEN = (-19.0, -12.0, -5.0, 0.0, 6.0, 11.0, 18.0)
_SECTION = (-13.0, -9.0, -6.0, -4.0, -1.0, 2.0, 5.0, 7.0, 10.0, 14.0)
_BODY = ((290.0, 3.0, 0.4), (560.0, 2.0, 0.4), (2400.0, 5.0, 0.6))
_AH = ((650.0, 9.0, 0.3), (1100.0, 7.0, 0.25), (2700.0, 4.0, 0.3))
_HORN = ((1200.0, 5.0, 0.7), (2600.0, 3.0, 0.6))

# Basses.
FINGER_BASS = Patch(
    plucked(Plucked(slope=1.0, place=0.2, decay_seconds=0.42, decay_octaves=4.0, bright_decay_hz=700.0, cutoff_hz=(500.0, 1500.0),
                    tracking=0.2, knock_db=-16.0, knock_hz=900.0, drive=0.7)),
    longest_seconds=3.0, release_seconds=0.06, one_voice=True)  # fmt: skip
DISCO_BASS = Patch(
    plucked(Plucked(slope=0.9, place=0.15, decay_seconds=0.45, decay_octaves=4.0, bright_decay_hz=900.0, cutoff_hz=(800.0, 2800.0),
                    tracking=0.2, knock_db=-14.0, knock_hz=1800.0, drive=0.9)),
    longest_seconds=3.0, release_seconds=0.05, one_voice=True)  # fmt: skip
UPRIGHT_BASS = Patch(
    plucked(Plucked(slope=1.15, place=0.3, decay_seconds=0.33, decay_octaves=4.0, bright_decay_hz=450.0, aftersound=0.1,
                    cutoff_hz=(350.0, 850.0), tracking=0.2, knock_db=-12.0, knock_hz=500.0, knock_seconds=0.012, attack_seconds=0.003,
                    drive=0.4)), longest_seconds=3.0, release_seconds=0.09, one_voice=True)  # fmt: skip
SLAP_BASS = Patch(
    fm(Fm((Pair(1.0, 1.0, (0.9, 2.2), 0.09, 1.0, 0.35, floor=0.12), Pair(1.0, 3.0, (0.4, 1.6), 0.03, 0.5, 0.25),
           Pair(2.0, 5.0, (0.5, 2.5), 0.012, 0.3, 0.06)), decay_octaves=5.0, drive=0.8)),
    longest_seconds=3.0, release_seconds=0.05, one_voice=True)  # fmt: skip
FUNK_BASS = Patch(
    analog(Analog(saw=0.7, pulse=0.5, pulse_width=0.42, sub=0.55, cutoff_hz=(260.0, 3800.0), tracking=0.2, rest=0.22, peak=0.72,
                  sweep_seconds=0.09, resonance=1.6, attack_seconds=0.002, decay_seconds=0.5, sustain=0.55, drive=0.9)),
    longest_seconds=4.0, release_seconds=0.05, one_voice=True)  # fmt: skip
HOUSE_BASS = Patch(
    analog(Analog(saw=0.55, pulse=0.3, sub=0.9, cutoff_hz=(180.0, 2600.0), tracking=0.15, rest=0.2, peak=0.75, sweep_seconds=0.12,
                  resonance=1.2, attack_seconds=0.003, decay_seconds=0.4, sustain=0.6, drive=1.0)),
    longest_seconds=4.0, release_seconds=0.06, one_voice=True)  # fmt: skip
ACID_BASS = Patch(
    analog(Analog(saw=1.0, cutoff_hz=(220.0, 4200.0), tracking=0.2, rest=0.12, peak=0.85, sweep_seconds=0.16, resonance=4.5, sub=0.3,
                  attack_seconds=0.003, decay_seconds=0.6, sustain=0.6, drive=1.4)),
    longest_seconds=4.0, release_seconds=0.05, one_voice=True)  # fmt: skip
REESE_BASS = Patch(
    analog(Analog(saw=1.0, sub=0.8, detunes_cents=(-14.0, 0.0, 15.0), cutoff_hz=(160.0, 3000.0), tracking=0.1, rest=0.42, peak=0.8,
                  sweep_seconds=0.25, resonance=1.3, drive=2.2)), longest_seconds=8.0, release_seconds=0.08, one_voice=True)  # fmt: skip
ORGAN_BASS = Patch(
    organ(Organ(drawbars=(6, 0, 8, 6, 0, 3, 0, 0, 0), percussion=0.5, percussion_seconds=0.05, rotor=0.0, decay_seconds=0.5, drive=0.9,
                click_db=-12.0)), longest_seconds=3.0, release_seconds=0.06, one_voice=True)  # fmt: skip
SUB_BASS = Patch(sub(Sub(drive=(0.7, 1.3), decay_seconds=1.8, octave_db=-9.0)), longest_seconds=6.0, release_seconds=0.09,
                 glides=True, one_voice=True)  # fmt: skip
BASS_808 = Patch(sub(Sub(drive=(1.2, 2.4), drop_octaves=1.6, drop_seconds=0.012, decay_seconds=0.9, octave_db=-12.0, attack_seconds=0.002)),
                 longest_seconds=5.0, release_seconds=0.12, glides=True, one_voice=True)  # fmt: skip
HARD_808 = Patch(sub(Sub(drive=(2.5, 5.5), drop_octaves=1.9, drop_seconds=0.014, decay_seconds=0.7, octave_db=-9.0,
                         attack_seconds=0.002)), longest_seconds=5.0, release_seconds=0.1, glides=True, one_voice=True)  # fmt: skip

# Keys.
PIANO = Patch(
    plucked(Plucked(slope=0.75, place=0.12, stiffness=0.00035, decay_seconds=1.3, bright_decay_hz=1500.0, aftersound=0.2,
                    cutoff_hz=(1100.0, 4200.0), strings=2, width=0.6, knock_db=-20.0, knock_hz=700.0, knock_seconds=0.01)),
    longest_seconds=6.0, release_seconds=0.16)  # fmt: skip
HOUSE_PIANO = Patch(
    plucked(Plucked(slope=0.5, place=0.12, stiffness=0.0003, decay_seconds=0.9, bright_decay_hz=2600.0, aftersound=0.15,
                    cutoff_hz=(2600.0, 7500.0), strings=2, width=0.8, knock_db=-16.0, knock_hz=1800.0, drive=0.8)),
    longest_seconds=4.0, release_seconds=0.12)  # fmt: skip
ELECTRIC_PIANO = Patch(
    fm(Fm((Pair(1.0, 1.0, (0.25, 1.3), 0.5, 1.0, 1.5, floor=0.25), Pair(1.0, 14.0, (0.1, 0.5), 0.05, 0.35, 0.8)),
          pan_hz=5.0, pan=0.45, drive=0.4)), longest_seconds=6.0, release_seconds=0.14)  # fmt: skip
FM_PIANO = Patch(
    fm(Fm((Pair(1.0, 1.0, (0.4, 1.1), 0.8, 1.0, 1.6, floor=0.2), Pair(1.0, 14.0, (0.25, 1.1), 0.12, 0.5, 1.0),
           Pair(3.0, 1.0, (0.2, 0.5), 0.3, 0.2, 0.5)), chorus_cents=7.0)), longest_seconds=6.0, release_seconds=0.16)  # fmt: skip
CLAVINET = Patch(
    plucked(Plucked(slope=0.35, place=0.09, stiffness=0.0001, decay_seconds=0.5, bright_decay_hz=3000.0, cutoff_hz=(2500.0, 7000.0),
                    strings=2, width=0.5, knock_db=-12.0, knock_hz=2500.0, drive=0.6)),
    longest_seconds=3.0, release_seconds=0.04)  # fmt: skip
MUSIC_BOX = Patch(
    fm(Fm((Pair(1.0, 3.5, (0.5, 1.8), 0.08, 1.0, 0.7), Pair(2.0, 1.0, (0.1, 0.3), 0.2, 0.35, 0.4)), chorus_cents=9.0)),
    longest_seconds=4.0, release_seconds=0.35, octave=1)  # fmt: skip
DARK_BELL = Patch(
    fm(Fm((Pair(1.0, 1.41, (0.5, 1.5), 0.25, 0.8, 0.8), Pair(1.0, 1.0, (0.2, 0.6), 0.3, 0.8, 0.9)), chorus_cents=10.0)),
    longest_seconds=4.0, release_seconds=0.3)  # fmt: skip
VIBRAPHONE = Patch(
    plucked(Plucked(slope=1.6, place=0.0, ratios=(1.0, 3.98, 10.6, 17.9), decay_seconds=1.6, decay_octaves=2.0, bright_decay_hz=1500.0,
                    cutoff_hz=(2500.0, 6500.0), tremolo_hz=4.6, tremolo=0.35, width=0.6, knock_db=-20.0, knock_hz=1200.0)),
    longest_seconds=5.0, release_seconds=0.3)  # fmt: skip
DRAWBAR_ORGAN = Patch(organ(Organ()), longest_seconds=30.0, release_seconds=0.06)
GOSPEL_ORGAN = Patch(organ(Organ(drawbars=(8, 6, 8, 5, 3, 4, 2, 2, 4), percussion=0.4)), longest_seconds=30.0, release_seconds=0.08)
HOUSE_ORGAN = Patch(organ(Organ(drawbars=(7, 0, 8, 7, 4, 6, 0, 4, 3), percussion=1.0, percussion_ratio=4.0, percussion_seconds=0.06,
                                decay_seconds=0.5, click_db=-10.0, rotor=0.4, drive=0.9)),
                    longest_seconds=4.0, release_seconds=0.08)  # fmt: skip
CLEAN_GUITAR = Patch(
    plucked(Plucked(slope=0.65, place=0.17, stiffness=0.00008, decay_seconds=0.8, bright_decay_hz=1800.0, cutoff_hz=(1800.0, 5200.0),
                    strings=2, width=0.7, knock_db=-12.0, knock_hz=2600.0, knock_seconds=0.003)), longest_seconds=4.0,
    release_seconds=0.06)  # fmt: skip
MUTED_GUITAR = Patch(
    plucked(Plucked(slope=0.6, place=0.14, decay_seconds=0.11, bright_decay_hz=2500.0, cutoff_hz=(1800.0, 4500.0), strings=2, width=0.7,
                    knock_db=-6.0, knock_hz=2800.0, knock_seconds=0.004)), longest_seconds=1.2, release_seconds=0.03)  # fmt: skip
PIZZICATO = Patch(
    plucked(Plucked(slope=0.9, place=0.25, decay_seconds=0.25, bright_decay_hz=1300.0, cutoff_hz=(1500.0, 4200.0), strings=3, width=0.9,
                    knock_db=-18.0, knock_hz=900.0)), longest_seconds=2.0, release_seconds=0.15)  # fmt: skip
STAB = Patch(
    analog(Analog(saw=1.0, pulse=0.4, detunes_cents=_SEVEN, width=0.8, cutoff_hz=(350.0, 9000.0), rest=0.25, peak=0.8, sweep_seconds=0.14,
                  resonance=1.1, decay_seconds=0.4, sustain=0.6)), longest_seconds=4.0, release_seconds=0.14)  # fmt: skip

# Strings, pads, choirs.
STRINGS = Patch(
    analog(Analog(detunes_cents=_SECTION, blended=True, width=0.9, cutoff_hz=(900.0, 8000.0), rest=0.62, peak=0.55, sweep_seconds=0.5,
                  formants=_BODY, attack_seconds=0.12, poles=2)), longest_seconds=30.0, release_seconds=0.35)  # fmt: skip
FAST_STRINGS = Patch(
    analog(Analog(detunes_cents=_SECTION, blended=True, width=0.85, cutoff_hz=(1200.0, 10000.0), rest=0.66, peak=0.85, sweep_seconds=0.15,
                  formants=_BODY, attack_seconds=0.028, poles=2)), longest_seconds=20.0, release_seconds=0.2)  # fmt: skip
SYNTH_STRINGS = Patch(
    analog(Analog(detunes_cents=(-11.0, -6.0, -1.0, 4.0, 8.0, 13.0), width=0.9, cutoff_hz=(600.0, 9000.0), rest=0.6, peak=0.7,
                  sweep_seconds=0.8, attack_seconds=0.08)), longest_seconds=30.0, release_seconds=0.4)  # fmt: skip
WARM_PAD = Patch(
    analog(Analog(saw=0.8, pulse=0.5, pulse_width=0.35, detunes_cents=(-10.0, -4.0, 3.0, 9.0), width=0.9, cutoff_hz=(350.0, 4500.0),
                  rest=0.5, peak=0.62, sweep_seconds=1.2, attack_seconds=0.15)), longest_seconds=30.0, release_seconds=0.5)  # fmt: skip
CHOIR = Patch(
    analog(Analog(slope=1.25, detunes_cents=_SECTION, blended=True, width=0.9, cutoff_hz=(900.0, 7000.0), rest=0.6, peak=0.6,
                  formants=_AH, attack_seconds=0.11, poles=2, breath_db=-22.0, breath_hz=3500.0)), longest_seconds=30.0,
    release_seconds=0.35)  # fmt: skip
SUPERSAW = Patch(
    analog(Analog(detunes_cents=_SEVEN, width=0.9, cutoff_hz=(800.0, 14000.0), rest=0.7, peak=0.95, sweep_seconds=0.3,
                  decay_seconds=0.8, sustain=0.75, attack_seconds=0.003)), longest_seconds=10.0, release_seconds=0.18)  # fmt: skip

# Brass, reeds, pipes, leads.
BRASS_SECTION = Patch(
    analog(Analog(detunes_cents=(-9.0, -4.0, 0.0, 5.0, 10.0), width=0.7, cutoff_hz=(500.0, 9000.0), rest=0.6, peak=0.85,
                  open_seconds=0.045, sweep_seconds=0.18, softness=0.35, formants=_HORN, scoop_cents=45.0,
                  attack_seconds=0.012, drive=0.4)),
    longest_seconds=10.0, release_seconds=0.09)  # fmt: skip
BIG_BRASS = Patch(
    analog(Analog(saw=1.0, detunes_cents=(-15.0, -8.0, -3.0, 2.0, 7.0, 14.0), width=0.8, cutoff_hz=(350.0, 7500.0), rest=0.58, peak=0.9,
                  open_seconds=0.03, sweep_seconds=0.25, softness=0.3, formants=((420.0, 4.0, 0.5), (1500.0, 4.0, 0.7)), scoop_cents=30.0,
                  attack_seconds=0.008, drive=1.2)), longest_seconds=10.0, release_seconds=0.15)  # fmt: skip
SYNTH_BRASS = Patch(
    analog(Analog(detunes_cents=(-10.0, -2.0, 4.0, 11.0), width=0.8, cutoff_hz=(400.0, 9000.0), rest=0.5, peak=0.85, open_seconds=0.025,
                  sweep_seconds=0.22, resonance=1.1, attack_seconds=0.005, drive=0.5)),
    longest_seconds=10.0, release_seconds=0.14)  # fmt: skip
TRUMPET = Patch(
    analog(Analog(slope=0.9, cutoff_hz=(700.0, 8000.0), rest=0.6, peak=0.85, open_seconds=0.035, sweep_seconds=0.2, formants=_HORN,
                  vibrato_cents=14.0, scoop_cents=35.0, attack_seconds=0.01, breath_db=-34.0)), longest_seconds=10.0,
    release_seconds=0.08, one_voice=True)  # fmt: skip
SAXOPHONE = Patch(
    analog(Analog(saw=0.8, pulse=0.5, pulse_width=0.3, cutoff_hz=(600.0, 6500.0), rest=0.62, peak=0.8, open_seconds=0.03,
                  formants=((600.0, 4.0, 0.4), (1400.0, 5.0, 0.4), (3000.0, 3.0, 0.5)), vibrato_cents=18.0, vibrato_hz=4.9,
                  scoop_cents=60.0, attack_seconds=0.014, breath_db=-25.0, breath_hz=2500.0, drive=0.5)), longest_seconds=10.0,
    release_seconds=0.08, one_voice=True)  # fmt: skip
FLUTE = Patch(
    analog(Analog(saw=0.35, pulse=0.6, slope=1.8, sub=0.0, cutoff_hz=(700.0, 3800.0), rest=0.4, peak=0.6, sweep_seconds=0.1, poles=2,
                  vibrato_cents=16.0, vibrato_hz=5.1, scoop_cents=15.0, attack_seconds=0.022, breath_db=-17.0, breath_hz=3500.0)),
    longest_seconds=10.0, release_seconds=0.09, octave=0, one_voice=True)  # fmt: skip
SQUARE_LEAD = Patch(
    analog(Analog(saw=0.25, pulse=1.0, pulse_width=0.45, detunes_cents=(-5.0, 5.0), width=0.6, cutoff_hz=(700.0, 9000.0), rest=0.55,
                  peak=0.8, sweep_seconds=0.15, resonance=1.2, vibrato_cents=10.0, scoop_cents=25.0, attack_seconds=0.004)),
    longest_seconds=10.0, release_seconds=0.1, one_voice=True)  # fmt: skip
SAW_LEAD = Patch(
    analog(Analog(detunes_cents=(-8.0, 0.0, 8.0), width=0.6, cutoff_hz=(700.0, 12000.0), rest=0.65, peak=0.9, sweep_seconds=0.2,
                  resonance=1.3, vibrato_cents=8.0, attack_seconds=0.003, drive=0.6)), longest_seconds=10.0, release_seconds=0.12,
    one_voice=True)  # fmt: skip
PLUCK = Patch(
    analog(Analog(saw=0.8, pulse=0.5, detunes_cents=(-7.0, 6.0), width=0.7, cutoff_hz=(300.0, 8000.0), rest=0.1, peak=0.85,
                  sweep_seconds=0.08, resonance=1.3, decay_seconds=0.25, sustain=0.0)),
    longest_seconds=1.6, release_seconds=0.2)  # fmt: skip

PROGRAM_PATCHES: dict[int, Patch] = {
    0: PIANO, 4: ELECTRIC_PIANO, 5: FM_PIANO, 7: CLAVINET, 10: MUSIC_BOX, 11: VIBRAPHONE, 16: DRAWBAR_ORGAN, 18: GOSPEL_ORGAN,
    27: CLEAN_GUITAR, 28: MUTED_GUITAR, 32: UPRIGHT_BASS, 33: FINGER_BASS, 34: DISCO_BASS, 36: SLAP_BASS, 37: SLAP_BASS, 38: FUNK_BASS,
    39: SUB_BASS, 45: PIZZICATO, 48: STRINGS, 50: SYNTH_STRINGS, 51: SYNTH_STRINGS, 52: CHOIR, 53: CHOIR, 54: CHOIR, 55: STAB, 56: TRUMPET,
    61: BRASS_SECTION, 62: SYNTH_BRASS, 63: SYNTH_BRASS, 65: SAXOPHONE, 73: FLUTE, 80: SQUARE_LEAD, 81: SAW_LEAD, 89: WARM_PAD,
}  # fmt: skip
"""Programs that have a sound of their own."""

FAMILY_PATCHES: tuple[Patch, ...] = (
    PIANO, MUSIC_BOX, DRAWBAR_ORGAN, CLEAN_GUITAR, FINGER_BASS, STRINGS, STRINGS, BRASS_SECTION, SAXOPHONE, FLUTE, SAW_LEAD, WARM_PAD,
    WARM_PAD, PIZZICATO, MUSIC_BOX, WARM_PAD,
)  # fmt: skip
"""The families of eight programs each, for all others."""


def program_patch(program: int) -> Patch:
    """The sound of a General MIDI program 0..127 where the genre has no wish; numbers beyond count from the start again."""
    program %= 128
    return PROGRAM_PATCHES.get(program, FAMILY_PATCHES[program // 8])
