from __future__ import annotations

import numpy as np
import pytest
import torch

from dance2music.music.mel import log_mel, mel_band_of, mel_filters


@pytest.mark.parametrize(
    ("sample_rate", "n_fft", "n_mels"), [(22_050, 1024, 80), (22_050, 2048, 128), (44_100, 512, 40), (16_000, 400, 64)]
)
@pytest.mark.parametrize("band", [(0.0, None), (125.0, 7500.0)])
def test_filters_are_librosas(sample_rate: int, n_fft: int, n_mels: int, band: tuple[float, float | None]) -> None:
    import librosa

    expected = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=band[0], fmax=band[1], dtype=np.float64)
    assert np.allclose(mel_filters(sample_rate, n_fft, n_mels, *band).numpy(), expected, rtol=1e-6, atol=1e-12)


def test_bands_lie_where_librosas_mel_scale_has_them() -> None:
    import librosa

    centres = librosa.mel_frequencies(n_mels=82, fmin=0.0, fmax=11_025.0)[1:-1]
    assert np.allclose([mel_band_of(hz, 22_050, 80) for hz in centres], np.arange(80) + 0.5, atol=1e-9)


def test_log_mel_is_the_logarithm_of_librosas_magnitudes() -> None:
    import librosa

    audio = np.random.default_rng(0).standard_normal(8000).astype(np.float32) * 0.1
    expected = librosa.feature.melspectrogram(y=audio, sr=22_050, n_fft=1024, hop_length=256, n_mels=80, power=1.0, pad_mode="constant")
    assert np.allclose(log_mel(torch.from_numpy(audio)[None], 22_050)[0].numpy(), np.log(np.maximum(expected, 1e-5)), atol=1e-3)


def test_silence_lies_at_the_floor_with_a_finite_gradient() -> None:
    audio = torch.zeros(1, 4096, requires_grad=True)
    mel = log_mel(audio, 22_050)
    mel.sum().backward()
    assert torch.allclose(mel, torch.full_like(mel, np.log(1e-5)), atol=1e-4)
    assert bool(torch.isfinite(audio.grad).all())
