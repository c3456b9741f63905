"""Several transactions of one recorder at once, one for each partition: none holds up the others."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from random import Random
from typing import Final

import pytest

from execledger_contracts.cleaning import Limits
from execledger_recorder.recording import Report, read, record
from execledger_recorder.rules.account import Record, Tally
from execledger_recorder.rules.partition import TopicPartition
from execledger_recorder.store import Batch, Store
from factories_recorder import LETTERS, Desk, Row, Topic, batches, chance, desk, event, history, snapshot

LANES: Final = 8
HOT: Final = {"workflow": {"id": "hot", "name": "Hot"}, "owner": {"id": "ann", "name": "Ann"}}


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part on a fresh database, with a connection for each lane."""
    async with desk(database) as office, Store(database, connections=LANES) as office.store:
        await office.store.ledger.open({TopicPartition("events", number): 0 for number in range(LANES)})
        yield office


async def record_part(office: Desk, part: Sequence[Record]) -> Report:
    return await record(office.store, read(part, Limits()), LETTERS)


async def test_a_lane_waits_for_none_that_says_the_same_workflow_and_owner(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the one that stands still, all is written but its end."""
    topic, advance = Topic(), Batch.advance_ledger
    goes_on, stands_still = asyncio.Event(), asyncio.Event()
    held_up = topic.add(event(data=HOT, subject="slow"), partition=0)
    renamed = {**HOT, "workflow": {"id": "hot", "name": "Renamed"}}
    others = [
        topic.add(event(data=renamed, subject=f"run-{lane}", at=lane), partition=lane) for lane in range(1, LANES)
    ]

    async def stop(tx: Batch, topic: str, tallies: Mapping[int, Tally]) -> None:
        await advance(tx, topic, tallies)
        if 0 in tallies:
            stands_still.set()
            await goes_on.wait()

    monkeypatch.setattr(Batch, "advance_ledger", stop)
    slow = asyncio.create_task(record_part(office, held_up))
    await stands_still.wait()
    await asyncio.wait_for(asyncio.gather(*(record_part(office, part) for part in others)), 10)
    assert not slow.done()
    goes_on.set()
    await slow
    assert await office.rows("SELECT name, event_id FROM execledger.workflows") == [
        {"name": "Renamed", "event_id": await office.value(_EVENT_OF, f"run-{LANES - 1}")}
    ]


async def test_what_was_said_before_what_is_known_locks_no_row(office: Desk) -> None:
    topic = Topic()
    await record_part(office, topic.add(event(data=HOT, at=60)))
    async with office.connection.transaction():
        await office.connection.execute("SELECT FROM execledger.workflows, execledger.owners FOR UPDATE")
        earlier = topic.add(event(data=HOT, subject="run-2"), partition=1)
        await asyncio.wait_for(record_part(office, earlier), 10)


async def test_many_lanes_at_once_record_what_one_would(office: Desk) -> None:
    """One that Postgres ends for a deadlock would raise StoreUnavailable."""
    random = chance(7)
    said, alone, together = _traffic(random), Topic("alone"), Topic()
    await office.open("alone")
    for part in batches(alone.add(*({**each, "tenantid": "alone"} for each in said)), random, most=40):
        await record_part(office, part)
    lanes: list[list[Record]] = [[] for _ in range(LANES)]
    for each in random.sample([*said, *said[::5]], len(said) + len(said[::5])):  # some come twice
        lane = random.randrange(LANES)
        lanes[lane] += together.add({**each, "tenantid": "together"}, partition=lane)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for records in lanes:
            group.create_task(_record_all(office, list(batches(records, random, most=20))))
    while await office.store.usage.recompute():
        pass
    assert await snapshot(office.connection, "together") == await snapshot(office.connection, "alone")


async def _record_all(office: Desk, parts: Sequence[Sequence[Record]]) -> None:
    for part in parts:
        await record_part(office, part)


def _traffic(random: Random) -> list[Row]:
    """Executions of one workflow and owner, each of which is heard of in several lanes."""
    runs: list[Row] = []
    for number in range(60):
        runs += [
            event(data={**HOT, "labels": {"n": str(number)}}, subject=f"hot-{number}", at=number),
            event("step.started", {"step": {"id": "draft"}}, subject=f"hot-{number}", at=number + 1),
            event("llm.called", {"prompt_tokens": number}, subject=f"hot-{number}", at=number + 2),
            event("execution.completed", {"result": "r"}, subject=f"hot-{number}", at=number + random.randint(1, 9)),
        ]
    return [*history(), *runs]


_EVENT_OF: Final = (
    "SELECT event_id FROM execledger.execution_events JOIN execledger.execution_aliases AS alias"
    " ON alias.id = execution_id WHERE external_id = $1"
)
