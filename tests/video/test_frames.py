"""Probing and reading videos, good and bad ones; all of them are made here."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import videos
from dance2music.errors import InputError
from dance2music.video import container
from dance2music.video import frames as video
from dance2music.video.frames import Frame, orient, probe, read_frames

BAR_TOLERANCE_SECONDS = 0.5 / 30
"""The bar that tells the time in the test pictures moves in whole pixels: about a hundredth of a second."""


CORNERS = {
    "upper left": (slice(1, 6), slice(1, 6)),
    "upper right": (slice(1, 6), slice(-6, -1)),
    "lower left": (slice(-6, -1), slice(1, 6)),
    "lower right": (slice(-6, -1), slice(-6, -1)),
}


def shows_its_time(frame: Frame) -> bool:
    return abs(videos.bar_time(frame.image) - frame.time_seconds % 1.0) < BAR_TOLERANCE_SECONDS


def red_in_upper_left(image: np.ndarray) -> bool:
    redness = image[..., 0].astype(int) - image[..., 1]
    corners = {name: redness[rows, columns].mean() for name, (rows, columns) in CORNERS.items()}
    return bool(corners.pop("upper left") > 100 and max(corners.values()) < 50)


def test_probe_tells_what_a_plain_video_holds(tmp_path: Path) -> None:
    info = probe(videos.write_video(tmp_path / "a.mp4"))
    assert (info.width, info.height, info.rotation_degrees) == (videos.WIDTH, videos.HEIGHT, 0)
    assert info.fps == pytest.approx(30.0)
    assert info.duration_seconds == pytest.approx(2.0)
    assert (info.video_streams, info.has_audio, info.codec, info.pixel_format) == (1, True, "h264", "yuv420p")


def test_probe_sees_that_there_is_no_sound(tmp_path: Path) -> None:
    assert not probe(videos.write_video(tmp_path / "a.mp4", audio=False)).has_audio


@pytest.mark.parametrize("fps", [24.0, 25.0, 30000 / 1001, 30.0])
def test_slow_videos_give_every_picture(tmp_path: Path, fps: float) -> None:
    frames = list(read_frames(videos.write_video(tmp_path / "a.mp4", fps=fps)))
    assert len(frames) == round(2 * fps)
    assert [f.time_seconds for f in frames] == pytest.approx(np.arange(len(frames)) / fps, abs=1 / videos.CLOCK)
    assert all(shows_its_time(f) for f in frames)


@pytest.mark.parametrize("fps", [48.0, 50.0, 60000 / 1001, 60.0, 100.0])
def test_fast_videos_give_about_thirty_pictures_a_second(tmp_path: Path, fps: float) -> None:
    frames = list(read_frames(videos.write_video(tmp_path / "a.mp4", fps=fps, seconds=3.0)))
    assert 24 * 3 <= len(frames) <= 31 * 3
    assert all(shows_its_time(f) for f in frames)


@pytest.mark.parametrize("b_frames", [0, 1, 2, 3])
def test_pictures_that_are_not_needed_are_not_decoded_and_no_gap_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, b_frames: int
) -> None:
    path = videos.write_video(tmp_path / "a.mp4", fps=60.0, seconds=4.0, audio=False, b_frames=b_frames)
    decoded = 0
    decode = container.decode

    def count(*args: object) -> object:
        nonlocal decoded
        for frame in decode(*args):
            decoded += 1
            yield frame

    monkeypatch.setattr("dance2music.video.frames.decode", count)
    frames = list(read_frames(path, fps=24.0))
    assert decoded < 140 if b_frames == 1 else decoded > 100  # every other picture may be left out, or none (b_frames 0)
    gaps = np.diff([f.time_seconds for f in frames])
    assert frames[0].time_seconds == 0 and frames[-1].time_seconds > 3.9 and len(frames) > 80
    assert gaps[60:].max() < 0.07 and np.sum(gaps > 0.07) <= 2  # where too few pictures are left, soon all are decoded
    assert all(shows_its_time(f) for f in frames)


def test_a_wish_for_fewer_pictures_is_met(tmp_path: Path) -> None:
    assert len(list(read_frames(videos.write_video(tmp_path / "a.mp4"), fps=10.0))) == 20


def test_times_come_from_stamps_where_the_frame_rate_varies(tmp_path: Path) -> None:
    path = videos.variable_rate(tmp_path / "a.mp4")
    frames = list(read_frames(path))
    steps = np.diff([f.time_seconds for f in frames])
    assert steps.min() > 0.4 / 30 and steps.max() < 0.1 and steps.std() > 0.005
    assert all(shows_its_time(f) for f in frames)
    assert probe(path).duration_seconds == pytest.approx(frames[-1].time_seconds, abs=0.08)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_phone_videos_come_upright(tmp_path: Path, degrees: int) -> None:
    path = videos.write_video(tmp_path / "a.mp4", rotation_degrees=degrees)
    info = probe(path)
    assert (info.rotation_degrees, info.width, info.height) == (degrees, videos.WIDTH, videos.HEIGHT)
    for frame in read_frames(path):
        assert frame.image.shape == (videos.HEIGHT, videos.WIDTH, 3)
        assert frame.image.flags.c_contiguous
        assert red_in_upper_left(frame.image) and shows_its_time(frame)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("odd.mp4", {"size": (97, 63), "pixel_format": "yuv444p"}),
        ("ten-bit.mp4", {"codec": "libx265", "pixel_format": "yuv420p10le"}),
        ("ten-bit-h264.mp4", {"pixel_format": "yuv420p10le"}),
        ("vp9.webm", {"codec": "libvpx-vp9", "audio": False}),
        ("old.avi", {"codec": "mpeg4", "audio": False}),
        ("stream.ts", {}),
        ("fragments.mp4", {"options": {"movflags": "frag_keyframe+delay_moov"}}),
        ("reordered.mp4", {"b_frames": 2}),
        ("late.mkv", {"start_seconds": 0.4}),
        ("one: two%03d.mp4", {}),
    ],
)
def test_awkward_videos_are_read(tmp_path: Path, name: str, settings: dict) -> None:
    path = videos.write_video(tmp_path / name, **settings)
    frames = list(read_frames(path))
    assert len(frames) == 60
    assert frames[0].time_seconds == 0.0
    assert probe(path).duration_seconds == pytest.approx(2.0, abs=0.04)
    assert all(red_in_upper_left(f.image) and shows_its_time(f) for f in frames)


def test_4k_is_scaled_down(tmp_path: Path) -> None:
    path = videos.write_video(tmp_path / "a.mp4", size=(3840, 2160), fps=8.0, seconds=1.0, audio=False)
    assert (probe(path).width, probe(path).height) == (3840, 2160)
    assert {f.image.shape for f in read_frames(path)} == {(360, 640, 3)}
    assert {f.image.shape for f in read_frames(path, longest_side=320)} == {(180, 320, 3)}


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    path = videos.write_video(tmp_path / "a.mp4", pixel_aspect=videos.Fraction(4, 3))
    assert (probe(path).width, probe(path).height) == (128, 64)
    assert next(iter(read_frames(path))).image.shape == (64, 128, 3)


def test_an_edit_list_hides_the_beginning(tmp_path: Path) -> None:
    path = videos.trimmed(tmp_path / "a.mp4", cut_seconds=0.5)
    frames = list(read_frames(path))
    assert probe(path).duration_seconds == pytest.approx(2.5)
    assert frames[0].time_seconds == 0.0
    assert videos.bar_time(frames[0].image) == pytest.approx(0.5, abs=BAR_TOLERANCE_SECONDS)


def test_start_is_the_time_of_the_first_picture(tmp_path: Path) -> None:
    info = probe(videos.write_video(tmp_path / "a.mp4", start_seconds=0.4))
    assert info.start_seconds == pytest.approx(0.4)
    assert info.duration_seconds == pytest.approx(2.0)


def test_damaged_pictures_are_left_out(tmp_path: Path) -> None:
    path = videos.write_video(tmp_path / "a.mp4", seconds=3.0, audio=False)
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat") + len(data) // 3
    data[begin : begin + 300] = os.urandom(300)
    path.write_bytes(data)
    frames = list(read_frames(path))
    assert 40 <= len(frames) <= 90


def cut_within_the_last_picture(path: Path) -> None:
    videos.write_video(path, seconds=4.0, audio=False, options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:-10])


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda p: p, "cannot be read .*No such file"),
    "folder": (lambda p: p.mkdir(), "is a folder"),
    "empty": (videos.empty, r"is empty \(0 bytes\)"),
    "text": (videos.renamed_text, r"cannot be read as a video .*4200 bytes"),
    "sound": (videos.audio_only, "has no picture stream .*audio"),
    "index missing": (videos.truncated, "cannot be read as a video .*truncated"),
    "data missing": (lambda p: videos.truncated(p, index_first=True), r"pictures end after 1\.\d\d s; expected 4\.00 s"),
    "the last picture is cut": (lambda p: cut_within_the_last_picture(p), r"pictures end after 3\.\d\d s; expected 4\.00 s"),
    "too short": (lambda p: videos.write_video(p, seconds=0.3), r"is 0\.30 s long; expected 1 s to 600 s"),
    "one picture": (lambda p: videos.write_video(p, [0.0]), r"expected 1 s to 600 s"),
    "too long": (lambda p: videos.write_video(p, [7.0 * n for n in range(101)], audio=False), r"is 70\d\.0 s long; expected 1 s to 600 s"),
    "cover picture": (videos.song_with_cover, "has no picture stream"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("read", [probe, lambda path: list(read_frames(path))], ids=["probe", "read_frames"])
def test_bad_input_gets_one_clear_line(tmp_path: Path, kind: str, read: Callable[[Path], object]) -> None:
    path = tmp_path / "dance.mp4"
    make, message = BAD[kind]
    make(path)
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and "\n" not in text and ";" in text


def test_a_truncated_mkv_is_refused(tmp_path: Path) -> None:
    path = videos.write_video(tmp_path / "a.mkv", seconds=6.0, audio=False)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(InputError, match="truncated"):
        list(read_frames(path))


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = videos.write_video(tmp_path / "a.mp4")

    def refuse(*args: object, **settings: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)  # tests may run as root, who may read everything
    with pytest.raises(InputError, match="Permission denied"):
        probe(path)


def test_pictures_that_cannot_be_decoded_are_refused(tmp_path: Path) -> None:
    path = videos.write_video(tmp_path / "a.mp4", audio=False)
    data = bytearray(path.read_bytes())
    begin, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    with pytest.raises(InputError, match="can be decoded"):
        probe(path)


def test_the_decoder_runs_only_a_few_pictures_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = videos.write_video(tmp_path / "a.mp4", seconds=5.0, audio=False)
    decoded = 0
    decode = container.decode

    def count(*args: object) -> object:
        nonlocal decoded
        for frame in decode(*args):
            decoded += 1
            yield frame

    monkeypatch.setattr("dance2music.video.frames.decode", count)
    frames = read_frames(path)
    next(frames)
    for thread in threading.enumerate():
        if thread.name == "decode":
            thread.join(timeout=0.5)
    assert 0 < decoded < 30
    frames.close()
    assert not any(thread.name == "decode" for thread in threading.enumerate())


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    import gc
    import weakref

    path = videos.write_video(tmp_path / "a.mp4", seconds=3.0, audio=False)
    alive: list[weakref.ref[object]] = []
    small = video._small

    def watched(frame: object, *args: object) -> np.ndarray:
        image = small(frame, *args)  # type: ignore[arg-type]
        alive.append(weakref.ref(image))
        return image

    gc.disable()  # what only the collector of cycles frees is held for hundreds of pictures
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(video, "_small", watched)
            patch.setattr(video, "turn_of", counted := CountCalls(container.turn_of))
            for _ in read_frames(path):
                pass
        assert sum(ref() is not None for ref in alive) <= 2
        assert counted.calls == 1
    finally:
        gc.enable()


class CountCalls:
    def __init__(self, function: Callable[..., object]) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *args: object) -> object:
        self.calls += 1
        return self.function(*args)


def test_errors_of_the_decoding_thread_reach_the_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = videos.write_video(tmp_path / "a.mp4")

    def fail(*args: object) -> object:
        raise MemoryError("no memory")

    monkeypatch.setattr("dance2music.video.frames.decode", fail)
    with pytest.raises(MemoryError, match="no memory"):
        list(read_frames(path))


def test_orient_undoes_all_eight_ways_to_store_a_picture() -> None:
    upright = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    assert np.array_equal(orient(upright, (1, 0, 0, 1)), upright)
    assert np.array_equal(orient(upright[:, ::-1], (-1, 0, 0, 1)), upright)
    assert np.array_equal(orient(upright[::-1], (1, 0, 0, -1)), upright)
    assert np.array_equal(orient(upright[::-1, ::-1], (-1, 0, 0, -1)), upright)
    turned = np.rot90(upright)  # stored a quarter turn anticlockwise, so (x, y) is shown at (-y, x)
    assert np.array_equal(orient(turned, (0, 1, -1, 0)), upright)
    assert np.array_equal(orient(np.rot90(upright, 3), (0, -1, 1, 0)), upright)
    assert np.array_equal(orient(upright.transpose(1, 0, 2), (0, 1, 1, 0)), upright)
    assert np.array_equal(orient(upright[::-1, ::-1].transpose(1, 0, 2), (0, -1, -1, 0)), upright)


def test_some_real_clips_are_read_whole(shared_dir: Path) -> None:
    clips = sorted((shared_dir / "data" / "clips").glob("*.mp4"))
    if not clips:
        pytest.skip("no clips in the shared folder")
    for clip in clips[::4]:
        info = probe(clip)
        frames = list(read_frames(clip, longest_side=160))
        assert len(frames) == pytest.approx(info.duration_seconds * 30, abs=2), clip
        assert frames[-1].time_seconds == pytest.approx(info.duration_seconds, abs=0.07)
