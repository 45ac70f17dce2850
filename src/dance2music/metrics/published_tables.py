"""Every table of results of both papers, as data: the one place of published numbers, each with its address.

Percentages are written as printed. A row has a key, by which measured results find it (the name of a method or preset), and the label that
the paper prints. Numbers of others, for comparison; nothing here was measured by this project.
"""

from __future__ import annotations

from dataclasses import dataclass

PAPER_SECONDS = 2.0
"""Length of the segments that both papers test on, but for rows that say otherwise."""

D2M = "Zhu et al. 2022, D2M-GAN (arXiv:2204.00604)"
CREATIVE = "Huang et al. 2023, Creative-GAN (doi:10.1587/transfun.2023EAP1059)"


@dataclass(frozen=True)
class Column:
    """A column: its printed name, the metric of ``results.json`` or of a listening test that it is, and the factor from ours to theirs."""

    label: str
    metric: str
    factor: float = 1.0
    decimals: int = 1


@dataclass(frozen=True)
class Row:
    """A row: key, printed label, printed values in the order of the columns (None: not given), and the length of the music, in seconds."""

    key: str
    label: str
    values: tuple[float | None, ...]
    seconds: float = PAPER_SECONDS


@dataclass(frozen=True)
class PublishedTable:
    """One printed table.

    Attributes
    ----------
    address : str, paper and number of the table.
    data : str, on what and on how many clips or listeners it was measured.
    notes : what a reader must know to compare.
    """

    address: str
    title: str
    data: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


COVERAGE = Column("Beats Coverage %", "beats_coverage", 100.0)
HIT = Column("Beats Hit %", "beats_hit", 100.0)
GENRE = Column("Genre accuracy %", "genre_retrieval", 100.0)
DIST = Column("Dist_m", "dist_m", decimals=2)
ALIGNMENT = Column("Beat Alignment", "beat_alignment", decimals=3)
COHERENCE_MOS = Column("Coherence MOS", "mos_coherence")
QUALITY_MOS = Column("Quality MOS", "mos_quality")
WINS = Column("Ours wins over it %", "wins_over", 100.0)

_AIST = "AIST++, 2 s; the values lie on 85 clips for the beats and 86 for the genre"
_SATURATED = "Beats Coverage and Hit keep one bit per second: a click track at a wrong tempo reaches 100; see the controls of every result"
_GENRE_NOTE = "the database, the layer of VGGish and the handling of self-matches are not published; compare with care"
_DIST_NOTE = "which 30 pieces, their length and the layer of VGGish are not published; noise scores high"
_ALIGNMENT_NOTE = "a mean over kinematic beats: denser music scores higher, and a grid by chance reaches about 0.21"


def _rhythm_genre(*rows: tuple[str, str, float, float, float]) -> tuple[Row, ...]:
    return tuple(Row(key, label, tuple(numbers), _seconds(key)) for key, label, *numbers in rows)


def _seconds(key: str) -> float:
    """Length of the music that a key ends in, as in ``d2m-gan-high-3s``."""
    end = key.rpartition("-")[2]
    return float(end[:-1]) if end[:-1].isdigit() and end.endswith("s") else PAPER_SECONDS


TABLES: dict[str, PublishedTable] = {
    "d2m-1": PublishedTable(
        f"{D2M}, Table 1",
        "rhythm, genre, coherence and quality",
        f"{_AIST}; 26 listeners with 15 items each",
        (COVERAGE, HIT, GENRE, COHERENCE_MOS, QUALITY_MOS),
        (
            Row("dance2music-offline", "Dance2Music", (83.5, 82.4, 7.0, 2.8, None)),
            Row("foley-music", "Foley Music", (74.1, 69.4, 8.1, 2.8, None)),
            Row("cmt", "CMT", (85.5, 83.5, 11.6, 3.0, None)),
            Row("jukebox-random", "Random JukeBox", (None, None, None, 2.0, None)),
            Row("jukebox-reconstruction", "JukeBox (reconstruction)", (None, None, None, None, 3.5)),
            Row("d2m-gan-high", "Ours High-level", (88.2, 84.7, 24.4, 3.5, 3.5)),
            Row("d2m-gan-low", "Ours Low-level", (92.3, 91.7, 26.7, 3.3, 3.7)),
            Row("original", "GT", (None, None, None, 4.6, 4.8)),
        ),
        (_SATURATED, _GENRE_NOTE, "methods of notes (MIDI) were left out of the quality test", "the paper gives no intervals"),
    ),
    "d2m-2": PublishedTable(
        f"{D2M}, Table 2",
        "the TikTok data set",
        "TikTok, 2 s, 307 test clips",
        (COVERAGE, HIT),
        (
            Row("d2m-gan-tiktok-high-no-motion", "High w/o M", (85.5, 72.4)),
            Row("d2m-gan-tiktok-high-no-visual", "High w/o V", (86.3, 81.7)),
            Row("d2m-gan-tiktok-high", "High (full)", (88.4, 82.3)),
            Row("d2m-gan-tiktok-low-no-motion", "Low w/o M", (83.8, 74.6)),
            Row("d2m-gan-tiktok-low-no-visual", "Low w/o V", (85.2, 81.7)),
            Row("d2m-gan-tiktok-low", "Low (full)", (87.1, 83.9)),
        ),
        (_SATURATED,),
    ),
    "d2m-3": PublishedTable(
        f"{D2M}, Table 3",
        "sequence length",
        "AIST++",
        (COVERAGE, HIT, GENRE),
        _rhythm_genre(
            ("d2m-gan-high", "High - 2s", 88.2, 84.7, 24.4),
            ("d2m-gan-high-3s", "High - 3s", 88.2, 85.3, 25.6),
            ("d2m-gan-high-4s", "High - 4s", 87.1, 83.0, 23.3),
            ("d2m-gan-low", "Low - 2s", 92.3, 91.7, 26.7),
            ("d2m-gan-low-3s", "Low - 3s", 90.1, 88.2, 25.6),
            ("d2m-gan-low-4s", "Low - 4s", 88.2, 84.7, 23.3),
        ),
        (_SATURATED, _GENRE_NOTE),
    ),
    "d2m-4": PublishedTable(
        f"{D2M}, Table 4",
        "input modalities",
        _AIST,
        (COVERAGE, HIT, GENRE),
        _rhythm_genre(
            ("d2m-gan-high-no-motion", "High w/o M", 83.5, 82.9, 15.1),
            ("d2m-gan-high-no-visual", "High w/o V", 87.1, 88.2, 16.3),
            ("d2m-gan-high", "High (full)", 88.2, 84.7, 24.4),
            ("d2m-gan-low-no-motion", "Low w/o M", 89.4, 87.6, 15.1),
            ("d2m-gan-low-no-visual", "Low w/o V", 90.6, 90.0, 17.4),
            ("d2m-gan-low", "Low (full)", 92.3, 91.7, 26.7),
        ),
        (_SATURATED, _GENRE_NOTE),
    ),
    "d2m-5": PublishedTable(
        f"{D2M}, Table 5",
        "model architectures",
        _AIST,
        (COVERAGE, HIT, GENRE),
        _rhythm_genre(
            ("d2m-gan-high-1-scale", "High 1-layer D.", 75.3, 72.9, 9.3),
            ("d2m-gan-high-2-scales", "High 2-layer D.", 85.3, 82.9, 21.0),
            ("d2m-gan-high-no-scaling", "High w/o scaling", 72.9, 71.8, 14.0),
            ("d2m-gan-high-no-reshape", "High w/o reshape", 73.5, 70.1, 11.6),
            ("d2m-gan-high-no-finetune", "High w/o fine-tune", 87.0, 84.7, 24.4),
            ("d2m-gan-high", "High (full)", 88.2, 84.7, 24.4),
            ("d2m-gan-low-1-scale", "Low 1-layer D.", 73.5, 71.8, 8.1),
            ("d2m-gan-low-2-scales", "Low 2-layer D.", 87.0, 85.9, 22.1),
            ("d2m-gan-low-no-scaling", "Low w/o scaling", 72.4, 70.1, 12.8),
            ("d2m-gan-low-no-reshape", "Low w/o reshape", 73.5, 71.8, 12.8),
            ("d2m-gan-low-no-finetune", "Low w/o fine-tune", 92.3, 91.2, 26.7),
            ("d2m-gan-low", "Low (full)", 92.3, 91.7, 26.7),
        ),
        (_SATURATED, _GENRE_NOTE),
    ),
    "d2m-6": PublishedTable(
        f"{D2M}, Table 6",
        "losses",
        _AIST,
        (COVERAGE, HIT, GENRE),
        _rhythm_genre(
            ("d2m-gan-high-no-feature-matching", "High w/o L_FM", 85.3, 84.7, 23.3),
            ("d2m-gan-high-no-waveform", "High w/o L_wav", 85.9, 84.7, 23.3),
            ("d2m-gan-high-no-mel", "High w/o L_mel", 77.6, 76.5, 18.6),
            ("d2m-gan-high", "High (full)", 88.2, 84.7, 24.4),
            ("d2m-gan-low-no-feature-matching", "Low w/o L_FM", 91.7, 90.1, 24.4),
            ("d2m-gan-low-no-waveform", "Low w/o L_wav", 89.4, 88.8, 23.3),
            ("d2m-gan-low-no-mel", "Low w/o L_mel", 78.8, 77.1, 17.4),
            ("d2m-gan-low", "Low (full)", 92.3, 91.7, 26.7),
        ),
        (_SATURATED, _GENRE_NOTE),
    ),
    "creative-2": PublishedTable(
        f"{CREATIVE}, Table 2",
        "rhythm, diversity, correlation, quality and preference",
        "AIST++, 2 s, 30 test videos; 30 listeners with 15 items each (quality), 20 with 25 pairs each (preference)",
        (COVERAGE, HIT, DIST, ALIGNMENT, QUALITY_MOS, WINS),
        (
            Row("original", "AIST++", (None, None, 8.12, 0.289, 4.8, 42.1)),
            Row("inverse-mv", "InverseMV", (72.5, 71.4, 3.76, 0.182, 2.9, 93.4)),
            Row("foley-music", "Foley Music", (74.6, 70.1, 4.17, 0.214, 3.3, 85.6)),
            Row("cmt", "CMT", (85.7, 43.6, 4.79, 0.233, 3.2, 81.2)),
            Row("d2m-gan-high", "D2M-GAN", (88.5, 84.9, 5.25, 0.235, 3.5, 67.8)),
            Row("creative-gan-high", "Ours High-level", (87.9, 84.6, 6.75, 0.241, 3.7, None)),
            Row("creative-gan-low", "Ours Low-level", (92.1, 91.8, 7.68, 0.245, 4.2, None)),
        ),
        (
            _SATURATED,
            _DIST_NOTE,
            _ALIGNMENT_NOTE,
            "the row of D2M-GAN is near its high level in its own paper (88.2, 84.7), whose low level has 92.3 and 91.7",
            "CMT's Beats Hit is 83.5 in D2M-GAN Table 1 with nearly the same coverage: probably a slip",
            "methods of notes (MIDI) were in the quality test; the paper gives no intervals",
        ),
    ),
    "creative-3": PublishedTable(
        f"{CREATIVE}, Table 3",
        "the TikTok data set",
        "112 TikTok videos of the authors' own with 20 songs, 2 s",
        (COVERAGE, HIT),
        (Row("creative-gan-tiktok-high", "High-level", (88.1, 82.3)), Row("creative-gan-tiktok-low", "Low-level", (86.9, 83.8))),
        (_SATURATED, "not the TikTok data set of D2M-GAN"),
    ),
    "creative-4": PublishedTable(
        f"{CREATIVE}, Table 4",
        "sample length",
        "AIST++; which level is not stated, the row of 2 s is the low one",
        (COVERAGE, HIT, DIST, ALIGNMENT),
        (
            Row("creative-gan-low", "2s", (92.1, 91.8, 7.68, 0.245)),
            Row("creative-gan-low-3s", "3s", (89.9, 88.4, 6.35, 0.234), 3.0),
            Row("creative-gan-low-4s", "4s", (87.8, 84.7, 6.17, 0.224), 4.0),
            Row("creative-gan-low-5s", "5s", (84.1, 79.9, 5.32, 0.207), 5.0),
        ),
        (_SATURATED, _DIST_NOTE, _ALIGNMENT_NOTE),
    ),
    "creative-5": PublishedTable(
        f"{CREATIVE}, Table 5",
        "losses, each added to those above it",
        "AIST++, 2 s",
        (COVERAGE, HIT, DIST, ALIGNMENT),
        (
            Row("creative-gan-low-adversarial", "A: adversarial", (84.8, 84.1, 4.37, 0.206)),
            Row("creative-gan-low-style", "B: + style", (85.2, 84.5, 7.53, 0.214)),
            Row("creative-gan-low-feature-matching", "C: + feature matching", (87.4, 86.9, 7.58, 0.237)),
            Row("creative-gan-low-commitment", "D: + codebook commitment", (88.4, 87.1, 7.61, 0.241)),
            Row("creative-gan-low", "E: + perceptual", (92.1, 91.8, 7.68, 0.245)),
        ),
        (_SATURATED, _DIST_NOTE, _ALIGNMENT_NOTE),
    ),
}
"""By the name that ``dance2music evaluate --table`` takes."""
