"""Half and double time, moved beats and taps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.rhythm.choices import Choice, check_choice, choose, read_taps, span_of_bars, tapped_grid
from dance2music.types import Rhythm


def rhythm(downbeat: int = 1, *, seconds: float = 8.0) -> Rhythm:
    return Rhythm(np.arange(-0.2, seconds + 0.5, 0.5), downbeat, 120.0, 0.7, np.zeros(0))


@pytest.mark.parametrize("downbeat", [0, 1, 2, 3])
def test_half_time_keeps_the_beats_of_the_downbeats(downbeat: int) -> None:
    before = rhythm(downbeat)
    after = choose(before, Choice(half_time=True), 8.0)
    assert after.tempo_bpm == pytest.approx(60.0)
    first = before.beat_times_seconds[downbeat]
    assert np.abs((after.beat_times_seconds - first + 0.5) % 1.0 - 0.5).max() < 1e-9
    bar = after.beat_times_seconds[after.downbeat] - first
    assert bar % 4.0 == pytest.approx(0.0, abs=1e-9) or bar % 4.0 == pytest.approx(4.0)
    assert after.beat_times_seconds[0] <= 0.0 and after.beat_times_seconds[-1] >= 8.0


def test_double_time_puts_beats_between_the_beats() -> None:
    after = choose(rhythm(), Choice(double_time=True), 8.0)
    assert after.tempo_bpm == pytest.approx(240.0) and np.diff(after.beat_times_seconds) == pytest.approx(0.25)
    assert (after.beat_times_seconds[after.downbeat] - 0.3) % 1.0 == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("shift", [0.5, -0.5, 1.0, 3.25])
def test_a_shift_moves_the_downbeat_by_so_many_beats_and_the_clip_stays_covered(shift: float) -> None:
    after = choose(rhythm(), Choice(shift_beats=shift), 8.0)
    off = (after.beat_times_seconds[after.downbeat] - (0.3 + 0.5 * shift)) / 2.0
    assert off == pytest.approx(round(off))
    assert after.beat_times_seconds[0] <= 0.0 and after.beat_times_seconds[-1] >= 8.0


def test_steady_taps_with_a_missed_beat_give_their_tempo_over_the_whole_clip() -> None:
    taps = tuple(2.0 + 0.6 * k + 0.02 * (-1) ** k for k in (0, 1, 2, 4, 5))
    grid = tapped_grid(taps, 10.0)
    assert np.diff(grid) == pytest.approx(0.6, abs=0.01) and grid[0] <= 0.0 and grid[-1] >= 10.0
    assert np.abs(grid - 2.0).min() < 0.03


def test_taps_that_keep_no_tempo_are_the_beats_themselves() -> None:
    taps = (1.0, 1.5, 2.0, 2.7, 3.4, 4.1)
    grid = tapped_grid(taps, 6.0)
    assert all(np.abs(grid - tap).min() < 1e-9 for tap in taps)
    assert np.diff(grid)[0] == pytest.approx(0.5) and np.diff(grid)[-1] == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice(half_time=True, double_time=True), "expected one of them"),
        (Choice(shift_beats=9.0), "--shift-beats 9"),
        (Choice(taps_seconds=(1.0, 1.5, 2.0)), "3 taps; expected at least 4"),
        (Choice(taps_seconds=(1.0, 1.5, 1.4, 2.0)), "tap 3 at 1.4 s is not after tap 2 at 1.5 s"),
        (Choice(taps_seconds=(1.0, 1.01, 1.02, 1.03)), "are 0.01 s apart; expected one tap per beat"),
        (Choice(taps_seconds=(1.0, 1.2, 1.4, 1.6)), "taps at 300 bpm"),
        (Choice(taps_seconds=(0.0, 0.5, 1.0, 1.5, 1e12)), "expected times within the dance"),
        (Choice(taps_seconds=(-1e9, 0.5, 1.0, 1.5)), "expected times within the dance"),
        (Choice(taps_seconds=(1.0, 2.0, 3.0, float("nan"))), "no finite numbers"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(choice: Choice, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_choice(choice)


def test_a_file_of_taps_is_read_with_comments_and_its_faults_are_named(tmp_path: Path) -> None:
    path = tmp_path / "taps.txt"
    path.write_text("# my taps\n0.5\n1.0\n\n1.5 # here\n2.0\n")
    assert read_taps(path) == (0.5, 1.0, 1.5, 2.0)
    path.write_text("0.5\none\n")
    with pytest.raises(InputError, match="line 2: 'one' is no time"):
        read_taps(path)
    path.write_text("1\n2\n2\n3\n")
    with pytest.raises(InputError, match=r"taps\.txt: tap 3"):
        read_taps(path)
    with pytest.raises(InputError, match="cannot be read as taps"):
        read_taps(tmp_path / "none.txt")


def test_taps_behind_the_dance_and_tempi_that_no_beat_has_are_refused() -> None:
    with pytest.raises(InputError, match="the first is at 100 s, the dance ends at 10 s"):
        tapped_grid((100.0, 100.5, 101.0, 101.5), 10.0)
    for choice, tempo_bpm in ((Choice(double_time=True), 180.0), (Choice(half_time=True), 60.0)):
        grid = np.arange(40) * 60.0 / tempo_bpm
        rhythm = Rhythm(grid, 0, tempo_bpm, 1.0, np.zeros(0))
        with pytest.raises(InputError, match="the rhythm chosen is"):
            choose(rhythm, choice, 10.0)


def test_bars_are_counted_from_the_first_downbeat_in_the_clip() -> None:
    given = Rhythm(np.arange(-1.0, 20.0, 0.5), 1, 120.0, 1.0, np.zeros(0))  # downbeats at -0.5, 1.5, 3.5 s
    assert span_of_bars(given, 1, 2, duration_seconds=10.0) == pytest.approx((1.5, 3.5))
    assert span_of_bars(given, 2, 4, duration_seconds=10.0) == pytest.approx((3.5, 7.5))
    assert span_of_bars(given, 0, 1, duration_seconds=10.0) == pytest.approx((0.0, 1.5)), "bar 0 is what comes before the first downbeat"
    assert span_of_bars(given, 5, 6, duration_seconds=10.0) == pytest.approx((9.5, 10.0)), "the last bar ends with the dance"
    on_time = Rhythm(np.arange(0.0, 20.0, 0.5), 0, 120.0, 1.0, np.zeros(0))
    assert span_of_bars(on_time, 1, 3, duration_seconds=8.0) == pytest.approx((0.0, 4.0))
    for first, last in ((0, 1), (1, 6), (2, 2), (3, 2), (-1, 2)):
        with pytest.raises(InputError, match=r"expected some of 1 to 5"):
            span_of_bars(on_time, first, last, duration_seconds=8.0)
