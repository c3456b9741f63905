"""`execledger show`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from execledger.timeline import Shown


def show(
    id: str,  # noqa: A002  # what the user calls it
    *,
    tenant: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Show one execution as a timeline, read from EXECLEDGER_POSTGRES_DSN.

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
    import json
    import sys

    from rich.console import Console

    from execledger.stack.settings import required_dsn
    from execledger.terminal import lines_of
    from execledger.timeline import as_document, draw

    timeline = asyncio.run(_read(required_dsn(), id, tenant))
    if as_json:
        sys.stdout.write(lines_of(json.dumps(as_document(timeline), indent=2, ensure_ascii=False)) + "\n")
    else:
        draw(timeline, Console(highlight=False))


async def _read(dsn: str, name: str, tenant: str | None) -> "Shown":
    from execledger.finding import found
    from execledger.timeline import read

    async with found(dsn, name, tenant, "show") as (reader, row):
        return await read(reader, row)
