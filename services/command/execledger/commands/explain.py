"""`execledger explain`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from execledger_query.execution.log import Logged


def explain(
    id: str,  # noqa: A002  # what the user calls it
    *,
    tenant: str | None = None,
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
    as_json
        Print a JSON object instead.
    """
    import asyncio
    import sys

    from rich.console import Console

    from execledger.errors import UserError
    from execledger.explained import draw
    from execledger.stack.settings import required_dsn
    from execledger.terminal import lines_of
    from execledger_query.errors import DamagedError
    from execledger_query.execution.explanations import explanation_of

    logged = asyncio.run(_read(required_dsn(), id, tenant))
    try:
        explanation = explanation_of(logged)
    except DamagedError as error:
        raise UserError(str(error)) from error
    if as_json:
        sys.stdout.write(lines_of(explanation.model_dump_json(indent=2)) + "\n")
    else:
        draw(logged.execution["external_id"], explanation, Console(highlight=False))


async def _read(dsn: str, name: str, tenant: str | None) -> "Logged":
    from execledger.finding import found
    from execledger_query.execution.log import read

    async with found(dsn, name, tenant, "explain") as (reader, row):
        return await read(reader, row, with_payloads=True)
