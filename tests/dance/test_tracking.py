from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from dance2music.dance import tracking
from dance2music.dance.pose import POSE_ESTIMATORS, estimate
from dance2music.errors import InputError


@dataclass(frozen=True)
class Picture:
    image: np.ndarray
    time_seconds: float


class Fake:
    """Sees dancers written into row 10 of a picture as (x, rank, 1); starts with the highest rank, then sticks to the nearest."""

    def __init__(self) -> None:
        self.x: float | None = None

    def detect(self, image: np.ndarray) -> np.ndarray | None:
        places = [(int(x), int(rank)) for x, rank, _ in image[10, image[10, :, 2] == 1]]
        if not places:
            self.x = None
            return None
        if self.x is None:
            self.x = max(places, key=lambda p: p[1])[0]
        else:
            self.x = min((p[0] for p in places), key=lambda x: abs(x - self.x))
        joints = np.tile(np.array([self.x, 60.0, 0.0, 0.9], dtype=np.float32), (33, 1))
        joints[11:13, 1], joints[23:25, 1], joints[0, 1], joints[27:29, 1] = 40.0, 60.0, 10.0, 100.0
        return joints

    def forget(self) -> None:
        self.x = None


def coded(times: np.ndarray, *dancers: list[tuple[int, int]]) -> Iterator[Picture]:
    """Pictures for `Fake`; each dancer is a list of (x, rank) per frame, rank 0 where it is away."""
    for i, time in enumerate(times):
        image = np.zeros((120, 200, 3), np.uint8)
        for dancer in dancers:
            x, rank = dancer[i]
            if rank:
                image[10, x] = x, rank, 1
        yield Picture(image, float(time))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POSE_ESTIMATORS, "fake", tracking.Method("blazepose-33", Fake))


def test_a_dancer_for_part_of_the_time_leaves_gaps_without_confidence(fake: None) -> None:
    times = np.arange(120) / 30.0
    motion = estimate(coded(times, [(50 + i // 2, 9 if i < 60 or i >= 90 else 0) for i in range(120)]), method="fake")
    assert (motion.confidence[10:55] > 0.8).all() and (motion.confidence[66:84] == 0).all() and (motion.confidence[95:] > 0.8).all()
    assert np.isfinite(motion.joints).all()
    assert motion.joints[75, 0, 0] * 120 == pytest.approx(50 + 75 / 2, abs=1.0)  # interpolated
    assert "75 %" in motion.source


def test_too_little_of_a_dancer_is_no_dancer(fake: None) -> None:
    times = np.arange(100) / 30.0
    motion = estimate(coded(times, [(50, 9 if i < 25 else 0) for i in range(100)]), method="fake")
    assert motion.skeleton == "flow"


def test_the_first_dancer_is_kept_when_another_becomes_more_prominent(fake: None) -> None:
    count = 3 * tracking.CHUNK_FRAMES
    times = np.arange(count) / 30.0
    first = [(50, 5 if i < 20 else 3) for i in range(count)]
    second = [(150, 4) for _ in range(count)]
    motion = estimate(coded(times, first, second), method="fake")
    assert np.allclose(motion.joints[..., 0] * 120, 50.0, atol=0.5)


def test_a_dancer_that_vanishes_for_good_is_replaced_by_the_one_that_stays(fake: None) -> None:
    times = np.arange(80) / 30.0
    motion = estimate(coded(times, [(50, 5 if i < 30 else 0) for i in range(80)], [(150, 4)] * 80), method="fake")
    assert np.allclose(motion.joints[:25, :, 0] * 120, 50.0, atol=0.5)
    assert (motion.confidence[34:38] == 0).all()
    assert np.allclose(motion.joints[45:, :, 0] * 120, 150.0, atol=0.5)


def test_the_result_does_not_depend_on_the_number_of_threads(fake: None, monkeypatch: pytest.MonkeyPatch) -> None:
    times = np.arange(150) / 30.0
    results = []
    for workers in (1, 2, 3):
        monkeypatch.setattr(tracking, "WORKERS", workers)
        results.append(estimate(coded(times, [(50 + i // 4, 9) for i in range(150)], [(180, 8)] * 150), method="fake").joints)
    assert all(np.array_equal(results[0], other) for other in results[1:])


def test_only_a_few_frames_are_held_however_long_the_video(fake: None) -> None:
    alive: list[int] = []
    references: list[weakref.ref[np.ndarray]] = []

    def watched() -> Iterator[Picture]:
        for i in range(600):
            image = np.zeros((12, 16, 3), np.uint8)
            image[10, 5] = 5, 9, 1
            references.append(weakref.ref(image))
            if i % 50 == 49:
                gc.collect()
                alive.append(sum(r() is not None for r in references))
            yield Picture(image, i / 30.0)
            del image

    estimate(watched(), method="fake")
    assert max(alive) <= (tracking.HELD_CHUNKS + 2) * (tracking.CHUNK_FRAMES + tracking.OVERLAP_FRAMES)


def test_frames_that_do_not_advance_in_time_are_left_out(fake: None) -> None:
    times = np.array([0.0, 1 / 30, 1 / 30, 2 / 30, 1 / 30, 3 / 30])
    motion = estimate(coded(times, [(50, 9)] * 6), method="fake")
    assert len(motion.joints) == 4


def test_an_error_while_decoding_comes_out_as_it_is(fake: None) -> None:
    def broken() -> Iterator[Picture]:
        yield from coded(np.arange(60) / 30.0, [(50, 9)] * 60)
        raise InputError("dance.mp4: ends too early")

    with pytest.raises(InputError, match="ends too early"):
        estimate(broken(), method="fake")


def test_trackers_are_kept_for_the_next_video_until_they_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Fake] = []

    def make() -> Fake:
        made.append(Fake())
        return made[-1]

    monkeypatch.setitem(POSE_ESTIMATORS, "fake", tracking.Method("blazepose-33", make))
    results = []
    for again in (False, False, False, True):
        if again:
            tracking.give_back()
            made.clear()
        before = len(made)
        results.append(estimate(coded(np.arange(20) / 30.0, [(50, 9)] * 20), method="fake").joints)
        if again or not results[1:]:
            assert len(made) > before, "made anew the first time and once given back"
        assert len(made) <= tracking.WORKERS, "one for each worker at most: a worker that the first video did not need makes its own later"
    assert all(np.array_equal(results[0], other) for other in results[1:])
