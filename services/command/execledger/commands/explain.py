"""`execledger explain`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from execledger_query.execution.log import Logged, Moment


def explain(
    id: str,  # noqa: A002  # what the user calls it
    *,
    tenant: str | None = None,
    known_at: str | None = None,
    as_of: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Say why an execution is as it is: who decided each field, and why other events were not applied.

    Read from EXECLEDGER_POSTGRES_DSN.

    Parameters
    ----------
    id
        Its internal or external id, or how one alone begins.
    tenant
        Whose it is, when several tenants have one with that external id.
    known_at
        As the record stood then, by what was recorded by then: a time as 2026-03-01T12:00:00Z, or an age as 15m, 1h.
    as_of
        As it was by what had happened by then: likewise.
    as_json
        Print a JSON object instead.
    """
    import asyncio
    import sys
    from datetime import UTC, datetime

    from rich.console import Console

    from execledger.commands.dead_letters import moment
    from execledger.errors import UserError
    from execledger.explained import draw
    from execledger.stack.settings import required_dsn
    from execledger.terminal import lines_of
    from execledger_query.errors import DamagedError
    from execledger_query.execution.explanations import explanation_of
    from execledger_query.execution.log import Moment

    now = datetime.now(UTC)
    then = Moment(
        None if known_at is None else moment(known_at, now, "--known-at"),
        None if as_of is None else moment(as_of, now, "--as-of"),
    )
    logged = asyncio.run(_read(required_dsn(), id, tenant, then))
    try:
        explanation = explanation_of(logged)
    except DamagedError as error:
        raise UserError(str(error)) from error
    if as_json:
        sys.stdout.write(lines_of(explanation.model_dump_json(indent=2)) + "\n")
    else:
        draw(logged.execution["external_id"], explanation, Console(highlight=False))


async def _read(dsn: str, name: str, tenant: str | None, then: "Moment") -> "Logged":
    from dataclasses import replace

    from execledger.errors import UserError
    from execledger.finding import found
    from execledger_query.execution.log import read, read_part
    from execledger_query.execution.past import as_it_was
    from execledger_query.store import UNBOUNDED
    from execledger_query.views import execution_sources

    async with found(dsn, name, tenant, "explain") as (reader, row):
        if then.is_now:
            return await read(reader, row, with_payloads=True)
        if (was := as_it_was(await read_part(reader, row, UNBOUNDED, then))) is None:
            raise UserError(f"there was no execution {name!r} yet")
        return replace(was, payloads=await reader.payloads(execution_sources([was.execution])))
