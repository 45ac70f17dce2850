"""Choosing among takes: several are made, the one is kept that follows the dancer best and is most music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

import numpy as np

from dance2music.metrics.sync import beats_on_grid, hear, measure_sync
from dance2music.music.beats import ONSET_HOP_LENGTH
from dance2music.parallel import side_by_side
from dance2music.takes.methods import LoadedMethod
from dance2music.takes.sound import MASTERED
from dance2music.takes.take import Take, keeping_sound, levelled, make_takes
from dance2music.types import Audio, Conditioning, Rhythm, Score
from dance2music.work import part


@dataclass(frozen=True)
class RankingConfig:
    """How many takes are made, and what they are ranked by. Chosen on drawn dances of 2 to 12 s.

    Attributes
    ----------
    candidates, most_candidates, candidate_seconds : for each take that is kept 70 s of music are made, but at least 6 takes and at most 24.
    beat_weight : of a candidate's beat F-measure, and of the lift of its beats, beside the lift of its onsets.
    music_weights : of a candidate's musical values, and what of each is enough: beyond it a take does not rank higher, so that among takes
        that are music sync decides.
    fullness_weight : of a candidate's drum hits as a share of all candidates' mean, which is enough: without it thin takes win, whose few
        onsets miss the shifted moves more.
    ranked_seconds : of longer dances only this much of each candidate is heard before the best is made whole.
    """

    candidates: int = 6
    most_candidates: int = 24
    candidate_seconds: float = 70.0
    beat_weight: float = 0.5
    music_weights: dict[str, tuple[float, float]] = field(
        default_factory=lambda: {"pulse_clarity": (1.0, 0.6), "key_clarity": (0.3, 0.7), "harmonic_share": (0.2, 0.65)}
    )
    fullness_weight: float = 0.5
    ranked_seconds: float = 60.0


RANKING = RankingConfig()
_PLAYED, _LESS_CLEAR = 3, 0.1
"""So many of the best are played as they will be heard, to find one whose beat is no less clear by more than this."""
IMPORTED = ("scipy.signal", "scipy.interpolate", "dance2music.music.audio", "dance2music.music.beats", "mir_eval", "pyloudnorm")
"""What takes that are made side by side import: one thread does it for all, for two that import parts of a package at once may see half of
it."""


def candidates_for(duration_seconds: float, config: RankingConfig = RANKING) -> int:
    """How many takes are made for each that is kept: short dances, whose takes are cheap and whose few notes vary most, get more."""
    return int(np.clip(config.candidate_seconds // duration_seconds, config.candidates, config.most_candidates))


def best_take(
    method: LoadedMethod,
    conditioning: Conditioning,
    *,
    seed: int,
    candidates: int | None = None,
    soundfont: str | Path | None = None,
    sample_rate: int | None = None,
    config: RankingConfig = RANKING,
) -> Take:
    """Make ``candidates`` takes (`candidates_for` by default) from one seed and keep the one that ranks highest for this dancer (`rank`).

    A method may ask for fewer (`Method.candidates`): published systems that are compared with make one, as they were published.
    Of dances longer than `RankingConfig.ranked_seconds` the candidates are ranked on their beginning, then the winner is made whole.
    """
    for name in IMPORTED:
        import_module(name)
    candidates = candidates_for(conditioning.duration_seconds, config) if candidates is None else candidates
    limit = candidates if method.method.candidates is None else method.method.candidates
    seeds = candidate_seeds(seed, max(1, min(candidates, limit)))
    if len(seeds) == 1:
        return make_takes(method, conditioning, seeds=seeds, soundfont=soundfont, sample_rate=sample_rate)[0]
    heard = replace(conditioning, duration_seconds=min(conditioning.duration_seconds, config.ranked_seconds))
    whole = heard.duration_seconds == conditioning.duration_seconds
    rhythm = conditioning.rhythm
    beats = rhythm.kinematic_beats_seconds
    rhythm = replace(rhythm, kinematic_beats_seconds=beats[beats < heard.duration_seconds])
    with part(0.0, 0.6 if whole else 0.3):
        takes = make_takes(method, heard, seeds=seeds, soundfont=soundfont, sample_rate=sample_rate)
    with part(0.6 if whole else 0.3, 1.0 if whole else 0.5):
        measured = side_by_side(lambda take: heard_in(take, rhythm), takes)
        usual = float(np.mean([values["strokes"] for values in measured]))
        scores = [rank(values | {"fullness": values["strokes"] / max(usual, 1.0)}, config) for values in measured]
    order = sorted(range(len(takes)), key=lambda i: -scores[i])
    if whole:
        best = as_clear_as_heard([takes[i] for i in order], [measured[i]["beat_f"] for i in order], rhythm)
    else:
        with part(0.5, 1.0):
            (best,) = make_takes(method, conditioning, seeds=[takes[order[0]].seed], soundfont=soundfont, sample_rate=sample_rate)
    kept = replace(best, candidates=len(seeds))
    return keeping_sound(kept, **{name: best.__dict__[name] for name in ("audio", "finished") if name in best.__dict__})


def as_clear_as_heard(takes: Sequence[Take], beat_f: Sequence[float], rhythm: Rhythm) -> Take:
    """The first of ranked takes whose beat is as clear as it is played as it was in the preview that ranked it (``beat_f`` of each).

    Two tempi may be so near each other in a piece that the rate of its sound decides between them. Of `_PLAYED` takes none is: the first.
    """
    if takes[0].given.sound not in MASTERED:
        return takes[0]
    played = []
    for take, clear in zip(takes[:_PLAYED], beat_f):
        played.append(levelled(take))
        if least_beat_f(played[-1].audio, rhythm) >= clear - _LESS_CLEAR:
            return played[-1]
    return played[0]


def heard_in(take: Take, rhythm: Rhythm) -> dict[str, float]:
    """What ranking hears of a take, and its ``strokes``: drum hits within the dance, or where there are no notes onsets.

    A beat that is clear is heard by every reading: ``beat_f`` is the lower one of two, at the usual hop length and at half of it.
    """
    from dance2music.music.tones import tones

    audio, bpm = take.preview(), rhythm.tempo_bpm
    heard = measure_sync(audio, rhythm) | tones(audio)
    heard["beat_f"] = min(heard["beat_f"], beats_on_grid(hear(audio, around_bpm=bpm, hop_length=ONSET_HOP_LENGTH // 2), rhythm))
    return heard | {"strokes": heard["onsets"] if take.score is None else float(drum_hits(take.score))}


def least_beat_f(audio: Audio, rhythm: Rhythm) -> float:
    """F of the beats heard with the grid, by the reading of two that hears fewer: at the usual hop length, and at half of it."""
    bpm, hops = rhythm.tempo_bpm, (ONSET_HOP_LENGTH, ONSET_HOP_LENGTH // 2)
    return min(beats_on_grid(hear(audio, around_bpm=bpm, hop_length=hop_length), rhythm) for hop_length in hops)


def drum_hits(score: Score) -> int:
    """Strokes of the drums that begin within a piece."""
    starts = [note.start_beats for track in score.tracks if track.is_drum for note in track.notes]
    times = score.time_at(np.array(starts))
    return int(np.count_nonzero((times >= 0) & (times < score.duration_seconds)))


def candidate_seeds(seed: int, count: int) -> list[int]:
    """The seeds that a method is given for the candidates of one take."""
    return [seed * 1000 + i for i in range(count)]


def rank(heard: dict[str, float], config: RankingConfig = RANKING) -> float:
    """What candidates are ranked by, of the values of `measure_sync` and `music.tones.tones`, and ``fullness``, see `RankingConfig`.

    How well their onsets and their beats follow the dancer, how clearly their beat is the dance's, and how much they are music
    (`RankingConfig.music_weights`).
    """
    fullness = config.fullness_weight * min(heard.get("fullness", 1.0), 1.0)
    music = sum(weight * min(heard[name] / enough, 1.0) for name, (weight, enough) in config.music_weights.items())
    return heard["lift"] + config.beat_weight * (heard["beat_f"] + heard["beat_lift"]) + music + fullness
