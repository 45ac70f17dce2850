"""Scores of generators of any length on composed clips, beside those of what is not generated.

The dance's true beats are known here, so music is judged by them; an unsynchronised music fails ``onset_z`` minus ``onset_z_shifted`` and
``lift``, while it passes the papers' Beats Coverage and Beats Hit, which stand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dance2music.errors import InputError
from dance2music.papers.gan_step import GanTraining
from dance2music.papers.segments import ComposedClip
from dance2music.seeds import GanScore, PaperTake
from dance2music.types import Audio, Codec

REACH_SECONDS = 0.05
"""An onset counts for a beat when it lies within this distance."""

COLUMNS = ("onset_z", "onset_z_shifted", "lift", "beats_coverage", "beats_hit", "diversity")


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


def score(generator: nn.Module, codec: Codec, clips: Sequence[ComposedClip], config: GanTraining) -> dict[str, float]:
    """`measure` of what a generator makes for clips, and ``codes``, how many different codes are in it: 1 is a generator that collapsed."""
    codes = [generated_codes(generator, codec, clip, config) for clip in clips]
    music = [heard(codec, made, clip.audio.shape[-1]) for made, clip in zip(codes, clips)]
    return measure(music, clips) | {"codes": float(len(torch.cat([made.flatten() for made in codes]).unique()))}


def measure(music: Sequence[Audio], clips: Sequence[ComposedClip]) -> dict[str, float]:
    """Mean scores of music for composed clips, `COLUMNS`.

    ``onset_z`` is onset strength at the dance's true beats (standard deviations above the mean of the piece), ``onset_z_shifted`` that of
    the same music at 20 random circular shifts; ``lift`` is Beat Alignment with kinematic beats minus that of the shifted music; coverage
    and hit are D2M-GAN's, against the true music, in percent; ``diversity`` is the mean pairwise distance of embeddings of the embedded
    genre classifier.
    """
    from dance2music.checkpoint import load_embedded
    from dance2music.metrics.diversity import mean_pairwise_distance
    from dance2music.metrics.paper_rhythm import beats_coverage, beats_hit, published_onsets, second_bins
    from dance2music.metrics.rhythm import onset_z, shift_lift
    from dance2music.music.beats import onset_envelope, onset_times

    classifier: Any = load_embedded("music_genre", expected="music-genre")
    scores, embeddings = [], []
    for audio, clip in zip(music, clips):
        seconds, beats = audio.duration_seconds, clip.beat_times_seconds
        envelope, fps = onset_envelope(audio)
        shifts = np.random.default_rng([clip.seed, GanScore.SHIFTS]).uniform(0, seconds, 20)
        truth = second_bins(published_onsets(Audio(clip.audio, audio.sample_rate)), seconds)
        own = second_bins(published_onsets(audio), seconds)
        scores.append(
            {
                "onset_z": onset_z(envelope, fps, beats, reach_seconds=REACH_SECONDS),
                "onset_z_shifted": float(
                    np.mean([onset_z(envelope, fps, (beats + shift) % seconds, reach_seconds=REACH_SECONDS) for shift in shifts])
                ),
                "lift": shift_lift(clip.kinematic_beats_seconds, onset_times(audio), seconds)["lift"],
                "beats_coverage": 100 * beats_coverage(truth, own),
                "beats_hit": 100 * beats_hit(truth, own),
            }
        )
        with torch.no_grad():
            embeddings.append(classifier.embed(audio.to_tensor())[0].numpy())
    means = {name: float(np.nanmean([score[name] for score in scores])) for name in scores[0]}
    return means | {"diversity": mean_pairwise_distance(np.stack(embeddings))}


def controls(clips: Sequence[ComposedClip], sample_rate: int, codec: Codec | None = None) -> dict[str, dict[str, float]]:
    """Scores of what is not generated: the true music, through the codec, of another clip, shifted in time; noise; silence."""
    n = len(clips)
    drawn = [np.random.default_rng([clip.seed, GanScore.CONTROLS]) for clip in clips]
    music = {
        "true music": [clip.audio for clip in clips],
        "music of another clip": [clips[(i + 1) % n].audio for i in range(n)],
        "true music shifted": [np.roll(clip.audio, int(rng.integers(clip.audio.shape[-1])), axis=-1) for clip, rng in zip(clips, drawn)],
        "white noise": [rng.normal(0, 0.1, clip.audio.shape).astype(np.float32) for clip, rng in zip(clips, drawn)],
    }
    if codec is not None:
        with torch.no_grad():
            sounds = [torch.from_numpy(clip.audio)[None] for clip in clips]
            music["true music, coded"] = [heard(codec, codec.quantize(codec.encode(x)).codes, x.shape[-1]).samples for x in sounds]
    return {name: measure([Audio(x, sample_rate) for x in pieces], clips) for name, pieces in music.items()}


def score_file(generator: str | Path, codec: str | Path, *, data: str | Path, held_out: int) -> dict[str, dict[str, float]]:
    """`score` of a trained generator's file, and `controls` on the same clips, by name.

    Parameters
    ----------
    generator : model file that `train_gan` wrote, with the sizes of a preset.
    codec : model file of the codec that it was trained with.
    data : "composed", or a folder of ``dance2music data prepare``, whose test split is heard.
    held_out : so many clips at most.

    Raises
    ------
    InputError
        If a file is of another kind, or the generator is of no preset's sizes or was trained with another codec.
    """
    from dance2music.ablation.material import AblationContext
    from dance2music.checkpoint import codec_digest, load_model, read_provenance
    from dance2music.papers.runs import open_codec
    from dance2music.papers.trainings import GAN_TRAININGS

    model, about = load_model(generator), read_provenance(generator)
    fitting = [t for t in GAN_TRAININGS.values() if t.generator == getattr(model, "config", None) and t.level == about.get("level")]
    if not fitting:
        raise InputError(f"{generator}: is no generator of a preset of 'train gan'; expected one of {', '.join(GAN_TRAININGS)}")
    opened = open_codec(codec, fitting[0].codec, fitting[0].level)
    if about.get("codec") != codec_digest(opened):
        raise InputError(f"{generator}: was trained with codec {about.get('codec')}, not {codec} ({codec_digest(opened)}); give that one")
    clips = AblationContext("", {}, data=data, held_out=held_out).held(fitting[0])
    return {"generated": score(model, opened, clips, fitting[0]), **controls(clips, opened.sample_rate, opened)}


def scores_text(scores: Mapping[str, Mapping[str, float]]) -> str:
    """A table in Markdown of scores by name; "-" where a row has none in a column."""
    columns = (*COLUMNS, "codes")
    rows = [[name, *(f"{row[column]:.3g}" if column in row else "-" for column in columns)] for name, row in scores.items()]
    lines = ["| music | " + " | ".join(columns) + " |", "|" + " --- |" * (1 + len(columns)), *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)
