"""The command line: one short function per verb. Errors are one line and exit code 2; an interruption exits with 130, no file left."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
from typing import Annotated, Any

import typer

from dance2music import __version__
from dance2music.cli.data import data_app
from dance2music.cli.evaluate import app as evaluate_app
from dance2music.cli.generate import app as generate_app
from dance2music.cli.listen import app as listen_app
from dance2music.cli.studio import app as studio_app
from dance2music.cli.train import app as train_app
from dance2music.cli.train import formerly_app, measure_app
from dance2music.cli.weights import app as weights_app
from dance2music.errors import Dance2MusicError, PartlyDone
from dance2music.work import Cancel, cancellable

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Music for a dance.")
app.add_typer(generate_app)
app.add_typer(studio_app)
app.add_typer(listen_app, name="listen", rich_help_panel="Studio and listening")
app.add_typer(evaluate_app)
app.add_typer(measure_app)
app.add_typer(data_app, name="data", rich_help_panel="Data and weights")
app.add_typer(weights_app, name="weights", rich_help_panel="Data and weights")
app.add_typer(train_app, name="train", rich_help_panel="Train")
app.add_typer(formerly_app)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)] = False,
) -> None:
    """Music for a dance."""


@app.command(hidden=True)
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


class _Stderr(logging.Handler):
    """Writes to what is standard error at the moment: while bars are shown, that prints above them."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
        except Exception:
            self.handleError(record)


PARTLY_DONE = 3
"""Exit code where something beside the main thing could not be written."""
INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""


def main() -> None:
    """Run the command line of this process; `entry.main` calls it."""
    logging.basicConfig(format="dance2music: %(levelname)s: %(message)s", level=logging.WARNING, handlers=[_Stderr()])
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGTERM, _terminate)  # killed, too, it tidies up
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        with cancellable(_stop):
            code = app(standalone_mode=False)
        if code == INTERRUPTED:  # typer makes this of a KeyboardInterrupt
            raise KeyboardInterrupt
        if code:
            raise SystemExit(code)
    except PartlyDone as error:
        _leave(str(error), PARTLY_DONE)
    except Dance2MusicError as error:
        if _asked_to_end:
            _leave("interrupted", 128 + _asked_to_end[0], at_once=True)
        _leave(str(error), 2)
    except (typer.Abort, KeyboardInterrupt):
        _leave("interrupted", INTERRUPTED, at_once=True)
    except _Terminated as killed:
        _leave("interrupted", 128 + killed.signal, at_once=True)
    except Exception as error:
        if _asked_to_end:
            _leave("interrupted", 128 + _asked_to_end[0], at_once=True)
        # Errors of usage: typer brings its own click, whose classes it does not export.
        explain = getattr(error, "format_message", None)
        if explain is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            raise SystemExit(2) from None
        _leave(f"{explain()} (see {_verb_of(error)} --help)", 2)


_asked_to_end: list[int] = []
"""Signals that came; a library in whose call one came may show it as an error of its own."""
_stop = Cancel()
"""Set by a signal, so that the work stops where a library swallows the exception."""


class _Terminated(BaseException):
    """The process was asked to end by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


def _terminate(number: int, _: object) -> None:
    _asked_to_end.append(number)
    _stop.set()
    raise _Terminated(number)


def _interrupt(number: int, _: object) -> None:
    _asked_to_end.append(number)
    _stop.set()
    raise KeyboardInterrupt


def _verb_of(error: Exception) -> str:
    """The command in whose usage an error is, as ``dance2music generate``."""
    context: Any = getattr(error, "ctx", None)
    words: list[str] = []
    while context is not None and context.parent is not None:
        words.insert(0, str(context.info_name))
        context = context.parent
    return " ".join(["dance2music", *words])


def _leave(message: str, code: int, *, at_once: bool = False) -> None:
    """Say why, and exit; ``at_once``, all files being tidied up, without waiting for threads that are in the middle of a computation, and
    without taking the libraries down, which was seen to last for seconds."""
    sys.stderr.write(f"dance2music: {' '.join(message.split())}\n")
    if at_once:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise SystemExit(code)
