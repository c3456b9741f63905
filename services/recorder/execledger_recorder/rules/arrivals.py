"""What arrived in a batch, sorted by what it is about."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from execledger_contracts.decoding import Decoded, Undecodable
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.ids import id_milliseconds, own_id
from execledger_recorder.rules.needs import Digests, Known, Need
from execledger_recorder.rules.rows import Alias, DuplicateRow

Read = tuple[Record, Decoded | Undecodable]
"""A record, and what it says or why it says nothing."""
Arrived = tuple[Record, Decoded]
"""A record that brought an event."""
Sifted = tuple[Sequence[Arrived], Sequence[DuplicateRow]]
"""What is new, and what is not."""


class Arrivals(NamedTuple):
    """The events of a batch by the execution that they are of, each in offset order; and the records without event."""

    events: Mapping[Alias, Sequence[Arrived]]
    bad: Sequence[tuple[Record, Undecodable]]


def sort(reads: Iterable[Read]) -> Arrivals:
    """Sort the records of a batch."""
    events: dict[Alias, list[Arrived]] = {}
    bad: list[tuple[Record, Undecodable]] = []
    for record, decoded in reads:
        if isinstance(decoded, Decoded):
            event = decoded.event
            alias = (event.tenantid, event.subject)
            if (known := events.get(alias)) is None:
                events[alias] = [(record, decoded)]
            else:
                known.append((record, decoded))
        else:
            bad.append((record, decoded))
    return Arrivals(events, bad)


def id_times(arrivals: Arrivals) -> Iterator[datetime]:
    """The times in the ids that new executions of this batch may get."""
    for alias, arrived in arrivals.events.items():
        record, decoded = arrived[0]
        yield decoded.event.time.astimezone(UTC)
        if own := own_id(alias[1], record.timestamp_ms):
            yield datetime.fromtimestamp(id_milliseconds(own) / 1000, UTC)


def sift(known: Known, arrived: Sequence[Arrived]) -> Generator[Need, Any, Sifted]:
    """Tell what is new from what is not: logged before, or the second of its id in the batch."""
    event_ids = [decoded.event_id for _, decoded in arrived]
    logged: Mapping[str, bytes] = (yield Digests(known.id, event_ids)) if known.row else {}
    if not logged and len(set(event_ids)) == len(event_ids):
        return arrived, ()
    first: dict[str, Arrived] = {}
    duplicates: list[DuplicateRow] = []
    for record, decoded in arrived:
        event_id = decoded.event_id
        if event_id in logged:
            is_same = _is_same(decoded, logged[event_id])
        elif event_id in first:
            is_same = decoded.digest == first[event_id][1].digest
        else:
            first[event_id] = (record, decoded)
            continue
        reason = "repeated" if is_same else "conflict"
        duplicates.append(DuplicateRow(record.topic, record.partition, record.offset, known.id, event_id, reason))
    return list(first.values()), duplicates


def _is_same(decoded: Decoded, logged: bytes) -> bool:
    """Whether the log has this very event by that digest, which earlier versions made of the text."""
    return logged in (decoded.digest, sha256(decoded.text.encode()).digest())
