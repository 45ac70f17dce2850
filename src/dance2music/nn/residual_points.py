"""The residual block of D2M-GAN with fewer multiplications: for training in bfloat16 with its gradient by hand, and for inference.

Half of the generator's work is convolutions of three taps. Four neighbours (at the distance of the dilation) of such a convolution are a
product of polynomials, which its values at six points determine: Toom-Cook, in one dimension what Lavin & Gray 2016 (arXiv:1509.09308)
call F(4, 3). So six matrix products take the place of twelve, forward and back. The points 0, ±3/4, ±3/2 and infinity are where rounding
matters least; a convolution in bfloat16 is then rounded to 0.6 % of its root mean square instead of 0.2 %.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from dance2music.nn.laid_out import LaidOut

aten = torch.ops.aten

NEAR, FAR = 0.75, 1.5
"""The points are 0, ±NEAR, ±FAR and infinity."""
N2, F2 = NEAR**2, FAR**2
_AT_ONCE = 4
_POINTS = 6
FEWEST_CHANNELS = 256
"""With fewer, what is saved is spent on additions."""


def residual(
    x: Tensor, shortcut: tuple[Tensor, Tensor], first: tuple[Tensor, Tensor], last: tuple[Tensor, Tensor], dilation: int, slope: float
) -> Tensor:
    """shortcut(x) + last(leaky(first(leaky(x)))), ``first`` padded by reflection.

    Parameters
    ----------
    x : bfloat16 Tensor [B, C, L]; L is longer than ``dilation``. Memory by time, as `nn.convolution.convolve` leaves it, saves a copy.
    shortcut, last : weight [C, C, 1] and bias [C].
    first : weight [C, C, 3] and bias [C].

    Returns
    -------
    bfloat16 Tensor [B, C, L], in memory by time.
    """
    y: Tensor = _Residual.apply(x.transpose(1, 2).contiguous(), *shortcut, *first, *last, dilation, slope)  # type: ignore[no-untyped-call]
    return y.transpose(1, 2)


def weights_at_points(device: torch.device) -> Tensor:
    """float32 [6, 3]: what makes values at the six points of three taps, divided by what an interpolation divides by."""
    finite = (0.0, NEAR, -NEAR, FAR, -FAR)
    rows = []
    for point in finite:
        scale = 1.0
        for other in finite:
            scale *= point - other if other != point else 1.0
        rows.append([1 / scale, point / scale, point**2 / scale])
    return torch.tensor([*rows, [0.0, 0.0, 1.0]], device=device)


def taps_at_points(w: Tensor, dtype: torch.dtype) -> Tensor:
    """Three taps w [C, C, 3] as what is multiplied at the six points [6, C, C]."""
    return (weights_at_points(w.device) @ w.detach().reshape(-1, 3).t().float()).to(dtype).view(_POINTS, *w.shape[:2])


class ResidualAtPoints(nn.Module):
    """`residual` with weights that no longer change, made ready once: for inference, in the precision of the weights.

    In float32 on a processor its products are those of `nn.laid_out` after `lay_out`.

    Parameters
    ----------
    shortcut, first, last : weight and bias, as for `residual`.
    """

    def __init__(self, shortcut: tuple[Tensor, Tensor], first: tuple[Tensor, Tensor], last: tuple[Tensor, Tensor], dilation: int,
                 slope: float) -> None:  # fmt: skip
        super().__init__()
        self.dilation, self.slope = dilation, slope
        dtype = first[0].dtype
        parts = {"shortcut": shortcut[0][:, :, 0], "taps": taps_at_points(first[0], dtype), "first_bias": first[1],
                 "last": last[0][:, :, 0], "last_bias": shortcut[1] + last[1]}  # fmt: skip
        for name, part in parts.items():
            self.register_buffer(name, part.detach().contiguous(), persistent=False)
        self.laid_out: tuple[list[LaidOut], LaidOut, LaidOut] | None = None

    def lay_out(self) -> None:
        """Keep the weights as `nn.laid_out` multiplies by them, in place of the plain ones; they can no longer be cast or moved."""
        taps, s, u = (self._buffers.pop(name) for name in ("taps", "shortcut", "last"))
        assert taps is not None and s is not None and u is not None
        self.laid_out = [LaidOut(tap) for tap in taps], LaidOut(s), LaidOut(u)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, C, L] -> [B, C, L], laid out by time in memory; L is longer than the dilation."""
        w_bias, bias = self.get_buffer("first_bias"), self.get_buffer("last_bias")
        if self.laid_out:
            products, s, u = self.laid_out
            y = _block(x.transpose(1, 2).contiguous(), products, w_bias, lambda a, b: u.plus(s(a, bias), b), self.dilation, self.slope)
        else:
            taps, plain_s, plain_u = (self.get_buffer(name) for name in ("taps", "shortcut", "last"))
            y = _block(x.transpose(1, 2).contiguous(), _products(taps), w_bias, _sum(plain_s, plain_u, bias), self.dilation, self.slope)
        return y[0].transpose(1, 2)


def _products(taps: Tensor) -> list[Callable[[Tensor], Tensor]]:
    """The products with each of the taps [6, C, C]."""
    return [partial(F.linear, weight=tap) for tap in taps]


def _sum(s: Tensor, u: Tensor, bias: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Of x and hidden [n, C]: x s' + hidden u' + bias."""
    return lambda x, hidden: torch.addmm(bias, x, s.t()).addmm_(hidden, u.t())


def _block(
    x: Tensor,
    products: Sequence[Callable[[Tensor], Tensor]],
    w_bias: Tensor,
    together: Callable[[Tensor, Tensor], Tensor],
    dilation: int,
    slope: float,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Output [B, L, C], what the last convolution sees [B, L, C], and the values at the six points, of x [B, L, C].

    ``products`` are those at the six points, ``together`` is the sum of shortcut and last convolution.
    """
    B, L, C = x.shape
    groups = -(-L // (_AT_ONCE * dilation))
    seen = _values(_tiles(_padded(x, dilation, groups, slope), dilation, groups, _POINTS))
    made = [product(value.view(-1, C)).view_as(value) for value, product in zip(seen, products)]
    y = x.new_empty(B, _AT_ONCE * groups * dilation, C)
    _interpolate(made, _tiles(y, dilation, groups, _AT_ONCE))
    hidden = F.leaky_relu(y[:, :L] + w_bias, slope, inplace=True)
    return together(x.view(-1, C), hidden.view(-1, C)).view(B, L, C), hidden, seen


class _Residual(torch.autograd.Function):
    """x [B, L, C], shortcut [C, C, 1], its bias, three taps [C, C, 3], their bias, last [C, C, 1], its bias -> [B, L, C]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, s: Tensor, s_bias: Tensor, w: Tensor, w_bias: Tensor, u: Tensor, u_bias: Tensor, dilation: int,
                slope: float) -> Tensor:  # fmt: skip
        with torch.autocast("cpu", enabled=False):
            taps, s, u = taps_at_points(w, x.dtype), s[:, :, 0].to(x.dtype), u[:, :, 0].to(x.dtype)
            together = _sum(s, u, (s_bias + u_bias).to(x.dtype))
            out, hidden, seen = _block(x, _products(taps), w_bias.to(x.dtype), together, dilation, slope)
        ctx.save_for_backward(x, hidden, taps, s, u, *seen)
        ctx.dilation, ctx.slope = dilation, slope
        return out

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, hidden, taps, s, u, *seen = ctx.saved_tensors
        (B, L, C), dilation, slope = x.shape, ctx.dilation, ctx.slope
        groups = -(-L // (_AT_ONCE * dilation))
        with torch.autocast("cpu", enabled=False):
            g = grad.reshape(-1, C)
            d_s, d_u, d_bias = g.t() @ x.view(-1, C), g.t() @ hidden.view(-1, C), g.sum(dim=0)
            d_y = x.new_empty(B, _AT_ONCE * groups * dilation, C)
            d_y[:, L:] = 0
            within = d_y[:, :L]
            aten.leaky_relu_backward.grad_input((g @ u).view(B, L, C), hidden, slope, True, grad_input=within)
            d_w_bias = within.sum(dim=1).sum(dim=0)  # in one, torch would make it float32 first
            d_made = _interpolate_back(_tiles(d_y, dilation, groups, _AT_ONCE))
            d_taps = torch.stack([d.view(-1, C).t() @ value.view(-1, C) for d, value in zip(d_made, seen)])
            d_w = (d_taps.view(_POINTS, -1).t().float() @ weights_at_points(x.device)).view(C, C, 3)
            d_seen = [(d.view(-1, C) @ tap).view_as(d) for d, tap in zip(d_made, taps)]
            d_padded = x.new_empty(B, (_AT_ONCE * groups + 2) * dilation, C)
            d_padded[:, _AT_ONCE * groups * dilation :] = 0
            _values_back(d_seen, _tiles(d_padded, dilation, groups, _POINTS))
            inner, end = d_padded[:, dilation : dilation + L], dilation + L
            inner[:, 1 : dilation + 1] += d_padded[:, :dilation].flip(1)
            inner[:, L - 1 - dilation : L - 1] += d_padded[:, end : end + dilation].flip(1)
            d_x = (g @ s).view(B, L, C).add_(aten.leaky_relu_backward(inner, x, slope, False))
        return d_x, d_s[:, :, None], d_bias, d_w, d_w_bias, d_u[:, :, None], d_bias, None, None


def _padded(x: Tensor, dilation: int, groups: int, slope: float) -> Tensor:
    """leaky(x) [B, L, C] with ``dilation`` reflected values at both ends, then zeros up to whole groups."""
    B, L, C = x.shape
    padded, end = x.new_empty(B, (_AT_ONCE * groups + 2) * dilation, C), dilation + L
    aten.leaky_relu.out(x, slope, out=padded[:, dilation:end])
    padded[:, :dilation] = padded[:, dilation + 1 : 2 * dilation + 1].flip(1)
    padded[:, end : end + dilation] = padded[:, L - 1 : end - 1].flip(1)
    padded[:, end + dilation :] = 0
    return padded


def _tiles(x: Tensor, dilation: int, groups: int, n: int) -> list[Tensor]:
    """Views of x [B, rows, C]: the j-th [B, groups, dilation * C] has of each group of 4 x dilation rows those from j x dilation on."""
    B, rows, C = x.shape
    step = dilation * C
    return [x.as_strided((B, groups, step), (rows * C, _AT_ONCE * step, 1), x.storage_offset() + j * step) for j in range(n)]


def _values(x: Sequence[Tensor]) -> list[Tensor]:
    """Six inputs -> what is multiplied at the points 0, NEAR, -NEAR, FAR, -FAR, infinity."""
    zero = torch.add(x[4], x[2], alpha=-(N2 + F2)).add_(x[0], alpha=N2 * F2)
    last = torch.add(x[5], x[3], alpha=-(N2 + F2)).add_(x[1], alpha=N2 * F2)
    values = [zero]
    for point, other in ((NEAR, F2), (FAR, N2)):
        even, odd = torch.add(x[4], x[2], alpha=-other), torch.add(x[3], x[1], alpha=-other)
        values += [torch.add(even, odd, alpha=point), even.add_(odd, alpha=-point)]
    return [*values, last]


def _values_back(d: list[Tensor], x: list[Tensor]) -> None:
    """Gradients of six inputs of those of `_values`, which are used up; tiles 0 to 3 are written, 4 and 5, which overlap, added."""
    zero, near, far, last = d[0], (d[1] + d[2], d[1].sub_(d[2])), (d[3] + d[4], d[3].sub_(d[4])), d[5]
    torch.mul(zero, N2 * F2, out=x[0])
    torch.add(torch.mul(last, N2 * F2), near[1], alpha=-F2 * NEAR, out=x[1]).add_(far[1], alpha=-N2 * FAR)
    torch.add(torch.mul(zero, -(N2 + F2)), near[0], alpha=-F2, out=x[2]).add_(far[0], alpha=-N2)
    torch.add(torch.mul(last, -(N2 + F2)), near[1], alpha=NEAR, out=x[3]).add_(far[1], alpha=FAR)
    x[4].add_(near[0].add_(far[0]).add_(zero))
    x[5].add_(last)


def _interpolate(m: list[Tensor], y: list[Tensor]) -> None:
    """Write four outputs from the products at the six points, which are used up."""
    zero, near, far, last = m[0], (m[1] + m[2], m[1].sub_(m[2])), (m[3] + m[4], m[3].sub_(m[4])), m[5]
    torch.add(zero.add_(near[0]), far[0], out=y[0])
    torch.add(near[1].mul_(NEAR), far[1], alpha=FAR, out=y[1])
    torch.add(near[0].mul_(N2), far[0], alpha=F2, out=y[2])
    torch.add(last.add_(near[1], alpha=N2), far[1], alpha=FAR * F2, out=y[3])


def _interpolate_back(d: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of the products at the six points of those of four outputs."""
    made = [d[0].contiguous()]
    for point in (NEAR, FAR):
        even, odd = torch.add(d[0], d[2], alpha=point**2), torch.mul(d[1], point).add_(d[3], alpha=point**3)
        made += [even + odd, even.sub_(odd)]
    return [*made, d[3].contiguous()]
