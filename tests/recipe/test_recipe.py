"""The recipe of the shipped weights, in miniature: every stage from nothing, in one folder, each only once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import tiny
from dance2music.checkpoint import load_model, read_provenance, sha256_of
from dance2music.codec.spectral import NoiseConfig
from dance2music.errors import ConfigError, InputError
from dance2music.methods.base import CodecGenerator
from dance2music.methods.planned import Planned
from dance2music.papers.discriminators import LatentDiscriminatorConfig
from dance2music.perception.perceptual import PerceptualConfig
from dance2music.recipe import build as recipes
from dance2music.recipe.build import Build, build
from dance2music.recipe.codec_growth import CodecGrowth
from dance2music.recipe.codec_refinement import CodecRefinement
from dance2music.recipe.codec_sound import CodecSound
from dance2music.recipe.dance_genre import DanceGenreTrainConfig
from dance2music.recipe.genre import GenreTrainConfig
from dance2music.recipe.memory import MemoryBuildConfig
from dance2music.recipe.pairs import corpus_vocabulary, save_pair
from dance2music.recipe.perceptual import PerceptualTrainConfig
from dance2music.recipe.performer import PerformerTrainConfig
from dance2music.recipe.performer_sound import PerformerSound
from dance2music.recipe.planner import CropConfig, PlannerTrainConfig
from dance2music.recipe.settings import PAPER_GANS, STAGES, SYMBOLIC, Recipe, stage_settings, without_system_soundfonts
from dance2music.train.codec import SpectralCodecTraining
from dance2music.train.pieces import SegmentsConfig
from dance2music.train.record import plain_settings
from dance2music.train.start import LoopConfig

LOOP = LoopConfig(steps=2, workers=0, warmup_steps=1, save_every_steps=2, log_every_steps=1, accelerator="cpu", learning_rate=1e-3)
GENRE = GenreTrainConfig(loop=LOOP, batch_size=2, clip_seconds=1.0, pool_size=2, piece_seconds=2.0)
SMALL = Recipe(
    n_pairs=2,
    n_held_out=1,
    pair_seconds=5.0,
    n_short_pairs=1,
    short_pair_seconds=5.0,
    n_coded_pairs=2,
    n_drumless_pairs=1,
    soundfont=None,
    workers=1,
    codec=SpectralCodecTraining(
        codec=tiny.codec().config,
        segments=SegmentsConfig(n_samples=4096, first_pieces=2, piece_seconds=2.0),
        loop=LOOP,
        held_out_pieces=1,
    ),
    codec_growth=CodecGrowth(
        n_codebooks=tiny.N_CODEBOOKS + 1,
        decoder_depth=2,
        codebook_batches=2,
        codebook_rounds=2,
        segments=SegmentsConfig(n_samples=4096, first_pieces=2, piece_seconds=2.0),
        loop=LOOP,
        held_out_pieces=1,
    ),
    codec_refinement=CodecRefinement(
        segments=SegmentsConfig(n_samples=4096, first_pieces=2, piece_seconds=2.0), sketches_per_step=2, loop=LOOP, held_out_pieces=1
    ),
    codec_sound=CodecSound(
        noise=NoiseConfig(bands=10, slots=4),
        segments=SegmentsConfig(n_samples=9000, first_pieces=2, piece_seconds=2.0),
        loop=LOOP,
        held_out_pieces=1,
    ),
    planner=PlannerTrainConfig(loop=LOOP, batch_size=2, bars=2),
    performer=PerformerTrainConfig(
        loop=LOOP,
        crops=CropConfig(batch_size=1, crop_frames=32),
        discriminator=LatentDiscriminatorConfig(latent_dim=tiny.LATENT_DIM, channels=8, layers=3, scales=1),
        adversarial_from=1,
    ),
    performer_sound=PerformerSound(loop=LOOP, crops=CropConfig(batch_size=1, crop_frames=40)),
    memory=MemoryBuildConfig(pieces_per_genre=1, bars=2),
    perceptual=PerceptualTrainConfig(
        loop=LOOP,
        batch_size=2,
        clip_seconds=1.0,
        pool_size=2,
        piece_seconds=2.0,
        held_out_pieces=2,
        network=PerceptualConfig(compared=(0, 1)),
    ),
    music_genre=GENRE,
    dance_genre=DanceGenreTrainConfig(dances=60, seconds=2.0),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the learned generator and the bank were made."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "corpus_vocabulary", lambda _: corpus_vocabulary(3))
        build(SMALL, folder, stages=("planned", "memory", "dance_genre", "perceptual"))
    return folder


@pytest.mark.parametrize(
    ("name", "value"), [("n_short_pairs", -1), ("n_pairs", 0), ("n_held_out", -2), ("n_coded_pairs", -1), ("n_drumless_pairs", -1)]
)
def test_counts_that_nothing_can_be_done_with_are_refused(name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=f"{name}: {value}.* or more|{name}.*{value}.*expected"):
        Recipe(**{name: value})
    assert Recipe(n_short_pairs=0).n_short_pairs == 0, "none of them are asked for"


def test_a_stage_brings_what_it_needs_and_lists_what_there_is(folder: Path) -> None:
    weights = folder / "weights"
    listed = json.loads((weights / "sha256.json").read_text())
    assert set(listed) == {f"{name}.safetensors" for name in ("codec", "planned", "memory", "dance_genre", "perceptual")}
    assert all(sha256_of(weights / name) == digest for name, digest in listed.items())


def test_the_generator_and_its_codec_fit_and_make_music(folder: Path) -> None:
    build_ = Build(SMALL, folder)
    gan = load_model(build_.weights("planned"), expected="planned")
    assert isinstance(gan, Planned)
    given = tiny.conditioning()
    codec = build_.codec()
    assert codec.n_codebooks == tiny.N_CODEBOOKS + 1  # it has grown; what is generated uses the codebooks that the performer learnt with
    (take,) = CodecGenerator(gan, codec).generate(given, [0])
    assert take.codes is not None and take.codes.shape[0] == tiny.N_CODEBOOKS and take.score is not None
    provenance = read_provenance(build_.weights("planned"))
    assert provenance["kind"] == "planned" and provenance["n_pairs"] == 2 and provenance["n_drumless_pairs"] == 1
    assert provenance["training"]["performer_sound"]["loop"]["steps"] == 2 and (folder / "performer_sound" / "log.jsonl").exists()
    learnt = read_provenance(build_.weights("codec"))
    assert learnt["refinement"]["first_codebooks"] == learnt["sound"]["first_codebooks"] == tiny.N_CODEBOOKS
    assert learnt["config"]["noise"]["bands"] == 10
    kept = load_model(folder / "codec" / "latest.safetensors").state_dict()
    assert all(torch.equal(codec.state_dict()[name], kept[name]) for name in kept if name.startswith("quantizer"))


def test_what_is_there_is_not_made_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("this stage is finished")

    before = {path: path.stat().st_mtime_ns for path in (folder / "weights").glob("*.safetensors")}
    names = (
        "train_codec grow_codec refine_codec train_planner train_performer tune_performer build_memory train_dance_genre train_perceptual"
    )
    for name in names.split():
        monkeypatch.setattr(recipes, name, refuse)
    build(SMALL, folder, stages=("planned", "memory", "dance_genre", "perceptual"))
    assert {path: path.stat().st_mtime_ns for path in (folder / "weights").glob("*.safetensors")} == before


@pytest.mark.parametrize(("n_drumless", "expected"), [(0, 0), (1, 1), (9, 2)])
def test_no_more_pairs_are_heard_without_drums_than_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_drumless: int, expected: int
) -> None:
    pairs = [tmp_path / f"{i}.npz" for i in range(5)]
    for path in pairs:
        save_pair(tiny.pairs()[0][0], path)
    monkeypatch.setattr(Build, "pairs", lambda _: pairs)
    monkeypatch.setattr(Build, "_coded", lambda _, files: files)
    files = Build(replace(SMALL, n_coded_pairs=2, n_drumless_pairs=n_drumless), tmp_path / "build").drumless_files()
    assert [path.name for path in files] == [path.name for path in pairs[:expected]]


def test_an_unknown_stage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="stage 'magic': unknown; expected one of codec, planned"):
        build(SMALL, tmp_path, stages=("codec", "magic"))
    assert not list(tmp_path.rglob("*.safetensors")) and not list(tmp_path.rglob("log.jsonl")), "refused before anything is trained"


def test_a_stage_has_the_settings_of_what_it_makes_and_all_stages_have_all() -> None:
    recipe = Recipe()
    assert list(stage_settings(recipe, ["rhythm"])) == ["rhythm", "other_rhythms"]
    assert stage_settings(recipe, ["memory"]).keys() == {"codec", "codec_growth", "codec_refinement", "codec_sound", "memory"}
    assert stage_settings(recipe, STAGES) == plain_settings(recipe)
    with pytest.raises(InputError, match="stage 'magic': unknown"):
        stage_settings(recipe, ["magic"])


def test_the_default_recipe_makes_every_file_and_does_without_a_system_soundfont() -> None:
    assert set(STAGES) == {"codec", "planned", "memory", "music_genre", "dance_genre", "rhythm", "perceptual", *SYMBOLIC, *PAPER_GANS}
    bare = without_system_soundfonts(Recipe())
    assert bare.soundfont is None and bare.memory.soundfont is None
    assert replace(bare, soundfont="musescore", memory=Recipe().memory) == Recipe()
