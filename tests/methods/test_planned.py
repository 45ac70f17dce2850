"""The default as a whole: dance in, latents out, for any length, without seams; a section drawn again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import tiny
from dance2music.checkpoint import load_model, save_model
from dance2music.codec.spectral import grown
from dance2music.methods import planned
from dance2music.methods.base import CodecGenerator
from dance2music.methods.performer import PerformerConfig
from dance2music.methods.plan import STEPS_PER_BAR, bars_of
from dance2music.methods.planned import Planned, PlannedConfig, step_features
from dance2music.methods.planner import PlannerConfig
from dance2music.types import Conditioning, Latents

SECONDS = 6.0


def model() -> Planned:
    torch.manual_seed(0)
    given = tiny.conditioning(SECONDS)
    planner = PlannerConfig(
        motion_dim=given.motion.shape[-1], visual_dim=given.visual.shape[-1], n_voicings=2, encoder_channels=8, channels=24, heads=2,
        layers=1, window_steps=32,
    )  # fmt: skip
    performer = PerformerConfig(
        latent_dim=tiny.LATENT_DIM, n_codebooks=tiny.N_CODEBOOKS, codebook_size=tiny.CODEBOOK_SIZE, role_channels=8, role_dilations=(1,),
        trunk_channels=12, trunk_dilations=(1, 2),
    )  # fmt: skip
    config = PlannedConfig(planner=planner, performer=performer, voicings=((48, 52, 55), (45, 48, 52)))
    return Planned(config).eval()


def generate(gan: Planned, given: Conditioning, seeds: list[int]) -> list[Latents]:
    return CodecGenerator(gan, tiny.codec()).generate(given, seeds)


def codes(take: Latents) -> torch.Tensor:
    assert take.codes is not None
    return take.codes


def test_takes_last_as_long_as_the_dance_and_carry_their_notes() -> None:
    given = tiny.conditioning(SECONDS)
    (take,) = generate(model(), given, [0])
    frames = -(-round(given.duration_seconds * take.codec.sample_rate) // take.codec.hop_length)
    assert take.z.shape == (tiny.LATENT_DIM, frames) and codes(take).shape == (tiny.N_CODEBOOKS, frames)
    assert torch.equal(take.z, tiny.codec().lookup(codes(take)[None])[0])
    assert take.score is not None and take.score.genre == given.genre
    assert np.array_equal(take.score.beat_times_seconds, given.rhythm.beat_times_seconds)


def test_a_seed_is_a_take_whatever_is_made_beside_it() -> None:
    gan, given = model(), tiny.conditioning(SECONDS)
    (alone,), (other, again) = generate(gan, given, [5]), generate(gan, given, [4, 5])
    assert torch.equal(codes(alone), codes(again)) and not torch.equal(codes(alone), codes(other))


def test_genre_and_dance_reach_the_music() -> None:
    gan, given = model(), tiny.conditioning(SECONDS)
    (take,) = generate(gan, given, [1])
    (elsewhere,) = generate(gan, replace(given, genre=0), [1])
    (still,) = generate(gan, replace(given, motion=given.motion * 0), [1])
    assert not torch.equal(codes(take), codes(elsewhere)) and not torch.equal(codes(take), codes(still))


def test_windows_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    gan = model()
    scores = gan.scores(tiny.conditioning(SECONDS), [1, 2, 3])
    whole = [gan.perform(score, tiny.codec()) for score in scores]
    monkeypatch.setattr(planned, "_WINDOW_FRAMES", 100)  # the last window is so short that some roles are silent in it
    for score, before in zip(scores, whole):
        assert before.z.shape[-1] > 500 and float((codes(gan.perform(score, tiny.codec())) == codes(before)).float().mean()) > 0.999


def test_the_codec_is_no_part_of_its_file(tmp_path: Path) -> None:
    gan, given = model(), tiny.conditioning(SECONDS)
    assert not any(name.startswith("codec") for name in gan.state_dict())
    save_model(tmp_path / "gan.safetensors", gan, gan.config, storage="float32")
    loaded = load_model(tmp_path / "gan.safetensors", expected="planned")
    assert isinstance(loaded, Planned)
    (a,), (b,) = generate(gan, given, [3]), generate(loaded, given, [3])
    assert torch.equal(codes(a), codes(b))


def test_step_features_lie_on_the_beat_grid() -> None:
    given: Conditioning = tiny.conditioning(SECONDS)
    first, bars = bars_of(*given.rhythm.beat_at(np.array([0.0, SECONDS])))
    motion, visual = step_features(given, first_bar=first, n_steps=bars * STEPS_PER_BAR)
    assert motion.shape == (1, bars * STEPS_PER_BAR, given.motion.shape[-1]) and visual.shape[:2] == motion.shape[:2]
    assert float(motion.abs().sum()) > 0


def test_before_the_dance_a_step_sees_the_same_place_of_its_first_bar() -> None:
    assert planned.under_way(18, 40, 48)[:20].tolist() == [*range(32, 34), *range(18, 34), 18, 19]
    assert np.array_equal(planned.under_way(18, 40, 48)[18:], np.arange(18, 48))
    assert planned.under_way(10, 13, 16)[:10].min() >= 10 and planned.under_way(10, 13, 16)[:10].max() < 13
    assert planned.under_way(5, 5, 16)[0] == 5


def test_the_music_is_under_way_when_the_dance_begins() -> None:
    gan, given = model(), tiny.conditioning(SECONDS)
    seen: list[np.ndarray] = []
    draw = gan.planner.draw

    def watch(motion: torch.Tensor, *arguments: object, **options: object) -> object:
        seen.append(motion[0].abs().sum(dim=1).numpy())
        return draw(motion, *arguments, **options)  # type: ignore[arg-type]

    gan.planner.draw = watch  # type: ignore[method-assign, assignment]
    (score,) = gan.scores(given, [0])
    beats = given.rhythm.beat_at(np.array([0.0, given.duration_seconds]))
    lead = round((beats[0] - bars_of(beats[0] - planned.LEAD_STEPS / 4, beats[1])[0] * 4) * 4)
    assert lead >= planned.LEAD_STEPS and (seen[0][: lead + 8] > 0).all()
    assert min(note.start_beats for track in score.tracks for note in track.notes) < beats[0] - 1


def test_with_a_grown_codec_it_keeps_to_the_codebooks_that_it_learnt_with() -> None:
    gan, codec = model(), tiny.codec()
    score = gan.scores(tiny.conditioning(SECONDS), [0])[0]
    before = gan.perform(score, tiny.codec())
    larger = grown(codec, n_codebooks=tiny.N_CODEBOOKS + 2, decoder_depth=2)
    for book in range(tiny.N_CODEBOOKS, tiny.N_CODEBOOKS + 2):
        larger.quantizer.codebooks[book].get_buffer("k").copy_(0.05 * torch.randn(tiny.CODEBOOK_SIZE, tiny.LATENT_DIM))
    after = gan.perform(score, larger)
    assert torch.equal(codes(after), codes(before)) and torch.equal(after.z, before.z)
    assert torch.equal(larger.decode(after.z[None]), codec.decode(before.z[None]))
