"""The ablation tables: each row differs from its base in the one thing that it names, and results stand beside the printed numbers."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.metrics.published_tables import TABLES as PUBLISHED
from dance2music.train.ablate import TABLES, rows_of, run_row, table_text
from dance2music.train.gan import build_network
from dance2music.train.gan_job import gan_training, motion_layout, open_codec
from dance2music.train.gan_presets import GAN_TRAININGS
from dance2music.train.gan_scores import COLUMNS, controls
from dance2music.train.segments import composed_clip


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
    assert differences(rows["high without reshape"].config, full) == {"discriminator"}


def test_losses_of_creative_gan_are_added_one_by_one() -> None:
    rows = rows_of("creative-5")
    steps = [differences(a.config, b.config) for a, b in pairwise(rows)]
    assert steps == [{"weights.style"}, {"weights.feature_matching"}, {"weights.commitment"}, {"weights.perceptual"}]


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


def test_an_unknown_preset_and_a_codec_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="preset 'd2m'"):
        gan_training("d2m", [])
    from tiny_gan import codec

    from dance2music.checkpoint import save_model

    save_model(tmp_path / "codec.safetensors", codec(), codec().config)
    with pytest.raises(InputError, match=r"hop 64 .*expected a SpectralCodec at hop 256"):
        open_codec(tmp_path / "codec.safetensors", "spectral-small-high", "high")
    with pytest.raises(InputError, match="expected vqvae"):
        open_codec(tmp_path / "codec.safetensors", "vqvae-high", "high")


def test_a_row_with_a_fine_tuned_decoder_needs_one(tmp_path: Path) -> None:
    bench: Any = SimpleNamespace(codecs={"high": None})
    with pytest.raises(InputError, match="train-decoder"):
        run_row(rows_of("d2m-5")[0], bench, tmp_path, steps=1, seed=0)


def test_the_table_says_not_run_and_how_far_seeds_differ() -> None:
    rows = rows_of("creative-5")
    results = [{"row": "A adversarial", "scores": dict.fromkeys(COLUMNS, value)} for value in (1.0, 2.0)]
    lines = table_text("creative-5", rows, results, "200 composed clips, 8 steps").splitlines()
    assert "200 composed clips, 8 steps" in lines[0] and "Table 5" in lines[0]
    assert "| A adversarial | 2 | 1.50 ± 0.71 |" in lines[4] and lines[4].endswith("| 84.8 | 84.1 | 4.37 | 0.206 |")
    assert "| B + style | 0 | not run |" in lines[5]


def test_scores_tell_true_music_from_the_same_shifted_and_from_noise() -> None:
    clips = [composed_clip(seed, 6.0, 22050) for seed in (1, 2, 3)]
    scores = controls(clips, 22050)
    above = {name: row["onset_z"] - row["onset_z_shifted"] for name, row in scores.items()}
    assert above["true music"] > above["true music shifted"] + 0.3 and above["true music"] > above["white noise"] + 0.3
    assert scores["true music"]["beats_hit"] == pytest.approx(100.0)
    assert np.isfinite([value for row in scores.values() for value in row.values()]).all()
