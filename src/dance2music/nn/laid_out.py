"""Products with a weight that no longer changes, laid out in memory once as oneDNN multiplies by it: for inference in float32.

Torch's own products in float32 are MKL's, which on processors of other makers than Intel do not use all of their width: on Zen 5 they reach
100 billion operations a second and core, oneDNN's 220. Its convolutions have that, too, but products of torch only where the weight
is laid out for it beforehand.
"""

from __future__ import annotations

import torch
from torch import Tensor

_ROWS = 256
"""Rows that the layout is chosen for; others are multiplied as well."""


def can_lay_out(weight: Tensor) -> bool:
    """Whether this build of torch has products with a weight [O, I] that is laid out, for its precision and device."""
    ops = torch.ops.mkldnn
    known = hasattr(ops, "_reorder_linear_weight") and hasattr(ops, "_linear_pointwise")
    return weight.dtype == torch.float32 and weight.device.type == "cpu" and torch.backends.mkldnn.is_available() and known


def multiplies_bfloat16() -> bool:
    """Whether this machine's processor multiplies in bfloat16 (AVX512-BF16 or AMX); elsewhere it takes several times as long as float32."""
    return any(getattr(torch.cpu, name, bool)() for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))


class LaidOut:
    """A float32 weight [O, I] on a processor, as oneDNN multiplies by it; without a gradient."""

    def __init__(self, weight: Tensor) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), _ROWS)

    def __call__(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """What ``linear`` makes of x [n, I]: [n, O]."""
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, bias, "none", [], "")
        return y

    def plus(self, other: Tensor, x: Tensor) -> Tensor:
        """Other [n, O] + the product with x [n, I]."""
        y: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, other, self._weight, None, "add")
        return y

    def __reduce__(self) -> tuple[type[LaidOut], tuple[Tensor]]:
        return LaidOut, (self._weight.to_dense(),)
