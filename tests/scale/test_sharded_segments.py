"""Segments out of shards: the items of a prepared folder, every one once an epoch, in the same order for any number of processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from prepared import write_home

from dance2music.data.dataset import PreparedConfig, PreparedSegments
from dance2music.errors import InputError
from dance2music.scale.places import Place
from dance2music.scale.segments import ShardedSegments
from dance2music.scale.table import ClipTable
from dance2music.train.segments import Prepared, SegmentBatches

pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra scale)")
CONFIG = PreparedConfig(motion="features", visual_dim=300)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_home(tmp_path_factory.mktemp("segments"))


def test_items_rows_and_names_are_those_of_the_folder(home: Path) -> None:
    for split, count in (("train", 10), ("test", 4)):
        folder, shards = PreparedSegments(home / "folder", CONFIG, split=split), ShardedSegments(home / "shards", CONFIG, split=split)
        assert len(folder) == len(shards) == count and folder.names == list(shards.names) and shards.nameless is None
        for i in range(count):
            one, other = folder[i], shards[i]
            assert one.keys() == other.keys() and all(torch.equal(one[k].nan_to_num(-9), other[k].nan_to_num(-9)) for k in one)
            assert folder.row(i) == shards.row(i)


@pytest.mark.parametrize("window", [1, 2, 9])
def test_an_epoch_meets_every_segment_once_in_an_order_of_the_seed(home: Path, window: int) -> None:
    segments = ShardedSegments(home / "shards", CONFIG, window=window)
    whole = segments.order(3, 0, 0, 10)
    assert sorted(whole) == list(range(10))
    assert whole != segments.order(4, 0, 0, 10) != segments.order(3, 1, 0, 10)
    again = ShardedSegments(home / "shards", CONFIG, window=window)
    assert [again.order(3, 0, i, i + 1)[0] for i in reversed(range(10))][::-1] == whole
    assert again.order(3, 0, 2, 7) == whole[2:7]


def test_batches_are_the_same_for_any_number_of_processes_and_from_any_step(home: Path) -> None:
    segments = Prepared(home / "shards", motion="features", flow=True)
    batches = SegmentBatches(segments, batch_size=4, seed=1)
    met = [index for step in range(5) for index in batches.indices(step)]
    assert sorted(met) == sorted(list(range(10)) * 2) and sorted(met[:10]) == list(range(10))
    halves = [SegmentBatches(segments, batch_size=4, seed=1, rank=rank, world_size=2) for rank in (0, 1)]
    for step in (3, 0):
        whole = batches[step]
        assert all(torch.equal(whole[name], torch.cat([half[step][name] for half in halves])) for name in whole)


def test_few_shards_are_open_at_a_time(home: Path) -> None:
    segments = ShardedSegments(home / "shards", CONFIG, window=1)
    for index in segments.order(0, 0, 0, 10):
        _ = segments[index]
        assert len(segments._open) <= 2


def test_what_clips_lack_is_one_line(home: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"clips have codes of .*; expected one 'vqvae' in all"):
        ShardedSegments(home / "shards", PreparedConfig(motion="features", codec="vqvae"))
    with pytest.raises(InputError, match="no clip of split 'validation'"):
        ShardedSegments(home / "shards", CONFIG, split="validation")
    with pytest.raises(InputError, match=r"manifest.parquet: is not there"):
        ShardedSegments(tmp_path, CONFIG)
    (tmp_path / "manifest.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"manifest.parquet: cannot be read"):
        ShardedSegments(tmp_path, CONFIG)


def test_the_table_is_dealt_out_by_whole_shards(home: Path) -> None:
    table = ClipTable(Place(str(home / "shards")))
    assert len(table) == 7 and table.genreless is None and table.lacking("visual") == 0 and table.lacking("flow") is None
    for count in (1, 2, 3, 5):
        parts = [table.part(number, count) for number in range(1, count + 1)]
        assert [i for part in parts for i in range(part.start, part.stop)] == list(range(7))
        assert all(not set(table.shard[a]) & set(table.shard[b]) for a in parts for b in parts if a is not b)
