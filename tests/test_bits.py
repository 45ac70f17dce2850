"""The same dance and seed give the same bits, from one version to the next.

A change that is meant to change them records them anew (``python tests/test_bits.py``) and says in the changelog which and why.
"""

from __future__ import annotations

import hashlib
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dance2music.generation import pipeline
from dance2music.synthetic.drawing import example_dance
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.takes.methods import load_method
from dance2music.takes.ranking import candidate_seeds
from dance2music.takes.take import Take, finished_take, make_takes
from dance2music.types import Conditioning, Latents

RECORD = Path(__file__).parent / "records" / "bits.json"
HEARD = {
    "planned": ("planned", "neural"), "composer": ("composer", "soundfont"), "memory": ("memory", "neural"), "cmt": ("cmt", "soundfont"),
    "foley-music": ("foley-music", "soundfont"), "planned in the studio": ("planned", "studio"),
    "composer in the studio": ("composer", "studio"),
}  # fmt: skip
CLIPS = {"example": lambda: example_dance(6.0)[0], "corpus": lambda: synthetic_clip(1_200_000_001, duration_seconds=5.0).motion}
SEEDS = (0, 1)


def machine() -> dict[str, str]:
    """What decides how numbers are rounded: bits are compared on its like only."""
    versions = {"torch": torch.__version__.partition("+")[0], "numpy": np.__version__}
    return versions | {"cpu": torch.backends.cpu.get_cpu_capability(), "rounding": rounding()}


def rounding() -> str:
    """Digest of what this processor makes of products, convolutions and functions of the sizes that networks here have.

    Processors of one instruction set choose other kernels, which add up in another order.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    values = torch.from_numpy(np.random.default_rng(0).uniform(-1.0, 1.0, 1 << 20).astype(np.float32))
    made = [np.sin(values.numpy()), np.exp(values.numpy()), torch.tanh(values).numpy()]
    for rows, inner, columns in ((7, 64, 256), (200, 384, 1536), (860, 512, 514)):
        made.append((values[: rows * inner].reshape(rows, inner) @ values[-inner * columns :].reshape(inner, columns)).numpy())
    for channels, length, width in ((64, 500, 3), (384, 200, 7)):
        kernel = values[-channels * 32 * width :].reshape(32, channels, width)
        made.append(torch.conv1d(values[: channels * length].reshape(1, channels, length), kernel, padding=width // 2).numpy())
    torch.set_num_threads(threads)
    return digest(b"".join(array.tobytes() for array in made))


@cache
def dance(clip: str) -> Conditioning:
    return pipeline.condition(CLIPS[clip]())


def bits(clip: str, heard: str, seed: int) -> dict[str, str]:
    """Digests of what a method wrote, and of its sound before and after it is finished."""
    method, sound = HEARD[heard]
    loaded = load_method(method, sound=sound)
    (take,) = make_takes(loaded, dance(clip), seeds=candidate_seeds(seed, 1))
    finished = finished_take(take, denoise=loaded.method.denoise)
    sounds = {"sound": take.audio.samples, "finished": finished.finished.samples}
    return {"music": digest(written(take))} | {name: digest(samples.tobytes()) for name, samples in sounds.items()}


def written(take: Take) -> bytes:
    """Codes and notes."""
    codes = take.music.codes if isinstance(take.music, Latents) else None
    notes = (
        [] if take.score is None else [[t.role, t.program, t.is_drum, [list(map(float, n)) for n in t.notes]] for t in take.score.tracks]
    )
    return json.dumps([None if codes is None else codes.tolist(), notes]).encode()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("heard", HEARD)
def test_a_method_makes_the_bits_that_were_recorded(heard: str, clip: str, seed: int) -> None:
    record: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    if record["machine"] != machine():
        pytest.skip(f"recorded on {record['machine']}; here is {machine()}")
    assert bits(clip, heard, seed) == record["bits"][f"{heard}/{clip}/{seed}"]


@pytest.mark.parametrize("heard", ["composer", "planned"])
def test_the_bits_do_not_depend_on_the_number_of_processors(heard: str) -> None:
    threads = torch.get_num_threads()
    made = []
    try:
        for number in (1, 2, 4):
            torch.set_num_threads(number)
            dance.cache_clear()
            made.append(bits("example", heard, 0))
    finally:
        torch.set_num_threads(threads)
        dance.cache_clear()
    assert made[0] == made[1] == made[2]


if __name__ == "__main__":
    made = {f"{heard}/{clip}/{seed}": bits(clip, heard, seed) for heard in HEARD for clip in CLIPS for seed in SEEDS}
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps({"machine": machine(), "bits": made}, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{RECORD}: {len(made)} takes\n")
