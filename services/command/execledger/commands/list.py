"""`execledger list`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from execledger_query.narrowing import PageOfExecutions
    from execledger_query.store import Row

Words = Annotated[list[str] | None, Parameter(negative=())]
Truth = bool | None


def list_(
    *,
    status: Words = None,
    workflow_id: str | None = None,
    workflow_version: str | None = None,
    owner_id: str | None = None,
    session_id: str | None = None,
    tenant_id: str | None = None,
    external_id: str | None = None,
    trigger: str | None = None,
    mode: str | None = None,
    tag: Words = None,
    label: Words = None,
    error_type: str | None = None,
    started_after: str | None = None,
    started_before: str | None = None,
    duration_ms_gte: str | None = None,
    duration_ms_lte: str | None = None,
    cost_usd_gte: str | None = None,
    parent: str | None = None,
    root: str | None = None,
    has_children: Truth = None,
    paused: Truth = None,
    waiting_for: str | None = None,
    killed_by_budget: Truth = None,
    q: str | None = None,
    sort: str | None = None,
    limit: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """List executions, newest first, read from EXECLEDGER_POSTGRES_DSN; all that is said must hold, as in the API.

    Parameters
    ----------
    status
        In any of these; may be repeated.
    workflow_id
        Of this workflow.
    workflow_version
        Of this version of their workflow.
    owner_id
        Of this owner.
    session_id
        Of this session.
    tenant_id
        Of this tenant: on a big table sorts are quick for one alone.
    external_id
        With this external id.
    trigger
        Set off so: manual, scheduled, triggered.
    mode
        In this mode.
    error_type
        With an error of this type.
    tag
        With this tag; repeated, with each.
    label
        With this label, as KEY=VALUE; repeated, with each.
    started_after
        Started then or later, as 2026-03-01T12:00:00Z.
    started_before
        Started before then.
    duration_ms_gte
        That took as many milliseconds, or more.
    duration_ms_lte
        That took as many milliseconds, or less.
    cost_usd_gte
        That cost as much at least.
    parent
        Whose parent has this external id.
    root
        In the tree of this external id, itself among them.
    has_children
        That others name as their parent.
    paused
        That are paused.
    killed_by_budget
        That their budget ended.
    waiting_for
        That wait for this.
    q
        With all of these words, in query, error and names.
    sort
        By id, created_at, started_at, duration_ms or cost_usd; with a minus (--sort=-cost_usd) downwards.
    limit
        At most so many, 1 to 200; 50 when not said.
    as_json
        Print a JSON object instead of a table.
    """
    said = {name: value for name, value in locals().items() if name != "as_json"}
    import asyncio
    import sys

    from rich.console import Console

    from execledger.listed import asked_for, table
    from execledger.stack.settings import required_dsn
    from execledger.terminal import escaped

    rows = asyncio.run(_read(required_dsn(), asked_for(said), as_json=as_json))
    if as_json:
        sys.stdout.write('{"items": [' + escaped(",".join(row["item"] for row in rows)) + "]}\n")
    else:
        Console(highlight=False).print(table(rows) if rows else "no executions")


async def _read(dsn: str, asked: "PageOfExecutions", *, as_json: bool) -> "Sequence[Row]":
    from execledger.finding import listing
    from execledger_query.store import SORTS
    from execledger_query.views import shown_fields

    sort = SORTS[asked.sort]
    async with listing(dsn, "list") as reader:
        if not as_json:
            return await reader.executions(asked.filters, None, asked.limit, sort)
        fields = frozenset(shown_fields((), with_payloads=False))
        return await reader.listed(asked.filters, None, asked.limit, sort, fields)
