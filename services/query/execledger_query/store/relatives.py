"""Reading executions that belong to each other."""

from collections.abc import Collection, Sequence

from execledger_query.paging import Key
from execledger_query.sql import statement
from execledger_query.store.filters import AFTER_MEMBER, continued
from execledger_query.store.reads import Reads, Row


class Relatives(Reads):
    """Parents, children and trees."""

    async def named(self, tenant_id: str, external_ids: Collection[str]) -> dict[str, Row]:
        """Those of a tenant's executions with these external ids that there are, by external id."""
        rows = await self._rows(statement("named_executions"), tenant_id, list(external_ids))
        return {row["external_id"]: row for row in rows}

    async def children(self, tenant_id: str, external_id: str, limit: int) -> Sequence[Row]:
        """At most `limit` executions that name this one as their parent, in the order of their creation."""
        return await self._rows(statement("children"), limit, tenant_id, external_id)

    async def tree(self, tenant_id: str, root_execution_id: str, after: Key | None, limit: int) -> Sequence[Row]:
        """At most `limit` executions of that root's tree by start, those behind the key `after`."""
        query, arguments = continued("tree", AFTER_MEMBER, after, first=4)
        return await self._rows(query, limit, tenant_id, root_execution_id, *arguments)
