"""The embedded codec: STFT frames in, ConvNeXt trunk, residual quantiser, ConvNeXt trunk, inverse STFT out.

The head follows Vocos (Siuzdak 2023: no upsampling layers, the inverse STFT does the synthesis) and the blocks ConvNeXt (Liu et al. 2022);
the quantiser is that of `dance2music.codec.quantizer`. Everything is local in time: an output sample depends on `context_frames` frames at
either side and on nothing else, so that music of any length is coded in chunks with the same result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.codec.quantizer import CodebookConfig, Quantized, ResidualQuantizer, ResidualQuantizerConfig
from dance2music.music.mel import hann, mel_filters
from dance2music.nn.blocks import ConvNeXtBlock
from dance2music.work import check


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


def _linear_frames(layer: nn.Linear, x: Tensor) -> Tensor:
    return layer(x.transpose(1, 2)).transpose(1, 2)


class SpectralCodec(nn.Module):
    """Mono audio [B, N] <-> latents [B, E, L] <-> codes [B, Q, L], L = ceil(N / hop_length).

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

    @property
    def context_frames(self) -> int:
        """Frames at either side that an output frame can depend on, the larger of encoder and decoder."""
        config = self.config
        overlap = config.n_fft // config.hop_length
        return max(config.encoder_depth, config.decoder_depth) * (config.kernel_size // 2) + overlap + 1

    def forward(self, audio: Tensor) -> tuple[Tensor, Quantized]:
        """Reconstruction [B, N] of audio [B, N] and the quantiser's result: the whole codec, for training."""
        quantized = self.quantizer(self._encode_whole(audio))
        return self._decode_whole(quantized.z)[:, : audio.shape[-1]], quantized

    def encode(self, audio: Tensor) -> Tensor:
        """Latents before quantisation, float32 [B, E, ceil(N / hop)], of audio [B, N] at `sample_rate`; each frame has mean square 1."""
        audio = F.pad(audio, (0, -audio.shape[-1] % self.hop_length))
        length = audio.shape[-1] // self.hop_length
        hop = self.hop_length
        return self._in_chunks(lambda start, end: self._encode_whole(audio[:, start * hop : end * hop]), length, 1)

    def quantize(self, z_e: Tensor) -> Quantized:
        """Quantise latents [B, E, L]: ``(z, codes, commitment)``; in training mode this also moves the codebooks."""
        return self.quantizer(z_e)

    def lookup(self, codes: Tensor) -> Tensor:
        """Latents [B, E, L] of int64 codes [B, q, L], q = 1..Q; raises InputError for codes that cannot be of this codec."""
        return self.quantizer.lookup(codes)

    def decode(self, z: Tensor, n_samples: int | None = None) -> Tensor:
        """Audio [B, n_samples] of latents [B, E, L]; by default all L * hop samples, zeros beyond them."""
        audio = self._in_chunks(lambda start, end: self._decode_whole(z[:, :, start:end]), z.shape[-1], self.hop_length)
        n_samples = audio.shape[-1] if n_samples is None else n_samples
        return F.pad(audio, (0, max(0, n_samples - audio.shape[-1])))[:, :n_samples]

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
        with torch.autocast(audio.device.type, enabled=False):
            features = self._features(audio.float())
        x = _linear_frames(self.encoder_in, features)
        x = self.encoder_trunk(x).transpose(1, 2)
        z = self.encoder_out(self.encoder_norm(x)).float()
        # Each frame gets mean square 1: generators regress these latents, and the commitment loss has a scale to refer to.
        return F.layer_norm(z, (self.dim,)).transpose(1, 2)

    def _features(self, audio: Tensor) -> Tensor:
        """[B, 2 * bins + mels, ceil(N / hop)]: compressed complex STFT, and log-mel magnitudes."""
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

    def _decode_whole(self, z: Tensor) -> Tensor:
        x = self.decoder_trunk(self.decoder_in(z)).transpose(1, 2)
        out = self.decoder_out(self.decoder_norm(x))
        with torch.autocast(z.device.type, enabled=False):
            return self._synthesis(out.float())

    def _synthesis(self, out: Tensor) -> Tensor:
        """Audio [B, L * hop] of head outputs [B, L, 3 * bins]: a log gain and a complex number per bin, inverse STFT, overlap-add."""
        config = self.config
        gain, real, imaginary = out.chunk(3, dim=-1)
        gain = gain.clamp(max=6.0).exp()
        spectrum = torch.complex(gain * real, gain * imaginary)
        window = hann(config.n_fft).to(out.device)
        frames = torch.fft.irfft(spectrum, n=config.n_fft) * window
        batch, length, _ = frames.shape
        pieces = config.n_fft // config.hop_length
        audio = _overlap_add(frames.view(batch, length, pieces, config.hop_length))
        weight = _overlap_add(window.square().expand(1, length, -1).reshape(1, length, pieces, config.hop_length))
        margin = (config.n_fft - config.hop_length) // 2
        total = length * config.hop_length
        return audio[:, margin : margin + total] / weight[:, margin : margin + total]


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


def _overlap_add(frames: Tensor) -> Tensor:
    """[B, L, P, hop] -> [B, (L + P - 1) * hop]: piece p of frame l is added at hop position l + p."""
    batch, _, pieces, _ = frames.shape
    shifted = [F.pad(frames[:, :, p], (0, 0, p, pieces - 1 - p)) for p in range(pieces)]
    return torch.stack(shifted).sum(dim=0).reshape(batch, -1)
