"""The ablation tables: each row differs from its base in the one thing that it names, and results stand beside the printed numbers."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import small_gan
from dance2music.checkpoint import save_model
from dance2music.cli.main import app
from dance2music.data.prepare import PrepareConfig, prepare
from dance2music.errors import InputError
from dance2music.experiments.ablations import TABLES, rows_of, run_row, run_table, table_text
from dance2music.experiments.material import AblationContext, prepared_clips
from dance2music.experiments.scores import COLUMNS, controls, measure, score, score_file
from dance2music.metrics.genre import Database, EmbeddedGenre
from dance2music.metrics.published_tables import TABLES as PUBLISHED
from dance2music.papers.gan_step import build_network
from dance2music.papers.runs import gan_training, motion_layout, needs_genre, open_codec
from dance2music.papers.trainings import GAN_TRAININGS
from dance2music.synthetic.synthetic import write_corpus
from dance2music.train.segments import composed_clip
from dance2music.types import Audio
from tiny_gan import codec_file_in


def differences(a: Any, b: Any, where: str = "") -> set[str]:
    if dataclasses.is_dataclass(a) and type(a) is type(b):
        fields = [field.name for field in dataclasses.fields(a)]
        return set().union(*(differences(getattr(a, name), getattr(b, name), f"{where}.{name}".lstrip(".")) for name in fields))
    return set() if a == b else {where}


@pytest.mark.parametrize("table", TABLES)
def test_every_row_of_a_table_has_its_printed_numbers(table: str) -> None:
    assert len(rows_of(table)) == len(PUBLISHED[table].rows)


def test_rows_differ_from_the_full_model_in_what_they_name() -> None:
    rows = {row.name: row for table in ("d2m-4", "d2m-5", "d2m-6") for row in rows_of(table)}
    full = GAN_TRAININGS["d2m-gan-high-embedded"]
    assert differences(rows["high full"].config, full) == set()
    assert differences(rows["high without mel loss"].config, full) == {"weights.mel"}
    assert differences(rows["high without waveform loss"].config, full) == {"weights.waveform"}
    assert differences(rows["high without feature matching"].config, full) == {"weights.feature_matching"}
    assert differences(rows["high without motion"].config, full) == {"inputs"}
    assert differences(rows["high 1 discriminator"].config, full) == {"discriminator.scales"}
    assert differences(rows["high without scaling"].config, full) == {"generator.sigma"}
    assert differences(rows["high without reshape"].config, full) == {"discriminator.rows_as_channels"}


@pytest.mark.parametrize("size", ["embedded", "paper"])
def test_every_row_of_a_table_of_d2m_gan_is_the_full_model_with_one_thing_replaced(size: str) -> None:
    for table in ("d2m-2", "d2m-4", "d2m-5", "d2m-6"):
        rows = rows_of(table, size)
        full = {row.name.split()[0]: row for row in rows if row.name.endswith("full")}
        for row in rows:
            base = full[row.name.split()[0]]
            changed = differences(row.config, base.config) | ({"decoder"} if row.fine_tuned != base.fine_tuned else set())
            assert len(changed) == (row is not base), (table, row.name, changed)


@pytest.mark.parametrize("name", ["d2m-gan-high-embedded", "d2m-gan-low-embedded"])
def test_without_the_reshape_the_same_discriminator_sees_rows_of_latents_as_channels(name: str) -> None:
    import torch

    base = GAN_TRAININGS[name].discriminator
    z = torch.zeros(1, 64, 172)
    with_it, without = (build_network(c) for c in (base, dataclasses.replace(base, rows_as_channels=64)))
    assert [[y.shape[1] for y in scale] for scale in with_it(z)] == [[y.shape[1] for y in scale] for scale in without(z)]
    assert without(z)[0][0].shape[-1] < with_it(z)[0][0].shape[-1]


def test_losses_of_creative_gan_are_added_one_by_one() -> None:
    rows = rows_of("creative-5")
    steps = [differences(a.config, b.config) for a, b in pairwise(rows)]
    assert steps == [{"weights.style"}, {"weights.feature_matching"}, {"weights.commitment"}, {"weights.perceptual"}]


@pytest.mark.parametrize(("size", "layout"), [("embedded", "features"), ("paper", "keypoints")])
def test_creative_gan_trains_on_tiktok_without_anything_that_needs_genres(size: str, layout: str) -> None:
    for row in rows_of("creative-3", size):
        assert not needs_genre(row.config) and row.config.weights.style == 0.0 and motion_layout(row.config.generator) == layout


def test_tables_at_the_papers_sizes_take_the_papers_networks_and_refuse_other_lengths() -> None:
    assert rows_of("d2m-6", "paper")[3].config == GAN_TRAININGS["d2m-gan-high-aist-paper"]
    assert rows_of("d2m-2", "paper")[2].config == GAN_TRAININGS["d2m-gan-high-tiktok-paper"]
    with pytest.raises(InputError, match="two seconds"):
        rows_of("d2m-3", "paper")
    with pytest.raises(InputError, match="table 'd2m-7'"):
        rows_of("d2m-7")


@pytest.mark.parametrize("name", [name for name in GAN_TRAININGS if name.endswith("embedded")])
def test_embedded_trainings_build_and_take_features(name: str) -> None:
    config = GAN_TRAININGS[name]
    assert motion_layout(config.generator) == "features"
    assert sum(p.numel() for p in build_network(config.generator).parameters()) < 400_000


@pytest.mark.parametrize("count", [{"steps": -1}, {"steps": 0}, {"steps": 1, "seeds": 0}])
def test_no_steps_or_seeds_are_refused_before_a_folder_is_made(tmp_path: Path, count: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"(steps: -1|steps: 0|seeds: 0); expected 1 or more"):
        run_table("d2m-2", AblationContext(tmp_path, {}), tmp_path / "out", **count)
    assert not (tmp_path / "out").exists()


def test_an_unknown_preset_and_a_codec_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="preset 'd2m'"):
        gan_training("d2m", [])
    from tiny_gan import codec

    save_model(tmp_path / "codec.safetensors", codec(), codec().config)
    with pytest.raises(InputError, match=r"hop 64 .*expected a SpectralCodec at hop 256"):
        open_codec(tmp_path / "codec.safetensors", "spectral-small-high", "high")
    with pytest.raises(InputError, match="expected vqvae"):
        open_codec(tmp_path / "codec.safetensors", "vqvae-high", "high")


@pytest.fixture(scope="module")
def codec_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return codec_file_in(tmp_path_factory.mktemp("codec"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, codec_file: Path) -> Path:
    """One clip to train on and one to test, prepared; all of it is one song's."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder / "raw", 2, 0, duration_seconds=4.0, filmed_share=0.0, workers=1)
    prepare(folder / "raw", "composed", folder / "prepared", PrepareConfig(codec=str(codec_file)), workers=1)
    manifest = folder / "prepared" / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    for row, split in zip(rows, ("train", "test"), strict=True):
        row["split"] = split
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "prepared"


def test_rows_of_a_prepared_folder_are_trained_and_measured_and_the_others_say_what_they_lack(
    tmp_path: Path, codec_file: Path, prepared: Path
) -> None:
    options = ["--data", str(prepared), "--codec-high", str(codec_file), "--out", str(tmp_path), "--steps", "1", "--seeds", "1"]
    options += ["--set", "batch_size=1", "--set", "loop.accelerator=cpu"]
    done = CliRunner().invoke(app, ["ablate", "d2m-3", *options], catch_exceptions=False)
    assert done.exit_code == 0
    lines = {line.split(" |")[0]: line for line in done.output.splitlines()}
    assert "training split of prepared, measured on 1 others, 1 steps of 1 segments, 1 seed, batch_size=1" in done.output
    assert "| 1 |" in lines["| high 2 s"] and "| 0 | not run |" in lines["| high 3 s"]
    assert "Not run: high 3 s, low 3 s: segments of 3 s: prepared ones last 2 s" in done.output
    assert "Not run: low 2 s: no codec of the low level is given; make one with 'dance2music train codec'" in done.output
    result = json.loads((tmp_path / "d2m-3" / "high-2-s-1-0" / "result.json").read_text())
    assert {*COLUMNS, "codes"} == result["scores"].keys()
    assert result["undefined"] == {
        "genre_retrieval": "the database has no other song of the dance's genre, so that no answer could be right",
        "dist_m": "there is one recording only",
    }
    assert all((result["scores"][column] is None) == (column in result["undefined"]) for column in COLUMNS)
    made = tmp_path / "d2m-3" / "high-2-s-1-0" / "generator.safetensors"
    told = CliRunner().invoke(app, ["score-gan", str(made), "--data", str(prepared), "--codec", str(codec_file)], catch_exceptions=False)
    names = [line.split(" | ")[0].removeprefix("| ") for line in told.output.splitlines()[2:] if line.startswith("| ")]
    assert names == [
        "generated", "true music", "music of another clip", "true music shifted", "white noise", "true music, coded"
    ]  # fmt: skip
    (foreign,) = [line for line in told.output.splitlines() if line.startswith("| music of another clip")]
    assert foreign.replace(" ", "") == "|musicofanotherclip|" + "-|" * (1 + len(COLUMNS))
    assert "Undefined: music of another clip: the clips are of one song." in told.output
    with pytest.raises(InputError, match="is no generator of a preset"):
        score_file(codec_file, codec_file, data=prepared, held_out=1)
    with pytest.raises(InputError, match="other settings"):
        run_table("d2m-3", AblationContext(tmp_path, {"high": codec_file}, data=prepared), tmp_path, steps=1, seeds=1)


def test_test_clips_of_a_prepared_folder_are_whole_or_in_segments_as_the_generator_takes_them(prepared: Path) -> None:
    whole = prepared_clips(prepared, GAN_TRAININGS["d2m-gan-high-embedded"], limit=9)
    parts = prepared_clips(prepared, GAN_TRAININGS["d2m-gan-high-aist-paper"], limit=9)
    assert [clip.motion.shape for clip in whole] == [(120, 80)] and [clip.motion.shape for clip in parts] == [(120, 219)] * 2
    assert whole[0].visual.shape == (120, 5) and parts[0].visual.shape == (2048,)
    assert whole[0].audio.shape == (1, 4 * 22050) and np.array_equal(whole[0].audio[:, :44100], parts[0].audio)
    for kind in ("beat_times_seconds", "kinematic_beats_seconds"):
        times = [getattr(parts[0], kind), getattr(parts[1], kind) + 2.0]
        assert len(times[0]) and np.allclose(np.concatenate(times), getattr(whole[0], kind))
    assert len(prepared_clips(prepared, GAN_TRAININGS["d2m-gan-high-aist-paper"], limit=1)) == 1


def test_generators_of_two_seconds_are_measured_on_segments(prepared: Path) -> None:
    config = dataclasses.replace(GAN_TRAININGS["d2m-gan-high-tiktok-paper"], generator=small_gan.CONFIG)
    clips = prepared_clips(prepared, config, limit=2)
    narrow = [dataclasses.replace(clip, visual=clip.visual[: small_gan.VISUAL]) for clip in clips]
    scores = score(small_gan.generator().eval(), small_gan.codec(), narrow, config)
    assert {clip.motion.shape for clip in clips} == {(60, 75)} and scores.keys() == {*COLUMNS, "codes"}
    assert 1 <= scores["codes"] <= small_gan.CODEC.codebook_size and np.isfinite(scores["onset_z"])


def test_a_table_without_a_single_row_to_run_is_refused(tmp_path: Path, codec_file: Path) -> None:
    with pytest.raises(InputError, match=r"table 'd2m-6': no row can be run: no codec of the high level is given"):
        run_table("d2m-6", AblationContext(tmp_path, {}), tmp_path, steps=1)
    with pytest.raises(InputError, match="train decoder"):
        run_row(rows_of("d2m-5")[0], AblationContext(tmp_path, {"high": codec_file}), tmp_path, steps=1, seed=0)


def test_the_table_says_not_run_and_how_far_seeds_differ() -> None:
    rows = rows_of("creative-5")
    results = [{"row": "A adversarial", "scores": dict.fromkeys([*COLUMNS, "codes"], value)} for value in (1.0, 2.0)]
    lines = table_text("creative-5", rows, results, "200 composed clips, 8 steps").splitlines()
    assert "200 composed clips, 8 steps" in lines[0] and "Table 5" in lines[0]
    assert "| A adversarial | 2 | 1.50 ± 0.71 |" in lines[4] and lines[4].endswith("| 84.8 | 84.1 | 4.37 | 0.206 |")
    assert "| B + style | 0 | not run |" in lines[5]
    told = table_text("creative-5", rows, results, "", lacking={"B + style": "no codec", "E + perceptual": "no codec"})
    assert told.endswith("\nNot run: B + style, E + perceptual: no codec.\n")


def test_scores_tell_true_music_from_the_same_shifted_and_from_noise() -> None:
    clips = [composed_clip(seed, 6.0, 22050) for seed in (1, 2, 3)]
    scores = controls(clips, 22050)
    above = {name: row["onset_z"] - row["onset_z_shifted"] for name, row in scores.items()}
    assert above["true music"] > above["true music shifted"] + 0.3 and above["true music"] > above["white noise"] + 0.3
    assert scores["true music"]["beats_hit"] == pytest.approx(100.0)
    assert np.isfinite([value for row in scores.values() for name, value in row.items() if name != "genre_retrieval"]).all()


def test_the_papers_columns_are_of_all_segments_denoised_and_retrieved_from_other_songs(monkeypatch: pytest.MonkeyPatch) -> None:
    import dance2music.music.audio as sound

    gated: list[float] = []
    gate = sound.denoise
    monkeypatch.setattr(sound, "denoise", lambda audio: gated.append(audio.duration_seconds) or gate(audio))
    clips = [dataclasses.replace(composed_clip(seed, 4.0, 22050), song=f"song{seed}", genre=seed) for seed in (1, 2)]
    music = [Audio(clip.audio, 22050) for clip in clips]
    pieces = np.stack([EmbeddedGenre().piece(part) for part in music])
    database = Database(pieces, np.array([1, 2]), ("other1", "other2"))
    plain = measure(music, clips, database=database)
    assert not gated and plain["genre_retrieval"] == plain["beats_coverage"] == plain["beats_hit"] == 100.0
    measure(music, clips, database=database, gate=True)
    assert gated == [2.0] * 4
    measure(music, clips, window_seconds=3.0, gate=True)
    assert gated[4:] == [3.0] * 2
    own = measure(music, clips, database=dataclasses.replace(database, songs=("song1", "song2")))
    assert np.isnan(own["genre_retrieval"])


def test_a_part_of_the_test_split_is_spread_over_it(prepared: Path) -> None:
    two = prepared_clips(prepared, GAN_TRAININGS["d2m-gan-high-aist-paper"], limit=0)
    assert len(two) == 2 and {clip.recording for clip in two} == {two[0].recording} and two[0].song
