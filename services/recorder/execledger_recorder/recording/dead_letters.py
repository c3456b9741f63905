"""A bad record is kept as it came, with its reason, and a copy of it goes out on the dead-letter topic."""

from collections.abc import Sequence
from datetime import UTC, datetime

from execledger_contracts.decoding import Undecodable
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.dead_letter import FACTS, fingerprint, storable
from execledger_recorder.rules.rows import DeadLetterRow
from execledger_recorder.store import Batch, OutboxRow, pack_headers


async def add(tx: Batch, bad: Sequence[tuple[Record, Undecodable]], topic: str) -> None:
    """Keep bad records, in the transaction of their batch."""
    await tx.append_dead_letters([_row(record, why) for record, why in bad])
    await tx.append_outbox([_copy(record, why, topic) for record, why in bad])


def _row(record: Record, why: Undecodable) -> DeadLetterRow:
    return DeadLetterRow(
        record.topic,
        record.partition,
        record.offset,
        datetime.fromtimestamp(max(record.timestamp_ms, 0) / 1000, UTC),
        record.key,
        pack_headers(record.headers),
        record.value,
        why.reason,
        storable(why.detail),
        fingerprint(why),
    )


def _copy(record: Record, why: Undecodable, topic: str) -> OutboxRow:
    said = (
        why.reason,
        storable(why.detail),
        record.topic,
        str(record.partition),
        str(record.offset),
        str(record.timestamp_ms),
    )
    added = [(f"execledger-{name}", value.encode()) for name, value in zip(FACTS, said, strict=True)]
    return OutboxRow(topic, record.key, record.value, pack_headers([*record.headers, *added]))
