"""Reading executions: their lists, one of them, and what their trees come to."""

import json
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

from execledger_query.caller import Sees
from execledger_query.paging import Key
from execledger_query.sql import small_columns, statement
from execledger_query.store.conditions import Condition, Filters
from execledger_query.store.filters import narrowed
from execledger_query.store.lists import counting_statement, executions_statement
from execledger_query.store.reads import Row
from execledger_query.store.shown import listed_execution, whole_execution
from execledger_query.store.sorts import NEWEST_FIRST, SORTS, Sort
from execledger_query.store.words import AMONG, Words

MOST_COUNTED: Final = 10_000
"""So far a list is counted: 3 ms."""
_NO_LIMIT: Final = 2**62
_BY_ID: Final = Condition("id = {}::uuid", (None,))


class Executions(Words):
    """Executions."""

    async def executions(
        self,
        filters: Filters,
        after: Key | None,
        limit: int,
        sort: Sort = SORTS[NEWEST_FIRST],
        among: Collection[UUID] | None = None,
        offset: int = 0,
    ) -> Sequence[Row]:
        """At most `limit` executions, newest first, `offset` behind the key `after`; without their large members.

        Where there are ids, `among` these.
        """
        return await self._page(filters, after, limit, sort, small_columns(), offset, among)

    async def listed(
        self, filters: Filters, after: Key | None, limit: int, sort: Sort, fields: frozenset[str], offset: int = 0
    ) -> Sequence[Row]:
        """The same as they are shown, with these members: an `item` of text in JSON each, and what a key is made of."""
        return await self._page(filters, after, limit, sort, listed_execution(fields), offset)

    async def shown(self, *, execution_id: UUID | None = None, external_id: str | None = None) -> Sequence[Row]:
        """The execution with that internal or external id as it is shown alone: an `item` of text in JSON.

        It is null where the record is damaged. There are two rows where several have that external id.
        """
        query = _shown_statement(by_id=external_id is None, own_trees=self._sees is Sees.OWNER)
        return await self._rows(query, 2, execution_id if external_id is None else external_id)

    async def identified(self, *, execution_id: UUID | None = None, external_id: str | None = None) -> Sequence[Row]:
        """Of the same but its id, tenant, owner, root and version: for those who read its parts."""
        said = {"id": execution_id} if external_id is None else {"external_id": external_id}
        query, arguments = narrowed("identified", said, first=1)
        return await self._rows(query, *arguments)

    async def _page(
        self,
        filters: Filters,
        after: Key | None,
        limit: int,
        sort: Sort,
        shown: str,
        offset: int,
        among: Collection[UUID] | None = None,
    ) -> Sequence[Row]:
        narrowing = await self._holding(filters)
        if among is not None:
            narrowing.append(Condition(AMONG, (among,)))
        own_trees = self._sees is Sees.OWNER
        query, arguments = executions_statement(filters, sort, after, shown, narrowing, offset, own_trees=own_trees)
        return await self._rows(query, limit, *arguments)

    async def total(self, filters: Filters, sort: Sort = SORTS[NEWEST_FIRST]) -> tuple[int, bool]:
        """How many executions a list has, and whether that is exact: beyond some thousand it is an estimate."""
        query, arguments = counting_statement(filters, sort, await self._holding(filters))
        counted = (await self._rows(query, MOST_COUNTED + 1, *arguments))[0]["counted"]
        if counted <= MOST_COUNTED:
            return counted, True
        # The planner knows by its statistics. It plans the inner part, as if there were no limit.
        (plan,) = await self._rows(f"EXPLAIN (FORMAT JSON) {query}", _NO_LIMIT, *arguments)
        return max(MOST_COUNTED, _estimated(plan["QUERY PLAN"])), False

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


@cache
def _shown_statement(*, by_id: bool, own_trees: bool) -> str:
    """The statement of an execution that is shown alone, by its internal or external id as $2."""
    filters, besides = (Filters(), [_BY_ID]) if by_id else (Filters(external_id=""), [])
    text, _ = executions_statement(filters, SORTS[NEWEST_FIRST], None, whole_execution(), besides, own_trees=own_trees)
    return text


def _estimated(plan: Any) -> int:
    """How many rows the planner expects below the count."""
    said = json.loads(plan) if isinstance(plan, str) else plan
    return int(said[0]["Plan"]["Plans"][0]["Plan Rows"])
