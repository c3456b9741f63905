"""A batch that fails is halved where a smaller one may pass, and never for an outage."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from execledger_contracts.cleaning import Limits
from execledger_recorder.recording import read, record
from execledger_recorder.store import Store
from execledger_runtime.errors import SessionLost, StoreUnavailable
from factories_recorder import LETTERS, Topic, event

BATCH = 512
HALVINGS = 9


class Trouble:
    """A store whose transactions all fail, the last of some errors again and again."""

    def __init__(self, *errors: StoreUnavailable) -> None:
        self.errors: Sequence[StoreUnavailable] = errors
        self.transactions = 0

    @property
    def partitions(self) -> Any:
        return self

    async def ensure(self, times: Any) -> None: ...

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[Any]:
        self.transactions += 1
        raise self.errors[min(self.transactions, len(self.errors)) - 1]
        yield


async def transactions(*errors: StoreUnavailable) -> int:
    """How many were begun before the recorder waits."""
    trouble = Trouble(*errors)
    with pytest.raises(StoreUnavailable):
        await record(cast(Store, trouble), read(Topic().add(*[event()] * BATCH), Limits()), LETTERS)
    return trouble.transactions


async def test_an_outage_halves_nothing() -> None:
    assert await transactions(StoreUnavailable()) == 1


async def test_an_outage_that_began_with_a_lost_session_is_met_once_more_and_waited_for() -> None:
    assert await transactions(SessionLost(), StoreUnavailable()) == 2


async def test_sessions_that_are_all_lost_are_tried_down_to_one_record_and_waited_for() -> None:
    assert await transactions(SessionLost()) == 1 + HALVINGS
