"""The music vector generator of Creative-GAN (Huang et al. 2023, section 3.3.1): posture and TSN features in, latents to look up out.

The paper gives kernels "relatively large", residual blocks with dilations, leaky ReLU, tanh at the end and the output's size, 64 x 1378 at
the low level; the rest follows D2M-GAN, its reference [40], whose tables are taken. `MusicVectorGenerator` makes exactly two seconds,
`TemporalMusicVectorGenerator` any length. The default of the command, `methods.planned.Planned`, goes another way.

Departs from the paper in two options, both off in its own sizes: a genre and a noise vector as inputs. The paper claims music of several
genres, and several takes, for one dance, and defines no input from which they could come.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from dance2music.dance.posture import POSTURE_FEATURES, posture_features
from dance2music.errors import InputError
from dance2music.methods.base import quantized, whole_only
from dance2music.nn.conv_stack import MotionEncoder, MotionEncoderConfig
from dance2music.papers import d2m_tables
from dance2music.papers.d2m_gan import OVERLAP_SHARE, WINDOW_SECONDS, VQGenerator, VQGeneratorConfig, blend, motion_rows
from dance2music.papers.d2m_gan_any_length import TemporalD2MGan, TemporalD2MGanConfig, seen_by
from dance2music.perception.tsn import TSN_FEATURES
from dance2music.seeds import PaperTake
from dance2music.types import Codec, Conditioning, Latents, Span
from dance2music.work import check

logger = logging.getLogger(__name__)

FRAMES_AND_FEATURES = {"aist": (120, 219), "tiktok": (60, 75), "holistic": (60, POSTURE_FEATURES)}
"""Two seconds of SMPL motion at 60 fps (AIST++ has neither hands nor faces); of 25 key points, or body, hands and face, seen at 30 fps."""


@dataclass(frozen=True)
class MusicVectorGeneratorConfig:
    """Motion posture encoder, and the generator that the fused features enter.

    Attributes
    ----------
    visual : width of the TSN vector of a clip.
    noise_dim : width of a noise vector that is fused with motion and pictures, 0 for none.
    generator : its ``fused`` must be the sum of ``motion.out``, ``visual`` and ``noise_dim``; its ``genre_dim`` is the genre input.
    """

    motion: MotionEncoderConfig
    generator: VQGeneratorConfig
    visual: int = TSN_FEATURES
    noise_dim: int = 0


def paper(level: str, data: str = "aist", *, genre_dim: int = 0, noise_dim: int = 0) -> MusicVectorGeneratorConfig:
    """The paper's sizes. ``level`` is 'high' or 'low', ``data`` a key of `FRAMES_AND_FEATURES`; the options are off as in the paper."""
    like = d2m_tables.paper(level, "aist")
    frames, features = FRAMES_AND_FEATURES[data]
    motion = replace(like.motion, frames=frames, features=features)
    generator = replace(like.generator, fused=motion.out + TSN_FEATURES + noise_dim, genre_dim=genre_dim)
    return MusicVectorGeneratorConfig(motion, generator, noise_dim=noise_dim)


class MusicVectorGenerator(nn.Module):
    """G(x_v, x_mp) of Creative-GAN Eq. 4: fusion is concatenation, as in D2M-GAN; the paper only names it.

    A `methods.base.LatentNetwork`.
    """

    def __init__(self, config: MusicVectorGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        assert config.generator.fused == config.motion.out + config.visual + config.noise_dim, "widths do not add up, see the config"
        self.motion = MotionEncoder(config.motion)
        self.generator = VQGenerator(config.generator)

    def forward(
        self, motion: Tensor, visual: Tensor, genre: Tensor | None = None, *, n_frames: int | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Latents of two seconds.

        Parameters
        ----------
        motion : float Tensor [B, T, F], exactly the config's frames and features.
        visual : float Tensor [B, 1, V] or [B, V].
        genre : int64 Tensor [B]; looked at only where the config has a genre input.
        n_frames : what the caller expects; only the own length is possible.
        noise : float Tensor [B, noise_dim], standard normal; by default drawn while training and zero otherwise.

        Returns
        -------
        Tensor [B, E, L], within -sigma..sigma.

        Raises
        ------
        InputError
            If a shape or ``n_frames`` is not what the network has.
        """
        config, own = self.config, self.config.motion
        if motion.shape[1:] != (own.frames, own.features):
            raise InputError(f"motion: {list(motion.shape[1:])} frames and features; this Creative-GAN takes {own.frames} x {own.features}")
        visual = visual[:, None] if visual.ndim == 2 else visual
        if visual.shape[1:] != (1, config.visual):
            raise InputError(f"visual: shape {list(visual.shape[1:])}; this Creative-GAN takes one vector of {config.visual}")
        if n_frames not in (None, config.generator.n_frames):
            raise InputError(
                f"latents: {n_frames} asked; this Creative-GAN makes {config.generator.n_frames} (two seconds); "
                "take windows of two seconds or creative-gan-temporal"
            )
        parts = [self.motion(motion), visual]
        if config.noise_dim:
            parts.append(_noise(noise, motion, config.noise_dim, drawn=self.training)[:, None])
        return self.generator(torch.cat(parts, dim=2), genre)

    def latents(
        self, conditioning: Conditioning, seeds: Sequence[int], codec: Codec, *, n_frames: int, span: Span | None, keep: Latents | None
    ) -> list[Latents]:
        """See `methods.base.MusicGenerator.generate`: in windows of two seconds that are blended as D2M-GAN's, whole pieces only.

        Pictures are the dance's ``visual`` where it has the width of TSN features, one vector per clip of two seconds, else zeros.

        Raises
        ------
        InputError
            If the conditioning has no joints, or joints that the encoder cannot take.
        """
        whole_only(span, "creative-gan")
        config, own = self.config, self.config.motion
        if conditioning.dance is None:
            raise InputError("creative-gan: needs the dancer's joints; expected a motion; start from a video or a motion file")
        fps = own.frames / WINDOW_SECONDS
        rows = posture_features(conditioning.dance, fps=fps) if own.features == POSTURE_FEATURES else motion_rows(conditioning.dance, own)
        n, frame_rate = config.generator.n_frames, codec.sample_rate / codec.hop_length
        overlap = int(n * OVERLAP_SHARE)
        starts = np.arange(0, max(1, n_frames - overlap), n - overlap) / frame_rate
        at = np.round(starts * fps).astype(int)[:, None] + np.arange(own.frames)
        motion = torch.from_numpy(rows[np.minimum(at, len(rows) - 1)])
        visual = torch.zeros(len(starts), config.visual)
        if conditioning.visual.shape[-1] == config.visual:
            clips = np.minimum(np.round(starts / WINDOW_SECONDS).astype(int), len(conditioning.visual) - 1)
            visual = conditioning.visual[clips]
        else:
            logger.warning(
                "creative-gan: no TSN features (%d numbers) of the pictures: it sees the motion only; put TSN's weights beside its own",
                config.visual,
            )
        genre = torch.tensor([conditioning.genre])
        made: list[Latents] = []
        for seed in seeds:
            if made and not config.noise_dim:
                made.append(made[0])
                continue
            noise = seeded_noise(seed, config.noise_dim)
            windows = []
            for m, v in zip(motion, visual):
                check()
                windows.append(self(m[None], v[None], genre, noise=noise))
            made.append(quantized(blend(torch.cat(windows), overlap)[:, :n_frames], codec))
        return made


@dataclass(frozen=True)
class TemporalMusicVectorGeneratorConfig:
    """Sizes of the any-length form; ``network.visual`` are the visual features alone, without the noise."""

    network: TemporalD2MGanConfig = field(default_factory=TemporalD2MGanConfig)
    noise_dim: int = 16


class TemporalMusicVectorGenerator(nn.Module):
    """The same with every convolution over time, a genre input, and a noise vector that is held over the clip."""

    def __init__(self, config: TemporalMusicVectorGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.network = TemporalD2MGan(replace(config.network, visual=config.network.visual + config.noise_dim))

    def forward(self, motion: Tensor, visual: Tensor, genre: Tensor, *, n_frames: int, noise: Tensor | None = None) -> Tensor:
        """motion [B, T, F], visual [B, T_v, V] or [B, V], genre int64 [B], noise as in `MusicVectorGenerator` -> [B, E, n_frames]."""
        visual = visual[:, None] if visual.ndim == 2 else visual
        if visual.shape[1] == 1:  # held at the motion's pace: convolution would see one frame between zeros
            visual = visual.expand(-1, motion.shape[1], -1)
        if self.config.noise_dim:
            held = _noise(noise, motion, self.config.noise_dim, drawn=self.training)[:, None].expand(-1, visual.shape[1], -1)
            visual = torch.cat([visual, held], dim=2)
        return self.network(motion, visual, genre, n_frames=n_frames)

    def latents(
        self, conditioning: Conditioning, seeds: Sequence[int], codec: Codec, *, n_frames: int, span: Span | None, keep: Latents | None
    ) -> list[Latents]:
        """See `methods.base.MusicGenerator.generate`: one noise vector per seed, whole pieces only."""
        whole_only(span, "creative-gan")
        seen = seen_by(self.config.network, conditioning)
        dance = conditioning.motion[None], seen[None], torch.tensor([conditioning.genre])
        noises = [seeded_noise(seed, self.config.noise_dim) for seed in seeds]
        return [quantized(self(*dance, n_frames=n_frames, noise=noise)[0], codec) for noise in noises]


def seeded_noise(seed: int, width: int) -> Tensor:
    """Standard normal noise [1, width] of a take."""
    return torch.from_numpy(np.random.default_rng([seed, PaperTake.NOISE]).standard_normal((1, width)).astype(np.float32))


def _noise(noise: Tensor | None, like: Tensor, width: int, *, drawn: bool) -> Tensor:
    """The given noise [B, width], or one drawn from torch's generator, or zeros."""
    if noise is None:
        shape = (len(like), width)
        noise = torch.randn(shape, device=like.device) if drawn else torch.zeros(shape, device=like.device)
    if noise.shape != (len(like), width):
        raise InputError(f"noise: shape {list(noise.shape)}; expected {[len(like), width]}")
    return noise.to(like.dtype)
