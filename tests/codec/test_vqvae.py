from __future__ import annotations

import numpy as np
import pytest
import torch

from dance2music.codec import quantizer, vqvae
from dance2music.codec.quantizer import Codebook, CodebookConfig
from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.codec.vqvae_losses import Bandwidth, measure_bandwidth, multispectral_loss
from dance2music.codec.vqvae_networks import Raise
from dance2music.codec.vqvae_weights import joined, load_published_vqvae, one_level, start_from_below
from dance2music.errors import InputError
from oracles import assert_network_close, filled, filled_state, manifest, normal, oracle

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = VQVAEConfig(levels=(0, 1), level=1, width=4, depth=1, dim=8, codebook_size=16)


def small(seed: int = 0) -> VQVAE:
    torch.manual_seed(seed)
    return VQVAE(SMALL)


def test_names_and_shapes_are_those_of_the_published_checkpoint() -> None:
    own = {name: list(value.shape) for name, value in VQVAE().state_dict().items()}
    assert own == manifest("jukebox_vqvae_3level")
    assert len(own) == 669
    assert sum(p.numel() for p in VQVAE().parameters()) == 1_485_763


@pytest.mark.parametrize("rule", ["A", "B"])
def test_the_top_level_computes_what_the_published_one_does(rule: str) -> None:
    reference = oracle("jukebox_level2_hop128.npz")
    model = filled(VQVAE(VQVAEConfig(levels=(2,), level=2)), rule)
    with torch.no_grad():
        z_e = model.encode(normal(0, 1, 44100, 1).transpose(1, 2))
        codes = model.quantize(z_e).codes
        sure = reference[f"enc_code_margin_{rule}"] > 1e-2
        assert sure.mean() > 0.9 or rule == "A"
        assert np.array_equal(codes[0, 0].numpy()[sure], reference[f"enc_codes_{rule}"][0][sure])
        stride = reference["latent_stride"]
        assert_network_close(z_e[:, :: stride[0], :: stride[1]], reference[f"enc_latent_{rule}"])
        drawn = torch.from_numpy(np.random.RandomState(0).randint(0, 2048, (1, 344)))
        decoded = model.decode(model.lookup(drawn[:, None]))[0, 0]
        assert_network_close(decoded[:: reference["dec_stride"]], reference[f"dec_audio_{rule}"])
        assert_network_close(decoded[-64:], reference[f"dec_last64_{rule}"])
        theirs = torch.from_numpy(reference[f"enc_codes_{rule}"].astype(np.int64))
        back = model.decode(model.lookup(theirs[:, None]))[0, 0]
        assert_network_close(back[:: reference["roundtrip_stride"]], reference[f"roundtrip_audio_{rule}"])


def test_the_loss_over_all_levels_is_the_published_one() -> None:
    reference = oracle("losses_and_training.json")["vqvae_forward_loss"]
    model = filled(VQVAE(), "B")
    audio = normal(6, 2, 8192, 1).transpose(1, 2) * 0.1
    with torch.no_grad():
        loss = model.losses(audio, Bandwidth(l2=0.02, spectral=10.0))
    metrics = reference["metrics"]
    assert float(loss.reconstruction) == pytest.approx(metrics["recons_loss"], rel=1e-4)
    assert float(loss.multispectral) == pytest.approx(metrics["multispectral_loss"], rel=1e-4)
    assert float(loss.commitment) == pytest.approx(metrics["commit_loss"], rel=1e-4)
    assert float(loss.total) == pytest.approx(reference["loss"], rel=1e-4)
    mean, deviation, peak, count = reference["x_out_stats"]
    assert [float(loss.audio.mean()), float(loss.audio.std(correction=0))] == pytest.approx([mean, deviation], rel=1e-3)
    assert float(loss.audio.abs().max()) == pytest.approx(peak, rel=1e-3)
    assert loss.audio.numel() == count


def test_a_published_file_loads_bare_or_wrapped_and_levels_may_be_left_out(tmp_path) -> None:
    state = filled_state({name: list(value.shape) for name, value in small().state_dict().items()}, "B")
    torch.save(state, tmp_path / "bare.pt")
    torch.save({"hps": {"sr": 44100}, "step": 3, "model": {f"module.{n}": v for n, v in state.items()}}, tmp_path / "wrapped.pth.tar")
    bare = load_published_vqvae(tmp_path / "bare.pt", SMALL)
    wrapped = load_published_vqvae(tmp_path / "wrapped.pth.tar", SMALL)
    one = load_published_vqvae(tmp_path / "bare.pt", VQVAEConfig(levels=(1,), level=1, width=4, depth=1, dim=8, codebook_size=16))
    audio = torch.randn(1, 1, 640)
    z = bare.encode(audio)
    assert z.abs().max() > 0
    assert torch.equal(z, wrapped.encode(audio)) and torch.equal(z, one.encode(audio))


def test_a_published_file_that_does_not_fit_is_refused_with_names(tmp_path) -> None:
    state = dict(small().state_dict())
    state.pop("decoders.1.out.weight")
    state["decoders.1.extra"] = torch.zeros(1)
    state["decoders.1.out.bias"] = torch.zeros(7)
    torch.save(state, tmp_path / "odd.pt")
    with pytest.raises(
        InputError, match=r"missing \(decoders.1.out.weight\).*unknown \(decoders.1.extra\).*decoders.1.out.bias \[7\] for \[1\]"
    ):
        load_published_vqvae(tmp_path / "odd.pt", SMALL)


def test_a_file_with_objects_is_never_unpickled(tmp_path) -> None:
    torch.save({"model": tmp_path}, tmp_path / "evil.pt")
    (tmp_path / "text.pt").write_text("no checkpoint")
    for name in ("evil.pt", "text.pt", "missing.pt"):
        with pytest.raises(InputError, match=name):
            load_published_vqvae(tmp_path / name, SMALL)


def test_training_the_loss_moves_the_codebook_and_lowers_the_loss() -> None:
    model = small().train()
    audio = torch.sin(torch.arange(2048) * 0.05).repeat(2, 1, 1) * torch.linspace(0.2, 0.8, 2)[:, None, None]
    bandwidth = measure_bandwidth([audio])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    totals = []
    for _ in range(45):
        loss = model(audio, bandwidth)
        optimizer.zero_grad()
        loss.total.backward()
        assert all(p.grad is not None for p in model.parameters())
        optimizer.step()
        totals.append(float(loss.total.detach()))
    assert sum(totals[-5:]) / 5 < 0.85 * totals[0]  # 0.71 of it; single steps jump when codes move


def test_codes_of_another_codec_and_too_short_audio_are_refused() -> None:
    model = small().eval()
    with pytest.raises(InputError, match="codes: values"):
        model.lookup(torch.full((1, 1, 4), 99))
    with pytest.raises(InputError, match="codes: shape"):
        model.lookup(torch.zeros(1, 2, 4, dtype=torch.int64))
    with pytest.raises(InputError, match="at least one hop"):
        model.encode(torch.zeros(1, 1, 5))


def test_stereo_or_audio_without_channels_is_refused() -> None:
    model = small().eval()
    for audio in (torch.zeros(1, 640), torch.zeros(1, 2, 640)):
        for function in (model.encode, model.code, lambda x: model.losses(x, Bandwidth(1.0, 1.0))):
            with pytest.raises(InputError, match="1 channel, samples"):
                function(audio)


def test_equal_spectra_have_no_multispectral_loss_but_a_finite_gradient() -> None:
    audio = torch.randn(2, 1, 4096)
    estimate = audio.clone().requires_grad_()
    loss = multispectral_loss(audio, estimate)
    loss.backward()
    assert float(loss) < 1e-6 and torch.isfinite(estimate.grad).all()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_long_audio_in_pieces_gives_what_it_gives_at_once(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = VQVAE(VQVAEConfig(levels=(level,), level=level, width=8, depth=2, dim=8, codebook_size=16, multipliers=(1, 1, 1))).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    audio = torch.randn(1, 1, 20_011)
    with torch.no_grad():
        z = model.encode(audio)
        model.quantize(z)
        model._codebook(level).start(z[0].T)
        codes, heard = model.quantize(z).codes, model.decode(z)
        monkeypatch.setattr(vqvae, "PIECE", 4096)
        assert torch.allclose(model.encode(audio), z, atol=1e-5 * float(z.abs().max()))
        assert torch.equal(model.code(audio), codes)
        assert torch.allclose(model.decode(z), heard, atol=1e-5 * float(heard.abs().max()))
        # Pieces that know less of their neighbours do differ, so that the reach is what makes them equal.
        monkeypatch.setattr(VQVAEConfig, "reach_of", lambda self, level: self.hop_length_of(level))
        assert not torch.allclose(model.encode(audio), z, atol=1e-5 * float(z.abs().max()))


def test_half_precision_raises_the_rate_by_the_same_sums() -> None:
    torch.manual_seed(0)
    raise_rate, x = Raise(5, 6), torch.randn(2, 5, 9)
    full = raise_rate(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = raise_rate(x)
    assert half.shape == full.shape == (2, 6, 18) and half.dtype == torch.bfloat16
    assert float((half - full).abs().max()) < 0.01 * float(full.abs().max())


def test_a_level_starts_from_the_one_below_with_all_blocks_but_its_last() -> None:
    sizes = {"width": 4, "depth": 1, "dim": 8, "codebook_size": 16, "multipliers": (1, 1, 1)}
    below, above = (VQVAE(VQVAEConfig(levels=(level,), level=level, **sizes)) for level in (1, 2))  # type: ignore[arg-type]
    last = above.encoders["2"].level_blocks[2].state_dict()
    start_from_below(above, below)
    for own, lent in ((above.encoders["2"], below.encoders["1"]), (above.decoders["2"], below.decoders["1"])):
        assert all(torch.equal(value, own.state_dict()[name]) for name, value in lent.state_dict().items())
    assert all(torch.equal(value, last[name]) for name, value in above.encoders["2"].level_blocks[2].state_dict().items())
    with pytest.raises(InputError, match="level 2 cannot start level 1"):
        start_from_below(below, above)


def test_levels_join_into_one_model_and_come_apart_again_with_either_decoder() -> None:
    torch.manual_seed(0)
    sizes = {"width": 4, "depth": 1, "dim": 8, "codebook_size": 16}
    tuned, before = ([VQVAE(VQVAEConfig(levels=(n,), level=n, **sizes)) for n in (0, 1)] for _ in range(2))  # type: ignore[arg-type]
    whole = joined(tuned, untuned=before)
    assert whole.config.levels == (0, 1) and whole.config.untuned
    for level in (0, 1):
        after, untuned = one_level(whole, level), one_level(whole, level, untuned=True)
        assert all(torch.equal(value, after.state_dict()[name]) for name, value in tuned[level].state_dict().items())
        for part, source in (("encoders", tuned), ("decoders", before), ("bottleneck", tuned)):
            expected = getattr(source[level], part).state_dict()
            assert all(torch.equal(value, getattr(untuned, part).state_dict()[name]) for name, value in expected.items())
    with pytest.raises(InputError, match="holds no decoders from before fine-tuning"):
        one_level(tuned[0], 0, untuned=True)


def test_the_nearest_code_does_not_depend_on_how_many_rows_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    codebook = Codebook(CodebookConfig(size=32, dim=8))
    rows = torch.randn(1000, 8)
    codebook.start(rows)
    at_once = codebook.nearest(rows)
    monkeypatch.setattr(quantizer, "_ROWS_AT_ONCE", 96)
    assert torch.equal(codebook.nearest(rows), at_once) and len(at_once.unique()) == 32
