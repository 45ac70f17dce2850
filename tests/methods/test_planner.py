"""The planner: causal, seeded, and able to learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from dance2music.methods.form import FORM_DIM
from dance2music.methods.plan import STEPS_PER_BAR
from dance2music.methods.planner import Planner, PlannerConfig

SMALL = PlannerConfig(
    motion_dim=5, visual_dim=2, n_voicings=6, encoder_channels=8, channels=24, heads=2, layers=2, window_steps=32, dropout=0.0
)


def planner(*, knows_form: bool = False) -> Planner:
    torch.manual_seed(0)
    return Planner(replace(SMALL, knows_form=knows_form)).eval()


def inputs(steps: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {
        "motion": torch.randn(1, steps, 5),
        "visual": torch.randn(1, steps, 2),
        "genre": torch.tensor([2]),
        "tempo_bpm": torch.tensor([110.0]),
        "form": torch.rand(1, steps, FORM_DIM),
    }


def draw(model: Planner, seeds: list[int], steps: int = STEPS_PER_BAR) -> list:  # type: ignore[type-arg]
    given = {k: v.expand(len(seeds), *v.shape[1:]) for k, v in inputs(steps).items()}
    return model.draw(**given, first_bar=0, keys=[0] * len(seeds), seeds=seeds, temperature=1.0, top_p=1.0)


def test_the_same_seed_draws_the_same_plan_and_another_seed_another() -> None:
    model = planner()
    a, b, c = draw(model, [1]), draw(model, [1]), draw(model, [2])
    assert np.array_equal(a[0].drums, b[0].drums) and np.array_equal(a[0].lead, b[0].lead)
    assert not np.array_equal(a[0].drums, c[0].drums)


def test_a_take_does_not_hang_on_its_neighbours_in_the_batch() -> None:
    model = planner()
    alone, together = draw(model, [5])[0], draw(model, [4, 5, 6])[1]
    assert np.array_equal(alone.drums, together.drums) and np.array_equal(alone.chords, together.chords)


def test_sampling_with_the_cache_sees_what_teacher_forcing_sees() -> None:
    model, steps = planner(), 3 * STEPS_PER_BAR
    plan, given = draw(model, [3], steps)[0], inputs(steps)
    header = torch.tensor([[int(plan.minor), plan.swing, *plan.programs]])
    fields = {name: torch.from_numpy(getattr(plan, name).astype(np.int64))[None] for name in ("dynamics", "chords", "pad", "bass", "lead")}
    drums = torch.from_numpy(plan.drums.astype(np.int64))[None]
    context = model.context(
        model.encode(given["motion"], given["visual"]), given["genre"], given["tempo_bpm"], header, torch.tensor([0]), given["form"]
    )
    with torch.no_grad():
        forced, _ = model(context, drums, fields)
        shorter, _ = model(context[:, :-5], drums[:, :-5], {k: v[:, :-5] for k, v in fields.items()})
    torch.testing.assert_close(forced[:, :-5], shorter, atol=1e-5, rtol=1e-4)
    h = context[:, :1]
    cache: list[list[torch.Tensor]] = [[] for _ in model.blocks]
    past = torch.zeros(1, 1, SMALL.channels)
    for s in range(steps):
        h = context[:, s : s + 1] + past
        for block, kept in zip(model.blocks, cache):
            h = block(h, start=s, cache=kept)
        past = model.embed(drums[:, s : s + 1], {k: v[:, s : s + 1] for k, v in fields.items()})
    h = model.norm(h) + model.fields_in["dynamics"](fields["dynamics"][:, -1:])
    stepped = model.drums_out(torch.nn.functional.gelu(model.deepen["drums"](h)))
    torch.testing.assert_close(stepped.flatten(), forced[0, -1].flatten(), atol=1e-4, rtol=1e-3)


def test_the_form_reaches_the_plan_of_a_planner_that_knows_it_and_of_no_other() -> None:
    given, header = inputs(STEPS_PER_BAR), torch.zeros(1, 6, dtype=torch.long)
    for knows in (False, True):
        model = planner(knows_form=knows)
        if model.form is not None:
            torch.nn.init.normal_(model.form.weight)
        fused = model.encode(given["motion"], given["visual"])
        seen = [
            model.context(fused, given["genre"], given["tempo_bpm"], header, torch.tensor([0]), form)
            for form in (given["form"], 1 - given["form"])
        ]
        assert torch.equal(*seen) != knows


def test_a_planner_begins_to_learn_the_form_from_what_one_without_knows() -> None:
    plain, formed = planner(), planner(knows_form=True)
    missing = formed.load_state_dict(plain.state_dict(), strict=False)
    assert set(missing.missing_keys) == {"form.weight", "form.bias"} and not missing.unexpected_keys
    assert np.array_equal(draw(plain, [3])[0].drums, draw(formed, [3])[0].drums)


def test_the_dance_reaches_the_plan() -> None:
    model, given = planner(), inputs(STEPS_PER_BAR)
    fused = model.encode(given["motion"].requires_grad_(), given["visual"])
    (grad,) = torch.autograd.grad(fused.square().sum(), given["motion"])
    assert float(grad.abs().sum()) > 0
