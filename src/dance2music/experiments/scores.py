"""Scores of generators of any length on composed clips, beside those of what is not generated.

The dance's true beats are known here, so music is judged by them; an unsynchronised music fails ``onset_z`` minus ``onset_z_shifted`` and
``lift``, while it passes the papers' Beats Coverage and Beats Hit, which stand beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dance2music.errors import InputError
from dance2music.metrics.diversity import mean_distance_between
from dance2music.metrics.genre import Database, EmbeddedGenre, genre_right, why_undefined
from dance2music.metrics.published_tables import PAPER_SECONDS
from dance2music.metrics.rhythm import beat_alignment
from dance2music.papers.gan_step import GanTraining
from dance2music.seeds import GanScore, PaperTake
from dance2music.train.segments import ComposedClip
from dance2music.types import Audio, Codec

REACH_SECONDS = 0.05
"""An onset counts for a beat when it lies within this distance."""

PAPER_COLUMNS = ("beats_coverage", "beats_hit", "genre_retrieval", "beat_alignment", "dist_m")
COLUMNS = (*PAPER_COLUMNS, "onset_z", "onset_z_shifted", "lift")
FOREIGN = "music of another clip"


@torch.no_grad()
def generated_codes(generator: nn.Module, codec: Codec, clip: ComposedClip, config: GanTraining, *, seed: int = 0) -> Tensor:
    """Codes int64 [1, Q, L] that a generator makes for a clip, which lasts two seconds where the generator makes no others."""
    own = getattr(getattr(config.generator, "generator", None), "n_frames", None)
    n_frames = own or -(-clip.audio.shape[-1] // codec.hop_length)
    motion, visual = (torch.from_numpy(getattr(clip, name) * (name in config.inputs)).float()[None] for name in ("motion", "visual"))
    noise_dim = getattr(config.generator, "noise_dim", 0)
    drawn = np.random.default_rng([seed, PaperTake.NOISE]).standard_normal((1, noise_dim))
    noise = {"noise": torch.from_numpy(drawn).float()} if noise_dim else {}
    codes: Tensor = codec.quantize(generator(motion, visual, torch.tensor([clip.genre]), n_frames=n_frames, **noise)).codes
    return codes


@torch.no_grad()
def heard(codec: Codec, codes: Tensor, n_samples: int) -> Audio:
    """The sound of codes [1, Q, L]."""
    return Audio.from_tensor(codec.decode(codec.lookup(codes), n_samples), codec.sample_rate)


def score(
    generator: nn.Module,
    codec: Codec,
    clips: Sequence[ComposedClip],
    config: GanTraining,
    *,
    database: Database | None = None,
) -> dict[str, float]:
    """`measure` of what a generator makes for clips, its segments denoised, and ``codes``, how many different codes are in it: 1 is a
    generator that collapsed. ``database`` as there."""
    codes = [generated_codes(generator, codec, clip, config) for clip in clips]
    music = [heard(codec, made, clip.audio.shape[-1]) for made, clip in zip(codes, clips)]
    scores = measure(music, clips, window_seconds=config.segment_seconds, database=database, gate=True)
    return scores | {"codes": float(len(torch.cat([made.flatten() for made in codes]).unique()))}


def measure(
    music: Sequence[Audio],
    clips: Sequence[ComposedClip],
    *,
    window_seconds: float = PAPER_SECONDS,
    database: Database | None = None,
    gate: bool = False,
) -> dict[str, float]:
    """Mean scores of music for clips, `COLUMNS`: the papers' columns over segments, then what an unsynchronised music fails over clips.

    ``beats_coverage``, ``beats_hit`` (against the true music) and ``genre_retrieval`` are in percent, ``beat_alignment`` is Eq. 13 of
    Creative-GAN with smoothed kinematic beats, ``dist_m`` its diversity between recordings; embeddings are the embedded classifier's.
    ``onset_z`` is onset strength at the dance's true beats (standard deviations above the mean of the piece), ``onset_z_shifted`` that of
    the same music at 20 random circular shifts; ``lift`` is Beat Alignment of onsets minus that of the shifted music.

    Parameters
    ----------
    music : one piece per clip.
    window_seconds : length of a segment.
    database : training segments, from which genres are retrieved; without it that column is NaN.
    gate : denoise each segment, as the papers do with what they generate, before the papers' columns are measured.
    """
    strict = [_with_beats(audio, clip) for audio, clip in zip(music, clips)]
    rows, pieces, recordings = [], [], []
    for i, (audio, clip) in enumerate(zip(music, clips)):
        for row, piece in _segments(audio, clip, window_seconds, database, gate):
            rows.append(row)
            pieces.append(piece)
            recordings.append(clip.recording or str(i))
    means = {name: _mean([row[name] for row in rows]) for name in rows[0]}
    means["dist_m"] = mean_distance_between(np.stack(pieces), recordings)
    return {name: means[name] for name in PAPER_COLUMNS} | {name: _mean([row[name] for row in strict]) for name in strict[0]}


def _with_beats(audio: Audio, clip: ComposedClip) -> dict[str, float]:
    """Scores of a whole clip with the true beats of its dance."""
    from dance2music.metrics.rhythm import onset_z, shift_lift
    from dance2music.music.beats import onset_envelope, onset_times

    seconds, beats = audio.duration_seconds, clip.beat_times_seconds
    envelope, fps = onset_envelope(audio)
    shifts = np.random.default_rng([clip.seed, GanScore.SHIFTS]).uniform(0, seconds, 20)
    shifted = [onset_z(envelope, fps, (beats + shift) % seconds, reach_seconds=REACH_SECONDS) for shift in shifts]
    return {
        "onset_z": onset_z(envelope, fps, beats, reach_seconds=REACH_SECONDS),
        "onset_z_shifted": float(np.mean(shifted)),
        "lift": shift_lift(clip.kinematic_beats_seconds, onset_times(audio), seconds)["lift"],
    }


def _segments(
    audio: Audio, clip: ComposedClip, seconds: float, database: Database | None, gate: bool
) -> Iterator[tuple[dict[str, float], np.ndarray]]:
    """Per segment of a clip the papers' columns and the embedding."""
    from dance2music.metrics.paper_rhythm import beats_coverage, beats_hit, published_onsets, second_bins
    from dance2music.music.audio import denoise
    from dance2music.music.beats import beat_times

    n, dance = round(seconds * audio.sample_rate), clip.kinematic_beats_seconds
    for k in range(max(1, int((audio.duration_seconds + 0.02) // seconds))):
        truth, own = (Audio(_cut(samples, k * n, n), audio.sample_rate) for samples in (clip.audio, audio.samples))
        own = denoise(own) if gate else own
        bins = [second_bins(published_onsets(part), seconds) for part in (truth, own)]
        inside = dance[(dance >= k * seconds) & (dance < (k + 1) * seconds)] - k * seconds
        piece = EmbeddedGenre().piece(own)
        right = math.nan
        if database is not None:
            right = genre_right(database, piece, clip.genre, songs={clip.song}, silent=not own.samples.any())
        yield (
            {
                "beats_coverage": 100 * beats_coverage(*bins),
                "beats_hit": 100 * beats_hit(*bins),
                "genre_retrieval": 100 * right,
                "beat_alignment": beat_alignment(inside, beat_times(own)[1]) if len(inside) else math.nan,
            },
            piece,
        )


def _cut(samples: np.ndarray, start: int, n: int) -> np.ndarray:
    """Samples [1, n] from a place on, zeros behind the end."""
    part = samples[:1, start : start + n]
    return np.pad(part, ((0, 0), (0, n - part.shape[-1]))).astype(np.float32)


def _mean(values: Sequence[float]) -> float:
    """Mean of what is defined, NaN where nothing is."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def reasons(clips: Sequence[ComposedClip], database: Database | None) -> dict[str, str]:
    """Why a column cannot have a value for these clips, by its name."""
    found = {}
    why = {why_undefined(database, clip.genre, songs={clip.song}) for clip in clips}
    if "" not in why:
        found["genre_retrieval"] = "; ".join(sorted(why))
    if len({clip.recording or str(i) for i, clip in enumerate(clips)}) < 2:
        found["dist_m"] = "there is one recording only"
    return found


def controls(
    clips: Sequence[ComposedClip], sample_rate: int, codec: Codec | None = None, *, database: Database | None = None
) -> dict[str, dict[str, float]]:
    """Scores of what is not generated: the true music, through the codec, of another song (NaN if there is none), shifted; noise.

    ``database`` as `measure`.
    """
    drawn = [np.random.default_rng([clip.seed, GanScore.CONTROLS]) for clip in clips]
    songs = [clip.song or str(i) for i, clip in enumerate(clips)]
    others = [next((j for j in (*range(i + 1, len(clips)), *range(i)) if songs[j] != songs[i]), None) for i in range(len(clips))]
    music = {
        "true music": [clip.audio for clip in clips],
        FOREIGN: []
        if None in others
        else [np.resize(clips[j].audio[0], clip.audio.shape) for j, clip in zip(others, clips) if j is not None],
        "true music shifted": [np.roll(clip.audio, int(rng.integers(clip.audio.shape[-1])), axis=-1) for clip, rng in zip(clips, drawn)],
        "white noise": [rng.normal(0, 0.1, clip.audio.shape).astype(np.float32) for clip, rng in zip(clips, drawn)],
    }
    if codec is not None:
        with torch.no_grad():
            sounds = [torch.from_numpy(clip.audio)[None] for clip in clips]
            music["true music, coded"] = [heard(codec, codec.quantize(codec.encode(x)).codes, x.shape[-1]).samples for x in sounds]
    undefined = dict.fromkeys(COLUMNS, math.nan)
    return {
        name: measure([Audio(x, sample_rate) for x in pieces], clips, database=database) if pieces else undefined
        for name, pieces in music.items()
    }


def score_file(generator: str | Path, codec: str | Path, *, data: str | Path, held_out: int) -> dict[str, dict[str, float]]:
    """`score` of a trained generator's file, and `controls` on the same clips, by name.

    Parameters
    ----------
    generator : model file that `train_gan` wrote, with the sizes of a preset.
    codec : model file of the codec that it was trained with.
    data : "composed", or a folder of ``dance2music data prepare``, whose test split is heard.
    held_out : so many clips at most, 0 for all of a test split.

    Raises
    ------
    InputError
        If a file is of another kind, or the generator is of no preset's sizes or was trained with another codec.
    """
    from dance2music.checkpoint import codec_digest, load_model, read_provenance
    from dance2music.experiments.material import AblationContext
    from dance2music.papers.runs import COMPOSED, open_codec
    from dance2music.papers.trainings import GAN_TRAININGS

    model, about = load_model(generator), read_provenance(generator)
    fitting = [t for t in GAN_TRAININGS.values() if t.generator == getattr(model, "config", None) and t.level == about.get("level")]
    if not fitting:
        raise InputError(f"{generator}: is no generator of a preset of 'train gan'; expected one of {', '.join(GAN_TRAININGS)}")
    opened = open_codec(codec, fitting[0].codec, fitting[0].level)
    if about.get("codec") != codec_digest(opened):
        raise InputError(f"{generator}: was trained with codec {about.get('codec')}, not {codec} ({codec_digest(opened)}); give that one")
    context = AblationContext("", {}, data=data, held_out=held_out)
    clips = context.held(fitting[0])
    database = None if str(data) == COMPOSED else context.database(fitting[0], None)
    scores = {"generated": score(model, opened, clips, fitting[0], database=database)}
    return scores | controls(clips, opened.sample_rate, opened, database=database)


def scores_text(scores: Mapping[str, Mapping[str, float]]) -> str:
    """A table in Markdown of scores by name; "-" where there is none, and below it why a column or the foreign music has none."""
    columns = (*COLUMNS, "codes")
    rows = [[name, *(_number(row.get(column, math.nan)) for column in columns)] for name, row in scores.items()]
    lines = ["| music | " + " | ".join(columns) + " |", "|" + " --- |" * (1 + len(columns)), *(f"| {' | '.join(row)} |" for row in rows)]
    if all(math.isnan(value) for value in scores.get(FOREIGN, {"": 0.0}).values()):
        lines.append(f"\nUndefined: {FOREIGN}: the clips are of one song.")
    for column, why in (
        ("genre_retrieval", "no training music of other songs with the genres of these clips; give --data PREPARED with genres"),
        ("dist_m", "the clips are of one recording"),
    ):
        if all(math.isnan(row.get(column, math.nan)) for row in scores.values()):
            lines.append(f"\nUndefined: {column}: {why}.")
    return "\n".join(lines)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"
