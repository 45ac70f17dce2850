"""What a training of the papers' generators refuses before it begins."""

from __future__ import annotations

from typing import Any

from dance2music.errors import ConfigError, InputError
from dance2music.train.segments import Segments


def check_training(config: Any, perceptual: Any) -> None:
    """Refuse settings of a `GanTraining` that contradict each other or its perceptual network: raises ConfigError."""
    if config.weights.style and not config.genre_discriminator:
        raise ConfigError("weights.style: needs a genre discriminator; set genre_discriminator=true or weights.style=0")
    if config.weights.perceptual and perceptual is None:
        raise ConfigError("weights.perceptual: needs a perceptual network; give one or set weights.perceptual=0")
    if config.accumulate < 1 or config.batch_size % config.accumulate:
        raise ConfigError(f"accumulate: {config.accumulate}; expected a number of parts that divides the batch of {config.batch_size}")


def check_segments(config: Any, segments: Segments) -> None:
    """Refuse segments that the generator cannot take. Raises InputError with what they have and what is expected."""
    item = segments[0]
    missing = {"motion", "visual", "genre", "audio"} - item.keys()
    if missing:
        raise InputError(
            f"segments: have no {', '.join(sorted(missing))}; expected motion, visual, genre and audio; prepare the data set again"
        )
