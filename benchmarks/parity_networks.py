"""Oracles of networks, codecs and spectra: our outputs under the oracles' weights and inputs, names, shapes and sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from parity_rows import SURE, Row, Worst, add_stats
from parity_weights import filled, normal
from torch import nn


def rules_of(data: Any, prefix: str) -> list[str]:
    """Rules ('A', 'B') under which a file has arrays named ``prefix_rule``."""
    return [rule for rule in ("A", "B") if any(key.startswith(f"{prefix}_{rule}") for key in data)]


def shape_of(data: Any, default: tuple[int, ...]) -> tuple[int, ...]:
    """The input's shape."""
    return tuple(int(n) for n in data["input_shape"]) if "input_shape" in data else default


def motion_encoder(data: Any, dataset: str) -> Iterator[Row]:
    """Names: ``motion_encoder_{aist,tiktok}.npz``."""
    from dance2music.nn.conv_stack import MotionEncoder
    from dance2music.papers.d2m_tables import FRAMES_AND_FEATURES, released

    model = MotionEncoder(released("high", dataset).motion)
    motion = normal(0, *shape_of(data, (1, *FRAMES_AND_FEATURES[dataset])))
    for rule in rules_of(data, "out"):
        filled(model, rule)
        worst = Worst("output and last convolution", rule)
        out, before = model(motion), model.before_last(motion)
        worst.add(out, data[f"out_{rule}"])
        if f"pre_lin2_{rule}" in data:
            worst.add(before, data[f"pre_lin2_{rule}"])
        if f"stats_{rule}" in data:
            add_stats(worst, out, data[f"stats_{rule}"])
        yield worst.row()


def generator(data: Any, level: str, dataset: str) -> Iterator[Row]:
    """Names: ``vq_generator_{high,low}_{aist,tiktok}.npz``."""
    from dance2music.papers.d2m_gan import VQGenerator
    from dance2music.papers.d2m_tables import released

    # The low level for TikTok was published without its first linear layer: its oracle goes in behind it.
    headless = (level, dataset) == ("low", "tiktok")
    model = VQGenerator(released(level, dataset).generator)
    fused = normal(0, *shape_of(data, (1, 1, 2048 if headless else 3072)))
    default = {"high_aist": 1, "high_tiktok": 2}.get(f"{level}_{dataset}", 4)
    stride = int(data["stride_last"]) if "stride_last" in data else default
    for rule in rules_of(data, "out"):
        filled(model, rule)
        y = model.from_sequence(fused) if headless and fused.shape[-1] == 2048 else model(fused, torch.tensor([3]))
        worst = Worst("latents", rule)
        worst.add(y[:, :, ::stride], data[f"out_{rule}"])
        if "shape" in data:
            worst.add(y.shape, data["shape"])
        if f"stats_{rule}" in data:
            add_stats(worst, y, data[f"stats_{rule}"], y[:, :, ::stride])
        yield worst.row()


def discriminator(data: Any, length: int) -> Iterator[Row]:
    """Names: ``discriminator_aist_{high,low}.npz``."""
    from dance2music.papers.discriminators import ReshapedDiscriminator

    model = ReshapedDiscriminator()
    x = normal(0, *shape_of(data, (1, 1, length)))
    for rule in rules_of(data, "final"):
        filled(model, rule)
        worst = Worst("activations of 3 scales x 7 layers", rule)
        for s, layers in enumerate(model(x)):
            for i, y in enumerate(layers):
                flat, name = y.flatten(), f"{rule}_s{s}_l{i}"
                if f"shape_s{s}_l{i}" in data:
                    worst.add(y.shape, data[f"shape_s{s}_l{i}"])
                if f"final_{name}" in data:
                    worst.add(flat, data[f"final_{name}"].reshape(-1))
                if f"feat_{name}" in data:
                    worst.add(flat[:: max(1, len(flat) // 200)], data[f"feat_{name}"])
                if f"stats_{name}" in data:
                    add_stats(worst, y, data[f"stats_{name}"])
        yield worst.row()


def jukebox(data: Any, level: int) -> Iterator[Row]:
    """Names: ``jukebox_level{2_hop128,1_hop32,0_hop8}.npz``: encoder, codes, decoder, and the way there and back."""
    from dance2music.codec.vqvae import VQVAE
    from dance2music.codec.vqvae_config import VQVAEConfig

    model = VQVAE(VQVAEConfig(levels=(level,), level=level))
    audio = normal(0, *shape_of(data, (1, 44100, 1))).transpose(1, 2)
    step: dict[str, Any] = {"code_stride": 4 if level == 0 else 1, "dec_stride": 8, "roundtrip_stride": 16, "latent_stride": (4, 4)}
    step |= {name: data[name] for name in step if name in data}
    code_stride = int(step["code_stride"])
    for rule in rules_of(data, "enc_codes"):
        filled(model, rule)
        z = model.encode(audio)
        codes = model.quantize(z).codes
        n = codes.shape[-1]
        theirs = torch.from_numpy(data[f"enc_codes_{rule}"].astype(np.int64)).reshape(-1)
        margin = data[f"enc_code_margin_{rule}"].reshape(-1)
        margin = margin if len(margin) == len(theirs) else margin[::code_stride]
        differ = codes[0, 0, ::code_stride].numpy() != theirs.numpy()
        yield Row(f"codes ({int((margin > SURE).sum())} of {len(theirs)} sure)", rule, float((differ & (margin > SURE)).sum()), 0.0)
        worst = Worst("encoder's latents", rule)
        rows, columns = (int(s) for s in step["latent_stride"])
        strided = z[:, ::rows, ::columns]
        worst.add(strided, data[f"enc_latent_{rule}"])
        if f"enc_latent_stats_{rule}" in data:
            add_stats(worst, z, data[f"enc_latent_stats_{rule}"], strided)
        if "codes_shape" in data:
            worst.add(codes[:, 0].shape, data["codes_shape"])
        yield worst.row()
        worst = Worst("decoder on drawn codes", rule)
        drawn = torch.from_numpy(np.random.RandomState(0).randint(0, 2048, (1, n)))
        decoded = model.decode(model.lookup(drawn[:, None]))[0, 0]
        heard = decoded[:: int(step["dec_stride"])]
        worst.add(heard, data[f"dec_audio_{rule}"])
        if "audio_len" in data:
            worst.add(len(decoded), int(data["audio_len"]))
        for key, part in ((f"dec_first64_{rule}", decoded[:64]), (f"dec_last64_{rule}", decoded[-64:])):
            if key in data:
                worst.add(part, data[key].reshape(-1))
        if f"dec_audio_stats_{rule}" in data:
            add_stats(worst, decoded, data[f"dec_audio_stats_{rule}"], heard)
        yield worst.row()
        worst = Worst("there and back", rule)
        chosen = codes[0, 0].clone()
        chosen[::code_stride] = theirs  # where the reference was not sure, go back from its own codes
        back = model.decode(model.lookup(chosen[None, None]))[0, 0]
        heard = back[:: int(step["roundtrip_stride"])]
        worst.add(heard, data[f"roundtrip_audio_{rule}"])
        if f"roundtrip_stats_{rule}" in data:
            add_stats(worst, back, data[f"roundtrip_stats_{rule}"], heard)
        yield worst.row()


def mel(data: Any) -> Iterator[Row]:
    """Name: ``audio2mel.npz``."""
    from dance2music.music.mel import mel_filters, published_log_mel

    audio = 0.1 * normal(0, 1, 1, 44100)
    worst = Worst("log10 mel and filters", "-")
    worst.add(published_log_mel(audio, 22050)[:, 0], data["mel44100"])
    filters = mel_filters(22050, 1024, 128)
    if "mel_basis_rowsum" in data:
        worst.add(filters.sum(dim=1), data["mel_basis_rowsum"])
    if "mel_basis_stats" in data:
        add_stats(worst, filters, data["mel_basis_stats"])
    for n in (44032, 44096):
        y = published_log_mel(audio[..., :n], 22050)[:, 0]
        if f"mel{n}_shape" in data:
            worst.add(y.shape, data[f"mel{n}_shape"])
        if f"mel{n}_stats" in data:
            add_stats(worst, y, data[f"mel{n}_stats"])
    yield worst.row()


def manifest(data: Any, name: str) -> Iterator[Row]:
    """Names: ``*.manifest.json``: names and shapes of a state dict, in any order, and the number of parameters."""
    with torch.device("meta"):
        model = MANIFESTS[name]()
    ours = {key: list(value.shape) for key, value in model.state_dict().items()}
    theirs = {entry["name"]: entry["shape"] for entry in data["entries"]}
    added = {"lin.weight", "lin.bias"} if name == "vq_generator_low_tiktok" else set()  # what the published file lacks
    wrong = sum(theirs.get(key) != shape for key, shape in ours.items() if key not in added) + len(theirs.keys() - ours.keys())
    yield Row(f"names and shapes of {len(theirs)} tensors", "-", float(wrong), 0.0)
    if "n_parameters" in data:
        count = sum(p.numel() for key, p in model.named_parameters() if key not in added)
        yield Row(f"{data['n_parameters']:,} parameters", "-", float(abs(count - data["n_parameters"])), 0.0)


def _released(level: str, dataset: str, part: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        from dance2music.nn.conv_stack import MotionEncoder
        from dance2music.papers.d2m_gan import VQGenerator
        from dance2music.papers.d2m_tables import released

        config = released(level, dataset)
        return MotionEncoder(config.motion) if part == "motion" else VQGenerator(config.generator)

    return make


def _discriminator() -> nn.Module:
    from dance2music.papers.discriminators import ReshapedDiscriminator

    return ReshapedDiscriminator()


def _vqvae() -> nn.Module:
    from dance2music.codec.vqvae import VQVAE

    return VQVAE()


LEVELS_AND_DATA = [(level, dataset) for level in ("high", "low") for dataset in ("aist", "tiktok")]

MANIFESTS: dict[str, Callable[[], nn.Module]] = {
    **{f"motion_encoder_{dataset}": _released("high", dataset, "motion") for dataset in ("aist", "tiktok")},
    **{f"vq_generator_{level}_{dataset}": _released(level, dataset, "generator") for level, dataset in LEVELS_AND_DATA},
    "discriminator_aist": _discriminator,
    "jukebox_vqvae_3level": _vqvae,
}
