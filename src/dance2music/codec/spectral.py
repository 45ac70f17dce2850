"""The embedded codec: STFT frames in, ConvNeXt trunk, residual quantiser, ConvNeXt trunk, inverse STFT out.

The head follows Vocos (Siuzdak 2023: no upsampling layers, the inverse STFT does the synthesis) and the blocks ConvNeXt (Liu et al. 2022);
the quantiser is that of `dance2music.codec.quantizer`. Where phase cannot be told from the latents a head without noise gives every frame
the same one, which buzzes at the frame rate; so the head can have a noise part (`NoiseConfig`), as Engel et al. 2020 (DDSP) have beside
their harmonic one, and gains for what happens within a frame (`dance2music.codec.fine_gain`). Everything is local in time: an output
sample depends on `context_frames` frames at either side and on nothing else, so that music of any length is coded in chunks with the
same result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.codec.channels import check_mono
from dance2music.codec.fine_gain import FineGainConfig, apply_fine_gains
from dance2music.codec.noise import complex_noise
from dance2music.codec.quantizer import CodebookConfig, Quantized, ResidualQuantizer, ResidualQuantizerConfig
from dance2music.music.mel import hann, mel_band_of, mel_filters
from dance2music.nn.blocks import ConvNeXtBlock
from dance2music.work import check


@dataclass(frozen=True)
class NoiseConfig:
    """The head's noise part; with no ``bands`` there is none.

    Each frame has a log gain relative to the bins' own in ``bands`` mel-spaced bands, and one in ``slots`` equal parts of its time, so
    that noise can begin within a frame.
    """

    bands: int = 0
    slots: int = 0
    initial: float = -2.0
    """Log gain that training starts from."""


@dataclass(frozen=True)
class SpectralCodecConfig:
    """Sizes of the codec. ``compression`` is the exponent on STFT magnitudes going in; ``n_mels`` log-mel bands go in beside them."""

    sample_rate: int = 22050
    hop_length: int = 256
    n_fft: int = 1024
    n_mels: int = 80
    compression: float = 0.3
    dim: int = 64
    encoder_width: int = 256
    encoder_depth: int = 4
    decoder_width: int = 384
    decoder_depth: int = 6
    expansion: int = 3
    kernel_size: int = 7
    quantizer: ResidualQuantizerConfig = field(
        default_factory=lambda: ResidualQuantizerConfig(n_codebooks=6, codebook=CodebookConfig(size=1024, dim=64))
    )
    noise: NoiseConfig = NoiseConfig()
    fine_gain: FineGainConfig = field(default_factory=FineGainConfig)


def _linear_frames(layer: nn.Linear, x: Tensor) -> Tensor:
    return layer(x.transpose(1, 2)).transpose(1, 2)


class SpectralCodec(nn.Module):
    """Mono audio [B, 1, N] <-> latents [B, E, L] <-> codes [B, Q, L], L = ceil(N / hop_length).

    ``max_frames`` bounds memory outside training: longer input goes through in chunks of so many frames.
    """

    max_frames = 2048

    def __init__(self, config: SpectralCodecConfig = SpectralCodecConfig()) -> None:
        super().__init__()
        assert config.dim == config.quantizer.codebook.dim, "the latents and the codebooks share one dimension"
        assert config.n_fft % config.hop_length == 0 and (config.n_fft - config.hop_length) % 2 == 0
        self.config = config
        self.sample_rate, self.hop_length, self.dim = config.sample_rate, config.hop_length, config.dim
        self.n_codebooks, self.codebook_size = config.quantizer.n_codebooks, config.quantizer.codebook.size
        bins = config.n_fft // 2 + 1

        def trunk(width: int, depth: int) -> nn.Sequential:
            size = {"kernel_size": config.kernel_size, "expansion": config.expansion}
            blocks = (ConvNeXtBlock(width, **size, scale=0.3, approximate="tanh", names=("widen", "narrow")) for _ in range(depth))
            return nn.Sequential(*blocks)

        self.encoder_in = nn.Linear(2 * bins + config.n_mels, config.encoder_width)
        self.encoder_trunk = trunk(config.encoder_width, config.encoder_depth)
        self.encoder_norm = nn.LayerNorm(config.encoder_width)
        self.encoder_out = nn.Linear(config.encoder_width, config.dim)
        self.quantizer = ResidualQuantizer(config.quantizer)
        self.decoder_in = nn.Conv1d(config.dim, config.decoder_width, 3, padding=1)
        self.decoder_trunk = trunk(config.decoder_width, config.decoder_depth)
        self.decoder_norm = nn.LayerNorm(config.decoder_width)
        self.decoder_out = nn.Linear(config.decoder_width, 3 * bins)
        if config.noise.bands:
            self.decoder_noise = nn.Linear(config.decoder_width, config.noise.bands + config.noise.slots)
            nn.init.zeros_(self.decoder_noise.weight)
            nn.init.zeros_(self.decoder_noise.bias)
        if config.fine_gain.outputs:
            self.decoder_gain = nn.Linear(config.decoder_width, config.fine_gain.outputs)
            nn.init.zeros_(self.decoder_gain.weight)
            nn.init.zeros_(self.decoder_gain.bias)

    @property
    def context_frames(self) -> int:
        """Frames at either side that an output frame can depend on, the larger of encoder and decoder."""
        config = self.config
        overlap = config.n_fft // config.hop_length
        return max(config.encoder_depth, config.decoder_depth) * (config.kernel_size // 2) + overlap + 1

    def forward(self, audio: Tensor) -> tuple[Tensor, Quantized]:
        """Reconstruction [B, 1, N] of audio [B, 1, N] and the quantiser's result: the whole codec, for training."""
        check_mono(audio)
        quantized = self.quantizer(self._encode_whole(audio[:, 0]))
        return self.draws(quantized.z, 1)[0][..., : audio.shape[-1]], quantized

    def encode(self, audio: Tensor) -> Tensor:
        """Latents before quantisation, float32 [B, E, ceil(N / hop)], of audio [B, 1, N] at `sample_rate`; each frame has mean square 1.

        Raises InputError if the audio is not mono.
        """
        check_mono(audio)
        audio = F.pad(audio[:, 0], (0, -audio.shape[-1] % self.hop_length))
        length = audio.shape[-1] // self.hop_length
        hop = self.hop_length
        return self._in_chunks(lambda start, end: self._encode_whole(audio[:, start * hop : end * hop]), length, 1)

    def quantize(self, z_e: Tensor) -> Quantized:
        """Quantise latents [B, E, L]: ``(z, codes, commitment)``; in training mode this also moves the codebooks."""
        return self.quantizer(z_e)

    def lookup(self, codes: Tensor) -> Tensor:
        """Latents [B, E, L] of int64 codes [B, q, L], q = 1..Q; raises InputError for codes that cannot be of this codec."""
        return self.quantizer.lookup(codes)

    def decode(self, z: Tensor, n_samples: int | None = None, *, seed: int = 0, first_frame: int = 0) -> Tensor:
        """Audio [B, 1, n_samples] of latents [B, E, L]; by default all L * hop samples, zeros beyond them.

        The noise part is a function of ``seed`` and of the frame's position, the same for all items; ``first_frame`` is the position of the
        first of these latents in their sound, so that windows of it (cut with `context_frames` at either side) join.
        """

        def part(start: int, end: int) -> Tensor:
            return self._synthesis(self._head(z[:, :, start:end]), self._noise_at(first_frame + start, end - start, seed, z.device))

        audio = self._in_chunks(part, z.shape[-1], self.hop_length)
        n_samples = audio.shape[-1] if n_samples is None else n_samples
        return F.pad(audio, (0, max(0, n_samples - audio.shape[-1])))[..., :n_samples]

    def draws(self, z: Tensor, n: int) -> list[Tensor]:
        """``n`` sounds [B, 1, L * hop] of latents [B, E, L] that differ in the noise, drawn from torch's generator: for training."""
        head, shape = self._head(z), (z.shape[0], z.shape[-1], self.config.n_fft // 2 + 1)
        if not self.config.noise.bands:
            return [self._synthesis(head, None)] * n
        return [self._synthesis(head, torch.randn(shape, dtype=torch.complex64, device=z.device)) for _ in range(n)]

    def restore_averages(self) -> None:
        """Make the codebooks of loaded weights ready for further training."""
        self.quantizer.restore_averages()

    def freeze_codes(self) -> None:
        """Keep encoder and codebooks as they are in training, so that codes keep their meaning; only the decoder learns."""
        for part in (self.encoder_in, self.encoder_trunk, self.encoder_norm, self.encoder_out):
            part.requires_grad_(False)
        self.quantizer.freeze()

    def _in_chunks(self, function: Callable[[int, int], Tensor], length: int, rate: int) -> Tensor:
        """Join ``function(start, end)`` over chunks of frames; each is computed with context and cut, ``rate`` outputs per frame."""
        size, context = self.max_frames, self.context_frames
        if length <= size + 2 * context:
            return function(0, length)
        parts = []
        for start in range(0, length, size):
            check()
            end = min(start + size, length)
            first, last = max(0, start - context), min(length, end + context)
            part = function(first, last)
            parts.append(part[..., (start - first) * rate : (end - first) * rate])
        return torch.cat(parts, dim=-1)

    def _encode_whole(self, audio: Tensor) -> Tensor:
        """Latents [B, E, ceil(N / hop)] of the one channel [B, N] of audio."""
        with torch.autocast(audio.device.type, enabled=False):
            features = self._features(audio.float())
        x = _linear_frames(self.encoder_in, features)
        x = self.encoder_trunk(x).transpose(1, 2)
        z = self.encoder_out(self.encoder_norm(x)).float()
        # Each frame gets mean square 1: generators regress these latents, and the commitment loss has a scale to refer to.
        return F.layer_norm(z, (self.dim,)).transpose(1, 2)

    def _features(self, audio: Tensor) -> Tensor:
        """[B, 2 * bins + mels, ceil(N / hop)] of samples [B, N]: compressed complex STFT, and log-mel magnitudes."""
        config = self.config
        margin = (config.n_fft - config.hop_length) // 2
        padded = F.pad(audio, (margin, margin + -audio.shape[-1] % config.hop_length))
        window = hann(config.n_fft).to(audio.device)
        spectrum = torch.stft(padded, config.n_fft, config.hop_length, window=window, center=False, return_complex=True)
        parts = torch.view_as_real(spectrum)
        power = parts.square().sum(dim=-1) + 1e-10
        compressed = parts * power.pow((config.compression - 1) / 2).unsqueeze(-1)
        mels = mel_filters(config.sample_rate, config.n_fft, config.n_mels).to(audio.device) @ power.sqrt()
        log_mels = mels.clamp_min(1e-5).log() * 0.2 + 1.0
        return torch.cat([compressed[..., 0], compressed[..., 1], log_mels], dim=1)

    def _head(self, z: Tensor) -> Tensor:
        """What the decoder says of latents [B, E, L], float32 [B, L, 3 * bins + noise's gains + fine gains]."""
        x = self.decoder_norm(self.decoder_trunk(self.decoder_in(z)).transpose(1, 2))
        parts = [self.decoder_out(x)]
        if self.config.noise.bands:
            parts.append(self.decoder_noise(x))
        if self.config.fine_gain.outputs:
            parts.append(self.decoder_gain(x))
        return torch.cat(parts, dim=-1).float()

    def _noise_at(self, first_frame: int, n_frames: int, seed: int, device: torch.device) -> Tensor | None:
        """Noise [1, n_frames, bins] of the frames from ``first_frame`` on, where the head has a part for it."""
        if not self.config.noise.bands:
            return None
        return complex_noise(seed, first_frame, n_frames, self.config.n_fft // 2 + 1)[None].to(device)

    def _synthesis(self, head: Tensor, noise: Tensor | None) -> Tensor:
        """Audio [B, 1, L * hop] of head outputs [B, L, 3 * bins]: a log gain and a complex number per bin, inverse STFT, overlap-add.

        With ``noise`` [B or 1, L, bins] the log gains of its part follow in the head's outputs, and the fine gains come last.
        """
        config, bins = self.config, self.config.n_fft // 2 + 1
        with torch.autocast(head.device.type, enabled=False):
            window = hann(config.n_fft).to(head.device)
            noise_gains = config.noise.bands + config.noise.slots if config.noise.bands else 0
            gain, real, imaginary, of_noise, fine = head.split([bins] * 3 + [noise_gains, config.fine_gain.outputs], dim=-1)
            gain = gain.clamp(max=6.0).exp()
            frames = torch.fft.irfft(torch.complex(gain * real, gain * imaginary), n=config.n_fft)
            if noise is not None:
                frames = frames + self._noise_frames(gain, of_noise, noise)
            frames = frames * window
            batch, length, _ = frames.shape
            pieces = config.n_fft // config.hop_length
            audio = _overlap_add(frames.view(batch, length, pieces, config.hop_length))
            weight = _overlap_add(window.square().expand(1, length, -1).reshape(1, length, pieces, config.hop_length))
            margin = (config.n_fft - config.hop_length) // 2
            total = length * config.hop_length
            audio = audio[:, margin : margin + total] / weight[:, margin : margin + total]
            if config.fine_gain.outputs:
                audio = apply_fine_gains(audio, fine, config.sample_rate, config.fine_gain)
            return audio.unsqueeze(1)

    def _noise_frames(self, gain: Tensor, log_gains: Tensor, noise: Tensor) -> Tensor:
        """Frames [B, L, n_fft] of noise [B or 1, L, bins] by the gains of bins [B, L, bins] and the log gains [B, L, bands + slots]."""
        config = self.config
        bands, slots = (log_gains.clamp(max=6.0)).split([config.noise.bands, config.noise.slots], dim=-1)
        over_bins = band_interpolation(config.sample_rate, config.n_fft, config.noise.bands).to(gain.device)
        shaped = noise * (gain * (bands @ over_bins + config.noise.initial).exp())
        frames = torch.fft.irfft(shaped, n=config.n_fft)
        if config.noise.slots:
            frames = frames * (slots @ slot_interpolation(config.n_fft, config.noise.slots).to(gain.device)).exp()
        return frames


@torch.no_grad()
def grown(codec: SpectralCodec, *, n_codebooks: int, decoder_depth: int, dropout: float | None = None) -> SpectralCodec:
    """A codec with more codebooks and decoder blocks that does just what ``codec`` does, until those learn.

    Appended codebooks hold nothing but zeros and appended blocks add zero; the rest has the same bits. ``dropout``, if given, replaces the
    quantiser's.
    """
    config, quantizer = codec.config, codec.config.quantizer
    assert n_codebooks >= quantizer.n_codebooks and decoder_depth >= config.decoder_depth, "a codec only grows"
    quantizer = replace(quantizer, n_codebooks=n_codebooks, dropout=quantizer.dropout if dropout is None else dropout)
    model = SpectralCodec(replace(config, decoder_depth=decoder_depth, quantizer=quantizer))
    for index in range(config.decoder_depth, decoder_depth):
        block = model.decoder_trunk[index]
        last = block.get_submodule("narrow")
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    model.load_state_dict({**model.state_dict(), **codec.state_dict()})
    model.restore_averages()
    return model.train(codec.training)


@torch.no_grad()
def first_codebooks(codec: SpectralCodec, n_codebooks: int) -> SpectralCodec:
    """The same codec with the first ``n_codebooks`` of its residual codebooks alone, in evaluation mode: a coarser lookup."""
    assert 1 <= n_codebooks <= codec.n_codebooks, "a codec has so many codebooks"
    model = SpectralCodec(replace(codec.config, quantizer=replace(codec.config.quantizer, n_codebooks=n_codebooks)))
    own = model.state_dict()
    model.load_state_dict({name: value for name, value in codec.state_dict().items() if name in own})
    return model.eval()


@lru_cache(maxsize=8)
def band_interpolation(sample_rate: int, n_fft: int, bands: int) -> Tensor:
    """Weights float32 [bands, n_fft // 2 + 1] that draw a line over all bins through values at mel-spaced centres, flat beyond the ends."""
    hz = torch.linspace(0.0, sample_rate / 2, n_fft // 2 + 1).tolist()
    return _lines_through(torch.tensor([mel_band_of(f, sample_rate, bands) - 0.5 for f in hz]), bands)


@lru_cache(maxsize=8)
def slot_interpolation(n_fft: int, slots: int) -> Tensor:
    """Weights float32 [slots, n_fft] that draw a line over a frame's samples through values in the middle of equal slots."""
    return _lines_through((torch.arange(n_fft) + 0.5) * (slots / n_fft) - 0.5, slots)


def _lines_through(positions: Tensor, n: int) -> Tensor:
    """Linear interpolation as weights [n, P]: positions [P] on an axis where the n values lie at 0..n-1."""
    return (1 - (positions.clamp(0, n - 1)[None] - torch.arange(n)[:, None]).abs()).clamp_min(0.0).float()


def _overlap_add(frames: Tensor) -> Tensor:
    """[B, L, P, hop] -> [B, (L + P - 1) * hop]: piece p of frame l is added at hop position l + p."""
    batch, _, pieces, _ = frames.shape
    shifted = [F.pad(frames[:, :, p], (0, 0, p, pieces - 1 - p)) for p in range(pieces)]
    return torch.stack(shifted).sum(dim=0).reshape(batch, -1)
