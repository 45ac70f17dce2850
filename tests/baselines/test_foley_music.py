from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dance2music.baselines.foley_music import FOLEY_EMBEDDED, FOLEY_PAPER, FoleyMusic, FoleyMusicConfig
from dance2music.baselines.foley_music_train import FoleyTrainConfig, PoseEvents, losses, move, pose_and_notes
from dance2music.dance.skeleton import skeleton
from dance2music.errors import InputError
from dance2music.generation import pipeline
from dance2music.nn.skeleton_graph import CENTRES, edges_of, partitions
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.train.symbolic import SymbolicTrainConfig
from dance2music.types import Conditioning

SMALL = replace(FOLEY_EMBEDDED, graph_channels=(8, 8), graph_strides=(1, 2), channels=32, heads=2, layers=2, feed_channels=32,
                max_events=96, window_seconds=3.0)  # fmt: skip


def built(config: FoleyMusicConfig = SMALL) -> FoleyMusic:
    torch.manual_seed(0)
    return FoleyMusic(config).eval()


@pytest.fixture(scope="module")
def conditioning() -> Conditioning:
    return pipeline.condition(synthetic_clip(7, duration_seconds=6.0).motion, genre="pop")


def test_a_graph_of_three_nodes_has_the_partitions_that_one_gets_by_hand() -> None:
    A = partitions(3, [(0, 1), (1, 2)], 0)
    assert torch.allclose(A.sum(dim=(0, 1)), torch.ones(3))
    assert A[0].diag().tolist() == pytest.approx([1 / 2, 1 / 3, 1 / 2])
    assert A[1][1, 0] == pytest.approx(1 / 2)  # joint 1 is farther than 0
    assert A[2][0, 1] == pytest.approx(1 / 3)  # joint 0 is nearer than 1
    assert A[1][2, 1] == pytest.approx(1 / 3)
    assert A[2][1, 2] == pytest.approx(1 / 2)
    assert int((A > 0).sum()) == 7


def test_body_25_has_the_counted_links_in_the_published_form_and_with_true_distances() -> None:
    joints = skeleton("body-25")
    edges = edges_of("body-25")
    assert len(edges) == 24
    published = partitions(25, edges, joints.index("neck"), true_distance=False)
    assert int((published[2] > 0).sum()) == 10
    assert int((published[1] > 0).sum()) == 38  # 28 that count as equal, 10 outward
    true = partitions(25, edges, joints.index("neck"))
    assert [int((part > 0).sum()) for part in true] == [25, 24, 24]


def test_every_graph_is_connected() -> None:
    for name, centre in CENTRES.items():
        n = len(skeleton(name).joints)
        reach = torch.matrix_power((partitions(n, edges_of(name), skeleton(name).index(centre)).sum(dim=0) > 0).float(), n)
        if name != "holistic-83":  # hands and face hang on nothing there
            assert (reach > 0).all()


def test_the_published_and_the_embedded_sizes_have_the_specified_number_of_parameters() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in FoleyMusic(FOLEY_PAPER).parameters()) == pytest.approx(22.58e6, rel=2e-4)
        for config in (FoleyMusicConfig(), FOLEY_EMBEDDED):
            assert sum(p.numel() for p in FoleyMusic(config).parameters()) == pytest.approx(1.10e6, rel=3e-3)


def test_six_seconds_of_dance_are_33_memory_steps_at_the_published_size() -> None:
    config = replace(FOLEY_PAPER, graph_channels=(4,) * 10, channels=16, heads=2, layers=1, feed_channels=16)
    assert built(config).remember(torch.zeros(1, 132, 17, 2)).shape == (1, 33, 16)


@pytest.mark.parametrize("mode", ["nucleus", "greedy", "beam"])
def test_every_mode_plays_notes_inside_the_dance(mode: str, conditioning: Conditioning) -> None:
    model = built(replace(SMALL, mode=mode, beams=2))
    once, again = model.generate(conditioning, [1, 1])
    assert once.tracks[0].notes == again.tracks[0].notes
    onsets = once.time_at(np.array([n.start_beats for n in once.tracks[0].notes]))
    assert (onsets >= -1e-6).all()
    assert (onsets < conditioning.duration_seconds).all()


def test_a_beam_finds_a_likelier_sequence_than_greed(conditioning: Conditioning) -> None:
    def log_likelihood(model: FoleyMusic, ids: list[int], joints: torch.Tensor) -> float:
        events = torch.tensor([[model.config.tokens.start, *ids]])
        logits = model(joints, events[:, :-1]).log_softmax(dim=-1)
        return float(logits.gather(-1, events[:, 1:, None]).mean())

    short = replace(SMALL, max_events=24, beams=8)
    joints = torch.from_numpy(built().joints_of(conditioning))[None, :66]
    with torch.no_grad():
        values = []
        for mode in ("greedy", "beam"):
            model = built(replace(short, mode=mode))
            memory = model.remember(joints)
            ids = model._choose(memory, np.random.default_rng(0), 0, [])
            values.append(log_likelihood(model, ids, joints))
    assert values[1] >= values[0] - 1e-4


def test_the_dance_reaches_the_notes() -> None:
    model = built()
    events = torch.tensor([[240, 10, 20, 30]])
    with torch.no_grad():
        a, b = (model(torch.randn(1, 66, 17, 2, generator=torch.Generator().manual_seed(s)), events) for s in (0, 1))
    assert not torch.allclose(a, b, atol=1e-3)


@pytest.mark.parametrize("told", [{}, {"elapsed": False}, {"memory_positions": False}])
def test_events_step_by_step_are_those_of_the_whole_sequence(told: dict[str, bool]) -> None:
    model = built(replace(SMALL, **told))
    events = torch.tensor([[240, 190, 40, 225, 128, 230, 190, 44]])
    with torch.no_grad():
        memory, states = model.remember(torch.randn(1, 66, 17, 2)), model.decoder.start()
        whole = model.read(memory, events)
        seconds = torch.cumsum(torch.tensor([model.tokenizer.seconds_of(id_) for id_ in events[0].tolist()]), dim=0)
        for i in range(events.shape[1]):
            step = model.step(events[:, i], i, states, memory, seconds[i : i + 1])
            assert torch.allclose(step, whole[:, i], atol=1e-4)


def test_an_event_knows_how_much_of_the_window_is_over() -> None:
    shifts = {k: 208 + k for k in (2, 20)}  # 20 ms and 0.25 s
    for elapsed, differs in ((True, True), (False, False)):
        model = built(replace(SMALL, elapsed=elapsed))
        with torch.no_grad():
            model.events.weight[shifts[20]] = model.events.weight[shifts[2]]  # only the time tells them apart
            memory = model.remember(torch.randn(1, 66, 17, 2, generator=torch.Generator().manual_seed(0)))
            a, b = (model.read(memory, torch.tensor([[240, shift, 190]])) for shift in shifts.values())
        assert torch.allclose(a[:, 0], b[:, 0], atol=1e-5)
        assert torch.allclose(a[:, 2], b[:, 2], atol=1e-4) is not differs


def test_an_unknown_mode_and_a_guide_that_there_is_not_are_refused() -> None:
    with pytest.raises(InputError, match="nucleus"):
        FoleyMusicConfig(mode="best")
    with pytest.raises(InputError, match="guided=false"):
        FoleyMusicConfig(guided=True)


def test_the_model_learns_one_dance_by_heart() -> None:
    config = FoleyTrainConfig(
        model=replace(SMALL, dropout=0.0), training=SymbolicTrainConfig(batch_size=2, n_pieces=1, piece_seconds=3.0), crop_events=64
    )
    items = [pose_and_notes(5, seconds=3.0, skeleton="coco-17")]
    data = PoseEvents(items, config, seed=0)
    torch.manual_seed(0)
    model = FoleyMusic(config.model).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    first = losses(model, data[0])
    for step in range(80):
        terms = losses(model, data[step])
        optimizer.zero_grad()
        terms["total"].backward()
        optimizer.step()
    assert float(terms["cross_entropy"]) < 0.2 * float(first["cross_entropy"])
    assert float(terms["onset"]) < 0.2 * float(first["onset"])


def test_the_camera_of_the_augmentation_moves_all_joints_together() -> None:
    joints = np.random.default_rng(0).uniform(-1, 1, (50, 17, 2)).astype(np.float32)
    moved = move(joints, np.random.default_rng(3))
    before = np.linalg.norm(joints[:, 0] - joints[:, 1], axis=-1)
    after = np.linalg.norm(moved[:, 0] - moved[:, 1], axis=-1)
    ratio = after / before
    assert ratio.min() > 0.89
    assert ratio.max() < 1.11
