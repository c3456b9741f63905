"""Whoever follows the feed of changes misses none, while transactions commit, roll back and die in any order."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Final

import pytest
from prometheus_client import CollectorRegistry

from execledger_contracts.cleaning import Limits
from execledger_query.caller import EVERYTHING
from execledger_query.feed import Cursor, Expired, FeedChange, Followed
from execledger_query.store import Options
from execledger_query.store import Store as Readers
from execledger_recorder.duties import feed as duty
from execledger_recorder.duties.rebuild import rebuild
from execledger_recorder.duties.reprice import Wanted, reprice
from execledger_recorder.metrics import Metrics
from execledger_recorder.recording import read, record
from execledger_recorder.rules import pricing
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.feed import FeedEntry
from execledger_recorder.rules.ids import new_id
from execledger_recorder.store import Store
from execledger_runtime.errors import StoreUnavailable
from factories_recorder import LETTERS, NOON, Desk, Topic, batches, chance, desk, event, history

LANES: Final = 6


class RolledBack(Exception):  # noqa: N818
    """On purpose."""


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part on a fresh database."""
    async with desk(database) as office:
        yield office


def entries(count: int, tenant: str = "t") -> list[FeedEntry]:
    return [FeedEntry(tenant, new_id(NOON), version, "changed") for version in range(1, count + 1)]


def entry_of(change: FeedChange) -> FeedEntry:
    return FeedEntry(change.tenant_id, str(change.execution_id), change.version or 0, change.what)  # type: ignore[arg-type]


async def append(store: Store, lane: str, said: Sequence[FeedEntry]) -> None:
    async with store.batch() as tx:
        await tx.append_changes(lane, said)


async def after(office: Desk, cursor: Cursor, limit: int) -> Followed | Expired:
    async with Readers.open(Options(office.dsn)) as store, store.reading(EVERYTHING) as reader:
        return await reader.changes(cursor, limit)


async def expired(office: Desk, cursor: Cursor) -> Expired:
    page = await after(office, cursor, 100)
    assert isinstance(page, Expired)
    return page


async def now(office: Desk) -> Cursor:
    async with Readers.open(Options(office.dsn)) as store, store.reading(EVERYTHING) as reader:
        return await reader.heads()


async def follow(office: Desk, cursor: Cursor, limit: int = 1000) -> tuple[list[FeedChange], Cursor]:
    """All that there is behind a cursor."""
    found: list[FeedChange] = []
    while isinstance(page := await after(office, cursor, limit), Followed):
        found += page.changes
        cursor = page.cursor
        if page.is_all:
            return found, cursor
    raise AssertionError(page)


async def test_a_reader_misses_nothing_while_transactions_commit_out_of_order(office: Desk) -> None:
    """Two recorders write to each lane; of their transactions some are rolled back, and some lose their session."""
    random = chance(3)
    committed: dict[str, Counter[FeedEntry]] = defaultdict(Counter)
    seen: list[FeedChange] = []
    done = asyncio.Event()

    async def write(lane: str, random: Random) -> None:
        for _ in range(15):
            said = entries(random.randint(1, 5))
            with suppress(RolledBack, StoreUnavailable):
                await transact(lane, said, random)
                committed[lane].update(said)

    async def transact(lane: str, said: Sequence[FeedEntry], random: Random) -> None:
        async with office.store.batch() as tx:
            await tx.append_changes(lane, said[:1])
            await asyncio.sleep(random.random() / 50)
            await tx.append_changes(lane, said[1:])
            match random.randrange(5):
                case 0:
                    raise RolledBack
                case 1:
                    await tx.connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    async def look(random: Random) -> None:
        cursor: Cursor = {}
        while not (done.is_set() and await now(office) == cursor):
            page = await after(office, cursor, random.randint(1, 30))
            assert isinstance(page, Followed)
            seen.extend(page.changes)
            cursor = page.cursor
            await asyncio.sleep(random.random() / 100)

    reader = asyncio.create_task(look(random))
    lanes = [f"lane/{number}" for number in range(LANES)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(write(lane, random) for lane in [*lanes, *lanes]))
        done.set()
        await reader
    names = {row["lane"]: row["name"] for row in await office.rows("SELECT lane, name FROM execledger.feed_lanes")}
    positions: dict[int, list[int]] = defaultdict(list)
    found: dict[str, Counter[FeedEntry]] = defaultdict(Counter)
    for each in seen:
        positions[each.lane].append(each.position)
        found[names[each.lane]][entry_of(each)] += 1
    assert found == committed
    for each_lane in positions.values():
        assert each_lane == list(range(1, len(each_lane) + 1))


async def test_a_lane_that_is_held_up_hides_no_other_and_shows_all_when_it_commits(office: Desk) -> None:
    slow, fast = entries(2), entries(2)
    async with office.store.batch() as tx:
        await tx.append_changes("slow", slow)
        await append(office.store, "fast", fast)
        first, cursor = await follow(office, {})
    second, _ = await follow(office, cursor)
    assert [str(change.execution_id) for change in first] == [entry.execution_id for entry in fast]
    assert [str(change.execution_id) for change in second] == [entry.execution_id for entry in slow]


async def test_every_lane_is_read_however_much_another_has(office: Desk) -> None:
    await append(office.store, "much", entries(50))
    await append(office.store, "little", entries(2))
    page = await after(office, {}, 4)
    assert isinstance(page, Followed)
    assert Counter(change.lane for change in page.changes) == dict.fromkeys(page.cursor, 2)
    rest, _ = await follow(office, page.cursor, limit=7)
    assert len(rest) == 48


async def test_a_reader_that_begins_now_sees_what_comes_in_lanes_old_and_new(office: Desk) -> None:
    await append(office.store, "old", entries(3))
    cursor = await now(office)
    assert await follow(office, cursor) == ([], cursor)
    await append(office.store, "new", entries(1))
    await append(office.store, "old", entries(1))
    found, _ = await follow(office, cursor)
    assert sorted(change.position for change in found) == [1, 4]


async def record_all(office: Desk, records: Sequence[Record]) -> None:
    await office.open("events")
    await record(office.store, read(records, Limits()), LETTERS)


async def test_a_batch_says_of_each_execution_that_it_changed_what_it_did_to_it(office: Desk) -> None:
    topic, cursor = Topic(), await now(office)
    said: list[list[tuple[str, str, int | None]]] = []
    again = event("execution.completed", at=3)
    for batch in (
        [event(), event(subject="run-2"), event("execution.failed", subject="run-2", at=1)],
        [event("step.started", {"step": {"id": "a"}}, at=1), event("execution.progressed", at=2), b"garbage"],
        [again],
        [again, b"garbage"],
        [event("execution.started", at=4, attempt=2)],
    ):
        await record_all(office, topic.add(*batch))
        found, cursor = await follow(office, cursor)
        names = {row["id"]: row["external_id"] for row in await office.rows(_NAMES)}
        said.append(sorted((names[str(change.execution_id)], change.what, change.version) for change in found))
    assert said == [
        [("run-1", "created", 1), ("run-2", "ended", 2)],
        [("run-1", "changed", 3)],
        [("run-1", "ended", 4)],
        [],
        [("run-1", "reopened", 5)],
    ]


async def test_the_feed_of_partitions_that_are_recorded_at_once_leads_to_the_record(office: Desk) -> None:
    random, topic = chance(5), Topic()
    await office.open("events")
    lanes: list[list[Record]] = [[] for _ in range(3)]
    for said in history():
        lane = random.randrange(3)
        lanes[lane] += topic.add(said, partition=lane)

    async def record_lane(records: Sequence[Record]) -> None:
        for part in batches(records, random, most=4):
            await record_all(office, part)

    await asyncio.gather(*map(record_lane, lanes))
    found, _ = await follow(office, {})
    names = [row["name"] for row in await office.rows("SELECT name FROM execledger.feed_lanes ORDER BY name")]
    assert names == ["events/0", "events/1", "events/2"]
    assert len({(change.execution_id, change.version) for change in found}) == len(found)
    newest = {str(change.execution_id): change.version for change in sorted(found, key=lambda each: each.version or 0)}
    rows = await office.rows("SELECT id::text, version FROM execledger.executions")
    assert newest == {row["id"]: row["version"] for row in rows}


async def test_a_batch_that_fails_says_nothing(office: Desk) -> None:
    with suppress(RolledBack):
        async with office.store.batch() as tx:
            await tx.append_changes("lane", entries(3))
            raise RolledBack
    assert await follow(office, {}) == ([], {})


async def test_a_rebuild_and_a_repricing_tell_what_they_changed(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    call = event("llm.called", {"provider": "openai", "model": "gpt-4o", "prompt_tokens": 1000}, at=1)
    await record_all(office, Topic().add(event(), call, event(subject="run-2")))
    cursor = await now(office)
    monkeypatch.setattr(pricing, "price", lambda *_: 7)
    await reprice(office.store, Wanted())
    priced, cursor = await follow(office, cursor)
    await office.connection.execute("UPDATE execledger.executions SET status = 'pending' WHERE external_id = 'run-2'")
    await rebuild(office.store, [str(row["id"]) for row in await office.rows(_NAMES)])
    rebuilt, _ = await follow(office, cursor)
    names = {row["id"]: row["external_id"] for row in await office.rows(_NAMES)}
    assert [(names[str(change.execution_id)], change.what) for change in priced] == [("run-1", "changed")]
    assert [(names[str(change.execution_id)], change.what) for change in rebuilt] == [("run-2", "changed")]
    lanes = await office.rows("SELECT name FROM execledger.feed_lanes ORDER BY lane")
    assert [row["name"] for row in lanes] == ["events/0", "reprice", "rebuild"]


async def age(office: Desk, lane: str, positions: int, hours: float) -> None:
    await office.connection.execute(
        "UPDATE execledger.changes SET changed_at = now() - $3::interval WHERE position <= $2"
        " AND lane = (SELECT lane FROM execledger.feed_lanes WHERE name = $1)",
        lane,
        positions,
        timedelta(hours=hours),
    )


async def test_what_is_old_is_dropped_and_who_has_not_read_it_is_told(office: Desk) -> None:
    await append(office.store, "a", entries(10))
    await append(office.store, "b", entries(10))
    behind, (_, cursor) = await after(office, {}, 4), await follow(office, {})
    assert isinstance(behind, Followed)
    await age(office, "a", 5, hours=25)
    assert [await office.store.feed.trim(86_400, 2) for _ in range(4)] == [2, 2, 1, 0]
    (lane_a,) = [row["lane"] for row in await office.rows("SELECT lane FROM execledger.feed_lanes WHERE name = 'a'")]
    assert (await expired(office, behind.cursor)).lanes == [lane_a]
    assert (await expired(office, {})).lanes == [lane_a]
    at_the_edge = {**cursor, lane_a: 5}
    found, _ = await follow(office, at_the_edge)
    assert [change.position for change in found] == [6, 7, 8, 9, 10]
    await append(office.store, "a", entries(1))
    found, _ = await follow(office, cursor)
    assert [change.position for change in found] == [11]


async def test_the_duty_drops_all_that_is_old_and_shows_what_is_kept(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duty, "_AT_ONCE", 3)
    metrics = Metrics(CollectorRegistry())
    await append(office.store, "a", entries(10))
    await append(office.store, "b", entries(4))
    await age(office, "a", 10, hours=2)
    await duty.trim(office.store, metrics, 3)
    assert metrics.feed_changes._value.get() == 14
    await duty.trim(office.store, metrics, 1)
    assert metrics.feed_changes._value.get() == 4
    assert await office.value("SELECT count(*) FROM execledger.changes") == 4
    found, _ = await follow(office, await now(office))
    assert found == []


async def test_one_recorder_at_a_time_drops_what_is_old_and_none_waits_for_it(office: Desk) -> None:
    await append(office.store, "a", entries(3))
    await age(office, "a", 3, hours=2)
    async with office.store.batch() as tx:
        await tx.connection.fetch("SELECT pg_advisory_xact_lock(hashtext('execledger.feed'))")
        assert await office.store.feed.trim(3600, 10) == 0
        await append(office.store, "a", entries(1))
    assert await office.store.feed.trim(3600, 10) == 3


async def test_a_reader_that_stands_where_a_restored_database_never_was_is_told(office: Desk) -> None:
    await append(office.store, "a", entries(3))
    _, cursor = await follow(office, {})
    await office.connection.execute("DELETE FROM execledger.changes WHERE position = 3")
    await office.connection.execute("UPDATE execledger.feed_lanes SET next_position = 3")
    assert (await expired(office, cursor)).lanes == [*cursor]


_NAMES: Final = "SELECT id::text, external_id FROM execledger.executions"
