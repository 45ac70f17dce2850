"""VGGish, the embedding of the papers' genre and diversity scores, for weights that the user brings.

Hershey et al. 2017 (arXiv:1609.09430); front end and sizes as released with AudioSet: 16 kHz mono, frames of 25 ms every 10 ms, 64 mel
bands from 125 to 7500 Hz, ``log(mel + 0.01)``, examples of 96 frames without overlap, 128 numbers per example. The released
post-processing (PCA and eight bits) is left out: the papers do not say that they used it, and the distances that they print are too small
for it. The weights are not shipped; a torch port with the common tensor names (``features.N``, ``embeddings.N``) is read.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dance2music.types import Audio

SAMPLE_RATE = 16000
EXAMPLE_FRAMES = 96
N_MELS = 64
MEL_RANGE_HZ = (125.0, 7500.0)
DIM = 128

_WINDOW, _HOP, _FFT = SAMPLE_RATE * 25 // 1000, SAMPLE_RATE * 10 // 1000, 512
_LOG_OFFSET = 0.01
_CHANNELS = (64, 128, (256, 256), (512, 512))


class VGGish(nn.Module):
    """Four blocks of 3 x 3 convolutions and pooling, three linear layers: log-mel examples [B, 96, 64] -> embeddings [B, 128]."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 1
        for block in _CHANNELS:
            for channels in block if isinstance(block, tuple) else (block,):
                layers += [nn.Conv2d(width, channels, 3, padding=1), nn.ReLU(inplace=True)]
                width = channels
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        flat = width * (EXAMPLE_FRAMES // 16) * (N_MELS // 16)
        sizes = (flat, 4096, 4096, DIM)
        self.embeddings = nn.Sequential(*(m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), nn.ReLU(inplace=True))))

    def forward(self, examples: Tensor) -> Tensor:
        """examples [B, 96, 64] from `log_mel_examples` -> [B, 128], not negative."""
        x = self.features(examples[:, None])
        return self.embeddings(x.permute(0, 2, 3, 1).flatten(1))  # time, frequency, channel: the order of the released weights


def load_vggish(path: str | Path) -> VGGish:
    """VGGish with the weights of a torch checkpoint; tensors of its PCA, where there are any, are left out.

    Raises
    ------
    InputError
        If the file cannot be read safely, or its tensors are not those of VGGish.
    """
    from dance2music.checkpoint import fill, read_torch_state

    model = VGGish()
    state = {name: value for name, value in read_torch_state(path).items() if not name.startswith("pproc.")}
    fill(model, state, where=str(path))
    return model.eval().requires_grad_(False)


def log_mel_examples(audio: Audio) -> Tensor:
    """Log-mel examples float32 [B, 96, 64], each of 0.96 s; sound shorter than that is padded with silence to one example."""
    from dance2music.music.audio import resample
    from dance2music.music.beats import mono

    y = mono(resample(audio, SAMPLE_RATE)).astype(np.float64)
    least = _WINDOW + (EXAMPLE_FRAMES - 1) * _HOP
    y = np.pad(y, (0, max(0, least - len(y))))
    frames = np.lib.stride_tricks.sliding_window_view(y, _WINDOW)[::_HOP]
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(_WINDOW) / _WINDOW)
    mels = np.log(np.abs(np.fft.rfft(frames * window, _FFT, axis=1)) @ _mel_matrix() + _LOG_OFFSET)
    n = len(mels) // EXAMPLE_FRAMES
    return torch.from_numpy(mels[: n * EXAMPLE_FRAMES].reshape(n, EXAMPLE_FRAMES, N_MELS).astype(np.float32))


def _mel_matrix() -> np.ndarray:
    """Triangles in HTK mel [bins, 64], of height 1, over magnitudes; the lowest bin has no weight."""

    def mel(hz: np.ndarray | float) -> np.ndarray:
        return 1127.0 * np.log(1.0 + np.asarray(hz) / 700.0)

    edges = np.linspace(mel(MEL_RANGE_HZ[0]), mel(MEL_RANGE_HZ[1]), N_MELS + 2)
    bins = mel(np.linspace(0.0, SAMPLE_RATE / 2, _FFT // 2 + 1))[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    matrix = np.maximum(0.0, np.minimum(rising, falling))
    matrix[0] = 0.0
    return matrix
