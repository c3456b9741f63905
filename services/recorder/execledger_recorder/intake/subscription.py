"""Everything of FastStream: it makes the Kafka client, joins the group and leaves it."""

from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from execledger_recorder.settings import Settings
from execledger_runtime.kafka.batches import tolerate
from execledger_runtime.kafka.fetching import PARTITION_BYTES, bound
from execledger_runtime.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from faststream.kafka.subscriber.usecase import BatchSubscriber

_SASL: Final = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
_METADATA_MS: Final = 10_000  # a partition that is added to the topic is noticed, and read, after so long
_STOP_SECONDS: Final = 30.0
_FETCH_BYTES: Final = 16 * 1024 * 1024
_FETCH_WAIT_MS: Final = 100  # a question about offsets waits behind the fetch that finds nothing


class Subscription:
    """The recorder's membership in its consumer group."""

    def __init__(self, settings: Settings, listener: ConsumerRebalanceListener) -> None:
        tolerate()
        bound()
        self._broker = KafkaBroker(
            settings.kafka_bootstrap_servers,
            security=_security(settings),
            metadata_max_age_ms=_METADATA_MS,
            consumer_only=True,
            apply_types=False,
            logger=None,
            graceful_timeout=_STOP_SECONDS,
        )
        # Without a handler: FastStream's own loop waits 50 ms after each fetch that found nothing, and knows no lanes.
        self._subscriber: BatchSubscriber = self._broker.subscriber(
            *settings.topics,
            group_id=settings.consumer_group,
            group_instance_id=settings.consumer_instance_id,
            batch=True,
            max_partition_fetch_bytes=PARTITION_BYTES,
            fetch_max_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            listener=listener,
        )

    async def start(self) -> None:
        """Connect and join. Raises KafkaError, and has closed then what it opened on the way."""
        try:
            await self._broker.start()
        except KafkaError:
            await self._broker.stop()
            raise

    async def stop(self) -> None:
        """Leave the group."""
        await self._broker.stop()

    @property
    def client(self) -> AIOKafkaConsumer | None:
        """The Kafka client; None before it is started and once it is stopped."""
        return self._subscriber.consumer


def _security(settings: KafkaSettings) -> BaseSecurity:
    """What the Kafka client is given, as FastStream puts it."""
    options = settings.kafka_options
    context = options.get("ssl_context")
    if "sasl_mechanism" not in options:
        return BaseSecurity(ssl_context=context)
    return _SASL[options["sasl_mechanism"]](
        username=options["sasl_plain_username"], password=options["sasl_plain_password"], ssl_context=context
    )
