"""Preparing data sets: idempotent, resumable after kill -9, parallel, with reasons for what was skipped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import tiny
import videos
from dance2music.checkpoint import save_model
from dance2music.cli.main import app
from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.data.features import segment_audio
from dance2music.data.manifest import ClipRow, check_leaks, read_manifest
from dance2music.data.prepare import PrepareConfig, prepare
from dance2music.errors import InputError
from layouts import write_aist, write_pairs


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder by relative path, but for what a killed process left half written."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".")}


@pytest.fixture(scope="module")
def codec_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("codec") / "codec.safetensors"
    save_model(path, tiny.codec(), tiny.codec().config, storage="float32")
    return path


def test_a_data_set_becomes_rows_features_and_reasons(tmp_path: Path) -> None:
    report = prepare(write_aist(tmp_path / "data"), "aist", tmp_path / "out")
    rows = read_manifest(tmp_path / "out")
    assert list(report.rows) == rows and (report.made, report.kept) == (4, 0)
    row = rows[0]
    assert (row.name, row.split, row.genre, row.tempo_bpm, row.segments) == (
        "gBR_sBM_c01_d04_mBR1_ch01", "train", "break", 90.0, (1, 2),
    )  # fmt: skip
    with np.load(tmp_path / "out" / row.features, allow_pickle=False) as archive:
        assert {name: list(archive[name].shape) for name in archive.files} == row.arrays
        assert archive["flow"][:, 4].all()  # this one has a video
    skipped = [json.loads(line) for line in (tmp_path / "out" / "skipped.jsonl").read_text().splitlines()]
    assert [skip["name"] for skip in skipped] == ["gBR_sBM_cAll_d05_mBR1_ch02", "gPO_sBM_cAll_d10_mPO2_ch05"]
    table = list(report.table())
    assert table[0].split() == ["train", "2", "clips", "4", "segments", "2", "songs"]
    assert "  gBR_sBM_cAll_d05_mBR1_ch02: is on the ignore list" in table


def test_a_second_call_does_nothing_and_a_changed_file_is_made_anew(tmp_path: Path) -> None:
    data, out = write_pairs(tmp_path / "data", ("a", "b", "c")), tmp_path / "out"
    prepare(data, "folder", out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.npz")}
    again = prepare(data, "folder", out)
    assert (again.made, again.kept) == (0, 3)
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*.npz")}
    write_pairs(data, ("a",), seconds=2.0)
    changed = prepare(data, "folder", out)
    assert (changed.made, changed.kept) == (1, 2) and changed.rows[0].segments == (1,)
    (out / "clips" / "b.npz").unlink()
    assert prepare(data, "folder", out).made == 1


def test_clips_that_cannot_be_used_are_skipped_once_with_their_reason(tmp_path: Path) -> None:
    data, out = write_pairs(tmp_path / "data", ("good",)), tmp_path / "out"
    write_pairs(data, ("short",), seconds=1.0)
    broken = np.zeros((100, 23, 3))
    broken[3] = np.nan
    write_pairs(data, ("holes",))
    np.savez(data / "holes.npz", joints=broken, fps=25.0)
    videos.renamed_text(data / "talk.mp4")
    report = prepare(data, "folder", out)
    assert [row.name for row in report.rows] == ["good"]
    reasons = {skip.name: skip.reason for skip in report.skipped}
    assert "share 1.00 s; expected at least a segment of 2 s" in reasons["short"]
    assert "NaN or infinite motion in 1 of 100 frames" in reasons["holes"]
    assert "talk.mp4" in reasons["talk"]
    again = prepare(data, "folder", out)
    assert (report.made, report.kept, again.made, again.kept) == (1, 0, 0, 1)
    write_pairs(data, ("short",), seconds=2.0)
    assert [row.name for row in prepare(data, "folder", out).rows] == ["good", "short"]


def test_a_folder_of_another_data_set_is_refused(tmp_path: Path) -> None:
    prepare(write_pairs(tmp_path / "data", ("a",)), "folder", tmp_path / "out")
    with pytest.raises(InputError, match=r"out: holds the data set 'folder'; expected a folder of its own for 'aist'"):
        prepare(write_aist(tmp_path / "aist"), "aist", tmp_path / "out")


def test_two_data_sets_of_one_kind_do_not_share_a_folder_but_one_may_be_named_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, other = write_pairs(tmp_path / "data", ("a",), seconds=2.0), write_pairs(tmp_path / "other", ("a",), seconds=2.0)
    prepare(data, "folder", tmp_path / "out")
    with pytest.raises(InputError, match=r"out: holds what was prepared from .*data; .* for .*other; choose another --out"):
        prepare(other, "folder", tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    assert prepare("data", "folder", tmp_path / "out").rows


def test_two_data_sets_of_one_relative_name_do_not_share_a_folder_and_another_way_to_one_is_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for home in ("one", "two"):
        write_pairs(tmp_path / home / "src", ("a",), seconds=2.0)
    monkeypatch.chdir(tmp_path / "one")
    prepare("src", "folder", tmp_path / "out")
    monkeypatch.chdir(tmp_path / "two")
    with pytest.raises(InputError, match=r"out: holds what was prepared from .*one.src; .* for src; choose another --out"):
        prepare("src", "folder", tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    assert prepare(Path("one") / ".." / "one" / "src", "folder", tmp_path / "out").rows
    about = tmp_path / "out" / "prepared.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"source": "one/src"}))  # as earlier versions wrote it
    assert prepare(tmp_path / "one" / "src", "folder", tmp_path / "out").rows


def test_nothing_usable_is_an_error_that_names_the_first_reason(tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "data", ("short",), seconds=1.0)
    with pytest.raises(InputError, match=r"none of 1 clips can be used; first: short: .* share 1.00 s"):
        prepare(data, "folder", tmp_path / "out")


def test_the_same_music_under_two_names_in_two_splits_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_pairs(data / "train", ("one",))
    write_pairs(data / "test", ("two",))  # both have the first seed
    with pytest.raises(InputError, match=r"the same music, as songs 'one' and 'two', is in two splits, train \(one\) and test \(two\)"):
        prepare(data, "folder", tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.jsonl").exists()


def row_of(name: str, song: str, split: str) -> ClipRow:
    return ClipRow(name, song, split, None, None, 2.0, (1,), "", {}, {}, name, "")


def test_a_held_out_song_may_be_shared_only_where_it_is_said() -> None:
    rows = [row_of("a", "s", "validation"), row_of("b", "s", "test")]
    check_leaks(rows, where="data", same_held_out=True)
    with pytest.raises(InputError, match="song 's' is in two splits, validation"):
        check_leaks(rows, where="data")
    with pytest.raises(InputError, match="song 's' is in two splits, train"):
        check_leaks([row_of("c", "s", "train"), *rows], where="data", same_held_out=True)


def test_codes_are_those_of_every_segment_alone(tmp_path: Path, codec_file: Path) -> None:
    data, out = write_pairs(tmp_path / "data", ("a", "b")), tmp_path / "out"
    prepare(data, "folder", out)
    features = {path: path.stat().st_mtime_ns for path in (out / "clips").iterdir()}
    report = prepare(data, "folder", out, PrepareConfig(codec=str(codec_file)))
    assert report.made == 2 and features == {path: path.stat().st_mtime_ns for path in (out / "clips").iterdir()}
    (label, file), *rest = report.rows[1].codes.items()
    assert not rest and label.startswith("spectral-hop256-") and file == f"codes/{label}/b.npz"
    with np.load(out / "clips" / "b.npz") as clip, np.load(out / file) as coded, torch.no_grad():
        codec = tiny.codec()
        z = codec.encode(torch.from_numpy(segment_audio(clip["audio"], 2))[None])
        assert coded["codes"].shape[0] == 2 and np.array_equal(coded["codes"][1], codec.quantize(z).codes[0].numpy())
        assert np.allclose(coded["latents"][1], z[0].numpy(), rtol=1e-3, atol=1e-3)
    assert prepare(data, "folder", out, PrepareConfig(codec=str(codec_file))).made == 0
    without = prepare(data, "folder", out)
    assert without.made == 0 and without.rows[1].codes == {label: file}


def test_a_vqvae_gives_344_codes_a_segment(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = VQVAEConfig(levels=(2,), level=2, width=4, depth=1, codebook_size=16)
    model = VQVAE(config)
    save_model(tmp_path / "vqvae.safetensors", model, config, storage="float32")
    report = prepare(
        write_pairs(tmp_path / "data", ("a",)), "folder", tmp_path / "out", PrepareConfig(codec=str(tmp_path / "vqvae.safetensors"))
    )
    (label, file), *_ = report.rows[0].codes.items()
    assert label.startswith("vqvae-hop128-")
    with np.load(tmp_path / "out" / file) as coded:
        assert coded["codes"].shape == (2, 1, 344) and coded["latents"].shape == (2, 64, 344)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": "imagenet"}, "data set 'imagenet': unknown; expected one of"),
        ({"workers": 0}, "workers: 0"),
        ({"config": PrepareConfig("vqvae-high")}, "no embedded weights"),
        ({"config": PrepareConfig("missing.safetensors")}, "'missing.safetensors': .*is no file; expected"),
        ({"out": "data/out"}, "lies in the data set"),
        ({"source": "nowhere"}, "is no folder"),
    ],
)
def test_wrong_arguments_are_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, object], message: str
) -> None:
    write_pairs(tmp_path / "data", ("a",))
    monkeypatch.chdir(tmp_path)
    given = {"source": "data", "dataset": "folder", "out": "out"} | arguments
    with pytest.raises(InputError, match=message):
        prepare(**given)  # type: ignore[arg-type]


def test_two_processes_write_the_same_files_as_one(tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "data", ("a", "b", "c"))
    seen: list[tuple[int, int]] = []
    prepare(data, "folder", tmp_path / "one")
    prepare(data, "folder", tmp_path / "two", workers=2, progress=lambda done, of: seen.append((done, of)))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("rows_before", [1, 4])
def test_a_run_that_is_killed_goes_on_where_it_stopped(tmp_path: Path, rows_before: int) -> None:
    names = tuple(f"clip{i}" for i in range(8))
    data, out = write_pairs(tmp_path / "data", names, seconds=8.0), tmp_path / "out"
    code = f"from dance2music.data.prepare import prepare; prepare({str(data)!r}, 'folder', {str(out)!r})"
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    while process.poll() is None and len(list((out / "rows").glob("clip*.json"))) < rows_before:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run ended before it could be killed"
    done = {path: path.stat().st_mtime_ns for path in (out / "rows").glob("clip*.json")}
    assert not (out / "manifest.jsonl").exists() and rows_before <= len(done) < 8
    report = prepare(data, "folder", out)
    assert (report.kept, report.made) == (len(done), 8 - len(done))
    assert done == {path: path.stat().st_mtime_ns for path in done}
    prepare(data, "folder", tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


def test_the_command_prints_counts_and_what_was_skipped(tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "data", ("good",))
    write_pairs(data, ("short",), seconds=1.0)
    result = CliRunner().invoke(
        app, ["data", "prepare", str(data), "--dataset", "folder", "--out", str(tmp_path / "out"), "--workers", "1"], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert "1 clips        2 segments      1 songs" in result.stdout and "short: motion and music share 1.00 s" in result.stdout
    assert "1 clips made now, 0 were there" in result.stdout
