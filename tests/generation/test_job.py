"""The main job: a video in, the same pictures with new music out, whatever the video is like."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

import tiny
import videos
from dance2music import checkpoint
from dance2music.dance import pose
from dance2music.dance.motion_files import save_motion
from dance2music.dance.tracking import Method
from dance2music.dance.watch import read_motion
from dance2music.errors import InputError
from dance2music.generation import job, outputs, pipeline
from dance2music.generation.methods import load_method
from dance2music.generation.outputs import title_of
from dance2music.generation.regenerate import SectionRequest
from dance2music.generation.regenerate import run as draw_section
from dance2music.generation.request import Request, resolve
from dance2music.generation.take import Source, Take, make_takes
from dance2music.methods.composer import Composer
from dance2music.music.audio import load_audio
from dance2music.people.dancers import of_motion
from dance2music.synthetic.drawing import example_dance, example_video
from dance2music.types import Dancer
from dance2music.video.container import VideoInfo

SECONDS = 3.0


class Bobbing:
    """A tracker that sees the same bobbing dancer in every picture, so that no network has to look at them."""

    def __init__(self) -> None:
        self.frame = 0

    def detect(self, image: np.ndarray) -> np.ndarray | None:
        self.frame += 1
        rng = np.random.default_rng(0)
        joints = np.concatenate([rng.uniform(0.3, 0.7, (33, 3)), np.full((33, 1), 0.9)], axis=1).astype(np.float32)
        joints[:, 1] += 0.05 * np.sin(self.frame * 0.4)
        joints[:, 0] *= image.shape[1]
        joints[:, 1:3] *= image.shape[0]
        return joints

    def forget(self) -> None:
        self.frame = 0


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is real but the tracker of joints."""
    monkeypatch.setitem(pose.POSE_ESTIMATORS, "holistic", Method("blazepose-33", Bobbing))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The drawn dance stands for what is seen in any video; gives the list of the videos that were watched."""
    watched: list[Path] = []

    def read_dancers(video: VideoInfo, *, progress: Callable[[float], None] | None = None) -> tuple[Dancer, ...]:
        watched.append(video.path)
        return (of_motion(example_dance(SECONDS)[0]),)

    monkeypatch.setattr("dance2music.generation.job.read_dancers", read_dancers)
    return watched


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small video without a dancer."""
    return videos.write_video(tmp_path_factory.mktemp("bars") / "clip.mp4", seconds=SECONDS)


@pytest.fixture
def video(bars: Path, tmp_path: Path) -> Path:
    """A copy of it in a folder of the test's own, with a name that is not plain."""
    return Path(shutil.copy(bars, tmp_path / "mein tanz ü.mp4"))


def request(video: Path | None, **options: Any) -> Request:
    return Request(**{"video": video, "genre": "house", "method": "composer", "plot": False} | options)


def pictures(path: Path) -> list[bytes]:
    """Packets of the picture stream."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.video[0]) if packet.size]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The real command on two seconds of the drawn dancer."""
    folder = tmp_path_factory.mktemp("real")
    example_video(folder / "dance.mp4", seconds=2.0)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = ["generate", "dance.mp4", "-o", "out.mp4", "--method", "composer", "--genre", "house", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "dance2music", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done, folder


def test_the_command_prints_json_and_nothing_else(real: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, folder = real
    assert done.returncode == 0 and done.stderr == ""
    (report,) = json.loads(done.stdout)
    assert report == json.loads((folder / "out.json").read_text())
    assert names(folder) == {"dance.mp4", "out.mp4", "out.png", "out.json"}


def test_a_drawn_dancer_is_followed_and_pictures_are_copied(real: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, folder = real
    report = json.loads((folder / "out.json").read_text())
    assert "100 %" in report["motion"]["source"] and report["genre"] == "house" and report["genre_chosen"] == "by the user"
    assert {"load", "watch", "rhythm", "music", "finish", "write", "plot", "total"} == set(report["seconds"])
    assert report["sync"]["kinematic_beats"] > 1 and report["sync"]["onsets"] > 1 and report["libraries"]["torch"]
    assert pictures(folder / "dance.mp4") == pictures(folder / "out.mp4")
    music = load_audio(folder / "out.mp4")
    assert music.duration_seconds == pytest.approx(2.0, abs=0.1) and float(np.abs(music.samples).max()) > 0.1
    assert (folder / "out.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_bits_and_takes_differ(video: Path, seen: list[Path]) -> None:
    for name in ("a", "b"):
        job.run(request(video, out=video.with_name(f"{name}.mp4"), takes=2, wav=True))
    a1, a2, b1, b2 = (video.with_name(name).read_bytes() for name in ("a-1.wav", "a-2.wav", "b-1.wav", "b-2.wav"))
    assert a1 == b1 and a2 == b2 and a1 != a2
    assert video.with_name("a-2.mp4").read_bytes() == video.with_name("b-2.mp4").read_bytes()
    assert not video.with_name("a.mp4").exists()
    (alone,) = job.run(request(video, out=video.with_name("c.mp4"), seed=1, wav=True))
    assert video.with_name("c.wav").read_bytes() == a2 and alone["seed"] == 1


def test_the_tempo_is_obeyed(video: Path, seen: list[Path]) -> None:
    (report,) = job.run(request(video, tempo_bpm=93.0))
    assert report["tempo_bpm"] == pytest.approx(93.0) and report["tempo_chosen"] == "by the user"
    assert np.diff(report["beat_times_seconds"]) == pytest.approx(60 / 93, abs=1e-3)


def test_every_file_that_was_asked_for_is_written_and_named(video: Path, seen: list[Path]) -> None:
    (report,) = job.run(request(video, wav=True, midi=video.with_name("mein tanz ü.music.mid"), plot=True))
    files = [Path(name) for name in report["files"]]
    assert [path.name for path in files] == [f"mein tanz ü.music{suffix}" for suffix in (".mp4", ".wav", ".mid", ".png", ".json")]
    assert all(path.stat().st_size > 0 for path in files) and names(video.parent) == {video.name, *(path.name for path in files)}


def test_noise_reduction_can_be_left_out(video: Path, seen: list[Path]) -> None:
    job.run(request(video, out=video.with_name("a.mp4"), wav=True, sound="soundfont"))
    (report,) = job.run(request(video, out=video.with_name("b.mp4"), wav=True, sound="soundfont", denoise=False))
    assert not report["denoised"] and video.with_name("a.wav").read_bytes() != video.with_name("b.wav").read_bytes()


def test_music_from_a_motion_file(tmp_path: Path) -> None:
    save_motion(example_dance(SECONDS)[0], tmp_path / "dance.npz")
    (report,) = job.run(request(None, from_motion=tmp_path / "dance.npz", out=tmp_path / "song.wav"))
    assert load_audio(tmp_path / "song.wav").duration_seconds == pytest.approx(SECONDS, abs=0.05)
    assert report["motion"]["skeleton"] == "smpl-24" and names(tmp_path) == {"dance.npz", "song.wav", "song.json"}


def test_gaps_in_a_motion_file_are_filled(tmp_path: Path) -> None:
    joints = example_dance(SECONDS)[0].joints.copy()
    joints[20:30, :5] = np.nan
    np.savez(tmp_path / "dance.npz", joints=joints, fps=60.0)
    job.run(request(None, from_motion=tmp_path / "dance.npz", out=tmp_path / "song.wav"))
    np.savez(tmp_path / "nobody.npz", joints=np.full_like(joints, np.nan), fps=60.0)
    with pytest.raises(InputError, match=r"nobody\.npz"):
        job.run(request(None, from_motion=tmp_path / "nobody.npz", out=tmp_path / "none.wav"))
    assert not (tmp_path / "none.wav").exists()


@pytest.mark.parametrize(("seconds", "fps"), [(0.3, 60.0), (700.0, 20.0)])
def test_a_motion_that_is_too_short_or_too_long_is_refused(tmp_path: Path, seconds: float, fps: float) -> None:
    np.savez(tmp_path / "dance.npz", joints=np.random.default_rng(0).random((round(seconds * fps), 24, 3)), fps=fps)
    with pytest.raises(InputError, match=r"expected (1 s to 600 s|at most 10 minutes)"):
        job.run(request(None, from_motion=tmp_path / "dance.npz", out=tmp_path / "song.wav"))


ODD: dict[str, Callable[[Path], Path]] = {
    "rotated": lambda path: videos.write_video(path, rotation_degrees=90),
    "variable rate": lambda path: videos.variable_rate(path, seconds=2.0),
    "odd size": lambda path: videos.write_video(path, size=(97, 65), pixel_format="yuv444p"),
    "ten bits": lambda path: videos.write_video(path, pixel_format="yuv420p10le"),
    "four k": lambda path: videos.write_video(path, seconds=1.0, fps=5.0, size=(3840, 2160)),
    "without sound": lambda path: videos.write_video(path, audio=False),
    "one second": lambda path: videos.write_video(path, seconds=1.0),
    "late start": lambda path: videos.write_video(path, start_seconds=0.5),
}


@pytest.mark.parametrize("kind", ODD)
def test_videos_of_every_kind_keep_their_pictures_and_length(tmp_path: Path, no_network: None, kind: str) -> None:
    video = ODD[kind](tmp_path / "clip.mp4")
    (report,) = job.run(request(video))
    out = Path(report["output"])
    assert pictures(video) == pictures(out)
    assert load_audio(out).duration_seconds == pytest.approx(report["duration_seconds"], abs=0.1)
    assert report["motion"]["skeleton"] == "blazepose-33"


def test_without_a_dancer_the_motion_of_the_picture_is_followed_and_said(video: Path, caplog: pytest.LogCaptureFixture) -> None:
    (report,) = job.run(request(video))
    assert report["motion"]["skeleton"] == "flow" and "optical flow" in report["motion"]["source"]
    assert any("a dancer is seen in 0 %" in record.getMessage() for record in caplog.records)


def test_a_dancer_for_part_of_the_time_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Leaving(Bobbing):
        def detect(self, image: np.ndarray) -> np.ndarray | None:
            return super().detect(image) if self.frame < 15 else None

    monkeypatch.setitem(pose.POSE_ESTIMATORS, "holistic", Method("blazepose-33", Leaving))
    (report,) = job.run(request(videos.write_video(tmp_path / "clip.mp4", seconds=SECONDS)))
    assert report["motion"]["skeleton"] == "blazepose-33" and "100 %" not in report["motion"]["source"]


BAD: dict[str, Callable[[Path], Path]] = {
    "truncated": videos.truncated,
    "truncated with its index": lambda path: videos.truncated(path, index_first=True),
    "empty": videos.empty,
    "text": videos.renamed_text,
    "sound only": videos.audio_only,
    "cover picture": videos.song_with_cover,
    "missing": lambda path: path,
    "folder": lambda path: (path.mkdir(), path)[1],
    "0.3 s": lambda path: videos.write_video(path, seconds=0.3),
    "11 min": lambda path: videos.write_video(path, seconds=660.0, fps=1.0, audio=False),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_videos_are_refused_in_one_line_before_they_are_watched(tmp_path: Path, seen: list[Path], kind: str) -> None:
    video = BAD[kind](tmp_path / "clip.mp4")
    before = names(tmp_path)
    with pytest.raises(InputError) as error:
        job.run(request(video, out=tmp_path / "out.mp4"))
    assert str(video) in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 400
    assert not seen and names(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"genre": "salsa"}, "genre 'salsa': unknown; expected one of break, pop"),
        ({"method": "magic"}, "method 'magic': unknown; expected one of planned, composer, memory, d2m-gan, creative-gan"),
        ({"tempo_bpm": 300.0}, "--tempo 300: expected 40 to 240"),
        ({"tempo_bpm": float("nan")}, "--tempo nan: expected 40 to 240"),
        ({"takes": 0}, "--takes 0: expected 1 to"),
        ({"seed": -1}, "--seed -1: expected"),
        ({"seed": 2**60}, "--seed 1152921504606846976: expected a whole number from 0 to 9007199254740992"),
        ({"method": "memory", "midi": Path("out.mid")}, "method 'memory' has no notes"),
        ({"out": Path("nowhere/out.mp4")}, "nowhere does not exist"),
        ({"out": Path("out.gif")}, r"out\.gif: unknown kind of output '\.gif'; expected a name that ends in \.mp4, .*\.wav, .*\.m4a"),
        ({"audio": Path("out.aiff")}, r"--audio out\.aiff: expected the name of a file to write that ends in \.wav"),
        ({"markers": Path("out.xml")}, r"--markers out\.xml: expected the name of a file to write that ends in \.csv or \.txt"),
        ({"stems": Path(__file__)}, r"--stems .*test_job\.py: expected a folder"),
        ({"sound": "loud"}, "--sound 'loud': unknown; method 'composer' can be heard as studio, soundfont"),
        ({"sound": "soundfont", "soundfont": __file__}, "test_job.py: not a SoundFont 2 file"),
        ({"sample_rate": 8000}, "--sample-rate 8000: expected 44100 or 48000 Hz"),
        ({"keep_original_db": 90.0}, "--keep-original 90: expected -60 to 20"),
        ({"keep_original_db": -6.0, "duck_db": -3.0}, "--duck -3: expected 0 to 60"),
        ({"duck_db": 9.0}, "--duck 9: there is nothing to give way to"),
        ({"from_motion": Path("dance.npz")}, "either a video or --from-motion"),
    ],
)
def test_bad_options_are_refused_before_the_work(video: Path, seen: list[Path], options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        job.run(request(video, **options))
    assert not seen and names(video.parent) == {video.name}


def test_neither_input_nor_an_output_of_the_wrong_kind_is_taken(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="either a video"):
        job.run(request(None))
    with pytest.raises(InputError, match="expected -o"):
        job.run(request(None, from_motion=tmp_path / "dance.npz"))
    with pytest.raises(InputError, match=r"the output is music; expected a name that ends in \.wav"):
        job.run(request(None, from_motion=tmp_path / "dance.npz", out=tmp_path / "out.mp4"))


def test_a_report_says_where_the_tempo_is_from() -> None:
    said = [job.tempo_chosen(Request(**options)) for options in ({}, {"half_time": True}, {"tempo_bpm": 90.0, "double_time": True})]
    assert said == ["from the dance", "from the dance, in half time as asked", "by the user, in double time as asked"]


def test_the_input_is_never_overwritten(video: Path, seen: list[Path], tmp_path: Path) -> None:
    before = video.read_bytes()
    with pytest.raises(InputError, match="is the input itself"):
        job.run(request(video, out=video))
    (tmp_path / "dance.json").write_text("{}")
    with pytest.raises(InputError, match="is the input itself"):
        job.run(request(None, from_motion=tmp_path / "dance.json", out=tmp_path / "dance.wav"))
    taps = tmp_path / "taps.txt"
    taps.write_text("0.1\n0.6\n1.1\n1.6\n")
    with pytest.raises(InputError, match=r"taps\.txt: is the input itself"):
        job.run(request(video, tap=taps, markers=taps))
    with pytest.raises(InputError, match="cannot be the name of a file"):
        job.run(request(video, out=tmp_path / f"{'a' * 300}.mp4"))
    assert video.read_bytes() == before and not seen


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_folder_is_refused(video: Path, seen: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot write into"):
        job.run(request(video, out=folder / "out.mp4"))
    assert not seen


def test_a_folder_in_which_no_file_can_be_made_is_refused(video: Path, seen: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("dance2music.files.tempfile.mkstemp", refuse)
    with pytest.raises(InputError, match=r"cannot write into .* \(Permission denied\)"):
        job.run(request(video))
    assert not seen


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_no_file(video: Path, seen: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = resolve(request(video, wav=True, plot=True))
    monkeypatch.setattr(job, "resolve", lambda _: resolved)
    monkeypatch.setattr("dance2music.video.mux._write", full_disk)
    with pytest.raises(InputError, match="No space left on device"):
        job.run(request(video, wav=True, plot=True))
    assert names(video.parent) == {video.name}


@pytest.mark.parametrize("where, suffix", [("soundfile.write", ".wav"), ("matplotlib.figure.Figure.savefig", ".png")])
def test_what_the_disk_has_no_room_for_beside_the_music_is_named(
    video: Path, seen: list[Path], monkeypatch: pytest.MonkeyPatch, where: str, suffix: str
) -> None:
    monkeypatch.setattr(where, full_disk)
    (report,) = job.run(request(video, wav=True, plot=True))
    (missing,) = report["not_written"].items()
    assert missing[0].endswith(suffix) and "No space left on device" in missing[1]
    assert names(video.parent) == {video.name} | {f"{video.stem}.music{kept}" for kept in {".mp4", ".wav", ".png", ".json"} - {suffix}}


def test_an_interruption_leaves_no_file(video: Path, seen: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        assert len(names(video.parent)) > 2, "some files of the take are there by now"
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs, "describe", interrupt)
    with pytest.raises(KeyboardInterrupt):
        job.run(request(video, wav=True, midi=video.with_name("n.mid"), stems=video.with_name("stems")))
    assert names(video.parent) == {video.name}


def test_an_output_that_is_there_is_replaced(video: Path, seen: list[Path]) -> None:
    out = video.with_name("out.mp4")
    out.write_text("old")
    job.run(request(video, out=out))
    assert pictures(out) == pictures(video)


@pytest.mark.parametrize(
    ("codec", "suffix", "expected"), [("libvpx-vp9", ".webm", ".mp4"), ("mpeg4", ".avi", ".mp4"), ("msmpeg4", ".avi", ".mov")]
)
def test_the_name_without_o_is_one_that_can_be_written(tmp_path: Path, codec: str, suffix: str, expected: str) -> None:
    video = tmp_path / f"dance{suffix}"
    with av.open(str(video), "w") as out:
        stream = out.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = videos.WIDTH, videos.HEIGHT, "yuv420p"
        for i in range(45):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(videos.draw(i / 30), "rgb24").reformat(format="yuv420p")))
        out.mux(stream.encode(None))
    assert [files.music for files in resolve(request(video)).outputs] == [tmp_path / f"dance.music{expected}"]


def test_weights_that_were_tampered_with_are_refused_before_the_work(
    video: Path, seen: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = checkpoint.resources.files("dance2music") / "weights"
    weights = tmp_path / "package" / "weights"
    weights.mkdir(parents=True)
    data = bytearray((source / "rhythm.safetensors").read_bytes())
    (weights / "rhythm.safetensors").write_bytes(data)
    (weights / "dance_genre.safetensors").write_bytes(data)  # intact, but of another kind
    digest = checkpoint.sha256_of(weights / "dance_genre.safetensors")
    (weights / "sha256.json").write_text(json.dumps({"dance_genre.safetensors": digest}))
    monkeypatch.setattr(checkpoint.resources, "files", lambda _: tmp_path / "package")
    pipeline.dance_genre_classifier.cache_clear()
    with pytest.raises(InputError, match="holds a 'rhythm'; expected dance-genre"):
        job.run(request(video, genre=None))
    data[-1] ^= 1
    (weights / "dance_genre.safetensors").write_bytes(data)
    with pytest.raises(InputError, match="sha256 differs"):
        job.run(request(video, genre=None))
    pipeline.dance_genre_classifier.cache_clear()
    assert not seen


def test_two_dancers_are_told_apart_by_following_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Jumping(Bobbing):
        """Sees another dancer, half a picture away, in every seventh frame of the whole picture."""

        def detect(self, image: np.ndarray) -> np.ndarray | None:
            joints = super().detect(image)
            assert joints is not None
            painted_over = (image == 127).all(axis=2).any()
            if self.frame % 7 == 0 and not painted_over:
                joints[:, 0] += 0.5 * image.shape[1]
            return joints

    motions = []
    for tracker in (Bobbing, Jumping):
        monkeypatch.setitem(pose.POSE_ESTIMATORS, "holistic", Method("blazepose-33", tracker))
        motions.append(read_motion(videos.write_video(tmp_path / "clip.mp4", size=(128, 96))))
    alone, among = motions
    assert float(np.abs(alone.joints[..., 0] - among.joints[..., 0]).max()) < 0.1


def test_two_jobs_at_once_make_what_each_makes_alone(tmp_path: Path) -> None:
    save_motion(example_dance(2.0)[0], tmp_path / "dance.npz")

    def make(method: str, name: str) -> bytes:
        job.run(request(None, from_motion=tmp_path / "dance.npz", out=tmp_path / name, method=method, genre="pop"))
        return (tmp_path / name).read_bytes()

    methods = ("composer", "dance2music-offline")
    threads, interval = torch.get_num_threads(), sys.getswitchinterval()
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(make, methods, ("a.wav", "b.wav")))
    assert together == [make(method, f"{method}.wav") for method in methods] and together[0] != together[1]
    assert (torch.get_num_threads(), sys.getswitchinterval()) == (threads, interval)


def test_an_interruption_does_not_wait_for_what_runs_beside_the_work() -> None:
    go_on, left = threading.Event(), []
    try:
        with pytest.raises(KeyboardInterrupt), job.meanwhile() as begin:
            begin(go_on.wait)
            begin(lambda: left.append("was begun after the interruption"))
            raise KeyboardInterrupt
    finally:
        go_on.set()
    assert not left
    done = threading.Event()
    with job.meanwhile() as begin:
        begin(done.set)
        assert done.wait(60)
    assert sys.getswitchinterval() == pytest.approx(0.005)


def test_a_report_names_what_made_it(video: Path, seen: list[Path]) -> None:
    (report,) = job.generate(video, genre="lock", method="composer", plot=False)
    assert report["method"] == "composer" and report["genre"] == "lock" and report["input"] == str(video)
    assert report["sync"]["lift"] == pytest.approx(report["sync"]["beat_alignment"] - report["sync"]["shifted_mean"])
    assert "composer, lock" in title_of(report) and "sync" in title_of(report)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("seed", "1", "option seed: '1' is of type str; expected a whole number"),
        ("seed", True, "option seed: True is of type bool; expected a whole number"),
        ("takes", 1.5, "option takes: 1.5 is of type float; expected a whole number"),
        ("settings", "a=b", "option settings: 'a=b' is of type str; expected a list of texts"),
        ("instruments", "drums", "option instruments: 'drums' is of type str; expected a list of texts"),
        ("instruments", [1], r"option instruments: \[1\] is of type list; expected a list of texts"),
        ("sound", None, "option sound: None is of type NoneType; expected a text"),
        ("method", None, "option method: None is of type NoneType; expected a text"),
        ("genre", 3, "option genre: 3 is of type int; expected a text or None"),
        ("tempo_bpm", "120", "option tempo_bpm: '120' is of type str; expected a number or None"),
        ("denoise", "no", "option denoise: 'no' is of type str; expected True or False"),
        ("out", 3, "option out: 3 is of type int; expected the name of a file or None"),
        ("midi", "a\0.mid", "option midi: .* expected the name of a file or None"),
    ],
)
def test_an_option_of_another_type_is_refused_in_one_line(option: str, value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        job.generate("dance.mp4", **({"out": "out.mp4"} | {option: value}))
    assert "\n" not in str(error.value)


def test_numbers_of_numpy_and_lists_are_as_good_as_pythons_own() -> None:
    given: Any = {"seed": np.int64(3), "tempo_bpm": np.float32(120), "settings": ["a=b"], "weights": "w"}
    assert Request(**given) == Request(seed=3, tempo_bpm=120.0, settings=("a=b",), weights=Path("w"))
    assert type(Request(**given).seed) is int and type(Request(tempo_bpm=120).tempo_bpm) is float
    with pytest.raises(InputError, match="option settings: 'beams=2' is of type str"):
        load_method("dance2music-offline", settings="beams=2")
    with pytest.raises(InputError, match="option begin: '1' is of type str; expected a number"):
        SectionRequest(take=Path("a.take"), begin="1", end=2.0)  # type: ignore[arg-type]


def test_a_take_of_a_method_that_makes_whole_pieces_is_kept_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, seen: list[Path]
) -> None:
    save_motion(tiny.conditioning(2.0).dance, tmp_path / "dance.npz")  # type: ignore[arg-type]
    for method, words in (("dance2music-offline", 1), ("composer", 0)):
        caplog.clear()
        job.run(request(None, from_motion=tmp_path / "dance.npz", out=tmp_path / "o.wav", take=tmp_path / "o.take", method=method))
        told = [record.getMessage() for record in caplog.records if "no section of it can be drawn again" in record.getMessage()]
        assert len(told) == words and (tmp_path / "o.take").exists()


def test_a_section_is_never_written_over_the_motion_that_its_take_was_made_for(tmp_path: Path, seen: list[Path]) -> None:
    """The report of a take made from motion in JSON would have the name of that file."""
    motion = tmp_path / "dance.json"
    motion.write_text("{}")
    (take,) = make_takes(load_method("composer"), tiny.conditioning(4.0), seeds=[0])
    dataclasses.replace(take, source=Source(motion, "0" * 64, is_video=False)).save(tmp_path / "kept.take")
    for given in ({"out": tmp_path / "dance.wav"}, {"out": tmp_path / "again.wav", "kept": tmp_path / "kept.take"}):
        with pytest.raises(InputError, match=r"(dance\.json|kept\.take): is the input itself and would be overwritten"):
            draw_section(SectionRequest(take=tmp_path / "kept.take", begin=1.0, end=2.0, **given))
    assert motion.read_text() == "{}" and names(tmp_path) == {"dance.json", "kept.take"}


def test_a_request_and_a_take_are_values() -> None:
    assert dataclasses.replace(Request(), takes=3) == Request(takes=3)
    assert Request(midi="a.mid", take="b.take") == Request(midi=Path("a.mid"), take=Path("b.take"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"option 'tempo': unknown; expected one of .*tempo_bpm"):
        job.generate("dance.mp4", tempo=120)
    (score,) = Composer().generate(tiny.conditioning(), [3])
    take = Take("composer", tiny.conditioning(), score, 3)
    assert isinstance(take.seed, int) and take.score is score and take.candidates == 1 and not take.edits
    with pytest.raises(dataclasses.FrozenInstanceError):
        take.seed = 4  # type: ignore[misc]
