"""The shipped weights of both papers: the songbook that they learn from, their common beginning, and each paper's own objective."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dance2music.checkpoint import load_model, read_provenance
from dance2music.codec.quantizer import CodebookConfig, ResidualQuantizerConfig
from dance2music.codec.spectral import SpectralCodec, SpectralCodecConfig
from dance2music.papers.creative_gan import TemporalMusicVectorGenerator
from dance2music.papers.d2m_gan_any_length import TemporalD2MGan
from dance2music.recipe.paper_gans import KINDS, PaperGans, begin_with, gan_training, regress, train_paper_gan
from dance2music.recipe.songbook import LEVELS, SONG_BARS, SongbookConfig, played, song, song_clip, songbook_segments
from dance2music.rhythm.clock import CLOCK_FEATURES
from dance2music.train.segments import StackedSegments
from dance2music.types import BEATS_PER_BAR, GENRES, Rhythm


def codec() -> SpectralCodec:
    """An untrained codec of 64 numbers with ten small codebooks."""
    torch.manual_seed(0)
    config = SpectralCodecConfig(
        encoder_width=16, encoder_depth=1, decoder_width=16, decoder_depth=1, n_mels=20,
        quantizer=ResidualQuantizerConfig(n_codebooks=10, codebook=CodebookConfig(size=16, dim=64)),
    )  # fmt: skip
    model = SpectralCodec(config)
    for book in model.quantizer.codebooks:
        book.get_buffer("k").copy_(0.3 * torch.randn(16, 64))
    return model.eval().requires_grad_(False)


BOOK = SongbookConfig(clips=2, clip_seconds=3.0, segment_seconds=1.0, step_seconds=1.0)
TINY = PaperGans()
TINY = replace(
    TINY,
    songbook=BOOK,
    network=replace(TINY.network, channels=32, visual_channels=8, genre_dim=4, kernel_size=3, dilations=(1,)),
    noise_dim=4,
    regression=replace(TINY.regression, steps=2, precision="32-true"),
    regression_batch=2,
    adversarial=replace(TINY.adversarial, steps=2, precision="32-true", save_every_steps=1),
    batch_size=2,
    crop_frames=20,
    patches=replace(TINY.patches, channels=(8,), strides=(2,)),
)


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> StackedSegments:
    return songbook_segments(BOOK, codec(), tmp_path_factory.mktemp("book"))


def test_a_song_is_the_same_on_every_grid_and_thicker_where_the_dance_is_wild() -> None:
    arrangements = song(GENRES.index("house"), True)
    assert len(arrangements) == len(LEVELS) and len({score.key for score in arrangements}) == 1
    grids = [
        Rhythm(first + np.arange(60) * period, downbeat, 60 / period, 1.0, np.zeros(0))
        for first, period, downbeat in ((-3.0, 0.5, 2), (-2.2, 0.43, 1))
    ]
    notes = [played(arrangements, grid, 12.0, np.full(60, 0.9)).tracks[0].notes for grid in grids]
    starts = [{(note.pitch, note.start_beats % (SONG_BARS * BEATS_PER_BAR)) for note in one if 0 <= note.start_beats < 16} for one in notes]
    assert starts[0] == starts[1] and len(starts[0]) > 8
    calm, wild = (
        sum(len(track.notes) for track in played(arrangements, grids[0], 12.0, np.full(60, level)).tracks) for level in (0.2, 0.9)
    )
    assert calm < wild


def test_a_clip_is_a_pure_function_of_its_seed() -> None:
    first, again, other = (song_clip(seed, BOOK, codec()) for seed in (70_000_005, 70_000_005, 70_000_015))
    assert np.array_equal(first.audio, again.audio) and np.array_equal(first.motion, again.motion)
    assert first.genre == other.genre == 5 and not np.array_equal(first.clock, other.clock)
    assert first.motion.shape == (90, 80) and first.clock.shape == (180, CLOCK_FEATURES) and first.audio.shape == (66_150,)


def test_segments_are_cut_at_frames_of_the_codec_and_kept(segments: StackedSegments) -> None:
    item = segments[1]
    assert len(segments) == 2 * 3 and item["latents"].shape == (64, 86) and item["codes"].shape == (10, 86)
    assert item["audio"].shape == (1, 86 * 256) and item["motion"].shape == (30, 80) and item["visual"].shape == (60, CLOCK_FEATURES)
    model = codec()
    again = model.encode(item["audio"][None])[0]
    apart = (again[:, 8:-8] - item["latents"][:, 8:-8]).abs().mean()  # samples have 16 bits
    assert apart < 0.1 * item["latents"].abs().mean()


@pytest.mark.parametrize("kind", KINDS)
def test_each_goes_on_from_the_common_beginning_by_its_own_objective(segments: StackedSegments, tmp_path: Path, kind: str) -> None:
    start = regress(TINY, segments, codec(), tmp_path / "regression")
    model = train_paper_gan(TINY, kind, "high", segments, codec(), start, tmp_path / kind)
    assert isinstance(model, TemporalD2MGan if kind == "d2m-gan" else TemporalMusicVectorGenerator)
    about = read_provenance(tmp_path / kind / "generator.safetensors")
    assert (about["level"], about["step"], about["codebooks"]) == ("high", 2, 6)
    terms = set(vars(gan_training(TINY, kind, "high").weights).items())
    assert (("style", 0.0) in terms) == (kind == "d2m-gan")


def test_the_beginning_is_kept_and_noise_begins_small(segments: StackedSegments, tmp_path: Path) -> None:
    start = regress(TINY, segments, codec(), tmp_path)
    assert isinstance(load_model(tmp_path / "generator.safetensors"), TemporalD2MGan)
    torch.manual_seed(0)
    creative = TemporalMusicVectorGenerator(gan_training(TINY, "creative-gan", "low").generator)
    begin_with(creative, start)
    item = segments[0]
    seen = item["motion"][None], item["visual"][None], item["genre"][None]
    with torch.no_grad():
        own = start(*seen, n_frames=86)
        silent = creative(*seen, n_frames=86, noise=torch.zeros(1, 4))
        noisy = creative(*seen, n_frames=86, noise=torch.ones(1, 4))
    assert torch.allclose(own, silent, atol=1e-5) and not torch.equal(silent, noisy)
