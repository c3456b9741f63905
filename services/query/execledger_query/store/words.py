"""Finding the executions that hold words: beforehand, for the operators of text search are not leakproof."""

from typing import Final

from execledger_query.sql import statement
from execledger_query.store.conditions import Condition, Filters
from execledger_query.store.reads import Reads

AMONG: Final = "id = ANY ({}::uuid[])"
_MOST_FOUND: Final = 5_000
_HOLDS_WORDS: Final = (
    "execledger.words_of(query, error_message, error_type, workflow_name, owner_name)"
    " @@ plainto_tsquery('simple', {}::text)"
)


class Words(Reads):
    """What `q` finds."""

    async def _holding(self, filters: Filters) -> list[Condition]:
        """The condition of `q`: the executions that hold those words; where they are many, a look at each."""
        if filters.q is None:
            return []
        found = (await self._rows(statement("found_words"), filters.q, _MOST_FOUND + 1))[0]["ids"] or []
        if len(found) > _MOST_FOUND:
            return [Condition(_HOLDS_WORDS, (filters.q,))]
        return [Condition(AMONG, (found,))]
