"""Finding the execution that a user names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from execledger.commands.opening import check_text
from execledger.errors import UserError
from execledger.terminal import printable
from execledger_query.caller import EVERYTHING
from execledger_query.errors import DamagedError
from execledger_query.lookup import Several, find
from execledger_query.store import Options, Reader, Row, Store
from execledger_runtime.errors import StoreTooSlow, StoreUnavailable
from execledger_runtime.logs import configure_log


@asynccontextmanager
async def found(dsn: str, name: str, tenant: str | None, command: str) -> AsyncIterator[tuple[Reader, Row]]:
    """The execution with that internal or external id, and what else can be read of it; UserError without one."""
    check_text("ID", name)
    check_text("--tenant", tenant or "")
    configure_log(level="error")
    options = Options(dsn, pool_size=1, statement_timeout=60, application_name=f"execledger-{command}")
    try:
        async with Store.open(options) as store, store.reading(EVERYTHING) as reader:
            match await find(reader, name, tenant):
                case None:
                    raise UserError(f"there is no execution {name!r}{f' of tenant {tenant!r}' if tenant else ''}")
                case Several(bearers):
                    tenants = ", ".join(printable(bearer["tenant_id"]) for bearer in bearers)
                    raise UserError(f"several tenants have an execution {name!r}: say --tenant, one of {tenants}")
                case row:
                    yield reader, row
    except (StoreTooSlow, DamagedError) as error:
        raise UserError(str(error)) from error
    except StoreUnavailable as error:
        if isinstance(error.__cause__, asyncpg.InsufficientPrivilegeError):
            raise UserError(
                f"{error.__cause__}: let EXECLEDGER_POSTGRES_DSN name the account execledger_query, or a superuser"
            ) from error
        raise UserError(str(error)) from error
