"""Reading executions: their lists, one of them, and what their trees come to."""

from collections.abc import Collection, Sequence
from uuid import UUID

from execledger_query.caller import Sees
from execledger_query.paging import Key
from execledger_query.sql import statement
from execledger_query.store.filters import Filters, executions_query, narrowed
from execledger_query.store.reads import Reads, Row


class Executions(Reads):
    """Executions."""

    async def executions(
        self, filters: Filters, after: Key | None, limit: int, among: Collection[UUID] | None = None
    ) -> Sequence[Row]:
        """At most `limit` executions, newest first, those behind the key `after`; without their large members.

        Where there are ids, `among` these.
        """
        query, arguments = executions_query(filters, after, among)
        return await self._rows(query, limit, *arguments)

    async def execution(self, execution_id: UUID) -> Row | None:
        query, arguments = narrowed("executions", {"id": execution_id}, first=2)
        return await self._row(query, 1, *arguments)

    async def aliases(self, external_id: str, tenant_id: str | None = None) -> Sequence[Row]:
        """The executions that bear that external id."""
        return await self._rows(statement("aliases"), external_id, tenant_id)

    async def open_ones(self, execution_ids: Collection[UUID]) -> set[UUID]:
        """Those of them that have not ended."""
        return {row["id"] for row in await self._rows(statement("open_ones"), execution_ids)}

    async def beginning(self, prefix: str, tenant_id: str | None, limit: int) -> Sequence[Row]:
        """At most `limit` executions whose internal or external id begins so."""
        return await self._rows(statement("beginning"), prefix, tenant_id, limit)

    async def trees(self, executions: Collection[Row]) -> dict[tuple[str, str], Row]:
        """By tenant and external id: what the trees come to of those executions that are roots of one.

        An owner's are those of its own executions.
        """
        roots = [
            (row["tenant_id"], row["external_id"])
            for row in executions
            if row["root_execution_id"] == row["external_id"]
        ]
        if not roots:
            return {}
        name = "own_trees" if self._sees is Sees.OWNER else "trees"
        rows = await self._rows(statement(name), *zip(*roots, strict=True))
        return {(row["tenant_id"], row["root_execution_id"]): row for row in rows}
