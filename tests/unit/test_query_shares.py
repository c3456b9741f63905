"""What one subject may ask: at once, and in a second. Others are not concerned."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from execledger_query import shares
from execledger_query.shares import Allowance, Shares, TooManyError


class Clock:
    """Stands still until told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_requests_beyond_those_at_once_wait_for_one_to_end() -> None:
    held = Shares(Allowance(at_once=1, a_second=100, wait_seconds=60))
    order = []

    async def ask(name: str) -> None:
        async with held.admitted("ann"):
            order.append(name)
            await asyncio.sleep(0)
            order.append(name)

    await asyncio.gather(*map(ask, "abc"))
    assert order == [*"aabbcc"]


async def test_one_that_waits_too_long_is_refused_and_another_subject_is_not() -> None:
    held = Shares(Allowance(at_once=1, a_second=100, wait_seconds=0.01))
    async with held.admitted("ann"):
        with pytest.raises(TooManyError) as refused:
            async with held.admitted("ann"):
                pass
        async with held.admitted("bob"):
            pass
    assert "1 requests of yours at once" in str(refused.value)
    async with held.admitted("ann"):
        pass


async def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "_MOST_WAITING", 1)
    held = Shares(Allowance(at_once=1, a_second=100, wait_seconds=60))
    async with AsyncExitStack() as running:
        await running.enter_async_context(held.admitted("ann"))
        waiting = asyncio.create_task(running.enter_async_context(held.admitted("ann")))
        await asyncio.sleep(0)
        with pytest.raises(TooManyError):
            async with held.admitted("ann"):
                pass
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_requests_in_a_second_are_counted_and_it_is_said_when_to_ask_again() -> None:
    clock = Clock()
    held = Shares(Allowance(at_once=1, a_second=0.5, wait_seconds=60), clock)
    async with held.admitted("ann"):
        pass
    with pytest.raises(TooManyError) as refused:
        async with held.admitted("ann"):
            pass
    assert refused.value.retry_seconds == 3
    clock.now += refused.value.retry_seconds
    async with held.admitted("ann"):
        pass
    async with held.admitted("bob"):
        pass


async def test_subjects_that_rest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "_FORGET_ABOVE", 3)
    clock = Clock()
    held = Shares(Allowance(at_once=1, a_second=1, wait_seconds=60), clock)
    async with held.admitted("busy"):
        for number in range(20):
            clock.now += 1
            async with held.admitted(number):
                pass
        assert "busy" in held._shares
        assert len(held._shares) <= 4
