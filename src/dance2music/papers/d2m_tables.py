"""Tables 1-3 of D2M-GAN's appendix and what the released code has in their place, row by row.

The tables give kernel, stride and channels. They give no padding and no linear layer; where they are silent the released code is followed.
"""

from __future__ import annotations

from dance2music.nn.conv_stack import MotionEncoderConfig, Row, StackConfig
from dance2music.papers.d2m_gan import D2MGanConfig, VQGeneratorConfig

MOTION_RELEASED = StackConfig(
    rows=(
        Row(256, 6, after="relu"),
        Row(512, 4, before="leaky"),
        Row(1024, 4, before="leaky"),
        Row(1, 4, before="leaky", stack=False),
    )
)

HIGH_RELEASED = StackConfig(
    rows=(
        Row(32, 6, 2, zeros=1),
        Row(64, 41, 2, zeros=1, before="leaky"),
        Row(128, 41, zeros=1, before="leaky"),
        Row(256, 41, zeros=1, before="leaky"),
        Row(512, 41, zeros=1, before="leaky"),
        Row(64, 40, zeros=1, before="leaky", stack=False),
    )
)

LOW_RELEASED = StackConfig(
    rows=(
        Row(32, 6, 2, zeros=1, reflected=3),
        Row(64, 4, zeros=1, reflected=32, before="leaky"),
        Row(128, 40, 2, zeros=1, reflected=64, before="leaky"),
        Row(256, 40, zeros=1, reflected=64, before="leaky"),
        Row(512, 40, zeros=1, reflected=64, before="leaky"),
        Row(1024, 40, zeros=1, reflected=64, before="leaky"),
        Row(1024, 40, zeros=1, reflected=64, before="leaky", stack=False),
        Row(64, 40, zeros=1, reflected=64, stack=False),
    )
)

# The appendix: an activation after each convolution, three dilations. Batch norm as section 3.2 asks for, on hidden convolutions.
_PAPER_DILATIONS = (1, 3, 9)

MOTION_PAPER = StackConfig(
    rows=(
        Row(256, 6, after="leaky"),
        Row(512, 3, after="leaky"),
        Row(1024, 3, after="leaky"),
        Row(1024, 3, after="leaky", stack=False),
        Row(1, 4, stack=False),
    ),
    dilations=_PAPER_DILATIONS,
    batch_norm=True,
)

HIGH_PAPER = StackConfig(
    rows=(
        Row(32, 6, 2, zeros=1, after="leaky"),
        Row(64, 41, 2, zeros=1, after="leaky"),
        Row(128, 41, zeros=1, after="leaky"),
        Row(256, 41, zeros=1, after="leaky"),
        Row(512, 41, zeros=1, after="leaky"),
        Row(64, 40, zeros=1, stack=False),
    ),
    dilations=_PAPER_DILATIONS,
    batch_norm=True,
)

LOW_PAPER = StackConfig(
    rows=(
        Row(32, 6, 2, zeros=1, reflected=3, after="leaky"),
        Row(64, 4, zeros=1, reflected=32, after="leaky"),
        Row(128, 40, 2, zeros=1, reflected=64, after="leaky"),
        Row(256, 40, zeros=1, reflected=64, after="leaky"),
        Row(512, 40, zeros=1, reflected=64, after="leaky"),
        Row(1024, 40, zeros=1, reflected=64, after="leaky"),
        Row(1024, 40, zeros=1, reflected=64, after="leaky", stack=False),
        Row(64, 40, zeros=1, reflected=64, after="leaky", stack=False),
    ),
    dilations=_PAPER_DILATIONS,
    batch_norm=True,
)
LOW_PAPER_SEQUENCE = 3380
"""With this length of the fused sequence Table 3 ends at 1378 latents without a further layer, bounded by sigma as section 3.2 has it."""

FRAMES_AND_FEATURES = {"aist": (120, 219), "tiktok": (60, 75)}
"""Two seconds of SMPL motion at 60 fps; of 25 OpenPose joints with confidence at 30 fps."""


def released(level: str, data: str) -> D2MGanConfig:
    """The released networks. ``level`` is 'high' or 'low', ``data`` 'aist' or 'tiktok'; TikTok has no genre.

    The released low level for TikTok lacks the first linear layer and stops with an error on its own data; this one has it
    (3072 to 2048, as for AIST++ but for the genre).
    """
    frames, features = FRAMES_AND_FEATURES[data]
    genre_dim = 256 if data == "aist" else 0
    if level == "high":
        generator = VQGeneratorConfig(HIGH_RELEASED, genre_dim=genre_dim, sequence=2058)
    else:
        generator = VQGeneratorConfig(LOW_RELEASED, genre_dim=genre_dim, sequence=2048, frames=1378)
    return D2MGanConfig(MotionEncoderConfig(MOTION_RELEASED, frames, features), generator)


def paper(level: str, data: str) -> D2MGanConfig:
    """The appendix's networks: convolution over time in the motion encoder, no genre. Arguments as for `released`."""
    frames, features = FRAMES_AND_FEATURES[data]
    if level == "high":
        generator = VQGeneratorConfig(HIGH_PAPER, genre_dim=0, sequence=2058)
    else:
        generator = VQGeneratorConfig(LOW_PAPER, genre_dim=0, sequence=LOW_PAPER_SEQUENCE)
    return D2MGanConfig(MotionEncoderConfig(MOTION_PAPER, frames, features, over_time=True), generator)
