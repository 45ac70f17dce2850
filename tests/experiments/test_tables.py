"""The papers' tables: printed as printed, measured rows beside them, "not run" where not run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dance2music.errors import InputError
from dance2music.evaluation.catalogue import METRICS
from dance2music.evaluation.results import save_results
from dance2music.experiments.formats import NOT_RUN
from dance2music.experiments.tables import read_measured, table_text
from dance2music.metrics.published_tables import TABLES
from results_example import results


@pytest.mark.parametrize("name", TABLES)
def test_without_measurements_a_table_is_as_printed_and_all_else_is_not_run(name: str) -> None:
    table = TABLES[name]
    lines = table_text(name, []).splitlines()
    assert lines[0].startswith(table.address) and sum(line.startswith("  here") for line in lines) == len(table.rows)
    for row in table.rows:
        (line,) = [line for line in lines if line.startswith(f"{row.label} ")]
        printed = line[len(row.label) :].split()
        assert [None if cell == "-" else float(cell) for cell in printed] == list(row.values)
        here = lines[lines.index(line) + 1]
        assert here.count(NOT_RUN) == len(table.columns)


@pytest.mark.parametrize("name", TABLES)
def test_rows_and_columns_of_the_data_fit_each_other(name: str) -> None:
    table = TABLES[name]
    assert len({row.key for row in table.rows}) == len(table.rows)
    assert all(len(row.values) == len(table.columns) for row in table.rows)
    of_listeners = {"mos_coherence", "mos_quality", "wins_over"}
    assert all(column.metric in METRICS or column.metric in of_listeners for column in table.columns)


def test_the_published_beat_scores_lie_on_the_grid_of_85_clips_of_two_bits_but_for_four() -> None:
    values = {value for name in ("d2m-1", "d2m-3", "d2m-4", "d2m-5", "d2m-6") for row in TABLES[name].rows for value in row.values[:2]}
    grid = {round(100 * k / 170, 1) for k in range(171)} | {int(1000 * k / 170) / 10 for k in range(171)}
    off = {value for value in values if value is not None and not any(abs(value - g) < 0.01 for g in grid)}
    assert off == {70.1, 83.0, 85.5, 90.1}  # a slip of the pen in our table would most likely leave the grid


def test_a_measured_method_stands_below_its_row_with_n_data_and_the_best_control(tmp_path: Path) -> None:
    save_results(results("d2m-gan-low", {"beats_hit": [0.5, 0.7]}), tmp_path / "results.json")
    text = table_text("d2m-1", read_measured(tmp_path / "results.json"))
    lines = text.splitlines()
    row = next(i for i, line in enumerate(lines) if line.startswith("Ours Low-level"))
    assert "60.0 [50.0, 70.0]" in lines[row + 1] and lines[row + 1].count(NOT_RUN) == 4
    assert lines[row + 2].split() == ["n", "2"] and "click fixed 90.0" in lines[row + 3]
    assert "Measured here: d2m-gan-low: 2 clips of 10.0 s against ref, embedding made up, 2026-01-02." in text


def test_values_over_another_length_than_the_printed_one_do_not_stand_beside_it(tmp_path: Path) -> None:
    long = dataclasses.replace(results("d2m-gan-low", {"beats_hit": [0.5, 0.7]}, seconds=10.0), groups=())
    save_results(long, tmp_path / "long.json")
    text = table_text("d2m-1", read_measured(tmp_path / "long.json"))
    assert "60.0" not in text and "not at 2 s" in text
    assert "Not beside print: d2m-gan-low: measured over 10 s, printed over 2 s; give --lengths 2, or --protocol." in text
    save_results(dataclasses.replace(long, clips=results("x", {"beats_hit": [0.5]}, seconds=1.997).clips), tmp_path / "short.json")
    assert "60.0 [50.0, 70.0]" in table_text("d2m-1", read_measured(tmp_path / "short.json"))


def test_rows_that_are_printed_for_other_lengths_say_so() -> None:
    seconds = {row.key: row.seconds for name in ("d2m-3", "creative-4") for row in TABLES[name].rows}
    assert seconds["d2m-gan-high-4s"] == 4.0 and seconds["creative-gan-low-5s"] == 5.0 and seconds["d2m-gan-low"] == 2.0


def test_the_head_of_beat_alignment_says_which_form_was_computed_here(tmp_path: Path) -> None:
    save_results(results("mine", {"beat_alignment": [0.5, 0.7]}, seconds=2.0), tmp_path / "results.json")
    assert "Beat Alignment (here smoothed, in seconds)" in table_text("creative-2", read_measured(tmp_path / "results.json"))
    assert "(here" not in table_text("creative-2", [])


def test_a_method_that_the_paper_does_not_have_comes_last(tmp_path: Path) -> None:
    save_results(results("mine", {"beats_hit": [0.5, 0.7]}), tmp_path / "results.json")
    lines = table_text("creative-3", read_measured(tmp_path / "results.json")).splitlines()
    assert any(line.startswith("mine (not in the paper)") for line in lines)


def test_results_of_one_row_carry_their_own_names_and_one_dance_has_no_interval(tmp_path: Path) -> None:
    for folder, values in (("first", [0.5, 0.7]), ("second", [0.4])):
        (tmp_path / folder).mkdir()
        save_results(results("d2m-gan-low", {"beats_hit": values}, seconds=2.0), tmp_path / folder / "results.json")
    measured = [row for folder in ("first", "second") for row in read_measured(tmp_path / folder / "results.json")]
    text = table_text("d2m-1", measured)
    assert [line.split()[1] for line in text.splitlines() if line.startswith("  here, ")] == ["first", "second"]
    assert "Measured here: d2m-gan-low (second): 1 clip of 2.0 s against" in text
    assert "d2m-gan-low (second): one dance: no interval." in text and "(first): one dance" not in text
    assert "Note: the paper gives no intervals." in text
    rows = [line.split(",printed,")[0].split(",here,")[0] for line in table_text("d2m-1", measured, form="csv").splitlines()]
    assert '"Ours Low-level, first"' in rows and '"Ours Low-level, second"' in rows
    assert "here, " not in table_text("d2m-1", measured[:1])


def test_unknown_tables_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--table d2m-9: unknown; expected one of d2m-1"):
        table_text("d2m-9", [])
    (tmp_path / "x.json").write_text("[")
    with pytest.raises(InputError, match="cannot be read"):
        read_measured(tmp_path / "x.json")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match=r"expected the results\.json"):
        read_measured(tmp_path / "x.json")
