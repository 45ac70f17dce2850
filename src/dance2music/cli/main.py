"""The command line: one short function per verb. Errors are one line and exit code 2; an interruption exits with 130, no file left."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
from contextlib import suppress
from typing import Annotated, Any

import typer

from dance2music import __version__
from dance2music.cli.data import data_app
from dance2music.cli.evaluate import app as evaluate_app
from dance2music.cli.generate import app as generate_app
from dance2music.cli.listen import app as listen_app
from dance2music.cli.sets import app as sets_app
from dance2music.cli.studio import app as studio_app
from dance2music.cli.train import app as train_app
from dance2music.cli.train import formerly_app, measure_app
from dance2music.cli.weights import app as weights_app
from dance2music.errors import Dance2MusicError, PartlyDone
from dance2music.names import as_text
from dance2music.work import Cancel, cancellable, keeps, kept

_HELP = {"help_option_names": ["-h", "--help"]}
"""Of every verb, too."""
app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Music for a dance.", context_settings=_HELP)
app.add_typer(generate_app)
app.add_typer(sets_app)
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
    keeps("")
    logging.basicConfig(format="dance2music: %(levelname)s: %(message)s", level=logging.WARNING, handlers=[_Stderr()])
    warnings.simplefilter("ignore")
    for stream in (sys.stdout, sys.stderr):  # names may have bytes that are no letters
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape" if stream.encoding.lower().startswith("utf") else "backslashreplace")
    signal.signal(signal.SIGTERM, _terminate)  # killed, too, it tidies up
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        with cancellable(_stop):
            code = app(standalone_mode=False)
        if code == INTERRUPTED:  # typer makes this of a KeyboardInterrupt
            raise KeyboardInterrupt
        if sys.stdout is not None:
            sys.stdout.flush()
        if code:
            raise SystemExit(code)
    except PartlyDone as error:
        _leave(str(error), PARTLY_DONE)
    except Dance2MusicError as error:
        if _asked_to_end:
            _leave(_interrupted(), 128 + _asked_to_end[0], at_once=True)
        _leave(str(error), 2)
    except (typer.Abort, KeyboardInterrupt) as error:
        if isinstance(error.__context__, EOFError) and not _asked_to_end:  # typer makes an Abort of every EOFError
            _leave("a file ends too early; copy or download it again", 2)
        _leave(_interrupted(), INTERRUPTED, at_once=True)
    except _Terminated as killed:
        _leave(_interrupted(), 128 + killed.signal, at_once=True)
    except Exception as error:
        if _asked_to_end:
            _leave(_interrupted(), 128 + _asked_to_end[0], at_once=True)
        if isinstance(error, BrokenPipeError):  # whoever read what is printed has enough
            _drop_output()
            raise SystemExit(_BROKEN_PIPE) from None
        _leave(_explained(error), 2)


_BROKEN_PIPE = 128 + 13


def _explained(error: Exception) -> str:
    """A line for an error that no code of ours raised; raises it again where it can only be a fault of ours."""
    # Errors of usage: typer brings its own click, whose classes it does not export.
    explain = getattr(error, "format_message", None)
    if explain is not None:
        if type(error).__name__ == "NoArgsIsHelpError":
            raise SystemExit(2) from None
        return f"{explain()} (see {_verb_of(error)} --help)"
    text = " ".join(str(error).split())[:300] or type(error).__name__
    if isinstance(error, MemoryError) or any(sign in text for sign in _NO_MEMORY):
        return f"there is not enough memory ({text}); close other programs, raise the limit (ulimit -v), or take a shorter piece"
    if isinstance(error, UnicodeEncodeError):
        return f"this terminal cannot show {text}; set PYTHONIOENCODING=utf-8"
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        _drop_output()
        where = "what is printed" if error.filename is None else os.fsdecode(error.filename)
        return f"{where}: cannot be read or written ({error.strerror or text}); free space, or choose another place"
    raise error


_NO_MEMORY = ("not enough memory", "allocate memory", "Cannot allocate", "failed to map segment", "can't start new thread")
"""What libraries say where the system gives no more memory, or no more threads."""


def _interrupted() -> str:
    """What is said of an interruption: with what is kept of the work, if there is something."""
    return f"interrupted; {kept()}" if kept() else "interrupted"


def _drop_output() -> None:
    """What could not be printed is not tried again while the process ends."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)


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
    _at_once_if_asked_again(number)
    _asked_to_end.append(number)
    _stop.set()
    raise _Terminated(number)


def _at_once_if_asked_again(number: int) -> None:
    """Whoever asks again while files are being tidied up does not wait for that: the next run sweeps what is left."""
    if _asked_to_end:
        with suppress(OSError):
            os.write(2, b"dance2music: interrupted\n")
        os._exit(128 + number)


def _interrupt(number: int, _: object) -> None:
    _at_once_if_asked_again(number)
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
    with suppress(OSError, ValueError, AttributeError):  # closed, or on a full disk
        sys.stderr.write(f"dance2music: {as_text(' '.join(message.split()), longest=None)}\n")
        sys.stderr.flush()
    if at_once:
        with suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
        os._exit(code)
    raise SystemExit(code)
