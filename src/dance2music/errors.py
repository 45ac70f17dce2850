"""Every error that this package raises on purpose.

`InputError` is for what a user handed in, `ConfigError` for settings that do not fit together,
`TrainingDiverged` for a run whose loss is no number any more, `Cancelled` for work that was asked to stop. A message says what is wrong,
the value, what was expected and what to do, in one line; the command line prints that line and exits with code 2. Broken invariants of our
own are `assert`s.
"""


class Dance2MusicError(Exception):
    """Base of all errors raised on purpose; the command line turns it into one line and exit code 2."""


class InputError(Dance2MusicError):
    """A file, array or argument from the user cannot be used."""


class ConfigError(Dance2MusicError):
    """A configuration has an unknown field, a value of the wrong type, or values that contradict each other."""


class TrainingDiverged(Dance2MusicError):
    """A loss or gradient is no longer a number; the message names the step and the term."""


class Cancelled(Dance2MusicError):
    """The work was stopped by its `work.Cancel`; nothing half-written is left."""
