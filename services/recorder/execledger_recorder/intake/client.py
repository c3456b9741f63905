"""The Kafka client, spoken to about partitions."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Set
from typing import Any, Final, TypeVar

import aiokafka
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord
from aiokafka.errors import KafkaTimeoutError

from execledger_recorder.intake.subscription import Subscription
from execledger_recorder.rules.partition import TopicPartition
from execledger_recorder.settings import Settings
from execledger_runtime.errors import StoreUnavailable

Answer = TypeVar("Answer")

_PATIENCE_SECONDS: Final = 5.0


class Client:
    """What the recorder asks of Kafka. Its methods raise KafkaError."""

    def __init__(self, settings: Settings, listener: ConsumerRebalanceListener) -> None:
        self._brokers = settings.kafka_bootstrap_servers
        self._subscription = Subscription(settings, listener)
        self.start = self._subscription.start
        self.stop = self._subscription.stop

    def assigned(self) -> set[TopicPartition]:
        """The partitions that are ours by now."""
        client = self._subscription.client
        return set() if client is None else {TopicPartition(*each) for each in client.assignment()}

    async def fetch(
        self, partitions: Iterable[TopicPartition], most: int, wait_ms: int
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Records of some partitions, so many at most, once there are any or the time is over."""
        fetched = await self._connected.getmany(*_as_its_own(partitions), timeout_ms=wait_ms, max_records=most)
        return {TopicPartition(*place): records for place, records in fetched.items()}

    def seek(self, partition: TopicPartition, offset: int) -> bool:
        """Let the next fetch start there, if the partition is ours."""
        if partition not in self.assigned():
            return False
        self._connected.seek(*_as_its_own([partition]), offset)
        return True

    def hold_back(self, stopped: Set[TopicPartition]) -> None:
        """Fetch nothing of these partitions, and again of all others."""
        if (client := self._subscription.client) is not None:
            places = set(_as_its_own(stopped & self.assigned()))
            client.resume(*(client.paused() - places))
            client.pause(*places)

    async def passed(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """How far records were handed out.

        Ask before a question to Kafka: while that is answered, a batch that is on its way to us arrives.
        """
        return {
            TopicPartition(*each): await self._answered(self._connected.position(each))
            for each in _as_its_own(partitions)
        }

    async def starts(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the log begins; in one question, for each waits behind a fetch that finds nothing."""
        return _offsets(await self._answered(self._connected.beginning_offsets(_as_its_own(partitions))))

    async def ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the log ends for those who read what is committed; in one question as well."""
        return _offsets(await self._answered(self._connected.end_offsets(_as_its_own(partitions))))

    def highwater(self, partition: TopicPartition) -> int | None:
        """Where the log ended by the last fetch, with what open transactions hide; None before the first."""
        reached: int | None = self._connected.highwater(*_as_its_own([partition]))
        return reached

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the group how far we are. Raises TimeoutError: by itself the client would wait for ever for it."""
        places = dict(zip(_as_its_own(offsets), offsets.values(), strict=True))
        await asyncio.wait_for(self._connected.commit(places), _PATIENCE_SECONDS)

    async def _answered(self, question: Awaitable[Answer]) -> Answer:
        """By itself the client would ask a broker that is away for forty seconds."""
        try:
            return await asyncio.wait_for(question, _PATIENCE_SECONDS)
        except TimeoutError:
            said = f"no answer from Kafka at {self._brokers} within {_PATIENCE_SECONDS:.0f} s"
            raise KafkaTimeoutError(said) from None

    @property
    def _connected(self) -> AIOKafkaConsumer:
        if (client := self._subscription.client) is None:
            raise StoreUnavailable("the consumer is not connected")
        return client


def _as_its_own(partitions: Iterable[TopicPartition]) -> list[Any]:
    """As the client calls them: it looks at the type of some."""
    return [aiokafka.TopicPartition(*each) for each in partitions]


def _offsets(found: Mapping[Any, Any]) -> dict[TopicPartition, int]:
    return {TopicPartition(*place): int(offset) for place, offset in found.items()}
