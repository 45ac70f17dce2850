"""Convolutions of many taps over time as products of spectra: a tenth of the multiplications, on a processor.

D2M-GAN's generators have kernels of 40 and 41 taps between up to 1024 channels. Here time is cut into overlapping stretches of `STRETCH`
values; a convolution multiplies their spectra, one matrix product over the channels per frequency (overlap and save). The discrete Fourier
transforms are matrix products too, and being orthogonal they add hardly any rounding: 0.4 % of the root mean square in bfloat16.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRETCH = 124
"""Values per stretch. Of the even lengths up to 160 the one whose cosines, rounded to bfloat16, change loudness least: by 0.02 %."""
FEWEST_TAPS = 32
FEWEST_PRODUCTS = 1 << 13
"""Of input and output channels. Below these two the transforms cost more than they save."""


def pays(weight: Tensor) -> bool:
    """Whether a convolution with this weight [O, I, K], of stride 1 in one group, is faster by spectra."""
    O, I, K = weight.shape
    return weight.device.type == "cpu" and FEWEST_TAPS <= K <= STRETCH // 2 and I * O >= FEWEST_PRODUCTS


def long_convolution(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    """What ``conv1d`` makes of x [B, I, L] with weight [O, I, K], in the precision of x: [B, O, L'], laid out by time in memory."""
    with torch.autocast("cpu", enabled=False):
        spectrum = spectrum_of_weight(weight.to(x.dtype))
        return by_spectrum(x, *spectrum, None if bias is None else bias.to(x.dtype), weight.shape[2], padding)


def spectrum_of_weight(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part [frequency, O, I] of the spectra of a weight [O, I, K]."""
    O, I, K = weight.shape
    taps = weight.reshape(O * I, K).t()
    real, imaginary, _ = _transforms(weight.dtype)
    return (real[:, :K] @ taps).view(-1, O, I), (imaginary[:, :K] @ taps).view(-1, O, I)


def by_spectrum(x: Tensor, real: Tensor, imaginary: Tensor, bias: Tensor | None, taps: int, padding: int) -> Tensor:
    """The convolution of x [B, I, L] with the weight of ``taps`` taps whose spectrum is given."""
    B, I, L = x.shape
    n, O = L + 2 * padding - taps + 1, real.shape[1]
    kept = STRETCH - taps + 1
    count = -(-n // kept)
    padded = F.pad(x.transpose(1, 2), (0, 0, padding, (count - 1) * kept + STRETCH - padding - L))
    stretches = padded.unfold(1, STRETCH, kept).permute(3, 0, 1, 2).reshape(STRETCH, B * count * I)
    cosines, sines, back = _transforms(x.dtype)
    first, second = torch.stack([cosines, sines], 1).flatten(0, 1), torch.stack([sines, -cosines], 1).flatten(0, 1)
    one, other = ((rows @ stretches).view(len(cosines), 2 * B * count, I) for rows in (first, second))
    share = 1 / STRETCH  # here, since rounded in the way back it would make all of it too loud
    product = torch.bmm(other, imaginary.transpose(1, 2))
    product = torch.baddbmm(product, one, real.transpose(1, 2), beta=share, alpha=share)  # [frequency, 2 B count, O]
    y = (back[:kept] @ product.view(2 * len(cosines), B * count * O)).view(kept, B, count, O)
    y = y.permute(1, 2, 0, 3).reshape(B, count * kept, O)[:, :n]
    return (y if bias is None else y + bias).transpose(1, 2)


@cache
def _transforms(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Cosines and negative sines [frequency, STRETCH] of the transform, and STRETCH times the way back [STRETCH, frequency x 2]."""
    with torch.inference_mode(False):  # they are kept, and may be wanted for a gradient later
        angles = 2 * torch.pi * torch.outer(torch.arange(STRETCH // 2 + 1), torch.arange(STRETCH)).remainder(STRETCH).double() / STRETCH
        times = torch.full((len(angles), 1), 2.0, dtype=torch.float64)
        times[0] = times[-1] = 1
        back = torch.stack([times * angles.cos(), -times * angles.sin()], 1).flatten(0, 1).t()
        return angles.cos().to(dtype), -angles.sin().to(dtype), back.contiguous().to(dtype)


class LongConvolution(nn.Module):
    """`long_convolution` with a weight that no longer changes: its spectrum is made once, for inference in the precision of the weight."""

    def __init__(self, weight: Tensor, bias: Tensor | None, padding: int) -> None:
        super().__init__()
        self.taps, self.padding = weight.shape[2], padding
        real, imaginary = spectrum_of_weight(weight.detach())
        for name, part in (("real", real), ("imaginary", imaginary), ("bias", None if bias is None else bias.detach())):
            self.register_buffer(name, part, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, I, L] -> [B, O, L'], laid out by time in memory."""
        return by_spectrum(x, self.get_buffer("real"), self.get_buffer("imaginary"), self._buffers["bias"], self.taps, self.padding)
