"""Several processes in one training: gradients are averaged in sight, the first process's buffers count, each process takes its rows.

Every step's batch is the whole batch, however many processes there are; so their number does not change what is trained. Models are not
wrapped: a GAN passes several forwards per backward, each moved by its own loss, which a wrapper that averages on its own cannot follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.strategies import DDPStrategy
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
