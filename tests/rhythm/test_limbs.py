"""Limbs as witnesses of the beat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dance2music.dance.skeleton import SKELETONS
from dance2music.recipe.limbs import Danced, measure_limbs
from dance2music.rhythm.limbs import LEVELS, WITNESSES, LimbModel, limb_curves, limb_evidence
from dance2music.types import Motion

FPS = 30.0
TEMPI = np.array([84.0, 100.0, 118.0])
PHASES = np.arange(16) / 16


def stepping(bpm: float, first_beat_seconds: float, *, seconds: float = 10.0, seed: int = 0, lag_beats: float = 0.0) -> Danced:
    """A figure whose joints rest ``lag_beats`` after each beat, with noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * FPS)) / FPS
    beat = (t - first_beat_seconds) * bpm / 60.0 - lag_beats
    whole = np.floor(beat).astype(int)
    part = beat - whole
    eased = part - np.sin(2 * np.pi * part) / (2 * np.pi)
    poses = rng.normal(size=(np.ptp(whole) + 3, 15, 2)) * 0.3
    base, low = rng.normal(size=(15, 2)), whole - whole.min()
    joints = base + poses[low] + (poses[low + 1] - poses[low]) * eased[:, None, None] + rng.normal(0.0, 0.004, (len(t), 15, 2))
    motion = Motion(joints.astype(np.float32), np.ones((len(t), 15), np.float32), FPS, "body-15")
    return Danced(motion, first_beat_seconds + np.arange(-2, seconds * bpm / 60 + 2) * 60.0 / bpm)


@pytest.fixture(scope="module")
def model() -> LimbModel:
    """As measured on dancers who rest a tenth of a beat after the beat."""
    rng = np.random.default_rng(1)
    return measure_limbs(
        (stepping(rng.uniform(78, 130), rng.uniform(0, 0.5), seed=i, lag_beats=rng.normal(0.1, 0.03)) for i in range(40)), fps=FPS
    )


def best(danced: Danced, model: LimbModel) -> tuple[float, float]:
    curves = limb_curves(danced.motion, FPS)
    times = (np.arange(curves.values.shape[1]) - (curves.values.shape[1] - 1) / 2) / FPS
    evidence = limb_evidence(curves, times, TEMPI, PHASES, model)
    i, j = np.unravel_index(evidence.argmax(), evidence.shape)
    return float(TEMPI[i]), float(PHASES[j])


def test_what_is_measured_says_where_in_the_beat_limbs_are_slow(model: LimbModel) -> None:
    slowest = (np.angle(-model.mean[1, :5]) / (-2 * np.pi)) % 1.0
    assert slowest == pytest.approx(0.1, abs=0.04)
    assert (model.mean[0] == 0).all()
    assert all(np.linalg.eigvalsh(model.spread[k]).min() > 0 for k in range(len(LEVELS)))
    assert np.diag(model.noise) == pytest.approx(1.0)


def test_the_evidence_finds_tempo_and_phase_of_a_dancer_it_has_not_seen(model: LimbModel) -> None:
    danced = stepping(100.0, 0.2, seed=99, lag_beats=0.1)
    tempo, phase = best(danced, model)
    centre = (len(danced.motion.joints) - 1) / 2 / FPS
    true = (centre - 0.2) * 100.0 / 60.0
    assert tempo == 100.0 and abs((phase - true + 0.5) % 1.0 - 0.5) < 0.08


def test_limbs_that_were_not_seen_say_nothing(model: LimbModel) -> None:
    danced = stepping(100.0, 0.2, seed=99, lag_beats=0.1)
    blind = replace(danced.motion, confidence=np.zeros_like(danced.motion.confidence))
    curves = limb_curves(blind, FPS)
    assert not curves.seen.any()
    times = np.arange(curves.values.shape[1]) / FPS
    assert not limb_evidence(curves, times, TEMPI, PHASES, model).any()
    confidence = danced.motion.confidence.copy()
    confidence[:, [SKELETONS["body-15"].index(f"{side}_ankle") for side in ("left", "right")]] = 0.0
    seen = limb_curves(replace(danced.motion, confidence=confidence), FPS).seen
    assert dict(zip(WITNESSES, seen))["feet"] == np.False_ and seen.sum() == len(WITNESSES) - 1


def test_a_flow_grid_has_no_limbs() -> None:
    flow = Motion(np.zeros((60, 15, 2), np.float32), np.ones((60, 15), np.float32), FPS, "flow", flow_energy=np.ones(60, np.float32))
    assert not limb_curves(flow, FPS).seen.any()
