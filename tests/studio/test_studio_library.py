"""The library: what it keeps, what it refuses to open, what it tidies up."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from dance2music.errors import InputError
from dance2music.studio.library import FILE, Library, ReadOnly, clean_title, file_name, new_id


def filled(folder: Path) -> Library:
    """A library with a dance, a take and a job."""
    library = Library(folder)
    library.add("dances", id="d", title="Dance", state="ready", file="video.mp4", about={"seconds": 4.0})
    library.place("dances", "d").mkdir()
    library.add("jobs", id="j", kind="takes", dance="d", asked={"count": 1}, state="running")
    work = library.place("jobs", "j")
    work.mkdir()
    made = work / "take-0"
    made.mkdir()
    (made / "sound.wav").write_bytes(b"sound")
    library.move_in(made, "takes", "t")
    library.add("takes", id="t", dance="d", title="Take 1", job="j", number=0, about={"genre": "house"})
    return library


def test_rows_come_back_as_they_were_entered_and_every_change_is_told(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    told: list[tuple[str, object]] = []
    library.changed = lambda table, row: told.append((table, row["title"]))
    dance = library.add("dances", title="A", state="new", file="video.mp4", about={"bytes": 3})
    assert library.change("dances", dance["id"], title="B")["title"] == "B"
    assert library.row("dances", dance["id"]) == dance | {"title": "B"}
    assert told == [("dances", "A"), ("dances", "B")]
    assert library.row("dances", "nobody") is None


def test_a_row_with_the_loudness_of_silence_can_be_sent_as_json(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    added = library.add("exports", dance="d", title="Silence", job="j", about={"loudness_lufs": float("-inf")})
    assert library.row("exports", added["id"]) == added and added["about"] == {"loudness_lufs": None}
    library._db.execute("UPDATE exports SET about = '{\"loudness_lufs\": -Infinity}'")  # as version 0.1 wrote it
    assert [row["about"] for row in library.rows("exports")] == [{"loudness_lufs": None}]


def test_a_library_that_was_copied_opens_with_all_that_was_finished(tmp_path: Path) -> None:
    filled(tmp_path / "library").close()
    shutil.copytree(tmp_path / "library", tmp_path / "elsewhere")
    again = Library(tmp_path / "elsewhere")
    assert [row["title"] for row in again.rows("takes")] == ["Take 1"]
    assert (again.place("takes", "t") / "sound.wav").read_bytes() == b"sound"


def test_a_job_that_ran_when_the_studio_died_waits_again_and_unfinished_things_are_swept(tmp_path: Path) -> None:
    library = filled(tmp_path / "library")
    (library.place("takes", new_id())).mkdir()
    (library.place("jobs", "j") / "half").write_text("half")
    library._db.close()  # as when the process dies: nothing is said
    again = Library(tmp_path / "library")
    assert [row["state"] for row in again.rows("jobs")] == ["queued"]
    assert [path.name for path in (again.folder / "takes").iterdir()] == ["t"]
    assert not list((again.folder / "jobs").iterdir())


def test_what_lay_in_the_bin_for_long_is_gone_when_the_library_is_opened(tmp_path: Path) -> None:
    library = filled(tmp_path / "library")
    library.change("takes", "t", deleted=1.0)
    library.close()
    again = Library(tmp_path / "library")
    assert again.rows("takes") == [] and not (again.folder / "takes" / "t").exists()
    assert again.row("dances", "d") is not None


def test_a_library_of_a_newer_version_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    filled(tmp_path / "library").close()
    with sqlite3.connect(tmp_path / "library" / FILE) as db:
        db.execute("PRAGMA user_version = 99")
    before = (tmp_path / "library" / FILE).read_bytes()
    with pytest.raises(InputError, match=r"was written by a newer version \(library 99, this one knows 1\); update dance2music"):
        Library(tmp_path / "library")
    assert (tmp_path / "library" / FILE).read_bytes() == before


def test_one_library_is_open_in_one_studio(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    with pytest.raises(InputError, match="is open in another studio"):
        Library(tmp_path / "library")
    library.close()
    Library(tmp_path / "library").close()


def test_folders_that_are_no_library_are_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("x")
    with pytest.raises(InputError, match="holds other things"):
        Library(tmp_path)
    with pytest.raises(InputError, match="is a file; expected a folder"):
        Library(tmp_path / "holiday.jpg")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(InputError, match="cannot be read as a library"):
        Library(broken)


def test_a_read_only_library_can_be_looked_at_and_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path / "library").close()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(Path, "touch", refuse)
    library = Library(tmp_path / "library")
    assert library.read_only and len(library.rows("takes")) == 1
    with pytest.raises(ReadOnly, match="this library is read-only"):
        library.change("takes", "t", title="B")


def test_titles_are_one_plain_line() -> None:
    assert clean_title("a\nb\x00\u202ec  d", otherwise="-") == "a b c d"
    assert clean_title("\x00 \n", otherwise="Dance") == "Dance"
    assert len(clean_title("x" * 500, otherwise="-")) == 120
    assert clean_title("<script>", otherwise="-") == "<script>"


@pytest.mark.parametrize("dance, take", [("D" * 120, "Take 1"), ("\U00020000" * 120, "Take 1"), ("D", "\U00020000" * 120), ("/", "../..")])
def test_names_of_exported_files_fit_into_a_file_system_and_keep_the_title_of_the_take(dance: str, take: str, tmp_path: Path) -> None:
    name = file_name(dance, take)
    assert len(name.encode()) <= 200 and "/" not in name
    assert name.endswith(" - Take 1") or take != "Take 1"
    (tmp_path / f"{name}.original.wav").write_bytes(b"")
