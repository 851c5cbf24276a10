"""The two kinds of failure that a person sees, each a single line that says what to do."""


class InputError(ValueError):
    """The input is wrong: the message names the file, the value and the remedy (exit code 2)."""


class WorkError(RuntimeError):
    """The input was right but the work could not be done (exit code 1)."""
