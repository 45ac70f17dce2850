"""Command line of making music: ``generate``, ``regenerate``, ``example``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from dance2music.cli.inputs import check_there
from dance2music.cli.progress import progress_bars
from dance2music.documents import json_text
from dance2music.errors import InputError, PartlyDone
from dance2music.methods.base import SOUNDS
from dance2music.music.duck import DuckConfig
from dance2music.people.dancers import ALL, LARGEST
from dance2music.takes.methods import DEFAULT, METHODS
from dance2music.types import GENRES

app = typer.Typer()

_MUSIC, _RHYTHM, _SOUND, _OUTPUT = "Music", "Rhythm", "Sound", "Output"
_METHODS = (
    f"{', '.join(name for name, method in METHODS.items() if not method.compared)}; or a system to compare with: "
    f"{', '.join(name for name, method in METHODS.items() if method.compared)}."
)


def among(names: Iterable[str]) -> Callable[[str], list[str]]:
    """What a shell completes a value to."""
    return lambda incomplete: [name for name in names if name.startswith(incomplete)]


_Out = Annotated[
    Path | None,
    typer.Option(
        "-o", "--out", help="Video to write, or a sound file for the music alone.", show_default="VIDEO.music.mp4", rich_help_panel=_OUTPUT
    ),
]
_Again = Annotated[
    Path | None, typer.Option("-o", "--out", help="Video or sound file to write.", show_default="VIDEO.again.mp4", rich_help_panel=_OUTPUT)
]
_Wav = Annotated[bool, typer.Option("--wav", help="Write the sound as a .wav file beside the output too.", rich_help_panel=_OUTPUT)]
_AudioFile = Annotated[Path | None, typer.Option(help="Sound file to write too: .wav, .flac, .ogg, .mp3 or .m4a.", rich_help_panel=_OUTPUT)]
_Markers = Annotated[
    Path | None, typer.Option(help="File to write beats, bars and sections to: .csv, or .txt for Audacity.", rich_help_panel=_OUTPUT)
]
_Keep = Annotated[
    float | None, typer.Option("--keep-original", help="Mix the video's own sound in, with this gain in dB.", rich_help_panel=_SOUND)
]
_Duck = Annotated[float, typer.Option(help="By how many dB the music gives way while that sound is heard.", rich_help_panel=_SOUND)]
_DuckAttack = Annotated[float, typer.Option(help="Seconds in which it gives way, ahead of that sound.", rich_help_panel=_SOUND)]
_DuckRelease = Annotated[float, typer.Option(help="Seconds in which it comes back.", rich_help_panel=_SOUND)]
_Midi = Annotated[Path | None, typer.Option(help="File to write the notes to (.mid), where the method has notes.", rich_help_panel=_OUTPUT)]
_Stems = Annotated[
    Path | None, typer.Option(help="Folder to write each instrument to as .wav, where notes are played.", rich_help_panel=_OUTPUT)
]
_Take = Annotated[
    Path | None,
    typer.Option(
        help="File to keep the take in (.take), for Python and for 'regenerate' (of planned, composer, memory).", rich_help_panel=_OUTPUT
    ),
]
_Plot = Annotated[bool, typer.Option(help="Write a picture of beats and mel-spectrogram beside the output.", rich_help_panel=_OUTPUT)]
_Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of a summary.", rich_help_panel=_OUTPUT)]


@app.command(rich_help_panel="Make music")
def generate(
    video: Annotated[Path | None, typer.Argument(help="The dance: a video file of 1 s to 10 min.", show_default=False)] = None,
    from_motion: Annotated[Path | None, typer.Option(help="Start from a motion file instead; -o then names an audio file.")] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="Frames per second of the motion file.", show_default="as the file tells, or the usual rate of its kind"),
    ] = None,
    dancer: Annotated[
        str,
        typer.Option(
            help="Who the music is for: all, largest, or a number, 1 for the most prominent; the report has who was seen.",
            rich_help_panel=_RHYTHM,
            autocompletion=among((ALL, LARGEST)),
        ),
    ] = ALL,
    genre: Annotated[
        str | None,
        typer.Option(
            help=f"One of {', '.join(GENRES)}.", show_default="chosen from the dance", rich_help_panel=_MUSIC, autocompletion=among(GENRES)
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same music.", rich_help_panel=_MUSIC)] = 0,
    takes: Annotated[int, typer.Option(help="How many different takes to write.", rich_help_panel=_MUSIC)] = 1,
    method: Annotated[
        str,
        typer.Option(
            help=_METHODS, show_default=f"{DEFAULT.name}, or what plays --weights", rich_help_panel=_MUSIC, autocompletion=among(METHODS)
        ),
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Setting of the method as name=value, see docs/methods.md.", rich_help_panel=_MUSIC),
    ] = None,
    instruments: Annotated[
        str,
        typer.Option(help="For cmt: some of drums,piano,guitar,bass,strings.", show_default="all", rich_help_panel=_MUSIC),
    ] = "",
    level: Annotated[
        str | None,
        typer.Option(
            help="Of d2m-gan and creative-gan: high or low; of jukebox-reconstruction: high, low or finest.", rich_help_panel=_MUSIC
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="What 'dance2music train' or 'weights import' wrote, folder or file; without --method, the method that plays it.",
            rich_help_panel=_MUSIC,
        ),
    ] = None,
    codec: Annotated[
        Path | None,
        typer.Option(help="Codec that a generator of --weights was trained with.", show_default="the package's", rich_help_panel=_MUSIC),
    ] = None,
    decoder: Annotated[
        Path | None, typer.Option(help="Codec with a decoder tuned by 'train decoder', to hear it with.", rich_help_panel=_MUSIC)
    ] = None,
    precision: Annotated[
        str, typer.Option(help="Of d2m-gan with --weights: fp32, bf16 (half the time) or auto (by CPU).", rich_help_panel=_MUSIC)
    ] = "fp32",
    tempo: Annotated[float | None, typer.Option(help="Tempo in bpm.", show_default="the dance's own", rich_help_panel=_RHYTHM)] = None,
    hits: Annotated[
        bool, typer.Option("--hits/--no-hits", help="Stress the dancer's stops with drum hits.", rich_help_panel=_RHYTHM)
    ] = True,
    ending: Annotated[
        bool,
        typer.Option(
            "--ending/--no-ending",
            help="End on a last chord that rings out; without, the music plays on to the end, for clips that loop or are joined.",
            rich_help_panel=_MUSIC,
        ),
    ] = True,
    half_time: Annotated[bool, typer.Option("--half-time", help="Half the tempo that was read.", rich_help_panel=_RHYTHM)] = False,
    double_time: Annotated[bool, typer.Option("--double-time", help="Twice the tempo that was read.", rich_help_panel=_RHYTHM)] = False,
    shift_beats: Annotated[
        float, typer.Option(help="Move the beats by so many beats; 0.5 puts them between.", rich_help_panel=_RHYTHM)
    ] = 0.0,
    tap: Annotated[
        Path | None, typer.Option(help="File of the beats' times in seconds as you tap them, one per line.", rich_help_panel=_RHYTHM)
    ] = None,
    rhythm: Annotated[Path | None, typer.Option(help="Weights of 'train rhythm' to read the beats with.", rich_help_panel=_RHYTHM)] = None,
    dance_genre: Annotated[
        Path | None, typer.Option(help="Weights of 'train dance-genre' to choose the genre with.", rich_help_panel=_MUSIC)
    ] = None,
    sound: Annotated[
        str,
        typer.Option(
            help="studio (our own instruments, mixed), hybrid (neural with studio drums), neural or soundfont.",
            show_default="the method's own",
            rich_help_panel=_SOUND,
            autocompletion=among(SOUNDS),
        ),
    ] = "",
    soundfont: Annotated[
        str | None,
        typer.Option(help="Soundfont to play notes with: an .sf2 or .sf3 file.", show_default="TimGM6mb", rich_help_panel=_SOUND),
    ] = None,
    denoise: Annotated[bool, typer.Option(help="Take the codec's noise floor out of the music.", rich_help_panel=_SOUND)] = True,
    sample_rate: Annotated[
        int | None,
        typer.Option(help="44100 or 48000 Hz.", show_default="48000, of a codec or soundfont its own", rich_help_panel=_SOUND),
    ] = None,
    keep_original: _Keep = None,
    duck: _Duck = 0.0,
    duck_attack: _DuckAttack = DuckConfig.attack_seconds,
    duck_release: _DuckRelease = DuckConfig.release_seconds,
    out: _Out = None,
    wav: _Wav = False,
    audio: _AudioFile = None,
    midi: _Midi = None,
    stems: _Stems = None,
    markers: _Markers = None,
    take: _Take = None,
    plot: _Plot = True,
    json_report: _Json = False,
) -> None:
    """Give a dance video back with newly generated music that is in time with the dancer."""
    check_there(video, "a video file")
    check_there(from_motion, "a motion file (.npz, .npy, .pkl) or a folder of OpenPose JSON files")
    check_there(tap, "a text file with one time in seconds per line")
    check_there(weights, "a folder of imported weights, or a model file")
    with progress_bars() as progress:
        progress("load", 0.0)
        from dance2music.generation.job import run
        from dance2music.generation.request import Request

        request = Request(
            video=video,
            out=out,
            from_motion=from_motion,
            fps=fps,
            dancer=dancer,
            genre=genre,
            seed=seed,
            takes=takes,
            tempo_bpm=tempo,
            half_time=half_time,
            double_time=double_time,
            shift_beats=shift_beats,
            tap=tap,
            rhythm=rhythm,
            dance_genre=dance_genre,
            method=method,
            level=level,
            weights=weights,
            codec=codec,
            decoder=decoder,
            precision=precision,
            wav=wav,
            audio=audio,
            midi=midi,
            stems=stems,
            markers=markers,
            take=take,
            sound=sound,
            sample_rate=sample_rate,
            keep_original_db=keep_original,
            duck_db=duck,
            duck_attack_seconds=duck_attack,
            duck_release_seconds=duck_release,
            soundfont=soundfont,
            instruments=tuple(name.strip() for name in instruments.split(",")) if instruments else (),
            settings=tuple(settings or ()),
            denoise=denoise,
            hits=hits,
            ending=ending,
            plot=plot,
        )
        reports = run(request, progress=progress)
    _tell(reports, as_json=json_report)
    _tell_failures(reports)


@app.command(rich_help_panel="Make music")
def regenerate(
    take: Annotated[Path, typer.Argument(help="A file that 'generate --take' wrote.", show_default=False)],
    begin: Annotated[
        float | None,
        typer.Option(
            "--from",
            help="Where the section begins, in seconds; without a section the take comes as it is.",
            show_default=False,
            rich_help_panel="Section",
        ),
    ] = None,
    end: Annotated[float | None, typer.Option("--to", help="Where it ends.", show_default=False, rich_help_panel="Section")] = None,
    bars: Annotated[
        bool,
        typer.Option(
            "--bars",
            help="--from and --to count bars, not seconds: bar 1 begins with the first downbeat, and --to names the bar after the last.",
            rich_help_panel="Section",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Another seed gives another section.", rich_help_panel=_MUSIC)] = 0,
    video: Annotated[
        Path | None,
        typer.Option(help="The dance, where it no longer lies where the take was made.", show_default="as in the take"),
    ] = None,
    keep_original: _Keep = None,
    duck: _Duck = 0.0,
    duck_attack: _DuckAttack = DuckConfig.attack_seconds,
    duck_release: _DuckRelease = DuckConfig.release_seconds,
    out: _Again = None,
    wav: _Wav = False,
    audio: _AudioFile = None,
    midi: _Midi = None,
    stems: _Stems = None,
    markers: _Markers = None,
    kept: Annotated[Path | None, typer.Option("--take", help="File to keep the new take in (.take).", rich_help_panel=_OUTPUT)] = None,
    plot: _Plot = True,
    json_report: _Json = False,
) -> None:
    """Draw a section of a take again: the music around it stays, key, tempo and groove too. Without a section: the take as it is."""
    check_there(take, "a take that 'generate --take' wrote")
    check_there(video, "a video file")
    with progress_bars() as progress:
        progress("load", 0.0)
        from dance2music.generation.regenerate import SectionRequest, run

        request = SectionRequest(
            take=take,
            begin=begin,
            end=end,
            in_bars=bars,
            seed=seed,
            video=video,
            out=out,
            wav=wav,
            audio=audio,
            midi=midi,
            stems=stems,
            markers=markers,
            keep_original_db=keep_original,
            duck_db=duck,
            duck_attack_seconds=duck_attack,
            duck_release_seconds=duck_release,
            kept=kept,
            plot=plot,
        )
        report = run(request, progress=progress)
    _tell([report], as_json=json_report)
    if not json_report and (section := report.get("section")) is not None:
        typer.echo(f"{section['from_seconds']:.2f} s to {section['to_seconds']:.2f} s are drawn again")
    _tell_failures([report])


@app.command(rich_help_panel="Make music")
def example(
    out: Annotated[Path, typer.Argument(help="Video to write.")] = Path("dance.mp4"),
    seconds: Annotated[float, typer.Option(help="Length in seconds.")] = 10.0,
) -> None:
    """Draw an example video: a dancer whose beats are known."""
    from dance2music.synthetic.drawing import example_video
    from dance2music.video.container import MAX_SECONDS
    from dance2music.video.mux import OUTPUT_FORMATS

    if not 0 < seconds <= MAX_SECONDS:
        raise InputError(f"--seconds {seconds:g}: expected a length above 0 and up to {MAX_SECONDS:g}, for example 10")
    if out.suffix.lower() not in OUTPUT_FORMATS:
        raise InputError(f"{out}: unknown kind of video {out.suffix!r}; expected {', '.join(OUTPUT_FORMATS)}; rename the output")
    out.parent.mkdir(parents=True, exist_ok=True)
    example_video(out, seconds=seconds)
    typer.echo(f"{out}: {seconds:g} s of dance")


_WORTH_SAYING = 0.1
"""Probability from which on another reading of the beat is named."""
_A_GUESS = 0.2
"""Sureness of the beat below which a line says that it is a guess."""


def _tell(reports: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json_text(reports, indent=2))
        return
    from dance2music.generation.sync import dancers_in_words, sync_in_words

    for report in reports:
        typer.echo(f"{report['output']}: {report['genre']} at {report['tempo_bpm']:.1f} bpm, " + sync_in_words(report["sync"]))
        typer.echo(f"  and {', '.join(Path(name).name for name in report['files'][1:])}")
        if len(dancers := report.get("dancers", [])) > 1:
            typer.echo(f"  {dancers_in_words(dancers)}")
        if (sure := report.get("rhythm_confidence", 1.0)) < _A_GUESS:
            typer.echo(f"  this beat is little more than a guess ({sure:.0%} sure); if you know it, tell it with --tempo or --tap")
        other = next(iter(report.get("rhythm_alternatives", [])), None)
        if other is not None and other["probability"] >= _WORTH_SAYING:
            same = f"{other['tempo_bpm']:.1f}" == f"{report['tempo_bpm']:.1f}"
            says = "beats may also lie elsewhere:" if same else f"beat may also be {other['tempo_bpm']:.1f} bpm"
            typer.echo(
                f"  the {says} from {other['first_beat_seconds']:.2f} s on "
                f"({other['probability']:.0%}; chosen {report['rhythm_confidence']:.0%})"
            )
        if (loop := report.get("loop")) is not None:
            typer.echo(f"  {_loop_in_words(loop)}")
    last = reports[-1]
    typer.echo(f"{last['seconds']['total']:.1f} s for {last['duration_seconds']:.1f} s of dance")


def _loop_in_words(loop: dict[str, Any]) -> str:
    """How music without an ending joins its own beginning."""
    from dance2music.types import BEATS_PER_BAR

    bars, off = f"{loop['bars']} bar{'s' * (loop['bars'] > 1)}", loop["beats"] - BEATS_PER_BAR * loop["bars"]
    if loop["in_time"]:
        return f"loops in time, {bars}"
    jump = f"{abs(off):.1f} beats {'more' if off > 0 else 'less'} than {bars}"
    return f"loops with a jump: {jump}; --tempo {loop['tempo_bpm']:.3f} makes it {bars}"


def _tell_failures(reports: list[dict[str, Any]]) -> None:
    """Say what could not be written beside the music: raises PartlyDone."""
    failed = {name: reason for report in reports for name, reason in report.get("not_written", {}).items()}
    if failed:
        raise PartlyDone("; ".join(f"{name}: was not written, the rest was ({reason})" for name, reason in failed.items()))
