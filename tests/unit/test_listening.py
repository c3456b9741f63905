"""The SDK's ear for commands ends when it is told to, whatever its client does with that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaConsumer

from execledger_publisher.cancelling import cancel
from execledger_publisher.listening import Listener


class Swallowing(Listener):
    """Its connection is lost, and its client swallows the cancellation that comes while it is closed."""

    def __init__(self) -> None:
        super().__init__("executions.control", lambda value: None, {})
        self.is_closing = asyncio.Event()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AIOKafkaConsumer]:
        try:
            raise ConnectionError("lost")
            yield
        finally:
            self.is_closing.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


async def test_a_cancellation_that_the_client_swallows_ends_the_listening() -> None:
    listener = Swallowing()
    running = asyncio.create_task(listener.run())
    await listener.is_closing.wait()
    running.cancel()
    await asyncio.wait([running], timeout=5)
    assert running.done()
    await cancel([running])
