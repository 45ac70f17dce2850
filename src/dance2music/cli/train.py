"""Command line of the papers' training stages: codec, generator, decoder; pictures of losses; ablations."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

_Data = Annotated[str, typer.Option("--data", help="Folder of 'data prepare', or 'composed' for clips that are made on the spot.")]
_Codec = Annotated[Path, typer.Option("--codec", help="Model file of the codec; 'weights import' makes one of a published file.")]
_Out = Annotated[Path, typer.Option("--out", help="Folder for checkpoints, logs and weights; a second call resumes.")]
_Set = Annotated[list[str] | None, typer.Option("--set", help="Setting as name=value, for example loop.steps=2000.")]


@app.command("train-codec")
def train_codec(
    preset: Annotated[str, typer.Option(help="As vqvae-high, creative-gan-vqvae-low, spectral-small-high.")],
    out: _Out,
    settings: _Set = None,
) -> None:
    """Train a codec on composed music: the papers' first stage."""
    from dance2music.papers.runs import run_codec

    _tell()
    typer.echo(str(run_codec(preset, out, settings or [])))


@app.command("train-gan")
def train_gan(
    preset: Annotated[str, typer.Option(help="As d2m-gan-high-aist-paper, creative-gan-low-paper, d2m-gan-high-embedded.")],
    data: _Data,
    codec: _Codec,
    out: _Out,
    settings: _Set = None,
) -> None:
    """Train a generator of D2M-GAN or Creative-GAN; under torchrun on several processes."""
    from dance2music.papers.runs import run_gan

    _tell()
    typer.echo(str(run_gan(preset, data, codec, out, settings or [])))


@app.command("train-decoder")
def train_decoder(
    preset: Annotated[str, typer.Option(help="The generator's preset: its codec's decoder is tuned.")],
    data: _Data,
    codec: _Codec,
    out: _Out,
    settings: _Set = None,
) -> None:
    """Fine-tune a codec's decoder against discriminators, codebook fixed (D2M-GAN section 3.4)."""
    from dance2music.papers.runs import run_decoder

    _tell()
    typer.echo(str(run_decoder(preset, data, codec, out, settings or [])))


@app.command("train-plot")
def train_plot(folder: Annotated[Path, typer.Argument(help="Folder of a training.")]) -> None:
    """Draw every loss of a training over its steps into losses.png."""
    from dance2music.train.losses_plot import plot_losses

    plot_losses(folder / "log.jsonl", folder / "losses.png")
    typer.echo(str(folder / "losses.png"))


@app.command("score-gan")
def score_gan(
    generator: Annotated[Path, typer.Argument(help="generator.safetensors of train-gan.")],
    codec: _Codec,
    data: _Data = "composed",
    held_out: Annotated[int, typer.Option(help="Clips that are measured on, at most; none of them is trained on.")] = 24,
) -> None:
    """Measure a trained generator, beside true, shifted, foreign and no music: on the dance's beats or not."""
    from dance2music.papers.scores import score_file, scores_text

    typer.echo(scores_text(score_file(generator, codec, data=data, held_out=held_out)))


@app.command()
def ablate(
    table: Annotated[str, typer.Argument(help="d2m-2 to d2m-6, creative-4 or creative-5.")],
    data: _Data = "composed",
    steps: Annotated[int, typer.Option(help="Of each row's training.")] = 400,
    out: _Out = Path("runs/ablate"),
    codec_high: Annotated[Path | None, typer.Option(help="Codec of the high level: latest.safetensors of spectral-small-high.")] = None,
    codec_low: Annotated[Path | None, typer.Option(help="Codec of the low level; rows whose codec is not given are not run.")] = None,
    decoder_high: Annotated[Path | None, typer.Option(help="Fine-tuned codec of train-decoder, for d2m-5.")] = None,
    decoder_low: Annotated[Path | None, typer.Option(help="The same of the low level.")] = None,
    size: Annotated[str, typer.Option(help="embedded, or paper: the papers' sizes, on prepared data.")] = "embedded",
    seeds: Annotated[int, typer.Option(help="Trainings of each row.")] = 3,
    clips: Annotated[int, typer.Option(help="Composed clips that are trained on.")] = 200,
    held_out: Annotated[int, typer.Option(help="Clips that are measured on, at most.")] = 24,
    settings: _Set = None,
) -> None:
    """Train and measure every row of an ablation table, and print it beside the paper's numbers."""
    from dance2music.papers.ablations import Bench, rows_of, run_table

    rows_of(table, size)
    files = {"high": codec_high, "low": codec_low, "high fine-tuned": decoder_high, "low fine-tuned": decoder_low}
    bench = Bench(out, {name: path for name, path in files.items() if path is not None}, data=data, clips=clips, held_out=held_out)
    typer.echo(run_table(table, bench, out, steps=steps, seeds=seeds, size=size, settings=settings or []))


def _tell() -> None:
    logging.getLogger().setLevel(logging.INFO)
