"""Command line of training data: drawn, prepared, watched."""

from __future__ import annotations

import logging
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from dance2music.cli.engines import Address, EngineName, Workers, chosen
from dance2music.cli.inputs import check_there
from dance2music.cli.progress import progress_bars

data_app = typer.Typer(no_args_is_help=True, help="Make training data.")


@data_app.command()
def synthetic(
    out: Annotated[Path, typer.Argument(help="Folder to write into.")],
    clips: Annotated[int, typer.Option("-n", "--clips", help="How many clips, one song each.")] = 100,
    seed: Annotated[int, typer.Option(help="First seed; clip i has seed + i.")] = 0,
    seconds: Annotated[float, typer.Option(help="Length of a clip.")] = 10.0,
    filmed_share: Annotated[float, typer.Option(help="Share that is drawn as video and passes through the pose estimator.")] = 0.3,
    audio: Annotated[bool, typer.Option(help="Render the music too.")] = True,
    workers: Workers = 2,
    engine: EngineName = "process",
    address: Address = "",
) -> None:
    """Write composed music with a dancer dancing to it: motion, MIDI, sound, exact beats, one manifest row per clip."""
    from dance2music.synthetic.synthetic import write_corpus

    with progress_bars() as progress:
        manifest = write_corpus(
            out,
            clips,
            seed,
            duration_seconds=seconds,
            filmed_share=filmed_share,
            audio=audio,
            workers=workers,
            executor=chosen(engine, workers, address),
            progress=lambda done, of: progress("clips", done / of),
        )
    typer.echo(str(manifest))


@data_app.command()
def prepare(
    source: Annotated[Path, typer.Argument(help="Folder of the data set, as it unpacks.")],
    dataset: Annotated[str, typer.Option(help="aist, aist-segments, tiktok, folder or composed; docs/data.md says how each must look.")],
    out: Annotated[str, typer.Option("--out", help="Folder or address (s3://...) to write; a second call makes what is missing.")],
    codec: Annotated[str | None, typer.Option(help="Make codes too: 'spectral' (embedded) or a model file of a codec.")] = None,
    lists: Annotated[Path | None, typer.Option(help="Folder of published lists (aist, tiktok) or of clips.csv (folder).")] = None,
    visual: Annotated[bool, typer.Option(help="Watch videos for optical flow.")] = True,
    visual_features: Annotated[
        Path | None, typer.Option(help="Folder of 'data visual': I3D or TSN vectors, which presets at the papers' sizes need.")
    ] = None,
    posture: Annotated[bool, typer.Option("--posture", help="Keep hands and face, too, for holistic presets; slower on videos.")] = False,
    shard: Annotated[
        str, typer.Option(help="Make part I of N only, as 2/8; 'data merge' puts the parts together.", rich_help_panel="Workers")
    ] = "",
    workers: Workers = 2,
    engine: EngineName = "process",
    address: Address = "",
    tars: Annotated[bool, typer.Option("--tars", help="Write shards of many clips, not a file per clip; always at an address.")] = False,
    clips_per_shard: Annotated[int | None, typer.Option(help="Clips in a shard.", show_default="128", rich_help_panel="Workers")] = None,
) -> None:
    """Prepare a data set for training: features and codes of every clip, one manifest row each, and a table of what was skipped."""
    check_there(source, f"that of the data set {dataset!r}", folder=True)
    check_there(lists, "a folder of lists", folder=True)
    check_there(visual_features, "the folder that 'data visual' wrote", folder=True)
    from dance2music.data.parts import Part
    from dance2music.data.prepare import PrepareConfig
    from dance2music.data.prepare import prepare as prepare_folder
    from dance2music.errors import InputError
    from dance2music.scale.places import is_remote
    from dance2music.scale.prepare import CLIPS_PER_SHARD, prepare_shards

    sharded = tars or is_remote(out)
    if clips_per_shard is not None and not sharded:
        raise InputError(f"--clips-per-shard {clips_per_shard}: no shards are written to {out}; expected --tars, or an address; add --tars")
    run = (
        partial(prepare_shards, clips_per_shard=CLIPS_PER_SHARD if clips_per_shard is None else clips_per_shard)
        if sharded
        else prepare_folder
    )
    part = Part.parse(shard) if shard else None
    if not sys.stderr.isatty():
        logging.getLogger("dance2music").setLevel(logging.INFO)
    with progress_bars() as progress:
        report = run(
            source,
            dataset,
            out,
            PrepareConfig(codec, lists, visual, visual_features, posture),
            part=part,
            workers=workers,
            executor=chosen(engine, workers, address),
            progress=lambda done, of: progress("clips", done / of),
        )
    for line in report.table():
        typer.echo(line)
    typer.echo(f"{out}: {report.made} clips made now, {report.kept} were there")


@data_app.command()
def merge(
    out: Annotated[str, typer.Argument(help="Folder or address that 'data prepare --shard I/N' wrote to.")],
    others: Annotated[list[Path] | None, typer.Argument(help="Folders with further parts, made on machines that do not see OUT.")] = None,
) -> None:
    """Put the parts of a preparation together: the folder is as if it had been prepared in one go."""
    from dance2music.scale.places import is_remote

    for folder in ([] if is_remote(out) else [Path(out)]) + (others or []):
        check_there(folder, "a folder that 'data prepare --shard I/N' wrote", folder=True)
    from dance2music.data.merge import merge as merge_folder
    from dance2music.scale.prepare import finish

    sharded = is_remote(out) or (Path(out) / "shards").is_dir()
    report = finish(out, others or []) if sharded else merge_folder(out, others or [])
    for line in report.table():
        typer.echo(line)
    typer.echo(f"{out}: {len(report.rows)} clips of all parts")


@data_app.command()
def pack(
    prepared: Annotated[Path, typer.Argument(help="Folder of 'data prepare'.")],
    out: Annotated[str, typer.Argument(help="Folder or address of the shards; a second call makes only what is missing.")],
    megabytes: Annotated[float, typer.Option(help="Size of a shard.")] = 256.0,
    workers: Workers = 2,
    engine: EngineName = "process",
    address: Address = "",
) -> None:
    """Put a prepared folder into shards: few large files, for training from storage that is slow at many small ones."""
    check_there(prepared, "a folder of 'data prepare'", folder=True)
    from dance2music.errors import InputError
    from dance2music.scale.pack import pack as run

    if not 0 < megabytes < 1e6:
        raise InputError(f"--megabytes {megabytes:g}: expected a size above 0 and below 1e6, for example 256")
    size = max(1, round(megabytes * 2**20))
    with progress_bars() as progress:
        told = run(
            prepared,
            out,
            shard_bytes=size,
            executor=chosen(engine, workers, address),
            progress=lambda done, of: progress("shards", done / of),
        )
    typer.echo(f"{out}: {told['clips']} clips in {told['shards']} shards, {told['bytes'] / 1e6:.1f} MB; {told['made']} made now")


@data_app.command()
def unpack(
    shards: Annotated[str, typer.Argument(help="Folder or address of shards.")],
    out: Annotated[Path, typer.Argument(help="Folder to write, with a file per clip.")],
) -> None:
    """Make a prepared folder of shards, with the files that were packed."""
    from dance2music.scale.pack import unpack as run

    with progress_bars() as progress:
        clips = run(shards, out, progress=lambda done, of: progress("shards", done / of))
    typer.echo(f"{out}: {clips} clips")


@data_app.command()
def check(shards: Annotated[str, typer.Argument(help="Folder or address of shards.")]) -> None:
    """Read all shards and what lists them; name what is damaged or missing."""
    from dance2music.errors import InputError
    from dance2music.scale.pack import check as run

    with progress_bars() as progress:
        count, faults = run(shards, progress=lambda done, of: progress("shards", done / of))
    for fault in faults:
        typer.echo(fault)
    if faults:
        raise InputError(
            f"{shards}: {len(faults)} parts are damaged or missing, of {count} shards and what lists them; expected all whole; "
            "remove what is damaged and run 'data prepare' or 'data pack' again"
        )
    typer.echo(f"{shards}: {count} shards, all whole")


@data_app.command()
def plan(
    clips: Annotated[list[int] | None, typer.Option("--clips", help="How many clips; repeat it.", show_default="10^4 to 10^7")] = None,
    nodes: Annotated[list[int] | None, typer.Option("--nodes", help="How many machines; repeat it.", show_default="1 to 1000")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="What was measured, as clip_seconds=1.5 or bytes_per_clip=2e6; docs/scale.md.")
    ] = None,
) -> None:
    """Say what a preparation takes on machines that are not there yet: time, memory, storage, cost."""
    from dataclasses import replace

    from dance2music.scale.simulate import measured, simulate

    base = measured(settings or [])
    for count in clips or [10_000, 100_000, 1_000_000, 10_000_000]:
        for machines in nodes or [1, 10, 100, 1000]:
            load = replace(base, clips=count, nodes=machines)
            typer.echo(simulate(load).line(load))


@data_app.command(name="visual")
def data_visual(
    videos: Annotated[list[Path], typer.Argument(help="Dance videos.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for NAME_seg1.npy, ..., one vector per two seconds.")],
    weights: Annotated[Path, typer.Option(help="Folder with the network's public checkpoints.")],
    extractor: Annotated[str, typer.Option(help="i3d or tsn.")] = "i3d",
) -> None:
    """See videos with I3D or TSN, whose weights you bring, for training and for generators at the papers' sizes."""
    from dance2music.perception.extractors import load_extractor, write_segment_features

    network = load_extractor(extractor, weights)
    for video in videos:
        typer.echo(f"{video}: {len(write_segment_features(video, network, out))} vectors")
