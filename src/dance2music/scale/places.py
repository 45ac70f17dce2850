"""Where shards lie: a local folder, or a bucket behind any address that fsspec knows (``s3://``, ``gs://``, ...; extra ``scale``).

Whatever is written appears whole: locally by renaming, in object storage because an object does. A server that does not answer is asked
again for a while; then, and where rights are missing, one line says so.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dance2music.errors import InputError
from dance2music.files import whole_file

logger = logging.getLogger(__name__)

A = TypeVar("A")

PATIENCE_SECONDS = 60.0
"""How long a server that is away is asked again."""
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.5, 10.0
_ANSWER_SECONDS = 10
_REFUSED = ("AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoCredentials", "403", "credentials", "Credential")
_opened: dict[tuple[str, int], Any] = {}
"""File systems by scheme and process: their threads do not survive a fork."""


def is_remote(where: str | Path) -> bool:
    """Whether a place is an address instead of a local folder."""
    return "://" in str(where)


@dataclass(frozen=True)
class Place:
    """A folder of files, here or elsewhere. ``patience_seconds`` is how long a server that does not answer is asked again."""

    where: str
    patience_seconds: float = PATIENCE_SECONDS

    def __str__(self) -> str:
        return self.where

    @property
    def remote(self) -> bool:
        """Whether it lies behind an address."""
        return is_remote(self.where)

    def path(self, name: str) -> Path:
        """A file's local path."""
        assert not self.remote
        return Path(self.where) / name

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        InputError
            If it cannot be read.
        """
        if self.remote:
            data: bytes = self._asked(name, lambda system, path: system.cat_file(path))
            return data
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise InputError(f"{self.path(name)}: cannot be read ({error.strerror}); check the name and its permissions") from error

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file to a local one, whole. Raises as `read`."""
        with whole_file(target, durable=False) as temporary:
            if self.remote:
                self._asked(name, lambda system, path: system.get_file(path, str(temporary)))
            else:
                temporary.write_bytes(self.read(name))

    def write(self, name: str, data: bytes | Path) -> None:
        """Write a file whole, from bytes or a local file. Raises InputError where that cannot be done."""
        if self.remote:
            if isinstance(data, Path):
                source = str(data)
                self._asked(name, lambda system, path: system.put_file(source, path))
            else:
                content = data
                self._asked(name, lambda system, path: system.pipe_file(path, content))
            return
        target = self.path(name)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{target.parent}: cannot be made ({error.strerror}); choose another folder") from error
        with whole_file(target) as temporary:
            if isinstance(data, Path):
                temporary.unlink()
                try:
                    os.link(data, temporary)
                except OSError:
                    temporary.write_bytes(data.read_bytes())
            else:
                temporary.write_bytes(data)

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no error. Raises InputError as `write`."""
        try:
            if self.remote:
                self._asked(name, lambda system, path: system.rm_file(path))
            else:
                self.path(name).unlink()
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"{self.path(name)}: cannot be removed ({error.strerror}); check its permissions") from error

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder of the place, sorted; none where there is no such folder. Raises InputError as `write`."""
        if not self.remote:
            found = self.path(folder)
            return sorted(path.name for path in found.iterdir() if not path.name.startswith(".")) if found.is_dir() else []
        try:
            listed = self._asked(folder, lambda system, path: system.ls(path, detail=False, refresh=True))
        except FileNotFoundError:
            return []
        return sorted(str(name).rpartition("/")[2] for name in listed)

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none. Raises InputError as `write`."""
        try:
            if self.remote:
                return int(self._asked(name, lambda system, path: system.info(path, refresh=True)["size"]))
            return self.path(name).stat().st_size
        except OSError:
            return None

    def _asked(self, name: str, ask: Callable[[Any, str], A]) -> A:
        """What a file system answers, which is asked again while it does not."""
        address, begun, wait = f"{self.where.rstrip('/')}/{name}", time.monotonic(), _FIRST_WAIT_SECONDS
        while True:
            try:
                return ask(_system(self.where), address)
            except InputError:
                raise
            except Exception as error:
                reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
                if "bucket does not exist" in reason or "NoSuchBucket" in reason:
                    raise InputError(f"{address}: there is no such bucket ({reason}); make it, or name another") from error
                if isinstance(error, FileNotFoundError):
                    raise
                if isinstance(error, PermissionError) or any(sign in reason for sign in _REFUSED):
                    raise InputError(
                        f"{address}: no rights ({reason}); expected to read and write there; give keys, or name another"
                    ) from error
                left = self.patience_seconds - (time.monotonic() - begun)
                if left <= 0:
                    raise InputError(
                        f"{address}: the server does not answer ({reason}); what is done is kept; run the same command when it is back"
                    ) from error
                logger.warning("%s: the server does not answer (%s); asking again for %.0f s", address, reason, left)
                _opened.pop((_scheme(self.where), os.getpid()), None)
                time.sleep(min(wait, left))
                wait = min(2 * wait, _LONGEST_WAIT_SECONDS)


def _scheme(where: str) -> str:
    return where.partition("://")[0]


def _system(where: str) -> Any:
    """The file system of an address in this process. Raises InputError if what it needs is not installed."""
    key = (_scheme(where), os.getpid())
    if key not in _opened:
        try:
            import fsspec

            options: dict[str, Any] = {"skip_instance_cache": True}
            if key[0] == "s3":
                options["config_kwargs"] = {
                    "connect_timeout": _ANSWER_SECONDS, "read_timeout": 6 * _ANSWER_SECONDS, "retries": {"max_attempts": 1},
                }  # fmt: skip
            _opened[key] = fsspec.filesystem(key[0], **options)
        except (ImportError, ValueError) as error:
            raise InputError(
                f"{where}: addresses of this kind cannot be opened ({error}); pip install 'dance2music[scale]', for gs:// also gcsfs"
            ) from error
    return _opened[key]
