"""The exponential moving average of weights that a training exports beside the raw ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a module's parameters; it follows faster at the start: decay min(decay, (1 + n) / (10 + n))."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.count = decay, 0
        self.shadow = {name: value.detach().clone() for name, value in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take the module's parameters into the average."""
        self.count += 1
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        for name, value in module.named_parameters():
            self.shadow[name].lerp_(value, 1 - decay)

    def state_dict_of(self, module: nn.Module) -> dict[str, Tensor]:
        """The module's state dict (Tensor [...] by name) with averaged parameters in place of its own."""
        return {name: self.shadow.get(name, value).detach().clone() for name, value in module.state_dict().items()}


def averaged(model: nn.Module, average: WeightAverage | None) -> None:
    """Put averaged weights into the module that was trained, and set it to evaluation."""
    assert average is not None, "this loop was built without an average"
    model.load_state_dict(average.state_dict_of(model))
    model.eval()
