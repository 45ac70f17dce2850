"""Stages tell how far they are, and work that is not wanted any more stops, in threads too."""

from __future__ import annotations

import threading
import time

import pytest

from dance2music.errors import Cancelled
from dance2music.parallel import one_thread, side_by_side
from dance2music.work import Cancel, Stages, cancellable, check, part, report


def test_stages_are_timed_and_reported() -> None:
    told: list[tuple[str, float]] = []
    stages = Stages(lambda name, share: told.append((name, share)))
    with stages.stage("watch") as tell:
        tell(0.5)
    with stages.stage("watch"):
        report(0.25)
    assert told == [("watch", 0.0), ("watch", 0.5), ("watch", 1.0), ("watch", 0.0), ("watch", 0.25), ("watch", 1.0)]
    assert list(stages.seconds) == ["watch"] and stages.seconds["watch"] >= 0
    with Stages().stage("silent") as tell:
        tell(1.0)


def test_what_a_part_reports_lies_within_it() -> None:
    told: list[float] = []
    with Stages(lambda _, share: told.append(share)).stage("music"), part(0.5, 1.0), part(0.0, 0.5):
        report(0.5)
    assert told == [0.0, 0.625, 1.0]


def test_outside_a_stage_a_report_goes_nowhere() -> None:
    report(0.5)
    check()


def test_a_token_that_is_set_stops_the_work_at_its_next_report() -> None:
    cancel, done = Cancel(), []
    with pytest.raises(Cancelled), cancellable(cancel), Stages().stage("music"):
        for i in range(10):
            if i == 3:
                cancel.set()
            report(i / 10)
            done.append(i)
    assert done == [0, 1, 2]
    check()  # what comes after is not stopped


def test_without_a_token_of_its_own_a_job_stops_with_the_one_around_it() -> None:
    outer = Cancel()
    with cancellable(outer), cancellable(None):
        check()
        outer.set()
        with pytest.raises(Cancelled):
            check()
    check()


def test_a_token_is_set_when_its_parent_is() -> None:
    parent = Cancel()
    child = Cancel(parent)
    assert not child.is_set()
    parent.set()
    assert child.is_set()
    other = Cancel(Cancel())
    other.set()
    assert other.is_set()


def test_work_side_by_side_stops_within_a_second_when_it_is_cancelled_from_another_thread() -> None:
    cancel, begun = Cancel(), time.monotonic()

    def work(item: int) -> int:
        for _ in range(1000):
            time.sleep(0.01)
            check()
        return item

    threading.Timer(0.2, cancel.set).start()
    with pytest.raises(Cancelled), cancellable(cancel):
        side_by_side(work, list(range(8)))
    assert time.monotonic() - begun < 5.0  # not the 10 s of one item, however busy the machine


def test_an_error_in_one_item_stops_the_others_and_comes_out_as_it_is() -> None:
    stopped = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            raise KeyError("odd")
        try:
            for _ in range(1000):
                time.sleep(0.01)
                check()
        except Cancelled:
            stopped.set()
            raise
        return item

    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyError):
            side_by_side(work, [1, 0, 2])
    finally:
        torch.set_num_threads(threads)
    assert stopped.wait(timeout=5.0)


def test_results_are_in_the_order_of_the_items() -> None:
    assert side_by_side(lambda i: i * i, list(range(20))) == [i * i for i in range(20)]
    assert side_by_side(lambda i: i, []) == []


def test_the_number_of_threads_comes_back_when_the_last_job_leaves() -> None:
    import torch

    before = torch.get_num_threads()
    with one_thread():
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
