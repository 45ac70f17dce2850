"""The library: dances, their takes and exports in one folder, as plain files and a table of contents in SQLite, with one writer.

    FOLDER/library.sqlite          the table of contents
    FOLDER/dances/ID/             video.mp4 (or another suffix), dance.take (what was seen), poster.jpg, preview.mp4,
                                  own.flac (its own sound), places.json (of several dancers)
    FOLDER/takes/ID/              take.take, sound.wav, report.json, waves.bin, stems/*.wav
    FOLDER/exports/ID/            what was exported
    FOLDER/jobs/ID/               the private folder of a job that runs

Every path is relative, so the folder can be copied, taken along and opened again. A finished thing is made in its job's folder, moved to
its place and then entered in the table; what lies there without an entry is removed when the library is opened. What is thrown away stays
for `BIN_DAYS`.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dance2music.documents import finite, json_text, json_value
from dance2music.errors import InputError

VERSION = 1
"""Of the table of contents; a library of a newer one is not opened."""
FILE = "library.sqlite"
BIN_DAYS = 30
LONGEST_TITLE = 120
LONGEST_NAME_BYTES = 200
"""Of an exported file's name before its suffix: a file system takes 255 in all."""

Row = dict[str, Any]

_SCHEMA = """
CREATE TABLE dances (id TEXT PRIMARY KEY, title TEXT NOT NULL, created REAL NOT NULL, state TEXT NOT NULL, file TEXT NOT NULL,
    about TEXT NOT NULL, deleted REAL);
CREATE TABLE takes (id TEXT PRIMARY KEY, dance TEXT NOT NULL REFERENCES dances, title TEXT NOT NULL, created REAL NOT NULL,
    starred INTEGER NOT NULL DEFAULT 0, parent TEXT, candidate INTEGER NOT NULL DEFAULT 0, job TEXT NOT NULL, number INTEGER NOT NULL,
    about TEXT NOT NULL, mix TEXT NOT NULL DEFAULT '{}', deleted REAL, UNIQUE (job, number));
CREATE TABLE exports (id TEXT PRIMARY KEY, dance TEXT NOT NULL REFERENCES dances, title TEXT NOT NULL, created REAL NOT NULL,
    about TEXT NOT NULL, job TEXT NOT NULL UNIQUE, deleted REAL);
CREATE TABLE jobs (id TEXT PRIMARY KEY, kind TEXT NOT NULL, dance TEXT NOT NULL REFERENCES dances, take TEXT, asked TEXT NOT NULL,
    state TEXT NOT NULL, error TEXT NOT NULL DEFAULT '', created REAL NOT NULL, ended REAL, attempts INTEGER NOT NULL DEFAULT 0);
CREATE TABLE paces (stage TEXT PRIMARY KEY, share REAL NOT NULL);
"""
_JSON = ("about", "mix", "asked")
_FOLDERS = ("dances", "takes", "exports", "jobs")


class ReadOnly(InputError):
    """The library can be looked at and heard, not changed."""


class Library:
    """An open library; its methods may be called from any thread.

    Attributes
    ----------
    folder : where it lies.
    read_only : whether nothing can be written there.
    changed : called with a table and a row whenever that row was added or changed.
    """

    def __init__(self, folder: str | Path) -> None:
        """Open a library, or begin one in a folder that is empty or not there.

        Raises
        ------
        InputError
            If the folder cannot be used, holds other things, is open in another studio, or was written by a newer version.
        """
        self.folder = Path(folder)
        self.changed: Callable[[str, Row], None] = lambda table, row: None
        self._lock = threading.RLock()
        self.read_only = self._prepare()
        self._db = self._open()
        if not self.read_only:
            self._sweep()

    def close(self) -> None:
        """Let go of it; nothing is lost without, either."""
        with self._lock:
            self._db.close()

    def rows(self, table: str, where: str = "1", values: Iterable[Any] = ()) -> list[Row]:
        """Rows of a table in the order in which they were made; ``where`` is a condition of ours, never of a user."""
        with self._lock:
            found = self._db.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY created, rowid", tuple(values)).fetchall()
        return [_row(row) for row in found]

    def row(self, table: str, key: str) -> Row | None:
        """The row of that id."""
        found = self.rows(table, "id = ?", [key])
        return found[0] if found else None

    def add(self, table: str, **values: Any) -> Row:
        """Enter a row; its id is drawn here unless it is given."""
        values = {"id": new_id(), "created": time.time()} | values
        key = str(values["id"])
        names = ", ".join(values)
        self._write(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(values))})", _stored(values))
        return self._tell(table, key)

    def change(self, table: str, key: str, **values: Any) -> Row:
        """Change fields of a row."""
        self._write(f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in values)} WHERE id = ?", [*_stored(values), key])
        return self._tell(table, key)

    def paces(self) -> dict[str, float]:
        """How long stages of jobs took here, see `studio.pace`."""
        with self._lock:
            return dict(self._db.execute("SELECT stage, share FROM paces").fetchall())

    def learn_pace(self, stage: str, share: float) -> None:
        """Keep how long a stage took."""
        self._write("INSERT INTO paces VALUES (?, ?) ON CONFLICT (stage) DO UPDATE SET share = excluded.share", [stage, share])

    def place(self, table: str, key: str) -> Path:
        """Folder of a row."""
        return self.folder / table / key

    def video(self, dance: Row) -> Path:
        """Video of a dance."""
        return self.place("dances", dance["id"]) / dance["file"]

    def next_title(self, dance: str) -> str:
        """Name for one more take of a dance."""
        used = {row["title"] for row in self.rows("takes", "dance = ? AND candidate = 0", [dance])}
        return next(f"Take {n}" for n in range(1, len(used) + 2) if f"Take {n}" not in used)

    def move_in(self, source: Path, table: str, key: str) -> None:
        """Put a folder that is finished to its place, safe from a power cut; `add` enters it then.

        Raises
        ------
        InputError
            If the disk is full.
        """
        self.check_writable()
        try:
            for path in (*source.rglob("*"), source):
                _sync(path)
            source.rename(self.place(table, key))
            _sync(self.folder / table)
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be written ({error.strerror}); free space and try again") from error

    def check_writable(self) -> None:
        """Raise `ReadOnly`, an InputError, where nothing can be written."""
        if self.read_only:
            raise ReadOnly(f"{self.folder}: this library is read-only; copy it to a folder that you may write in, and open that")

    def _prepare(self) -> bool:
        file = self.folder / FILE
        try:
            if self.folder.exists() and not file.exists() and any(self.folder.iterdir()):
                raise InputError(
                    f"{self.folder}: holds other things and no {FILE}; expected a library of the studio or an empty folder; name another"
                )
            self.folder.mkdir(parents=True, exist_ok=True)
            for name in _FOLDERS:
                (self.folder / name).mkdir(exist_ok=True)
            probe = self.folder / "jobs" / f".{new_id()}"
            probe.touch()
            probe.unlink()
        except NotADirectoryError as error:
            raise InputError(f"{self.folder}: is a file; expected a folder for the library; name another") from error
        except OSError as error:
            if file.exists():
                return True
            raise InputError(f"{self.folder}: cannot be made ({error.strerror}); name a folder that you may write in") from error
        return False

    def _open(self) -> sqlite3.Connection:
        file = self.folder / FILE
        try:
            address = f"{file.resolve().as_uri()}?{'mode=ro&immutable=1' if self.read_only else 'mode=rwc'}"
            db = sqlite3.connect(address, uri=True, timeout=1.0, isolation_level=None, check_same_thread=False)
            db.row_factory = sqlite3.Row
            if not self.read_only:
                db.execute("PRAGMA locking_mode = EXCLUSIVE")
                db.execute("PRAGMA journal_mode = TRUNCATE")
                db.execute("PRAGMA synchronous = FULL")
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise InputError(
                    f"{self.folder}: was written by a newer version (library {version}, this one knows {VERSION}); update dance2music"
                )
            if version == 0 and not self.read_only:
                db.executescript(f"BEGIN EXCLUSIVE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
            elif not self.read_only:
                db.executescript("BEGIN EXCLUSIVE; COMMIT;")
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise InputError(f"{self.folder}: is open in another studio; use that one, or name another folder") from error
            raise InputError(
                f"{file}: cannot be read as a library ({error}); take the copy that you kept, or name another folder"
            ) from error
        return db

    def _sweep(self) -> None:
        """Begin again what was cut off; remove what no row knows, and what has lain in the bin long enough."""
        self._write("UPDATE jobs SET state = 'queued' WHERE state = 'running'", [])
        old = time.time() - BIN_DAYS * 86400
        unkept = "candidate = 1 AND (deleted IS NOT NULL OR created < ?)"
        self._write(f"DELETE FROM takes WHERE deleted < ? OR ({unkept})", [old, time.time() - 86400])
        for table in ("takes", "exports", "jobs"):
            self._write(f"DELETE FROM {table} WHERE dance IN (SELECT id FROM dances WHERE deleted < ?)", [old])
        self._write("DELETE FROM dances WHERE deleted < ?", [old])
        self._write("DELETE FROM jobs WHERE state NOT IN ('queued', 'running') AND created < ?", [old])
        for table in ("dances", "takes", "exports"):
            known = {row["id"] for row in self.rows(table)}
            for folder in (self.folder / table).iterdir():
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)
        for folder in (self.folder / "jobs").iterdir():
            shutil.rmtree(folder, ignore_errors=True)

    def _write(self, statement: str, values: Iterable[Any]) -> None:
        self.check_writable()
        with self._lock:
            try:
                self._db.execute(statement, tuple(values))
            except sqlite3.OperationalError as error:
                raise InputError(f"{self.folder}: cannot be written ({error}); free space and try again") from error

    def _tell(self, table: str, key: str) -> Row:
        row = self.row(table, key)
        assert row is not None, "a row that was just written"
        self.changed(table, row)
        return row


def new_id() -> str:
    """A name that nobody chose and nobody guesses."""
    return secrets.token_hex(6)


def clean_title(text: str, *, otherwise: str) -> str:
    """A title as it is shown: one line, no control characters, not too long."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(plain.split())[:LONGEST_TITLE].strip() or otherwise


def file_name(dance: str, take: str) -> str:
    """A name for the files of a take, without suffix: of at most `LONGEST_NAME_BYTES` bytes, the title of the take in it."""
    last = _plain_name(take, LONGEST_NAME_BYTES // 2)
    first = _plain_name(dance, LONGEST_NAME_BYTES - len(f" - {last}".encode()))
    return " - ".join(part for part in (first, last) if part) or "music"


def _plain_name(title: str, most_bytes: int) -> str:
    """A title as part of a file's name: whole letters in at most so many bytes of UTF-8."""
    plain = re.sub(r"[^\w .-]+", "_", title).strip(" .")
    return plain.encode()[:most_bytes].decode(errors="ignore").strip(" .")


def _row(row: sqlite3.Row) -> Row:
    return {name: finite(json_value(row[name])) if name in _JSON else row[name] for name in row.keys()}  # noqa: SIM118


def _stored(values: Row) -> list[Any]:
    return [json_text(value) if name in _JSON else value for name, value in values.items()]


def _sync(path: Path) -> None:
    if os.name != "posix" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
