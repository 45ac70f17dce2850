from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from dance2music.cli.main import app
from dance2music.dance.motion_files import save_motion
from dance2music.errors import InputError
from dance2music.evaluation import evaluate as module
from dance2music.evaluation import features as heard
from dance2music.evaluation.catalogue import METRICS
from dance2music.evaluation.evaluate import EvaluateConfig, evaluate
from dance2music.evaluation.results import CONTROLS, Results, load_results
from dance2music.evaluation.terminal import results_text
from dance2music.music.audio import save_wav
from dance2music.music.midi import save_midi
from dance2music.music.synth import render
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.types import Audio

RATE = 22_050
FOLDERS = {"reference": "ref", "motion": "motion", "training": "ref"}
SECONDS = 3.5
NAMES = ("gBR_mBR0", "gHO_mHO1", "gWA_mWA2")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three composed pairs: references with annotated beats, motion; ``same`` holds the references again, as two takes of the last."""
    root = tmp_path_factory.mktemp("evaluate")
    for name in ("ref", "motion", "same", "other"):
        (root / name).mkdir()
    for i, (name, genre) in enumerate(zip(NAMES, (0, 5, 6))):
        clip = synthetic_clip(1_500_000_300 + i, duration_seconds=SECONDS, genre=genre)
        assert clip.score is not None
        music = render(clip.score, sample_rate=RATE)
        save_wav(music, root / "ref" / f"{name}.wav")
        save_motion(clip.motion, root / "motion" / f"{name}.npz")
        save_wav(music, root / "same" / f"{name}{'.music-1' if i == 2 else ''}.wav")
        if i == 0:
            save_midi(clip.score, root / "same" / f"{name}.mid")
        stereo = np.concatenate([music.samples, 0.5 * music.samples])[:, : round((SECONDS - 0.8 * i) * RATE)]
        soundfile.write(root / "other" / f"{NAMES[(i + 1) % 3]}.wav", stereo.T, 44_100 if i == 0 else RATE)
    save_wav(Audio(np.roll(music.samples, RATE, axis=1), RATE), root / "same" / f"{NAMES[2]}.music-2.wav")
    return root


def config(root: Path, generated: str, **more: Any) -> EvaluateConfig:
    given = {kind: str(root / folder) for kind, folder in FOLDERS.items()}
    return EvaluateConfig(generated=str(root / generated), workers=1, **given, **more)


@pytest.fixture(scope="module")
def perfect(folders: Path) -> Results:
    return evaluate(config(folders, "same"), folders / "perfect")


def test_every_metric_and_every_control_is_there(perfect: Results) -> None:
    assert set(perfect.metrics) == set(perfect.summary) == set(METRICS)
    assert perfect.systems == ("generated", *CONTROLS)
    for clip in perfect.clips:
        assert set(clip.values) == {"generated", *CONTROLS}
        assert ("lead_repetition" in clip.values["generated"]) == (clip.name == NAMES[0])  # beside it lie notes
    assert [(c.dance, c.take, c.genre, c.song) for c in perfect.clips][-1] == (NAMES[2], 2, "waack", "mWA2")


def test_the_reference_reaches_every_ideal_and_silence_is_worst(perfect: Results) -> None:
    for name, info in perfect.metrics.items():
        row = perfect.summary[name]
        if "reference" in info.needs and info.ideal is not None and name not in ("genre_retrieval", "loris_csd", "loris_hsd"):
            assert row["reference"].mean == pytest.approx(info.ideal, abs=1e-3), name
        if name == "genre_retrieval":
            continue  # see below
        if info.worst is not None:
            assert row["silence"].mean == pytest.approx(info.worst, abs=1e-6), name
        elif info.better == "lower" and not name.startswith("loris") and name != "frechet":
            assert row["silence"].mean == max(row[system].mean for system in row), name
    assert perfect.summary["novelty"]["reference"].mean == 0.0
    assert perfect.summary["lift"]["click_kinematic"].mean > 0.4


def test_a_retrieval_that_no_answer_could_make_right_is_undefined_and_says_why(perfect: Results) -> None:
    assert all(math.isnan(row.mean) for row in perfect.summary["genre_retrieval"].values())
    reason = "the database has no other song of the dance's genre, so that no answer could be right"
    assert perfect.settings["undefined"]["genre_retrieval"] == reason
    assert f"Undefined: genre accuracy, retrieval: {reason}." in results_text(perfect)


def test_every_undefined_row_has_its_reason_and_no_other_and_columns_stay_apart(perfect: Results) -> None:
    lines = results_text(perfect).splitlines()
    undefined = {name for name, row in perfect.summary.items() if math.isnan(row["generated"].mean)}
    assert undefined >= {"genre_retrieval", "energy_correlation", "loudness_spread_db"} and undefined == set(perfect.settings["undefined"])
    told = " ".join(line for line in lines if line.startswith("Undefined: "))
    assert all(perfect.metrics[name].label in told for name in undefined) and "no clip has a value" not in told
    shown = results_text(perfect, metrics=("lift", "own_beat_f_70ms"))
    assert "Undefined" not in shown and "Controls that are missing" not in shown
    assert "beat F with the dancer's own music, 70 ms  " in shown


def test_dances_are_the_unit_and_takes_are_compared(perfect: Results) -> None:
    assert len(perfect.clips) == 4 and perfect.summary["beats_hit"]["generated"].n == 3
    takes = perfect.summary["dist_m_takes"]
    assert takes["generated"].n == 1 and takes["silence"].mean == 0.0 < takes["generated"].mean
    a, b = (clip.values["generated"]["onset_f_50ms"] for clip in perfect.clips if clip.dance == NAMES[2])
    others = [clip.values["generated"]["onset_f_50ms"] for clip in perfect.clips if clip.dance != NAMES[2]]
    assert a == pytest.approx(1.0, abs=0.01) and b < 0.9
    assert perfect.summary["onset_f_50ms"]["generated"].mean == pytest.approx(np.mean([*others, (a + b) / 2]))


def test_a_control_that_reaches_a_score_is_named(perfect: Results, folders: Path) -> None:
    assert not any(b.control in ("other_song", "noise", "silence") for b in perfect.beaten_by.get("onset_f_50ms", []))
    assert any(b.control == "click_kinematic" for b in perfect.beaten_by["lift"])


def test_lengths_rates_and_channels_may_differ(folders: Path) -> None:
    results = evaluate(config(folders, "other", codec=False, lengths_seconds=(2.0,)), folders / "other_out")
    assert all(len(clip.values) == 8 for clip in results.clips)
    assert [group.label for group in results.groups if group.kind == "window"] == ["2 s"]
    assert {group.label for group in results.groups if group.kind == "genre"} == {"break", "house", "waack"}
    lengths = {group.label: group.n for group in results.groups if group.kind == "length"}
    assert sum(lengths.values()) == 3 and len(lengths) == 2
    assert all(math.isnan(clip.values["generated"]["codec_log_mel_l1"]) for clip in results.clips)


def _equal(a: Results, b: Results) -> bool:
    """Equal but for NaN, which equals nothing."""
    return repr(a.summary) == repr(b.summary) and repr(a.clips) == repr(b.clips)


def test_a_damaged_cache_is_computed_again(tmp_path: Path) -> None:
    cache = heard.Cache(tmp_path)
    cache.get("kind", "key", lambda: {"x": np.arange(3)})
    assert cache.get("kind", "key", lambda: pytest.fail("kept"))["x"].tolist() == [0, 1, 2]
    (tmp_path / "kind" / "key.npz").write_bytes(b"PK no zip")
    assert cache.get("kind", "key", lambda: {"x": np.arange(2)})["x"].tolist() == [0, 1]


def test_nan_in_a_file_is_an_error_that_names_it(folders: Path, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    for name in NAMES:
        samples = np.zeros(RATE, np.float32)
        samples[5] = math.nan if name == NAMES[1] else 0.5
        soundfile.write(tmp_path / "music" / f"{name}.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(InputError, match=rf"{NAMES[1]}\.wav: 1 samples are NaN"):
        evaluate(EvaluateConfig(str(tmp_path / "music"), workers=1, codec=False), tmp_path / "out")


def test_without_reference_and_dance_only_what_can_be_measured_is(folders: Path, tmp_path: Path) -> None:
    results = evaluate(EvaluateConfig(str(folders / "ref"), workers=1, codec=False), tmp_path / "out")
    assert "beats_hit" not in results.metrics and "lift" not in results.metrics and "key_clarity" in results.metrics
    assert results.systems == ("generated", "click_fixed", "other_song", "shifted", "noise", "silence")
    assert results.inputs["reference"] is None and results.summary["genre_classifier"]["generated"].n == 3


def test_a_second_call_by_command_hears_nothing_again_and_gives_the_same(
    perfect: Results, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heard, "_hear", lambda *_: pytest.fail("heard again"))
    given = [text for kind, folder in FOLDERS.items() for text in (f"--{kind}", str(folders / folder))]
    ran = CliRunner().invoke(
        app, ["evaluate", "--generated", str(folders / "same"), *given, "-o", str(folders / "perfect"), "--workers", "1"]
    )
    assert ran.exit_code == 0, ran.output
    assert "same: 3 dances, 4 files" in ran.output and "reached by" in ran.output
    assert _equal(load_results(folders / "perfect" / "results.json"), perfect)


def test_two_processes_give_the_same_as_one(perfect: Results, folders: Path) -> None:
    shared = str(folders / "perfect" / "cache")
    again = evaluate(replace(config(folders, "same"), workers=2, cache=shared), folders / "parallel")
    assert not (folders / "parallel" / "cache").exists()
    assert _equal(again, perfect)


def test_wrong_settings_are_refused(folders: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="workers 0"):
        evaluate(EvaluateConfig(str(folders / "ref"), workers=0), tmp_path)
    assert module.WINDOWS_PER_CLIP == 8
