"""Buckets behind a server of this machine: shards are written, read, and trained from; one that is away is waited for, then named."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from prepared import files_of, write_home, write_other

from dance2music.data.dataset import PreparedConfig
from dance2music.errors import InputError
from dance2music.scale import places
from dance2music.scale.pack import pack, unpack
from dance2music.scale.places import Place
from dance2music.scale.segments import ShardedSegments

with_server = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("s3fs", "moto", "flask", "pyarrow")), reason="s3fs, moto[server] or pyarrow is not installed"
)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def server(port: int) -> Iterator[None]:
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    port = free_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return port


def make_bucket() -> None:
    import s3fs

    s3fs.S3FileSystem(skip_instance_cache=True).mkdir("dances")


@with_server
def test_shards_go_to_a_bucket_and_come_back(port: int, tmp_path: Path) -> None:
    home, place = write_home(tmp_path), Place("s3://dances/p", patience_seconds=0.5)
    with server(port):
        with pytest.raises(InputError, match="there is no such bucket"):
            pack(home / "folder", "s3://dances/p")
        make_bucket()
        size = (home / "folder" / "clips" / "a.npz").stat().st_size
        assert pack(home / "folder", "s3://dances/p", shard_bytes=2 * size)["made"] == 4
        assert pack(home / "folder", "s3://dances/p", shard_bytes=2 * size)["made"] == 0
        with pytest.raises(InputError, match=r"s3://dances/p: holds another preparation \(source "):
            pack(write_other(tmp_path / "other"), "s3://dances/p")
        unpack("s3://dances/p", tmp_path / "back")
        assert files_of(tmp_path / "back") == files_of(home / "folder")
        config = PreparedConfig(motion="features", visual_dim=300)
        far = ShardedSegments("s3://dances/p", config, window=1, cache=tmp_path)
        near = ShardedSegments(home / "shards", config, window=1)
        for index in far.order(0, 0, 0, 10):
            assert torch.equal(far[index]["audio"], near[index]["audio"])
        assert len(list(tmp_path.glob("*.tar"))) <= 2
        assert pack(home / "folder", "s3://dances/p")["made"] == 1 and place.names("shards") == ["000000.json", "000000.tar"]
    with pytest.raises(InputError, match=r"s3://dances/p/x: the server does not answer .* run the same command when it is back"):
        place.read("x")


def test_a_server_that_comes_back_is_waited_for(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    class Away:
        asked = 0

        def cat_file(self, path: str) -> bytes:
            self.asked += 1
            if self.asked < 3:
                raise ConnectionError("away")
            return path.encode()

    monkeypatch.setattr(places, "_FIRST_WAIT_SECONDS", 0.01)
    away = Away()
    monkeypatch.setattr(places, "_system", lambda where: away)
    assert Place("s3://dances").read("y") == b"s3://dances/y" and away.asked == 3
    assert caplog.text.count("asking again") == 2


def test_missing_rights_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shut:
        def cat_file(self, path: str) -> bytes:
            raise PermissionError("Forbidden")

    monkeypatch.setattr(places, "_system", lambda where: Shut())
    with pytest.raises(InputError, match=r"s3://dances/y: no rights .* give keys, or name another"):
        Place("s3://dances").read("y")


def test_an_address_of_another_preparation_is_refused_and_old_shards_are_removed_there(tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="fsspec is not installed (extra scale)")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra scale)")
    folder, where = write_other(tmp_path / "one"), f"memory://{tmp_path.name}"
    place = Place(where)
    pack(folder, where, executor="serial")
    place.write("shards/000001.tar", b"of an earlier pack")
    pack(folder, where, executor="serial")
    assert place.names("shards") == ["000000.json", "000000.tar"]
    with pytest.raises(InputError, match=r"memory://.*: holds another preparation \(source "):
        pack(write_other(tmp_path / "two"), where, executor="serial")
    place.remove("shards/000007.tar")  # is not there
