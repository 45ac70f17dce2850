"""PatchGAN over latents: the original discriminator of Creative-GAN (section 3.3.2 a)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm


@dataclass(frozen=True)
class PatchGanConfig:
    """Widths and strides of the convolutions before the logits; the paper gives none, these are pix2pix's (Isola et al. 2017)."""

    latent_dim: int = 64
    channels: tuple[int, ...] = (64, 128, 256, 512)
    strides: tuple[int, ...] = (2, 2, 2, 1)
    kernel_size: int = 4

    @property
    def patch_frames(self) -> int:
        """Latent frames that one logit sees: 70 by default, 0.41 s at hop 128 and 0.10 s at hop 32."""
        frames = 1
        for stride in (1, *reversed(self.strides)):
            frames = (frames - 1) * stride + self.kernel_size
        return frames


class PatchGan(nn.Module):
    """Fully convolutional, no fully connected layer and no activation at the end: every logit judges one stretch of time.

    Departs from the paper's "K x K matrix": the 64 numbers of a latent have no neighbourhood, so the map has one axis, time. They are the
    channels of the first convolution. Weight norm as in D2M-GAN's discriminator; the paper names no normalisation.
    """

    def __init__(self, config: PatchGanConfig = PatchGanConfig()) -> None:
        super().__init__()
        self.config = config
        k = config.kernel_size
        widths = (config.latent_dim, *config.channels)
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv1d(a, b, k, stride, padding=1)) for a, b, stride in zip(widths, widths[1:], config.strides, strict=False)
        )
        self.logits = weight_norm(nn.Conv1d(widths[-1], 1, k, padding=1))

    def forward(self, z: Tensor) -> list[list[Tensor]]:
        """Latents z [B, E, L] -> one scale of activations per layer; the last is the map of patch logits [B, 1, L'] (`losses.Features`).

        L' is 41 of 344 frames and 170 of 1378.
        """
        features = []
        for layer in self.layers:
            z = F.leaky_relu(layer(z), 0.2)
            features.append(z)
        return [[*features, self.logits(z)]]
