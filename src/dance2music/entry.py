"""Where the command begins: a signal is answered in one line from here on, before anything heavy is imported."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Entry point of the ``dance2music`` command."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # a shell tells its background jobs to ignore Ctrl-C
            signal.signal(number, _leave)
    try:
        try:
            from dance2music.cli.main import main as command
        except (MemoryError, OSError, ImportError) as error:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            os.write(2, f"dance2music: cannot be started ({reason}); give it more memory (ulimit -v), or install it again\n".encode())
            raise SystemExit(2) from None

        command()
    finally:  # all is done or said: what comes now finds a process that is only leaving
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


def _leave(number: int, _: object) -> None:
    """Nothing was begun yet, so that there is nothing to tidy up."""
    os.write(2, b"dance2music: interrupted\n")
    os._exit(128 + number)
