"""The picture of a result, read back from matplotlib's figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from dance2music.dance.second_reading import second_beats
from dance2music.generation.plot import SHOWN_SECONDS, plot_result
from dance2music.synthetic.drawing import example_dance
from dance2music.types import Audio, Dancer, Motion, Rhythm, Section, Span

SAMPLE_RATE = 22_050


def clicks(times_seconds: np.ndarray, seconds: float) -> Audio:
    y = np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)
    for time in times_seconds[(times_seconds > 0) & (times_seconds < seconds - 0.1)]:
        start = round(time * SAMPLE_RATE)
        y[start : start + 1000] = np.random.default_rng(0).standard_normal(1000) * np.exp(-np.arange(1000) / 200) * 0.3
    return Audio(y[None], SAMPLE_RATE)


def dance_of(seconds: float) -> tuple[Motion, Rhythm]:
    motion, rhythm = example_dance(min(seconds, 10.0))
    joints = np.tile(motion.joints, (int(np.ceil(seconds / 10.0)), 1, 1))
    beats = np.arange(-1.6, seconds + 1.0, 0.5)
    motion = Motion(joints, np.ones(joints.shape[:2], np.float32), motion.fps, motion.skeleton)
    return motion, Rhythm(beats, 0, rhythm.tempo_bpm, 1.0, np.arange(0.4, seconds, 0.5))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures in the order in which they are saved."""
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(self: Figure, *args: Any, **kwargs: Any) -> None:
        figures.append(self)
        save(self, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


@pytest.mark.parametrize("seconds", [1.0, 10.0])
def test_the_picture_shows_the_whole_of_a_short_dance(tmp_path: Path, drawn: list[Figure], seconds: float) -> None:
    motion, rhythm = dance_of(seconds)
    plot_result(motion, rhythm, clicks(rhythm.beat_times_seconds, seconds), tmp_path / "out.png", title="a title")
    (figure,) = drawn
    assert figure.get_suptitle() == "a title" and len(figure.axes) == 3
    assert all(axes.get_xlim() == (0.0, seconds) for axes in figure.axes)
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_beats_of_dance_and_music_lie_on_one_axis(tmp_path: Path, drawn: list[Figure]) -> None:
    motion, rhythm = dance_of(10.0)
    plot_result(motion, rhythm, clicks(rhythm.beat_times_seconds, 10.0), tmp_path / "out.png")
    dance, music, _ = drawn[0].axes
    kinematic = [segment[0, 0] for segment in dance.collections[0].get_segments()]
    heard = np.array([segment[0, 0] for segment in music.collections[0].get_segments()])
    assert kinematic == pytest.approx(second_beats(motion))
    assert len(heard) >= 18 and np.abs(heard[:, None] - rhythm.beat_times_seconds[None]).min(axis=1).max() < 0.05


def test_of_a_long_dance_the_beginning_is_shown_and_the_title_says_so(tmp_path: Path, drawn: list[Figure]) -> None:
    motion, rhythm = dance_of(40.0)
    plot_result(motion, rhythm, clicks(rhythm.beat_times_seconds, 40.0), tmp_path / "out.png")
    assert "first 30 s of 40 s" in drawn[0].get_suptitle()
    assert all(axes.get_xlim() == (0.0, SHOWN_SECONDS) for axes in drawn[0].axes)


def test_sections_of_the_music_stand_over_the_dance(tmp_path: Path, drawn: list[Figure]) -> None:
    motion, rhythm = dance_of(40.0)
    sections = (Section(0, 16, "intro", 0.3), Section(16, 72, "drop", 1.0), Section(72, 80, "ending", 1.0))
    plot_result(motion, rhythm, clicks(rhythm.beat_times_seconds, 40.0), tmp_path / "out.png", sections=sections)
    shown = {text.get_text().strip(): text.get_position()[0] for text in drawn[0].axes[0].texts}
    assert shown == {"intro": pytest.approx(0.0), "drop": pytest.approx(6.4)}, "the ending is after what is shown"


def test_names_of_sections_lie_over_the_lines_on_a_ground_of_their_own(tmp_path: Path, drawn: list[Figure]) -> None:
    motion, rhythm = dance_of(20.0)
    plot_result(motion, rhythm, clicks(rhythm.beat_times_seconds, 20.0), tmp_path / "out.png", sections=(Section(0, 72, "drop", 1.0),))
    axes = drawn[0].axes[0]
    (name,) = axes.texts
    assert name.get_zorder() > max(artist.get_zorder() for artist in (*axes.lines, *axes.collections))
    assert name.get_bbox_patch().get_facecolor()[:3] == (1.0, 1.0, 1.0)  # type: ignore[union-attr]


def test_legends_cover_no_data(tmp_path: Path, drawn: list[Figure]) -> None:
    motion, rhythm = dance_of(10.0)
    plot_result(motion, rhythm, clicks(rhythm.beat_times_seconds, 10.0), tmp_path / "out.png")
    for axes in drawn[0].axes[:2]:
        legend = axes.get_legend()
        assert legend is not None and legend.get_window_extent().y0 >= axes.get_window_extent().y1 - 1


def test_silence_without_any_beats_can_be_drawn(tmp_path: Path) -> None:
    motion, rhythm = dance_of(2.0)
    still = Motion(np.repeat(motion.joints[:1], 60, axis=0), motion.confidence[:60], 30.0, motion.skeleton)
    nothing = Rhythm(rhythm.beat_times_seconds, 0, 120.0, 0.0, np.zeros(0))
    plot_result(still, nothing, Audio(np.zeros((1, 2 * SAMPLE_RATE), np.float32), SAMPLE_RATE), tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_size > 0


def test_every_name_is_drawn_as_text(tmp_path: Path, drawn: list[Figure]) -> None:
    motion, rhythm = dance_of(4.0)
    title = "Ba$$in $\\frac{$ \x07\udcff\U0001f57a.mp4: planned, house\n-14 LUFS"
    plot_result(motion, rhythm, clicks(np.arange(0.5, 4.0, 0.5), 4.0), tmp_path / "a.png", title=title)
    assert drawn[0].get_suptitle() == "Ba$$in $\\frac{$ \ufffd\ufffd\U0001f57a.mp4: planned, house\n-14 LUFS"
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_several_dancers_have_a_bar_each_with_their_share(tmp_path: Path, drawn: list[Figure]) -> None:
    motion, rhythm = dance_of(4.0)
    other = Motion(motion.joints[::-1].copy(), motion.confidence, motion.fps, motion.skeleton)
    people = (Dancer(motion, 0.6, 0.9, (Span(0.0, 4.0),), 0.8), Dancer(other, 0.4, 0.9, (Span(0.0, 1.0), Span(2.0, 3.0)), 0.2))
    plot_result(motion, rhythm, clicks(rhythm.beat_times_seconds, 4.0), tmp_path / "out.png", dancers=people)
    plot_result(motion, rhythm, clicks(rhythm.beat_times_seconds, 4.0), tmp_path / "out.png", dancers=people[:1])
    several, alone = drawn
    assert len(several.axes) == 4 and len(alone.axes) == 3
    assert [label.get_text() for label in several.axes[0].get_yticklabels()] == ["dancer 1 (80%)", "dancer 2 (20%)"]
    assert [len(bars.get_paths()) for bars in several.axes[0].collections] == [1, 2]
    assert [line.get_label() for line in several.axes[1].lines][-1] == "speed of dancer 1 (second reading)"
    assert len(several.axes[1].lines) == 2, "the speed of either"
    assert [line.get_label() for line in alone.axes[0].lines] == ["speed of the dancer (second reading)"]
