"""The performer learns to sound: by what the finished decoder makes of its codes, heard beside the music itself.

`recipe.performer` asks for the latents of true music and for its mel-spectrogram, frame by frame; what the notes do not tell, it plays as
the average of what it might be, which is dull and hums. Here the latents pass the codebooks straight through
`codec.spectral.SpectralCodec.draws`, and are heard by the losses that the decoder learned to sound by (`recipe.codec_sound`): the energy
distance of two draws, near onsets once more, and the distances of averaged spectra. The codec stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dance2music import losses
from dance2music.codec.lookup import straight_through
from dance2music.codec.spectral import SpectralCodec
from dance2music.methods.performer import Performer
from dance2music.methods.plan import Vocabulary
from dance2music.recipe.codec_sound import SoundLosses, sound_terms, sound_weights
from dance2music.recipe.pairs import Pair
from dance2music.recipe.planner import CropConfig, PerformerData, performer_features
from dance2music.train.average import averaged
from dance2music.train.loop import Loop
from dance2music.train.processes import process_share
from dance2music.train.start import LoopConfig, start_fabric


@dataclass(frozen=True)
class PerformerSound(SoundLosses):
    """How the performer learns to sound: terms and weights are those of the decoder, with the commitment to the latents of true music."""

    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=1900, seed=61, learning_rate=3e-4, warmup_steps=50, ema_decay=0.995, save_every_steps=100, log_every_steps=20
        )
    )
    crops: CropConfig = field(default_factory=lambda: CropConfig(batch_size=4, crop_frames=172))
    commitment_weight: float = 0.5


class MusicData(Dataset[dict[str, Tensor]]):
    """Crops of rolls with their sketch, codes and music; item ``step`` is the batch of that step."""

    def __init__(self, data: PerformerData, music: Sequence[np.ndarray], hop_length: int) -> None:
        self.data, self.music, self.hop_length = data, music, hop_length

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        """What `PerformerData` gives, and ``audio`` float32 [B, 1, N]."""
        batch = self.data[step]
        n_samples = batch["codes"].shape[-1] * self.hop_length
        cuts = [
            self.music[int(item)][int(start) * self.hop_length :][:n_samples].astype(np.float32) / 32768
            for item, start in zip(batch["item"], batch["start"])
        ]
        padded = [np.pad(cut, (0, n_samples - len(cut))) for cut in cuts]
        return {**batch, "audio": torch.from_numpy(np.stack(padded))[:, None]}


def tune_performer(
    performer: Performer,
    codec: SpectralCodec,
    pairs: Sequence[Pair],
    music: Sequence[np.ndarray],
    vocabulary: Vocabulary,
    config: PerformerSound,
    out_dir: str | Path,
) -> Performer:
    """Teach a trained performer to sound like the music of its pairs through ``codec``, and return it with its averaged weights.

    Resumes what ``out_dir`` holds.

    Parameters
    ----------
    pairs : with the codes of the codec and sketches.
    music : int16 [N] of each pair at the codec's sample rate (`recipe.pairs.load_music`).

    Raises
    ------
    TrainingDiverged
        If a loss or a gradient is no number; the last checkpoint stays.
    InputError
        If the folder's run heard another number of pairs.
    """
    fabric = start_fabric(config.loop)
    crops = PerformerData(pairs, config.crops, vocabulary, codec.sample_rate / codec.hop_length, seed=config.loop.seed)
    data = process_share(fabric, MusicData(crops, music, codec.hop_length))
    optimizer = torch.optim.AdamW(performer.parameters(), lr=config.loop.learning_rate, betas=(0.8, 0.98), weight_decay=0.01, fused=True)
    loop = Loop(
        fabric,
        config.loop,
        out_dir,
        model=performer,
        optimizers={"performer": optimizer},
        data=data,
        about={"pairs": str(len(pairs))},
        settings=config,
    )
    performer.train()
    codec = codec.to(fabric.device).eval().requires_grad_(False)
    weights = {**sound_weights(config), "commitment": config.commitment_weight}
    for _, batch in loop:
        loop.update("performer", performed_terms(performer, codec, batch, config), weights)
    averaged(performer, loop.average)
    return performer.eval()


def performed_terms(performer: Performer, codec: SpectralCodec, batch: dict[str, Tensor], config: PerformerSound) -> dict[str, Tensor]:
    """Terms of two draws of what is performed, and its commitment to true latents, of a batch of `MusicData`: Tensor [] by name."""
    audio, n_codebooks = batch["audio"], performer.config.n_codebooks
    fake = straight_through(performer.regress(performer_features(performer, batch)), codec, n_codebooks)
    first, second = (sound[..., : audio.shape[-1]].float() for sound in codec.draws(fake, 2))
    commitment = losses.codebook_commitment(codec.lookup(batch["codes"][:, :n_codebooks]), fake)
    return {**sound_terms(audio, first, second, codec.sample_rate, config), "commitment": commitment}
