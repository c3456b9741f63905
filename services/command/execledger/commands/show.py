"""`execledger show`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from execledger.errors import UserError

if TYPE_CHECKING:
    from execledger.timeline import Timeline


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
        Its internal or external id.
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
    from execledger.timeline import as_document, draw

    timeline = asyncio.run(_read(required_dsn(), id, tenant))
    if as_json:
        sys.stdout.write(json.dumps(as_document(timeline), indent=2, ensure_ascii=False) + "\n")
    else:
        draw(timeline, Console(highlight=False))


async def _read(dsn: str, name: str, tenant: str | None) -> "Timeline":
    from execledger.timeline import read
    from execledger_query.errors import StoreUnavailableError, TooSlowError
    from execledger_query.identity import EVERYTHING
    from execledger_query.lookup import Several, find
    from execledger_query.store import Options, Store
    from execledger_query.telemetry import configure_logs

    configure_logs("error")
    options = Options(dsn, pool_size=1, statement_timeout=60, application_name="execledger-show")
    try:
        async with Store.open(options) as store, store.reading(EVERYTHING) as reader:
            match await find(reader, name, tenant):
                case None:
                    raise UserError(f"there is no execution {name!r}{f' of tenant {tenant!r}' if tenant else ''}")
                case Several(bearers):
                    tenants = ", ".join(bearer["tenant_id"] for bearer in bearers)
                    raise UserError(f"several tenants have an execution {name!r}: say --tenant, one of {tenants}")
                case row:
                    return await read(reader, row)
    except (StoreUnavailableError, TooSlowError) as error:
        raise UserError(str(error)) from error
