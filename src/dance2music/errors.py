"""Every error that this package raises on purpose.

`InputError` is for what a user handed in, `ConfigError` for settings that do not fit together, `TrainingDiverged` for a run whose loss is
no number any more, `PartlyDone` for one of which a part is missing, `Cancelled` for work that was asked to stop. A message says what is
wrong, the value, what was expected and what to do, in one line; the command line prints that line and exits with code 2. Broken invariants
of our own are `assert`s.
"""

LONGEST_MESSAGE = 2000


class Dance2MusicError(Exception):
    """Base of all errors raised on purpose; the command line turns it into one line and exit code 2.

    Of a message that is longer than `LONGEST_MESSAGE` letters, because of what a file holds, the middle is left out.
    """

    def __init__(self, message: str = "") -> None:
        half = LONGEST_MESSAGE // 2
        super().__init__(message if len(message) <= LONGEST_MESSAGE else f"{message[:half]} ... {message[-half:]}")


class InputError(Dance2MusicError):
    """A file, array or argument from the user cannot be used."""


class ConfigError(Dance2MusicError):
    """A configuration has an unknown field, a value of the wrong type, or values that contradict each other."""


class TrainingDiverged(Dance2MusicError):
    """A loss or gradient is no longer a number; the message names the step and the term."""


class PartlyDone(Dance2MusicError):
    """Something beside the main thing could not be written; the rest is there. The command line ends with code 3."""


class Cancelled(Dance2MusicError):
    """The work was stopped by its `work.Cancel`; nothing half-written is left."""
