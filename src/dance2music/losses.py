"""Every numbered objective of the two papers as one function; read it with the papers open beside it.

"D2M" is Zhu et al. 2022 (arXiv:2204.00604), "Creative-GAN" is Huang et al. 2023 (doi:10.1587/transfun.2023EAP1059). Discriminator outputs
are lists over S scales of lists over layers of Tensor [B, C_i, L_i]; the last layer of each scale is the map of logits. Weights of a sum
are in the training configs, not here. Misprints of the papers are resolved in docs/paper_map.md.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from dance2music.errors import InputError

Features = list[list[Tensor]]


def discriminator_hinge(real: Features, fake: Features) -> Tensor:
    """Hinge objective of the discriminator, summed over scales and averaged over the windows of each map of logits.

    D2M Eq. 2, which is printed with ``min``; that sign would be maximised, the usual hinge is meant.

    Returns
    -------
    Tensor [].
    """
    _same_scales(real, fake)
    return _sum(F.relu(1 - r[-1]).mean() + F.relu(1 + f[-1]).mean() for r, f in zip(real, fake))


def generator_hinge(fake: Features) -> Tensor:
    """Adversarial objective of the generator, summed over scales: D2M Eq. 3. Tensor []."""
    return _sum(-f[-1].mean() for f in fake)


def discriminator_logarithmic(real: Features, fake: Features) -> Tensor:
    """Binary cross entropy of the discriminator's logits, averaged over the patches of each map and summed over scales.

    Creative-GAN Eq. 4 with the sign of a loss; its logits pass the sigmoid in here.

    Returns
    -------
    Tensor [].
    """
    _same_scales(real, fake)
    return _sum(F.softplus(-r[-1]).mean() + F.softplus(f[-1]).mean() for r, f in zip(real, fake))


def generator_logarithmic(fake: Features, *, saturating: bool = False) -> Tensor:
    """Adversarial objective of the generator for `discriminator_logarithmic`, summed over scales: -log D(G). Tensor [].

    With ``saturating`` log(1 - D(G)), the generator's share of Creative-GAN Eq. 4 as printed, whose gradient vanishes where D is sure.
    """
    return _sum((-F.softplus(f[-1]) if saturating else F.softplus(-f[-1])).mean() for f in fake)


def feature_matching(real: Features, fake: Features, *, normalize: bool = True) -> Tensor:
    """L1 distance between discriminator features of real and generated latents, summed over layers but the logits.

    D2M Eq. 4 (mean per layer); with ``normalize=False`` Creative-GAN Eq. 8 as printed (a sum per layer). Averaged over scales.

    Parameters
    ----------
    real, fake : Features; ``real`` is detached here.

    Returns
    -------
    Tensor [].

    Raises
    ------
    InputError
        If the two lists differ in length; the message names the first differing scale.
    """
    _same_scales(real, fake)
    total = []
    for r, f in zip(real, fake):
        for a, b in zip(r[:-1], f[:-1]):
            distances = torch.linalg.vector_norm(b - a.detach(), 1, dim=-1)  # of half precision if they are, their sum in full
            total.append(distances.sum(dtype=torch.float32) / (b.numel() if normalize else len(b)))
    return _sum(total) / len(real)


def codebook_commitment(target: Tensor, latents: Tensor) -> Tensor:
    """L1 distance between generated latents and the codebook entries of the true ones, both [B, E, L].

    D2M Eq. 5; Creative-GAN Eq. 9, whose bracket is misplaced (a lookup of a difference).
    """
    return (target.detach() - latents).abs().mean()


def latent_distance(reference: Tensor, latents: Tensor) -> Tensor:
    """L1 distance between generated latents and the encoder's, before the lookup, both [B, E, L].

    In no paper: a further term of D2M-GAN's released code, with weight 5.
    """
    return (reference.detach() - latents).abs().mean()


def waveform(reference: Tensor, estimate: Tensor) -> Tensor:
    """L1 distance of waveforms [B, C, N]: D2M Eq. 6. ``estimate`` must come from a decode with a gradient (straight-through lookup)."""
    return (reference - estimate).abs().mean()


def mel(reference: Tensor, estimate: Tensor) -> Tensor:
    """L1 distance of log-mel spectrograms [B, C, M, L]: D2M Eq. 7. ``estimate`` must carry a gradient, as in `waveform`."""
    return (reference - estimate).abs().mean()


def genre_classification(logits: Tensor, genre: Tensor) -> Tensor:
    """Cross entropy of the genre discriminator on real music: Creative-GAN Eq. 5 with the sign of a loss. logits [B, G], genre [B]."""
    return F.cross_entropy(logits, genre)


def style_ambiguity(logits: Tensor) -> Tensor:
    """Binary cross entropy of every genre's probability with 1/G: Creative-GAN Eq. 6 with one discriminator in both terms.

    Its minimum, at the uniform distribution, is G times the entropy of 1/G: 3.2508 nats at G = 10.

    Parameters
    ----------
    logits : Tensor [B, G] of the genre discriminator on generated music.
    """
    G = logits.shape[-1]
    log_p = F.log_softmax(logits, dim=-1)
    others = (
        logits.unsqueeze(-2).expand(*logits.shape[:-1], G, G).masked_fill(torch.eye(G, dtype=torch.bool, device=logits.device), -torch.inf)
    )
    log_not_p = torch.logsumexp(others, dim=-1) - torch.logsumexp(logits, dim=-1, keepdim=True)  # log(1 - p) without cancellation
    return -(log_p / G + (1 - 1 / G) * log_not_p).sum(dim=-1).mean()


def perceptual(reference: list[Tensor], estimate: list[Tensor]) -> Tensor:
    """Smooth L1 distance of a network's features of two sounds, each layer's mean, averaged over layers.

    Creative-GAN Eq. 10 and 11: 0.5 x^2 below 1, |x| - 0.5 above.

    Parameters
    ----------
    reference, estimate : list over layers of Tensor [B, C_i, L_i], of `perception.perceptual.FeatureNet`; ``reference`` is detached here,
        ``estimate`` must carry a gradient, as in `waveform`.

    Raises
    ------
    InputError
        If the sounds differ in length or the lists are empty.
    """
    shapes = [[list(x.shape) for x in layers] for layers in (reference, estimate)]
    if shapes[0] != shapes[1] or not reference:
        raise InputError(f"perceptual features: shapes {shapes[0]} and {shapes[1]}; expected the same of both sounds; cut to equal length")
    return _sum(F.smooth_l1_loss(b, a.detach()) for a, b in zip(reference, estimate)) / len(reference)


def reconstruction(reference: Tensor, estimate: Tensor) -> Tensor:
    """L1 distance of waveforms [B, C, N] in the training of the VQ-VAE: Creative-GAN Eq. 3, as a mean."""
    return (reference - estimate).abs().mean()


def codebook_loss(z_e: Tensor, z_q: Tensor) -> Tensor:
    """Mean squared distance that moves codebook entries z_q [B, E, L] to latents z_e: the second term of Creative-GAN Eq. 2."""
    return F.mse_loss(z_q, z_e.detach())


def latent_commitment(z_e: Tensor, z_q: Tensor) -> Tensor:
    """Mean squared distance that holds latents z_e [B, E, L] to their entries z_q: the third term of Creative-GAN Eq. 2, without beta."""
    return F.mse_loss(z_e, z_q.detach())


def code_classification(logits: Tensor, codes: Tensor) -> Tensor:
    """Cross entropy over codes: logits [B, Q, L, K], codes int64 [B, Q, L]. Ours; neither paper has it (docs/paper_map.md)."""
    return F.cross_entropy(logits.flatten(0, 2), codes.flatten())


def _sum(terms: object) -> Tensor:
    return torch.stack(list(terms)).sum()  # type: ignore[call-overload]


def _same_scales(real: Features, fake: Features) -> None:
    if len(real) != len(fake):
        raise InputError(f"discriminator features: {len(real)} scales of real and {len(fake)} of generated music; expected as many")
    for scale, (r, f) in enumerate(zip(real, fake)):
        if len(r) != len(f):
            raise InputError(f"discriminator features: scale {scale} has {len(r)} real and {len(f)} generated layers; expected as many")
