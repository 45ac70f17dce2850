"""The list of departures in docs/paper_map.md: each is mended and held by a test, or declared with its reason, and what it says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dance2music.papers.sizes import CODEC_TRAININGS, creative_gan_codec
from dance2music.papers.trainings import GAN_TRAININGS
from test_paper_map import find, rows_of

ROOT = Path(__file__).resolve().parents[1]
ROWS = rows_of("Departures")


def test_the_list_is_there() -> None:
    assert len(ROWS) >= 19 and {row[2] for row in ROWS} == {"mended", "declared"}


@pytest.mark.parametrize("row", ROWS, ids=[row[1][:60] for row in ROWS])
def test_a_departure_is_mended_by_a_test_or_declared_with_code_and_reason(row: list[str]) -> None:
    where, what, now, held = row
    assert where.startswith(("D2M-GAN", "Creative-GAN"))
    if now == "mended":
        (test,) = re.findall(r"`(tests/[\w/.]+::\w+)`", held)
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")
    else:
        names = re.findall(r"`(dance2music\.[\w.]+)`", what + held)
        assert names and len(held.split()) >= 5
        assert all(find(name) is not None for name in names)


def row(words: str) -> str:
    """The one row with these words, as text."""
    (found,) = [" | ".join(row) for row in ROWS if words in " | ".join(row)]
    return found


def test_released_presets_scale_the_music_as_the_released_loader_does() -> None:
    gains = {name.rpartition("-")[2]: config.gain for name, config in GAN_TRAININGS.items()}
    assert gains["released"] == (0.3, 1.0) and gains["paper"] == gains["embedded"] == (1.0, 1.0)


def test_the_vq_vae_of_creative_gan_neither_clips_nor_averages() -> None:
    loops = [CODEC_TRAININGS[f"creative-gan-vqvae-{level}"].loop for level in ("high", "low")]
    assert all(loop.grad_clip == 0.0 and loop.ema_decay == 0.0 for loop in loops)


def test_the_declared_average_and_sigma_are_those_of_the_presets() -> None:
    (decay,) = re.findall(r"decay (0\.\d+)", row("averages weights"))
    papers = [config for name, config in GAN_TRAININGS.items() if name.endswith(("-paper", "-released"))]
    assert {config.loop.ema_decay for config in papers} == {float(decay)}
    (sigma,) = re.findall(r"takes σ from (\d+) to 1", row("without scaling"))
    assert GAN_TRAININGS["d2m-gan-high-embedded"].generator.sigma == float(sigma)
    assert GAN_TRAININGS["d2m-gan-high-aist-paper"].generator.generator.sigma == 100.0


def test_the_declared_sizes_of_the_vq_vae_are_so() -> None:
    from dance2music.codec.vqvae import VQVAE
    from dance2music.codec.vqvae_config import VQVAEConfig

    millions = [sum(p.numel() for p in VQVAE(creative_gan_codec(level=level).codec).parameters()) / 1e6 for level in (1, 2)]
    low, high = re.findall(r"(0\.\d+)", row("2 million parameters"))[:2]
    assert [f"{value:.2f}" for value in millions] == [low, high]
    three = VQVAE(VQVAEConfig())
    weights, all_of_it = (sum(v.numel() for v in values) / 1e6 for values in (three.parameters(), three.state_dict().values()))
    assert re.findall(r"three levels have ([\d.]+) million, with their codebooks ([\d.]+)", row("2 million")) == [
        (f"{weights:.1f}", f"{all_of_it:.1f}")
    ]


def test_the_page_on_listening_gives_each_paper_its_listeners() -> None:
    text = (ROOT / "docs" / "listening.md").read_text(encoding="utf-8")
    assert "26 listeners (D2M-GAN)" in text and "30 (Creative-GAN)" in text
