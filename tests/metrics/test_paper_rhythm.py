from __future__ import annotations

import math

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.evaluation.controls import click_track, white_noise
from dance2music.metrics.paper_rhythm import (
    LORIS_DETECTOR,
    beats_coverage,
    beats_hit,
    deviation,
    loris_f1,
    loris_precision,
    loris_recall,
    published_onsets,
    second_bins,
)
from dance2music.music.audio import load_audio
from dance2music.types import Audio
from oracles import oracle, shared


def bits(text: str) -> np.ndarray:
    return np.array([c == "1" for c in text])


def test_the_three_published_pairs_give_two_thirds_pair_by_pair() -> None:
    expected = oracle("beats_scores_official.json")["pairs"]
    folder = shared("data/beats_scores")
    cover, hit = [], []
    for i, pair in enumerate(expected, start=1):
        bins = []
        for kind, side in (("reference", "ref"), ("generated", "syn")):
            audio = load_audio(folder / kind / f"{i}.wav")
            onsets = published_onsets(audio)
            assert onsets == pytest.approx(pair[side]["onset_times"], abs=1e-6)
            bins.append(second_bins(onsets, audio.duration_seconds))
            assert bins[-1].astype(int).tolist() == pair[side]["beats"]
        cover.append(beats_coverage(*bins))
        hit.append(beats_hit(*bins))
        assert (cover[-1], hit[-1]) == (pair["cover"], pair["hit"])
    assert (np.mean(cover), np.mean(hit)) == (0.6666666666666666, 0.6666666666666666)


def test_count_ratio_may_exceed_one_and_precision_may_not() -> None:
    reference, estimate = bits("0101"), bits("1111")
    assert beats_coverage(reference, estimate) == 2.0
    assert beats_hit(reference, estimate) == 1.0
    assert loris_precision(reference, estimate) == 0.5
    assert loris_recall(reference, estimate) == 1.0
    assert loris_f1(reference, estimate) == pytest.approx(2 / 3)


def test_a_score_keeps_one_bit_per_second_so_a_wrong_place_in_it_counts() -> None:
    assert second_bins(np.array([0.01, 2.99]), 4.0).tolist() == [True, False, True, False]
    assert beats_hit(second_bins(np.array([0.01, 1.01]), 2.0), second_bins(np.array([0.99, 1.99]), 2.0)) == 1.0


def test_lengths_may_differ() -> None:
    assert len(second_bins(np.zeros(0), 1.996)) == len(second_bins(np.zeros(0), 2.0)) == 2
    assert len(second_bins(np.zeros(0), 2.01)) == 3
    assert beats_coverage(bits("1111"), bits("11")) == 0.5  # what is missing is not covered
    assert beats_coverage(bits("11"), bits("1111")) == 1.0  # what is beyond does not count
    assert loris_precision(bits("1111"), bits("11")) == loris_recall(bits("1111"), bits("11")) == 1.0


def test_silence_scores_nothing_and_a_silent_reference_is_undefined() -> None:
    silent, played = bits("00"), bits("11")
    assert beats_coverage(played, silent) == beats_hit(played, silent) == 0.0
    assert math.isnan(beats_coverage(silent, played)) and math.isnan(beats_hit(silent, silent))
    assert loris_precision(played, silent) == loris_recall(silent, played) == loris_f1(silent, silent) == 0.0


def test_an_unsynchronised_click_track_has_a_perfect_score() -> None:
    music = click_track(np.arange(0.1, 6, 0.61), 6.0, 22_050)
    clicks = click_track(np.arange(0.35, 6, 0.5), 6.0, 22_050)
    reference, estimate = (second_bins(published_onsets(a), 6.0) for a in (music, clicks))
    assert beats_hit(reference, estimate) == beats_coverage(reference, estimate) == 1.0


def test_detection_takes_any_rate_channels_and_loudness() -> None:
    clicks = click_track(np.array([0.5, 1.5, 2.25]), 3.0, 44_100)
    stereo = Audio(np.concatenate([clicks.samples, clicks.samples]) * 1e-3, 44_100)
    found = published_onsets(stereo)
    assert found == pytest.approx([0.5, 1.5, 2.25], abs=0.05)
    assert published_onsets(stereo, LORIS_DETECTOR) == pytest.approx(found, abs=0.03)
    assert len(published_onsets(Audio(np.zeros((1, 100), np.float32), 8000))) == 0
    assert len(published_onsets(white_noise(3.0, 22_050, seed=0))) < 10


def test_deviation_is_over_clips_with_n_minus_one() -> None:
    assert deviation(np.array([0.0, 1.0])) == pytest.approx(math.sqrt(0.5))
    assert deviation(np.array([0.0, 1.0, math.nan])) == pytest.approx(math.sqrt(0.5))
    assert math.isnan(deviation(np.array([1.0])))


def test_wrong_times_are_refused() -> None:
    with pytest.raises(InputError, match="positive length"):
        second_bins(np.zeros(0), 0.0)
    with pytest.raises(InputError, match="negative or not finite"):
        second_bins(np.array([math.nan]), 2.0)
