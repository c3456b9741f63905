"""How far Kafka is ahead of the ledger, written down every second: the watchdog's clock, and everybody's lag."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final

import structlog

from execledger_recorder.intake.circuits import Circuits
from execledger_recorder.intake.client import Client
from execledger_recorder.intake.lane import Lane
from execledger_recorder.metrics import Metrics
from execledger_recorder.rules.hiding import Hiding
from execledger_recorder.rules.notices import Notices
from execledger_recorder.rules.partition import TopicPartition
from execledger_recorder.store import Store
from execledger_runtime.kafka.transactions import SUSPICIOUS_SECONDS, ending

log = structlog.get_logger()

_STALL_SECONDS: Final = 30.0


class Watermark:
    """Looks at the partitions whose place is known, as of a moment before anybody looked."""

    is_stalled = False
    """Whether records wait in Kafka and none of their partition has come for half a minute."""

    def __init__(self, client: Client, store: Store, circuits: Circuits, metrics: Metrics) -> None:
        self._client = client
        self._store = store
        self._circuits = circuits
        self._metrics = metrics
        self._hiding = Hiding()
        self._notices = Notices()

    async def observe(self, lanes: Collection[Lane]) -> dict[TopicPartition, int]:
        """Write down what can be said of partitions; where Kafka ended of those of which nothing waited.

        Raises MustWait and KafkaError.
        """
        placed = {lane.partition.id: lane for lane in lanes if not lane.partition.is_lost}
        seeks = {id_: lane.partition.seeks for id_, lane in placed.items()}
        moment = await self._store.ledger.moment()
        passed = await self._client.passed(placed)
        ends = await self._client.ends(placed) if placed else {}
        # While we looked, the partitions or our places in them may have changed: of those nothing can be said.
        seen = {n: lane for n, lane in placed.items() if self._is_ours(lane) and not lane.partition.is_void(seeks[n])}
        level = {id_ for id_, lane in seen.items() if _is_level(lane, ends[id_], passed[id_])}
        self._watch_for_stall(seen, level)
        reached = {id_: self._client.highwater(id_) for id_ in seen}
        self._watch_for_open_transactions(seen, {n: ends[n] for n in seen if (reached[n] or 0) > ends[n]})
        current = {id_ for id_ in level if (behind := reached[id_]) is not None and behind <= ends[id_]}
        for id_ in current:
            seen[id_].partition.oldest_ms = int(moment.timestamp() * 1000)
        # How old the oldest record of any other partition is will be known with the first batch.
        rows = [
            self._see(lane, max(ends[id_], reached[id_] or 0), id_ in current)
            for id_, lane in sorted(seen.items())
            if lane.partition.oldest_ms is not None
        ]
        await self._store.ledger.note_ends(rows, moment)
        return {id_: ends[id_] for id_ in level}

    def _is_ours(self, lane: Lane) -> bool:
        return lane.partition.id in self._client.assigned()

    def _see(self, lane: Lane, end: int, is_current: bool) -> tuple[str, int, int, int, datetime | None]:
        partition = lane.partition
        assert partition.next_offset is not None  # noqa: S101  # its place is known
        oldest_ms = None if is_current else partition.oldest_ms
        self._metrics.lagging(partition.id, end - partition.next_offset, oldest_ms)
        oldest_at = None if oldest_ms is None else datetime.fromtimestamp(oldest_ms / 1000, UTC)
        return *partition.id, partition.next_offset, end, oldest_at

    def _watch_for_open_transactions(
        self, seen: Collection[TopicPartition], hidden_from: Mapping[TopicPartition, int]
    ) -> None:
        """What lies behind them waits, nobody sees it, and it grows old."""
        seconds = self._hiding.look(hidden_from, now := monotonic())
        for id_ in seen:
            self._metrics.hidden(id_, seconds.get(id_, 0.0))
        for id_, offset in hidden_from.items():
            if seconds[id_] > SUSPICIOUS_SECONDS and self._notices.is_due(str(id_), now):
                since = datetime.now(UTC) - timedelta(seconds=seconds[id_])
                log.warning(
                    "transaction_open",
                    **id_._asdict(),
                    offset=offset,
                    since=since.isoformat(timespec="seconds"),
                    do=f"end its producer, or: {ending(*id_, offset)}",
                )

    def _watch_for_stall(self, seen: Mapping[TopicPartition, Lane], level: Collection[TopicPartition]) -> None:
        """The client may stop fetching without a word. What a circuit breaker holds back is no stall."""
        now, stopped = monotonic(), self._circuits.open
        for id_, lane in seen.items():
            if id_ in level or not lane.is_idle or id_ in stopped:
                lane.moved_at = now
        waiting = {id_: now - lane.moved_at for id_, lane in seen.items() if now - lane.moved_at > _STALL_SECONDS}
        self.is_stalled = bool(waiting)
        self._metrics.stalled.set(self.is_stalled)
        for id_, seconds in waiting.items():
            log.error("consumer_stalled", **id_._asdict(), seconds=round(seconds))


def _is_level(lane: Lane, end: int, passed: int) -> bool:
    """Whether nothing waits. The client also passes over the markers that end a log of transactions."""
    return lane.is_idle and lane.partition.next_offset is not None and max(lane.partition.next_offset, passed) >= end
