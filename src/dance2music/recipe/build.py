"""How the weights that come with the package are made, from nothing: every stage in order, each resumable, all in one folder.

    codec (trained, then grown, refined, and taught to sound) -> pairs -> planner -> codes and sketches -> performer -> planned
    codec -> memory;  music_genre;  dance_genre;  rhythm;  perceptual
    dance2music_online;  cmt;  foley_music;  inverse_mv;  codec -> codes -> jukebox_prior;  jukebox_vqvae

`build` runs the stages that are asked for and those that they need, and skips what the folder already holds.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from dance2music.baselines.cmt_train import train_cmt
from dance2music.baselines.dance2music_online_train import train_online
from dance2music.baselines.foley_music_train import train_foley_music
from dance2music.baselines.inverse_mv_train import train_inverse_mv
from dance2music.baselines.jukebox_prior_train import train_jukebox
from dance2music.baselines.jukebox_vqvae_train import train_jukebox_vqvae
from dance2music.checkpoint import load_model, read_provenance, save_model, sha256_of
from dance2music.codec.spectral import SpectralCodec
from dance2music.config import to_dict
from dance2music.data.danced import danced_clips, fingerprint
from dance2music.documents import json_value
from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.methods.performer import Performer, PerformerConfig
from dance2music.methods.plan import Vocabulary
from dance2music.methods.planned import Planned, PlannedConfig
from dance2music.methods.planner import Planner, PlannerConfig
from dance2music.recipe.codec_growth import appended_codebooks, grow_codec
from dance2music.recipe.codec_refinement import refine_codec
from dance2music.recipe.codec_sound import tune_sound
from dance2music.recipe.dance_genre import train_dance_genre
from dance2music.recipe.genre import train_music_genre
from dance2music.recipe.memory import build_memory
from dance2music.recipe.pairs import Pair, add_codes, corpus_vocabulary, load_music, load_pair, prepare_pairs, without_drums
from dance2music.recipe.paper_gans import regress, train_paper_gan
from dance2music.recipe.perceptual import evaluate_perceptual, train_perceptual
from dance2music.recipe.performer import train_performer
from dance2music.recipe.performer_sound import tune_performer
from dance2music.recipe.planner import train_planner
from dance2music.recipe.rhythm_networks import provenance_of, rhythm_networks, train_networks
from dance2music.recipe.settings import STAGES, Recipe, check_stages
from dance2music.recipe.songbook import songbook_segments
from dance2music.seeds import HELD_OUT_PAIRS, SHORT_PAIRS
from dance2music.train.codec import train_codec

logger = logging.getLogger(__name__)
M = TypeVar("M", bound=torch.nn.Module)


class Build:
    """One folder in which the recipe is carried out."""

    def __init__(self, recipe: Recipe, folder: str | Path) -> None:
        self.recipe, self.folder = recipe, Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def weights(self, name: str) -> Path:
        """Finished model file of a stage."""
        return self.folder / "weights" / f"{name}.safetensors"

    def codec(self) -> SpectralCodec:
        """Stage: the spectral codec, trained, then grown, then refined, then taught to sound."""
        path, folder, growth = self.weights("codec"), self.folder / "codec", self.recipe.codec_growth
        if not path.exists():
            model, first = train_codec(self.recipe.codec, folder), self.recipe.codec.codec.quantizer.n_codebooks
            refinement = replace(self.recipe.codec_refinement, first_codebooks=first)
            sound = replace(self.recipe.codec_sound, first_codebooks=first)
            training: dict[str, object] = {"training": to_dict(self.recipe.codec)}
            last, pieces = folder / "latest.safetensors", folder / "pieces"
            if growth.loop.steps:
                model = grow_codec(growth, last, self.folder / "codec_growth", pieces_folder=pieces)
                training["growth"], last = to_dict(growth), self.folder / "codec_growth" / "finished.safetensors"
            if growth.loop.steps and refinement.loop.steps:
                model = refine_codec(refinement, last, self.folder / "codec_refinement", pieces_folder=pieces)
                training["refinement"], last = to_dict(refinement), self.folder / "codec_refinement" / "finished.safetensors"
            if sound.loop.steps:
                model = tune_sound(sound, last, self.folder / "codec_sound", pieces_folder=pieces)
                training["sound"] = to_dict(sound)
            assert isinstance(model, SpectralCodec)
            self._save("codec", model, model.config, training, eight_bit=appended_codebooks(model, first))
        model = load_model(path, expected="spectral-codec")
        assert isinstance(model, SpectralCodec)
        return model

    def voicings(self) -> list[tuple[int, ...]]:
        """Stage: chord voicings of the corpus."""
        path = self.folder / "pairs" / "voicings.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as temporary:
                temporary.write_text(json.dumps(corpus_vocabulary(300)))
        return [tuple(v) for v in json_value(path.read_text())]

    def pairs(self, split: str = "train") -> list[Path]:
        """Stage: files of the composed pairs of a split, ``train``, ``short`` or ``held``."""
        recipe = self.recipe
        n, first, seconds = {
            "train": (recipe.n_pairs, 0, recipe.pair_seconds),
            "short": (recipe.n_short_pairs, SHORT_PAIRS, recipe.short_pair_seconds),
            "held": (recipe.n_held_out, HELD_OUT_PAIRS, 12.0),
        }[split]
        return prepare_pairs(
            self.folder / "pairs" / split,
            n=n,
            first_seed=first,
            duration_seconds=seconds,
            voicings=self.voicings(),
            workers=self.recipe.workers,
            progress=_log("pairs"),
        )

    def planner(self) -> Planner:
        """Stage: the planner."""
        planner = Planner(self._planned_config().planner)
        return self._trained(
            planner,
            "planner",
            lambda: train_planner(planner, _load(self.pairs() + self.pairs("short")), self.recipe.planner, self.folder / "planner"),
        )

    def coded_files(self, split: str = "train") -> list[Path]:
        """Stage: files of pairs with the codes of their music and the latents of its sketch."""
        return self._coded(self.pairs(split)[: self.recipe.n_coded_pairs])

    def drumless_files(self) -> list[Path]:
        """Stage: files of the first coded training pairs without their drums, coded."""
        n = min(self.recipe.n_drumless_pairs, self.recipe.n_coded_pairs)
        return self._coded(without_drums(self.pairs()[:n], self.folder / "pairs" / "drumless"))

    def coded_pairs(self, split: str = "train") -> list[Pair]:
        """The pairs of `coded_files`."""
        return _load(self.coded_files(split))

    def performer(self) -> Performer:
        """Stage: the performer."""
        performer, vocabulary = Performer(self._planned_config().performer), Vocabulary(self.voicings())
        return self._trained(
            performer,
            "performer",
            lambda: train_performer(
                performer, self.codec(), self.coded_pairs(), vocabulary, self.recipe.performer, self.folder / "performer"
            ),
        )

    def sounding_performer(self) -> Performer:
        """Stage: the performer, taught to sound."""
        config, performer, vocabulary = self.recipe.performer_sound, self.performer(), Vocabulary(self.voicings())
        if not config.loop.steps:
            return performer

        def tune() -> Performer:
            files = self.coded_files() + self.drumless_files()
            music, folder = [load_music(path) for path in files], self.folder / "performer_sound"
            return tune_performer(performer, self.codec(), _load(files), music, vocabulary, config, folder)

        return self._trained(performer, "performer_sound", tune)

    def planned(self) -> None:
        """Stage: both halves as one model file."""
        model = Planned(self._planned_config())
        model.planner.load_state_dict(self.planner().state_dict())
        model.performer.load_state_dict(self.sounding_performer().state_dict())
        training = {name: to_dict(getattr(self.recipe, name)) for name in ("planner", "performer", "performer_sound")}
        heard = ("n_pairs", "n_short_pairs", "n_coded_pairs", "n_drumless_pairs", "soundfont")
        self._save("planned", model, model.config, {"training": training, **{name: getattr(self.recipe, name) for name in heard}})

    def memory(self) -> None:
        """Stage: the bank of composed bars."""
        model = build_memory(self.recipe.memory, self.codec())
        self._save("memory", model, model.config, {"build": to_dict(self.recipe.memory)})

    def music_genre(self) -> None:
        """Stage: the classifier of sound."""
        model = train_music_genre(self.recipe.music_genre, self.folder / "music_genre", self.folder / "codec" / "pieces")
        self._save("music_genre", model, model.config, {"training": to_dict(self.recipe.music_genre)})

    def dance_genre(self) -> None:
        """Stage: the classifier of dances."""
        config = self.recipe.dance_genre
        model = train_dance_genre(config, self.folder / "dance_genre")
        learnt_from = fingerprint(danced_clips(config.data)) if config.data else "drawn"
        self._save("dance_genre", model, model.config, {"training": to_dict(config), "data set": learnt_from})

    def rhythm(self) -> None:
        """Stage: the rhythm network, and those beside it."""
        model, provenance = train_networks(rhythm_networks(self.recipe), self.folder)
        self._save("rhythm", model, model.config, provenance)

    def perceptual(self) -> None:
        """Stage: the network whose features the perceptual loss compares."""
        config, folder = self.recipe.perceptual, self.folder / "perceptual"
        model = train_perceptual(config, folder, self.folder / "codec" / "pieces")
        held_out = evaluate_perceptual(model, config, folder / "held_out")
        self._save("perceptual", model, model.config, {"training": to_dict(config), "held_out": held_out})

    def dance2music_online(self) -> None:
        """Stage: Dance2Music's online network."""
        self._symbolic("dance2music_online", train_online(self.recipe.dance2music_online, self.folder / "dance2music_online"))

    def cmt(self) -> None:
        """Stage: CMT."""
        self._symbolic("cmt", train_cmt(self.recipe.cmt, self.folder / "cmt"))

    def foley_music(self) -> None:
        """Stage: Foley Music."""
        self._symbolic("foley_music", train_foley_music(self.recipe.foley_music, self.folder / "foley_music"))

    def inverse_mv(self) -> None:
        """Stage: InverseMV."""
        self._symbolic("inverse_mv", train_inverse_mv(self.recipe.inverse_mv, self.folder / "inverse_mv"))

    def jukebox_prior(self) -> None:
        """Stage: JukeBox's prior over the codes of composed music."""
        config = self.recipe.jukebox_prior
        prior = train_jukebox(self.coded_pairs(), self.coded_pairs("held"), config, self.folder / "jukebox_prior")
        self._symbolic("jukebox_prior", prior)

    def jukebox_vqvae(self) -> None:
        """Stage: JukeBox's VQ-VAE at hops 8, 32 and 128, its decoders before and after fine-tuning; on the codec's pieces."""
        config = self.recipe.jukebox_vqvae
        model, held_out = train_jukebox_vqvae(config, self.folder / "jukebox_vqvae", pieces_folder=self.folder / "codec" / "pieces")
        self._save("jukebox_vqvae", model, model.config, {"training": to_dict(config), "held_out": held_out})

    def d2m_gan_high(self) -> None:
        """Stage: D2M-GAN's generator at the high level."""
        self._paper_gan("d2m-gan", "high")

    def d2m_gan_low(self) -> None:
        """Stage: D2M-GAN's generator at the low level."""
        self._paper_gan("d2m-gan", "low")

    def creative_gan_high(self) -> None:
        """Stage: Creative-GAN's generator at the high level."""
        self._paper_gan("creative-gan", "high")

    def creative_gan_low(self) -> None:
        """Stage: Creative-GAN's generator at the low level."""
        self._paper_gan("creative-gan", "low")

    def run(self, stages: Sequence[str]) -> None:
        """Carry out model stages by name (`STAGES`) and list the digests of what there is.

        Raises
        ------
        InputError
            If there is no such stage, or one is finished that learnt from other dances than are given now.
        """
        check_stages(stages)
        (self.folder / "weights").mkdir(exist_ok=True)
        for stage in stages:
            if self.weights(stage).exists():
                self._check_dances(stage)
                logger.info("stage %s is finished: %s stays as it is", stage, self.weights(stage))
            else:
                logger.info("stage %s", stage)
                getattr(self, stage)()
        digests = {path.name: sha256_of(path) for path in sorted((self.folder / "weights").glob("*.safetensors"))}
        with whole_file(self.folder / "weights" / "sha256.json") as temporary:
            temporary.write_text(json.dumps(digests, indent=1) + "\n")

    def _check_dances(self, stage: str) -> None:
        """Refuse a finished stage that learnt from other dances than it would now: real ones of other data, or drawn ones alone."""
        if stage not in ("rhythm", "dance_genre"):
            return
        networks = rhythm_networks(self.recipe) if stage == "rhythm" else {stage: self.recipe.dance_genre}
        given = {config.data for config in networks.values()}
        found = {data: fingerprint(danced_clips(data)) if data else "drawn" for data in given}
        told = read_provenance(self.weights(stage))
        for name, config in networks.items():
            about = provenance_of(name, told) if stage == "rhythm" else told
            had, now = about.get("data set", "others" if config.data else "drawn"), found[config.data]  # of before it was told
            if had != now:
                learnt = f"learnt from {had}" if name == stage else f"{name} in it learnt from {had}"
                instead = f"{config.data} has {now}" if config.data else "no --data is given"
                folders = " and ".join(str(self.folder / network) for network in networks)
                raise InputError(
                    f"{self.weights(stage)}: is finished, and {learnt}; {instead}; choose another --out, or remove that file and {folders}"
                )

    def _coded(self, files: list[Path]) -> list[Path]:
        """The files, each with its codes, and its music beside it."""
        recipe, codec = self.recipe, self.weights("codec")
        self.codec()
        add_codes(files, codec=codec, voicings=self.voicings(), workers=recipe.workers, soundfont=recipe.soundfont, progress=_log("codes"))
        return files

    def _planned_config(self) -> PlannedConfig:
        voicings = tuple(self.voicings())
        codec = self.recipe.codec.codec  # before it grows: its codebooks remain the first
        performer = PerformerConfig(
            latent_dim=codec.dim, n_codebooks=codec.quantizer.n_codebooks, codebook_size=codec.quantizer.codebook.size
        )
        return PlannedConfig(planner=PlannerConfig(n_voicings=len(voicings), knows_form=True), performer=performer, voicings=voicings)

    def _trained(self, module: M, name: str, train: Callable[[], M]) -> M:
        """The module with the finished weights of a stage, which is carried out first if need be."""
        path = self.folder / name / "finished.pt"
        if not path.exists():
            trained = train()
            with whole_file(path) as temporary:
                torch.save(trained.state_dict(), temporary)
        module.load_state_dict(torch.load(path, weights_only=True))
        return module.eval()

    def _paper_gan(self, kind: str, level: str) -> None:
        """Write a generator of one of the papers, from the common beginning of all four on."""
        config, codec, folder = self.recipe.paper_gans, self.codec().requires_grad_(False), self.folder / "paper_gans"
        segments = songbook_segments(config.songbook, codec, folder / "songbook")
        begun = regress(config, segments, codec, folder / "regression")
        name = f"{kind.replace('-', '_')}_{level}"
        perceptual = load_model(self.weights("perceptual"), expected="perceptual")
        model: Any = train_paper_gan(config, kind, level, segments, codec, begun, folder / name, perceptual=perceptual)
        loops = {"regression": {"loop": to_dict(config.regression)}, kind: {"loop": to_dict(config.adversarial)}}
        self._save(name, model, model.config, {"training": loops, "settings": to_dict(config), "level": level})

    def _symbolic(self, name: str, model: torch.nn.Module) -> None:
        """Write a symbolic model with what held-out batches lost at the end of its training."""
        lines = [json_value(line) for line in (self.folder / name / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        held_out = [{k: v for k, v in line.items() if k.startswith("held_out")} for line in lines if any("held_out" in k for k in line)]
        self._save(name, model, model.config, {"training": to_dict(getattr(self.recipe, name)), **(held_out[-1] if held_out else {})})

    def _save(
        self, name: str, model: torch.nn.Module, config: object, provenance: dict[str, object], eight_bit: Sequence[str] = ()
    ) -> None:
        save_model(self.weights(name), model, config, provenance=provenance, storage="int8", eight_bit=eight_bit)


def build(recipe: Recipe, folder: str | Path, *, stages: Sequence[str] = STAGES) -> None:
    """Make model files from nothing in ``folder``; what is there already is kept or resumed."""
    Build(recipe, folder).run(stages)


def _load(files: Sequence[Path]) -> list[Pair]:
    return [load_pair(path) for path in files]


def _log(what: str) -> Callable[[int, int], None]:
    def progress(done: int, of: int) -> None:
        if done == of or done % 100 == 0:
            logger.info("%s: %d of %d", what, done, of)

    return progress
