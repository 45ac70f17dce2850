"""Losses of a decoder with noise: what they reward, and that every one of them moves what it is given."""

from __future__ import annotations

import pytest
import torch

from dance2music.codec.spectral_losses import (
    SpectralViews,
    average_spectrum,
    average_spectrum_distance,
    averaged_mel_distance,
    distance,
    energy_distance,
    onset_views,
    views,
)

RATE = 22_050
VIEWS = SpectralViews(mels=((256, 20, 1.0), (1024, 80, 1.0)), fine=(2048, 0.5))


def noise(seed: int, items: int = 8, n: int = 16_384) -> torch.Tensor:
    return 0.1 * torch.randn(items, 1, n, generator=torch.Generator().manual_seed(seed))


def buzz(n: int = 16_384) -> torch.Tensor:
    """One frame of noise over and over: lines at the frame rate."""
    return noise(9, 8, 256).repeat(1, 1, n // 256)


def of(first: torch.Tensor, second: torch.Tensor, repulsion: float = 1.0) -> float:
    seen = [views(sound, RATE, VIEWS) for sound in (noise(0), first, second)]
    return float(energy_distance(*seen, repulsion=repulsion))


def test_the_energy_distance_prefers_noise_where_the_music_is_noise_and_the_plain_distance_a_steady_level() -> None:
    fresh, too_loud = of(noise(1), noise(2)), of(1.5 * noise(1), 1.5 * noise(2))
    frozen = of(noise(1), noise(1))
    assert fresh < frozen and fresh < too_loud
    reference = views(noise(0), RATE, VIEWS)
    level = [x.mean(dim=-1, keepdim=True).expand_as(x) for x in reference]
    assert float(distance(reference, level)) < float(distance(reference, views(noise(1), RATE, VIEWS)))
    assert float(energy_distance(reference, level, level)) > fresh


def test_without_repulsion_it_is_the_mean_distance_of_the_draws() -> None:
    reference, first, second = (views(noise(seed), RATE, VIEWS) for seed in range(3))
    mean = 0.5 * (distance(reference, first) + distance(reference, second))
    assert float(energy_distance(reference, first, second, repulsion=0.0)) == pytest.approx(float(mean))
    assert float(energy_distance(reference, reference, reference)) == 0.0


def test_the_average_spectrum_sees_a_buzz_that_frames_do_not() -> None:
    apart = float(average_spectrum_distance(noise(0), buzz(), RATE))
    assert apart > 3 * float(average_spectrum_distance(noise(0), noise(1), RATE))
    assert float(average_spectrum_distance(noise(0), noise(0), RATE)) == 0.0


def test_the_average_spectrum_begins_at_its_lowest_frequency_and_a_gain_shifts_it() -> None:
    spectrum = average_spectrum(noise(0), RATE, from_hz=300.0)
    assert spectrum.shape == (8, 1, 4097 - round(300 * 8192 / RATE))
    assert torch.allclose(average_spectrum(2 * noise(0), RATE) - spectrum, torch.tensor(4.0).log(), atol=1e-3)
    with pytest.raises(AssertionError, match="at least 8192"):
        average_spectrum(noise(0, 1, 5000), RATE)


@pytest.mark.parametrize("loss", ["energy", "average", "mels"])
def test_they_move_the_sound_and_a_step_against_the_gradient_lowers_them(loss: str) -> None:
    estimate = (0.5 * buzz()).requires_grad_(True)

    def value(sound: torch.Tensor) -> torch.Tensor:
        if loss == "average":
            return average_spectrum_distance(noise(0), sound, RATE)
        if loss == "mels":
            return averaged_mel_distance(noise(0), sound, RATE)
        return energy_distance(*(views(x, RATE, VIEWS) for x in (noise(0), sound, noise(3))))

    before = value(estimate)
    (gradient,) = torch.autograd.grad(before, estimate)
    assert bool(torch.isfinite(gradient).all()) and float(gradient.abs().max()) > 0
    after = value(estimate - 1e-3 * gradient / gradient.abs().max())
    assert float(after) < float(before)


def test_silence_has_finite_gradients() -> None:
    silent = torch.zeros(2, 1, 16_384, requires_grad=True)
    seen = [views(x, RATE, VIEWS) for x in (noise(0, 2), silent, silent)]
    (energy_distance(*seen) + average_spectrum_distance(noise(0, 2), silent, RATE)).backward()
    assert silent.grad is not None and bool(torch.isfinite(silent.grad).all())


def test_averaged_mels_hear_the_level_of_a_noise_and_hardly_which_noise_it_is() -> None:
    other, louder = (float(averaged_mel_distance(noise(0), sound, RATE)) for sound in (noise(1), 1.5 * noise(1)))
    assert float(averaged_mel_distance(noise(0), noise(0), RATE)) == 0.0
    assert louder > 2 * other
    frames = float(averaged_mel_distance(noise(0), noise(1), RATE, n_frames=1))
    assert other < 0.6 * frames


def hits(rise: int, n: int = 16_384, level: float = 1.0) -> torch.Tensor:
    """Noise that begins at three places with a rise of so many samples, and dies away."""
    time = torch.arange(n)
    envelope = torch.zeros(n)
    for start in (3000, 8000, 13_000):
        after = (time - start).clamp_min(0)
        envelope = envelope + (after / max(rise, 1)).clamp(max=1.0) * (-after / 1500).exp() * (time >= start)
    return level * noise(1, 2) * envelope


def onset_distance(estimate: torch.Tensor) -> float:
    reference, heard = onset_views(hits(8), (estimate,), RATE)
    return float(distance(reference, heard))


def test_onset_views_hear_a_dull_attack_and_how_dull_it_is() -> None:
    assert onset_distance(hits(8)) == 0.0
    assert onset_distance(hits(40)) < onset_distance(hits(120)) < onset_distance(hits(300))


def test_onset_views_care_for_what_is_near_onsets_only_and_forgive_what_is_far_below() -> None:
    elsewhere = hits(8)
    elsewhere[..., 5500:7000] *= 3.0
    assert onset_distance(elsewhere) < 0.15 * onset_distance(hits(40))  # amplitudes hear a little of what is three times as loud
    assert onset_distance(hits(8) + 1e-4 * noise(3, 2)) < 0.02
    assert onset_distance(noise(1, 2)) > 5 * onset_distance(hits(40))


def test_onset_views_hear_that_the_short_peak_of_a_hit_is_missing_most_in_their_second() -> None:
    time = torch.arange(16_384)
    peaks = sum(((time >= start) & (time < start + 66)).float() for start in (3000, 8000, 13_000))  # 3 ms
    reference, heard = onset_views(hits(8) * (1.0 + peaks), (hits(8),), RATE)
    by_level, by_share = (float((a - b).abs().mean()) for a, b in zip(reference, heard, strict=True))
    assert by_share > 1.2 * by_level > 0.0


def test_onset_views_of_silence_are_finite_and_estimates_get_gradients() -> None:
    silent = torch.zeros(1, 1, 4096)
    assert all(
        bool(torch.isfinite(view).all()) for pair in onset_views(silent, (silent, 0.1 * torch.randn(1, 1, 4096)), RATE) for view in pair
    )
    estimate = hits(100).requires_grad_(True)
    reference, heard = onset_views(hits(8), (estimate,), RATE)
    distance(reference, heard).backward()
    assert estimate.grad is not None and bool(torch.isfinite(estimate.grad).all()) and float(estimate.grad.abs().max()) > 0
    zeros = torch.zeros(2, 1, 16_384, requires_grad=True)
    distance(*onset_views(hits(8), (zeros,), RATE)).backward()
    assert zeros.grad is not None and bool(torch.isfinite(zeros.grad).all())
