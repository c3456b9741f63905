"""What an import asks of the record: which executions and owners the rows of older tables name."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from execledger_recorder.store.connection import Connect
from execledger_recorder.store.statements import SQL


class NamedExecution(NamedTuple):
    """An execution that a row names: by the id of its own row (`by_row`), or by the external id."""

    by_row: bool
    name: str
    tenant_id: str
    external_id: str
    root_execution_id: str
    attempt: int
    owner_id: str | None
    topic: str | None  # of its first event, where that is read


class NamedOwner(NamedTuple):
    """What an owner is called and since when, and the newest of its executions."""

    id: str
    tenant_id: str
    email: str | None
    name: str | None
    said_at: datetime
    external_id: str
    root_execution_id: str
    attempt: int
    has_created: bool
    topic: str | None


class Imports:
    """Questions of an import."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def executions(
        self, row_ids: Collection[str], external_ids: Collection[str], tenant: str | None, topics: Collection[str]
    ) -> list[NamedExecution]:
        """Those that are recorded of the named ones, of one tenant or of all."""
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["find_parents"], list(row_ids), list(external_ids), tenant, list(topics))
        return [NamedExecution(**row) for row in rows]

    async def owners(self, ids: Collection[str], tenant: str | None, topics: Collection[str]) -> list[NamedOwner]:
        """The owners with these ids that executions name, of one tenant or of all."""
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["find_owners"], list(ids), tenant, list(topics))
        return [NamedOwner(**row) for row in rows]
