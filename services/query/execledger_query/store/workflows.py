"""Reading the registry of workflows."""

from collections.abc import Sequence

from execledger_query.caller import Sees
from execledger_query.paging import Key
from execledger_query.sql import statement
from execledger_query.store.filters import with_place
from execledger_query.store.reads import Reads, Row

WORKFLOW_KEY = (str, str)
_AFTER: str = " AND (workflow.tenant_id, workflow.id) > ({}::text, {}::text)"
_FILTERS = "/* AND filters */"


class Workflows(Reads):
    """Workflows, and what their executions come to."""

    async def workflows(self, after: Key | None, limit: int, offset: int) -> Sequence[Row]:
        """At most `limit` workflows by tenant and id, behind the key `after` and so many more."""
        query, place = with_place(statement("workflows"), _AFTER, after, first=3)
        return await self._rows(query, limit, offset, *place)

    async def workflow(self, workflow_id: str) -> Sequence[Row]:
        """Those of that id: one within a tenant."""
        query = statement("workflows").replace(_FILTERS, f" AND workflow.id = $3{_FILTERS}")
        return await self._rows(query, 2, 0, workflow_id)

    async def count_workflows(self) -> int:
        """How many there are."""
        (row,) = await self._rows(statement("count_workflows"))
        total: int = row["total"]
        return total

    async def workflow_counts(self, ids: Sequence[str]) -> Sequence[Row]:
        """Of their executions `number` by version and status; and where `bucket` is not null, in that bucket."""
        name = "own_workflow_counts" if self._sees is Sees.OWNER else "workflow_counts"
        return await self._rows(statement(name), ids)


def workflow_key(row: Row) -> Key:
    return (row["tenant_id"], row["id"])
