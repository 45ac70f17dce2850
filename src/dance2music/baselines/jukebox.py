"""JukeBox (Dhariwal et al. 2020, arXiv:2005.00341) as the papers use it: reconstruction by its VQ-VAE, and random samples.

Neither hears the dance. Random samples come from a transformer that writes the codes of one level, one after the other, from nothing;
they show what a listener makes of music that has nothing to do with the dance. The reconstruction of a video's own music at
hops 8, 32 and 128 (`reconstruct`) is the best that a generator of the same codes can sound like.

The embedded prior writes the two coarsest codebooks of the embedded codec in turn: as many codes per second, of as many kinds, as JukeBox's
level of hop 128 has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_weights import one_level
from dance2music.errors import InputError
from dance2music.methods.base import CodecGenerator, Given, load_network, looked_up, whole_only
from dance2music.nn.sampling import draw
from dance2music.nn.transformer import BlockConfig, Stack
from dance2music.parallel import one_thread
from dance2music.seeds import BaselineTake
from dance2music.types import Audio, Codec, Conditioning, Latents, Span
from dance2music.work import check


@dataclass(frozen=True)
class JukeboxPriorConfig:
    """Sizes of the prior, with JukeBox's shares: attention a quarter as wide as the model, feed-forward layers as wide.

    ``context`` is 344, two seconds. The ``vocabulary`` is shared by ``n_codebooks`` in turn: 2 of 1024 codes each for the embedded codec,
    1 of 2048 for the published VQ-VAE at hop 128.
    """

    vocabulary: int = 2048
    n_codebooks: int = 2
    context: int = 344
    channels: int = 256
    heads: int = 2
    layers: int = 6
    dropout: float = 0.0
    temperature: float = 0.99


class JukeboxPrior(nn.Module):
    """Earlier codes in, logits of the next code out; the output shares the embedding's weights."""

    def __init__(self, config: JukeboxPriorConfig = JukeboxPriorConfig()) -> None:
        super().__init__()
        self.config = config
        C = config.channels
        self.codes = nn.Embedding(config.vocabulary, C)
        self.start = nn.Parameter(torch.randn(C) * 0.02)
        self.positions = nn.Parameter(torch.randn(config.context, C) * 0.01)
        nn.init.normal_(self.codes.weight, std=0.02)
        block = BlockConfig(
            channels=C, heads=config.heads, feed_channels=C, activation="quick_gelu", dropout=config.dropout, attention_channels=C // 4
        )
        self.stack = Stack(block, config.layers)

    def forward(self, codes: Tensor) -> Tensor:
        """Logits [B, L, K] of each of ``codes`` int64 [B, L], L up to the context; code i sees those before it."""
        past = torch.cat([self.start.expand(len(codes), 1, -1), self.codes(codes[:, :-1])], dim=1)
        return self.logits(self.stack(past + self.positions[: codes.shape[1]]))

    def logits(self, h: Tensor) -> Tensor:
        """Logits of hidden states [..., C]."""
        return F.linear(h, self.codes.weight)

    def latents(
        self, conditioning: Conditioning, seeds: Sequence[int], codec: Codec, *, n_frames: int, span: Span | None, keep: Latents | None
    ) -> list[Latents]:
        """Random samples, see `methods.base.MusicGenerator.generate`: of the dance only the length is used; whole pieces only."""
        whole_only(span, "jukebox-random")
        takes = []
        for seed in seeds:
            with one_thread():
                codes = unfold(self.sample(n_frames * self.config.n_codebooks, seed=seed)[None], self.config)[0]
            takes.append(looked_up(codes, codec))
        return takes

    @torch.no_grad()
    def sample(self, n_codes: int, *, seed: int) -> Tensor:
        """Codes int64 [n_codes], window by window: each goes on from the second half of the one before.

        The published windows overlap by half, too, but for the top level's, which overlap by seven eighths.
        """
        config, rng = self.config, np.random.default_rng([seed, BaselineTake.JUKEBOX])
        codes: list[int] = []
        share = config.vocabulary // config.n_codebooks
        steps, vectors, positions = _Steps(self), _plain(self.codes.weight), _plain(self.positions)
        while len(codes) < n_codes:
            known = codes[-(config.context // 2) :]
            h = steps.begin(np.concatenate([_plain(self.start)[None], vectors[known]]) + positions[: len(known) + 1])
            for position in range(len(known) + 1, config.context + 1):
                first = len(codes) % config.n_codebooks * share
                logits = torch.from_numpy(vectors[first : first + share] @ h)
                codes.append(first + int(draw(logits, torch.tensor(rng.random()), temperature=config.temperature)))
                if len(codes) == n_codes or position == config.context:
                    break
                check()
                h = steps(vectors[codes[-1]] + positions[position], position)
        return torch.tensor(codes)


class _Steps:
    """`nn.transformer.Stack.step` for one sequence of a prior in numpy, which has less to do around each small product."""

    def __init__(self, prior: JukeboxPrior) -> None:
        config, self.stack = prior.config, prior.stack
        self.heads, self.size = config.heads, config.channels // 4 // config.heads
        blocks: list[Any] = list(prior.stack.blocks)
        parts = [(b.norms[0], b.attention.qkv, b.attention.out, b.norms[1], b.feed_in, b.feed_out) for b in blocks]
        self.blocks = [[_plain(tensor) for part in block for tensor in (part.weight, part.bias)] for block in parts]
        self.norm = (_plain(prior.stack.norm.weight), _plain(prior.stack.norm.bias))
        self.keys = np.zeros((len(parts), self.heads, self.size, config.context), np.float32)
        self.values = np.zeros((len(parts), self.heads, config.context, self.size), np.float32)

    def begin(self, x: np.ndarray) -> np.ndarray:
        """Hidden state float32 [C] of the last of the first inputs [L, C]; what was seen before is forgotten."""
        states = self.stack.start()
        h = self.stack.step(torch.from_numpy(x)[None], states)[0, -1]
        for keys, values, state in zip(self.keys, self.values, states):
            keys[:, :, : len(x)], values[:, : len(x)] = state["k"][0].transpose(1, 2).numpy(), state["v"][0].numpy()
        return h.numpy()

    def __call__(self, x: np.ndarray, position: int) -> np.ndarray:
        """Hidden state float32 [C] of the input float32 [C] at a position whose predecessors were given before."""
        seen = position + 1
        for block, keys, values in zip(self.blocks, self.keys, self.values):
            norm, norm_bias, qkv, qkv_bias, out, out_bias, feed_norm, feed_norm_bias, feed_in, in_bias, feed_out, out2_bias = block
            q, k, v = (qkv @ _layer_norm(x, norm, norm_bias) + qkv_bias).reshape(3, self.heads, self.size)
            keys[:, :, position], values[:, position] = k, v
            weights = q[:, None] @ keys[:, :, :seen] * self.size**-0.5
            weights = np.exp(weights - weights.max(axis=-1, keepdims=True))
            x = x + out @ (weights @ values[:, :seen] / weights.sum(axis=-1, keepdims=True)).ravel() + out_bias
            y = feed_in @ _layer_norm(x, feed_norm, feed_norm_bias) + in_bias
            x = x + feed_out @ (y / (1 + np.exp(-1.702 * y))) + out2_bias
        return _layer_norm(x, *self.norm)


def _layer_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    x = x - np.add.reduce(x) / len(x)
    return x * (1 / np.sqrt(x @ x / len(x) + 1e-5)) * weight + bias


def _plain(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().float().numpy()


EMBEDDED_LEVELS: dict[str, int] = {"high": 2, "low": 1, "finest": 0}
"""Levels of the embedded VQ-VAE, hops 128, 32 and 8. With ``-untuned`` behind the name their decoders are those before fine-tuning."""


def embedded_vqvae(level: str) -> VQVAE:
    """One level of the VQ-VAE that comes with the package.

    Raises
    ------
    InputError
        If the level is unknown.
    """
    from dance2music.checkpoint import load_embedded

    name = level.removesuffix("-untuned")
    if name not in EMBEDDED_LEVELS:
        expected = f"expected one of {', '.join(EMBEDDED_LEVELS)}, or one of them with -untuned behind it"
        raise InputError(f"--level {level!r}: unknown; {expected}")
    model = load_embedded("jukebox_vqvae", expected="vqvae")
    assert isinstance(model, VQVAE)
    return one_level(model, EMBEDDED_LEVELS[name], untuned=name != level)


class Recording:
    """A dance's own music, coded and decoded: the ceiling of whatever writes codes for that codec. A `methods.base.LatentNetwork`."""

    def __init__(self, music: Audio | None) -> None:
        self.music = music

    def latents(
        self, conditioning: Conditioning, seeds: Sequence[int], codec: Codec, *, n_frames: int, span: Span | None, keep: Latents | None
    ) -> list[Latents]:
        """See `methods.base.MusicGenerator.generate`: the same for every seed, whole pieces only.

        Raises
        ------
        InputError
            If there is no music to code.
        """
        whole_only(span, "jukebox-reconstruction")
        if self.music is None:
            raise InputError("jukebox-reconstruction: has no music to code; expected a video with sound; choose another video or method")
        return [looked_up(codes_of(self.music, codec)[0], codec)] * len(seeds)


def fold(codes: Tensor, config: JukeboxPriorConfig) -> Tensor:
    """Codes int64 [B, Q, L] as one line [B, n_codebooks * L], frame by frame and coarse to fine; finer codebooks are left out."""
    share = config.vocabulary // config.n_codebooks
    offsets = torch.arange(config.n_codebooks, device=codes.device)[:, None] * share
    return (codes[:, : config.n_codebooks] + offsets).transpose(1, 2).flatten(1)


def unfold(line: Tensor, config: JukeboxPriorConfig) -> Tensor:
    """The inverse of `fold`: int64 [B, n_codebooks * L] -> [B, n_codebooks, L]."""
    return (line % (config.vocabulary // config.n_codebooks)).unflatten(1, (-1, config.n_codebooks)).transpose(1, 2)


def reconstruct(audio: Audio, codec: Codec) -> Audio:
    """Mono audio at the codec's rate after coding and decoding; cut to whole hops, as published (44,032 of 44,100 samples at hop 128)."""
    with torch.no_grad():
        return Audio.from_tensor(codec.decode(codec.lookup(codes_of(audio, codec))), codec.sample_rate)


def codes_of(audio: Audio, codec: Codec) -> Tensor:
    """Codes int64 [1, Q, L] of whole hops of audio."""
    samples = whole_hops(audio, codec).to_tensor()
    return codec.code(samples) if isinstance(codec, VQVAE) else codec.quantize(codec.encode(samples)).codes


def whole_hops(audio: Audio, codec: Codec) -> Audio:
    """Mono audio [1, N] at the codec's rate, what is left of the last hop cut off."""
    from dance2music.music.audio import resample

    samples = resample(audio, codec.sample_rate).samples.mean(axis=0, keepdims=True)
    return Audio(samples[:, : samples.shape[-1] // codec.hop_length * codec.hop_length], codec.sample_rate)


def prior_losses(prior: JukeboxPrior, codes: Tensor) -> dict[str, Tensor]:
    """Cross entropy in nats, and in bits as JukeBox reports it, of codes int64 [B, L]."""
    loss = F.cross_entropy(prior(codes).flatten(0, 1), codes.flatten())
    return {"cross_entropy": loss, "bits": loss / np.log(2)}


def load_random(given: Given) -> CodecGenerator:
    """The prior, over the codec that comes with the package."""
    from dance2music.codec import embedded

    prior: JukeboxPrior = load_network(given, "jukebox-prior")
    return CodecGenerator(prior, embedded.embedded_codec())


def load_reconstruction(given: Given) -> CodecGenerator:
    """The dance's own music over the codec that comes with the package, a level of its VQ-VAE, or one that the user brings.

    Raises
    ------
    InputError
        If the weights, or the file with the music, cannot be read.
    """
    from dance2music.codec import embedded
    from dance2music.music.audio import load_audio

    codec: Codec
    if given.weights is not None:
        from dance2music.checkpoint import load_model, read_provenance
        from dance2music.papers.published_weights import load_codec

        if given.weights.is_file() and read_provenance(given.weights)["kind"] == "spectral-codec":
            if given.level is not None:
                raise InputError(f"--level {given.level!r}: {given.weights} is a spectral codec, which has one; leave --level out")
            spectral: Any = load_model(given.weights)
            codec = spectral
        else:
            codec = load_codec(given.weights, level=given.level)
    else:
        codec = embedded.embedded_codec() if given.level is None else embedded_vqvae(given.level)
    return CodecGenerator(Recording(None if given.heard is None else load_audio(given.heard)), codec)
