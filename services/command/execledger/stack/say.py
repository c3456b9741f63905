"""What a human reads while the stack works: always on standard error, as standard output is for `eval`."""

from rich.console import Console


def standard_error() -> Console:
    """A console on standard error that prints text as it is."""
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def silent() -> Console:
    """A console that nobody hears."""
    return Console(quiet=True)
