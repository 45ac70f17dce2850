"""Settings of everything that the package ships: of each stage of its making, and which stages there are (`recipe.build` makes them)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dance2music.baselines.cmt_train import CmtTrainConfig
from dance2music.baselines.dance2music_online_train import OnlineTrainConfig
from dance2music.baselines.foley_music_train import FoleyTrainConfig
from dance2music.baselines.inverse_mv_train import InverseMvTrainConfig
from dance2music.baselines.jukebox_prior_train import JukeboxTrainConfig
from dance2music.baselines.jukebox_vqvae_train import JukeboxVqvaeTrainConfig
from dance2music.config import check_ranges
from dance2music.errors import InputError
from dance2music.recipe.codec_growth import CodecGrowth
from dance2music.recipe.codec_refinement import CodecRefinement
from dance2music.recipe.codec_sound import CodecSound
from dance2music.recipe.dance_genre import DanceGenreTrainConfig
from dance2music.recipe.genre import GenreTrainConfig
from dance2music.recipe.memory import MemoryBuildConfig
from dance2music.recipe.paper_gans import PaperGans
from dance2music.recipe.perceptual import PerceptualTrainConfig
from dance2music.recipe.performer import PerformerTrainConfig
from dance2music.recipe.performer_sound import PerformerSound
from dance2music.recipe.planner import PlannerTrainConfig
from dance2music.recipe.rhythm import OTHERS, RhythmTrainConfig
from dance2music.train.codec import SpectralCodecTraining
from dance2music.train.record import plain_settings


@dataclass(frozen=True)
class Recipe:
    """Settings of all stages; the defaults make weights like the shipped ones (the model card says how those came about)."""

    n_pairs: int = 2400
    n_held_out: int = 200
    pair_seconds: float = 36.0
    n_short_pairs: int = 1200
    short_pair_seconds: float = 9.0
    """Of pairs that are too short for sections; the planner learns from both."""
    n_coded_pairs: int = 1200
    n_drumless_pairs: int = 300
    """Of the coded pairs, so many are heard without their drums, too: the sound ``hybrid`` performs what it plays drums over."""
    soundfont: str | None = "musescore"
    """Sound that the performer learns; None takes the one that every installation has."""
    workers: int = 2
    codec: SpectralCodecTraining = field(default_factory=SpectralCodecTraining)
    codec_growth: CodecGrowth = field(default_factory=CodecGrowth)
    """What the trained codec grows to; with no steps it stays as it is."""
    codec_refinement: CodecRefinement = field(default_factory=CodecRefinement)
    """How the grown codec learns on with its encoder; with no steps it does not."""
    codec_sound: CodecSound = field(default_factory=CodecSound)
    """How the decoder learns to sound without a buzz; with no steps it does not."""
    planner: PlannerTrainConfig = field(default_factory=PlannerTrainConfig)
    performer: PerformerTrainConfig = field(default_factory=PerformerTrainConfig)
    performer_sound: PerformerSound = field(default_factory=PerformerSound)
    """How the performer learns to sound; with no steps it does not."""
    memory: MemoryBuildConfig = field(default_factory=lambda: MemoryBuildConfig(soundfont="musescore"))
    music_genre: GenreTrainConfig = field(default_factory=GenreTrainConfig)
    dance_genre: DanceGenreTrainConfig = field(default_factory=DanceGenreTrainConfig)
    rhythm: RhythmTrainConfig = field(default_factory=RhythmTrainConfig)
    other_rhythms: tuple[RhythmTrainConfig, ...] = OTHERS
    """Of the networks beside it; one with no steps is left out."""
    perceptual: PerceptualTrainConfig = field(default_factory=PerceptualTrainConfig)
    dance2music_online: OnlineTrainConfig = field(default_factory=OnlineTrainConfig)
    cmt: CmtTrainConfig = field(default_factory=CmtTrainConfig)
    foley_music: FoleyTrainConfig = field(default_factory=FoleyTrainConfig)
    inverse_mv: InverseMvTrainConfig = field(default_factory=InverseMvTrainConfig)
    jukebox_prior: JukeboxTrainConfig = field(default_factory=JukeboxTrainConfig)
    jukebox_vqvae: JukeboxVqvaeTrainConfig = field(default_factory=JukeboxVqvaeTrainConfig)
    paper_gans: PaperGans = field(default_factory=PaperGans)

    def __post_init__(self) -> None:
        check_ranges(
            self, n_pairs=(1, 10**9), n_held_out=(1, 10**9), n_short_pairs=(0, 10**9), n_coded_pairs=(1, 10**9),
            n_drumless_pairs=(0, 10**9),
        )  # fmt: skip


SYMBOLIC: tuple[str, ...] = ("dance2music_online", "cmt", "foley_music", "inverse_mv", "jukebox_prior", "jukebox_vqvae")
"""Model files of the systems that the papers compare with: what the stage ``symbolic`` stands for."""

PAPER_GANS: tuple[str, ...] = ("d2m_gan_high", "d2m_gan_low", "creative_gan_high", "creative_gan_low")
"""Model files of D2M-GAN and Creative-GAN: what the stage ``papers`` stands for."""

STAGES: tuple[str, ...] = ("codec", "planned", "memory", "music_genre", "dance_genre", "rhythm", "perceptual", *SYMBOLIC, *PAPER_GANS)
"""Model files of the package, in the order in which they are made."""


_CODEC = ("codec", "codec_growth", "codec_refinement", "codec_sound")
_PAIRS = (
    *("n_pairs", "n_held_out", "pair_seconds", "n_short_pairs", "short_pair_seconds"),
    *("n_coded_pairs", "n_drumless_pairs", "soundfont", "workers"),
)
_SETTINGS: dict[str, tuple[str, ...]] = {
    "codec": _CODEC,
    "planned": (*_PAIRS, *_CODEC, "planner", "performer", "performer_sound"),
    "memory": (*_CODEC, "memory"),
    "rhythm": ("rhythm", "other_rhythms"),
    "jukebox_prior": (*_PAIRS, *_CODEC, "jukebox_prior"),
    **dict.fromkeys(PAPER_GANS, (*_CODEC, "paper_gans")),
}
"""Settings of the stages of which not only one has the stage's name: with those of what they need and make if it is not there."""


def stage_settings(recipe: Recipe, stages: Sequence[str]) -> dict[str, Any]:
    """What these stages are made with, as nested JSON values: of the recipe's settings those that matter to them.

    Raises
    ------
    InputError
        If there is no such stage.
    """
    check_stages(stages)
    names = {name for stage in stages for name in _SETTINGS.get(stage, (stage,))}
    return {name: value for name, value in plain_settings(recipe).items() if name in names}


def check_stages(stages: Sequence[str]) -> None:
    """Refuse names that no stage has: raises InputError."""
    for stage in stages:
        if stage not in STAGES:
            raise InputError(f"stage {stage!r}: unknown; expected one of {', '.join(STAGES)}")


def without_system_soundfonts(recipe: Recipe) -> Recipe:
    """The recipe for a machine that has no other soundfont than the one that every installation has."""
    return replace(recipe, soundfont=None, memory=replace(recipe.memory, soundfont=None))
