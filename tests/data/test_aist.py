"""AIST++: names, tempi, splits, published lists and labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dance2music.data.aist import (
    AistName,
    check_labels,
    compare_lists,
    list_aist,
    list_aist_segments,
    published_segments,
    regenerate,
    tempo_of_piece,
)
from dance2music.data.features import clip_features
from dance2music.data.lists import find_list, read_list
from dance2music.data.manifest import Listing, Source
from dance2music.errors import InputError
from dance2music.types import GENRE_CODES, GENRES
from layouts import AIST_SEQUENCES, smpl_parameters, write_aist, write_pickle, write_released


def sources_of(listing: Listing) -> dict[str, Source]:
    return {source.name: source for source in listing.sources}


def test_a_name_tells_genre_situation_camera_dancer_piece_and_choreography() -> None:
    name = AistName.parse("gBR_sBM_c01_d04_mBR0_ch02")
    assert (GENRES[name.genre], name.situation, name.camera, name.dancers, name.piece, name.choreography) == (
        "break", "BM", "01", (4,), "mBR0", 2,
    )  # fmt: skip
    assert name.named("All") == "gBR_sBM_cAll_d04_mBR0_ch02"
    assert AistName.parse("gJB_sFM_cAll_d09_mJB5_ch21").named("01") == "gJB_sFM_c01_d09_mJB5_ch21"
    assert AistName.parse("gMH_sGR_c02_d22_d23_d24_mMH1_ch08").dancers == (22, 23, 24)


@pytest.mark.parametrize(
    "name",
    ["gXX_sBM_c01_d04_mBR0_ch02", "gBR_sBM_c01_d04_mBR6_ch02", "gBR_sBM_c1_d04_mBR0_ch02", "gBR_sBM_c01_d04_mBR0", "dance",
     "gBR_sBM_c01_d04_mBR0_ch02.pkl", "gBR_sBM_c01_d04_mBR0_ch02_seg1"],
)  # fmt: skip
def test_other_names_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(InputError, match="is no name of AIST") as error:
        AistName.parse(name)
    assert "\n" not in str(error.value) and name in str(error.value)


def test_tempo_comes_from_the_piece() -> None:
    assert [tempo_of_piece(f"mWA{digit}") for digit in range(6)] == [80, 90, 100, 110, 120, 130]
    assert [tempo_of_piece(f"mHO{digit}") for digit in range(6)] == [110, 115, 120, 125, 130, 135]


def test_the_number_of_segments_follows_from_sixteen_or_sixty_four_beats() -> None:
    # 16 beats at 80 bpm are 12.0 s; at 120 bpm exactly 8 s; at 135 bpm 7.1 s. 64 beats at 90 bpm are 42.7 s.
    for name, count in (("gBR_sBM_cAll_d04_mBR0_ch02", 6), ("gBR_sBM_cAll_d04_mBR4_ch02", 4), ("gHO_sBM_cAll_d04_mHO5_ch02", 3),
                        ("gBR_sFM_cAll_d04_mBR1_ch02", 21)):  # fmt: skip
        names = regenerate([AistName.parse(name)])
        assert len(names) == count and names[-1].endswith(f"_seg{count}") and "_c01_" in names[0]
    assert len(regenerate([AistName.parse("gBR_sBM_cAll_d04_mBR0_ch02")], {"gBR_sBM_cAll_d04_mBR0_ch02": 5.0})) == 2


def test_the_unpacked_data_set_becomes_clips_of_the_official_split(tmp_path: Path) -> None:
    listing = list_aist(write_aist(tmp_path))
    clips = sources_of(listing)
    assert {name: (clip.split, clip.song, GENRE_CODES[clip.genre or 0], clip.tempo_bpm) for name, clip in clips.items()} == {
        "gBR_sBM_c01_d04_mBR1_ch01": ("train", "mBR1", "BR", 90),
        "gHO_sFM_c01_d20_mHO3_ch11": ("train", "mHO3", "HO", 125),
        "gLO_sBM_c01_d13_mLO2_ch01": ("validation", "mLO2", "LO", 100),
        "gLO_sBM_c01_d14_mLO2_ch02": ("test", "mLO2", "LO", 100),
    }
    assert clips["gBR_sBM_c01_d04_mBR1_ch01"].music.suffix == ".mp4" and clips["gHO_sFM_c01_d20_mHO3_ch11"].music.name == "mHO3.wav"
    assert {skip.name: skip.reason for skip in listing.skipped} == {
        AIST_SEQUENCES["train"][1]: "is on the ignore list",
        AIST_SEQUENCES["train"][3]: "in the list, but has neither motions nor keypoints3d",
    }
    assert listing.notes == ["train: 1 of 3 sequences of the split have no files, first gPO_sBM_cAll_d10_mPO2_ch05"]


def test_motion_is_the_219_numbers_with_scaled_translation(tmp_path: Path) -> None:
    clip = sources_of(list_aist(write_aist(tmp_path)))["gHO_sFM_c01_d20_mHO3_ch11"]
    made = clip_features(clip)
    parameters = smpl_parameters(270, 2)
    assert made.arrays["smpl"].shape == (270, 219) and made.segments == (1, 2)
    assert np.allclose(made.arrays["smpl"][:, :3], parameters["smpl_trans"] / 92.5, atol=1e-5)
    assert made.arrays["keypoints"].shape == (135, 75) and made.arrays["features"].shape == (135, 80)
    assert abs(len(made.arrays["audio"]) / 22050 - 4.5) <= 0.051  # the piece is longer than the dance


def test_nan_in_the_motion_is_refused_in_one_line(tmp_path: Path) -> None:
    write_aist(tmp_path)
    broken = smpl_parameters(270, 2)
    broken["smpl_poses"][100:103, 5] = np.nan
    write_pickle(tmp_path / "aist_plusplus_final" / "motions" / "gHO_sFM_cAll_d20_mHO3_ch11.pkl", broken)
    clip = sources_of(list_aist(tmp_path))["gHO_sFM_c01_d20_mHO3_ch11"]
    with pytest.raises(InputError, match=r"NaN or infinite motion in 3 of 270 frames"):
        clip_features(clip)


def test_keypoints3d_stand_in_for_missing_motions(tmp_path: Path) -> None:
    write_aist(tmp_path)
    motions = tmp_path / "aist_plusplus_final" / "motions"
    name = "gHO_sFM_cAll_d20_mHO3_ch11.pkl"
    (motions / name).unlink()
    rest = np.random.default_rng(0).uniform(-50, 50, (1, 17, 3))
    joints = rest + 5 * np.sin(np.arange(270) / 9)[:, None, None]
    write_pickle(motions.parent / "keypoints3d" / name, {"keypoints3d": joints, "keypoints3d_optim": joints})
    clip = sources_of(list_aist(tmp_path))["gHO_sFM_c01_d20_mHO3_ch11"]
    made = clip_features(clip)
    assert made.arrays["smpl"].shape == (270, 219) and np.isfinite(made.arrays["smpl"]).all()
    joints[:2, 3] = np.nan
    write_pickle(motions.parent / "keypoints3d" / name, {"keypoints3d": joints})
    with pytest.raises(InputError, match="NaN or infinite motion in 2 of 270 frames"):
        clip_features(clip)


def test_a_song_in_training_and_test_is_refused_and_named(tmp_path: Path) -> None:
    write_aist(tmp_path)
    split = tmp_path / "aist_plusplus_final" / "splits" / "crossmodal_test.txt"
    split.write_text(split.read_text() + "gBR_sBM_cAll_d06_mBR1_ch03\n")
    write_pickle(tmp_path / "aist_plusplus_final" / "motions" / "gBR_sBM_cAll_d06_mBR1_ch03.pkl", smpl_parameters(200, 9))
    with pytest.raises(InputError, match=r"song 'mBR1' is in two splits, train \(gBR_.*\) and test \(gBR_sBM_c01_d06_mBR1_ch03\)"):
        list_aist(tmp_path)


def test_a_folder_without_annotations_says_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"google\.github\.io/aistplusplus_dataset"):
        list_aist(tmp_path)


def segment_list(folder: Path, lines: list[str], split: str = "train") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"aist_audio_{split}_segment.txt"
    path.write_text("".join(f"./aistplus/audio_s2/{split}/{line}.wav\n" for line in lines))
    return path


def test_a_published_list_chooses_segments_and_is_compared_with_the_split(tmp_path: Path) -> None:
    data, lists = write_aist(tmp_path / "data"), tmp_path / "lists"
    segment_list(lists, ["gBR_sBM_c01_d04_mBR1_ch01_seg2", "gHO_sFM_c01_d20_mHO3_ch11_seg1", "gHO_sFM_c01_d20_mHO3_ch11_seg9"])
    listing = list_aist(data, lists=lists)
    assert {name: clip.segments for name, clip in sources_of(listing).items()} == {
        "gBR_sBM_c01_d04_mBR1_ch01": (2,),
        "gHO_sFM_c01_d20_mHO3_ch11": (1, 9),
    }
    # The split's sequences have 5 + 5 + 15 + 4 segments, of which the list has three.
    assert listing.notes == ["aist_audio_train_segment.txt: 3 segments; the official split gives 26 more and 0 fewer"]
    made = clip_features(sources_of(listing)["gHO_sFM_c01_d20_mHO3_ch11"])
    assert made.segments == (1,) and made.unfit == (9,)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a_seg1.wav\n\nb_seg1.wav\n", "line 2: has no entry"), ("a_seg1.wav\na_seg1.wav\n", "more than once"), ("", "is empty")],
)
def test_lists_with_missing_or_double_entries_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_list(path)


def test_labels_that_contradict_the_names_are_counted(tmp_path: Path) -> None:
    path = segment_list(tmp_path, ["gBR_sBM_c01_d04_mBR1_ch01_seg2", "gHO_sFM_c01_d20_mHO3_ch11_seg1"])
    one_hot = np.zeros((2, 10))
    one_hot[[0, 1], [0, 5]] = 1
    np.save(tmp_path / "train_genre.npy", one_hot)
    check_labels(published_segments(path), tmp_path / "train_genre.npy")
    np.save(tmp_path / "train_genre.npy", one_hot[:, ::-1])
    with pytest.raises(InputError, match="2 of 2 genres are not those of the names, first line 1: JB for gBR"):
        list_aist(write_aist(tmp_path / "data"), lists=tmp_path)
    np.save(tmp_path / "train_genre.npy", one_hot[:1])
    with pytest.raises(InputError, match=r"shape \(1, 10\); expected \(2, 10\)"):
        check_labels(published_segments(path), tmp_path / "train_genre.npy")


def test_released_segments_keep_their_numbers_and_names(tmp_path: Path) -> None:
    clips = {"train": ("gBR_sBM_c01_d04_mBR1_ch01_seg1", "gBR_sBM_c01_d04_mBR1_ch01_seg2"), "test": ("gLO_sBM_c01_d14_mLO2_ch02_seg3",)}
    write_released(tmp_path, "aist", clips, width=219, frames=120)
    sources = sources_of(list_aist_segments(tmp_path))
    assert {name: clip.song for name, clip in sources.items()} == {
        "gBR_sBM_c01_d04_mBR1_ch01_seg1": "mBR1", "gBR_sBM_c01_d04_mBR1_ch01_seg2": "mBR1", "gLO_sBM_c01_d14_mLO2_ch02_seg3": "mLO2",
    }  # fmt: skip
    made = clip_features(sources["gBR_sBM_c01_d04_mBR1_ch01_seg2"])
    assert np.array_equal(made.arrays["smpl"], np.load(tmp_path / "aistplus/motion_s2/train/gBR_sBM_c01_d04_mBR1_ch01_seg2.npy"))
    assert np.array_equal(made.arrays["visual"], np.ones((1, 2048)))


def test_published_lists_and_labels_agree_with_names_and_regenerated_lists(shared_dir: Path) -> None:
    lists = shared_dir / "data" / "lists"
    if not lists.is_dir():
        pytest.skip(f"{lists} is missing")
    for split, count in (("train", 6632), ("test", 86)):
        path = find_list(lists, f"aist_audio_{split}_segment")
        assert path is not None
        segments = published_segments(path)
        assert len(segments) == count
        check_labels(segments, next(lists.glob(f"{split}_genre.npy*")))
        official = [AistName.parse(line) for line in read_list(lists / f"crossmodal_{split}.txt")]
        assert compare_lists(segments, regenerate(official)) == ([], [])
