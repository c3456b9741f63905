"""Executions, looked up by name or one page after the other."""

from collections.abc import Sequence
from uuid import UUID

from execledger_recorder.rules.rows import Alias
from execledger_recorder.store.connection import Connect
from execledger_recorder.store.statements import SQL


class Executions:
    """Which executions there are."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def after(self, after: str, tenant_id: str | None, limit: int) -> list[tuple[str, int]]:
        """The next executions behind an id, with how many events the log has of each; of all tenants or of one."""
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["executions_after"], after, tenant_id, limit)
        return [(str(row["id"]), row["events"]) for row in rows]

    async def count_events(self, execution_id: str) -> int | None:
        """How many events the log has of an execution; None when neither the log nor a row knows it."""
        async with self._connect() as connection:
            events: int | None = await connection.fetchval(SQL["count_events"], execution_id)
        return events

    async def by_external_id(self, external_id: str, tenant_id: str | None) -> list[Alias]:
        """Tenant and id of the executions with that external id, of all tenants or of one."""
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["find_external"], external_id, tenant_id)
        return [(row["tenant_id"], str(row["id"])) for row in rows]

    async def newest(self, events: int) -> list[tuple[str, int]]:
        """The executions with the greatest ids, as many as have so many events together, and how many each has."""
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["newest_executions"], events)
        return [(str(row["id"]), row["events"]) for row in rows]

    async def id_range(self) -> tuple[str, str] | None:
        """The least and the greatest id of the log's executions."""
        async with self._connect() as connection:
            row = await connection.fetchrow(SQL["id_range"])
        assert row is not None  # noqa: S101  # it has no FROM
        return None if row["least"] is None else (str(row["least"]), str(row["greatest"]))

    async def named(self, names: Sequence[str], tenant_id: str | None) -> list[tuple[str, str]]:
        """The executions with these internal or external ids, of every tenant unless one is given: id, external id."""
        internal = [name for name in names if _is_uuid(name)]
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["named_executions"], names, internal, tenant_id)
        return [(str(row["id"]), row["external_id"]) for row in rows]

    async def page(
        self,
        after: str,
        *,
        ids: Sequence[str] | None = None,
        tenant_id: str | None = None,
        workflow_id: str | None = None,
        limit: int,
    ) -> list[tuple[str, bool]]:
        """The next executions behind an id, of these when some are given; whether each is of tenant and workflow."""
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["page_executions"], after, ids, tenant_id, workflow_id, limit)
        return [(str(row["id"]), row["wanted"]) for row in rows]


def _is_uuid(name: str) -> bool:
    """Only the canonical form: any other spelling may be somebody's external id."""
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
