"""Damaged files from whole ones: a pure function of the file, its kind and a seed, so that a seed is all that has to be kept."""

from __future__ import annotations

import json
import random
from typing import Any

INTERESTING = (0, 1, 2, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 0.5, -1e9, 1e308, 10**400, "", "x", "../../escaped", "/etc/passwd", "a\u0000b", "\ud800", "x" * 5000,
    [], {}, [[]], [None], {"a": {}}, [1] * 300, float("nan"), float("inf"),
)  # fmt: skip


def damaged(data: bytes, seed: int) -> bytes:
    """The bytes with one to eight faults: bits and numbers changed, parts cut, doubled, moved or filled."""
    chance = random.Random(seed)
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        if not changed:
            break
        # Headers are worth more than what they head.
        end = len(changed) if chance.random() < 0.5 else min(len(changed), 600)
        at = chance.randrange(end)
        fault = chance.randrange(9)
        if fault == 0:
            changed[at] ^= 1 << chance.randrange(8)
        elif fault == 1:
            changed[at] = chance.randrange(256)
        elif fault in (2, 3):
            size = chance.choice((1, 2, 4, 8))
            value = chance.choice(INTERESTING) % (1 << 8 * size)
            changed[at : at + size] = value.to_bytes(size, chance.choice(("big", "little")))
        elif fault == 4:
            del changed[at:]
        elif fault == 5:
            del changed[at : at + chance.randrange(1, 65)]
        elif fault == 6:
            part = changed[at : at + chance.randrange(1, 257)]
            changed[at:at] = part * chance.choice((1, 1, 3, 50))
        elif fault == 7:
            other = chance.randrange(len(changed))
            changed[at : at + 16] = changed[other : other + 16]
        else:
            changed[at : at + 32] = bytes([chance.choice((0, 255))]) * 32
    return bytes(changed)


def altered(text: str, seed: int) -> str:
    """A JSON text with one to three values replaced, removed or doubled, or (sometimes) as bytes that are damaged."""
    chance = random.Random(seed)
    if chance.random() < 0.3:
        return damaged(text.encode(), seed).decode("utf-8", "surrogateescape")
    if chance.random() < 0.02:
        return "[" * 200_000
    tree = json.loads(text)
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = list(_places(tree))
        if not places:
            return json.dumps(chance.choice(ODD_VALUES))
        holder, key = chance.choice(places)
        action = chance.random()
        if action < 0.75:
            old = holder[key]
            number = isinstance(old, int | float) and not isinstance(old, bool) and chance.random() < 0.6
            holder[key] = chance.choice((-old, old * 1_000_000, old + 1, -1, 0, 1e-9, 2**40)) if number else chance.choice(ODD_VALUES)
        elif action < 0.9:
            del holder[key]
        elif isinstance(holder, list):
            holder.insert(key, holder[key])
        else:
            holder[f"{key}_"] = holder[key]
    return json.dumps(tree)


def _places(tree: Any) -> Any:
    """Every (container, key) of a JSON value; of long lists the first few."""
    items = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree))[:20] if isinstance(tree, list) else []
    for key, value in items:
        yield tree, key
        yield from _places(value)
