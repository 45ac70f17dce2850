"""What genres are retrieved from: what is no database yet is refused with what makes one of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dance2music.errors import InputError
from dance2music.evaluation.databases import database_of
from dance2music.evaluation.features import Cache, HearingConfig
from dance2music.evaluation.jobs import EvaluateConfig


@pytest.mark.parametrize(
    ("files", "message"),
    [(["manifest.parquet", "prepared.json"], r"holds shards; expected .*; make one of it with 'dance2music data unpack'"),
     (["parts/1-of-2.json"], r"holds parts of a preparation; expected .*; first run 'dance2music data merge .*/prepared'$"),
     (["parts/1-of-2.json", "shards/000000.tar"], r"'dance2music data merge .*/prepared', then make one .* 'dance2music data unpack'"),
     (["parts/stem.wav"], "holds no music")],
)  # fmt: skip
def test_shards_and_parts_are_refused_with_what_to_do_first(tmp_path: Path, files: list[str], message: str) -> None:
    folder = tmp_path / "prepared"
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    with pytest.raises(InputError, match=message):
        database_of(EvaluateConfig(generated=str(tmp_path), database=str(folder)), [], {}, HearingConfig("", ""), Cache(None))
