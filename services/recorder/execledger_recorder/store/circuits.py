"""The partitions that are held back, or drained."""

from collections.abc import Sequence

from execledger_recorder.rules.circuit import Circuit, Stop
from execledger_recorder.store.connection import Connect
from execledger_recorder.store.statements import SQL


class Circuits:
    """What Postgres knows of circuit breakers, so that commands and restarts do."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def open(self, stop: Stop) -> None:
        """Hold a partition back."""
        async with self._connect() as connection:
            await connection.execute(SQL["open_circuit"], *stop)

    async def read(self, topics: Sequence[str]) -> list[Circuit]:
        """The partitions of topics that are held back, or drained."""
        async with self._connect() as connection:
            return [Circuit(*row) for row in await connection.fetch(SQL["read_circuits"], topics)]

    async def drain(self, topic: str, partition: int, until: int) -> Circuit | None:
        """Let a partition go on, up to an offset whatever its records are; None when it is not held back."""
        async with self._connect() as connection:
            row = await connection.fetchrow(SQL["drain_circuit"], topic, partition, until)
        return None if row is None else Circuit(*row)

    async def forget_drained(self, topics: Sequence[str]) -> None:
        """Those whose end the ledger has passed are as they were before."""
        async with self._connect() as connection:
            await connection.execute(SQL["forget_drained_circuits"], topics)
