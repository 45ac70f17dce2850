"""The steps of the estimate on evidence made by hand: which path, which phase, which grid."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.rhythm import estimate, grids
from dance2music.rhythm.estimate import RhythmConfig
from dance2music.rhythm.evidence import Window
from dance2music.rhythm.limbs import LimbCurves
from dance2music.types import Motion

CONFIG = RhythmConfig()
NO_LIMBS = LimbCurves(np.zeros((6, 0)), np.zeros(6, bool), 30.0)


def resting_at(phase: float, tempo_bpm: float, *, seconds: float = 8.0) -> Window:
    """A window whose kinematic beats lie exactly on a grid that stands at beat position ``phase`` at the centre."""
    beats = (np.arange(-20, 21) - phase) * 60.0 / tempo_bpm
    times = np.arange(-seconds / 2, seconds / 2, 1 / 30)
    return Window(np.zeros((len(times), 1)), [beats[np.abs(beats) < seconds / 2]], times, NO_LIMBS)


@pytest.mark.parametrize("off", [-0.02, 0.02])
def test_a_grid_is_moved_towards_the_kinematic_beats_from_either_side(off: float) -> None:
    window = resting_at(0.3, 100.0)
    phase, tempo = estimate._refine(window, 0.3 + off, 100.0, 0.01, CONFIG, fixed=True)
    assert phase == pytest.approx(0.3, abs=0.005) and tempo == 100.0
    phase, tempo = estimate._refine(window, 0.3 + off, 100.0 * (1 + off / 4), 0.01, CONFIG, fixed=False)
    assert phase == pytest.approx(0.3, abs=0.006) and tempo == pytest.approx(100.0, rel=0.002)


def scores_of(path: list[tuple[int, int]], *, n_tempi: int = 5, n_phases: int = 10, height: float = 50.0) -> np.ndarray:
    scores = np.zeros((len(path), n_tempi, n_phases))
    for w, (tempo, phase) in enumerate(path):
        scores[w, tempo, phase] = height
    return scores


TEMPI = 100.0 * 1.01 ** np.arange(5)


def best_path(scores: np.ndarray, tempi: np.ndarray, centres: np.ndarray, width: float) -> np.ndarray:
    return grids.best_path(scores, tempi, centres, width, drift_weight=CONFIG.drift_weight, slip_weight=CONFIG.slip_weight)


def test_a_path_goes_on_at_its_tempo_where_nothing_speaks_for_another() -> None:
    centres = np.array([4.0, 6.0, 8.0])  # 2 s are 3 1/3 beats at 100 bpm: 33.33 bins, 33 of them whole
    scores = scores_of([(0, 2), (0, 0), (0, 0)])
    scores[1:] = 0.0
    path = best_path(scores, TEMPI, centres, 8.0)
    assert path.tolist() == [[0, 2], [0, 5], [0, 8]]


def test_of_two_slips_of_the_phase_the_one_that_the_tempo_explains_is_taken() -> None:
    centres = np.array([4.0, 6.0])  # a third of a bin is left over: one bin on is nearer than one bin back
    scores = scores_of([(0, 2), (0, 4)])
    scores[1, 0, 6] = scores[1, 0, 4]
    assert best_path(scores, TEMPI, centres, 8.0).tolist() == [[0, 2], [0, 6]]


@pytest.mark.parametrize("tempi", [(0, 1, 2, 3), (4, 3, 2, 1)])
def test_a_path_follows_a_tempo_that_rises_or_falls(tempi: tuple[int, ...]) -> None:
    centres, phase, path = 4.0 + 2.0 * np.arange(4), 3.0, []
    for before, now in zip((tempi[0], *tempi), tempi):
        phase += 0.0 if not path else 2.0 * 0.5 * (TEMPI[before] + TEMPI[now]) / 60.0 * 10
        path.append((now, round(phase) % 10))
    assert best_path(scores_of(path), TEMPI, centres, 8.0).tolist() == [list(at) for at in path]


def test_one_loud_window_does_not_pull_a_path_further_than_it_may_jump() -> None:
    centres = np.array([4.0, 6.0, 8.0])
    scores = scores_of([(0, 2), (0, 5), (0, 8)])
    scores[1, 4, 0] = 60.0  # four steps of tempo away: out of reach
    assert best_path(scores, TEMPI, centres, 8.0).tolist() == [[0, 2], [0, 5], [0, 8]]
    near = scores_of([(0, 2), (0, 5), (0, 8)])
    near[1, 2, 5] = 52.0  # within reach, but two steps of tempo there and back cost more than it brings
    assert best_path(near, TEMPI, centres, 8.0).tolist() == [[0, 2], [0, 5], [0, 8]]


def test_between_two_tempi_the_phase_goes_on_at_their_mean() -> None:
    centres, n_phases = np.array([4.0, 6.0]), 32
    bins = [round(2.0 * bpm / 60.0 * n_phases) for bpm in (0.5 * (TEMPI[0] + TEMPI[3]), TEMPI[3])]
    assert bins[0] != bins[1]
    scores = scores_of([(0, 2), (3, (2 + bins[0]) % n_phases)], n_phases=n_phases)
    scores[1, 3, (2 + bins[1]) % n_phases] = scores[1].max()
    assert best_path(scores, TEMPI, centres, 8.0).tolist() == [[0, 2], [3, (2 + bins[0]) % n_phases]]


@pytest.mark.parametrize(("window", "elsewhere"), [(0, (1, 1)), (1, (1, 6))])
def test_windows_that_overlap_count_by_the_share_that_is_theirs_alone(window: int, elsewhere: tuple[int, int]) -> None:
    centres = np.array([4.0, 6.0])  # a quarter of 8 s: 4 more are 1, and a step of tempo costs 1.5
    scores = scores_of([(0, 2), (0, 5)])
    scores[window] *= 0.2
    scores[(window, *elsewhere)] = 14.0
    assert best_path(scores, TEMPI, centres, 8.0).tolist() == [[0, 2], [0, 5]]
    assert best_path(scores, TEMPI, centres, 2.0).tolist() != [[0, 2], [0, 5]]


def test_terms_add_up_by_their_weights_with_the_prior_of_the_tempo() -> None:
    tempi = np.array([CONFIG.prior_bpm, CONFIG.prior_bpm * np.exp(CONFIG.prior_width)])
    terms = {"agreement": np.ones((2, CONFIG.phase_bins)), "periodicity": np.array([[2.0], [0.0]])}
    weights = CONFIG.without_network
    expected = np.array([weights.agreement + 2.0 * weights.periodicity, weights.agreement - 0.5])
    assert estimate.joint_scores(terms, tempi, CONFIG)[:, 3] == pytest.approx(expected)


def test_summits_apart_are_listed_with_their_shares_and_their_slopes_are_not() -> None:
    tempi = np.array([90.0, 91.0, 120.0])
    scores = np.full((3, 16), -50.0)
    scores[0, 3], scores[1, 4], scores[0, 11], scores[2, 0] = 10.0, 9.0, 8.0, 6.0
    found = estimate._apart(scores, tempi, CONFIG)
    assert [at for at, _, _ in found[:3]] == [(0, 3), (0, 11), (2, 0)]  # (1, 4) is within 4 % and a quarter of a beat of the first
    power = CONFIG.confidence_power
    whole = sum(np.exp(power * x) for x in (10.0, 9.0, 8.0, 6.0))
    assert found[0][2] == pytest.approx((np.exp(power * 10.0) + np.exp(power * 9.0)) / whole, rel=1e-3)
    assert sum(share for _, _, share in found) == pytest.approx(1.0, abs=1e-6)


def test_an_anchor_lies_at_the_top_of_the_parabola_through_three_bins_and_counts_on() -> None:
    bins = np.arange(10)
    scores = np.stack([-np.square(bins - 4.3), -np.square(bins - 6.8)])[:, None]
    anchors = grids.phase_anchors(scores, np.array([[0, 4], [0, 7]]), np.array([100.0]), np.array([4.0, 6.0]))
    # 2 s at 100 bpm are 3.333 beats after .43: 3.763; the phase nearest to it with the fraction .68 is 3.68
    assert anchors == pytest.approx([0.43, 3.68])


def test_an_anchor_keeps_to_its_bin_where_the_scores_are_flat_or_bent_upwards() -> None:
    for row in (np.zeros(10), np.square(np.arange(10) - 4.0)):
        assert grids.phase_anchors(row[None, None], np.array([[0, 4]]), np.array([100.0]), np.array([4.0])) == pytest.approx([0.4])


def test_a_steady_grid_stands_at_its_phase_at_the_centre_and_covers_the_clip() -> None:
    grid = grids.steady_grid(4.0, 0.25, 120.0, 8.1)
    assert np.diff(grid) == pytest.approx(0.5) and np.abs((grid - 3.875) / 0.5 % 1.0).max() == pytest.approx(0.0, abs=1e-9)
    assert -0.5 < grid[0] <= 0.0 and 8.1 <= grid[-1] < 8.6


def test_a_grid_through_anchors_has_their_beats_at_their_times() -> None:
    centres, anchors = np.array([4.0, 6.0, 8.0]), np.array([0.4, 3.8, 7.4])
    grid = grids.anchored_grid(centres, anchors, np.array([102.0, 105.0, 108.0]), 12.0)
    first = np.ceil(anchors[0] - 4.0 * 1.7 - 1)
    assert np.interp(centres, grid, first + np.arange(len(grid))) == pytest.approx(anchors, abs=0.01)
    assert 60.0 / np.diff(grid)[[1, -2]] == pytest.approx([102.0, 108.0], rel=0.01)


def test_only_beats_that_cover_the_clip_are_kept() -> None:
    grid = np.arange(-2.0, 12.0, 0.5) + 0.1
    assert grids.cover(grid, 5.0).tolist() == pytest.approx(np.arange(-0.4, 5.5, 0.5).tolist())
    assert len(grids.cover(np.array([0.0, 7.0, 14.0]), 5.0)) == 2


def test_the_downbeat_is_where_the_network_hears_it_or_the_quickest_moves_arrive() -> None:
    grid = np.arange(0.0, 8.1, 0.5)
    times = np.arange(-4.0, 4.0, 1 / 30)
    heard = np.exp(-0.5 * ((times % 2.0 - 1.0) / 0.1) ** 2)  # at 1, 3, 5, 7 s of the clip: beats 2, 6, 10, 14
    window = Window(np.zeros((len(times), 1)), [], times, NO_LIMBS, beat_activation=np.zeros(len(times)), downbeat_probability=heard)
    still = Motion(np.zeros((240, 17, 3), np.float32), np.ones((240, 17), np.float32), 30.0, "coco-17")
    assert estimate._downbeat(grid, still, [window], np.array([4.0])) == 2
    t = np.arange(240) / 30
    arriving = np.where((t + 1.0 - 0.5) % 2.0 > 1.7, 1.0, 0.0)  # quick for 0.3 s up to 1.5, 3.5, ... s: beats 3, 7, 11
    joints = np.random.default_rng(0).normal(size=(1, 17, 3)).repeat(240, axis=0)
    joints[:, 9:11] += 0.05 * np.cumsum(arriving)[:, None, None]  # the wrists
    moving = Motion(joints.astype(np.float32), np.ones((240, 17), np.float32), 30.0, "coco-17")
    assert estimate._downbeat(grid, moving, [resting_at(0.0, 120.0)], np.array([4.0])) == 3


def test_confidence_is_the_share_of_the_posterior_within_four_percent() -> None:
    tempi = np.array([96.0, 99.0, 100.0, 103.9, 104.1, 110.0])
    posteriors = np.log(np.array([[0.1, 0.2, 0.3, 0.2, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1, 0.1, 0.5]])) + 7.0
    posteriors[1] -= 2000.0  # each window has a level of its own
    assert estimate._confidence(posteriors, np.array([100.0, 110.0]), tempi) == pytest.approx((0.7 + 0.5) / 2)


def test_windows_cover_a_long_clip_and_a_short_one_is_a_window_of_its_own() -> None:
    centres, width = estimate._window_centres(11.9, CONFIG)
    assert centres.tolist() == [5.95] and width == 11.9
    centres, width = estimate._window_centres(31.0, CONFIG)
    assert width == 8.0 and centres[0] == 4.0 and centres[-1] == 27.0
    assert np.ptp(np.diff(centres)) == pytest.approx(0.0, abs=1e-9) and 1.5 < np.diff(centres)[0] <= 2.0
