"""D2M-GAN (Zhu et al. 2022) at its own sizes: two seconds of motion and pictures in, latents of a Music VQ-VAE out.

As in the paper's appendix or as in the released code, by config; both take exactly two seconds. The form for any length is
`papers.d2m_gan_any_length`. Where paper and code differ is listed in docs/paper_map.md.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from dance2music.errors import InputError
from dance2music.methods.base import quantized, whole_only
from dance2music.nn.conv_stack import MotionEncoder, MotionEncoderConfig, StackConfig, conv_stack, init_plain_convolutions
from dance2music.types import GENRES, Codec, Conditioning, Latents, Motion, Span
from dance2music.work import report

logger = logging.getLogger(__name__)

OVERLAP_SHARE = 1 / 8
"""Of a window of two seconds, how much is blended with the next: 0.25 s."""
WINDOW_SECONDS = 2.0
_WINDOWS_AT_ONCE = 4


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
    """The generator G of D2M-GAN Eq. 1: a `methods.base.LatentNetwork`. There is no noise in it: one dance, one piece of music."""

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
        Tensor [B, E, L], in the precision of the weights.

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
        dtype = self.generator.lin.weight.dtype
        return self.generator(torch.cat([self.motion(motion.to(dtype)), visual.to(dtype)], dim=2), genre)

    def latents(
        self, conditioning: Conditioning, seeds: Sequence[int], codec: Codec, *, n_frames: int, span: Span | None, keep: Latents | None
    ) -> list[Latents]:
        """See `methods.base.MusicGenerator.generate`: the same for every seed, whole pieces only.

        The network knows two seconds: longer music is made in windows of two seconds that overlap by `OVERLAP_SHARE`, whose latents are
        blended linearly there before the lookup, so that the decoder hears no seam. Pictures are the dance's ``visual`` where it has the
        width of I3D features (one vector per clip, or one per two seconds), else zeros.

        Raises
        ------
        InputError
            If the conditioning has no joints.
        """
        whole_only(span, "d2m-gan")
        config = self.config
        if conditioning.dance is None:
            raise InputError("d2m-gan: needs the dancer's joints; expected a motion; start from a video or a motion file")
        rows = motion_rows(conditioning.dance, config.motion)
        n, frame_rate = config.generator.n_frames, codec.sample_rate / codec.hop_length
        overlap = int(n * OVERLAP_SHARE)
        starts = np.arange(0, max(1, n_frames - overlap), n - overlap)
        at = np.round(starts / frame_rate * config.motion.frames / WINDOW_SECONDS).astype(int)[:, None] + np.arange(config.motion.frames)
        motion = torch.from_numpy(rows[np.minimum(at, len(rows) - 1)])
        visual = self._visual(conditioning, starts / frame_rate)
        made = []
        for part in range(0, len(starts), _WINDOWS_AT_ONCE):
            report(part / len(starts))
            chosen = slice(part, part + _WINDOWS_AT_ONCE)
            genre = torch.full((len(motion[chosen]),), conditioning.genre)
            made.append(self(motion[chosen], visual[chosen], genre).float())
        return [quantized(blend(torch.cat(made), overlap)[:, :n_frames], codec)] * len(seeds)

    def _visual(self, conditioning: Conditioning, start_seconds: np.ndarray) -> Tensor:
        """Visual vectors [W, 1, V] of the windows that start there."""
        visual, width = conditioning.visual, self.config.visual
        if visual.shape[-1] != width:
            logger.warning(
                "d2m-gan: no I3D features (%d numbers) of the pictures: it sees the motion only; put I3D's weights beside its own", width
            )
            return torch.zeros(len(start_seconds), 1, width)
        at = np.minimum(np.round(start_seconds / WINDOW_SECONDS).astype(int), len(visual) - 1)
        return visual[at][:, None]


def motion_rows(dance: Motion, config: MotionEncoderConfig) -> np.ndarray:
    """Motion float32 [T, F] of any skeleton in the layout that an encoder takes: SMPL features at 60 fps, or 25 keypoints at 30 fps.

    Raises
    ------
    InputError
        If the encoder takes neither.
    """
    from dance2music.dance.kinematics import resample
    from dance2music.dance.openpose import KEYPOINTS, openpose_layout
    from dance2music.dance.rotations import smpl_features_of_joints
    from dance2music.dance.skeleton import convert
    from dance2music.dance.smpl import SMPL_FEATURES

    if config.features == KEYPOINTS:
        return openpose_layout(dance)
    if config.features != SMPL_FEATURES:
        raise InputError(f"motion encoder: takes {config.features} features; expected {SMPL_FEATURES} or {KEYPOINTS} to dance to")
    joints = convert(resample(dance, config.frames / WINDOW_SECONDS), "smpl-24").joints
    flat = np.zeros((*joints.shape[:2], 3), dtype=np.float32)  # a picture has no depth
    flat[..., : joints.shape[2]] = joints
    return smpl_features_of_joints(flat)


def blend(windows: Tensor, overlap: int) -> Tensor:
    """Windows [W, E, n] one after another, each over the last ``overlap`` frames of the one before: [E, W * (n - overlap) + overlap]."""
    count, channels, n = windows.shape
    whole = windows.new_zeros(channels, count * (n - overlap) + overlap)
    rising = (torch.arange(overlap, device=windows.device) + 0.5) / max(overlap, 1)
    for i, window in enumerate(windows):
        weight = windows.new_ones(n)
        if i:
            weight[:overlap] = rising
        if i < count - 1:
            weight[n - overlap :] = 1 - rising
        whole[:, i * (n - overlap) : i * (n - overlap) + n] += window * weight
    return whole
