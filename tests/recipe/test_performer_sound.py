"""Teaching a performer to sound: every term reaches it through the codebook, it hears the music of its notes, a broken run goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import tiny
from dance2music.codec.spectral_losses import SpectralViews
from dance2music.errors import InputError
from dance2music.methods.performer import Performer, PerformerConfig
from dance2music.music.synth import render
from dance2music.recipe import performer_sound as training
from dance2music.recipe.codec_sound import sound_weights
from dance2music.recipe.performer_sound import MusicData, PerformerSound, performed_terms, tune_performer
from dance2music.recipe.planner import CropConfig, PerformerData
from dance2music.train.start import LoopConfig

LOOP = LoopConfig(steps=6, workers=0, warmup_steps=2, save_every_steps=2, log_every_steps=2, accelerator="cpu", learning_rate=2e-3)
CONFIG = PerformerSound(
    loop=LOOP, crops=CropConfig(batch_size=2, crop_frames=48), views=SpectralViews(mels=((1024, 20, 1.0),), fine=(2048, 0.3))
)
SMALL = PerformerConfig(
    latent_dim=tiny.LATENT_DIM, n_codebooks=tiny.N_CODEBOOKS, codebook_size=tiny.CODEBOOK_SIZE, role_channels=8, role_dilations=(1,),
    trunk_channels=12, trunk_dilations=(1, 2),
)  # fmt: skip


def performer() -> Performer:
    torch.manual_seed(0)
    return Performer(SMALL)


@cache
def music() -> list[np.ndarray]:
    pairs, vocabulary = tiny.pairs()
    heard = [render(pair.score(vocabulary), onset_grid_seconds=256 / 22_050).samples[0] for pair in pairs]
    return [np.round(np.clip(one, -1, 1) * 32767).astype(np.int16) for one in heard]


def data() -> MusicData:
    pairs, vocabulary = tiny.pairs()
    return MusicData(PerformerData(pairs, CONFIG.crops, vocabulary, 22_050 / 256), music(), 256)


def tune(out_dir: Path, config: PerformerSound = CONFIG) -> Performer:
    pairs, vocabulary = tiny.pairs()
    return tune_performer(performer(), tiny.codec(), pairs, music(), vocabulary, config, out_dir)


def test_the_music_of_a_crop_is_that_of_its_frames_and_silence_behind_its_end() -> None:
    batch = data()[0]
    assert batch["audio"].shape == (2, 1, 48 * 256) and batch["audio"].dtype == torch.float32
    for item, start, audio in zip(batch["item"], batch["start"], batch["audio"][:, 0].numpy()):
        whole = music()[int(item)]
        cut = whole[int(start) * 256 : (int(start) + 48) * 256]
        assert np.array_equal(audio[: len(cut)], (cut / 32768).astype(np.float32)) and not np.any(audio[len(cut) :])
    pairs, vocabulary = tiny.pairs()
    short = MusicData(PerformerData(pairs, CONFIG.crops, vocabulary, 22_050 / 256), [one[:100] for one in music()], 256)
    assert not np.any(short[0]["audio"][:, :, 100:].numpy())


@pytest.mark.parametrize("name", ["energy", "average", "mel", "onset", "distortion_db", "commitment"])
def test_every_term_reaches_the_performer_through_the_codebook(name: str) -> None:
    model = performer()
    terms = performed_terms(model, tiny.codec(), data()[0], CONFIG)
    assert terms.keys() == {*sound_weights(CONFIG), "commitment"}
    terms[name].backward()
    reached = {n for n, p in model.named_parameters() if p.grad is not None and float(p.grad.abs().sum()) > 0}
    assert {"latents.weight", "sketch_in.weight", "drums_in.weight", "pitched_in.weight"} <= reached


def test_it_learns_and_the_codec_stays(tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in tiny.codec().state_dict().items()}
    tuned = tune(tmp_path, replace(CONFIG, loop=replace(LOOP, steps=30)))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["performer_total"] < lines[0]["performer_total"] and not tuned.training
    assert all(torch.equal(value, before[name]) for name, value in tiny.codec().state_dict().items())


def test_a_run_that_breaks_off_and_resumes_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole = tune(tmp_path / "whole")
    with tiny.broken_off(training, "performed_terms", at_call=4):
        tune(tmp_path / "broken")
    resumed = tune(tmp_path / "broken")
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values()))


def test_a_run_does_not_go_on_with_other_pairs(tmp_path: Path) -> None:
    tune(tmp_path, replace(CONFIG, loop=replace(LOOP, steps=2)))
    pairs, vocabulary = tiny.pairs()
    with pytest.raises(InputError, match=f"of another run, with pairs '{len(pairs)}', not '1'"):
        tune_performer(performer(), tiny.codec(), pairs[:1], music()[:1], vocabulary, CONFIG, tmp_path)
