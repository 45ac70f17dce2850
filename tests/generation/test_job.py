"""The main job: a video in, the same pictures with new music out, whatever the video is like."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest
import torch

import tiny
import videos
from dance2music.dance import pose
from dance2music.dance.motion_files import save_motion
from dance2music.dance.tracking import Method
from dance2music.dance.watch import read_motion
from dance2music.errors import InputError
from dance2music.generation import job
from dance2music.generation.outputs import title_of
from dance2music.generation.request import Request, resolve
from dance2music.methods.base import Given
from dance2music.methods.composer import Composer
from dance2music.music.audio import load_audio
from dance2music.synthetic.drawing import example_dance, example_video
from dance2music.takes.methods import METHODS
from dance2music.takes.take import Take
from dance2music.work import Stages
from jobs import FEW_CANDIDATES, SECONDS, Bobbing, names, request

pytestmark = pytest.mark.usefixtures("few_candidates")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is real but the tracker of joints."""
    monkeypatch.setitem(pose.POSE_ESTIMATORS, "body", Method("blazepose-33", Bobbing))


def pictures(path: Path) -> list[bytes]:
    """Packets of the picture stream."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.video[0]) if packet.size]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The real command on two seconds of the drawn dancer."""
    folder = tmp_path_factory.mktemp("real")
    example_video(folder / "dance.mp4", seconds=2.0)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(FEW_CANDIDATES), *sys.path])}
    arguments = ["generate", "dance.mp4", "-o", "out.mp4", "--method", "composer", "--genre", "house", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "dance2music", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done, folder


@pytest.mark.parametrize(
    ("method", "weights", "looked_for"), [("planned", "", False), ("creative-gan", "", False), ("creative-gan", "own", True)]
)
def test_hands_and_face_are_looked_for_only_where_own_weights_may_see_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, weights: str, looked_for: bool
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(job, "read_dancers", lambda video, *, details, progress: asked.append(details) or ())
    example_video(tmp_path / "dance.mp4", seconds=1.0)
    resolved = resolve(request(tmp_path / "dance.mp4", out=tmp_path / "out.mp4"))
    given = Given(weights=Path(weights) if weights else None)
    job.watch(dataclasses.replace(resolved, method=METHODS[method], given=given), Stages(None))
    assert asked == [looked_for]


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

    monkeypatch.setitem(pose.POSE_ESTIMATORS, "body", Method("blazepose-33", Leaving))
    (report,) = job.run(request(videos.write_video(tmp_path / "clip.mp4", seconds=SECONDS)))
    assert report["motion"]["skeleton"] == "blazepose-33" and "100 %" not in report["motion"]["source"]


def test_a_report_says_where_the_tempo_is_from() -> None:
    said = [job.tempo_chosen(Request(**options)) for options in ({}, {"half_time": True}, {"tempo_bpm": 90.0, "double_time": True})]
    assert said == ["from the dance", "from the dance, in half time as asked", "by the user, in double time as asked"]


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
