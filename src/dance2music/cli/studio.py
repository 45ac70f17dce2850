"""Command line of the studio."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command(rich_help_panel="Studio and listening")
def studio(
    folder: Annotated[Path, typer.Argument(help="The library: a folder of the studio, or a new one.")] = Path("studio"),
    port: Annotated[int, typer.Option(help="Port to answer on.", show_default="one that is free")] = 0,
    host: Annotated[
        str, typer.Option(help="Address to answer on; any but this machine's own lets others in who have the token.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Open the studio: a page on this machine where a dance gets its music."""
    from dance2music.studio.server import StudioConfig, serve

    serve(folder, StudioConfig(host=host, port=port, browser=browser), say=typer.echo)
