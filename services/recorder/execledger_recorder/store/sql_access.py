"""Logins that read the compatibility views by SQL."""

from typing import NamedTuple

from execledger_recorder.store.connection import Connect
from execledger_recorder.store.statements import SQL


class Access(NamedTuple):
    """A login, and as whom it reads: an owner of a tenant, a reader or service of a tenant, an admin."""

    role_name: str
    role: str
    tenant_id: str | None
    owner_id: str | None


class SqlAccess:
    """Who they are."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def grant(self, access: Access) -> str | None:
        """Let a login read so, and make it where there is none; why it may not, else None.

        Raises asyncpg.InsufficientPrivilegeError for an account that may not make roles.
        """
        name, role, tenant_id, owner_id = access
        async with self._connect() as connection:
            refused: str | None = await connection.fetchval(SQL["grant_sql_access"], name, role, tenant_id, owner_id)
        return refused

    async def revoke(self, role_name: str) -> bool:
        """Whether the login had access."""
        async with self._connect() as connection:
            had_any: bool = await connection.fetchval(SQL["revoke_sql_access"], role_name)
        return had_any

    async def all(self) -> list[Access]:
        """By name."""
        async with self._connect() as connection:
            return [Access(*row) for row in await connection.fetch(SQL["list_sql_access"])]
