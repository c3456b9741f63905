"""The subcommands, put together."""

from cyclopts import App
from rich.console import Console

from execledger.commands.cancel import cancel
from execledger.commands.compare_with import compare_with
from execledger.commands.dead_letters import dead_letters
from execledger.commands.doctor import doctor
from execledger.commands.down import down
from execledger.commands.explain import explain
from execledger.commands.import_ import import_
from execledger.commands.keys import keys
from execledger.commands.ledger import ledger
from execledger.commands.limits import limits
from execledger.commands.list import list_
from execledger.commands.migrate import migrate
from execledger.commands.publish import publish
from execledger.commands.query import query
from execledger.commands.rebuild import rebuild
from execledger.commands.recorder import recorder
from execledger.commands.reprice import reprice
from execledger.commands.show import show
from execledger.commands.sql_access import sql_access
from execledger.commands.status import status
from execledger.commands.tail import tail
from execledger.commands.token import token
from execledger.commands.up import up

app = App(
    name="execledger",
    help=(
        "The system of record for workflow and agent executions.\n\n"
        "Exit status: 0 when all is well; 1 when something is wrong, missing, refused or cannot be reached; "
        "2 for a wrong argument or setting; 130 when interrupted."
    ),
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
    tail,
    cancel,
    rebuild,
    reprice,
    token,
    doctor,
    compare_with,
)
for command in COMMANDS:
    app.command(command)
app.command(list_, name="list")
app.command(import_, name="import")
app.command(dead_letters)
app.command(ledger)
app.command(limits)
app.command(keys)
app.command(sql_access)


def _version() -> str:
    from importlib.metadata import version

    return version("execledger")
