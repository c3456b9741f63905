"""The `execledger` command: `execledger --help` lists what it does."""

import os
import sys

from cyclopts import App
from rich.console import Console

from execledger.commands.dead_letters import dead_letters
from execledger.commands.doctor import doctor
from execledger.commands.down import down
from execledger.commands.explain import explain
from execledger.commands.ledger import ledger
from execledger.commands.limits import limits
from execledger.commands.migrate import migrate
from execledger.commands.publish import publish
from execledger.commands.query import query
from execledger.commands.rebuild import rebuild
from execledger.commands.recorder import recorder
from execledger.commands.reprice import reprice
from execledger.commands.show import show
from execledger.commands.status import status
from execledger.commands.token import token
from execledger.commands.up import up
from execledger.errors import UserError

app = App(
    name="execledger",
    help="The system of record for workflow and agent executions.",
    version=lambda: _version(),
    error_console=Console(stderr=True),
)

COMMANDS = (
    up,
    down,
    status,
    migrate,
    recorder,
    query,
    publish,
    show,
    explain,
    ledger,
    rebuild,
    reprice,
    token,
    doctor,
)
for command in COMMANDS:
    app.command(command)
app.command(dead_letters)
app.command(limits)


def main() -> None:
    """Run the command line; a fault that its user can mend is shown without a traceback."""
    try:
        app()
    except UserError as error:
        print(f"execledger: {error}", file=sys.stderr)  # noqa: T201 - the command's voice
        sys.exit(error.exit_status)
    except BrokenPipeError:  # whoever read it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except PermissionError as error:
        print(f"execledger: {error.strerror}: {error.filename}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


def _version() -> str:
    from importlib.metadata import version

    return version("execledger")


if __name__ == "__main__":
    main()
