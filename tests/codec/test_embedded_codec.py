from __future__ import annotations

import numpy as np
import pytest
import torch

from dance2music.checkpoint import load_embedded, read_provenance
from dance2music.codec.embedded import LEVEL_CODEBOOKS, embedded_level
from dance2music.codec.spectral import SpectralCodec
from dance2music.seeds import HELD_OUT_PIECES
from dance2music.train.codec import evaluate_codec, reconstruction_scores
from dance2music.train.pieces import composed_piece


@pytest.fixture(scope="module")
def codec() -> SpectralCodec:
    model = load_embedded("codec", expected="spectral-codec")
    assert isinstance(model, SpectralCodec)
    return model


def test_the_embedded_codec_keeps_held_out_music(codec) -> None:
    scores = evaluate_codec(codec, n_pieces=6, seconds=4.0)
    assert scores["log_mel_l1"] < 0.45
    assert scores["si_sdr_db"] > 3.5


def test_it_keeps_nothing_of_what_its_codes_do_not_hold(codec) -> None:
    """A control: codes of one piece must not score well against another."""
    audio, other = (torch.from_numpy(composed_piece(HELD_OUT_PIECES + i, 3.0, codec.sample_rate))[None, None] for i in (1, 7))
    with torch.no_grad():
        z = codec.quantize(codec.encode(other)).z
        wrong = codec.decode(z, audio.shape[-1])[0, 0].numpy()
    from dance2music.metrics.quality import log_mel_l1, si_sdr_db

    assert si_sdr_db(audio[0, 0].numpy(), wrong) < -10
    assert log_mel_l1(audio[0, 0].numpy(), wrong, codec.sample_rate) > 2 * reconstruction_scores(codec, audio[0, 0].numpy())["log_mel_l1"]


def test_more_codebooks_keep_more_and_one_is_enough_to_tell_the_music(codec) -> None:
    from dance2music.metrics.quality import log_mel_l1

    audio = torch.from_numpy(composed_piece(HELD_OUT_PIECES + 2, 3.0, codec.sample_rate))[None, None]
    with torch.no_grad():
        codes = codec.quantize(codec.encode(audio)).codes
        errors = [
            log_mel_l1(audio[0, 0].numpy(), codec.decode(codec.lookup(codes[:, :n]), audio.shape[-1])[0, 0].numpy(), codec.sample_rate)
            for n in (1, 3, codec.n_codebooks)
        ]
    assert errors[0] > errors[1] > errors[2] and errors[0] < 0.9
    coarse, whole, unquantised = (
        reconstruction_scores(codec, audio[0, 0].numpy(), n_codebooks=n)["log_mel_l1"] for n in (1, codec.n_codebooks, 0)
    )
    assert coarse > whole > unquantised


@torch.no_grad()
def test_its_levels_look_up_in_the_first_codebooks_alone(codec) -> None:
    z = codec.encode(torch.from_numpy(composed_piece(HELD_OUT_PIECES + 3, 2.0, codec.sample_rate))[None, None])
    codes = codec.quantize(z).codes
    for level, count in LEVEL_CODEBOOKS.items():
        coarse = embedded_level(level)
        assert coarse.n_codebooks == count and torch.equal(coarse.quantize(z).codes, codes[:, :count])
        heard = coarse.lookup(codes[:, :count])
        assert torch.equal(heard, codec.lookup(codes[:, :count])) and torch.equal(coarse.decode(heard), codec.decode(heard))


def test_its_latents_are_about_unit_variance_and_its_codes_are_all_in_use(codec) -> None:
    pieces = [composed_piece(HELD_OUT_PIECES + i, 4.0, codec.sample_rate) for i in range(8)]
    with torch.no_grad():
        quantized = codec.quantize(codec.encode(torch.from_numpy(np.stack(pieces))[:, None]))
    assert 0.8 < float(quantized.z.var()) < 1.2
    first = quantized.codes[:, 0]
    assert len(first.unique()) > 0.3 * codec.codebook_size


def test_a_piece_cut_into_chunks_decodes_as_the_whole(codec) -> None:
    torch.manual_seed(0)
    z = codec.lookup(torch.randint(0, codec.codebook_size, (1, codec.n_codebooks, 300)))
    whole = codec.decode(z)
    codec.max_frames = 100
    try:
        assert torch.allclose(codec.decode(z), whole, atol=1e-4 * float(whole.abs().max()))
    finally:
        del codec.max_frames


def test_the_weights_say_where_they_come_from() -> None:
    from importlib import resources

    with resources.as_file(resources.files("dance2music") / "weights" / "codec.safetensors") as path:
        origin = read_provenance(path)
        assert path.stat().st_size <= 11_000_000
    assert origin["kind"] == "spectral-codec" and origin["step"] > 0 and origin["training"]["loop"]["seed"] >= 0
