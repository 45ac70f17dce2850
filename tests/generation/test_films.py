"""Drawn films through the real tracker: one dancer, two, a dancer for part of the time, none; turned and with a variable frame rate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

import videos
from dance2music.dance.kinematics import kinematic_beats
from dance2music.dance.skeleton import SKELETONS
from dance2music.dance.watch import read_dancers, read_motion
from dance2music.generation import job
from dance2music.generation.request import Request
from dance2music.synthetic.choreography import dance
from dance2music.synthetic.drawing import Look, draw_frames, example_dance
from dance2music.types import Dancer, Motion
from dance2music.video.container import VideoInfo, probe

SIZE = (240, 320)
FPS = 30.0
pytestmark = pytest.mark.usefixtures("few_candidates")
HIPS = [SKELETONS["holistic-83"].index(name) for name in ("left_hip", "right_hip")]
WRISTS = [SKELETONS["holistic-83"].index(name) for name in ("left_wrist", "right_wrist")]

Picture = Callable[[float, int, int], np.ndarray]


def film(path: Path, motion: Motion, *others: Motion, away_from: float | None = None, turned: int = 0, uneven: bool = False) -> Path:
    """A film of dancers side by side, each in a picture of `SIZE`; from ``away_from`` seconds on the stage is empty."""
    looks = [Look(fill=0.85), Look.draw(3)]
    shots = [list(draw_frames(m, size=SIZE, fps=FPS, look=look)) for m, look in zip((motion, *others), looks)]
    empty = next(draw_frames(motion, size=SIZE, fps=FPS, look=Look(fill=0.002)))  # the dancer is smaller than a pixel

    def picture(time: float, width: int, height: int) -> np.ndarray:
        if away_from is not None and time >= away_from:
            return empty
        frame = min(round(time * FPS), len(shots[0]) - 1)
        image = np.concatenate([shot[frame] for shot in shots], axis=1)
        assert image.shape[:2] == (height, width)
        return image

    seconds = motion.duration_seconds
    times = np.arange(round(seconds * FPS)) / FPS
    if uneven:
        times = np.cumsum(np.random.default_rng(5).uniform(0.018, 0.05, 200))
        times = np.concatenate([[0.0], times[times < seconds]])
    size = (SIZE[0] * len(shots), SIZE[1])
    return videos.write_video(path, times.tolist(), size=size, rotation_degrees=turned, picture=picture)


def example(seconds: float) -> Motion:
    return example_dance(seconds)[0]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of one dancer, who stays."""
    return film(tmp_path_factory.mktemp("film") / "plain.mp4", example(2.5))


@pytest.fixture(scope="module")
def alone(plain: Path) -> Motion:
    """What is seen in it."""
    return read_motion(plain)


def hips(motion: Motion) -> np.ndarray:
    """Middle of the hips [T] from left to right, in picture heights."""
    return motion.joints[:, HIPS, 0].mean(axis=1)


def test_of_two_dancers_each_is_followed_all_the_time(alone: Motion, tmp_path: Path) -> None:
    other = dance(np.arange(-1.0, 4.0, 0.6), genre=2, seed=8, duration_seconds=2.5)
    both = [one.motion for one in read_dancers(film(tmp_path / "two.mp4", example(2.5), other))]
    assert len(both) == 2
    middle = SIZE[0] / SIZE[1]
    sides = [float(np.mean(hips(one) < middle)) for one in both]
    assert sorted(sides) == [0.0, 1.0], "each stays on its side"
    for one in both:
        assert one.skeleton == "holistic-83" and "100 %" in one.source
        assert np.abs(np.diff(hips(one))).max() < 0.1, "and never jumps"
    left = both[sides.index(1.0)]
    assert np.median(np.linalg.norm(left.joints[:, WRISTS, :2] - alone.joints[:, WRISTS, :2], axis=-1)) < 0.05


def test_the_dance_is_the_same_whether_hands_and_face_are_looked_at_or_not(plain: Path, alone: Motion) -> None:
    everything, body = alone, read_motion(plain, details=False)
    assert (everything.skeleton, body.skeleton) == ("holistic-83", "blazepose-33")
    assert np.array_equal(everything.joints[:, :33], body.joints) and np.array_equal(everything.confidence[:, :33], body.confidence)
    assert np.array_equal(kinematic_beats(everything), kinematic_beats(body))


def test_a_dancer_who_leaves_is_followed_while_there(alone: Motion, tmp_path: Path) -> None:
    motion = read_motion(film(tmp_path / "leaves.mp4", example(2.5), away_from=1.5))
    assert motion.skeleton == "holistic-83" and 50 <= int(motion.source.split("dancer in ")[1].split(" %")[0]) <= 70
    body = motion.confidence[:, :33].mean(axis=1)
    assert body[3:40].min() > 0.3 and body[52:].max() == 0.0
    assert np.isfinite(motion.joints).all()
    assert np.median(np.linalg.norm(motion.joints[:40, WRISTS, :2] - alone.joints[:40, WRISTS, :2], axis=-1)) < 0.02
    assert set(np.round(kinematic_beats(motion)[:2], 1)) <= set(np.round(kinematic_beats(alone), 1))


def test_an_empty_stage_gets_music_all_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    video = film(tmp_path / "empty.mp4", example(1.5), away_from=0.0)
    (report,) = job.run(Request(video=video, genre="house", method="composer", plot=False))
    assert report["motion"]["skeleton"] == "flow" and "a dancer in 0 %" in report["motion"]["source"]
    assert "a dancer is seen in 0 %" in caplog.text
    assert Path(report["output"]).exists()


def test_a_turned_film_of_a_variable_rate_gives_the_same_dance(alone: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = film(tmp_path / "phone.mp4", example(2.5), turned=90, uneven=True)
    watched: list[Motion] = []

    def remember(video: VideoInfo, **options: object) -> tuple[Dancer, ...]:
        dancers = read_dancers(video, **options)
        watched.append(dancers[0].motion)
        return dancers

    monkeypatch.setattr("dance2music.generation.job.read_dancers", remember)
    (report,) = job.run(Request(video=phone, genre="house", method="composer", plot=False))
    (seen,) = watched
    count = min(len(alone.joints), len(seen.joints)) - 3
    assert "100 %" in seen.source and abs(len(alone.joints) - len(seen.joints)) <= 2
    assert np.median(np.linalg.norm(alone.joints[:count, WRISTS, :2] - seen.joints[:count, WRISTS, :2], axis=-1)) < 0.03
    with av.open(str(phone)) as before, av.open(report["output"]) as after:
        packets = [[(float(p.pts * p.time_base), bytes(p)) for p in c.demux(c.streams.video[0]) if p.size] for c in (before, after)]
        assert [data for _, data in packets[0]] == [data for _, data in packets[1]]
        assert [time for time, _ in packets[1]] == pytest.approx([time for time, _ in packets[0]], abs=1e-3)
    assert probe(report["output"]).rotation_degrees == 90
    assert report["duration_seconds"] == pytest.approx(2.5, abs=0.06)
