"""How far Kafka is ahead of the ledger, written down every second: the watchdog's clock, and everybody's lag."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import structlog

from execledger_recorder.intake.circuits import Circuits
from execledger_recorder.intake.client import Client
from execledger_recorder.intake.lane import Lane
from execledger_recorder.metrics import Metrics
from execledger_recorder.store import Store

log = structlog.get_logger()

_STALL_SECONDS: Final = 30.0


class Watermark:
    """Looks at the partitions whose place is known, as of a moment before anybody looked."""

    is_stalled = False
    """Whether records wait in Kafka and none of their partition has come for half a minute."""

    def __init__(self, client: Client, store: Store, circuits: Circuits, metrics: Metrics, topic: str) -> None:
        self._client = client
        self._store = store
        self._circuits = circuits
        self._metrics = metrics
        self._topic = topic

    async def observe(self, lanes: Collection[Lane]) -> dict[int, int]:
        """Write down what can be said of partitions; where Kafka ended of those of which nothing waited.

        Raises MustWait and KafkaError.
        """
        placed = {lane.partition.number: lane for lane in lanes if not lane.partition.is_lost}
        seeks = {number: lane.partition.seeks for number, lane in placed.items()}
        moment = await self._store.ledger.moment()
        passed = await self._client.passed(placed)
        ends = await self._client.ends(placed) if placed else {}
        # While we looked, the partitions or our places in them may have changed: of those nothing can be said.
        seen = {n: lane for n, lane in placed.items() if self._is_ours(lane) and not lane.partition.is_void(seeks[n])}
        level = {number for number, lane in seen.items() if _is_level(lane, ends[number], passed[number])}
        self._watch_for_stall(seen, level)
        current = {number for number in level if not self._client.is_hiding(number, ends[number])}
        for number in current:
            seen[number].partition.oldest_ms = int(moment.timestamp() * 1000)
        # How old the oldest record of any other partition is will be known with the first batch.
        rows = [
            self._see(lane, ends[number], number in current)
            for number, lane in sorted(seen.items())
            if lane.partition.oldest_ms is not None
        ]
        await self._store.ledger.note_ends(self._topic, rows, moment)
        return {number: ends[number] for number in level}

    def _is_ours(self, lane: Lane) -> bool:
        return lane.partition.number in self._client.assigned()

    def _see(self, lane: Lane, end: int, is_current: bool) -> tuple[int, int, int, datetime | None]:
        partition = lane.partition
        assert partition.next_offset is not None  # noqa: S101  # its place is known
        oldest_ms = None if is_current else partition.oldest_ms
        self._metrics.lagging(partition.number, end - partition.next_offset, oldest_ms)
        oldest_at = None if oldest_ms is None else datetime.fromtimestamp(oldest_ms / 1000, UTC)
        return partition.number, partition.next_offset, end, oldest_at

    def _watch_for_stall(self, seen: Mapping[int, Lane], level: Collection[int]) -> None:
        """The client may stop fetching without a word. What a circuit breaker holds back is no stall."""
        now, stopped = monotonic(), self._circuits.open
        for number, lane in seen.items():
            if number in level or not lane.is_idle or number in stopped:
                lane.moved_at = now
        waiting = {number: now - lane.moved_at for number, lane in seen.items() if now - lane.moved_at > _STALL_SECONDS}
        self.is_stalled = bool(waiting)
        self._metrics.stalled.set(self.is_stalled)
        for number, seconds in waiting.items():
            log.error("consumer_stalled", partition=number, seconds=round(seconds))


def _is_level(lane: Lane, end: int, passed: int) -> bool:
    """Whether nothing waits. The client also passes over the markers that end a log of transactions."""
    return lane.is_idle and lane.partition.next_offset is not None and max(lane.partition.next_offset, passed) >= end
