"""Reading the parts of an execution: steps, events, payloads, attempts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from execledger_contracts.events import EVENTS, WATCHDOG_SOURCE, ExecutionTimedOut, LlmCalled, OtherEvent, ToolCalled
from execledger_lifecycle.order import BELONGING_RANKS, LIST_ORDER, RAISING_RANKS
from execledger_query.disclosure import listed_names
from execledger_query.paging import Key
from execledger_query.sql import statement
from execledger_query.store.filters import (
    AFTER_CALL,
    AFTER_EVENT,
    AFTER_STEP,
    BY_ARRIVAL,
    NOT_ARRIVED,
    continued,
    with_place,
)
from execledger_query.store.reads import UNBOUNDED, Reads, Row

# What calls of each kind say besides.
_OWN_COLUMNS: Final = {
    "llm": "provider, model, prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens,"
    " input_audio_tokens, output_audio_tokens, cost_usd, cost_source, price_version",
    "tool": "tool_name, success",
}


class Parts(Reads):
    """Parts of executions."""

    async def steps(
        self, execution_id: UUID, after: Key | None, limit: int | None, most_bytes: int = UNBOUNDED
    ) -> Sequence[Row]:
        """At most `limit` steps behind the key `after`, as far as `most_bytes` reach; the last says if it goes on."""
        query, arguments = continued("steps", AFTER_STEP, after, first=4)
        return await self._rows(query, limit, execution_id, most_bytes, *arguments)

    async def step_columns(self, execution_id: UUID, most_bytes: int) -> Row:
        """The fields of all steps, each as a JSON array in text; of no steps where they come to more."""
        row = await self._row(statement("step_columns"), execution_id, most_bytes)
        assert row is not None  # noqa: S101  # it has no GROUP BY
        return row

    async def events(
        self,
        execution_id: UUID,
        after: Key | None,
        limit: int | None,
        most_bytes: int = UNBOUNDED,
        *,
        with_payloads: bool,
    ) -> Sequence[Row]:
        """At most `limit` events behind the key `after`, as far as `most_bytes` reach; the last says if it goes on."""
        query, arguments = continued("events", AFTER_EVENT, after, first=7)
        listed = (OtherEvent.traits.rank, listed_names())
        return await self._rows(query, limit, execution_id, with_payloads, most_bytes, *listed, *arguments)

    async def arrived(
        self, execution_id: UUID, seen: Mapping[str, int], limit: int, most_bytes: int, *, with_payloads: bool
    ) -> Sequence[Row]:
        """As `events`, in the order of their offsets: those behind the last one that was seen of each partition."""
        query = statement("events").replace(", ".join(LIST_ORDER), BY_ARRIVAL)
        query, arguments = with_place(query, NOT_ARRIVED, ([*seen], [*seen.values()]), first=7)
        listed = (OtherEvent.traits.rank, listed_names())
        return await self._rows(query, limit, execution_id, with_payloads, most_bytes, *listed, *arguments)

    async def calls(
        self, kind: Literal["llm", "tool"], execution_id: UUID, after: Key | None, limit: int | None, most_bytes: int
    ) -> Sequence[Row]:
        """At most `limit` calls behind the key `after`, as far as `most_bytes` reach; the last says if it goes on."""
        query, arguments = continued("calls", AFTER_CALL, after, first=4)
        query = query.replace("/* own columns, */", f"{_OWN_COLUMNS[kind]},")
        query = query.replace("/* of their kind */llm_calls", f"{kind}_calls")
        return await self._rows(query, limit, execution_id, most_bytes, *arguments)

    async def logged_events(
        self,
        execution_id: UUID,
        most_bytes: int = UNBOUNDED,
        known_at: datetime | None = None,
        as_of: datetime | None = None,
    ) -> Sequence[Row]:
        """The log of an execution, in no order, as text that the contract reads; payloads are empty.

        What was recorded by `known_at` and happened by `as_of`, as far as it comes to `most_bytes`; the last row says
        whether it goes on.
        """
        return await self._rows(statement("logged_events"), execution_id, most_bytes, known_at, as_of)

    async def known_prices(self, execution_id: UUID, known_at: datetime | None) -> dict[UUID, Decimal | None]:
        """The prices that were computed for calls, by event, as they were stored then."""
        rows = await self._rows(statement("known_prices"), execution_id, known_at)
        return {row["event_id"]: row["cost_usd"] for row in rows}

    async def fold(self, execution_id: UUID) -> str:
        """The state of an execution's fold, as the recorder keeps it; empty when there is no such execution."""
        row = await self._row(statement("fold"), execution_id)
        return "" if row is None else str(row["fold"])

    async def payloads(
        self, sources: Collection[tuple[UUID, UUID]], most_bytes: int = UNBOUNDED, whole: int = 0
    ) -> dict[tuple[UUID, UUID], Row]:
        """By execution and event: what those events say of input, output, result and stack.

        Those of the first `whole` sources in any case, and of the next ones as far as they come to `most_bytes`.
        """
        if not sources:
            return {}
        executions, events = zip(*sources, strict=True)
        rows = await self._rows(statement("payloads"), executions, events, whole, most_bytes)
        return {(row["execution_id"], row["event_id"]): row for row in rows}

    async def step_calls(self, execution_id: UUID) -> Sequence[Row]:
        """How many calls name each step of an execution, by attempt as sent."""
        return await self._rows(statement("step_calls"), execution_id)

    async def attempts(self, execution_id: UUID) -> Sequence[Row]:
        """The attempts of an execution."""
        watchdogs = (ExecutionTimedOut.traits.rank, WATCHDOG_SOURCE)
        endings = [event.traits.rank for event in EVENTS if event.kind == "execution" and event.traits.ends]
        calls = (LlmCalled.traits.rank, LlmCalled.canonical, ToolCalled.canonical)
        ranks = (RAISING_RANKS, BELONGING_RANKS)
        return await self._rows(statement("attempts"), execution_id, endings, *watchdogs, *calls, *ranks)
