"""The build puts the networks into the wheel: out of a wheel that is named or that pip fetches, each checked."""

from __future__ import annotations

import runpy
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dance2music.dance.network_files import FILES, WHEEL
from dance2music.dance.networks import _place_of

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def hook() -> dict[str, Any]:
    pytest.importorskip("hatchling")
    return runpy.run_path(str(ROOT / "hatch_build.py"))


def wheel_of(path: Path, altered: str = "") -> Path:
    """A wheel with the networks that are installed here, one of them altered where it is named."""
    with zipfile.ZipFile(path, "w") as archive:
        for place in FILES:
            archive.writestr(f"mediapipe/modules/{place}", _place_of(place).read_bytes() + (b"x" if place == altered else b""))
    return path


def test_the_networks_come_out_of_a_wheel_whole(hook: dict[str, Any], tmp_path: Path) -> None:
    found = hook["unpacked"](wheel_of(tmp_path / "a.whl"), FILES, tmp_path)
    assert [path.name for path in found] == [Path(place).name for place in FILES]
    assert all(path.read_bytes() == _place_of(place).read_bytes() for path, place in zip(found, FILES))


def test_a_network_that_is_not_the_one_is_refused(hook: dict[str, Any], tmp_path: Path) -> None:
    altered = next(iter(FILES))
    with pytest.raises(SystemExit, match=f"{altered} is not the network that belongs here"):
        hook["unpacked"](wheel_of(tmp_path / "a.whl", altered), FILES, tmp_path)


def test_a_wheel_can_be_named_and_one_that_is_not_there_is(hook: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = wheel_of(tmp_path / "a.whl")
    monkeypatch.setenv(hook["GIVEN"], str(path))
    assert hook["given_or_fetched"](WHEEL, tmp_path) == path
    monkeypatch.setenv(hook["GIVEN"], str(tmp_path / "none.whl"))
    with pytest.raises(SystemExit, match=r"none\.whl: no such file; expected the wheel of mediapipe"):
        hook["given_or_fetched"](WHEEL, tmp_path)


def test_a_build_without_a_package_index_says_what_to_do(hook: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(hook["GIVEN"], raising=False)
    for name, value in (("PIP_NO_INDEX", "1"), ("PIP_CONFIG_FILE", "/dev/null"), ("PIP_FIND_LINKS", str(tmp_path))):
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=r"which pip cannot fetch \(.*No matching distribution.*DANCE2MUSIC_NETWORKS=/path"):
        hook["given_or_fetched"](WHEEL, tmp_path)


def test_a_wheel_and_an_editable_one_are_given_all_networks(hook: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hook["GIVEN"], str(wheel_of(tmp_path / "a.whl")))
    builder = hook["NetworksHook"](str(ROOT), {}, None, None, str(tmp_path), "wheel")
    data: dict[str, Any] = {"force_include": {}, "force_include_editable": {}}
    builder.initialize("standard", data)
    for included in (data["force_include"], data["force_include_editable"]):
        assert set(included.values()) == {f"dance2music_networks/{Path(place).name}" for place in FILES}
        assert all(Path(source).is_file() for source in included)
    builder.finalize("standard", data, "")
    assert not any(Path(source).exists() for source in data["force_include"]), "nothing stays behind"
