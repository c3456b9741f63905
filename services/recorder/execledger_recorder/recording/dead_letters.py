"""A bad record is kept with its reason, as far as it is not too large, and a copy goes out on the dead-letter topic."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from execledger_contracts.decoding import Undecodable
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.dead_letter import CUT, FACTS, Kept, fingerprint, keep, storable
from execledger_recorder.rules.rows import DeadLetterRow
from execledger_recorder.store import Batch, OutboxRow, pack_headers

_BRIEF: Final = 1_000_000  # bytes whose SHA-256 keeps nobody waiting: 3 ms


class Letters(NamedTuple):
    """Where copies of dead letters go, and how many bytes of a key, a value and the headers are kept at most."""

    topic: str
    most_bytes: int


async def add(tx: Batch, bad: Sequence[tuple[Record, Undecodable]], letters: Letters) -> None:
    """Keep bad records, in the transaction of their batch."""
    kept = [(record, why, await _keep(record, letters.most_bytes)) for record, why in bad]
    await tx.append_dead_letters([_row(*each) for each in kept])
    await tx.append_outbox([_copy(*each, letters.topic) for each in kept])


async def _keep(record: Record, most: int) -> Kept:
    parts = (record.key, record.value, *(value for _, value in record.headers))
    if sum(len(part or b"") for part in parts) > _BRIEF:
        return await asyncio.to_thread(keep, record, most)
    return keep(record, most)


def _row(record: Record, why: Undecodable, kept: Kept) -> DeadLetterRow:
    return DeadLetterRow(
        record.topic,
        record.partition,
        record.offset,
        datetime.fromtimestamp(max(record.timestamp_ms, 0) / 1000, UTC),
        kept.key,
        pack_headers(kept.headers),
        kept.value,
        why.reason,
        storable(why.detail),
        fingerprint(why),
        json.dumps(kept.cut) if kept.cut else None,
        why.tenant_id,
        record.event_index,
    )


def _copy(record: Record, why: Undecodable, kept: Kept, topic: str) -> OutboxRow:
    said = (
        why.reason,
        storable(why.detail),
        record.topic,
        str(record.partition),
        str(record.offset),
        str(record.timestamp_ms),
    )
    added = [(f"execledger-{name}", value.encode()) for name, value in zip(FACTS, said, strict=True)]
    mark = [(CUT, json.dumps(kept.cut).encode())] if kept.cut else []
    return OutboxRow(topic, kept.key, kept.value, pack_headers([*kept.headers, *added, *mark]))
