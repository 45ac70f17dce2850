"""The rhythm network: shapes, lengths, and that its tempo head sees a change of tempo as a shift."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dance2music.checkpoint import load_embedded, load_model, save_model
from dance2music.dance.kinematics import FEATURE_SLICES, MOTION_FEATURES
from dance2music.errors import ConfigError
from dance2music.rhythm.network import OTHER_SAY, RhythmModel, RhythmModelConfig, joined, own_weights

SMALL = RhythmModelConfig(channels=8, dilations=(1, 2), novelty_channels=2, tempo_channels=4, dropout=0.0)


def small_model() -> RhythmModel:
    torch.manual_seed(0)
    return RhythmModel(SMALL).eval()


@pytest.mark.parametrize("frames", [8, 60, 401])
def test_windows_of_any_length_give_a_logit_per_frame_and_per_tempo(frames: int) -> None:
    out = small_model()(torch.randn(2, frames, MOTION_FEATURES))
    assert out.beat.shape == out.downbeat.shape == (2, frames)
    assert out.tempo.shape == (2, SMALL.n_tempi)
    assert torch.isfinite(out.tempo).all() and torch.isfinite(out.beat).all()


def test_the_size_of_the_dancer_does_not_matter() -> None:
    x = torch.randn(1, 90, MOTION_FEATURES)
    model = small_model()
    assert torch.allclose(model(x).tempo, model(3.0 * x).tempo, atol=1e-3)


def test_a_figure_that_never_moves_gives_finite_numbers() -> None:
    out = small_model()(torch.zeros(1, 60, MOTION_FEATURES))
    assert torch.isfinite(out.tempo).all() and torch.isfinite(out.beat).all()


def test_spectra_of_a_faster_movement_are_shifted_along_the_tempo_axis() -> None:
    model = small_model()
    t = torch.arange(600) / SMALL.fps
    ratio = (1.0 + SMALL.tempo_step) ** 8
    slow, fast = torch.sin(2 * torch.pi * 1.5 * t), torch.sin(2 * torch.pi * 1.5 * ratio * t)
    spectra = model._spectra(torch.stack([slow, fast])[None])[0]
    assert int(spectra[1].argmax()) - int(spectra[0].argmax()) == 8


def test_every_parameter_gets_a_gradient() -> None:
    model = RhythmModel(SMALL)
    out = model(torch.randn(2, 90, MOTION_FEATURES))
    (out.beat.square().mean() + out.downbeat.square().mean() + out.tempo.square().mean()).backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


def test_blocks_that_the_network_does_not_see_do_not_change_it() -> None:
    model = small_model()
    x = torch.randn(1, 60, MOTION_FEATURES)
    y = x.clone()
    y[..., FEATURE_SLICES["position"]] += 1.0
    y[..., FEATURE_SLICES["confidence"]] = 0.0
    assert torch.equal(model(x).tempo, model(y).tempo)


def test_the_embedded_weights_load_and_find_the_tempo_of_a_drawn_dance() -> None:
    from dance2music.rhythm.estimate import estimate_rhythm
    from dance2music.rhythm.evidence import embedded_network
    from dance2music.synthetic.synthetic import synthetic_clip

    assert embedded_network() is not None
    clips = [synthetic_clip(1_000_000_200 + i, duration_seconds=10.0, fps=30.0) for i in range(6)]
    right = [abs(estimate_rhythm(clip.motion).tempo_bpm / clip.rhythm.tempo_bpm - 1) <= 0.04 for clip in clips if clip.rhythm is not None]
    assert sum(right) >= 4


def networks(n: int) -> list[RhythmModel]:
    """Small networks of other weights and sizes."""
    made = []
    for seed in range(n):
        torch.manual_seed(seed)
        made.append(RhythmModel(replace(SMALL, channels=8 - seed)).eval())
    return made


@pytest.mark.parametrize("n", [2, 3])
def test_other_networks_have_their_say_in_beats_and_tempo(n: int, tmp_path: Path) -> None:
    alone, x = networks(n), torch.randn(2, 60, MOTION_FEATURES)
    all_ = joined(*alone)
    save_model(tmp_path / "all.safetensors", all_, all_.config, storage="float32")
    read = load_model(tmp_path / "all.safetensors", expected="rhythm")
    said, out = [network(x) for network in alone], read(x)
    torch.testing.assert_close(out.beat, torch.stack([one.beat for one in said]).mean(dim=0))
    torch.testing.assert_close(out.downbeat, torch.stack([one.downbeat for one in said]).mean(dim=0))
    first, *others = (torch.log_softmax(one.tempo, dim=-1) for one in said)
    torch.testing.assert_close(out.tempo, first + OTHER_SAY * torch.stack(others).sum(dim=0))
    assert isinstance(read, RhythmModel) and own_weights(read).keys() == alone[0].state_dict().keys()


def test_the_two_embedded_networks_say_what_they_said_before_there_could_be_more() -> None:
    both, x = load_embedded("rhythm", expected="rhythm"), torch.randn(1, 90, MOTION_FEATURES)
    assert isinstance(both, RhythmModel) and len(both.others) == 1
    first = RhythmModel(replace(both.config, others=())).eval()
    first.load_state_dict(own_weights(both))
    one, other, out = first(x), both.others[0](x), both(x)
    assert torch.equal(out.beat, 0.5 * (one.beat + other.beat))
    assert torch.equal(out.downbeat, 0.5 * (one.downbeat + other.downbeat))
    assert torch.equal(out.tempo, torch.log_softmax(one.tempo, dim=-1) + 0.5 * torch.log_softmax(other.tempo, dim=-1))


def test_of_networks_that_have_others_beside_them_only_their_own_are_joined() -> None:
    first, second = networks(2)
    x = torch.randn(1, 60, MOTION_FEATURES)
    both = joined(first, second)
    torch.testing.assert_close(joined(both, both)(x).tempo, (1 + OTHER_SAY) * torch.log_softmax(first(x).tempo, dim=-1))
    assert torch.equal(joined(both)(x).tempo, first(x).tempo)


def test_a_network_may_see_some_blocks_only() -> None:
    torch.manual_seed(0)
    model = RhythmModel(replace(SMALL, blocks=("part_speed", "vertical"))).eval()
    x = torch.randn(1, 60, MOTION_FEATURES)
    y = x.clone()
    y[..., FEATURE_SLICES["velocity"]] = torch.randn(60, 1)
    assert torch.equal(model(x).beat, model(y).beat) and not torch.equal(small_model()(x).beat, small_model()(y).beat)


@pytest.mark.parametrize("blocks", [("speed",), ("velocity", "position"), ()])
def test_blocks_that_there_are_not_are_refused(blocks: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"blocks: .*; expected one of velocity, part_speed"):
        replace(SMALL, blocks=blocks)


@pytest.mark.parametrize(
    ("name", "value"), [("channels", 0), ("dilations", ()), ("dilations", (1, 0)), ("blocks", ("velocity", "velocity")), ("dropout", 1.5)]
)
def test_sizes_that_no_network_has_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: .*; expected (each once|\d)"):
        replace(SMALL, **{name: value})
