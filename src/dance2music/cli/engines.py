"""Options that say what works side by side, the same for every verb that has them."""

from __future__ import annotations

from typing import Annotated

import typer

from dance2music.parallel import Engine
from dance2music.parallel import engine as engine_named

_PANEL = "Workers"
Workers = Annotated[int, typer.Option(help="Processes, or workers on a cluster.", rich_help_panel=_PANEL)]
EngineName = Annotated[
    str,
    typer.Option("--engine", help="process, serial, or ray: a cluster (docs/scale.md). All make the same bits.", rich_help_panel=_PANEL),
]
Address = Annotated[
    str, typer.Option(help="Of the Ray cluster, HOST:PORT or auto.", show_default="this machine alone", rich_help_panel=_PANEL)
]


def chosen(engine: str, workers: int, address: str) -> Engine:
    """The engine that was asked for. Raises InputError if there is none such."""
    return engine_named(engine, workers, address)
