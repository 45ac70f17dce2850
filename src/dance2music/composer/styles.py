"""The ten genres as tables: tempi, drum grids, bass lines, harmony, comping, melody rhythms, instruments (notation in `genres`).

Tempi are those of the AIST Dance DB (Tsuchida et al., ISMIR 2019): 80 to 130 bpm in steps of 10, house 110 to 135 in steps of 5. The rest
is common musical practice.
"""

from __future__ import annotations

from dance2music.composer.genres import GenreStyle
from dance2music.types import GENRES

PIANO, E_PIANO, FM_PIANO, CLAV, MUSIC_BOX, VIBES, ORGAN, GUITAR, MUTED_GUITAR = 0, 4, 5, 7, 10, 11, 16, 27, 28
UPRIGHT, FINGER, SLAP, SYNTH_BASS, SUB_BASS, PIZZICATO, STRINGS, SYNTH_STRINGS, CHOIR = 32, 33, 36, 38, 39, 45, 48, 50, 52
TRUMPET, BRASS, SYNTH_BRASS, SAX, FLUTE, SQUARE, SAW, WARM_PAD = 56, 61, 62, 65, 73, 80, 81, 89

_TEMPI = (80.0, 90.0, 100.0, 110.0, 120.0, 130.0)
_HOUSE_TEMPI = (110.0, 115.0, 120.0, 125.0, 130.0, 135.0)

_BREAK = GenreStyle(
    tempi_bpm=_TEMPI,
    swings=(0.54, 0.58, 0.58),
    grooves=(
        {
            "kick": "x---------x-----  x--x------x-----",
            "snare": "----x--o-o--x--o ----x--o-o--x-o-",
            "closed_hat": "x-m-x-m-x-m-x-m-",
            "open_hat": "---------------- --------------x-",
        },
        {"kick": "x-x-------xx---- x-x-------x--x--", "snare": "----x--o-o--x--- ----x--o-o--x--x", "closed_hat": "x-mmx-mmx-mmx-mm"},
        {
            "kick": "x-----x---x----- x--x--x---x-----",
            "snare": "----X--o-o--X--o ----X--o----X-oo",
            "ride": "x-m-x-m-x-m-x-m-",
            "conga": "--o--m----o--m-o",
        },
        {"kick": "x--x--x---x--x--", "snare": "----x-----o-x---", "closed_hat": "xmxoxmxoxmxoxmxo", "cowbell": "x---x---x---x---"},
    ),
    light={"kick": "x---------x-----", "side_stick": "----x-------x---", "closed_hat": "x-m-x-m-x-m-x-m-"},
    extra={"tambourine": "--m---m---m---m-", "conga": "---m--x----m--xx"},
    fills=(0, 1, 3, 5),
    bass_lines=("R-----R-7-R---5-  R---8-7---R-7-5a", "R--R----8-7-5-7-", "R_--7-R---8-7-5- R_--7-R-R-3-4-a-", "R-R---5-7-8---a-"),
    major=("C9", "C9 | C9 | F9 | F9", "C9 | C9 | C9 | Bb7 F7"),
    minor=("Cm7", "Cm9 | F9", "Cm7 | Cm7 | F7 | F7", "Cm7 | Bb7 | Ab7 | G7"),
    comping=("------x-------X-", "--x---x---x---X-", "----x-----x-x---  ----x-------X---", "x-----x---------  --------------X-"),
    melody=("x-xx--x-x_------", "----x-xx__--x-x-", "x_--x-x---------", "--x-x_x-----xx--"),
    scale="blues",
    programs={"bass": (FINGER, SLAP), "chords": (GUITAR, MUTED_GUITAR, BRASS), "lead": (SAX, TRUMPET, BRASS), "pad": (ORGAN, STRINGS)},
    stop_chance=0.25,
    break_chance=0.1,
    pad_chance=0.25,
    lead_chance=0.6,
)

_POP = GenreStyle(
    tempi_bpm=_TEMPI,
    swings=(0.5,),
    grooves=(
        {"kick": "x-------x-x-----", "snare": "----x-------x---", "clap": "----x-------x---", "closed_hat": "x-m-x-m-x-m-x-mm"},
        {"kick": "x--x----x-x-----", "snare": "----X-------X---", "closed_hat": "xommxommxommxomm", "cowbell": "--x---x---x-x---"},
        {
            "kick": "x-----x-x-------  x-----x-x-x---x-",
            "clap": "----X-------X---",
            "snare": "----m-------m--o",
            "closed_hat": "x-m-x-m-x-m-x-m-",
            "open_hat": "--------------x-",
        },
        {"kick": "x-x-----x--x----", "snare": "----x-------x---", "closed_hat": "m-m-m-m-m-m-m-r-", "conga": "---x--x----x--x-"},
    ),
    light={"kick": "x-------x-------", "clap": "----x-------x---", "closed_hat": "x---m---x---m---"},
    extra={"tambourine": "m-m-m-m-m-m-m-m-", "clap": "----X-------X-x-"},
    fills=(2, 3, 4, 6),
    bass_lines=("R-8---R-8-R---5-", "R--8--R---7-8---", "R-R-8---R-R-7-8-", "R---8-R-----7-5a  R---8-R-7-5-4-3-"),
    major=("Cmaj7 | Am7", "Fmaj7 | Em7 | Am7 | G"),
    minor=("Cm7 | F7", "Cm7 | Abmaj7", "Cm9 | Bb | Abmaj7 | Bb", "Fm7 | Cm7"),
    comping=("----x-------x---", "x-----x-----x---", "x__---x__-----x-", "--x---x---x---x-"),
    melody=("x-x-x__---------", "x--x--x_--x-x___", "----x-x-x-x_----", "x___--x-x---x___"),
    scale="pentatonic",
    programs={
        "bass": (SYNTH_BASS, SUB_BASS),
        "chords": (SYNTH_BRASS, FM_PIANO, CLAV),
        "lead": (SQUARE, SAW, SYNTH_BRASS),
        "pad": (SYNTH_STRINGS, WARM_PAD),
    },
    stop_chance=0.35,
    pad_chance=0.5,
)

_LOCK = GenreStyle(
    tempi_bpm=_TEMPI,
    swings=(0.5, 0.54),
    grooves=(
        {"kick": "x-x----x--x-----", "snare": "----x-o-o--ox--o", "closed_hat": "xomoxomoxomoxo-o", "open_hat": "--------------x-"},
        {"kick": "x--x------x--x--", "snare": "----x--o-o--x---", "closed_hat": "xomoxomoxomoxomo", "tambourine": "----x-------x---"},
        {
            "kick": "x-x---x---x-----  x-x---x---x--x--",
            "snare": "----X-o----oX-o-",
            "closed_hat": "x-xox-xox-xox-xo",
            "tambourine": "----x-------x---",
        },
        {"kick": "x-----x--xx-----", "snare": "----x--o----x--x", "ride": "x-m-x-m-x-m-x-m-", "cowbell": "x---x---x---x---"},
    ),
    light={"kick": "x---------x-----", "snare": "----m-------m---", "closed_hat": "x-o-x-o-x-o-x-o-"},
    extra={"tambourine": "o-o-x-o-o-o-x-o-", "conga": "--m--m----m--mx-"},
    fills=(0, 1, 2, 5),
    bass_lines=("R-R---5-7-8--7-a", "R--R--8---7-5--a", "R_----8-R-3-4-a-", "R-8-R-----7-8-a-  R-8-R---5-6-7-a-"),
    major=("C7 | C7 | F7 | F7", "C9 | F9", "C7sus4 C7 | F9", "C7 | C7 | F7 | G7"),
    minor=("Cm7 | F9", "Cm7 | Cm7 | Fm7 | G7"),
    comping=("--x-x---x-x-x---", "x---x-xx----x-x-", "----x--x----x--x", "--xx--x---xx--X-"),
    melody=("x-x-xx--x_------", "--------x-xxx-x_", "x_x---x_x-------", "x-x-x-x-x_------"),
    scale="blues",
    programs={"bass": (SLAP, FINGER), "chords": (GUITAR, CLAV, ORGAN), "lead": (BRASS, TRUMPET, SAX), "pad": (ORGAN, STRINGS)},
    stop_chance=0.45,
    pad_chance=0.3,
)

_MIDDLE = GenreStyle(
    tempi_bpm=_TEMPI,
    swings=(0.58, 0.62, 0.667),
    grooves=(
        {"kick": "x------x--x-----", "snare": "----x-------x---", "closed_hat": "x-m-x-m-x-m-x-m-"},
        {"kick": "x--x---x--x-----  x--x------xx----", "snare": "----x--o----x--o", "closed_hat": "x-m-xom-x-m-xom-"},
        {"kick": "x-x----x-xx-----", "snare": "----X-------X-o-", "closed_hat": "xmmmxmmmxmmmxmmm", "tambourine": "----m-------m---"},
        {
            "kick": "x-----xx--x-----  x-----x--xx---x-",
            "snare": "----x-------x---",
            "closed_hat": "x-m-x-m-x-m-x---",
            "open_hat": "--------------m-",
        },
    ),
    light={"kick": "x---------x-----", "side_stick": "----x-------x---", "closed_hat": "x-m-x-m-x-m-x-m-"},
    extra={"tambourine": "--m---m---m---m-", "clap": "----x-------x---"},
    fills=(0, 2, 4, 5),
    bass_lines=("R__----R--R___--", "R___---5--7_R---  R___---R--5_a---", "R--R___---8_7_5-", "R_____----7_R_a-"),
    major=("Fmaj9 | Em7 | Dm9 | G13", "Cmaj9 | Am9"),
    minor=("Cm9 | Fm9", "Cm9 | Abmaj7 | Fm9 | G7", "Cm9 | Bbm7 | Abmaj7 | G7", "Fm9 | Cm9"),
    comping=("x_____----x_____", "x___--x_----x___", "------x___------ x_____----x_----", "x_______--x_x___"),
    melody=("x-x_--x-x___----", "----x_x-x-x_----", "x___--x_x_------", "x-xx-x__--------"),
    scale="pentatonic",
    programs={
        "bass": (UPRIGHT, FINGER, SUB_BASS),
        "chords": (E_PIANO, PIANO, GUITAR),
        "lead": (VIBES, FLUTE, TRUMPET),
        "pad": (STRINGS, WARM_PAD),
    },
    stop_chance=0.15,
    lead_chance=0.65,
)

_LA = GenreStyle(
    tempi_bpm=_TEMPI,
    swings=(0.5,),
    grooves=(
        {"kick": "x---------x--x--", "clap": "----x-------x---", "snare": "----m-------m---", "closed_hat": "xmmmxmmmxmmmxrmr"},
        {"kick": "x------x--x-----  x-----x---x--x--", "clap": "----X-------X---", "closed_hat": "xmxmxmxtxmxmxmxr"},
        {
            "kick": "x--x------x---x-",
            "snare": "--------X-------",
            "clap": "--------X-------",
            "closed_hat": "x-m-x-mtx-m-xrmr",
            "side_stick": "----m-------m---",
        },
        {
            "kick": "x-----x--x------  x-----x--x--x---",
            "snare": "----x-------x---",
            "clap": "----x-------x---",
            "closed_hat": "x-x-xtx-x-xrx-xt",
            "open_hat": "------m---------",
        },
    ),
    light={"kick": "x-------x-------", "side_stick": "----x-------x---", "closed_hat": "x-m-x-m-x-m-x-m-"},
    extra={"open_hat": "--m---m---m---m-", "tambourine": "m-m-m-m-m-m-m-m-"},
    fills=(2, 4, 6),
    bass_lines=("R______---R__R__", "R_____-R__R___--  R_____-R__R__5__", "R__R______R___R_", "R________R______"),
    major=("C | Am | F | G", "F | G | Am | Am"),
    minor=("Cm | Ab | Cm | Ab", "Cm | Fm", "Cm | Ab | Eb | Bb", "Cm | Cm | Ab | G"),
    comping=("x--x--x-x--x--x-", "x___x___x___x___", "x-x-x-x-x-x-x-x-", "x_____x_____x___"),
    melody=("x--x--x-x--x----", "x-x-x---x-x-x_--", "x___--x-x_____--", "----x-x-x-x-x_--"),
    scale="pentatonic",
    programs={
        "bass": (SUB_BASS, SYNTH_BASS),
        "chords": (MUSIC_BOX, PIZZICATO, PIANO),
        "lead": (SQUARE, FLUTE, MUSIC_BOX),
        "pad": (WARM_PAD, CHOIR, SYNTH_STRINGS),
    },
    stop_chance=0.25,
    break_chance=0.15,
    pad_chance=0.8,
)

_HOUSE = GenreStyle(
    tempi_bpm=_HOUSE_TEMPI,
    swings=(0.5, 0.54),
    grooves=(
        {"kick": "X---X---X---X---", "clap": "----x-------x---", "open_hat": "--x---x---x---x-", "closed_hat": "m-mmm-mmm-mmm-mm"},
        {"kick": "X---X---X---X---", "snare": "----x-------x---", "open_hat": "--x---x---x---x-", "tambourine": "moxomoxomoxomoxo"},
        {
            "kick": "X---X---X---X---  X---X---X---X--m",
            "clap": "----x-------x---",
            "closed_hat": "--x---x---x---x-",
            "conga": "x--m--x-x--m-mx-",
        },
        {"kick": "X---X---X---X---", "clap": "----x--o-o--x---", "open_hat": "--x---x---x---x-", "ride": "m---m---m---m---"},
    ),
    light={"kick": "x---x---x---x---", "closed_hat": "--m---m---m---m-"},
    extra={"ride": "x-m-x-m-x-m-x-m-", "tambourine": "mommmommmommmomm"},
    fills=(0, 2, 4, 6),
    bass_lines=("--R---R---R---R-", "R--R--R---R-7-8-", "--R-R-8---R-R-7-", "R--8--R--8--7-5-  R--8--R--R--5-7-"),
    major=("Fmaj7 | G | Em7 | Am7", "Cmaj7 | Fmaj7"),
    minor=("Cm9 | Abmaj7 | Fm9 | Gm7", "Cm7 | Fm7", "Abmaj7 | Bb | Cm7 | Cm7", "Cm7 | Bb | Abmaj7 | Gm7"),
    comping=("x--x--x---x--x--", "--x---x---x---x-", "x-----x---x-----  --x--x----x-----", "X--x--x--x--x---"),
    melody=("x--x--x_--------", "x-x---x-x---x___", "--x---x---x-x___", "x___x_--x___----"),
    scale="pentatonic",
    programs={
        "bass": (SYNTH_BASS, ORGAN, SUB_BASS),
        "chords": (PIANO, ORGAN, FM_PIANO),
        "lead": (SAW, FLUTE, SAX),
        "pad": (SYNTH_STRINGS, WARM_PAD, STRINGS),
    },
    stop_chance=0.08,
    break_chance=0.2,
    pad_chance=0.7,
)

_WAACK = GenreStyle(
    tempi_bpm=_TEMPI,
    swings=(0.5,),
    grooves=(
        {
            "kick": "X---X---X---X---",
            "snare": "----x-------x---",
            "clap": "----x-------x---",
            "open_hat": "--x---x---x---x-",
            "closed_hat": "m---m---m---m---",
        },
        {
            "kick": "X---X---X---X---",
            "snare": "----x-------x--o",
            "open_hat": "--x---x---x---x-",
            "closed_hat": "xo-oxo-oxo-oxo-o",
            "tambourine": "----x-------x---",
        },
        {
            "kick": "X---X---X---X---",
            "snare": "----x-------x-x-  ----x--o----x---",
            "closed_hat": "xmmmxmmmxmmmxmmm",
            "conga": "--xm--x---xm-mx-",
        },
        {"kick": "X---X---X---X---", "clap": "----x-------x---", "open_hat": "--x---x---x---x-", "cowbell": "x---x---x---x---"},
    ),
    light={"kick": "x---x---x---x---", "closed_hat": "m-x-m-x-m-x-m-x-"},
    extra={"tambourine": "o-x-o-x-o-x-o-x-", "conga": "---m--xm---m--xx"},
    fills=(0, 1, 3, 5),
    bass_lines=("R-8-R-8-R-8-R-8-", "R-8-R-8-5-8-6-a-", "R-R-8-R-R-5-8-a-", "R---8-R-5-8-R-a-"),
    major=("Cmaj7 | Am7 | Dm7 | G7", "Fmaj7 | Em7 | Dm7 | Cmaj7"),
    minor=("Cm7 | Abmaj7 | Ebmaj7 | Bb7", "Cm7 | F9 | Bbmaj7 | Ebmaj7", "Cm | Fm7 | Bb7 | Ebmaj7", "Cm7 | Abmaj7 | Fm7 | G7"),
    comping=("--x---x---x---x-", "x--x--x---x--x--", "--xx--xx--xx--xx", "x-----x-x-----x-"),
    melody=("x_x_x___x_x_x___", "xxxxx___--------", "x___x_x_x_______", "--x-x-x-xxxxx___"),
    scale="diatonic",
    programs={
        "bass": (FINGER, SYNTH_BASS),
        "chords": (E_PIANO, MUTED_GUITAR, PIANO),
        "lead": (STRINGS, BRASS, FLUTE),
        "pad": (STRINGS, SYNTH_STRINGS),
    },
    stop_chance=0.1,
    break_chance=0.12,
    pad_chance=0.7,
    lead_chance=0.85,
)

_KRUMP = GenreStyle(
    tempi_bpm=_TEMPI,
    swings=(0.5,),
    grooves=(
        {"kick": "X--x--x-x--x--x-", "snare": "----X-------X---", "closed_hat": "x-m-x-m-x-m-x-m-"},
        {"kick": "X-xx--x-X-----x-", "snare": "----X-------X-xx", "clap": "----X-------X---", "closed_hat": "x-m-x-m-x-m-x-m-"},
        {
            "kick": "X-----x-X--x--x-  X--x--x-X-----xx",
            "snare": "----X-------X---",
            "low_tom": "--x----x--x-----",
            "closed_hat": "m---m---m---m---",
        },
        {
            "kick": "X--X--X-X--X--X-",
            "clap": "----X-------X---",
            "snare": "----X-------X--x",
            "closed_hat": "xmxmxmxmxmxmxmxr",
            "cowbell": "--------x-------",
        },
    ),
    light={"kick": "X-------X-------", "side_stick": "----x-------x---", "closed_hat": "m---m---m---m---"},
    extra={"low_tom": "x-----x-x-----x-", "crash": "x---------------"},
    fills=(0, 2, 3, 4),
    bass_lines=("R--R--R-R--R--b-", "R_R_--R_b_--R___", "R__R__R_--R_--b_", "R_____R_R__5__b_"),
    major=("Cm | Db",),
    minor=("Cm | Cm | Db | Cm", "Cm | Ab", "C5 | C5 | Ab5 | G5", "Cm | Cm | Bbm | Db", "Cm"),
    comping=("X--X------------", "X-----X---------  X-----X-X--X----", "X_______--------", "x-x-x-x-X_______"),
    melody=("x--x--x_--------", "x___x___--------", "xxx-x_----------", "--------x-x-x_x_"),
    scale="phrygian",
    programs={
        "bass": (SUB_BASS, SYNTH_BASS),
        "chords": (BRASS, SYNTH_BRASS, STRINGS),
        "lead": (SAW, SYNTH_BRASS, CHOIR),
        "pad": (CHOIR, STRINGS),
    },
    stop_chance=0.4,
    break_chance=0.1,
    pad_chance=0.6,
    lead_chance=0.55,
)

_STREET = GenreStyle(
    tempi_bpm=_TEMPI,
    swings=(0.5, 0.54, 0.58),
    grooves=(
        {"kick": "x-----x---x-----", "snare": "----x-------x---", "closed_hat": "x-m-x-m-x-m-x-m-", "tambourine": "ooooooooooooooo-"},
        {"kick": "x--x--x---x-----", "clap": "----x-------x---", "closed_hat": "xomoxomoxomoxomo"},
        {
            "kick": "x-----xx--x-----  x-----x---x--x--",
            "snare": "----x--o----x--o",
            "closed_hat": "x-m-x-m-x-m-x---",
            "open_hat": "--------------m-",
        },
        {"kick": "x-x---x---x-----", "snare": "----x-------x---", "side_stick": "--o--o----o--o--", "ride": "x-m-x-m-x-m-x-m-"},
    ),
    light={"kick": "x-------x-------", "side_stick": "----x-------x---", "closed_hat": "x-m-x-m-x-m-x-m-"},
    extra={"tambourine": "momomomomomomomo", "clap": "----x-------x---"},
    fills=(0, 1, 2, 4, 5),
    bass_lines=("R__---5-8___7-5-", "R--R__5---R_3_5-", "R___--R-5_--8_a-", "R-----R_R___5_6_  R-----R_R_3_4_a_"),
    major=("Am7 | F | C | G", "Fmaj7 | Em7 | Am7 | Am7", "C | G | Am | F", "Fmaj9 | G | Em7 | Am7"),
    minor=("Cm7 | Ab | Eb | Bb", "Abmaj7 | Bb | Cm7 | Cm7", "Cm9 | Fm7 | Abmaj7 | G7"),
    comping=("x_____x_----x___", "x__x__x_--x_x___", "x___--x___--x___", "x-x---x-x-x---x-"),
    melody=("x_x_x___--x_x___", "x-xx__x-x_______", "----x_x_x-x_x___", "x___x_x-x_______"),
    scale="diatonic",
    programs={"bass": (FINGER, SYNTH_BASS), "chords": (E_PIANO, PIANO, GUITAR), "lead": (SAX, BRASS, FLUTE), "pad": (STRINGS, WARM_PAD)},
    stop_chance=0.2,
    break_chance=0.12,
    lead_chance=0.85,
)

_BALLET = GenreStyle(
    tempi_bpm=_TEMPI,
    swings=(0.62, 0.667, 0.667),
    swing_unit_beats=0.5,
    grooves=(
        {"ride": "x---x-m-x---x-m-", "pedal_hat": "----x-------x---", "kick": "m---m---m---m---", "snare": "------o-------o-"},
        {"ride": "x---x-m-x---x-m-", "pedal_hat": "----x-------x---", "kick": "x-------x-------", "side_stick": "------------x---"},
        {"ride": "x---x---x---x---", "pedal_hat": "----x-------x---", "kick": "x-------x-----m-", "snare": "----m-----o-m---"},
        {
            "kick": "x-----m-x-----m-",
            "side_stick": "x-----x-----x---  ----x-----x-----",
            "closed_hat": "x-m-x-m-x-m-x-m-",
            "pedal_hat": "----m-------m---",
        },
    ),
    light={"ride": "m---m---m---m---", "pedal_hat": "----m-------m---", "kick": "x-------m-------"},
    extra={"snare": "----x-------x---", "open_hat": "--------------m-"},
    fills=(1, 2, 5),
    bass_lines=("R_______5_______", "R_____5_5_____R_", "R___5___R___a___", "R_______3___5___"),
    major=("Dm7 | G7 | Cmaj7 | Cmaj7", "Cmaj7 Am7 | Dm7 G7", "Cmaj7 | Am7 | Dm7 | G13", "Fmaj7 | Em7 Am7 | Dm7 G7 | C6"),
    minor=("Cm7 | Fm7 | Dm7b5 G7 | Cm6", "Dm7b5 | G7 | Cm7 | Cm7", "Cm7 | Fm7 | Bb7 | Ebmaj7"),
    comping=("x_____--x_______", "------x_____--x_", "x_______x_______", "----x_------x___"),
    melody=("x___x_x_x_______", "x_x_x_x_x___----", "----x_x_x_x_x___", "x_____x_x_______"),
    scale="diatonic",
    programs={"bass": (UPRIGHT,), "chords": (PIANO, VIBES, GUITAR), "lead": (SAX, FLUTE, TRUMPET, VIBES), "pad": (STRINGS,)},
    walking=0.6,
    stop_chance=0.1,
    break_chance=0.12,
    pad_chance=0.7,
    lead_chance=0.9,
)

STYLES: tuple[GenreStyle, ...] = (_BREAK, _POP, _LOCK, _MIDDLE, _LA, _HOUSE, _WAACK, _KRUMP, _STREET, _BALLET)
"""Style of each genre, in the order of `GENRES`."""

assert len(STYLES) == len(GENRES)
