"""The picture stream is copied bit by bit, and the new music starts with the first picture."""

from __future__ import annotations

import errno
import os
import resource
import signal
import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

import videos
from dance2music.errors import InputError
from dance2music.types import Audio
from dance2music.video import mux as mux_module
from dance2music.video.frames import check_mux, mux, probe, read_frames

SUFFIXES = [".mp4", ".mov", ".mkv"]
MKV_CLOCK_SECONDS = 0.0005
"""Matroska counts in milliseconds: a time stamp may move by half of one."""


def clicks(sample_rate: int = 44100, *, seconds: float = 2.0, channels: int = 1) -> tuple[Audio, np.ndarray]:
    """Bursts of 4 ms at 3 kHz every half second from 0.25 s on, and their times."""
    samples = np.zeros((channels, round(seconds * sample_rate)), np.float32)
    times = np.arange(0.25, seconds - 0.1, 0.5)
    burst = 0.9 * np.sin(2 * np.pi * 3000 * np.arange(round(0.004 * sample_rate)) / sample_rate)
    for time in times:
        begin = round(time * sample_rate)
        samples[:, begin : begin + len(burst)] = burst
    return Audio(samples, sample_rate), times


def picture_packets(path: Path) -> list[tuple[Fraction, Fraction, bool, bytes]]:
    """Presentation and decoding time (0 where there is none, as in mkv), key or not, and payload of every picture packet."""
    with av.open(f"file:{path}") as source:
        stream = source.streams.video[0]
        packets = [p for p in source.demux(stream) if p.size]
        return [(p.pts * p.time_base, (p.dts or 0) * p.time_base, p.is_keyframe, bytes(p)) for p in packets]


def heard(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Times and values of the sound as a player gives it out."""
    with av.open(f"file:{path}") as source:
        stream = source.streams.audio[0]
        blocks = [(float(f.time), f.to_ndarray()[0], f.sample_rate) for f in source.decode(stream)]
    times = [start + np.arange(len(block)) / rate for start, block, rate in blocks]
    return np.concatenate(times), np.concatenate([block for _, block, _ in blocks])


def clock_start(path: Path) -> float:
    """Time stamp in seconds with which a file's clock starts."""
    with av.open(str(path)) as source:
        return source.start_time / av.time_base


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("plain.mp4", {}),
        ("reordered.mp4", {"b_frames": 2}),
        ("late.mp4", {"start_seconds": 0.4}),
        ("ten-bit.mp4", {"codec": "libx265", "pixel_format": "yuv420p10le"}),
        ("odd.mov", {"size": (97, 63), "pixel_format": "yuv444p"}),
        ("aspect.mp4", {"pixel_aspect": Fraction(4, 3)}),
        ("other.mkv", {"audio": False, "fps": 60000 / 1001}),
    ],
)
def test_pictures_are_copied_bit_by_bit(tmp_path: Path, name: str, settings: dict, suffix: str) -> None:
    source, out = videos.write_video(tmp_path / name, **settings), tmp_path / f"out{suffix}"
    mux(source, clicks()[0], out)
    before, after = picture_packets(source), picture_packets(out)
    assert [p[2:] for p in after] == [p[2:] for p in before]
    tolerance = MKV_CLOCK_SECONDS if suffix == ".mkv" else 0
    assert max(abs(a[0] - b[0]) for a, b in zip(after, before)) <= tolerance
    if suffix != ".mkv" and source.suffix != ".mkv":
        assert [p[1] for p in after] == [p[1] for p in before]
    old, new = probe(source), probe(out)
    assert (new.width, new.height, new.codec, new.pixel_format) == (old.width, old.height, old.codec, old.pixel_format)
    assert new.duration_seconds == pytest.approx(old.duration_seconds, abs=0.002)
    assert new.start_seconds == pytest.approx(old.start_seconds, abs=0.001)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, out.name])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_variable_frame_rate_is_kept(tmp_path: Path, suffix: str) -> None:
    source, out = videos.variable_rate(tmp_path / "a.mp4"), tmp_path / f"out{suffix}"
    mux(source, clicks()[0], out)
    before, after = [[f.time_seconds for f in read_frames(path, fps=1000)] for path in (source, out)]
    assert after == pytest.approx(before, abs=0.001 if suffix == ".mkv" else 1e-9)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_phone_videos_stay_upright(tmp_path: Path, degrees: int, suffix: str) -> None:
    source, out = videos.write_video(tmp_path / "a.mp4", rotation_degrees=degrees, seconds=1.0), tmp_path / f"out{suffix}"
    mux(source, clicks()[0], out)
    assert probe(out).rotation_degrees == degrees
    for before, after in zip(read_frames(source), read_frames(out)):
        assert np.array_equal(before.image, after.image)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_trim_without_encoding_is_kept(tmp_path: Path, suffix: str) -> None:
    source, out = videos.trimmed(tmp_path / "a.mp4"), tmp_path / f"out{suffix}"
    mux(source, clicks()[0], out)
    assert picture_packets(out) == picture_packets(source)
    before, after = list(read_frames(source)), list(read_frames(out))
    assert len(before) == len(after) == 75
    assert all(np.array_equal(b.image, a.image) for b, a in zip(before, after))


def test_hidden_pictures_are_not_brought_to_light_by_mkv(tmp_path: Path) -> None:
    source, out = videos.trimmed(tmp_path / "a.mp4"), tmp_path / "out.mkv"
    for write in (lambda: check_mux(source, out), lambda: mux(source, clicks()[0], out)):
        with pytest.raises(InputError, match=r"0\.50 s of hidden pictures .*expected \.mp4 or \.mov"):
            write()
    assert not out.exists()


def test_colours_tags_and_apples_codec_name_are_kept(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    colours = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc:log-level=none:pools=none"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(videos.CODEC_OPTIONS, "libx265", {"preset": "ultrafast", "x265-params": colours})
        source = videos.write_video(
            tmp_path / "a.mov", codec="libx265", pixel_format="yuv420p10le", tag="hvc1", metadata={"title": "Ünser Tanz"}
        )
    mux(source, clicks()[0], out)
    with av.open(str(out)) as result:
        codec = result.streams.video[0].codec_context
        assert codec.codec_tag == "hvc1"
        assert (codec.color_primaries, codec.color_trc, codec.colorspace) == (9, 18, 9)  # BT.2020, HLG, BT.2020 (ITU-T H.273)
        assert result.metadata["title"] == "Ünser Tanz"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("sample_rate", [22050, 44100, 48000])
@pytest.mark.parametrize("settings", [{}, {"start_seconds": 0.4}, {"b_frames": 2}], ids=["plain", "late", "reordered"])
def test_the_music_starts_with_the_first_picture(tmp_path: Path, settings: dict, sample_rate: int, suffix: str) -> None:
    source, out = videos.write_video(tmp_path / "a.mp4", **settings), tmp_path / f"out{suffix}"
    music, expected = clicks(sample_rate, channels=2 if sample_rate == 48000 else 1)
    mux(source, music, out)
    times, values = heard(out)
    times = times - probe(out).start_seconds
    for click in expected:
        near = np.abs(times - click) < 0.1
        onset = times[near][np.argmax(np.abs(values[near]) > 0.3)]
        assert onset == pytest.approx(click, abs=0.001)  # measured 0.05 ms; Matroska rounds to 0.5 ms


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("music_seconds", [1.0, 2.0, 3.0])
def test_music_that_is_too_long_is_cut_with_the_picture(tmp_path: Path, music_seconds: float, suffix: str) -> None:
    source, out = videos.write_video(tmp_path / "a.mp4", audio=False), tmp_path / f"out{suffix}"
    mux(source, Audio(np.zeros((1, round(44100 * music_seconds)), np.float32), 44100), out)
    with av.open(str(out)) as result:
        sound = result.streams.audio[0]
        assert float(sound.duration * sound.time_base) == pytest.approx(min(2.0, music_seconds), abs=1024 / 44100)
        assert result.duration / av.time_base == pytest.approx(2.0, abs=0.001)


def test_the_old_sound_is_gone(tmp_path: Path) -> None:
    source, out = videos.write_video(tmp_path / "a.mp4"), tmp_path / "out.mp4"
    mux(source, Audio(np.zeros((1, 88200), np.float32), 44100), out)
    with av.open(str(out)) as result:
        assert len(result.streams.audio) == 1
    assert np.abs(heard(out)[1]).max() < 1e-3


def test_a_transport_stream_goes_into_mp4(tmp_path: Path) -> None:
    source, out = videos.write_video(tmp_path / "a.ts", start_seconds=50.0, audio=False), tmp_path / "out.mp4"
    mux(source, clicks()[0], out)
    info = probe(out)
    assert info.start_seconds == pytest.approx(0.0, abs=0.001)
    assert info.duration_seconds == pytest.approx(2.0, abs=0.002)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_music_of_a_transport_stream_starts_with_its_first_picture_whatever_its_clock_says(tmp_path: Path, suffix: str) -> None:
    source, out = videos.write_video(tmp_path / "a.ts", start_seconds=50.0, audio=False), tmp_path / f"out{suffix}"
    music, expected = clicks()
    mux(source, music, out)
    times, values = heard(out)
    start = probe(out).start_seconds
    assert probe(source).start_seconds - start == pytest.approx(clock_start(source), abs=0.001)
    loud = times[np.abs(values) > 0.3] - start
    assert loud[0] == pytest.approx(expected[0], abs=0.001) and loud[-1] == pytest.approx(expected[-1], abs=0.006)


def test_tags_of_the_pictures_are_kept_and_those_of_the_old_container_are_not(tmp_path: Path) -> None:
    plain, source, out = videos.write_video(tmp_path / "plain.mp4", metadata={"title": "mine"}), tmp_path / "a.mp4", tmp_path / "out.mkv"
    with av.open(str(plain)) as read, av.open(str(source), "w") as written:
        written.metadata.update({"title": "mine"})
        stream = written.add_stream_from_template(read.streams.video[0], opaque=True)
        stream.metadata["language"] = "deu"
        for packet in read.demux(read.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)
    mux(source, clicks()[0], out)
    with av.open(str(out)) as result:
        assert result.streams.video[0].metadata.get("language") in ("deu", "ger")
        assert result.metadata["title"] == "mine"
        assert not {"major_brand", "minor_version", "compatible_brands"} & {key.lower() for key in result.metadata}


@pytest.mark.parametrize(("ticks", "expected"), [(30, 1020), (1000, 1000), (1001, 1001), (90_000, 90_000)])
def test_the_clock_of_the_header_is_a_multiple_of_the_pictures_and_fine_enough(ticks: int, expected: int) -> None:
    assert mux_module._timescale(SimpleNamespace(time_base=Fraction(1, ticks))) == expected  # type: ignore[arg-type]


def test_sound_and_pictures_lie_side_by_side_in_the_file(tmp_path: Path) -> None:
    source, out = videos.write_video(tmp_path / "a.mp4"), tmp_path / "out.mp4"
    mux(source, clicks()[0], out)
    with av.open(str(out)) as result:
        packets = [p for p in result.demux() if p.size]
    in_file = sorted(packets, key=lambda p: p.pos)
    seconds = [float(p.dts * p.time_base) for p in in_file]
    assert all(later > earlier - 0.25 for earlier, later in pairwise(seconds))  # a player never has to read far ahead


@pytest.mark.parametrize("name", ["out.webm", "out.avi", "out", "out.wav"])
def test_an_unknown_suffix_is_refused_before_any_work(tmp_path: Path, name: str) -> None:
    source = videos.write_video(tmp_path / "a.mp4")
    for write in (lambda: check_mux(source, tmp_path / name), lambda: mux(source, clicks()[0], tmp_path / name)):
        with pytest.raises(InputError, match=r"expected \.mp4, \.mov, \.mkv"):
            write()


def test_a_codec_that_the_container_cannot_hold_is_refused_before_any_work(tmp_path: Path) -> None:
    source = videos.write_video(tmp_path / "a.webm", codec="libvpx-vp9", audio=False)
    with pytest.raises(InputError, match=r"\.mov cannot hold the picture stream of a\.webm .*\.mkv") as caught:
        check_mux(source, tmp_path / "out.mov")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot hold"):
        mux(source, clicks()[0], tmp_path / "out.mov")
    assert [p.name for p in tmp_path.iterdir()] == ["a.webm"]
    check_mux(source, tmp_path / "out.mkv")


def test_the_input_is_not_overwritten(tmp_path: Path) -> None:
    source = videos.write_video(tmp_path / "a.mp4")
    with pytest.raises(InputError, match="is the input itself"):
        check_mux(source, tmp_path / "." / "a.mp4")


def test_check_mux_leaves_nothing_behind(tmp_path: Path) -> None:
    source = videos.write_video(tmp_path / "a.mp4", b_frames=2)
    for suffix in SUFFIXES:
        check_mux(source, tmp_path / f"out{suffix}")
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_a_missing_folder_is_refused_before_any_work(tmp_path: Path) -> None:
    source = videos.write_video(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=r"folder .* does not exist"):
        check_mux(source, tmp_path / "nowhere" / "out.mp4")


def test_a_read_only_folder_is_refused_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = videos.write_video(tmp_path / "a.mp4")

    def refuse(**settings: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("dance2music.files.tempfile.mkstemp", refuse)  # tests may run as root, who may write everywhere
    with pytest.raises(InputError, match=r"cannot write into .*Read-only file system"):
        check_mux(source, tmp_path / "out.mp4")


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals need the main thread")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_gives_one_line_and_no_file(tmp_path: Path, suffix: str) -> None:
    source, out = videos.write_video(tmp_path / "a.mp4", seconds=3.0), tmp_path / f"out{suffix}"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:  # the system refuses every byte of a file beyond the limit, as it does on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
        with pytest.raises(InputError, match=r"cannot be written .*free space") as caught:
            mux(source, clicks()[0], out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_ctrl_c_leaves_the_old_output_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    source, out = videos.write_video(tmp_path / "a.mp4"), tmp_path / f"out{suffix}"
    out.write_text("from before")
    encode = mux_module.aac_packets

    def interrupted(*args: object, **settings: object) -> Iterator[object]:
        for count, packet in enumerate(encode(*args, **settings)):
            if count == 20:
                raise KeyboardInterrupt
            yield packet

    monkeypatch.setattr(mux_module, "aac_packets", interrupted)
    with pytest.raises(KeyboardInterrupt):
        mux(source, clicks()[0], out)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", out.name]
    assert out.read_text() == "from before"


def test_real_clips_keep_their_pictures(shared_dir: Path, tmp_path: Path) -> None:
    clips = sorted((shared_dir / "data" / "clips").glob("*.mp4"))
    if not clips:
        pytest.skip("no clips in the shared folder")
    for clip in clips:
        out = tmp_path / clip.name
        mux(clip, clicks()[0], out)
        assert picture_packets(out) == picture_packets(clip), clip
