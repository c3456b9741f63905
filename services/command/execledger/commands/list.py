"""`execledger list`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from execledger.commands.filters import NONE, Filters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from execledger_query.narrowing import PageOfExecutions
    from execledger_query.store import Row


def list_(
    *,
    filters: Filters = NONE,
    sort: str | None = None,
    limit: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """List executions, newest first, read from EXECLEDGER_POSTGRES_DSN; all that is said must hold, as in the API.

    Parameters
    ----------
    sort
        By id, created_at, started_at, duration_ms or cost_usd; with a minus (--sort=-cost_usd) downwards.
    limit
        At most so many, 1 to 200; 50 when not said.
    as_json
        Print a JSON object instead of a table.
    """
    import asyncio
    import sys

    from rich.console import Console

    from execledger.listed import asked_for, table
    from execledger.stack.settings import required_dsn
    from execledger.terminal import escaped
    from execledger_query.narrowing import PageOfExecutions

    asked = asked_for(PageOfExecutions, {**filters.said, "sort": sort, "limit": limit})
    rows = asyncio.run(_read(required_dsn(), asked, as_json=as_json))
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
