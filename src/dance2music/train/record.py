"""What a run was begun with: the whole configuration, kept with its checkpoint and compared when it goes on.

A run whose settings are others than those of its checkpoint is refused, with every difference, unless the user asks for the change
(`accepting`). Settings that change no number that is trained may differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from dance2music.config import to_dict
from dance2music.documents import json_value
from dance2music.files import whole_file

CONFIG = "config.json"
FREE = {
    "accelerator", "devices", "threads", "workers", "save_every_steps", "save_every_seconds", "log_every_steps", "validate_every_steps",
    "keep_every_steps", "patience", "validation_batches", "held_out_pieces", "held_out_batches", "start_from", "data",
}  # fmt: skip
"""Last parts of the names of settings that say where, how often and from what, not what is trained."""
_MOST_SHOWN = 12
_accepted: ContextVar[bool] = ContextVar("accepted", default=False)


@contextmanager
def accepting(changes: bool) -> Iterator[None]:
    """Runs in the block go on with other settings than they were begun with, if ``changes``."""
    held = _accepted.set(changes)
    try:
        yield
    finally:
        _accepted.reset(held)


def changes_accepted() -> bool:
    """Whether the user asked for changed settings."""
    return _accepted.get()


def plain_settings(config: Any) -> dict[str, Any]:
    """A config dataclass as nested JSON values."""
    return dict(json_value(json.dumps(to_dict(config))))


def differences(had: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Every setting that is in both and differs, as "loop.learning_rate 0.002, now 0.001"; those that change nothing are left out.

    The number of steps counts only where the learning rate follows it.
    """
    old, new = _flat(had), _flat(now)
    changed = [name for name in old if name in new and old[name] != new[name] and name.rpartition(".")[2] not in FREE]
    kept = [name for name in changed if not (name.endswith("steps") and _constant(name, old) and _constant(name, new))]
    shown = [f"{name} {_short(old[name])}, now {_short(new[name])}" for name in kept]
    return shown if len(shown) <= _MOST_SHOWN else [*shown[:_MOST_SHOWN], f"and {len(shown) - _MOST_SHOWN} more"]


def write_config(folder: Path, about: Mapping[str, str], settings: Mapping[str, Any], changes: list[Any]) -> None:
    """Write ``config.json``: what the run is, all its settings, and which were changed at which step."""
    content = {"about": dict(about), "settings": dict(settings), "changes": changes}
    with whole_file(folder / CONFIG) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def _constant(name: str, flat: Mapping[str, Any]) -> bool:
    """Whether ``name`` is the number of steps of a loop whose learning rate does not fall towards them."""
    before, _, last = name.rpartition(".")
    return last == "steps" and flat.get(f"{before}.final_factor" if before else "final_factor") == 1.0


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
