"""Prepared folders as shards and back: the same bits, whole or not at all, made once, and a line for what is damaged."""

from __future__ import annotations

import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from prepared import files_of, write_home, write_other
from typer.testing import CliRunner

from dance2music.cli.main import app
from dance2music.data.manifest import read_manifest, write_lines
from dance2music.data.parts import Part
from dance2music.errors import InputError
from dance2music.scale import prepare as preparation
from dance2music.scale.pack import check, pack, unpack
from dance2music.scale.places import Place
from dance2music.scale.prepare import finish, prepare_shards
from dance2music.scale.shards import read_index

pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra scale)")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_home(tmp_path_factory.mktemp("pack"))


def test_a_folder_comes_back_from_shards_bit_by_bit(home: Path, tmp_path: Path) -> None:
    assert unpack(home / "shards", tmp_path / "back") == 7
    assert files_of(tmp_path / "back") == files_of(home / "folder")


def test_shards_are_plain_tars_of_rows_and_arrays(home: Path) -> None:
    with tarfile.open(home / "shards" / "shards" / "000000.tar") as tar:
        assert tar.getnames() == ["a.json", "a.features.npz", "b.json", "b.features.npz"]


def test_what_is_there_is_not_made_again_and_what_is_lost_is(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    shutil.copytree(home / "shards", out)
    before, size = files_of(out), (home / "folder" / "clips" / "a.npz").stat().st_size
    assert pack(home / "folder", out, shard_bytes=2 * size)["made"] == 0
    (out / "shards" / "000001.tar").unlink()
    (out / "shards" / "000002.json").unlink()
    assert pack(home / "folder", out, shard_bytes=2 * size)["made"] == 2
    assert files_of(out) == before


def test_preparing_into_shards_gives_the_clips_of_preparing_into_a_folder(home: Path, tmp_path: Path) -> None:
    report = prepare_shards(home / "data", "folder", tmp_path / "shards", clips_per_shard=3)
    assert (report.made, report.kept) == (7, 0) and [skip.name for skip in report.skipped] == ["h"]
    again = prepare_shards(home / "data", "folder", tmp_path / "shards", clips_per_shard=3)
    assert (again.made, again.kept) == (0, 7)
    unpack(tmp_path / "shards", tmp_path / "back")
    assert files_of(tmp_path / "back") == files_of(home / "folder")


def test_shards_of_another_data_set_of_the_same_relative_name_are_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    prepare_shards("data", "folder", tmp_path / "shards", clips_per_shard=7)
    shutil.copytree(home / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"shards: holds what was prepared from .*data; .* for .*data; choose another --out"):
        prepare_shards("data", "folder", tmp_path / "shards", clips_per_shard=7)
    assert prepare_shards(home / "data", "folder", tmp_path / "shards", clips_per_shard=7).rows


def test_a_folder_that_named_its_data_set_by_a_relative_path_goes_on_into_its_shards(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    shutil.copytree(home / "shards", tmp_path / "shards")
    about = tmp_path / "shards" / "prepared.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"source": "data"}))  # as earlier versions wrote it
    assert pack(home / "folder", tmp_path / "shards", shard_bytes=2 * (home / "folder" / "clips" / "a.npz").stat().st_size)["made"] == 0


def test_parts_into_one_place_are_as_one_run(home: Path, tmp_path: Path) -> None:
    for number in (2, 1):
        prepare_shards(home / "data", "folder", tmp_path / "parts", clips_per_shard=3, part=Part(number, 2))
        if number == 2:
            with pytest.raises(InputError, match=r"1 of 3 shards are missing, first 0; run the preparation again"):
                finish(tmp_path / "parts")
    finish(tmp_path / "parts")
    prepare_shards(home / "data", "folder", tmp_path / "one", clips_per_shard=3)
    one, parts = (files_of(tmp_path / name) for name in ("one", "parts"))
    assert {name: one[name] for name in one if not name.startswith("parts/")} == {n: parts[n] for n in parts if not n.startswith("parts/")}


def test_a_run_that_dies_in_a_shard_leaves_none_of_it(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = preparation.write_shard

    def dies(place: Place, number: int, *args: object, **options: object) -> object:
        if number == 1:
            raise KeyboardInterrupt
        return made(place, number, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(preparation, "write_shard", dies)
    with pytest.raises(KeyboardInterrupt):
        prepare_shards(home / "data", "folder", tmp_path / "out", clips_per_shard=3)
    assert sorted(files_of(tmp_path / "out")) == ["shards/000000.json", "shards/000000.tar"]
    monkeypatch.undo()
    assert prepare_shards(home / "data", "folder", tmp_path / "out", clips_per_shard=3).made == 4


def test_a_damaged_shard_is_named_and_made_anew(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    shutil.copytree(home / "shards", out)
    tar = out / "shards" / "000001.tar"
    bytes_ = bytearray(tar.read_bytes())
    bytes_[len(bytes_) // 2] ^= 1
    tar.write_bytes(bytes(bytes_))
    count, (fault,) = check(out)
    assert count == 4 and "000001.tar: is damaged" in fault and "remove it and run" in fault
    run = CliRunner().invoke(app, ["data", "check", str(out)])
    assert isinstance(run.exception, InputError) and "1 parts are damaged or missing, of 4 shards and what lists them" in str(run.exception)
    index = out / "shards" / "000000.json"
    index.write_text("{")
    with pytest.raises(InputError, match=r"000000.json: is no index of a shard"):
        read_index(Place(str(out)), 0)


def test_a_place_of_another_preparation_is_refused_and_left_as_it_is(home: Path, tmp_path: Path) -> None:
    shards, other = tmp_path / "shards", write_other(tmp_path)
    shutil.copytree(home / "shards", shards)
    before = files_of(shards), files_of(other)
    refused = r"holds another preparation \(.*; expected the same one or nothing; choose another folder or remove it"
    with pytest.raises(InputError, match=refused):
        pack(other, shards)
    with pytest.raises(InputError, match=refused):
        unpack(shards, other)
    with pytest.raises(InputError, match="holds shards; expected a folder of its own"):
        unpack(shards, shards)
    with pytest.raises(InputError, match="holds a file per clip; expected a place of its own for shards"):
        pack(home / "folder", other)
    assert before == (files_of(shards), files_of(other))
    (shards / "prepared.json").unlink()  # as of a run that was ended
    with pytest.raises(InputError, match=r"6 clips that are not among these, first 'b'"):
        pack(other, shards)


def test_clips_of_the_same_names_and_other_settings_are_another_preparation(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(home / "folder", folder)
    rows = read_manifest(folder)
    write_lines(folder / "manifest.jsonl", (replace(row, key="other").to_json() for row in rows))
    with pytest.raises(InputError, match="clips of the same names made of other files or with other settings"):
        unpack(home / "shards", folder)
    write_lines(folder / "manifest.jsonl", (replace(row, key="other" if row.name == "a" else row.key).to_json() for row in rows[:-1]))
    assert unpack(home / "shards", folder) == 7 and files_of(folder) == files_of(home / "folder")


def test_fewer_shards_leave_none_of_the_earlier_ones(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "shards", tmp_path / "shards")
    assert pack(home / "folder", tmp_path / "shards")["shards"] == 1
    assert sorted(path.name for path in (tmp_path / "shards" / "shards").iterdir()) == ["000000.json", "000000.tar"]
    assert check(tmp_path / "shards") == (1, [])


@pytest.mark.parametrize("name", ["manifest.parquet", "skipped.jsonl"])
def test_a_list_of_shards_that_is_gone_is_named_and_made_by_packing_again(home: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(home / "shards", tmp_path / "shards")
    (tmp_path / "shards" / name).unlink()
    _, (fault,) = check(tmp_path / "shards")
    assert f"shards/{name}: is not there; expected" in fault


def test_what_is_no_place_of_shards_is_one_line(home: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no shards; expected what 'data pack'"):
        unpack(tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="is the folder that is packed"):
        pack(home / "folder", home / "folder")
    with pytest.raises(
        InputError, match="shards: holds shards; expected a file per clip; make a folder of it with 'dance2music data unpack'"
    ):
        read_manifest(home / "shards")
    with pytest.raises(InputError, match="holds shards already"):
        pack(home / "shards", tmp_path / "out")
    with pytest.raises(InputError, match="or a file per clip; expected a place of its own"):
        prepare_shards(home / "data", "folder", home / "folder")
    with pytest.raises(InputError, match=r"addresses of this kind cannot be opened .* pip install 'dance2music\[scale\]'"):
        pack(home / "folder", "nothing://x")


def test_the_commands_pack_unpack_and_prepare_shards(home: Path, tmp_path: Path) -> None:
    def command(*words: str | Path) -> str:
        done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    assert "7 clips in 1 shards" in command("data", "pack", home / "folder", tmp_path / "s", "--workers", "1")
    assert "1 shards, all whole" in command("data", "check", tmp_path / "s")
    assert "7 clips" in command("data", "unpack", tmp_path / "s", tmp_path / "back")
    one = ["data", "prepare", str(home / "data"), "--dataset", "folder", "--out", str(tmp_path / "u"), "--clips-per-shard", "4"]
    refused = CliRunner().invoke(app, one).exception
    assert isinstance(refused, InputError) and "--clips-per-shard 4: no shards are written to" in str(refused)
    words = ("data", "prepare", home / "data", "--dataset", "folder", "--out", tmp_path / "t", "--tars", "--engine", "serial")
    assert "part 1/1" in command(*words, "--shard", "1/1")
    assert "7 clips of all parts" in command("data", "merge", tmp_path / "t")
