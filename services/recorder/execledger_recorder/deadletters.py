"""A bad record is kept as it came, with its reason, and a copy of it goes out on the dead-letter topic."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from execledger_contracts.decoding import Undecodable
from execledger_recorder.accounting import Record
from execledger_recorder.store import Batch, DeadLetterRow, OutboxRow, pack_headers

FACTS: Final = ("reason", "detail", "topic", "partition", "offset", "timestamp")
"""What the last headers of a copy say, each behind `execledger-`."""

REDRIVEN_FROM: Final = "execledger-redriven-from"
"""The header of a dead letter that was sent once more: where it lay before."""

_OWN_KEYS: Final = re.compile(
    r"^(data\.(?:labels|metadata|input|output))\..*?((?:\.\[key\])?: (?:must|a number) )", re.DOTALL
)


async def add(tx: Batch, bad: Sequence[tuple[Record, Undecodable]], topic: str) -> None:
    """Keep bad records, in the transaction of their batch."""
    await tx.append_dead_letters([_row(record, why) for record, why in bad])
    await tx.append_outbox([_copy(record, why, topic) for record, why in bad])


def fingerprint(why: Undecodable) -> str:
    """The same for records that are bad in the same way: the reason and the rule, without values and keys of theirs."""
    rule = re.sub(r"\d+", "#", _OWN_KEYS.sub(r"\1\2", why.detail).split(", this is ")[0])
    return sha256(f"{why.reason}\n{rule}".encode()).hexdigest()[:16]


def is_redriven(record: Record) -> bool:
    """Whether it was a dead letter before."""
    return any(name == REDRIVEN_FROM for name, _ in record.headers)


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
        _storable(why.detail),
        fingerprint(why),
    )


def _copy(record: Record, why: Undecodable, topic: str) -> OutboxRow:
    said = (
        why.reason,
        _storable(why.detail),
        record.topic,
        str(record.partition),
        str(record.offset),
        str(record.timestamp_ms),
    )
    added = [(f"execledger-{name}", value.encode()) for name, value in zip(FACTS, said, strict=True)]
    return OutboxRow(topic, record.key, record.value, pack_headers([*record.headers, *added]))


def _storable(text: str) -> str:
    """Postgres holds neither NUL nor lone surrogates, and the detail may quote either."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")
