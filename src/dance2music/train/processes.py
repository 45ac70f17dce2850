"""Several processes in one training: gradients are averaged in sight, the first process's buffers count, each process takes its rows.

Every step's batch is the whole batch, however many processes there are; so their number does not change what is trained. Models are not
wrapped: a GAN passes several forwards per backward, each moved by its own loss, which a wrapper that averages on its own cannot follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch import Tensor, nn
from torch.utils.data import Dataset

from dance2music.errors import InputError


class UnwrappedStrategy(DDPStrategy):
    """Fabric's processes and devices, with models as they are: `average_gradients` does what a wrapper around each would do."""

    def setup_module(self, module: nn.Module) -> nn.Module:  # type: ignore[override]
        """The module itself."""
        return module


def average_gradients(fabric: Fabric, parameters: Sequence[nn.Parameter]) -> None:
    """Put the mean over all processes into ``.grad``; nothing to do in a single process.

    A parameter that has no gradient on some processes counts as zero there; one that has none on any process stays without.
    """
    if fabric.world_size == 1:
        return
    has = torch.tensor([parameter.grad is not None for parameter in parameters], dtype=torch.int32, device=fabric.device)
    torch.distributed.all_reduce(has, op=torch.distributed.ReduceOp.MAX)
    held = [parameter for parameter, any_has in zip(parameters, has.tolist()) if any_has]
    for parameter in held:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    flat = torch.cat([parameter.grad.flatten() for parameter in held])  # type: ignore[union-attr]
    torch.distributed.all_reduce(flat)
    for parameter, mean in zip(held, (flat / fabric.world_size).split([parameter.numel() for parameter in held])):
        parameter.grad.copy_(mean.view_as(parameter))  # type: ignore[union-attr]


def broadcast_first(fabric: Fabric, tensors: Iterable[Tensor]) -> None:
    """Give every process the first one's values of tensors [...], in place; nothing to do in a single process."""
    if fabric.world_size == 1:
        return
    for value in tensors:
        torch.distributed.broadcast(value.detach(), 0)


class _SharedBatchNorm(nn.BatchNorm1d):
    """Batch norm over the whole batch of all processes, on any device (torch's own needs a GPU)."""

    def forward(self, x: Tensor) -> Tensor:
        """float [B, C] or [B, C, L] -> the same; statistics are of every process's rows, and gradients pass them."""
        if not self.training:
            return super().forward(x)
        from torch.distributed.nn.functional import all_reduce

        axes = [0, *range(2, x.ndim)]
        shape = [1, -1] + [1] * (x.ndim - 2)
        wide = x.float()
        count = x.numel() // x.shape[1] * torch.distributed.get_world_size()
        mean = all_reduce(wide.sum(axes)) / count
        centred = wide - mean.view(shape)
        variance = all_reduce(centred.square().sum(axes)) / count
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            with torch.no_grad():
                self.num_batches_tracked += 1
                share = self.momentum if self.momentum is not None else 1.0 / float(self.num_batches_tracked)
                self.running_mean.lerp_(mean.detach(), share)
                self.running_var.lerp_(variance.detach() * (count / max(count - 1, 1)), share)
        out = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out.to(x.dtype)


def synchronise_batch_norm(fabric: Fabric, model: nn.Module) -> None:
    """Let every `nn.BatchNorm1d` of a model see the whole batch of all processes, in place; nothing to do in a single process."""
    if fabric.world_size == 1:
        return
    for module in model.modules():
        if type(module) is nn.BatchNorm1d:
            module.__class__ = _SharedBatchNorm


def items_of(batch: Any) -> int:
    """Number of items of a batch: rows of its first Tensor [B, ...]."""
    while not isinstance(batch, Tensor):
        if not isinstance(batch, dict | tuple | list) or not batch:
            return 1
        batch = next(iter(batch.values() if isinstance(batch, dict) else batch))
    return len(batch) if batch.ndim else 1


def process_share(fabric: Fabric, data: Dataset[Any]) -> Dataset[Any]:
    """A data set whose item ``step`` is this process's rows of the whole batch ``data[step]``; ``data`` itself in a single process.

    Parameters
    ----------
    data : items are a Tensor [B, ...], or a tuple or dictionary of such.

    Raises
    ------
    InputError
        When an item is taken: if B is no multiple of the number of processes.
    """
    return data if fabric.world_size == 1 else _ProcessShare(data, fabric.global_rank, fabric.world_size)


class _ProcessShare(Dataset[Any]):
    def __init__(self, data: Dataset[Any], rank: int, world_size: int) -> None:
        self.data, self.rank, self.world_size = data, rank, world_size

    def __getitem__(self, step: int) -> Any:
        return self._rows(self.data[step])

    def _rows(self, item: Any) -> Any:
        if isinstance(item, dict):
            return {name: self._rows(value) for name, value in item.items()}
        if isinstance(item, tuple):
            return tuple(self._rows(value) for value in item)
        if len(item) % self.world_size:
            raise InputError(f"batch of {len(item)} over {self.world_size} processes; expected a multiple of them; set the batch size")
        share = len(item) // self.world_size
        return item[self.rank * share : (self.rank + 1) * share]
