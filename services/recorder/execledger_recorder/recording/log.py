"""The log, read into entries that can be folded."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from execledger_contracts.decoding import reread
from execledger_contracts.events import Event, LlmCalled, OtherEvent
from execledger_contracts.structs import replaced
from execledger_lifecycle import Entry, enter
from execledger_lifecycle.order import OrderKey
from execledger_recorder.recording.reading import RECORD_WEIGHT, TURN
from execledger_recorder.store import Batch
from execledger_runtime.errors import LogDamaged

_LARGE: Final = 4096  # characters of an event from the log: of a smaller one the payloads are no burden


async def read_log(tx: Batch, execution_ids: Sequence[str], behind: OrderKey | None = None) -> dict[str, list[Entry]]:
    """What the log has of executions, or has behind a place in the order, priced as it is stored. Raises LogDamaged."""
    entries: dict[str, list[Entry]] = {execution_id: [] for execution_id in execution_ids}
    prices = await tx.prices.stored(execution_ids, behind)
    weight = 0
    async for execution_id, event_id, text in tx.log.events(execution_ids, behind):
        weight += RECORD_WEIGHT + len(text)
        if weight >= TURN:
            weight = 0
            await asyncio.sleep(0)
        try:
            event = reread(text)
        except Exception as error:
            raise LogDamaged(execution_id, event_id) from error
        if len(text) > _LARGE:
            event = _without_payloads(event)
        is_reported = isinstance(event, LlmCalled) and event.data.cost_usd is not None
        computed_nanos = None if is_reported else prices.get((execution_id, event_id))
        entries[execution_id].append(enter(event, event_id, computed_nanos))
    return entries


def _without_payloads(event: Event) -> Event:
    """Of its payloads only that there are some: a fold asks for no more, and all of a log may not fit into memory."""
    data: Any = event.data
    if isinstance(event, OtherEvent):
        return replaced(event, data=None)
    said = {name: "" for name in ("input", "output", "result") if getattr(data, name, None) is not None}
    return replaced(event, data=replaced(data, **said))
