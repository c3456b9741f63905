"""Finding the execution that a user names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from getpass import getuser

import asyncpg

from execledger.commands.opening import check_text
from execledger.errors import UserError
from execledger.terminal import printable
from execledger_query.caller import EVERYTHING
from execledger_query.errors import DamagedError
from execledger_query.lookup import Several, find
from execledger_query.store import Actor, Options, Reader, Row, Store
from execledger_runtime.errors import StoreTooSlow, StoreUnavailable
from execledger_runtime.logs import configure_log


@asynccontextmanager
async def found(dsn: str, name: str, tenant: str | None, command: str) -> AsyncIterator[tuple[Reader, Row]]:
    """The execution with that internal or external id, and what else can be read of it; UserError without one."""
    async with _opened(dsn, name, tenant, command) as store, store.reading(EVERYTHING) as reader:
        yield reader, await _found(reader, name, tenant)


@asynccontextmanager
async def acting(dsn: str, name: str, tenant: str | None, command: str) -> AsyncIterator[tuple[Actor, Row]]:
    """The same, and what can be asked of it in the name of the one who is logged in here."""
    caller = replace(EVERYTHING, subject=f"{getuser()}@command")
    async with _opened(dsn, name, tenant, command) as store, store.acting(caller) as actor:
        yield actor, await _found(actor, name, tenant)


@asynccontextmanager
async def _opened(dsn: str, name: str, tenant: str | None, command: str) -> AsyncIterator[Store]:
    check_text("ID", name)
    check_text("--tenant", tenant or "")
    configure_log(level="error")
    options = Options(dsn, pool_size=1, statement_timeout=60, application_name=f"execledger-{command}")
    try:
        async with Store.open(options) as store:
            yield store
    except (StoreTooSlow, DamagedError) as error:
        raise UserError(str(error)) from error
    except StoreUnavailable as error:
        if isinstance(error.__cause__, asyncpg.InsufficientPrivilegeError):
            raise UserError(
                f"{error.__cause__}: let EXECLEDGER_POSTGRES_DSN name the account execledger_query, or a superuser"
            ) from error
        raise UserError(str(error)) from error


async def _found(reader: Reader, name: str, tenant: str | None) -> Row:
    match await find(reader, name, tenant):
        case None:
            raise UserError(f"there is no execution {name!r}{f' of tenant {tenant!r}' if tenant else ''}")
        case Several(bearers):
            tenants = ", ".join(printable(bearer["tenant_id"]) for bearer in bearers)
            raise UserError(f"several tenants have an execution {name!r}: say --tenant, one of {tenants}")
        case row:
            return row
