"""Teaching a decoder to sound: codes keep their meaning, the noise learns, a stopped run goes on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

import tiny
from dance2music.checkpoint import load_model, read_provenance, save_model
from dance2music.codec.fine_gain import FineGainConfig
from dance2music.codec.spectral import NoiseConfig, SpectralCodec
from dance2music.codec.spectral_losses import SpectralViews
from dance2music.errors import InputError
from dance2music.recipe.codec_sound import CodecSound, sound_terms, tune_sound, with_sound_parts
from dance2music.train.pieces import SegmentsConfig
from dance2music.train.start import LoopConfig

LOOP = LoopConfig(
    steps=8, workers=0, warmup_steps=2, save_every_steps=4, log_every_steps=4, accelerator="cpu", learning_rate=2e-3, final_factor=1.0
)
CONFIG = CodecSound(
    noise=NoiseConfig(bands=10, slots=4),
    fine_gain=FineGainConfig(edges_hz=(2000.0,), slots=8),
    first_codebooks=1,
    segments=SegmentsConfig(n_samples=9000, first_pieces=4, steps_per_new_piece=5, piece_seconds=1.0),
    loop=LOOP,
    views=SpectralViews(mels=((1024, 20, 1.0),), fine=(2048, 0.3)),
    held_out_pieces=1,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a codec and what it was tuned to."""
    folder = tmp_path_factory.mktemp("sound")
    save_model(folder / "codec.safetensors", tiny.codec(), tiny.codec().config, provenance={"step": 7}, storage="int8")
    tune_sound(CONFIG, folder / "codec.safetensors", folder / "tuned", pieces=tiny.tone)
    return folder


def test_encoder_and_codebooks_keep_their_bits_and_the_decoder_learns(folder: Path) -> None:
    before, after = (load_model(folder / name).state_dict() for name in ("codec.safetensors", "tuned/finished.safetensors"))
    changed = {name.split(".")[0] for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {"decoder_in", "decoder_trunk", "decoder_norm", "decoder_out"}
    assert all(float(after[f"decoder_{part}.weight"].abs().max()) > 0 for part in ("noise", "gain"))


def test_its_file_says_what_was_tuned_and_how(folder: Path) -> None:
    provenance = read_provenance(folder / "tuned" / "latest.safetensors")
    assert provenance["step"] == 8 and provenance["tuned_from"] == {"step": 7} and provenance["config"]["noise"]["bands"] == 10
    assert provenance["training"]["first_codebooks"] == 1 and provenance["held_out"].keys() >= {"log_mel_l1", "si_sdr_db", "comb_db"}


def test_a_run_that_was_stopped_goes_on_with_the_same_bits(folder: Path, tmp_path: Path) -> None:
    for steps in (5, 8):  # the schedule is constant, so that a shorter run is the first part of a longer one
        config = dataclasses.replace(CONFIG, loop=dataclasses.replace(LOOP, steps=steps))
        tune_sound(config, folder / "codec.safetensors", tmp_path, pieces=tiny.tone)
    stopped, whole = (load_model(path / "finished.safetensors").state_dict() for path in (tmp_path, folder / "tuned"))
    assert all(torch.equal(value, whole[name]) for name, value in stopped.items())


def test_a_codec_that_has_noise_and_gains_already_keeps_them(folder: Path) -> None:
    codec = load_model(folder / "tuned" / "finished.safetensors", expected="spectral-codec")
    assert isinstance(codec, SpectralCodec)
    again = with_sound_parts(codec, CONFIG.noise, CONFIG.fine_gain).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in codec.state_dict().items())


def test_gains_are_added_to_a_codec_of_noise_alone_without_a_change_of_its_sound(folder: Path) -> None:
    tuned = load_model(folder / "tuned" / "finished.safetensors", expected="spectral-codec")
    assert isinstance(tuned, SpectralCodec)
    plain = SpectralCodec(dataclasses.replace(tuned.config, fine_gain=FineGainConfig()))
    plain.load_state_dict({name: value for name, value in tuned.state_dict().items() if not name.startswith("decoder_gain")})
    plain.eval()
    more, z = with_sound_parts(plain, CONFIG.noise, CONFIG.fine_gain), torch.randn(1, plain.dim, 20)
    with torch.no_grad():
        assert torch.equal(more.decode(z), plain.decode(z))


def test_a_file_without_a_spectral_codec_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"codec\.safetensors: no such file"):
        tune_sound(CONFIG, tmp_path / "codec.safetensors", tmp_path, pieces=tiny.tone)


def test_every_term_moves_the_sound_and_none_is_left_for_two_perfect_draws() -> None:
    audio = 0.1 * torch.randn(2, 1, 9000, generator=torch.Generator().manual_seed(0))
    perfect = sound_terms(audio, audio, audio, 22_050, CONFIG)
    assert float(perfect["energy"]) == float(perfect["average"]) == 0.0 and float(perfect["distortion_db"]) < -40
    for name in perfect:
        estimate = (0.5 * audio).requires_grad_(True)
        sound_terms(audio, estimate, 0.9 * estimate, 22_050, CONFIG)[name].backward()
        assert estimate.grad is not None and float(estimate.grad.abs().max()) > 0, name
