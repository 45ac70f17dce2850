from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dance2music.baselines.jukebox import JukeboxPrior, JukeboxPriorConfig, Recording, _Steps, fold, prior_losses, reconstruct, unfold
from dance2music.baselines.jukebox_prior_train import CodeLines, JukeboxTrainConfig, losses
from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.errors import InputError
from dance2music.generation import pipeline
from dance2music.methods.base import CodecGenerator
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.takes.sound import to_audio
from dance2music.train.symbolic import SymbolicTrainConfig
from dance2music.types import Audio

SMALL = JukeboxPriorConfig(vocabulary=32, n_codebooks=2, context=24, channels=32, heads=2, layers=2)


def built(config: JukeboxPriorConfig = SMALL) -> JukeboxPrior:
    torch.manual_seed(0)
    return JukeboxPrior(config).eval()


def test_the_embedded_prior_has_the_specified_number_of_parameters() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in JukeboxPrior().parameters()) == pytest.approx(1.8e6, rel=5e-3)


def test_the_vqvaes_have_the_specified_number_of_parameters_and_codes_per_clip() -> None:
    for level, parameters, codes in ((0, 0.900e6, 5512), (1, 0.241e6, 1378), (2, 0.345e6, 344)):
        codec = VQVAE(VQVAEConfig(levels=(level,), level=level)).eval()
        assert sum(p.numel() for p in codec.parameters()) == pytest.approx(parameters, rel=2e-3)
        assert 44_100 // codec.hop_length == codes


def test_a_line_of_codes_unfolds_into_what_it_was_folded_from() -> None:
    codes = torch.randint(16, (2, 6, 10))
    assert torch.equal(unfold(fold(codes, SMALL), SMALL), codes[:, :2])
    assert fold(codes, SMALL)[:, 1::2].min() >= 16


def test_a_code_is_predicted_from_earlier_ones_only() -> None:
    prior, codes = built(), torch.randint(32, (1, 20))
    other = codes.clone()
    other[:, 12] = (other[:, 12] + 7) % 32
    with torch.no_grad():
        a, b = prior(codes), prior(other)
    assert torch.allclose(a[:, :13], b[:, :13], atol=1e-6)
    assert not torch.allclose(a[:, 13:], b[:, 13:], atol=1e-4)


def test_a_sample_takes_its_codebooks_in_turn_and_repeats_for_its_seed() -> None:
    prior = built()
    once, again, other = prior.sample(61, seed=1), prior.sample(61, seed=1), prior.sample(61, seed=2)
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert (once[0::2] < 16).all()
    assert (once[1::2] >= 16).all()


def test_steps_in_numpy_give_what_the_network_gives_at_once() -> None:
    prior, codes = built(), torch.randint(32, (1, 20), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = prior(codes)[0].numpy()
        past = torch.cat([prior.start.expand(1, 1, -1), prior.codes(codes[:, :-1])], dim=1)[0] + prior.positions[:20]
        steps, x = _Steps(prior), past.numpy()
        for _ in range(2):  # the second window writes over the first
            h = [steps.begin(x[:7])] + [steps(x[i], i) for i in range(7, 20)]
            assert np.allclose(np.stack(h) @ prior.codes.weight.numpy().T, wanted[6:], atol=1e-5)


def test_a_random_sample_is_as_long_as_the_dance_and_hears_nothing_of_it() -> None:
    codec = VQVAE(VQVAEConfig(levels=(2,), level=2, width=4, depth=1, codebook_size=16)).eval()
    prior = built(replace(SMALL, vocabulary=16, n_codebooks=1, layers=1))
    method = CodecGenerator(prior, codec)
    one, two = (pipeline.condition(synthetic_clip(seed, duration_seconds=1.0).motion, genre="pop") for seed in (1, 2))
    [a], [b] = method.generate(one, [5]), method.generate(two, [5])
    assert a.codes is not None
    assert b.codes is not None
    assert torch.equal(a.codes, b.codes)
    assert a.codes.shape == (1, -(-22_050 // 128))


def test_a_recording_has_the_codes_of_its_music_for_every_seed_and_is_refused_without_any() -> None:
    codec = VQVAE(VQVAEConfig(levels=(2,), level=2, width=4, depth=1, codebook_size=16)).eval()
    given = pipeline.condition(synthetic_clip(1, duration_seconds=1.0).motion, genre="pop")
    audio = Audio(np.random.default_rng(0).normal(0, 0.1, (1, 22_050)).astype(np.float32), 22_050)
    one, two = CodecGenerator(Recording(audio), codec).generate(given, [1, 2])
    assert one.codes is not None and two.codes is not None and torch.equal(one.codes, two.codes)
    assert np.array_equal(to_audio(one).samples, reconstruct(audio, codec).samples)
    with pytest.raises(InputError, match="has no music to code; expected a video with sound"):
        CodecGenerator(Recording(None), codec).generate(given, [0])


def test_a_reconstruction_is_as_long_as_its_whole_hops() -> None:
    codec = VQVAE(VQVAEConfig(levels=(2,), level=2, width=4, depth=1, codebook_size=16)).eval()
    audio = Audio(np.random.default_rng(0).normal(0, 0.1, (2, 44_100)).astype(np.float32), 22_050)
    assert reconstruct(audio, codec).samples.shape == (1, 44_032)


def test_the_prior_learns_one_line_by_heart() -> None:
    config = JukeboxTrainConfig(model=SMALL, training=SymbolicTrainConfig(batch_size=2))
    line = fold(torch.randint(16, (1, 2, 12), generator=torch.Generator().manual_seed(0)), SMALL)[0]
    data = CodeLines([line], config, seed=0)
    torch.manual_seed(0)
    prior = JukeboxPrior(SMALL)
    optimizer = torch.optim.Adam(prior.parameters(), lr=1e-2)
    for step in range(60):
        loss = losses(prior, data[step])["cross_entropy"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss) < 0.2
    assert float(prior_losses(prior, line[None])["bits"]) == pytest.approx(
        float(prior_losses(prior, line[None])["cross_entropy"]) / np.log(2)
    )


def test_a_reconstruction_is_nearer_to_the_music_than_any_codes() -> None:
    from dance2music.codec.embedded import embedded_codec
    from dance2music.composer.compose import compose_corpus_piece
    from dance2music.metrics.quality import log_mel_l1
    from dance2music.music.synth import render

    codec, music = embedded_codec(), render(compose_corpus_piece(1_500_000_003, duration_seconds=2.0))
    heard = reconstruct(music, codec)
    n_codebooks, n_frames = len(codec.quantizer.codebooks), heard.samples.shape[-1] // codec.hop_length
    codes = torch.randint(
        0, codec.quantizer.codebooks[0].config.size, (1, n_codebooks, n_frames), generator=torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        random = codec.decode(codec.lookup(codes))[0, 0].numpy()
    truth = music.samples[0, : len(random)]
    assert log_mel_l1(truth, heard.samples[0], codec.sample_rate) < 0.5 * log_mel_l1(truth, random, codec.sample_rate)
