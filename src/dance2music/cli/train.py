"""Command line of training: everything that the package ships, and the papers' stages; pictures of losses; ablations."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from dance2music.cli.engines import Address, EngineName, Workers, chosen
from dance2music.cli.inputs import check_there
from dance2music.errors import InputError
from dance2music.papers.names import CODEC_NAMES, GAN_NAMES, check_preset
from dance2music.parallel import working_on

measure_app = typer.Typer()
"""Verbs that train or load networks to measure them."""
formerly_app = typer.Typer()
"""Names that verbs had before, which go on working."""

_STAGES = (
    "planned", "memory", "music_genre", "dance_genre", "perceptual", "dance2music_online", "cmt", "foley_music", "inverse_mv",
    "jukebox_prior", "jukebox_vqvae", "d2m_gan_high", "d2m_gan_low", "creative_gan_high", "creative_gan_low",
)  # fmt: skip
app = typer.Typer(
    no_args_is_help=True,
    help=f"Train: all that the package ships, or a stage of the papers. Of what it ships also one stage alone: {', '.join(_STAGES)}.",
)
_SHIPPED, _PAPERS = "What the package ships", "The papers' stages"
_Data = Annotated[str, typer.Option("--data", help="Folder of 'data prepare', or 'composed' for clips that are made on the spot.")]
_Codec = Annotated[Path, typer.Option("--codec", help="Model file of the codec; 'weights import' makes one of a published file.")]
_Out = Annotated[Path, typer.Option("--out", help="Folder for checkpoints, logs and weights; a second call resumes.")]
_Set = Annotated[list[str] | None, typer.Option("--set", help="Setting as name=value, for example loop.steps=2000.")]
_RecipeSet = Annotated[list[str] | None, typer.Option("--set", help="Setting as name=value, for example codec.loop.steps=2000.")]
_Also = Annotated[list[str] | None, typer.Argument(hidden=True)]
_Print = Annotated[bool, typer.Option("--print-config", help="Print every setting of this training as JSON, and train nothing.")]
_Accept = Annotated[bool, typer.Option("--accept-changes", help="Go on with other settings than OUT was begun with.")]
_Given = Annotated[str | None, typer.Option("--data", help="Folder of 'data prepare', or 'composed' for clips that are made on the spot.")]
_GivenCodec = Annotated[
    Path | None, typer.Option("--codec", help="Model file of the codec; 'weights import' makes one of a published file.")
]
_GivenOut = Annotated[Path | None, typer.Option("--out", help="Folder for checkpoints, logs and weights; a second call resumes.")]
_RUNS = Path("runs")


@app.command("all", rich_help_panel=_SHIPPED)
def train_all(
    out: _Out = _RUNS,
    settings: _RecipeSet = None,
    print_config: _Print = False,
    accept: _Accept = False,
    workers: Workers = 2,
    engine: EngineName = "process",
    address: Address = "",
) -> None:
    """Train everything that the package ships from nothing; what OUT already holds is kept or resumed. Workers draw what is learnt from."""
    with _drawn_by(engine, workers, address):
        _build(["all"], out, settings, print_config=print_config, accept=accept)


@app.command("codec", rich_help_panel=_PAPERS)
def train_codec(
    also: _Also = None,
    preset: Annotated[
        str | None,
        typer.Option(help="As vqvae-high, creative-gan-vqvae-low, spectral-small-high.", show_default="the codec that the package ships"),
    ] = None,
    out: _Out = _RUNS,
    data: Annotated[
        Path | None,
        typer.Option(help="Your own music to learn from: a folder of 'data prepare', or of sound files.", show_default="composed music"),
    ] = None,
    init: Annotated[
        Path | None, typer.Option(help="Codec to go on from: a model file, the folder of a run, or one of 'weights import'.")
    ] = None,
    settings: _Set = None,
    print_config: _Print = False,
    accept: _Accept = False,
) -> None:
    """Train a codec on composed music, or your own: the papers' first stage, or the one that the package ships."""
    if preset is None:
        if data is not None or init is not None:
            raise InputError("train codec: --data and --init go with a preset; expected --preset NAME, as spectral-small-high; give one")
        _build(["codec", *(also or [])], out, settings, print_config=print_config, accept=accept)
        return
    check_preset(preset, CODEC_NAMES)
    check_there(init, "a codec's model file, or a folder that holds one")
    if not print_config:
        check_there(data, "a folder of 'data prepare', or of music", folder=True)
    from dance2music.papers.runs import codec_training, run_codec

    if print_config:
        _print(codec_training(preset, settings or [], init=init))
        return
    with _running(accept):
        typer.echo(str(run_codec(preset, out, settings or [], data=data, init=init)))


@app.command("gan", rich_help_panel=_PAPERS)
def train_gan(
    preset: Annotated[str, typer.Option(help="As d2m-gan-high-aist-paper, creative-gan-low-paper, d2m-gan-high-embedded.")],
    data: _Given = None,
    codec: _GivenCodec = None,
    out: _GivenOut = None,
    soundnet: Annotated[
        Path | None, typer.Option(help="SoundNet's weights for the perceptual loss, in place of the embedded network.")
    ] = None,
    init: Annotated[
        Path | None, typer.Option(help="What to go on from: a folder of 'weights import', the folder of a run, a generator's model file.")
    ] = None,
    settings: _Set = None,
    print_config: _Print = False,
    accept: _Accept = False,
    plan: Annotated[bool, typer.Option("--plan", help="Take a few steps and print speed, time left and memory; train nothing.")] = False,
) -> None:
    """Train a generator of D2M-GAN or Creative-GAN; under torchrun on several processes."""
    check_preset(preset, GAN_NAMES)
    if not print_config:
        where, file, folder = _all_given("gan", data, codec, out)
        check_there(soundnet, "a file of SoundNet's weights")
        check_there(init, "a generator's model file, or a folder of a run or of 'weights import'")
    from dance2music.papers.runs import gan_training, run_gan

    if print_config:
        _print(gan_training(preset, settings or []))
        return
    if plan:
        from dance2music.papers.planning import plan_gan

        for line in plan_gan(preset, where, file, folder, settings or []).lines():
            typer.echo(line)
        return
    with _running(accept):
        typer.echo(str(run_gan(preset, where, file, folder, settings or [], soundnet=soundnet, init=init)))


@app.command("decoder", rich_help_panel=_PAPERS)
def train_decoder(
    preset: Annotated[str, typer.Option(help="The generator's preset: its codec's decoder is tuned.")],
    data: _Given = None,
    codec: _GivenCodec = None,
    out: _GivenOut = None,
    settings: _Set = None,
    print_config: _Print = False,
    accept: _Accept = False,
) -> None:
    """Fine-tune a codec's decoder against discriminators, codebook fixed (D2M-GAN section 3.4)."""
    check_preset(preset, GAN_NAMES)
    if not print_config:
        where, file, folder = _all_given("decoder", data, codec, out)
    from dance2music.papers.runs import decoder_training, run_decoder

    if print_config:
        _print(decoder_training(preset, settings or [])[1])
        return
    with _running(accept):
        typer.echo(str(run_decoder(preset, where, file, folder, settings or [])))


def _all_given(verb: str, data: str | None, codec: Path | None, out: Path | None) -> tuple[str, Path, Path]:
    """What a training needs, unless only its settings are asked for: raises InputError where one is not given, or names nothing."""
    if data is None or codec is None or out is None:
        missing = [name for name, value in (("--data", data), ("--codec", codec), ("--out", out)) if value is None]
        raise InputError(f"train {verb}: {', '.join(missing)} not given; expected --data, --codec and --out; give them all")
    check_there(codec, "a codec's model file")
    if data != "composed" and "://" not in data:
        check_there(Path(data), "a folder of 'data prepare', or composed")
    return data, codec, out


def _print(config: Any) -> None:
    from dance2music.train.record import plain_settings

    typer.echo(json.dumps(plain_settings(config), indent=1))


@contextmanager
def _running(accept: bool) -> Iterator[None]:
    """A training tells what it does; with ``accept`` it goes on with other settings than it was begun with."""
    from dance2music.train.record import accepting

    logging.getLogger().setLevel(logging.INFO)
    with accepting(accept):
        yield


@app.command("plot")
def train_plot(folder: Annotated[Path, typer.Argument(help="Folder of a training.")]) -> None:
    """Draw every loss of a training over its steps into losses.png."""
    from dance2music.train.losses_plot import plot_losses

    plot_losses(folder / "log.jsonl", folder / "losses.png")
    typer.echo(str(folder / "losses.png"))


def _stage(name: str, does: str) -> Callable[..., None]:
    def train_stage(
        also: _Also = None, out: _Out = _RUNS, settings: _RecipeSet = None, print_config: _Print = False, accept: _Accept = False
    ) -> None:
        _build([name, *(also or [])], out, settings, print_config=print_config, accept=accept)

    train_stage.__doc__ = does
    return train_stage


_REAL = "a folder of 'data prepare', or of AIST++'s annotations"
_Real = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of 'data prepare' to mix in: real dances, as AIST++. Its test pieces are left out."),
]


@app.command("rhythm", rich_help_panel=_SHIPPED)
def train_rhythm(
    also: _Also = None,
    data: _Real = None,
    out: _Out = _RUNS,
    settings: _RecipeSet = None,
    print_config: _Print = False,
    accept: _Accept = False,
    workers: Workers = 2,
    engine: EngineName = "process",
    address: Address = "",
) -> None:
    """Train the network that finds the beats of a dance; 'generate --rhythm' reads with its weights."""
    _check_real(data)
    given = [*(settings or []), *([] if data is None else [f"rhythm.data={json.dumps(str(data))}"])]
    with _drawn_by(engine, workers, address):
        _build(["rhythm", *(also or [])], out, given, print_config=print_config, accept=accept)


@app.command("dance-genre", rich_help_panel=_SHIPPED)
def train_dance_genre(data: _Real = None, out: _Out = _RUNS, settings: _RecipeSet = None) -> None:
    """Make the classifier of dances; 'generate --dance-genre' chooses with its weights."""
    _check_real(data)
    _build(["dance_genre"], out, [*(settings or []), *([] if data is None else [f"dance_genre.data={json.dumps(str(data))}"])])


_SHOWN = {
    "symbolic": "Train the systems that the papers compare with: all of the recipe's symbolic stages.",
    "papers": "Train D2M-GAN and Creative-GAN as the package ships them, at both levels.",
}
for _name, _does in _SHOWN.items():
    app.command(_name, rich_help_panel=_SHIPPED)(_stage(_name, _does))
for _name in _STAGES:
    app.command(_name, hidden=True)(_stage(_name, f"Train stage {_name} of the recipe."))
app.command("creative_gan", hidden=True)(_stage("planned", "Stage planned, by the name that it had before."))

for _name, _verb in (
    ("train-codec", train_codec), ("train-gan", train_gan), ("train-decoder", train_decoder), ("train-plot", train_plot),
):  # fmt: skip
    formerly_app.command(_name, hidden=True)(_verb)


@measure_app.command("score-gan", rich_help_panel="Measure")
def score_gan(
    generator: Annotated[Path, typer.Argument(help="generator.safetensors of 'train gan'.")],
    codec: _Codec,
    data: _Data = "composed",
    held_out: Annotated[
        int, typer.Option(min=0, help="Clips that are measured on, at most; 0: all of a test split, 24 composed ones.")
    ] = 0,
) -> None:
    """Measure a trained generator, beside true, shifted, foreign and no music: on the dance's beats or not."""
    from dance2music.experiments.scores import score_file, scores_text

    typer.echo(scores_text(score_file(generator, codec, data=data, held_out=held_out)))


@measure_app.command(rich_help_panel="Measure")
def ablate(
    table: Annotated[str, typer.Argument(help="d2m-2 to d2m-6, creative-3 to creative-5.")],
    data: _Data = "composed",
    steps: Annotated[int, typer.Option(min=1, help="Of each row's training.")] = 400,
    out: _Out = Path("runs/ablate"),
    codec_high: Annotated[Path | None, typer.Option(help="Codec of the high level: latest.safetensors of spectral-small-high.")] = None,
    codec_low: Annotated[Path | None, typer.Option(help="Codec of the low level; rows whose codec is not given are not run.")] = None,
    decoder_high: Annotated[Path | None, typer.Option(help="Fine-tuned codec of 'train decoder', for d2m-5.")] = None,
    decoder_low: Annotated[Path | None, typer.Option(help="The same of the low level.")] = None,
    size: Annotated[str, typer.Option(help="embedded, or paper: the papers' sizes, on prepared data.")] = "embedded",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each row.")] = 3,
    clips: Annotated[int, typer.Option(min=1, help="Composed clips that are trained on.")] = 200,
    held_out: Annotated[
        int, typer.Option(min=0, help="Clips that are measured on, at most; 0: all of a test split, 24 composed ones.")
    ] = 0,
    settings: _Set = None,
) -> None:
    """Train and measure every row of an ablation table, and print it beside the paper's numbers."""
    from dance2music.experiments.ablations import AblationContext, rows_of, run_table

    rows_of(table, size)
    files = {"high": codec_high, "low": codec_low, "high fine-tuned": decoder_high, "low fine-tuned": decoder_low}
    context = AblationContext(
        out, {name: path for name, path in files.items() if path is not None}, data=data, clips=clips, held_out=held_out
    )
    typer.echo(run_table(table, context, out, steps=steps, seeds=seeds, size=size, settings=settings or []))


def _drawn_by(engine: str, workers: int, address: str) -> AbstractContextManager[None]:
    """Have pools drawn by another engine; processes are as many as the recipe says."""
    made = chosen(engine, workers, address)
    return nullcontext() if engine == "process" else working_on(made)


def _check_real(data: Path | None) -> None:
    """Refuse a folder that holds no dances, before anything is made: raises InputError."""
    from dance2music.data.lists import find_list
    from dance2music.data.manifest import MANIFEST

    check_there(data, _REAL, folder=True)
    if data is not None and not (data / MANIFEST).is_file() and find_list(data, "crossmodal_train") is None:
        raise InputError(f"{data}: has neither {MANIFEST} nor a list crossmodal_train; expected {_REAL}; name another folder")


def _build(stages: list[str], out: Path, settings: list[str] | None, *, print_config: bool = False, accept: bool = False) -> None:
    """Run stages of the recipe, or print their settings."""
    from dance2music.config import override
    from dance2music.music.synth import find_soundfonts
    from dance2music.recipe.build import build
    from dance2music.recipe.settings import PAPER_GANS, STAGES, SYMBOLIC, Recipe, stage_settings, without_system_soundfonts

    recipe = Recipe()
    if recipe.soundfont not in find_soundfonts():
        logging.warning("soundfont %r is not installed: training with the one that is always there", recipe.soundfont)
        recipe = without_system_soundfonts(recipe)
    recipe = override(recipe, settings or [])
    several = {"symbolic": SYMBOLIC, "papers": PAPER_GANS}
    chosen = STAGES if "all" in stages else [name for stage in stages for name in several.get(stage, (stage,))]
    if print_config:
        typer.echo(json.dumps(stage_settings(recipe, chosen), indent=1))
        return
    with _running(accept):
        build(recipe, out, stages=chosen)
    typer.echo(str(out / "weights"))
