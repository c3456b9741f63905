"""The account of every partition of Kafka, and how far Kafka is ahead of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, cast

from execledger_lifecycle import Outcome
from execledger_recorder.rules.ledger import Counted, LedgerRow
from execledger_recorder.rules.partition import TopicPartition
from execledger_recorder.store.connection import Connect, columns
from execledger_recorder.store.statements import SQL

_AUDIT_SECONDS: Final = 86_400.0


class Ledger:
    """Reads and moves the account outside of a batch."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def open(self, first_offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Open the account of partitions that have none; where each of them is to be read on."""
        topics, partitions = columns(list(first_offsets), 2)
        async with self._connect() as connection:
            await connection.execute(SQL["open_ledger"], topics, partitions, list(first_offsets.values()))
            rows = await connection.fetch(SQL["ledger_positions"], topics, partitions)
        return {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}

    async def last_records(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, bytes]]:
        """Offset and digest of the last record that was read of each partition."""
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["last_records"], *columns(list(partitions), 2))
        return {
            TopicPartition(row["topic"], row["partition"]): (row["last_offset"], row["last_digest"]) for row in rows
        }

    async def miss(self, topic: str, partition: int, log_start: int) -> int:
        """Count what Kafka deleted before it was read, and go on where its log begins; how many records that is."""
        async with self._connect() as connection:
            return await connection.fetchval(SQL["miss_records"], topic, partition, log_start) or 0

    async def skip(self, topic: str, partition: int, offset: int, reason: str) -> int | None:
        """Have a record skipped: now when it is the next one, else when the account comes to it.

        Returns where the account stands; None when the partition has none. Below that nothing is left to skip.
        """
        async with self._connect() as connection, connection.transaction():
            position = await connection.fetchval(SQL["lock_account"], topic, partition)
            if position is None or offset < position:
                return cast("int | None", position)
            await connection.execute(SQL["skip_record"], topic, partition, offset, Outcome.SKIPPED, reason)
            while (passed := await connection.fetchval(SQL["pass_skipped"], topic, partition)) is not None:
                position = passed
            return int(position)

    async def skips(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, set[int]]:
        """The offsets ahead of the account that are to be skipped."""
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["skips_ahead"], *columns(list(partitions), 2))
        found: dict[TopicPartition, set[int]] = {}
        for topic, partition, offset in rows:
            found.setdefault(TopicPartition(topic, partition), set()).add(offset)
        return found

    async def moment(self) -> datetime:
        """The time by Postgres' clock, which all recorders share."""
        async with self._connect() as connection:
            moment: datetime = await connection.fetchval(SQL["moment"])
            return moment

    async def note_ends(self, ends: Sequence[tuple[str, int, int, int, datetime | None]], moment: datetime) -> None:
        """Write down how far Kafka was ahead of the ledger at that moment.

        For each partition: topic, number, where the ledger stands, Kafka's end offset, Kafka timestamp of the oldest
        unrecorded record, None when there was none. Nothing is written of one whose ledger does not stand there.
        """
        async with self._connect() as connection:
            await connection.execute(SQL["note_ledger_ends"], *columns(ends, 5), moment)

    async def read(self) -> list[LedgerRow]:
        """The whole account."""
        async with self._connect() as connection:
            return [LedgerRow(**row) for row in await connection.fetch(SQL["read_ledger"])]

    async def audit(
        self,
    ) -> tuple[list[LedgerRow], dict[tuple[str, int, str], Counted], list[tuple[str, int, int, str]]]:
        """The ledger; what the tables hold by topic, partition and outcome; offsets that stand there twice.

        All of one moment, however long it takes.
        """
        async with self._connect() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute("SET LOCAL statement_timeout = 0")
            ledger = [LedgerRow(**row) for row in await connection.fetch(SQL["read_ledger"])]
            counted = {
                tuple(row[:3]): Counted(*row[3:])
                for row in await connection.fetch(SQL["audit_ledger"], timeout=_AUDIT_SECONDS)
            }
            twice = [tuple(row) for row in await connection.fetch(SQL["audit_twice"], timeout=_AUDIT_SECONDS)]
        return ledger, counted, twice

    async def recorded_offsets(self, topic: str, partition: int, start: int, end: int) -> dict[int, str]:
        """The offsets from `start` up to `end` that the tables hold, each with its outcome."""
        async with self._connect() as connection:
            rows = await connection.fetch(SQL["recorded_offsets"], topic, partition, start, end)
        return dict(tuple(row) for row in rows)
