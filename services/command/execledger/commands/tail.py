"""`execledger tail`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from execledger.commands.filters import NONE, Filters

if TYPE_CHECKING:
    from execledger.tailing import Wanted


def tail(
    id: str | None = None,  # noqa: A002  # what the user calls it
    *,
    filters: Filters = NONE,
    limit: str = "10",
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Follow executions as they change, or one with its events until it has ended.

    Read from EXECLEDGER_POSTGRES_DSN, until interrupted; all that is said must hold, as in the API.

    Parameters
    ----------
    id
        The internal or external id of the one, or how it begins, with its
        --tenant if need be; without it all are followed.
    limit
        How many of the newest to begin with; 0 to 200.
    as_json
        A JSON object a line: the execution, or {"event": …} for an event.
    """
    import asyncio

    from execledger.stack.settings import required_dsn

    asyncio.run(_print(required_dsn(), _wanted(id, filters, limit), as_json=as_json))


async def _print(dsn: str, wanted: "Wanted", *, as_json: bool) -> None:
    import sys

    from execledger.tailing import follow, line
    from execledger.terminal import lines_of

    async for kind, data in follow(dsn, wanted):
        text = f'{{"{kind}": {data}}}' if kind in ("event", "reset") else data
        if not as_json:
            sys.stdout.write(f"{line(kind, data)}\n")
        elif kind != "end":  # the line before has the same
            sys.stdout.write(f"{lines_of(text)}\n")
        sys.stdout.flush()


def _wanted(name: str | None, filters: Filters, limit: str) -> "Wanted":
    from execledger.commands.opening import check_text
    from execledger.errors import UserError
    from execledger.listed import asked_for
    from execledger.tailing import Wanted
    from execledger_query.narrowing import StreamOfExecutions

    check_text("ID", name or "")
    asked = asked_for(StreamOfExecutions, {**filters.said, "limit": limit})
    if name is not None and (besides := filters.said.keys() - {"tenant_id"}):
        option = min(besides).replace("_", "-")
        raise UserError(f"--{option}: an execution is followed whole; leave out its ID, or this", exit_status=2)
    return Wanted(name, filters.tenant_id, asked)
