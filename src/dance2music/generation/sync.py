"""What is reported of the music's sync with the dancer: by a reading of the dance that played no part in making or choosing the music."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dance2music.dance.second_reading import second_beats
from dance2music.metrics.rhythm import beat_f
from dance2music.metrics.sync import hear, measure_sync
from dance2music.types import Audio, Dancer, Motion, Rhythm

_SHIFTS = 100
_FEWEST_STOPS = 6
"""On fewer stops of the dancer a score is chance."""


def report_sync(audio: Audio, rhythm: Rhythm, motion: Motion | None) -> dict[str, Any]:
    """Sync by the second reading of the dance (`dance.second_reading`), with what it has to be seen beside.

    Parameters
    ----------
    audio : the finished music.
    rhythm : with the kinematic beats of the first reading, by which takes were ranked.
    motion : the dance; None, where there is only a rhythm, leaves the first reading, and the report says so.

    Returns
    -------
    dict with the values of `metrics.sync.measure_sync` by the second reading, ``reading`` (which it is), ``readings_agree`` (F-measure at
    70 ms of the kinematic beats of both readings: what no music can be expected to exceed by much), ``readings_agree_by_chance`` (the same
    with one of them shifted at random), and ``ranked_by``: alignment, its chance and lift by the reading that chose the take, which is no
    evidence.
    """
    heard = hear(audio, around_bpm=rhythm.tempo_bpm)
    first = measure_sync(heard, rhythm)
    if motion is None:
        return {**first, "reading": "first: no joints to read a second time"}
    beats = second_beats(motion)
    beats = beats[beats < audio.duration_seconds]
    rng = np.random.default_rng(0)
    shifts = rng.uniform(0.0, motion.duration_seconds, _SHIFTS)
    own = rhythm.kinematic_beats_seconds
    return {
        **measure_sync(heard, replace(rhythm, kinematic_beats_seconds=beats)),
        "reading": "second: took no part in making or choosing the music",
        "readings_agree": beat_f(own, beats),
        "readings_agree_by_chance": float(np.mean([beat_f(own, (beats + shift) % motion.duration_seconds) for shift in shifts])),
        "ranked_by": {name: first[name] for name in ("beat_alignment", "shifted_mean", "lift", "kinematic_beats")},
    }


def report_dancers(dancers: Sequence[Dancer]) -> list[dict[str, Any]]:
    """Who was seen, for the report: number, share of the rhythm, size and sureness as in `types.Dancer`, and when, in seconds."""
    return [
        {
            "number": number,
            "share": round(one.share, 4),
            "size": round(one.size, 4),
            "sureness": round(one.sureness, 4),
            "seen_seconds": [[round(span.begin_seconds, 3), round(span.end_seconds, 3)] for span in one.seen],
        }
        for number, one in enumerate(dancers, start=1)
    ]


def dancers_in_words(dancers: Sequence[Mapping[str, Any]]) -> str:
    """Who was seen (`report_dancers`), how long, and how much each counts, in a line."""
    each = [
        f"{one['number']} for {sum(end - begin for begin, end in one['seen_seconds']):.1f} s ({one['share']:.0%} of the rhythm)"
        for one in dancers
    ]
    return f"{len(dancers)} people seen: {', '.join(each)}"


def sync_in_words(sync: Mapping[str, Any]) -> str:
    """What `report_sync` found, in a few words: the score, its mean over shifts in time, and how many of those it is better than; no score
    where the dancer stops too seldom for one."""
    stops = round(sync["kinematic_beats"])
    if stops < _FEWEST_STOPS:
        return f"too short to measure sync ({stops} stop{'' if stops == 1 else 's'} of the dancer)"
    better = f"; better than {int(100 * (1 - sync['p']))}% of shifts" if "p" in sync else ""
    return f"sync {sync['beat_alignment']:.2f} (by chance {sync['shifted_mean']:.2f}{better})"
