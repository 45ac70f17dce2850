"""What a training that was killed goes on from: its last two checkpoints."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from dance2music.checkpoint import NOT_TORCH
from dance2music.files import whole_file
from dance2music.leftovers import sweep

logger = logging.getLogger(__name__)

CHECKPOINT, BEFORE, DAMAGED = "checkpoint.pt", "checkpoint-before.pt", "checkpoint-damaged.pt"
_KEYS = {"step", "seed", "model", "optimizers", "average", "random", "sums"}


def write_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint, whole and on the disk, and keep the one before it. Raises InputError where the disk is full."""
    with whole_file(folder / CHECKPOINT) as temporary:
        torch.save(state, temporary)
        with suppress(FileNotFoundError):  # killed between this and the end of the block, a run goes on from that one
            os.replace(folder / CHECKPOINT, folder / BEFORE)


def read_checkpoint(folder: Path, *, device: torch.device) -> tuple[Path, dict[str, Any]] | None:
    """The last checkpoint of a folder that can be read, with its file; None where there is none.

    One that cannot be read, because the machine died or its disk was full, is put aside, and said.
    """
    sweep(folder, again=True)
    for name in (CHECKPOINT, BEFORE):
        path = folder / name
        if not path.exists():
            continue
        try:
            state = torch.load(path, map_location=device, weights_only=True)
            if not isinstance(state, dict) or not state.keys() >= _KEYS:
                raise ValueError("is none of a training")
        except NOT_TORCH as error:
            reason = " ".join(str(error).split())[:120] or "it ends too early"
            logger.warning("%s: cannot be read (%s) and is put aside as %s", path, reason, DAMAGED)
            os.replace(path, folder / DAMAGED)
        else:
            return path, state
    return None
