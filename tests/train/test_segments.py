"""Prepared segments, and batches of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import tiny
from dance2music.checkpoint import save_model
from dance2music.data.dataset import PreparedConfig, PreparedSegments, mapped_npz
from dance2music.data.prepare import PrepareConfig, prepare
from dance2music.errors import ConfigError, InputError
from dance2music.train.segments import SegmentBatches
from layouts import write_pairs, write_released


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three songs of 2 + 2 + 1 segments, the last without a genre; codes of the tiny codec."""
    folder = tmp_path_factory.mktemp("segments")
    save_model(folder / "codec.safetensors", tiny.codec(), tiny.codec().config, storage="float32")
    write_pairs(folder / "data" / "house", ("a", "b"))
    write_pairs(folder / "data", ("c",), seconds=2.0, first_seed=2)
    (folder / "data" / "clips.csv").write_text("name,split,tempo_bpm\na,train,120\nb,train,\nc,train,90\n")
    prepare(folder / "data", "folder", folder / "out", PrepareConfig(codec=str(folder / "codec.safetensors")))
    return folder / "out"


def test_a_batch_holds_what_training_needs(prepared: Path) -> None:
    data = PreparedSegments(prepared, PreparedConfig(codec="spectral"))
    batch = SegmentBatches(data, batch_size=5, seed=0)[0]
    assert {name: (str(value.dtype).removeprefix("torch."), tuple(value.shape)) for name, value in batch.items()} == {
        "motion": ("float32", (5, 120, 219)), "visual": ("float32", (5, 2048)), "flow": ("float32", (5, 60, 5)),
        "genre": ("int64", (5,)), "tempo_bpm": ("float32", (5,)), "index": ("int64", (5,)), "audio": ("float32", (5, 1, 44100)),
        "codes": ("int64", (5, 2, 173)), "latents": ("float32", (5, 8, 173)),
    }  # fmt: skip
    assert data.names == ["a_seg1", "a_seg2", "b_seg1", "b_seg2", "c_seg1"] and len(data) == 5
    order = batch["index"].argsort()
    assert batch["genre"][order].tolist() == [5, 5, 5, 5, -1]
    assert batch["tempo_bpm"][order].nan_to_num(0.0).tolist() == [120, 120, 0, 0, 90]
    assert torch.allclose(batch["audio"].abs().amax(dim=-1), torch.tensor(0.95), atol=1e-4)
    for layout, width in (("keypoints", 75), ("features", 80)):
        assert PreparedSegments(prepared, PreparedConfig(motion=layout))[0]["motion"].shape == (60, width)


def test_segments_lie_where_their_names_say(prepared: Path) -> None:
    data = PreparedSegments(prepared, PreparedConfig(motion="features"))
    with np.load(prepared / "clips" / "a.npz") as clip:
        second = data[data.names.index("a_seg2")]
        assert np.array_equal(second["motion"].numpy(), clip["features"][60:120])
        part = clip["audio"][44100:88200].astype(np.float32)
        assert np.allclose(second["audio"][0].numpy(), part * 0.95 / np.abs(part).max(), atol=1e-6)


def test_a_loader_in_another_process_gives_the_same_batches(prepared: Path) -> None:
    data = SegmentBatches(PreparedSegments(prepared, PreparedConfig(codec="spectral")), batch_size=2, seed=3)
    loaded = list(DataLoader(data, batch_size=None, sampler=range(1, 4), num_workers=1))
    for step, batch in zip(range(1, 4), loaded, strict=True):
        assert all(torch.equal(value.nan_to_num(), data[step][name].nan_to_num()) for name, value in batch.items())


def test_gains_lie_between_the_given_bounds_and_depend_on_seed_and_place_alone(prepared: Path) -> None:
    def batches(seed: int, **share: int) -> SegmentBatches:
        return SegmentBatches(PreparedSegments(prepared), batch_size=4, seed=seed, gain=(0.3, 1.0), **share)

    peaks = torch.cat([batches(0)[step]["audio"].abs().amax(dim=-1) for step in range(8)])
    assert 0.95 * 0.3 - 1e-3 <= peaks.min() < 0.5 and 0.7 < peaks.max() <= 0.951
    shares = [batches(1, rank=rank, world_size=2)[3]["audio"] for rank in (0, 1)]
    assert torch.equal(torch.cat(shares), batches(1)[3]["audio"]) and not torch.equal(batches(2)[3]["audio"], batches(1)[3]["audio"])
    with pytest.raises(ConfigError, match=r"gain \[0.3, 1.0\]: these segments have codes"):
        SegmentBatches(PreparedSegments(prepared, PreparedConfig(codec="spectral")), batch_size=4, seed=0, gain=(0.3, 1.0))


def test_visual_vectors_of_the_data_set_come_through_and_flow_stands_in(tmp_path: Path, prepared: Path) -> None:
    clips = {"train": ("000000_0_0_seg3", "000000_0_1_seg1")}
    prepare(write_released(tmp_path / "data", "tiktok", clips, width=75, frames=60), "tiktok", tmp_path / "out")
    data = PreparedSegments(tmp_path / "out", PreparedConfig(motion="keypoints"))
    assert data[1]["visual"].tolist() == [1.0] * 2048 and data[1]["genre"] == -1
    assert data.names == ["000000_0_0_seg3", "000000_0_1_seg1"]
    short = PreparedSegments(prepared, PreparedConfig(visual_dim=300))[0]
    assert torch.equal(short["visual"], short["flow"].reshape(300))
    both = PreparedSegments([tmp_path / "out", prepared], PreparedConfig(motion="keypoints"))
    assert len(both) == 7


@pytest.mark.parametrize(
    ("config", "kind", "message"),
    [(PreparedConfig(motion="pixels"), ConfigError, "motion 'pixels'"),
     (PreparedConfig(codec="vqvae-hop128"), InputError, "has codes of spectral-hop256-.*; expected one 'vqvae-hop128'")],
)  # fmt: skip
def test_what_cannot_be_given_is_refused_at_once(prepared: Path, config: PreparedConfig, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        PreparedSegments(prepared, config)


def test_missing_splits_layouts_and_manifests_are_named(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no segment of split 'test'"):
        PreparedSegments(prepared, split="test")
    with pytest.raises(InputError, match=r"manifest.jsonl: cannot be read; expected a folder made by 'dance2music data prepare'"):
        PreparedSegments(tmp_path)
    rows = [json.loads(line) for line in (prepared / "manifest.jsonl").read_text().splitlines()]
    del rows[1]["arrays"]["smpl"]
    (tmp_path / "manifest.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    with pytest.raises(InputError, match="clip b has no 'smpl' motion; it has keypoints, features, flow"):
        PreparedSegments(tmp_path)
    (tmp_path / "manifest.jsonl").write_text('{"name": "a"}\n')
    with pytest.raises(InputError, match=r"manifest.jsonl line 1: is no row of a manifest"):
        PreparedSegments(tmp_path)


def test_arrays_are_mapped_from_disk_as_numpy_reads_them(tmp_path: Path) -> None:
    arrays = {"flat": np.arange(5, dtype=np.int16), "fortran": np.asfortranarray(np.random.default_rng(0).normal(size=(3, 4)))}
    np.savez(tmp_path / "a.npz", **arrays)
    mapped = mapped_npz(tmp_path / "a.npz")
    assert all(isinstance(mapped[name], np.memmap) and np.array_equal(mapped[name], value) for name, value in arrays.items())
    np.savez_compressed(tmp_path / "b.npz", **arrays)
    with pytest.raises(InputError, match=r"b.npz: cannot be read \(flat.npy is compressed"):
        mapped_npz(tmp_path / "b.npz")
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:100])
    with pytest.raises(InputError, match=r"a.npz: cannot be read .*run it again"):
        mapped_npz(tmp_path / "a.npz")
