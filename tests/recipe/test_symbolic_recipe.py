"""The symbolic stages of the recipe, in miniature: from nothing to a model file that makes music."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import tiny
from dance2music.baselines.cmt import CmtConfig
from dance2music.baselines.cmt_train import CmtTrainConfig
from dance2music.baselines.dance2music_online import OnlineConfig
from dance2music.baselines.dance2music_online_train import OnlineTrainConfig
from dance2music.baselines.foley_music import FoleyMusicConfig
from dance2music.baselines.foley_music_train import FoleyTrainConfig
from dance2music.baselines.inverse_mv import InverseMvConfig
from dance2music.baselines.inverse_mv_train import InverseMvTrainConfig
from dance2music.baselines.jukebox import JukeboxPriorConfig
from dance2music.baselines.jukebox_prior_train import JukeboxTrainConfig
from dance2music.baselines.jukebox_vqvae_train import JukeboxVqvaeTrainConfig
from dance2music.checkpoint import load_model, read_provenance
from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.codec.vqvae_weights import one_level
from dance2music.papers.discriminators import ConvLayer, ReshapedDiscriminatorConfig
from dance2music.papers.finetune_decoder import DecoderTraining
from dance2music.recipe import build as recipes
from dance2music.recipe.build import Build, build
from dance2music.recipe.codec_growth import CodecGrowth
from dance2music.recipe.codec_sound import CodecSound
from dance2music.recipe.pairs import corpus_vocabulary
from dance2music.recipe.settings import SYMBOLIC, Recipe
from dance2music.seeds import HELD_OUT_PIECES
from dance2music.train.codec import SpectralCodecTraining, VQVAETraining
from dance2music.train.pieces import SegmentsConfig, composed_piece
from dance2music.train.start import LoopConfig
from dance2music.train.symbolic import SymbolicTrainConfig
from dance2music.types import Score

pytestmark = pytest.mark.usefixtures("one_thread")

LOOP = LoopConfig(steps=2, workers=0, warmup_steps=1, save_every_steps=2, log_every_steps=1, accelerator="cpu", learning_rate=1e-3)
TRAINING = SymbolicTrainConfig(loop=LOOP, batch_size=2, n_pieces=2, n_held_out=1, piece_seconds=4.0, held_out_batches=1)
SMALL = Recipe(
    n_pairs=2,
    n_held_out=1,
    pair_seconds=4.0,
    n_coded_pairs=2,
    soundfont=None,
    workers=1,
    codec=SpectralCodecTraining(
        codec=tiny.codec().config, segments=SegmentsConfig(n_samples=4096, first_pieces=2, piece_seconds=2.0), loop=LOOP, held_out_pieces=1
    ),
    codec_growth=CodecGrowth(loop=replace(LOOP, steps=0)),
    codec_sound=CodecSound(loop=replace(LOOP, steps=0)),
    dance2music_online=OnlineTrainConfig(model=OnlineConfig(channels=(2,) * 6, head=(8, 8), note_hidden=2), training=TRAINING),
    cmt=CmtTrainConfig(
        model=CmtConfig(channels=16, heads=2, layers=1, feed_channels=16, field_channels=(2,) * 7), training=TRAINING, crop_words=24,
        n_dances=2,
    ),
    foley_music=FoleyTrainConfig(
        model=FoleyMusicConfig(graph_channels=(4, 4), graph_strides=(1, 2), channels=16, heads=2, layers=1, feed_channels=16,
                               window_seconds=2.0, max_events=40),
        training=TRAINING, crop_events=32,
    ),
    inverse_mv=InverseMvTrainConfig(
        model=InverseMvConfig(picture_size=16, picture_channels=(2, 4, 16), heads=2, layers=1, feed_channels=16, n_pictures=6,
                              max_events=40),
        training=TRAINING, crop_events=32,
    ),
    jukebox_prior=JukeboxTrainConfig(
        model=JukeboxPriorConfig(vocabulary=tiny.CODEBOOK_SIZE * 2, n_codebooks=2, context=16, channels=16, heads=2, layers=1),
        training=TRAINING,
    ),
    jukebox_vqvae=JukeboxVqvaeTrainConfig(
        codec=VQVAEConfig(width=4, depth=1, dim=8, codebook_size=16, multipliers=(1, 1, 1), reset_restarted=True),
        training=VQVAETraining(
            segments=SegmentsConfig(n_samples=4096, pieces_per_step=2, first_pieces=2, piece_seconds=2.0), loop=LOOP, bandwidth_steps=1,
            held_out_pieces=1,
        ),
        steps=(2, 2, 2),
        inner_steps=2,
        inner_cuts=2,
        inner_bank=4,
        tuning=DecoderTraining(
            segment_seconds=0.3, batch_size=2, loop=LOOP,
            discriminator=ReshapedDiscriminatorConfig(rows=(ConvLayer(4, 15, reflected=7), ConvLayer(1, 3, zeros=1)), scales=1),
        ),
        tuning_steps=(2, 2, 2),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all symbolic models were made."""
    folder = tmp_path_factory.mktemp("symbolic")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "corpus_vocabulary", lambda _: corpus_vocabulary(3))
        build(SMALL, folder, stages=SYMBOLIC)
    return folder


@pytest.mark.parametrize("name", [name for name in SYMBOLIC if not name.startswith("jukebox")])
def test_a_symbolic_stage_ends_in_a_model_that_writes_a_score(name: str, folder: Path) -> None:
    model = load_model(Build(SMALL, folder).weights(name))
    conditioning = replace(tiny.conditioning(), duration_seconds=3.0)
    (score,) = model.generate(conditioning, [1])  # type: ignore[operator]
    assert isinstance(score, Score)
    assert score.duration_seconds == 3.0
    assert "held_out_cross_entropy" in read_provenance(Build(SMALL, folder).weights(name))


def test_the_prior_continues_codes_of_the_codec_that_was_trained_before_it(folder: Path) -> None:
    prior = load_model(Build(SMALL, folder).weights("jukebox_prior"), expected="jukebox-prior")
    codes = prior.sample(20, seed=0)  # type: ignore[operator]
    assert codes.max() < tiny.CODEBOOK_SIZE * 2


def test_the_vqvae_holds_all_hops_with_decoders_before_and_after_fine_tuning(folder: Path) -> None:
    path = Build(SMALL, folder).weights("jukebox_vqvae")
    whole = load_model(path, expected="vqvae")
    assert isinstance(whole, VQVAE)
    held_out = read_provenance(path)["held_out"]
    assert len(held_out) == 6
    audio = torch.from_numpy(composed_piece(HELD_OUT_PIECES, 2.0, whole.sample_rate))[None, None]
    for level, hop_length in ((0, 8), (1, 32), (2, 128)):
        after, before = one_level(whole, level), one_level(whole, level, untuned=True)
        assert f"hop {hop_length} before fine-tuning" in held_out and f"hop {hop_length} after fine-tuning" in held_out
        with torch.no_grad():
            codes = after.code(audio)
            assert codes.shape == (1, 1, 44_100 // hop_length) and torch.equal(codes, before.code(audio))
            heard = [model.decode(model.lookup(codes)) for model in (after, before)]
        assert heard[0].shape == heard[1].shape and not torch.equal(*heard)
    blocks = [one_level(whole, level).state_dict()[f"encoders.{level}.level_blocks.0.model.0.0.bias"] for level in (0, 2)]
    assert torch.allclose(*blocks, atol=0.01)  # moved by few steps since one started from the other


def test_finished_symbolic_stages_are_not_made_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("this stage is finished")

    for name in ("train_online", "train_cmt", "train_foley_music", "train_inverse_mv", "train_jukebox", "train_jukebox_vqvae"):
        monkeypatch.setattr(recipes, name, refuse)
    build(SMALL, folder, stages=SYMBOLIC)
