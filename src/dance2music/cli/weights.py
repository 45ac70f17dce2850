"""``dance2music weights``: checkpoints that the user brings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Use published checkpoints that you bring.")


@app.callback()
def _group() -> None:
    """Keep the verb's name: a group of one verb would lose it."""


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="mencoder.pt, netG.pt, netD.pt, vqvae_high.pt, vqvae_low.pt, vqvae.pth.tar.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write, or the name of one .safetensors file.")],
    kind: Annotated[str, typer.Option(help="What the files must be, as generator-high-aist; auto tells by their tensors.")] = "auto",
    level: Annotated[str | None, typer.Option(help="high or low, for files that do not tell.")] = None,
) -> None:
    """Check published checkpoints and keep them as safetensors; 'generate --method d2m-gan --weights FOLDER' takes them."""
    from dance2music.checkpoint import read_provenance
    from dance2music.papers.published_weights import import_weights

    for path in import_weights(files, out, kind=kind, level=level):
        about = read_provenance(path)
        typer.echo(f"{path}: {about['imported']} from {about['source']}{', added ' + about['added'] if about['added'] else ''}")
        typer.echo(f"  {about['licence']}")
