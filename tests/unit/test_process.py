"""How long a service runs, and what ends it."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from execledger_runtime.errors import Unstorable
from execledger_runtime.process import Lifetime


class Passing(Exception):  # noqa: N818
    """What time mends."""


def failing(*errors: Exception | None) -> Callable[[], Awaitable[None]]:
    """Work that raises these, one after the other, or succeeds for None, and then waits for ever."""
    left = list(errors)

    async def work() -> None:
        if not left:
            await asyncio.Event().wait()
        elif (error := left.pop(0)) is not None:
            raise error

    return work


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_and_is_no_failure(number: signal.Signals) -> None:
    lifetime = Lifetime(Passing)
    lifetime.end_by_signal()
    try:
        os.kill(os.getpid(), number)
        await asyncio.wait_for(lifetime.wait(), 5)
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(each)
    assert lifetime.is_over
    assert not lifetime.has_failed


async def test_what_time_mends_is_tried_again_and_logged_when_it_begins_and_when_it_is_over() -> None:
    lifetime = Lifetime(Passing)
    with capture_logs() as lines:
        errors = (Passing("away"), Passing(), Unstorable("damaged"), None)
        async with lifetime.background([lifetime.every(0, failing(*errors))]):
            await lifetime.wait(0.1)
    assert not lifetime.is_over
    assert [(line["event"], line["error"]) for line in lines] == [
        ("background_waits", "what is done now and then: away; it is tried again until it works"),
        ("background_failed", "damaged"),
        ("background_waits", "what is done now and then: over after 0 s"),
    ]


async def test_a_bug_in_the_background_ends_it_as_a_failure() -> None:
    lifetime = Lifetime(Passing)
    with capture_logs() as lines:
        async with lifetime.background([lifetime.every(0, failing(KeyError("nobody planned this")))]):
            await asyncio.wait_for(lifetime.wait(), 5)
    assert lifetime.has_failed
    assert [(line["event"], line["log_level"]) for line in lines] == [("background_failed", "error")]


async def test_what_runs_beside_is_stopped_with_its_block() -> None:
    lifetime, stopped = Lifetime(Passing), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with lifetime.background([work()]):
        pass
    assert stopped.is_set()
    assert not lifetime.has_failed


async def test_what_swallows_a_cancellation_is_cancelled_again() -> None:
    """As aiokafka does while it closes a consumer: what came then is as if it had never been said."""
    lifetime, is_closing = Lifetime(Passing), asyncio.Event()

    async def swallow_once() -> None:
        if not is_closing.is_set():
            is_closing.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    async with asyncio.timeout(10):
        async with lifetime.background([lifetime.every(60, swallow_once)]):
            await is_closing.wait()
    assert not lifetime.has_failed
