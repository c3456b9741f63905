"""What arrived in a batch, sorted by what it is about."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain
from typing import Any, Final, NamedTuple

from execledger_contracts.decoding import Decoded, Undecodable
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.ids import id_milliseconds, own_id
from execledger_recorder.rules.needs import Digests, Known, Need
from execledger_recorder.rules.rows import Alias, DuplicateRow


class NoEvent:
    """What a record says that is about no execution."""


NO_EVENT: Final = NoEvent()
Found = Decoded | Undecodable | NoEvent
"""What a record says, or why it cannot be read."""
Read = tuple[Record, Found]
"""A record, and what was found in it: of one that brings several events a pair for each, in their order."""
Arrived = tuple[Record, Decoded]
"""A record that brought an event."""
Sifted = tuple[Sequence[Arrived], Sequence[DuplicateRow]]
"""What is new, and what is not."""


class Arrivals(NamedTuple):
    """The events of a batch by the execution that they are of, each in offset order; and the records without event.

    Of a record in which several events are bad the first of them stands for all.
    """

    events: Mapping[Alias, Sequence[Arrived]]
    bad: Sequence[tuple[Record, Undecodable]]
    silent: Sequence[Record] = ()


def sort(reads: Iterable[Read]) -> Arrivals:
    """Sort the records of a batch."""
    events: dict[Alias, list[Arrived]] = {}
    bad: list[tuple[Record, Undecodable]] = []
    silent: list[Record] = []
    for record, decoded in reads:
        if isinstance(decoded, Decoded):
            event = decoded.event
            alias = (event.tenantid, event.subject)
            if (known := events.get(alias)) is None:
                events[alias] = [(record, decoded)]
            else:
                known.append((record, decoded))
        elif isinstance(decoded, NoEvent):
            silent.append(record)
        elif not bad or not _is_one_record(bad[-1][0], record):
            bad.append((record, decoded))
    return Arrivals(events, bad, silent)


def middle(batch: Sequence[Read]) -> int:
    """Where a batch can be halved: before the first event of a record, near the middle; 0 when it is but one record."""
    half = len(batch) // 2
    for at in chain(range(half, 0, -1), range(half + 1, len(batch))):
        if not batch[at][0].event_index:
            return at
    return 0


def parts(batch: Sequence[Read], most: int) -> Iterator[Sequence[Read]]:
    """A batch in parts of so many events at most, unless a single record brings more."""
    if len(batch) <= most or not (at := middle(batch)):
        yield batch
        return
    yield from parts(batch[:at], most)
    yield from parts(batch[at:], most)


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
        duplicates.append(
            DuplicateRow(record.topic, record.partition, record.offset, record.event_index, known.id, event_id, reason)
        )
    return list(first.values()), duplicates


def _is_one_record(first: Record, second: Record) -> bool:
    return (first.partition, first.offset) == (second.partition, second.offset)


def _is_same(decoded: Decoded, logged: bytes) -> bool:
    """Whether the log has this very event by that digest, which earlier versions made of the text."""
    return logged in (decoded.digest, sha256(decoded.text.encode()).digest())
