"""The papers' protocols by one command each: all segments, denoised once, genres from the training split, NaN with its reason."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dance2music.cli.main import app
from dance2music.data.prepare import prepare
from dance2music.errors import InputError
from dance2music.evaluation.jobs import EvaluateConfig
from dance2music.evaluation.results import CONTROLS, Interval, Results, load_results, save_results
from dance2music.evaluation.sets import SetRequest, generate_set
from dance2music.experiments.protocols import ProtocolRequest, evaluate_protocol, protocol_sheet
from dance2music.experiments.tables import read_measured
from dance2music.music.audio import load_audio, save_wav
from dance2music.synthetic.synthetic import write_corpus
from dance2music.types import Audio
from results_example import results

D2M, CREATIVE = ProtocolRequest("d2m-gan"), ProtocolRequest("creative-gan")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder with two training and two test clips of 4 s, and the set that D2M-GAN makes of the test split."""
    home = tmp_path_factory.mktemp("protocols")
    write_corpus(home / "raw", 4, 0, duration_seconds=4.0, filmed_share=0.0, workers=1)
    prepare(home / "raw", "composed", home / "prepared", workers=1)
    manifest = home / "prepared" / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    genres = ("break", "house", "break", "house")
    for row, split, genre in zip(rows, ("train",) * 2 + ("test",) * 2, genres, strict=True):
        row["split"], row["genre"] = split, genre
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    generate_set(SetRequest(home / "prepared", home / "set", method="d2m-gan"))
    return home


@pytest.fixture(scope="module")
def d2m(home: Path) -> Results:
    return evaluate_protocol(D2M, EvaluateConfig(str(home / "set"), workers=1, cache=str(home / "cache")), home / "d2m", executor="serial")


def config(home: Path, **more: str) -> EvaluateConfig:
    """The music of the set without its record, so that nothing is known of it but what is given."""
    folders = {"reference": str(home / "set" / "reference"), "cache": str(home / "cache"), **more}
    return EvaluateConfig(str(home / "set" / "music"), workers=1, **folders)  # type: ignore[arg-type]


def test_a_set_is_scored_as_it_is_over_all_its_segments_with_all_controls(home: Path, d2m: Results) -> None:
    assert d2m.name == "d2m-gan-high" and len(d2m.clips) == 4 and d2m.inputs["n_dances"] == 2
    assert set(d2m.metrics) == {"beats_coverage", "beats_hit", "genre_retrieval"}
    assert d2m.systems == ("generated", *CONTROLS)
    assert d2m.settings["denoised"] == "denoised when it was made"
    assert d2m.settings["database"].startswith("training segments of ") and not d2m.settings["undefined"]
    assert d2m.summary["beats_hit"]["reference"].mean == 1.0 and d2m.summary["beats_hit"]["silence"].mean == 0.0
    assert d2m.summary["genre_retrieval"]["generated"].n == 4
    assert load_results(home / "d2m" / "results.json").summary == d2m.summary


def test_a_mean_is_over_segments_and_its_interval_over_clips(d2m: Results) -> None:
    values = [clip.values["generated"]["beats_hit"] for clip in d2m.clips]
    found = d2m.summary["beats_hit"]["generated"]
    assert found.mean == pytest.approx(np.mean(values)) and found.n == 4
    clips: dict[str, list[float]] = {}
    for clip in d2m.clips:
        clips.setdefault(clip.dance, []).append(clip.values["generated"]["beats_hit"])
    means = [float(np.mean(row)) for row in clips.values()]
    assert len(means) == 2 and min(means) <= found.low + 0.51 and found.high <= max(means) + 0.51


def test_the_other_paper_reports_diversity_and_beat_alignment_and_says_which(home: Path) -> None:
    results = evaluate_protocol(CREATIVE, EvaluateConfig(str(home / "set"), cache=str(home / "cache")), home / "cg", executor="serial")
    assert list(results.metrics) == ["beats_coverage", "beats_hit", "dist_m", "beat_alignment"]
    assert results.summary["dist_m"]["reference"].mean > 0 == results.summary["dist_m"]["silence"].mean
    assert np.isnan(results.summary["dist_m"]["reference"].low)
    sheet = protocol_sheet(CREATIVE, read_measured(home / "cg" / "results.json"))
    assert sheet.columns[-1][0] == "Beat Alignment (here smoothed, in seconds)"
    rows = {line.label: i for i, line in enumerate(sheet.lines) if line.source == "printed"}
    truth = sheet.lines[rows["AIST++"] + 1]
    assert truth.cells[2].value == pytest.approx(results.summary["dist_m"]["reference"].mean)
    assert sheet.lines[rows["D2M-GAN"] + 1].cells[1].n == 4
    aist = dataclasses.replace(CREATIVE, alignment="aist")
    told = evaluate_protocol(aist, EvaluateConfig(str(home / "set"), cache=str(home / "cache")), home / "aist", executor="serial")
    assert told.settings["undefined"] == {
        "beat_alignment_aist": "needs SMPL motion at 60 fps; give --motion with it",
        "dist_m": "two dances have one distance, and no interval",
    }


def test_genres_are_retrieved_from_prepared_arrays_or_sound_and_never_from_the_references(home: Path) -> None:
    without = evaluate_protocol(D2M, config(home), home / "without", executor="serial")
    assert math.isnan(without.summary["genre_retrieval"]["generated"].mean)
    assert without.settings["undefined"]["genre_retrieval"].startswith("no database; give --database PREPARED")
    sound = home / "sound"
    sound.mkdir()
    (home / "genres.csv").write_text("".join(f"{row},break\n" for row in ("a",)) + (home / "set" / "genres.csv").read_text())
    save_wav(load_audio(next((home / "set" / "reference").glob("*.wav"))), sound / "a.wav")
    one = evaluate_protocol(D2M, config(home, database=str(sound), genres=str(home / "genres.csv")), home / "one", executor="serial")
    assert (
        "one genre only" in one.settings["undefined"]["genre_retrieval"] or "no other song" in one.settings["undefined"]["genre_retrieval"]
    )


def test_a_data_set_without_genres_has_the_other_columns(home: Path, tmp_path: Path) -> None:
    """TikTok is so: D2M-GAN Table 2, Creative-GAN Table 3."""
    (tmp_path / "prepared").mkdir()
    rows = [json.loads(line) for line in (home / "prepared" / "manifest.jsonl").read_text().splitlines()]
    (tmp_path / "prepared" / "manifest.jsonl").write_text("".join(json.dumps({**row, "genre": None}) + "\n" for row in rows))
    (tmp_path / "set").mkdir()
    for kind in ("music", "reference", "motion", "manifest.jsonl"):
        (tmp_path / "set" / kind).symlink_to(home / "set" / kind)
    about = json.loads((home / "set" / "set.json").read_text())
    (tmp_path / "set" / "set.json").write_text(json.dumps({**about, "prepared": str(tmp_path / "prepared")}))
    found = evaluate_protocol(D2M, EvaluateConfig(str(tmp_path / "set"), cache=str(home / "cache")), tmp_path / "out", executor="serial")
    assert found.summary["beats_hit"]["generated"].n == 4 and math.isnan(found.summary["genre_retrieval"]["generated"].mean)
    assert found.settings["undefined"]["genre_retrieval"].startswith("no ")
    sheet = protocol_sheet(D2M, read_measured(tmp_path / "out" / "results.json"))
    assert sheet.about[-1].startswith("Undefined: d2m-gan-high, Genre accuracy %: no ")
    assert "undefined" in {line.cells[2].note for line in sheet.lines if line.source == "here"}


def test_music_of_any_length_is_cut_into_all_its_segments(home: Path, tmp_path: Path) -> None:
    for kind in ("music", "reference"):
        (tmp_path / kind).mkdir()
        rng = np.random.default_rng(0)
        for name, seconds in (("a", 21.0), ("short", 1.5)):
            save_wav(Audio(rng.normal(0, 0.1, (1, round(seconds * 22050))).astype(np.float32), 22050), tmp_path / kind / f"{name}.wav")
    found = evaluate_protocol(
        D2M, EvaluateConfig(str(tmp_path / "music"), reference=str(tmp_path / "reference")), tmp_path / "out", executor="serial"
    )
    assert [clip.name for clip in found.clips] == [f"a_seg{k}" for k in range(1, 11)]
    assert found.inputs["left_out"] == [f"{tmp_path / 'music' / 'short.wav'}: shorter than 2 s"]
    assert found.settings["undefined"] == {"genre_retrieval": "no dance's genre is known; give --genres"}


def test_the_papers_numbers_stand_there_for_their_own_length_only(home: Path, d2m: Results) -> None:
    measured = read_measured(home / "d2m" / "results.json")
    assert protocol_sheet(D2M, measured).lines[0].label == "Dance2Music"
    three = protocol_sheet(dataclasses.replace(D2M, seconds=3.0), [])
    assert [(line.label, line.cells[0].value) for line in three.lines if line.source == "printed"] == [
        ("High - 3s", 88.2),
        ("Low - 3s", 90.1),
    ]
    six = protocol_sheet(dataclasses.replace(D2M, seconds=6.0), [])
    assert not six.lines and six.notes == ("the paper prints nothing for 6 s",)


def test_music_is_denoised_once(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dance2music.music.audio as sound

    gated: list[float] = []
    gate = sound.denoise
    monkeypatch.setattr(sound, "denoise", lambda audio: gated.append(audio.duration_seconds) or gate(audio))
    with pytest.raises(InputError, match=r"--denoise: .*set was denoised when it was made; leave it out"):
        evaluate_protocol(dataclasses.replace(D2M, denoise=True), EvaluateConfig(str(home / "set")), tmp_path, executor="serial")
    raw = tmp_path / "raw"
    raw.mkdir()
    for kind in ("music", "reference", "motion", "manifest.jsonl", "genres.csv"):
        (raw / kind).symlink_to(home / "set" / kind)
    about = json.loads((home / "set" / "set.json").read_text())
    (raw / "set.json").write_text(json.dumps({**about, "denoise": False}))
    found = evaluate_protocol(D2M, EvaluateConfig(str(raw), cache=str(home / "cache")), tmp_path / "out", executor="serial")
    assert found.settings["denoised"] == "denoised here" and gated == [2.0] * 4
    (raw / "set.json").write_text(json.dumps({**about, "method": "composer", "level": None}))
    found = evaluate_protocol(D2M, EvaluateConfig(str(raw), cache=str(home / "cache")), tmp_path / "notes", executor="serial")
    assert len(gated) == 4 and found.name == "composer"


@pytest.mark.parametrize("form", ["text", "latex", "csv", "json"])
def test_the_command_prints_a_table_in_every_form_of_what_was_measured(home: Path, d2m: Results, form: str) -> None:
    options = ["evaluate", "--protocol", "d2m-gan", "--measured", str(home / "d2m" / "results.json"), "--format", form]
    done = CliRunner().invoke(app, options, catch_exceptions=False)
    assert done.exit_code == 0 and "Ours" in done.output and f"{100 * d2m.summary['beats_hit']['generated'].mean:.3g}" in done.output
    if form == "json":
        assert json.loads(done.output)["columns"] == ["Beats Coverage %", "Beats Hit %", "Genre accuracy %"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--protocol", "d2m"], "--protocol d2m: unknown; expected one of d2m-gan, creative-gan"),
        (["--protocol", "d2m-gan", "--lengths", "2,3"], "--lengths 2,3: expected one length with --protocol d2m-gan"),
        (["--protocol", "d2m-gan", "--lengths", "-2"], "--lengths -2: expected a positive number of seconds"),
        (["--protocol", "d2m-gan", "--lengths", "9"], "no music is as long as a segment of 9 s"),
        (["--protocol", "d2m-gan", "--training", "x"], "--training x: measures no column of it with --protocol d2m-gan"),
        (["--protocol", "d2m-gan", "--table", "d2m-1"], "--table d2m-1: is not for --protocol d2m-gan"),
        (["--protocol", "creative-gan", "--beat-alignment", "mine"], "--beat-alignment mine: unknown; expected one of smoothed, aist"),
        (["--protocol", "d2m-gan", "--start-bpm", "-5"], "--start-bpm -5: expected 20 to 400"),
        (["--denoise"], "--denoise: is for --protocol"),
        (["--beat-alignment", "aist"], "--beat-alignment: is for --protocol"),
        (["--format", "csv"], "--format: is for --table or --protocol"),
        (["--format", "html"], "--format html: unknown; expected one of text, latex, csv, json"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(home: Path, tmp_path: Path, options: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["evaluate", "--generated", str(home / "set"), "-o", str(tmp_path), "--workers", "1", *options])
    assert isinstance(done.exception, InputError) and said in str(done.exception) and "\n" not in str(done.exception)


@pytest.mark.parametrize(("settings", "made"), [({}, "without a protocol"), ({"protocol": "creative-gan"}, "by --protocol creative-gan")])
def test_what_was_not_measured_by_the_protocol_stays_out_of_its_table(tmp_path: Path, settings: dict[str, str], made: str) -> None:
    path = tmp_path / "results.json"
    save_results(dataclasses.replace(results("x", {"beats_hit": [0.5]}), settings=settings), path)
    done = CliRunner().invoke(app, ["evaluate", "--protocol", "d2m-gan", "--measured", str(path)])
    expected = "expected the results.json of evaluate --protocol d2m-gan; make that, or give --table"
    assert isinstance(done.exception, InputError) and str(done.exception) == f"--measured {path}: was measured {made}; {expected}"


def test_music_without_references_and_a_database_without_training_music_are_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--protocol d2m-gan: needs the dances' own music to compare with; give --reference FOLDER"):
        evaluate_protocol(D2M, EvaluateConfig(str(home / "set" / "music")), tmp_path)
    (tmp_path / "manifest.jsonl").write_text("")
    with pytest.raises(InputError, match=r"--database .*has no training split; prepare one, or name music with genres in its names"):
        evaluate_protocol(D2M, config(home, database=str(tmp_path)), tmp_path / "out")


def test_one_clip_has_no_diversity(home: Path, tmp_path: Path) -> None:
    for kind in ("music", "reference"):
        (tmp_path / kind).mkdir()
        name = sorted((home / "set" / kind).glob("*.wav"))[0].name
        (tmp_path / kind / name).symlink_to(home / "set" / kind / name)
    found = evaluate_protocol(
        CREATIVE, EvaluateConfig(str(tmp_path / "music"), reference=str(tmp_path / "reference")), tmp_path / "out", executor="serial"
    )
    assert found.settings["undefined"] == {
        "dist_m": "fewer than two dances", "beat_alignment": "no dance; give --motion or --videos"
    }  # fmt: skip
    assert isinstance(found.summary["dist_m"]["generated"], Interval) and math.isnan(found.summary["dist_m"]["generated"].mean)
    about = protocol_sheet(CREATIVE, read_measured(tmp_path / "out" / "results.json")).about
    assert "music: one dance: no interval." in about and "1 segment of 1 clip, each" in about[1]
    missing = "click track on the kinematic beats (no --videos or --motion), music of another clip (all dances are to one song)"
    assert f"music: Controls that are missing: {missing}." in about
