"""A small network that hears the beat in movement: beat and downbeat activations per frame, and a distribution over tempi.

Dilated convolutions over time read the motion features; their novelty channels and the energies of the body parts are then looked at on
a logarithmic frequency axis, where a change of tempo is a shift. The tempo head is a convolution along that axis, so what it
learns about half, double and triple periods at one tempo holds at every tempo. It works on windows of any length.
Decoding activations into a beat grid is in `rhythm.estimate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.config import check_ranges
from dance2music.dance.kinematics import FEATURE_SLICES
from dance2music.errors import ConfigError
from dance2music.rhythm.limbs import LEVELS, WITNESSES, LimbModel

FEATURE_BLOCKS = ("velocity", "part_speed", "part_acceleration", "kinetic", "vertical")
"""Blocks of `dance.kinematics.motion_features` that a network may see; each is scaled to unit power within the window."""
SPECTRAL_BLOCKS = ("part_speed", "part_acceleration", "kinetic", "vertical")
"""Blocks whose spectra the tempo head sees beside those of the learned channels."""
STILL_SPEED = 0.02
"""Speed of a part that counts as rest beside the logarithm of its speed, in the unit of ``part_speed``."""

OTHER_SAY = 0.5
"""How much the logarithm of another network's tempi counts beside that of the first; with one, on real dances, .3 to 1 hardly differ."""


@dataclass(frozen=True)
class RhythmModelConfig:
    """Sizes of `RhythmModel`."""

    fps: float = 30.0
    channels: int = 96
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    novelty_channels: int = 8
    tempo_channels: int = 32
    dropout: float = 0.1
    novelty_dropout: float = 0.3
    """How often in training the tempo head has to do without the learned channels, so that it cannot lean on traits of drawn dances."""
    lowest_bpm: float = 76.0
    n_tempi: int = 32
    """Tempo bins, ``tempo_step`` apart: 76 to 140.4 bpm."""
    tempo_step: float = 0.02
    octaves: float = 2.0
    """How far below and above the tempo, in octaves, the tempo head looks."""
    blocks: tuple[str, ...] = FEATURE_BLOCKS
    """Which of `FEATURE_BLOCKS` its convolutions see. Without velocities they know how fast each part moves, not where to."""
    log_speeds: bool = False
    """Whether it also sees the logarithms of the speeds of the body's parts, in which stops of slow and quick parts count alike."""
    lead_beats: float = 0.0
    """How far before the beat of real dancers its activation peaks: of weights that were trained on dancers who rest after the beat."""
    others: tuple[RhythmModelConfig, ...] = ()
    """Sizes of other networks that were trained by themselves (`joined`): they have their say in beats and tempo."""

    def __post_init__(self) -> None:
        check_ranges(
            self, blocks=FEATURE_BLOCKS, dilations=(1, 4096), channels=(1, 65_536), novelty_channels=(1, 65_536),
            tempo_channels=(1, 65_536), n_tempi=(1, 4096), dropout=(0, 1), novelty_dropout=(0, 1), fps=(1, 1000),
        )  # fmt: skip
        if len(set(self.blocks)) < len(self.blocks):
            raise ConfigError(f"blocks: {', '.join(self.blocks)}; expected each once; leave the second out")

    @property
    def reach_bins(self) -> int:
        """Frequency bins that the tempo head sees on either side."""
        return round(self.octaves * float(torch.log(torch.tensor(2.0)) / torch.log1p(torch.tensor(self.tempo_step))))

    def tempi_bpm(self) -> Tensor:
        """Tempo of every bin, float32 [n_tempi]."""
        return self.lowest_bpm * (1.0 + self.tempo_step) ** torch.arange(self.n_tempi, dtype=torch.float32)


class RhythmOutput(NamedTuple):
    """Logits of `RhythmModel`: ``beat`` and ``downbeat`` [B, T] per frame, ``tempo`` [B, n_tempi]."""

    beat: Tensor
    downbeat: Tensor
    tempo: Tensor


class _Block(nn.Module):
    """Residual dilated convolution with channel normalisation."""

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.mix = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.out = nn.Conv1d(channels, channels, 1)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.drop(self.out(F.gelu(self.mix(self.norm(x)))))


class RhythmModel(nn.Module):
    """Motion features to beat activation, downbeat activation and tempo distribution."""

    def __init__(self, config: RhythmModelConfig) -> None:
        super().__init__()
        self.config = config
        width = sum(FEATURE_SLICES[name].stop - FEATURE_SLICES[name].start for name in config.blocks)
        spectral = sum(FEATURE_SLICES[name].stop - FEATURE_SLICES[name].start for name in SPECTRAL_BLOCKS)
        parts = FEATURE_SLICES["part_speed"].stop - FEATURE_SLICES["part_speed"].start
        if config.log_speeds:
            width, spectral = width + parts, spectral + parts
        self.inner = nn.Conv1d(width, config.channels, 5, padding=2)
        self.blocks = nn.Sequential(*(_Block(config.channels, d, config.dropout) for d in config.dilations))
        self.head = nn.Conv1d(config.channels, 2 + config.novelty_channels, 1)
        looked_at = spectral + config.novelty_channels + 1
        self.tempo_norm = nn.Parameter(torch.ones(looked_at, 1))
        self.tempo_in = nn.Conv1d(looked_at, config.tempo_channels, 2 * config.reach_bins + 1)
        self.tempo_length = nn.Linear(1, config.tempo_channels)
        self.tempo_drop = nn.Dropout(config.dropout)
        self.tempo_out = nn.Conv1d(config.tempo_channels, 1, 1)
        self.others = nn.ModuleList(RhythmModel(other) for other in config.others)
        K, W = len(LEVELS), len(WITNESSES)
        self.register_buffer("limb_mean", torch.zeros(K, W, 2))
        self.register_buffer("limb_spread", torch.zeros(K, W, W, 2))
        self.register_buffer("limb_noise", torch.eye(W))

    def limb_model(self) -> LimbModel:
        """The statistics of limbs that come with the weights: measured on the dances that they were trained on."""
        mean, spread = self.get_buffer("limb_mean").double(), self.get_buffer("limb_spread").double()
        noise = self.get_buffer("limb_noise").double().numpy()
        return LimbModel(torch.view_as_complex(mean).numpy(), torch.view_as_complex(spread).numpy(), noise)

    def set_limb_model(self, model: LimbModel) -> None:
        """Keep statistics of limbs with the weights."""
        self.get_buffer("limb_mean").copy_(torch.view_as_real(torch.from_numpy(model.mean.astype(complex))))
        self.get_buffer("limb_spread").copy_(torch.view_as_real(torch.from_numpy(model.spread.astype(complex))))
        self.get_buffer("limb_noise").copy_(torch.from_numpy(model.noise))

    def forward(self, features: Tensor) -> RhythmOutput:
        """Read one window of motion.

        Parameters
        ----------
        features : float Tensor [B, T, D_m], `dance.kinematics.motion_features` at ``config.fps``.
        """
        blocks = {name: _unit_power(features[..., FEATURE_SLICES[name]]) for name in FEATURE_BLOCKS}
        stops = [_log_speeds(features[..., FEATURE_SLICES["part_speed"]])] if self.config.log_speeds else []
        x_BDT = torch.cat([*(blocks[name] for name in self.config.blocks), *stops], dim=-1).transpose(1, 2)
        y_BCT = self.head(self.blocks(self.inner(x_BDT)))
        beat, downbeat, novelty = y_BCT[:, 0], y_BCT[:, 1], y_BCT[:, 2:]
        learned = torch.cat([torch.tanh(novelty), torch.sigmoid(beat)[:, None]], dim=1)
        if self.training:
            keep = torch.rand(len(learned), 1, 1, device=learned.device) >= self.config.novelty_dropout
            learned = learned * keep
        curves = torch.cat(
            [*(blocks[name].transpose(1, 2) for name in SPECTRAL_BLOCKS), *(x.transpose(1, 2) for x in stops), learned], dim=1
        )
        with torch.autocast(curves.device.type, enabled=False):
            spectra = self._spectra(curves) * self.tempo_norm
        seconds = features.new_tensor([[features.shape[1] / self.config.fps]])
        hidden = self.tempo_in(spectra) + self.tempo_length(torch.log(seconds))[:, :, None]
        tempo = self.tempo_out(self.tempo_drop(F.gelu(hidden)))[:, 0]
        own = RhythmOutput(beat, downbeat, tempo)
        return _all_say(own, [network(features) for network in self.others]) if self.others else own

    def _spectra(self, curves: Tensor) -> Tensor:
        """Magnitudes [B, C, n_tempi + 2 reach] of curves [B, C, T] at logarithmic frequencies, relative to the power of each curve."""
        config, n, curves = self.config, curves.shape[-1], curves.float()  # half precision rounds frequencies by per cents
        bins = torch.arange(-config.reach_bins, config.n_tempi + config.reach_bins, device=curves.device, dtype=curves.dtype)
        frequency_hz = config.lowest_bpm / 60.0 * (1.0 + config.tempo_step) ** bins
        t = (torch.arange(n, device=curves.device, dtype=curves.dtype) - (n - 1) / 2) / config.fps
        taper = torch.hann_window(n + 2, periodic=False, device=curves.device, dtype=curves.dtype)[1:-1]
        x = (curves - curves.mean(dim=-1, keepdim=True)) * taper
        angle = 2 * torch.pi * t[:, None] * frequency_hz
        power = (x @ torch.cos(angle)) ** 2 + (x @ torch.sin(angle)) ** 2
        energy = (x**2).sum(dim=-1, keepdim=True) * n / 2 + 1e-6
        return torch.sqrt(power / energy + 1e-8)


def beside(first: RhythmModelConfig, *others: RhythmModelConfig) -> RhythmModelConfig:
    """The first's sizes with the others' beside them; raises ConfigError where one does not tell the same things as the first."""
    for other in others:
        for name in ("fps", "lowest_bpm", "n_tempi", "tempo_step", "lead_beats"):
            own, its = getattr(first, name), getattr(other, name)
            if own != its:
                raise ConfigError(f"{name}: {its}; expected {own}, as the first network has it; set it so")
    return replace(first, others=tuple(replace(other, others=()) for other in others))


def joined(first: RhythmModel, *others: RhythmModel) -> RhythmModel:
    """The first network with the others beside it: beats, downbeats and tempi are what all say, limbs the first's.

    Any may have some beside it already, which are left out. See `beside`.
    """
    model = RhythmModel(beside(first.config, *(other.config for other in others)))
    state = own_weights(first)
    for i, other in enumerate(others):
        state |= {f"others.{i}.{name}": value for name, value in own_weights(other).items()}
    model.load_state_dict(state)
    return model.train(first.training)


def own_weights(model: RhythmModel) -> dict[str, Tensor]:
    """A network's state, Tensor [...] by name, without that of those beside it."""
    return {name: value for name, value in model.state_dict().items() if not name.startswith("others.")}


def _all_say(first: RhythmOutput, others: Sequence[RhythmOutput]) -> RhythmOutput:
    """What several networks say: the mean of their activations, the first's tempi with `OTHER_SAY` of each other's."""
    beat, downbeat = first.beat, first.downbeat
    tempo = F.log_softmax(first.tempo, dim=-1)
    for other in others:
        beat, downbeat = beat + other.beat, downbeat + other.downbeat
        tempo = tempo + OTHER_SAY * F.log_softmax(other.tempo, dim=-1)
    n = 1 + len(others)
    return RhythmOutput(beat / n, downbeat / n, tempo)


def _unit_power(block: Tensor) -> Tensor:
    """A block [B, T, d] without its mean over time, scaled to unit power over time and channels."""
    centred = block - block.mean(dim=1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(dim=(1, 2), keepdim=True) + 1e-6)


def _log_speeds(part_speed: Tensor) -> Tensor:
    """Logarithm of the speeds [B, T, P] of the parts of the body, each scaled to unit power: stops of quick and slow parts count alike."""
    logs = torch.log(part_speed.clamp(min=0.0) + STILL_SPEED)
    centred = logs - logs.mean(dim=1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(dim=1, keepdim=True) + 1e-2)
