"""Real dances with known beats, from a prepared AIST++ in its real layout, for training what watches dancers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dance2music.data.aist_beats import FIRST_BEAT_SECONDS, TEST_PIECES
from dance2music.data.danced import danced_clips
from dance2music.data.manifest import MANIFEST, read_manifest, write_lines
from dance2music.data.prepare import PrepareConfig, prepare
from dance2music.errors import InputError
from dance2music.recipe.rhythm import RealDances, RhythmBatches, RhythmTrainConfig
from dance2music.types import GENRES
from layouts import AIST_SEQUENCES, write_aist


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_aist(tmp_path_factory.mktemp("aist"))


@pytest.fixture(scope="module")
def prepared(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared")
    prepare(unpacked, "aist", out, PrepareConfig(visual=False))
    return out


def test_the_training_split_comes_with_the_beats_of_its_pieces(prepared: Path) -> None:
    clips = {clip.name: clip for clip in danced_clips(prepared)}
    assert set(clips) == {"gBR_sBM_c01_d04_mBR1_ch01", "gHO_sFM_c01_d20_mHO3_ch11"}
    clip = clips["gHO_sFM_c01_d20_mHO3_ch11"]
    assert clip.tempo_bpm == pytest.approx(125.0) and clip.genre == GENRES.index("house") and clip.song == "mHO3"
    assert clip.beat_times_seconds is not None
    assert clip.beat_times_seconds[0] == FIRST_BEAT_SECONDS and np.diff(clip.beat_times_seconds) == pytest.approx(0.48)
    height = clip.motion.joints[:, 0, 1] - clip.motion.joints[:, 11, 1]  # nose over an ankle
    assert clip.motion.skeleton == "body-25" and np.median(height) > 0


def test_annotations_without_music_will_do(unpacked: Path) -> None:
    clips = danced_clips(unpacked / "aist_plusplus_final")
    assert [clip.name for clip in clips] == [AIST_SEQUENCES["train"][0], AIST_SEQUENCES["train"][2]]
    assert all(clip.song not in TEST_PIECES and clip.motion.skeleton == "smpl-24" for clip in clips)


def test_a_test_piece_in_the_training_split_is_refused(prepared: Path, tmp_path: Path) -> None:
    rows = read_manifest(prepared)
    write_lines(tmp_path / MANIFEST, [replace(row, split="train").to_json() for row in rows])
    with pytest.raises(InputError, match="mLO2, a test piece of AIST\\+\\+"):
        danced_clips(tmp_path)


def test_a_folder_without_training_clips_or_manifest_is_refused(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="data prepare"):
        danced_clips(tmp_path)
    write_lines(tmp_path / MANIFEST, [replace(row, split="test").to_json() for row in read_manifest(prepared)])
    with pytest.raises(InputError, match="no clips in its training split"):
        danced_clips(tmp_path)


def test_batches_of_the_rhythm_network_mix_them_in(prepared: Path) -> None:
    config = replace(RhythmTrainConfig(), data=str(prepared), data_share=0.5, batch_size=40, max_window_seconds=3.0, item_seconds=4.0)
    real = RealDances(config)
    drawn = np.zeros((3, 120, 80), np.float16), np.zeros((3, 2, 120), np.float16), np.full(3, 77.0, np.float32)
    features, wanted, bpm = RhythmBatches(drawn, config, real)[0]
    mixed = (bpm != 77.0).numpy()
    assert 8 <= mixed.sum() <= 32 and {round(float(b)) for b in bpm[mixed]} <= {90, 125}
    assert features[mixed].abs().sum() > 0 and not features[~mixed].any() and wanted[mixed].max() > 0.8
