from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

import tiny
from dance2music.checkpoint import load_model, read_provenance
from dance2music.codec.quantizer import CodebookConfig, ResidualQuantizerConfig
from dance2music.codec.spectral import SpectralCodecConfig
from dance2music.codec.vqvae import VQVAE, VQVAEObjective
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.codec.vqvae_losses import Bandwidth
from dance2music.errors import InputError
from dance2music.papers.sizes import CODEC_TRAININGS
from dance2music.seeds import HELD_OUT_PIECES
from dance2music.train.codec import SpectralCodecTraining, VQVAETraining, distortion_db, evaluate_codec, mel_loss, train_codec
from dance2music.train.own_music import OwnMusic
from dance2music.train.pieces import MusicSegments, PieceStore, SegmentsConfig, composed_piece
from dance2music.train.start import LoopConfig

SEGMENTS = SegmentsConfig(n_samples=4096, first_pieces=4, steps_per_new_piece=5, piece_seconds=1.0)
LOOP = LoopConfig(steps=12, workers=0, warmup_steps=3, save_every_steps=6, log_every_steps=6, accelerator="cpu", learning_rate=2e-3)
TINY = SpectralCodecConfig(
    dim=8, encoder_width=16, encoder_depth=1, decoder_width=16, decoder_depth=1, n_mels=20,
    quantizer=ResidualQuantizerConfig(n_codebooks=2, codebook=CodebookConfig(size=32, dim=8)),
)  # fmt: skip


def test_training_lowers_the_loss_and_leaves_a_model_file_that_scores_as_reported(tmp_path) -> None:
    config = SpectralCodecTraining(codec=TINY, segments=SEGMENTS, loop=LOOP, held_out_pieces=2)
    codec = train_codec(config, tmp_path, pieces=tiny.tone)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [line["codec_total"] for line in lines if "codec_total" in line]
    assert len(losses) == 2 and losses[1] < losses[0]
    loaded = load_model(tmp_path / "latest.safetensors", expected="spectral-codec")
    with torch.no_grad():
        z = torch.randn(1, 8, 30)
        assert torch.allclose(loaded.decode(z), codec.decode(z), atol=1e-3)
    provenance = read_provenance(tmp_path / "latest.safetensors")
    scores = evaluate_codec(loaded, tiny.tone, n_pieces=2, seconds=1.0)
    assert provenance["step"] == 12 and provenance["held_out"]["log_mel_l1"] == pytest.approx(scores["log_mel_l1"], abs=0.01)


def test_training_the_decoder_alone_leaves_codes_as_they_are(tmp_path) -> None:
    config = SpectralCodecTraining(codec=TINY, segments=SEGMENTS, loop=LOOP, held_out_pieces=1)
    train_codec(config, tmp_path / "first", pieces=tiny.tone)
    before = load_model(tmp_path / "first" / "latest.safetensors")
    config = dataclasses.replace(config, start_from=str(tmp_path / "first" / "latest.safetensors"), decoder_only=True)
    after = train_codec(config, tmp_path / "second", pieces=tiny.tone)
    audio = torch.from_numpy(tiny.tone(5, 1.0, 22_050))[None, None]
    with torch.no_grad():
        codes = [codec.quantize(codec.encode(audio)).codes for codec in (before, after)]
        assert torch.equal(*codes)
        assert not torch.allclose(before.decode(before.lookup(codes[0])), after.decode(after.lookup(codes[0])))


def test_a_run_does_not_go_on_with_other_music(tmp_path) -> None:
    config = SpectralCodecTraining(
        codec=TINY, segments=SEGMENTS, loop=dataclasses.replace(LOOP, steps=1, warmup_steps=0), held_out_pieces=1
    )
    files = [tmp_path / "song.npy", tmp_path / "other" / "song.npy"]
    files[1].parent.mkdir()
    for seed, file in enumerate(files):
        np.save(file, np.random.default_rng(seed).integers(-9000, 9000, 30_000, dtype=np.int16))
    first, other = (OwnMusic((file,), (file,)) for file in files)
    train_codec(config, tmp_path / "run", pieces=first)
    train_codec(config, tmp_path / "run", pieces=OwnMusic((files[0],), (files[0],)))
    with pytest.raises(
        InputError, match=r"of another run, with data set '1 recordings to learn from, 1 held out, .*; resume with the same"
    ):
        train_codec(config, tmp_path / "run", pieces=other)
    with pytest.raises(InputError, match="not 'composed'; resume with the same or choose another folder"):
        train_codec(config, tmp_path / "run", pieces=tiny.tone)


def test_the_papers_vqvae_trains_by_the_same_command(tmp_path) -> None:
    small = VQVAEConfig(levels=(1,), level=1, width=4, depth=1, dim=8, codebook_size=16)
    codec = train_codec(
        VQVAETraining(codec=small, segments=SEGMENTS, loop=LOOP, held_out_pieces=1, bandwidth_steps=2), tmp_path, pieces=tiny.tone
    )
    loaded = load_model(tmp_path / "latest.safetensors", expected="vqvae")
    assert loaded.state_dict().keys() == codec.state_dict().keys()


def test_a_vqvae_trains_in_half_precision_from_the_level_below_on_pieces_of_another_folder(tmp_path) -> None:
    loop = dataclasses.replace(LOOP, precision="bf16-mixed", steps=2, learning_rate=1e-4)
    for level in (0, 1):
        codec = VQVAEConfig(levels=(level,), level=level, width=4, depth=1, dim=8, codebook_size=16, multipliers=(1, 1, 1))
        below = str(tmp_path / "0" / "latest.safetensors") if level else ""
        config = VQVAETraining(codec=codec, segments=SEGMENTS, loop=loop, held_out_pieces=1, bandwidth_steps=1, start_from=below)
        train_codec(config, tmp_path / str(level), pieces=tiny.tone, pieces_folder=tmp_path / "pieces")
    assert list((tmp_path / "pieces").glob("*.npy")) and not (tmp_path / "0" / "pieces").exists()
    first, second = (load_model(tmp_path / name / "latest.safetensors").state_dict() for name in "01")
    assert torch.allclose(first["decoders.0.out.weight"], second["decoders.1.out.weight"], atol=1e-3)


def test_creative_gans_vqvae_learns_its_codebook_by_the_second_term_of_its_loss(tmp_path) -> None:
    small = VQVAEConfig(levels=(1,), level=1, width=4, depth=1, dim=8, codebook_size=16, codebook_by_gradient=True)
    paper = CODEC_TRAININGS["creative-gan-vqvae-low"]
    assert isinstance(paper, VQVAETraining)
    config = dataclasses.replace(paper, codec=small, segments=SEGMENTS, loop=LOOP, held_out_pieces=1, bandwidth_steps=2)
    codec = train_codec(config, tmp_path, pieces=tiny.tone)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    logged = [line for line in lines if "codec_total" in line]
    for line in logged:
        assert line["multispectral"] == 0.0 and line["codebook"] > 0
        assert line["codec_total"] == pytest.approx(line["reconstruction"] + line["codebook"] + 0.25 * line["commitment"], rel=1e-4)
        assert line["codebook"] == pytest.approx(line["commitment"], rel=1e-4)  # one value, two gradients
    loaded = load_model(tmp_path / "latest.safetensors", expected="vqvae")
    assert torch.allclose(loaded.state_dict()["bottleneck.level_blocks.1.k"], codec.state_dict()["bottleneck.level_blocks.1.k"], atol=1e-3)


def test_a_codebook_that_learns_by_gradient_is_moved_by_the_optimiser_alone() -> None:
    torch.manual_seed(0)
    config = VQVAEConfig(levels=(1,), level=1, width=4, depth=1, dim=8, codebook_size=16, codebook_by_gradient=True)
    model, audio = VQVAE(config), torch.randn(2, 1, 1024) * 0.1
    objective = VQVAEObjective("l1", multispectral_weight=0.0, commitment_weight=0.25)
    loss = model.losses(audio, Bandwidth(1.0, 1.0), objective)
    book = model.bottleneck.level_blocks["1"].k
    before = book.detach().clone()
    model.losses(audio, Bandwidth(1.0, 1.0), objective)
    assert torch.equal(book, before)
    (of_codebook,) = torch.autograd.grad(loss.codebook, book, retain_graph=True)
    assert float(of_codebook.abs().sum()) > 0
    (of_rest,) = torch.autograd.grad(loss.reconstruction + loss.commitment, book, allow_unused=True)
    assert of_rest is None


def test_creative_gans_codecs_have_the_sizes_that_the_paper_names() -> None:
    for name, hop, frames in (("creative-gan-vqvae-high", 128, 344), ("creative-gan-vqvae-low", 32, 1378)):
        config = CODEC_TRAININGS[name]
        assert isinstance(config, VQVAETraining)
        assert config.codec.hop_length_of(config.codec.level) == hop and config.segments.n_samples // hop == frames
        assert config.codec.dim == 64 and config.loop.learning_rate == 1e-5 and config.betas == (0.5, 0.9)
        assert config.segments.pieces_per_step * config.segments.segments_per_piece == 16
    with pytest.raises(InputError, match="reconstruction 'l2': unknown"):
        VQVAE(VQVAEConfig(levels=(0,), level=0, width=4, depth=1)).losses(torch.zeros(1, 1, 512), Bandwidth(1.0, 1.0), VQVAEObjective("l2"))


def test_a_step_is_a_pure_function_of_seed_and_step(tmp_path) -> None:
    first = MusicSegments(PieceStore(tiny.tone, tmp_path / "a", 1.0, 22_050), SEGMENTS, seed=3, steps=10)
    second = MusicSegments(PieceStore(tiny.tone, tmp_path / "b", 1.0, 22_050), SEGMENTS, seed=3, steps=10)
    items = {step: first[step] for step in (4, 0, 7)}
    assert all(torch.equal(items[step], second[step]) for step in (7, 4, 0))
    assert not torch.equal(items[0], items[4])
    other = MusicSegments(PieceStore(tiny.tone, tmp_path / "a", 1.0, 22_050), SEGMENTS, seed=4, steps=10)
    assert not torch.equal(items[0], other[0])
    assert items[0].shape == (4, 1, 4096) and float(items[0].abs().max()) <= 1.0


def test_a_piece_is_rendered_once(tmp_path) -> None:
    calls = []
    store = PieceStore(lambda *args: (calls.append(args), tiny.tone(*args))[1], tmp_path, 1.0, 22_050)
    assert np.array_equal(store[5], store[5]) and len(calls) == 1
    assert store[5].dtype == np.int16 and int(np.abs(store[5]).max()) == 32767


def test_composed_pieces_repeat_and_differ_and_keep_their_length() -> None:
    piece = composed_piece(HELD_OUT_PIECES + 3, 2.0, 22_050)
    assert piece.shape == (44_100,) and piece.dtype == np.float32 and float(np.abs(piece).max()) > 0.01
    assert np.array_equal(piece, composed_piece(HELD_OUT_PIECES + 3, 2.0, 22_050))
    assert not np.array_equal(piece, composed_piece(HELD_OUT_PIECES + 4, 2.0, 22_050))


def test_the_losses_reach_the_estimate_and_vanish_for_equal_audio() -> None:
    torch.manual_seed(0)
    reference = torch.randn(2, 1, 8192) * 0.1
    estimate = (reference + 0.05 * torch.randn(2, 1, 8192)).requires_grad_()
    for loss in (mel_loss(reference, estimate, sample_rate=22_050), distortion_db(reference, estimate)):
        (gradient,) = torch.autograd.grad(loss, estimate)
        assert float(gradient.abs().max()) > 0
    assert float(mel_loss(reference, reference, sample_rate=22_050)) == 0.0
    assert float(distortion_db(reference, estimate)) == pytest.approx(-6.0, abs=0.3)


def test_the_mel_loss_weighs_its_resolutions() -> None:
    torch.manual_seed(0)
    reference, estimate = torch.randn(2, 1, 4096) * 0.1, torch.randn(2, 1, 4096) * 0.1
    only = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    alone = [float(mel_loss(reference, estimate, sample_rate=22_050, weights=weights)) for weights in only]
    weighted = mel_loss(reference, estimate, sample_rate=22_050, weights=(0.2, 0.6, 0.2))
    assert float(weighted) == pytest.approx(float(np.dot(alone, (0.2, 0.6, 0.2))), rel=1e-5)
    assert float(mel_loss(reference, estimate, sample_rate=22_050)) == pytest.approx(float(np.mean(alone)), rel=1e-5)


def test_the_distortion_asks_how_far_the_estimate_is_from_the_reference() -> None:
    reference = torch.ones(1, 1, 4096)
    assert float(distortion_db(reference, 3 * reference)) == pytest.approx(6.02, abs=0.01)  # an error of twice the signal
    assert float(distortion_db(3 * reference, reference)) == pytest.approx(-3.52, abs=0.01)
