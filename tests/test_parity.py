"""The parity script on oracles made by the tests: it passes what agrees, fails what does not, and skips what is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.music.mel import mel_filters, published_log_mel
from oracles import filled, normal

WITHOUT_TEST_TOOLS = """
import runpy, sys
from pathlib import Path

sys.modules.update(pytest=None, hypothesis=None, oracles=None)
sys.argv = sys.argv[1:]
sys.path.insert(0, str(Path(sys.argv[0]).parent))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a script as its users do, who have the package and not what its tests need."""

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "parity.py"


def stats(x: torch.Tensor) -> np.ndarray:
    values = x.numpy().astype(np.float64)
    return np.array([values.mean(), values.std(), np.abs(values).max(), values.size])


def mel_oracle(path: Path, *, error: float = 0.0) -> None:
    audio = 0.1 * normal(0, 1, 1, 44100)
    mels, filters = published_log_mel(audio, 22050)[:, 0].numpy(), mel_filters(22050, 1024, 128)
    arrays = {"mel44100": mels + error, "mel_basis_rowsum": filters.sum(dim=1).numpy()}
    for n in (44032, 44096):
        y = published_log_mel(audio[..., :n], 22050)[:, 0]
        arrays |= {f"mel{n}_shape": np.array(y.shape), f"mel{n}_stats": stats(y)}
    np.savez(path, **arrays)


def codec_oracle(path: Path, *, wrong_code: bool = False) -> None:
    """The bottom level with every fourth code and a margin for each code of the whole, as the oracles that are not at hand may have it."""
    model = filled(VQVAE(VQVAEConfig(levels=(0,), level=0)), "B")
    with torch.no_grad():
        z = model.encode(normal(0, 1, 4096, 1).transpose(1, 2))
        codes = model.quantize(z).codes
        drawn = torch.from_numpy(np.random.RandomState(0).randint(0, 2048, (1, codes.shape[-1])))
        decoded, back = model.decode(model.lookup(drawn[:, None]))[0, 0], model.decode(model.lookup(codes))[0, 0]
    kept = codes[0, :, ::4].numpy().astype(np.int16)
    kept[0, 5] += wrong_code
    arrays = {"enc_latent_B": z[:, ::4, ::8], "dec_audio_B": decoded[::8], "roundtrip_audio_B": back[::16]}
    arrays |= {"dec_first64_B": decoded[:64], "dec_last64_B": decoded[-64:]}
    np.savez(
        path, input_shape=[1, 4096, 1], codes_shape=[1, codes.shape[-1]], audio_len=len(decoded), code_stride=4, latent_stride=[4, 8],
        dec_stride=8, roundtrip_stride=16, enc_codes_B=kept, enc_code_margin_B=np.ones(codes.shape[-1]), enc_latent_stats_B=stats(z),
        dec_audio_stats_B=stats(decoded), roundtrip_stats_B=stats(back), **{name: value.numpy() for name, value in arrays.items()},
    )  # fmt: skip


def run(folder: Path) -> tuple[int, list[str]]:
    done = subprocess.run([sys.executable, "-c", WITHOUT_TEST_TOOLS, SCRIPT, folder], capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()


def test_agreement_passes_and_what_is_not_there_is_skipped(tmp_path: Path) -> None:
    mel_oracle(tmp_path / "audio2mel.npz")
    codec_oracle(tmp_path / "jukebox_level0_hop8.npz")
    code, lines = run(tmp_path)
    assert code == 0 and lines[-1] == "5 passed, 0 failed"
    assert any(line.startswith("not there: ") and "vq_generator_low_aist.npz" in line for line in lines)


@pytest.mark.parametrize("what", ["mel", "code"])
def test_a_difference_fails_with_exit_code_1(tmp_path: Path, what: str) -> None:
    if what == "mel":
        mel_oracle(tmp_path / "audio2mel.npz", error=1e-3)
    else:
        codec_oracle(tmp_path / "jukebox_level0_hop8.npz", wrong_code=True)
    code, lines = run(tmp_path)
    assert code == 1 and not lines[-1].endswith(" 0 failed")
    assert any(line.endswith("FAIL") for line in lines)


def test_a_file_that_cannot_be_compared_fails_and_does_not_hide_the_others(tmp_path: Path) -> None:
    np.savez(tmp_path / "jukebox_level0_hop8.npz", enc_codes_B=np.zeros((1, 3), dtype=np.int16))
    mel_oracle(tmp_path / "audio2mel.npz")
    code, lines = run(tmp_path)
    assert code == 1 and lines[-1] == "1 passed, 1 failed"
