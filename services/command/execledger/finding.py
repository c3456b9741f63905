"""Finding the execution that a user names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from getpass import getuser
from typing import Final, NoReturn

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

_MOST_NAMED: Final = 5


@asynccontextmanager
async def found(dsn: str, name: str, tenant: str | None, command: str) -> AsyncIterator[tuple[Reader, Row]]:
    """The execution whose internal or external id is that or alone begins so, and what else can be read of it.

    UserError without one.
    """
    _check(name, tenant)
    async with opened(dsn, command) as store, store.reading(EVERYTHING) as reader:
        yield reader, await found_in(reader, name, tenant)


@asynccontextmanager
async def acting(dsn: str, name: str, tenant: str | None, command: str) -> AsyncIterator[tuple[Actor, Row]]:
    """The execution with that id, and what can be asked of it in the name of the one who is logged in here."""
    caller = replace(EVERYTHING, subject=f"{getuser()}@command")
    _check(name, tenant)
    async with opened(dsn, command) as store, store.acting(caller) as actor:
        yield actor, await _found(actor, name, tenant) or _missing(name, tenant)


@asynccontextmanager
async def listing(dsn: str, command: str) -> AsyncIterator[Reader]:
    """Where executions can be listed."""
    async with opened(dsn, command) as store, store.reading(EVERYTHING, walking=True) as reader:
        yield reader


def _check(name: str, tenant: str | None) -> None:
    check_text("ID", name)
    check_text("--tenant", tenant or "")


@asynccontextmanager
async def opened(dsn: str, command: str) -> AsyncIterator[Store]:
    """The database, to be read; what it refuses while it is open is a UserError."""
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


async def found_in(reader: Reader, name: str, tenant: str | None) -> Row:
    """The execution whose internal or external id is that or alone begins so; UserError without one."""
    return await _found(reader, name, tenant) or await _begun(reader, name, tenant)


async def _found(reader: Reader, name: str, tenant: str | None) -> Row | None:
    match await find(reader, name, tenant):
        case Several(bearers):
            tenants = ", ".join(printable(bearer["tenant_id"]) for bearer in bearers)
            raise UserError(f"several tenants have an execution {name!r}: say --tenant, one of {tenants}")
        case row:
            return row


async def _begun(reader: Reader, prefix: str, tenant: str | None) -> Row:
    """The only execution whose id begins so."""
    bearers = await reader.beginning(prefix, tenant, _MOST_NAMED + 1) if prefix else []
    if len(bearers) > 1:
        named = ", ".join(printable(bearer["external_id"]) for bearer in bearers[:_MOST_NAMED])
        more = " and more" if len(bearers) > _MOST_NAMED else ""
        raise UserError(f"several executions begin with {prefix!r}: {named}{more}")
    row = await reader.execution(bearers[0]["id"]) if bearers else None
    return row or _missing(prefix, tenant)


def _missing(name: str, tenant: str | None) -> NoReturn:
    raise UserError(f"there is no execution {name!r}{f' of tenant {tenant!r}' if tenant else ''}")
