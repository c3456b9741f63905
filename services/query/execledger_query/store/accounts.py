"""Reading what the system says of itself: the ledger, dead letters, how far it lies behind, figures."""

from collections.abc import Mapping, Sequence

from execledger_query.paging import Key
from execledger_query.sql import statement
from execledger_query.store.filters import AFTER_DEAD_LETTER, narrowed, with_place
from execledger_query.store.reads import Reads, Row


class Accounts(Reads):
    """Accounts of the system."""

    async def ledger(self) -> Sequence[Row]:
        return await self._rows(statement("ledger"))

    async def dead_letters(self, filters: Mapping[str, str], after: Key | None, limit: int) -> Sequence[Row]:
        """At most `limit` dead letters, newest first, those behind the key `after`."""
        query, arguments = narrowed("dead_letters", filters, first=2)
        query, place = with_place(query, AFTER_DEAD_LETTER, after, first=2 + len(arguments))
        return await self._rows(query, limit, *arguments, *place)

    async def dead_letter(self, letter_id: int) -> Row | None:
        return await self._row(statement("dead_letter"), letter_id)

    async def lag(self, topics: Sequence[str]) -> Row | None:
        return await self._row(statement("lag"), topics)

    async def figures(self, top_workflows: int) -> tuple[Sequence[Row], Sequence[Row], Row]:
        """What all executions come to; all steps; and what is open."""
        executions = await self._rows(statement("figures"), top_workflows)
        steps = await self._rows(statement("step_figures"))
        (of_open,) = await self._rows(statement("open_figures"))
        return executions, steps, of_open
