from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dance2music.dance import networks
from dance2music.dance.network_files import FILES
from dance2music.dance.networks import Network, load_networks, network_bytes
from dance2music.dance.tflite import without_output
from dance2music.errors import InputError

BODY = "pose_landmark_full.tflite"


@pytest.fixture
def altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a copy of the networks in place of the real one."""
    for place in FILES:
        shutil.copy(networks._place_of(place), tmp_path)
    monkeypatch.setattr(networks, "_place_of", lambda place: tmp_path / Path(place).name)
    network_bytes.cache_clear()
    yield tmp_path
    network_bytes.cache_clear()


def test_every_network_is_there_and_runs() -> None:
    load_networks()
    sizes = {}
    for place in FILES:
        network = Network(Path(place).name)
        outputs = network.run(np.full((network.size, network.size, 3), 90, np.uint8))
        assert all(output.ndim == 1 and np.isfinite(output).all() for output in outputs)
        sizes[Path(place).stem] = network.size
    assert sizes["pose_landmark_full"] == 256 and sizes["pose_detection"] == 224


def test_a_network_that_is_missing_is_named_and_what_to_do(altered: Path) -> None:
    (altered / BODY).unlink()
    with pytest.raises(InputError, match=r"pose_landmark_full.tflite: cannot be read .* install dance2music again"):
        Network(BODY)


def test_a_network_that_was_altered_is_not_run(altered: Path) -> None:
    content = bytearray((altered / BODY).read_bytes())
    content[len(content) // 2] ^= 1
    (altered / BODY).write_bytes(content)
    with pytest.raises(InputError, match=r"pose_landmark_full.tflite: is not the network .* install dance2music again"):
        Network(BODY)


def test_without_its_mask_the_network_of_the_body_gives_the_same_numbers_to_the_bit(altered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (altered / BODY).read_bytes()
    light = network_bytes(BODY)
    assert len(light) == len(whole) and light != whole
    assert without_output(light, (1, 256, 256, 1)) == light, "the mask is gone"
    assert without_output(whole, (1, 1, 1, 7)) == whole, "there is no such output"
    picture = np.random.default_rng(0).integers(0, 255, (256, 256, 3)).astype(np.uint8)
    first = Network(BODY).run(picture)
    monkeypatch.setattr(networks, "network_bytes", lambda name: whole)
    second = Network(BODY).run(picture)
    assert len(first) == len(second) == 5
    assert all(np.array_equal(a, b) for i, (a, b) in enumerate(zip(first, second)) if i != 2), "output 2 is the mask"
