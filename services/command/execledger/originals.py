"""The records that dead letters were before they were cut: Kafka has them for as long as it keeps them."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from typing import Any, Final, Self

from execledger_recorder.rules.rows import DeadLetterRow
from execledger_recorder.store import pack_headers
from execledger_runtime.kafka.log import KafkaLog

GONE: Final = "it was not kept whole, and cannot be read from Kafka any more: it is gone, or its batch is too large"


class Originals:
    """Reads them again; connects when the first of them is asked for."""

    def __init__(self, kafka_options: Mapping[str, Any], stack: AsyncExitStack) -> None:
        self._kafka_options = kafka_options
        self._stack = stack
        self._kafka: KafkaLog | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, kafka_options: Mapping[str, Any]) -> AsyncIterator[Self]:
        """For as long as the block lasts."""
        async with AsyncExitStack() as stack:
            yield cls(kafka_options, stack)

    async def of(self, row: DeadLetterRow) -> DeadLetterRow | None:
        """A dead letter as it came; None when it was cut and Kafka does not hold it. Raises KafkaError."""
        if row.cut is None:
            return row
        if self._kafka is None:
            self._kafka = await self._stack.enter_async_context(KafkaLog.open(self._kafka_options))
        found = await self._kafka.find(row.topic, row.partition, row.offset)
        if found is None or not _is_of(row, found.key, found.value):
            return None
        return row._replace(key=found.key, value=found.value, headers=pack_headers(found.headers), cut=None)


def _is_of(row: DeadLetterRow, key: bytes | None, value: bytes | None) -> bool:
    """Whether a record is the one that was cut: another one may lie at its offset, in a topic that was made anew."""
    cut = json.loads(row.cut or "{}")
    return all(
        sha256(found or b"").hexdigest() == cut[name].get("sha256") if name in cut else found == kept
        for name, found, kept in (("key", key, row.key), ("value", value, row.value))
    )
