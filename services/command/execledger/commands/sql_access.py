"""`execledger sql-access`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from execledger.commands.opening import check_name, check_text, open_store
from execledger.errors import UserError
from execledger.terminal import printable

if TYPE_CHECKING:
    from execledger_recorder.store import Store
    from execledger_recorder.store.sql_access import Access

sql_access = App(name="sql-access", help="Logins of Postgres that read the compatibility views, and as whom.")

_MOST_BYTES = 63  # of a role's name in Postgres


@sql_access.command
def grant(
    login: str,
    *,
    role: Literal["owner", "reader", "service", "admin"] | None = None,
    tenant: str | None = None,
    owner: str | None = None,
) -> None:
    """Let a login read schema compat by SQL, as an owner, a tenant or an admin would read the API.

    What the login sets in its session changes nothing. One that is not there is made, without a password: an
    administrator of Postgres gives it one.

    Parameters
    ----------
    login
        The role of Postgres that logs in.
    role
        As whom it reads; without, an owner where --owner says which, else a reader of its tenant.
    tenant
        Whose executions; of all but an admin, "default" unless said.
    owner
        Of an owner: whose.
    """
    import asyncio

    role = role or ("reader" if owner is None else "owner")
    if (role == "owner") != (owner is not None):
        raise UserError("--owner: an owner has one, and nobody else", exit_status=2)
    if role == "admin" and tenant is not None:
        raise UserError("--tenant: an admin has none", exit_status=2)
    if role != "admin":
        tenant = tenant or "default"
    _check_login(login)
    for option, name in (("--tenant", tenant), ("--owner", owner)):
        if name is not None:
            check_name(option, name)
    asyncio.run(_grant(login, role, tenant, owner))


@sql_access.command
def revoke(login: str) -> None:
    """Take a login's access away; the login itself stays.

    Parameters
    ----------
    login
        The role of Postgres.
    """
    import asyncio

    _check_login(login)
    asyncio.run(_revoke(login))


@sql_access.command(name="list")
def list_(*, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False) -> None:
    """List the logins that have access.

    Parameters
    ----------
    as_json
        Print a JSON array instead.
    """
    import asyncio

    asyncio.run(_list(as_json=as_json))


def _check_login(login: str) -> None:
    check_text("LOGIN", login)
    if not 1 <= len(login.encode()) <= _MOST_BYTES:
        raise UserError(f"LOGIN: should have 1 to {_MOST_BYTES} bytes, this has {len(login.encode())}", exit_status=2)


async def _grant(login: str, role: str, tenant: str | None, owner: str | None) -> None:
    import sys

    from execledger_recorder.store.sql_access import Access

    access = Access(login, role, tenant, owner)
    async with _open_as_superuser() as store:
        if (refused := await store.sql_access.grant(access)) is not None:
            raise UserError(f"{login!r} gets no access: {refused}")
    sys.stdout.write(f"{_line_of(access)}\n")


async def _revoke(login: str) -> None:
    import sys

    async with _open_as_superuser() as store:
        if not await store.sql_access.revoke(login):
            raise UserError(f"{login!r} has no access; `execledger sql-access list` shows who has")
    sys.stdout.write(f"{printable(login)} has no access\n")


async def _list(*, as_json: bool) -> None:
    import json
    import sys

    async with open_store() as store:
        found = await store.sql_access.all()
    if as_json:
        sys.stdout.write(json.dumps([access._asdict() for access in found], indent=2) + "\n")
        return
    sys.stdout.writelines([f"{_line_of(access)}\n" for access in found] or ["no logins\n"])


@asynccontextmanager
async def _open_as_superuser() -> AsyncIterator["Store"]:
    """Roles are made and granted by an account that may, which the recorder's may not."""
    import asyncpg

    async with open_store() as store:
        try:
            yield store
        except asyncpg.InsufficientPrivilegeError as error:
            raise UserError(f"{error}: let EXECLEDGER_POSTGRES_DSN name a superuser") from error


def _line_of(access: "Access") -> str:
    whose = "of every tenant" if access.tenant_id is None else f"of tenant {printable(access.tenant_id)}"
    who = access.role if access.owner_id is None else f"owner {printable(access.owner_id)}"
    return f"{printable(access.role_name)} reads as {who} {whose}"
