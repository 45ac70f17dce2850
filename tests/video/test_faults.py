"""What people's files have: kept to the picture, or refused at once with the reason; what `check_mux` lets through, `mux` writes."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import videos
from dance2music.errors import InputError
from dance2music.types import Audio
from dance2music.video import mux as mux_module
from dance2music.video.frames import check_mux, mux, probe, read_frames
from video import faults
from video.faults import EMPTY


def shown(path: Path, stream: int = 0) -> list[float]:
    """Times of the pictures that FFmpeg shows, from the first on."""
    with av.open(str(path)) as source:
        times = [float(frame.time) for frame in source.decode(source.streams.video[stream])]
    return [time - times[0] for time in times]


def sound_seconds(path: Path) -> float:
    with av.open(str(path)) as source:
        return sum(frame.samples / frame.sample_rate for frame in source.decode(source.streams.audio[0]))


def silence(seconds: float) -> Audio:
    return Audio(np.zeros((1, round(44100 * seconds)), np.float32), 44100)


def given_music(source: Path, out: Path) -> Path:
    """What `generate` does with a file: looks, checks, reads, writes."""
    info = probe(source)
    check_mux(info, out)
    assert list(read_frames(info))
    mux(info, silence(60.0), out)
    return out


CUTS = {
    "the end": ([(1500, 0)], 1.5, 45),
    "the beginning": ([(3000, 1000)], 3.0, 90),
    "both ends": ([(1500, 1033)], 1.5, 45),
    "a late beginning and the end": ([(700, EMPTY), (1500, 500)], 1.5, 45),
    "the middle": ([(1000, 0), (1500, 2000)], 2.5, 75),
    "an order": ([(1000, 2000), (1000, 500)], 2.0, 60),
    "repeats": ([(1000, 500), (1000, 500), (1000, 2000)], 3.0, 90),
    "a gap": ([(1000, 0), (500, EMPTY), (1000, 2000)], 2.5, None),
}


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("name", CUTS)
def test_what_an_edit_list_shows_is_kept_to_the_picture(tmp_path: Path, name: str, b_frames: int, suffix: str) -> None:
    lines, seconds, pictures = CUTS[name]
    source = faults.edited(tmp_path / "cut.mp4", lines, b_frames=b_frames)
    assert probe(source).duration_seconds == pytest.approx(seconds, abs=0.001)
    out = given_music(source, tmp_path / f"out{suffix}")
    np.testing.assert_allclose(shown(out), shown(source), atol=1e-4)
    assert pictures is None or len(shown(out)) == pictures
    assert sound_seconds(out) == pytest.approx(seconds, abs=0.06)
    assert probe(out).duration_seconds == pytest.approx(seconds, abs=0.001)


def test_the_headers_of_movie_and_track_say_the_length_that_is_shown(tmp_path: Path) -> None:
    out = given_music(faults.edited(tmp_path / "cut.mp4", CUTS["the middle"][0]), tmp_path / "out.mp4").read_bytes()
    movie, track = out.index(b"mvhd"), out.index(b"tkhd")  # both of version 0 (ISO/IEC 14496-12, 8.2.2 and 8.3.2)
    ticks, length = struct.unpack_from(">II", out, movie + 16)
    (shown_length,) = struct.unpack_from(">I", out, track + 24)
    assert length / ticks == pytest.approx(2.5, abs=0.06) and shown_length / ticks == pytest.approx(2.5, abs=0.001)


def test_a_cut_end_needs_no_edit_list_in_mkv_and_a_cut_middle_is_refused_at_once(tmp_path: Path) -> None:
    end, middle = faults.edited(tmp_path / "end.mp4", [(1500, 0)]), faults.edited(tmp_path / "middle.mp4", CUTS["the middle"][0])
    assert len(shown(given_music(end, tmp_path / "out.mkv"))) == 45
    with pytest.raises(InputError, match=r"2 parts that an edit list joins; expected \.mp4 or \.mov"):
        check_mux(middle, tmp_path / "out.mkv")


def test_a_picture_that_an_edit_list_holds_is_refused(tmp_path: Path) -> None:
    path = faults.edited(tmp_path / "held.mp4", [(1000, 0), (1500, 1000)])
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 12 + 20 + 16
    assert data[at : at + 4] == b"\0\1\0\0"
    data[at : at + 4] = bytes(4)
    path.write_bytes(data)
    with pytest.raises(InputError, match="plays a part at another speed or holds a picture"):
        probe(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_pixel_aspect_that_only_the_container_has_is_kept(tmp_path: Path, suffix: str) -> None:
    source = faults.copied(tmp_path / "wide.mp4", [videos.write_video(tmp_path / "a.mp4", audio=False)], aspect=Fraction(4, 3))
    out = given_music(source, tmp_path / f"out{suffix}")
    with av.open(str(out)) as written:
        assert written.streams.video[0].sample_aspect_ratio == Fraction(4, 3)
    with pytest.raises(InputError, match="makes pixels 4/3"):
        check_mux(source, tmp_path / "out.mkv")


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_record_of_dolby_vision_is_kept(tmp_path: Path, suffix: str) -> None:
    record = b"\0\0\0\x20dvvC" + bytes([1, 0, 16, 0b00001101]) + bytes([0b01000000]) + bytes(19)
    source = faults.described(tmp_path / "dolby.mp4", {b"dvvC": record}, codec="libx265", pixel_format="yuv420p10le", audio=False)
    out = given_music(source, tmp_path / f"out{suffix}")
    assert out.read_bytes().count(record[4:13]) == 1
    assert len(shown(out)) == 60


def test_the_letters_of_a_codec_and_quicktimes_keys_are_kept(tmp_path: Path) -> None:
    keys = {"com.apple.quicktime.make": "Maker", "com.apple.quicktime.location.ISO6709": "+52.5+013.4/"}
    source = videos.write_video(
        tmp_path / "proxy.mov",
        codec="prores_ks",
        pixel_format="yuv422p10le",
        tag="apco",
        metadata=keys,
        options={"movflags": "use_metadata_tags"},
        seconds=1.0,
        audio=False,
    )
    with av.open(str(given_music(source, tmp_path / "out.mov"))) as written:
        assert written.streams.video[0].codec_context.codec_tag == "apco"
        assert keys.items() <= written.metadata.items()


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_pictures_without_a_length_are_moved_on_by_a_tick(tmp_path: Path, suffix: str) -> None:
    source = faults.standing(tmp_path / "stands.mp4", pictures=[10, 30, 31])
    out = given_music(source, tmp_path / f"out{suffix}")
    assert len(shown(out)) == 61
    np.testing.assert_allclose(shown(out), shown(source), atol=0.0021)


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "back.ts": (lambda p: faults.joined(p, 5.0, 5.0), r"jumps back by 1\.9\d s at 1\.9\d s"),
    "ahead.ts": (lambda p: faults.joined(p, 5.0, 502.0), r"jumps ahead by 495\.\d\d s at 1\.9\d s"),
    "ahead.mp4": (
        lambda p: videos.write_video(p, [*(n / 30 for n in range(60)), 60.0], audio=False),
        r"jumps ahead by 58\.03 s at 1\.97 s",
    ),
    "stopped.mp4": (lambda p: faults.standing(p, pictures=range(20, 50)), r"stands still from 0\.\d\d s on \(30 of 61"),
    "reordered.avi": (lambda p: videos.write_video(p, b_frames=2), r"stored in another order.*ffmpeg -i reordered\.avi"),
    "raw.h264": (lambda p: videos.write_video(p, audio=False), r"has no times;.*ffmpeg -r 30 -i raw\.h264 -c copy"),
    "raw.hevc": (lambda p: videos.write_video(p, audio=False, codec="libx265"), "has no times"),
    "renamed.mp4": (lambda p: videos.write_video(p.with_suffix(".h264"), audio=False).rename(p), "has no times"),
    "still.mkv": (lambda p: faults.still(p), "has one picture"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    make, message = REFUSED[name]
    path = make(tmp_path / name)
    with pytest.raises(InputError, match=message) as caught:
        probe(path)
    assert "\n" not in str(caught.value)


LISTS = {
    "concat.mp4": "ffconcat version 1.0\nfile base.mp4\n",
    "file.mp4": "file 'base.mp4'\n",
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nbase.mp4\n#EXT-X-ENDLIST\n",
    "list.mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period/></MPD>\n',
    "byte-mark.mp4": "\ufeff#EXTM3U\nbase.mp4\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_no_file_opens_another(tmp_path: Path, name: str) -> None:
    videos.write_video(tmp_path / "base.mp4", audio=False)
    path = tmp_path / name
    path.write_text(LISTS[name], encoding="utf-8")
    with pytest.raises(InputError, match="is a list of other files, which are not opened"):
        probe(path)


@pytest.mark.parametrize("name", ["picture.png", "%d.png"])
def test_pictures_and_patterns_of_names_are_no_videos(tmp_path: Path, name: str) -> None:
    for number in range(3):
        videos.write_video(tmp_path / f"{number}.png", [0.0], audio=False, codec="png", pixel_format="rgb24")
    (tmp_path / "0.png").rename(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read as a video"):
        probe(tmp_path / name)


def test_a_still_before_the_dance_is_passed_over(tmp_path: Path) -> None:
    dance = videos.write_video(tmp_path / "dance.mp4", audio=False)
    source = faults.copied(tmp_path / "cover.mkv", [faults.still(tmp_path / "still.mkv"), dance])
    assert (probe(source).width, probe(source).height) == (videos.WIDTH, videos.HEIGHT)
    assert shown(given_music(source, tmp_path / "out.mp4")) == pytest.approx(shown(dance), abs=0.001)


def test_of_several_picture_streams_the_default_one_is_taken_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    parts = [videos.write_video(tmp_path / f"{n}.mp4", audio=False, size=(64 + 32 * n, 64)) for n in range(3)]
    source = faults.copied(tmp_path / "three.mkv", parts, default=1)
    info = probe(source)
    assert (info.width, info.video_streams) == (96, 3)
    assert "has 3 picture streams; stream 1 is taken" in caplog.text


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(InputError, match="no file that can be read twice"):
        probe(tmp_path / "pipe.mp4")


def test_a_name_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be the name of a file"):
        probe(tmp_path / "a\0b.mp4")


def test_the_advice_names_a_container_that_takes_the_pictures_or_a_command(tmp_path: Path) -> None:
    theora = videos.write_video(tmp_path / "a.mkv", codec="prores_ks", pixel_format="yuv422p10le", seconds=1.0)
    with pytest.raises(InputError, match=r"prores: .*name the output \.mov or \.mkv$"):
        check_mux(theora, tmp_path / "out.mp4")
    film = videos.write_video(tmp_path / "a.gif", codec="gif", pixel_format="rgb8", audio=False)
    for suffix in (".mp4", ".mkv"):
        with pytest.raises(InputError, match=r"\(gif: .*; name the output \.mov"):
            check_mux(film, tmp_path / f"out{suffix}")


def test_the_check_goes_through_all_packets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = videos.write_video(tmp_path / "dance.mp4", seconds=2.0)
    seen = []
    real = mux_module._packets
    monkeypatch.setattr(mux_module, "_packets", lambda *a: (seen.append(packet.dts) or packet for packet in real(*a)))
    check_mux(source, tmp_path / "out.mp4")
    assert len(seen) == 60


def test_the_inputs_that_were_handed_over_are_kept_or_refused(shared_dir: Path, tmp_path: Path) -> None:
    folder = shared_dir / "data" / "faults"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing")
    pictures = {"base.mp4": 90, "cover_first.mkv": 90, "dovi84.mp4": 90, "hold.mp4": 60, "qt_keys.mov": 90, "sar_4_3.mp4": 90}
    pictures |= {"stts_zero.mp4": 90, "trim_both.mp4": 45, "trim_end.mp4": 45, "proxy.mov": 45}
    for path in sorted(folder.iterdir()):
        out = tmp_path / f"{path.stem}{path.suffix if path.suffix in ('.mov', '.mkv') else '.mp4'}"
        if path.name in pictures:
            assert len(shown(given_music(path, out))) == pictures[path.name], path.name
        else:
            with pytest.raises(InputError, match=r"list of other files|jumps back|no times"):
                given_music(path, out)
