"""The genre of a dance by its traits: one Gaussian per genre, so few numbers that they carry over from dancer to dancer.

What a genre is like stands in `GENRE_TRAITS`, written from what is generally known of these styles, in coarse steps; which traits go
together in one dancer is measured on drawn dances; where the middle of each trait lies, and how wide dancers spread, is a setting from the
development dances of AIST++ (`recipe.dance_genre.POPULATION`), or measured on the data of a user.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from dance2music.perception.dance_traits import TRAITS, dance_traits
from dance2music.types import GenreGuess, Motion

GENRE_TRAITS: dict[str, tuple[float, ...]] = {
    #                 BR    PO    LO    MH    LH    HO    WA    KR    JS    JB
    "tempo":         (0.0,  0.0,  0.0,  0.0,  0.0,  1.0,  0.0,  0.0,  0.0,  0.0),
    "energy":        (1.0, -0.5, -0.5,  0.5,  0.0,  0.5,  0.5,  1.0, -0.5, -0.5),
    "feet_to_arms":  (0.5, -0.5, -1.0,  0.5,  0.0,  1.0, -1.0, -0.5,  0.5,  0.5),
    "trunk_to_arms": (0.0,  0.0, -0.5,  0.5,  0.5,  0.0, -1.0,  0.0,  0.5,  0.5),
    "lowest":       (-1.0,  0.5,  0.5, -0.5, -0.5,  0.0,  0.5, -1.0,  0.5,  0.5),
    "levels":        (0.5, -0.5, -0.5,  0.5,  0.5,  0.5, -0.5,  1.0, -0.5,  0.0),
    "arm_extension": (-0.5, 0.5,  0.5, -0.5,  0.0, -0.5,  0.5, -1.0,  0.5,  1.0),
    "arm_height":   (-0.5, -0.5,  0.0, -0.5,  0.0, -0.5,  1.0,  0.5,  0.0,  0.5),
    "arm_stops":    (-0.5,  0.5,  1.0, -0.5,  0.5, -1.0, -0.5,  0.5,  0.0, -0.5),
    "arm_snap":     (-0.5,  0.5,  1.0,  0.0,  0.5, -0.5,  0.0,  0.5,  0.0, -0.5),
    "bounce":        (0.5, -1.0,  0.0,  1.0,  0.0,  1.0, -0.5,  0.5, -0.5, -1.0),
    "eighths":       (0.5, -1.0,  0.0,  0.0,  0.0,  1.0, -0.5,  0.0,  0.0,  0.0),
    "lean":          (1.0,  0.0, -0.5,  0.0,  0.5,  0.0, -0.5,  0.0,  0.0,  0.0),
    "travel":        (0.0,  0.0, -0.5,  0.5,  0.0,  0.5,  0.0,  0.0,  0.5,  0.5),
    "stance":        (0.0,  0.5,  0.0,  0.0,  0.5, -0.5,  0.0,  1.0,  0.0, -0.5),
    "lift":          (1.0, -0.5,  0.0,  0.0, -0.5,  0.0, -0.5,  1.0, -0.5,  0.5),
    "turning":       (0.5, -0.5, -0.5,  0.0,  0.0,  0.5,  0.0,  0.0,  0.5,  1.0),
    "jerk":          (0.0,  0.0,  0.5,  0.0,  0.5,  0.0,  0.0,  1.0, -0.5, -1.0),
}  # fmt: skip
"""How far each genre (columns as `types.GENRES`) lies from the middle of all dancers, in standard deviations, in steps of a half."""


@dataclass(frozen=True)
class DanceGenreConfig:
    """How far the table is believed.

    Attributes
    ----------
    belief : the differences between genres are so much of those in `GENRE_TRAITS`.
    within : standard deviation of dancers of one genre, in that of all dancers.
    togetherness : how much of the correlations between traits of drawn dancers is kept.
    sharpness : exponent of the likelihood: traits are not independent, and dancers unlike those that were known.
    sure : probability from which on the likeliest genre is taken.
    """

    belief: float = 0.6
    within: float = 0.8
    togetherness: float = 0.5
    sharpness: float = 0.85
    sure: float = 0.4
    farthest: float = 2.5
    """Traits farther from the middle count as this far, in standard deviations."""


class DanceGenreClassifier(nn.Module):
    """Gaussians over `dance_traits.TRAITS`: a mean per genre, one covariance for all."""

    def __init__(self, config: DanceGenreConfig = DanceGenreConfig()) -> None:
        super().__init__()
        self.config = config
        table = torch.tensor([GENRE_TRAITS[name] for name in TRAITS]).T.contiguous()
        self.register_buffer("middle", torch.zeros(len(TRAITS)))
        self.register_buffer("width", torch.ones(len(TRAITS)))
        self.register_buffer("means", config.belief * table)
        self.register_buffer("correlation", torch.eye(len(TRAITS)))

    def forward(self, traits: Tensor) -> Tensor:
        """Traits [F] of one dance, NaN where one is not known -> log-probability [G]."""
        seen = torch.isfinite(traits)
        z = (traits[seen] - self.get_buffer("middle")[seen]) / self.get_buffer("width")[seen]
        z = z.clamp(-self.config.farthest, self.config.farthest)
        off = z[None] - self.get_buffer("means")[:, seen]
        covariance = self.config.within**2 * self.get_buffer("correlation")[seen][:, seen]
        distance = torch.einsum("gf,fh,gh->g", off, torch.linalg.inv(covariance), off)
        return torch.log_softmax(-0.5 * self.config.sharpness * distance, dim=-1)

    def guess(self, motion: Motion, tempo_bpm: float) -> GenreGuess:
        """The genre of a dance; where no genre is probable enough, the one that goes with its tempo and energy."""
        traits = torch.from_numpy(dance_traits(motion, tempo_bpm)).float()
        with torch.no_grad():
            p = self(traits).exp()
            if float(p.max()) >= self.config.sure:
                return GenreGuess(int(p.argmax()), tuple(p.tolist()), True)
            few = torch.full_like(traits, torch.nan)
            few[:2] = traits[:2]
            assert TRAITS[:2] == ("tempo", "energy")
            return GenreGuess(int(self(few).argmax()), tuple(p.tolist()), False)


def set_population(model: DanceGenreClassifier, middle: np.ndarray, width: np.ndarray) -> None:
    """Set where dancers lie: mean and standard deviation float [F] of each trait."""
    model.get_buffer("middle").copy_(torch.from_numpy(np.asarray(middle)))
    model.get_buffer("width").copy_(torch.from_numpy(np.asarray(width)))
