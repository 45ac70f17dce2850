"""D2M-GAN (Zhu et al. 2022) at its own sizes: two seconds of motion and pictures in, latents of a Music VQ-VAE out.

As in the paper's appendix or as in the released code, by config; both take exactly two seconds. The form for any length is
`models.temporal_gan`. Where paper and code differ is listed in docs/paper_map.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dance2music.errors import InputError
from dance2music.models.encoders import MotionEncoder, MotionEncoderConfig, StackConfig, conv_stack, init_plain_convolutions
from dance2music.types import GENRES


@dataclass(frozen=True)
class VQGeneratorConfig:
    """Sizes of the VQ generator.

    Attributes
    ----------
    fused : width of motion and visual vector together.
    genre_dim : width of a learnt vector per genre that is added to them, 0 for none. The released code has one for AIST++; the paper
        does not speak of it.
    sequence : length of the one-channel sequence that the fused vector becomes.
    sigma : factor after tanh (section 3.2).
    frames : length of a linear layer over time after tanh, 0 for none: the released low level has one, so that its output is not
        bounded by ``sigma``.
    """

    stack: StackConfig
    fused: int = 3072
    genre_dim: int = 256
    sequence: int = 2058
    sigma: float = 100.0
    frames: int = 0

    @property
    def n_frames(self) -> int:
        """Length of the output in latents: 344 at the high level, 1378 at the low one."""
        return self.frames or self.stack.length(self.sequence)


class VQGenerator(nn.Module):
    """Fused vector to latents: D2M-GAN section 3.2, appendix Tables 2 and 3."""

    def __init__(self, config: VQGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.lin = nn.Linear(config.fused + config.genre_dim, config.sequence)
        if config.frames:
            self.fc = nn.Linear(config.stack.length(config.sequence), config.frames)
        if config.genre_dim:
            self.genre_embed = nn.Embedding(len(GENRES), config.genre_dim)
        self.model = conv_stack(1, config.stack, nn.Tanh())
        init_plain_convolutions(self)

    def forward(self, fused: Tensor, genre: Tensor | None = None) -> Tensor:
        """fused [B, 1, fused], genre int64 [B] (index into `GENRES`) -> latents [B, E, L]."""
        if self.config.genre_dim:
            assert genre is not None, "this generator takes a genre"
            fused = torch.cat([fused, self.genre_embed(genre)[:, None]], dim=2)
        return self.from_sequence(self.lin(fused))

    def from_sequence(self, sequence: Tensor) -> Tensor:
        """Latents [B, E, L] of the one-channel sequence [B, 1, sequence]: all but the first linear layer."""
        y = self.model(sequence)
        return self.config.sigma * (self.fc(y) if self.config.frames else y)


@dataclass(frozen=True)
class D2MGanConfig:
    """Motion encoder and VQ generator. ``visual`` is the width of the I3D vector of a clip; the released code has no layer of its own
    for it, and neither the paper nor its appendix gives one."""

    motion: MotionEncoderConfig
    generator: VQGeneratorConfig
    visual: int = 2048


class D2MGan(nn.Module):
    """The generator G of D2M-GAN Eq. 1."""

    def __init__(self, config: D2MGanConfig) -> None:
        super().__init__()
        self.config = config
        self.motion = MotionEncoder(config.motion)
        self.generator = VQGenerator(config.generator)

    def forward(self, motion: Tensor, visual: Tensor, genre: Tensor, *, n_frames: int | None = None) -> Tensor:
        """Latents of two seconds.

        Parameters
        ----------
        motion : float Tensor [B, T, F], exactly the config's frames and features.
        visual : float Tensor [B, 1, V] or [B, V].
        genre : int64 Tensor [B]; not looked at where the config has no ``genre_dim``.
        n_frames : what the caller expects; only the own length is possible.

        Returns
        -------
        Tensor [B, E, L].

        Raises
        ------
        InputError
            If a shape or ``n_frames`` is not what the network has.
        """
        own = self.config.motion
        if motion.shape[1:] != (own.frames, own.features):
            raise InputError(f"motion: {list(motion.shape[1:])} frames and features; this D2M-GAN takes {own.frames} x {own.features}")
        visual = visual[:, None] if visual.ndim == 2 else visual
        if visual.shape[1:] != (1, self.config.visual):
            raise InputError(f"visual: shape {list(visual.shape[1:])}; this D2M-GAN takes one vector of {self.config.visual}")
        if n_frames not in (None, self.config.generator.n_frames):
            raise InputError(
                f"latents: {n_frames} asked; this D2M-GAN makes {self.config.generator.n_frames} (two seconds); "
                "take windows of two seconds or d2m-gan-temporal"
            )
        return self.generator(torch.cat([self.motion(motion), visual], dim=2), genre)
