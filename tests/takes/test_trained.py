"""The papers' networks that come with the package, through the method's loader; for a user's own runs see evaluation/test_sets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dance2music.codec.embedded import LEVEL_CODEBOOKS
from dance2music.errors import InputError
from dance2music.generation import pipeline
from dance2music.metrics.rhythm import onset_z
from dance2music.music.beats import onset_envelope
from dance2music.rhythm.choices import Choice
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.takes.methods import load_method
from dance2music.takes.ranking import best_take
from dance2music.types import Conditioning, Latents

SECONDS = 5.0
BOTH = [(method, level) for method in ("d2m-gan", "creative-gan") for level in LEVEL_CODEBOOKS]


@pytest.fixture(scope="module")
def dance() -> Conditioning:
    """A drawn dance that nothing was trained on, its beats tapped."""
    clip = synthetic_clip(1_000_000_002, duration_seconds=SECONDS)
    assert clip.rhythm is not None
    beats = clip.rhythm.beat_times_seconds
    taps = tuple(float(beat) for beat in beats[(beats >= 0) & (beats < SECONDS)])
    return pipeline.condition(clip.motion, genre="house", duration_seconds=SECONDS, choice=Choice(taps_seconds=taps))


@pytest.mark.parametrize(("method", "level"), BOTH)
def test_a_papers_network_plays_on_the_beats_that_it_is_given(dance: Conditioning, method: str, level: str) -> None:
    take = best_take(load_method(method, level=level), dance, seed=0)
    assert isinstance(take.music, Latents) and take.music.codes is not None
    assert take.music.codes.shape[0] == LEVEL_CODEBOOKS[level] and take.candidates == 1
    assert take.audio.samples.shape == (1, round(SECONDS * take.audio.sample_rate))
    envelope, fps = onset_envelope(take.audio)
    beats = dance.rhythm.beat_times_seconds
    inside = beats[(beats >= 0.1) & (beats < SECONDS - 0.1)]
    period = float(np.median(np.diff(beats)))
    on, aside = (onset_z(envelope, fps, inside + shift, reach_seconds=0.05) for shift in (0.0, 0.375 * period))
    assert on > 1.5 > aside


def test_one_dance_has_one_piece_by_d2m_gan_and_a_piece_per_seed_by_creative_gan(dance: Conditioning) -> None:
    codes = {}
    for method in ("d2m-gan", "creative-gan"):
        made = load_method(method).generate(dance, [0, 1])
        codes[method] = [one.codes for one in made if isinstance(one, Latents) and one.codes is not None]
    assert torch.equal(*codes["d2m-gan"]) and not torch.equal(*codes["creative-gan"])


def test_the_packages_networks_take_no_other_codec() -> None:
    with pytest.raises(InputError, match="--codec own: the weights in the package go with the package's codec"):
        load_method("creative-gan", codec="own")
