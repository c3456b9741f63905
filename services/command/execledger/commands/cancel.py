"""`execledger cancel`."""

from typing import Annotated

from cyclopts import Parameter


def cancel(
    id: str,  # noqa: A002  # what the user calls it
    *,
    tenant: str | None = None,
    reason: str | None = None,
    descendants: Annotated[bool, Parameter(negative="--without-descendants")] = True,
    idempotency_key: str | None = None,
) -> None:
    """Ask the orchestrator to stop an execution that has not ended.

    The request is written to the database of EXECLEDGER_POSTGRES_DSN; a recorder
    hands it on, and records it. Exit status 1 when the execution has ended.

    Parameters
    ----------
    id
        Its internal or external id.
    tenant
        Whose it is, when several tenants have one with that external id.
    reason
        Why, for whoever reads the record, and for the orchestrator.
    descendants
        Also what it started, and what those did.
    idempotency_key
        The same request under the same key asks nothing more.
    """
    import asyncio
    import sys

    from execledger.stack.settings import required_dsn
    from execledger.terminal import printable

    asyncio.run(_ask(required_dsn(), id, tenant, idempotency_key, reason, descendants=descendants))
    below = " and what is below it" if descendants else ""
    sys.stdout.write(f"asked to cancel {printable(id)}{below}\n")


async def _ask(
    dsn: str, name: str, tenant: str | None, key: str | None, reason: str | None, *, descendants: bool
) -> None:
    from pydantic import ValidationError

    from execledger.commands.opening import check_name
    from execledger.errors import UserError
    from execledger.finding import acting
    from execledger_query.execution.cancelling import Cancelling, ask
    from execledger_query.problems import ProblemError

    if key is not None:
        check_name("--idempotency-key", key)
    try:
        asked = Cancelling(reason=reason, descendants=descendants)
        async with acting(dsn, name, tenant, "cancel") as (actor, row):
            await ask(actor, row, asked, key)
    except ValidationError as error:
        raise UserError(f"--reason: {error.errors()[0]['msg']}", exit_status=2) from error
    except ProblemError as error:
        raise UserError(str(error)) from error
