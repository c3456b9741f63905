"""The way in from Kafka: a lane for each partition, read on from where the ledger stands."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

import structlog
from aiokafka import ConsumerRebalanceListener
from aiokafka.errors import ConsumerStoppedError, KafkaError

from execledger_recorder.intake.circuits import Circuits
from execledger_recorder.intake.client import Client
from execledger_recorder.intake.lane import Lane, Workshop
from execledger_recorder.intake.patience import TROUBLE, Patience
from execledger_recorder.intake.places import Places
from execledger_recorder.intake.watermark import Watermark
from execledger_recorder.metrics import Metrics
from execledger_recorder.recording import Trust
from execledger_recorder.rules.notices import Notices
from execledger_recorder.rules.partition import TopicPartition
from execledger_recorder.settings import Settings
from execledger_recorder.store import Store
from execledger_runtime.errors import LogReplaced

log = structlog.get_logger()

_RETRY_SECONDS: Final = 1.0
_POLL_MS: Final = 50  # a lane that gets room while others are asked waits so long at most


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Consumes the topics of events: each partition in a lane of its own, all of them within one bound of bytes.

    A failure that is nobody's plan is handed to `on_bug`, and nothing more is recorded.
    """

    def __init__(self, store: Store, metrics: Metrics, settings: Settings, on_bug: Callable[[], None]) -> None:
        self.client: Final = Client(settings, self)
        self._trust: Final = Trust(store, settings.bindings)
        self.circuits: Final = Circuits(store, self._trust, metrics, settings)
        self._store: Final = store
        self._metrics: Final = metrics
        self._settings: Final = settings
        self._patience: Final = Patience(metrics, settings.kafka_bootstrap_servers)
        self._notices: Final = Notices()
        self._places: Final = Places(self.client, store, self.circuits, metrics, settings)
        self._watermark: Final = Watermark(self.client, store, self.circuits, metrics)
        self._on_bug: Final = on_bug
        self._lanes: Final[dict[TopicPartition, Lane]] = {}
        self._room: Final = asyncio.Event()  # since it was cleared, a lane came or has more room
        self._committed: dict[TopicPartition, int] = {}
        self._level: dict[TopicPartition, int] = {}  # where Kafka ended of partitions of which nothing waited
        self._fetching: asyncio.Task[None] | None = None
        self._stopped = False

    async def start(self) -> None:
        """Join the group and begin. Raises KafkaError."""
        await self.client.start()
        self._fetching = asyncio.create_task(self._fetch_forever())

    async def drain(self) -> None:
        """Finish the batches in hand and commit what was recorded. Call it before the client is stopped."""
        self._stopped = True
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])
        await self._close(self._lanes.keys())
        await self.commit()

    @property
    def waits_for(self) -> list[str]:
        """Why something cannot be recorded now."""
        return self._patience.waits_for

    @property
    def is_stalled(self) -> bool:
        """Whether records wait in Kafka and none of their partition has come for half a minute."""
        return self._watermark.is_stalled

    async def observe(self) -> None:
        """Write down how far Kafka is ahead of the ledger."""
        if not (lanes := self._open_lanes()):
            return
        with self._patience.waiting("observe"):
            try:
                await self._places.seek_to_ledger([lane.partition for lane in lanes])  # no batch may come to try again
            except LogReplaced:  # of some: the others are seen all the same
                await self._look(lanes)
                raise
            await self._look(lanes)

    async def _look(self, lanes: Collection[Lane]) -> None:
        self._level = await self._watermark.observe(lanes)
        await self.commit()  # at once: with the next tick of its own clock it could take more than two seconds

    async def watch_ledger(self) -> None:
        """Show what the ledger says of itself; look up our place again where it stands before what we recorded."""
        recorded = {lane.partition.id: lane.partition.next_offset for lane in self._open_lanes()}
        ledger = await self._store.ledger.read()
        self._metrics.accounted(ledger)
        stands = {TopicPartition(row.topic, row.partition): row.next_offset for row in ledger}
        for id_, offset in recorded.items():
            if offset is not None and id_ in self._lanes and stands.get(id_, -1) < offset:
                log.warning("ledger_went_back", **id_._asdict(), recorded=offset)
                self._lanes[id_].partition.lose()

    async def watch_circuits(self) -> None:
        """Stop and go on with partitions as Postgres says: a probe or an operator may have spoken there."""
        await self._places.watch_circuits()
        self._room.set()

    async def commit(self) -> None:
        """Tell the group how far we are, for those who watch it: where to read on the ledger knows.

        Behind the last record may lie markers of transactions, which the ledger passes with the next record.
        """
        assigned = self.client.assigned()
        offsets = {
            n: max(at, self._level.get(n, 0))
            for n, lane in self._lanes.items()
            if (at := lane.partition.next_offset) is not None
        }
        moved = {n: at for n, at in offsets.items() if n in assigned and self._committed.get(n) != at}
        if not moved:
            return
        try:
            await self.client.commit(moved)
        except (KafkaError, TimeoutError) as error:
            log.warning("commit_failed", error=repr(error))
        else:
            self._committed |= moved

    async def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Finish what is in hand, so that the next owner need not do it again."""
        ids = {TopicPartition(*each) for each in revoked}
        await self._close(ids)
        await self.commit()
        for id_ in ids:
            self._lanes.pop(id_, None)
            self._committed.pop(id_, None)
            self._level.pop(id_, None)
            self._metrics.forget(id_)

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Read on from where the ledger stands, whatever offsets Kafka remembers."""
        self._metrics.rebalances.inc()
        ids = {TopicPartition(*each) for each in assigned}
        await self._close(ids)
        workshop = self._workshop()
        self._lanes.update({id_: Lane(id_, workshop) for id_ in ids} if not self._stopped else {})
        self._committed.clear()
        self._level.clear()
        log.info("partitions_assigned", partitions=sorted(map(str, ids)))
        try:
            await self._places.seek_to_ledger([lane.partition for lane in self._lanes.values()])
        except TROUBLE as error:  # the first batch tries again
            log.warning("place_unknown", error=str(error))
        except Exception as error:  # noqa: BLE001  # a bug, whatever it is: aiokafka would log it and go on
            self._fail(error)
        self._room.set()

    def _workshop(self) -> Workshop:
        return Workshop(
            self.client,
            self._store,
            self.circuits,
            self._places,
            self._trust,
            self._patience,
            self._metrics,
            self._notices,
            self._settings,
            on_bug=self._fail,
            on_room=self._room.set,
        )

    def _open_lanes(self) -> list[Lane]:
        """Those of partitions that are still ours."""
        assigned = self.client.assigned()
        return [lane for id_, lane in self._lanes.items() if id_ in assigned]

    async def _close(self, ids: Collection[TopicPartition]) -> None:
        lanes = [self._lanes[id_] for id_ in ids if id_ in self._lanes]
        await asyncio.gather(*(lane.close() for lane in lanes))

    async def _fetch_forever(self) -> None:
        """Hand what Kafka has to the lanes that have room for it."""
        while not self._stopped:
            self._room.clear()
            if not (wanted := self._wanted()):
                await self._room.wait()
                continue
            try:
                await self._fetch(wanted)
            except ConsumerStoppedError:
                return
            except KafkaError as error:
                log.warning("fetch_failed", error=str(error) or repr(error))
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001  # a bug, whatever it is
                self._fail(error)

    async def _fetch(self, wanted: Collection[TopicPartition]) -> None:
        fetched = await self.client.fetch(wanted, self._settings.batch_size, _POLL_MS)
        for id_, records in fetched.items():
            if lane := self._lanes.get(id_):
                lane.put(records)

    def _wanted(self) -> list[TopicPartition]:
        """The partitions of which more may be fetched: none while too many bytes wait to be recorded."""
        if sum(lane.size for lane in self._lanes.values()) >= self._settings.max_bytes_in_flight:
            return []
        stopped, assigned = self.circuits.open, self.client.assigned()
        return [n for n, lane in self._lanes.items() if lane.has_room and n not in stopped and n in assigned]

    def _fail(self, error: Exception) -> None:
        log.error("recorder_failed", exc_info=error)
        self._stopped = True
        self._on_bug()
