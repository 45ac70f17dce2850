"""Ray as an engine: the results and errors of the others, and workers that may die. Skipped where Ray is not installed."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import test_parallel as others
from dance2music import cluster
from dance2music.errors import Cancelled, ConfigError, InputError
from dance2music.parallel import Ray, Serial, engine
from dance2music.work import Cancel


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"Ray is not installed; expected the extra 'scale'; pip install 'dance2music\[scale\]'"):
        list(engine("ray", 2).map(others.square, range(3)))


def test_an_address_is_for_engines_that_work_on_a_cluster() -> None:
    assert engine("ray", 3, "auto") == Ray(3, "auto")
    with pytest.raises(InputError, match=r"--address auto: engine 'process' works on this machine only"):
        engine("process", 2, "auto")


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:1", "127.0.0.1:99999999"])
def test_a_wrong_address_is_one_line(address: str) -> None:
    with pytest.raises(InputError, match=rf"--address {address}: "):
        cluster._check_reached(address)


def test_a_disk_that_is_full_is_named_with_its_machine() -> None:
    full = InputError("out/a.npz: cannot be written (No space left on device); free space or choose another output")
    assert str(cluster._with_machine(full)).endswith(f"choose another output (on {socket.gethostname()})")
    other = InputError("a.npz: cannot be read")
    assert cluster._with_machine(other) is other


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed (extra scale)")
    with cluster.connected(Ray(2)) as ray:
        yield ray


def die_once(folder: Path, value: int) -> int:
    if value == 2 and not (folder / "died").exists():
        (folder / "died").touch()
        os._exit(1)
    (folder / f"{value}").touch()
    return value


def test_results_are_those_of_a_serial_run(ray: Any) -> None:
    one, two = (list(made.map(others.noise, range(4))) for made in (Serial(), Ray(2)))
    assert all(np.array_equal(a[1], b[1]) and a[2] == b[2] for a, b in zip(one, two)) and two[0][0] == 1
    assert list(Ray(2).map(others.square, range(300))) == [i * i for i in range(300)]
    assert sorted(Ray(2).map(others.square, range(9), ordered=False)) == [i * i for i in range(9)]
    assert list(Ray(2).map(others.square, [])) == []


def test_errors_keep_their_type_and_a_worker_starts_no_others(ray: Any) -> None:
    with pytest.raises(ConfigError, match="item 3: is wrong"):
        list(Ray(2).map(others.fail, range(8)))
    (about,) = Ray(1).map(others.about_me, [0])
    assert set(about["nested"]) == {about["pid"]} and about["threads"] == ("1", "1")


def test_a_worker_that_dies_is_replaced_and_nothing_is_lost_or_twice(ray: Any, tmp_path: Path) -> None:
    assert list(Ray(2).map(partial(die_once, tmp_path), range(8))) == list(range(8))


def test_work_that_kills_its_workers_is_given_up(ray: Any) -> None:
    with pytest.raises(InputError, match="3 workers died over one piece of work"):
        list(Ray(2).map(others.die, range(3)))


def test_a_cancelled_map_ends_its_workers(ray: Any) -> None:
    cancel = Cancel()
    cancel.set()
    with pytest.raises(Cancelled):
        list(Ray(1).map(others.nap, [60.0], cancel=cancel))


def test_other_code_on_the_cluster_is_refused(ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "code_digest", lambda: "other")
    with pytest.raises(InputError, match=r"has dance2music .* expected .* \(other\) as here; install the same on every machine"):
        list(Ray(1).map(others.square, range(3)))
