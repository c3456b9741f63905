"""The log of an execution, or a part of it, with what else its fold is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from execledger_contracts.decoding import reread
from execledger_contracts.events import LlmCalled
from execledger_lifecycle import Caps, Entry, ExecutionFold, enter
from execledger_query.errors import DamagedError
from execledger_query.store import UNBOUNDED, Reader, Row
from execledger_query.views import Payloads, Trees, execution_sources


class Moment(NamedTuple):
    """Which part of a log counts: what was recorded by then, and what had happened by then."""

    known_at: datetime | None = None
    as_of: datetime | None = None

    @property
    def is_now(self) -> bool:
        return self == NOW


NOW: Final = Moment()


@dataclass(frozen=True, slots=True)
class Logged:
    """An execution with its log: all of it, or the part that a moment names."""

    execution: Row
    events: Sequence[Row]
    payloads: Payloads
    trees: Trees
    prices: Mapping[UUID, Decimal | None]
    """Those that were computed, as they were stored then; none with all of the log, of which the row has the sums."""
    caps: Caps | None
    """What the execution may hold; likewise."""

    @property
    def is_whole(self) -> bool:
        """Whether the events were read that there are."""
        return not any(row["goes_on"] for row in self.events[-1:])

    def entries(self) -> list[Entry]:
        """The events as the lifecycle reads them. Raises DamagedError."""
        return [_entry(row, self.prices.get(row["event_id"])) for row in self.events]


async def read(reader: Reader, execution: Row, most_bytes: int = UNBOUNDED, *, with_payloads: bool) -> Logged:
    """An execution with its log; it is not whole when the events come to more than that many bytes."""
    events = await reader.logged_events(execution["id"], most_bytes)
    payloads = await reader.payloads(execution_sources([execution]) if with_payloads else ())
    return Logged(execution, events, payloads, await reader.trees([execution]), {}, None)


async def read_part(reader: Reader, execution: Row, most_bytes: int, moment: Moment) -> Logged:
    """An execution as it is now with the part of its log that a moment names; likewise."""
    events = await reader.logged_events(execution["id"], most_bytes, *moment)
    prices = await reader.known_prices(execution["id"], moment.known_at)
    state = ExecutionFold.load(await reader.fold(execution["id"]))
    return Logged(execution, events, {}, {}, prices, None if state is None else state.caps)


def _entry(row: Row, price: Decimal | None) -> Entry:
    try:
        event = reread(row["event"])
    except Exception as error:
        raise DamagedError.of_event(row["event_id"]) from error
    is_reported = isinstance(event, LlmCalled) and event.data.cost_usd is not None
    nanos = None if is_reported or price is None else int(price.scaleb(9))
    return enter(event, str(row["event_id"]), nanos)
