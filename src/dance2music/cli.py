"""The command line: one short function per verb. Errors are one line and exit code 2; an interruption exits with 130, no file left."""

from __future__ import annotations

import json
import logging
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from dance2music import __version__
from dance2music.cli_evaluate import app as evaluate_app
from dance2music.cli_listen import app as listen_app
from dance2music.cli_train import app as train_app
from dance2music.cli_weights import app as weights_app
from dance2music.errors import Dance2MusicError
from dance2music.types import GENRES

METHODS = (
    "creative-gan, composer or memory; or a system to compare with: d2m-gan, dance2music-offline, dance2music-online, foley-music, cmt, "
    "inverse-mv, jukebox-random, jukebox-reconstruction."
)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Music for a dance.")
data_app = typer.Typer(no_args_is_help=True, help="Make training data.")
app.add_typer(data_app, name="data")
app.add_typer(listen_app, name="listen")
app.add_typer(weights_app, name="weights")
app.add_typer(evaluate_app)
app.add_typer(train_app)


@app.command()
def generate(
    video: Annotated[Path | None, typer.Argument(help="The dance: a video file of 1 s to 10 min.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Video to write [default: VIDEO with .music before its suffix].")] = None,
    from_motion: Annotated[Path | None, typer.Option(help="Start from a motion file; -o then names an audio file.")] = None,
    genre: Annotated[str | None, typer.Option(help=f"One of {', '.join(GENRES)} [default: chosen from the dance].")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same music.")] = 0,
    takes: Annotated[int, typer.Option(help="How many different takes to write.")] = 1,
    tempo: Annotated[float | None, typer.Option(help="Tempo in bpm [default: the dance's own].")] = None,
    method: Annotated[str, typer.Option(help=METHODS)] = "creative-gan",
    level: Annotated[
        str | None, typer.Option(help="high or low, with --weights; of jukebox-reconstruction high, low or finest, without, too.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Folder of imported weights (see 'dance2music weights import'), or a model file of the method.")
    ] = None,
    precision: Annotated[str, typer.Option(help="Of d2m-gan with --weights: fp32, bf16 (half the time) or auto (by CPU).")] = "fp32",
    wav: Annotated[bool, typer.Option("--wav", help="Write the music as a .wav file too.")] = False,
    midi: Annotated[Path | None, typer.Option(help="File to write the notes to (.mid), where the method has notes.")] = None,
    stems: Annotated[Path | None, typer.Option(help="Folder to write each instrument to as .wav, where notes are played.")] = None,
    soundfont: Annotated[str | None, typer.Option(help="Soundfont to play notes with: .sf2 or .sf3 file [default: TimGM6mb].")] = None,
    instruments: Annotated[str, typer.Option(help="For cmt: some of drums,piano,guitar,bass,strings [default: all].")] = "",
    settings: Annotated[list[str] | None, typer.Option("--set", help="Setting of the method as name=value, see docs/methods.md.")] = None,
    denoise: Annotated[bool, typer.Option(help="Take the codec's noise floor out of the music.")] = True,
    plot: Annotated[bool, typer.Option(help="Write a picture of beats and mel-spectrogram beside the output.")] = True,
    json_report: Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of a summary.")] = False,
) -> None:
    """Give a dance video back with newly generated music that is in time with the dancer."""
    with _progress() as progress:
        progress("load", 0.0)
        from dance2music.job import Request, run

        request = Request(
            video=video,
            out=out,
            from_motion=from_motion,
            genre=genre,
            seed=seed,
            takes=takes,
            tempo_bpm=tempo,
            method=method,
            level=level,
            weights=weights,
            precision=precision,
            wav=wav,
            midi=midi,
            stems=stems,
            soundfont=soundfont,
            instruments=tuple(name.strip() for name in instruments.split(",")) if instruments else (),
            settings=tuple(settings or ()),
            denoise=denoise,
            plot=plot,
        )
        reports = run(request, progress=progress)
    if json_report:
        typer.echo(json.dumps(reports, indent=2))
        return
    for report in reports:
        sync = report["sync"]
        typer.echo(
            f"{report['output']}: {report['genre']} at {report['tempo_bpm']:.1f} bpm, sync {sync['beat_alignment']:.2f} "
            f"(by chance {sync['shifted_mean']:.2f})"
        )
        typer.echo(f"  and {', '.join(Path(name).name for name in report['files'][1:])}")
    last = reports[-1]
    typer.echo(f"{last['seconds']['total']:.1f} s for {last['duration_seconds']:.1f} s of dance")


@app.command()
def example(
    out: Annotated[Path, typer.Argument(help="Video to write.")] = Path("dance.mp4"),
    seconds: Annotated[float, typer.Option(help="Length in seconds.")] = 10.0,
) -> None:
    """Draw an example video: a dancer whose beats are known."""
    from dance2music.data.drawing import example_video

    out.parent.mkdir(parents=True, exist_ok=True)
    example_video(out, seconds=seconds)
    typer.echo(f"{out}: {seconds:g} s of dance")


@data_app.command()
def synthetic(
    out: Annotated[Path, typer.Argument(help="Folder to write into.")],
    clips: Annotated[int, typer.Option("-n", "--clips", help="How many clips, one song each.")] = 100,
    seed: Annotated[int, typer.Option(help="First seed; clip i has seed + i.")] = 0,
    seconds: Annotated[float, typer.Option(help="Length of a clip.")] = 10.0,
    filmed_share: Annotated[float, typer.Option(help="Share that is drawn as video and passes through the pose estimator.")] = 0.3,
    audio: Annotated[bool, typer.Option(help="Render the music too.")] = True,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
) -> None:
    """Write composed music with a dancer dancing to it: motion, MIDI, sound, exact beats, one manifest row per clip."""
    from dance2music.data.synthetic import write_corpus

    with _progress() as progress:
        manifest = write_corpus(
            out,
            clips,
            seed,
            duration_seconds=seconds,
            filmed_share=filmed_share,
            audio=audio,
            workers=workers,
            progress=lambda done, of: progress("clips", done / of),
        )
    typer.echo(str(manifest))


@data_app.command()
def prepare(
    source: Annotated[Path, typer.Argument(help="Folder of the data set, as it unpacks.")],
    dataset: Annotated[str, typer.Option(help="aist, aist-segments, tiktok, folder or composed; docs/data.md says how each must look.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write; a second call makes only what is missing.")],
    codec: Annotated[str | None, typer.Option(help="Make codes too: 'spectral' (embedded) or a model file of a codec.")] = None,
    lists: Annotated[Path | None, typer.Option(help="Folder of published lists (aist, tiktok) or of clips.csv (folder).")] = None,
    visual: Annotated[bool, typer.Option(help="Watch videos for optical flow.")] = True,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
) -> None:
    """Prepare a data set for training: features and codes of every clip, one manifest row each, and a table of what was skipped."""
    from dance2music.data.prepare import prepare as run

    if not sys.stderr.isatty():
        logging.getLogger("dance2music").setLevel(logging.INFO)
    with _progress() as progress:
        report = run(
            source,
            dataset,
            out,
            codec=codec,
            lists=lists,
            visual=visual,
            workers=workers,
            progress=lambda done, of: progress("clips", done / of),
        )
    for line in report.table():
        typer.echo(line)
    typer.echo(f"{out / 'manifest.jsonl'}: {report.made} clips made now, {report.kept} were there")


@data_app.command(name="visual")
def data_visual(
    videos: Annotated[list[Path], typer.Argument(help="Dance videos.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for NAME_seg1.npy, ..., one vector per two seconds.")],
    weights: Annotated[Path, typer.Option(help="Folder with the network's public checkpoints.")],
    extractor: Annotated[str, typer.Option(help="i3d or tsn.")] = "i3d",
) -> None:
    """See videos with I3D or TSN, whose weights you bring, for training and for generators at the papers' sizes."""
    from dance2music.dance.extractors import load_extractor, write_segment_features

    network = load_extractor(extractor, weights)
    for video in videos:
        typer.echo(f"{video}: {len(write_segment_features(video, network, out))} vectors")


@app.command()
def train(
    stages: Annotated[
        list[str],
        typer.Argument(
            help="codec, creative_gan, memory, music_genre, dance_genre, rhythm, perceptual, symbolic (all of dance2music_online, cmt, "
            "foley_music, inverse_mv, jukebox_prior, jukebox_vqvae), one of these, or all."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for data, checkpoints, logs and weights; a second call resumes.")] = Path(
        "runs"
    ),
    settings: Annotated[list[str] | None, typer.Option("--set", help="Setting as name=value, for example codec.loop.steps=2000.")] = None,
) -> None:
    """Train the models of the package from nothing; what OUT already holds is kept or resumed."""
    from dance2music.config import override
    from dance2music.music.synth import find_soundfonts
    from dance2music.train.recipe import STAGES, SYMBOLIC, Recipe, build, without_system_soundfonts

    logging.getLogger().setLevel(logging.INFO)
    recipe = Recipe()
    if recipe.soundfont not in find_soundfonts():
        logging.warning("soundfont %r is not installed: training with the one that is always there", recipe.soundfont)
        recipe = without_system_soundfonts(recipe)
    chosen = STAGES if "all" in stages else [name for stage in stages for name in (SYMBOLIC if stage == "symbolic" else (stage,))]
    build(override(recipe, settings or []), out, stages=chosen)
    typer.echo(str(out / "weights"))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


_STAGES = {
    "load": "loading",
    "motion": "reading the motion",
    "watch": "watching the dance",
    "rhythm": "finding its beats",
    "pictures": "looking at the pictures",
    "music": "making music",
    "finish": "mastering",
    "write": "writing",
    "plot": "drawing the picture",
    "score": "scoring the music",
}
"""What the bar of a stage says."""


class _progress:
    """A bar per stage on a terminal, on standard error; nothing where that is no terminal."""

    def __enter__(self) -> Callable[[str, float], None]:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.tasks: dict[str, Any] = {}
        self.bar.start()
        return self.report

    def report(self, stage: str, share: float) -> None:
        """Show how much of a stage is done; it pulses until something is, and begins anew for the next take."""
        if stage not in self.tasks:
            self.tasks[stage] = self.bar.add_task(_STAGES.get(stage, stage), total=None)
        elif share == 0.0:
            self.bar.reset(self.tasks[stage], total=None)
        if share > 0.0:
            self.bar.update(self.tasks[stage], total=1.0, completed=share)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


class _Stderr(logging.Handler):
    """Writes to what is standard error at the moment: while bars are shown, that prints above them."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
        except Exception:
            self.handleError(record)


INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""


def main() -> None:
    """Entry point of the ``dance2music`` command."""
    logging.basicConfig(format="dance2music: %(levelname)s: %(message)s", level=logging.WARNING, handlers=[_Stderr()])
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGTERM, lambda number, _: _leave("interrupted", 128 + number))  # killed, too, it tidies up
    try:
        code = app(standalone_mode=False)
        if code == INTERRUPTED:  # typer makes this of a KeyboardInterrupt
            raise KeyboardInterrupt
    except Dance2MusicError as error:
        _leave(str(error), 2)
    except (typer.Abort, KeyboardInterrupt):
        _leave("interrupted", INTERRUPTED)
    except Exception as error:
        # Errors of usage: typer brings its own click, whose classes it does not export.
        explain = getattr(error, "format_message", None)
        if explain is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            raise SystemExit(2) from None
        _leave(f"{explain()} (see dance2music --help)", 2)


def _leave(message: str, code: int) -> None:
    sys.stderr.write(f"dance2music: {' '.join(message.split())}\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
