"""Whoever follows a stream gets every change that they may see, once and at once, wherever they were cut off."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from random import Random
from statistics import median
from typing import Any

import httpx2
import pytest

from execledger_query.live import hub
from execledger_query.live.channels import ExecutionChannel, ListChannel
from execledger_recorder.rules.feed import FeedEntry
from factories_query import bearing, token
from factories_recorder import Desk, Topic, batches, chance, desk, event, history
from running import eventually
from streaming import Reader, Sent, reading, served

READER = bearing("rita", "default", "reader")
NEW = "/v1/stream?limit=0"


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part on a fresh database."""
    async with desk(database) as office:
        yield office


@pytest.fixture
async def client(office: Desk) -> AsyncIterator[httpx2.AsyncClient]:
    async with served(office.dsn) as client:
        yield client


def runs(*names: str, type_: str = "execution.started", **attributes: Any) -> list[dict[str, Any]]:
    return [event(type_, subject=name, **attributes) for name in names]


def names(sent: list[Sent]) -> list[str]:
    return [each.data["external_id"] for each in sent]


async def test_a_stream_begins_with_what_there_is_and_goes_on_with_what_changes(
    office: Desk, client: httpx2.AsyncClient
) -> None:
    topic = Topic()
    await office.record(topic.add(event(subject="run-1"), event(subject="run-2", at=1)))
    async with reading(client, "/v1/stream", READER) as stream:
        assert names(await stream.many(2)) == ["run-2", "run-1"]
        await office.record(topic.add(event("execution.completed", subject="run-1", at=2)))
        (ended,) = await stream.many(1)
        assert (ended.kind, ended.data["external_id"], ended.data["status"]) == ("execution", "run-1", "completed")
        assert stream.retry == 2000
        assert await stream.is_silent()


async def test_an_execution_is_shown_as_lists_show_it(office: Desk, client: httpx2.AsyncClient) -> None:
    await office.record(Topic().add(*history()))
    listed = (await client.get("/v1/executions", headers=READER)).json()["items"]
    async with reading(client, "/v1/stream", READER) as stream:
        assert [sent.data for sent in await stream.many(len(listed))] == listed
    async with reading(client, "/v1/stream?fields=id,status&limit=1&status=cancelled", READER) as stream:
        (sent,) = await stream.many(1)
        (cancelled,) = (item for item in listed if item["status"] == "cancelled")
        assert sent.data == {"id": cancelled["id"], "status": "cancelled"}


async def test_a_stream_of_one_has_its_events_its_record_and_its_end(office: Desk, client: httpx2.AsyncClient) -> None:
    topic = Topic()
    await office.record(topic.add(event(), event("step.started", {"step": {"id": "draft"}, "input": "secret"}, at=1)))
    async with reading(client, "/v1/executions/run-1/stream", READER) as stream:
        begun = await stream.many(3)
        assert [sent.kind for sent in begun] == ["event", "event", "execution"]
        assert "secret" not in str(begun)
        await office.record(topic.add(event("execution.failed", {"error": "broken"}, at=2)))
        rest = await stream.rest()
    assert [sent.kind for sent in rest] == ["event", "execution", "end"]
    assert [sent.data["type"] for sent in (*begun[:2], rest[0])] == [
        *("execution.started", "step.started", "execution.failed")
    ]
    assert (rest[1].data["version"], rest[1].data["status"]) == (3, "failed")
    again = await client.get("/v1/executions/run-1/stream", headers={**READER, "Last-Event-ID": str(rest[2].id)})
    assert (again.status_code, again.content) == (204, b"")
    await office.record(topic.add(event(at=3, attempt=2)))
    async with reading(client, "/v1/executions/run-1/stream", READER, last=rest[2].id) as stream:
        assert [sent.kind for sent in await stream.many(2)] == ["event", "execution"]


async def test_a_provisional_ending_ends_no_stream(office: Desk, client: httpx2.AsyncClient) -> None:
    await office.record(
        Topic().add(event(), event("execution.timed_out", {"provisional": True}, at=1, source="execledger:watchdog"))
    )
    async with reading(client, "/v1/executions/run-1/stream", READER) as stream:
        assert [sent.kind for sent in await stream.many(3)] == ["event", "event", "execution"]
        assert await stream.is_silent()


@pytest.mark.parametrize("path", ["/v1/stream", "/v1/executions/run-1/stream", "/v1/stream?status=running&limit=1"])
async def test_whoever_is_cut_off_at_any_point_goes_on_without_loss_or_repetition(
    office: Desk, client: httpx2.AsyncClient, path: str
) -> None:
    """While three partitions are recorded at once, a client reads some events, goes, and comes back with their id."""
    random, topic = chance(7), Topic()
    lanes: list[list[Any]] = [[], [], []]
    for number, said in enumerate(history()):
        lanes[number % 3] += topic.add(said, partition=number % 3)
    await office.open("events")
    done = asyncio.Event()

    async def record_lane(records: list[Any]) -> None:
        for part in batches(records, random, most=3):
            await office.record(list(part))
            await asyncio.sleep(random.random() / 50)

    first = asyncio.create_task(record_lane(lanes[0][:2]))
    await first
    reader = asyncio.create_task(read_cut_off(client, path, random, done))
    await asyncio.gather(record_lane(lanes[0][2:]), record_lane(lanes[1]), record_lane(lanes[2]))
    done.set()
    async with asyncio.timeout(60):
        seen = await reader
    await assert_whole(office, seen, path)


async def read_cut_off(client: httpx2.AsyncClient, path: str, random: Random, done: asyncio.Event) -> list[Sent]:
    """All that comes until it is done, over many connections."""
    seen: list[Sent] = []
    while not (seen and seen[-1].kind == "end"):
        last = seen[-1].id if seen else None
        async with reading(client, path, READER, last) as stream:
            try:
                async for sent in stream.some(random.randint(1, 4), seconds=1):
                    seen.append(sent)  # noqa: PERF401 - what came before a timeout counts
            except TimeoutError:
                if done.is_set():
                    break
    return seen


async def assert_whole(office: Desk, seen: list[Sent], path: str) -> None:
    """Each state of an execution was sent once, the last one in any case; and each event once."""
    executions = [sent.data for sent in seen if sent.kind == "execution"]
    assert set(Counter((sent["id"], sent["version"], sent["revision"]) for sent in executions).values()) == {1}
    newest = {sent["external_id"]: sent["version"] for sent in executions}
    rows = await office.rows("SELECT external_id, version, status FROM execledger.executions")
    if "status" in path:
        wanted = {row["external_id"]: row["version"] for row in rows if row["status"] == "running"}
    else:
        wanted = {row["external_id"]: row["version"] for row in rows if row["external_id"] in newest}
        assert path.count("/") > 2 or len(wanted) == len(rows)
    if seen[-1].kind != "end":
        assert newest.items() >= wanted.items()
    events = [sent.data["event_id"] for sent in seen if sent.kind == "event"]
    if "run-1" in path:
        assert len(set(events)) == len(events) == newest["run-1"]


async def test_a_transaction_that_commits_late_is_not_skipped(office: Desk, client: httpx2.AsyncClient) -> None:
    """Its position was taken before those that are seen first; the client comes back between the two."""
    topic = Topic()
    await office.record(topic.add(*runs("early", "late")))
    (late,) = [row["id"] for row in await office.rows(_IDS) if row["external_id"] == "late"]
    async with reading(client, NEW, READER) as stream:
        async with office.store.batch() as tx:
            await tx.append_changes("events/2", [FeedEntry("default", str(late), 1, "changed")])
            await office.record(topic.add(*runs("early", type_="execution.completed", at=1), partition=1))
            (first,) = await stream.many(1)
        (second,) = await stream.many(1)
    assert names([first, second]) == ["early", "late"]
    async with reading(client, "/v1/stream", READER, last=first.id) as stream:
        assert names(await stream.many(1)) == ["late"]
        assert await stream.is_silent()


@pytest.mark.parametrize(
    ("path", "channel"), [(NEW, ListChannel), ("/v1/executions/run-1/stream", ExecutionChannel)], ids=["list", "one"]
)
async def test_who_joins_late_gets_what_was_read_for_others_and_those_get_it_once(
    office: Desk,
    client: httpx2.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    channel: type[ListChannel | ExecutionChannel],
) -> None:
    """Between what the second reads for itself and its joining the first is sent a change."""
    topic, first_reading, goes_on = Topic(), asyncio.Event(), asyncio.Event()
    read = channel.read

    async def read_slowly(*arguments: Any) -> Any:
        reading = await read(*arguments)
        if asyncio.current_task() is not hub_task() and not first_reading.is_set():
            first_reading.set()
            await goes_on.wait()
        return reading

    def hub_task() -> asyncio.Task[Any] | None:
        return next((task for task in asyncio.all_tasks() if "_read_on" in repr(task.get_coro())), None)

    await office.record(topic.add(event()))
    begun = 0 if path == NEW else 2
    async with reading(client, path, READER) as first:
        await first.many(begun)
        monkeypatch.setattr(channel, "read", read_slowly)

        async def join() -> list[Sent]:
            async with reading(client, path, READER) as second:
                return await second.many(begun + 1)

        joining = asyncio.create_task(join())
        await first_reading.wait()
        await office.record(topic.add(event("execution.progressed", {"message": "on"}, at=1)))
        seen = await first.many(1 if path == NEW else 2)
        goes_on.set()
        late = (await joining)[-1]
        assert (late.kind, late.data) == (seen[0].kind, seen[0].data)
        assert await first.is_silent()


async def test_filters_decide_what_a_stream_has(office: Desk, client: httpx2.AsyncClient) -> None:
    topic = Topic()
    path = f"{NEW}&status=failed&workflow_id=wf"
    async with reading(client, path, READER) as stream:
        workflow = {"workflow": {"id": "wf"}}
        await office.record(topic.add(*[event(subject=name, data=workflow) for name in ("a", "b")]))
        await office.record(topic.add(*runs("a", "c", type_="execution.failed", at=1)))
        (sent,) = await stream.many(1)
        assert sent.data["external_id"] == "a"
        assert await stream.is_silent()


async def test_a_cursor_older_than_the_feed_is_told_so_and_begins_anew(
    office: Desk, client: httpx2.AsyncClient
) -> None:
    topic = Topic()
    await office.record(topic.add(*runs("run-1", "run-2")))
    async with reading(client, "/v1/stream", READER) as stream:
        last = (await stream.many(2))[-1].id
    async with reading(client, "/v1/executions/run-1/stream", READER) as stream:
        last_of_one = (await stream.many(2))[-1].id
    await office.record(topic.add(*runs("run-1", type_="step.started", data={"step": {"id": "a"}}, at=1)))
    await office.connection.execute("UPDATE execledger.changes SET changed_at = now() - interval '2 days'")
    await office.store.feed.trim(86_400, 100)
    async with reading(client, "/v1/stream", READER, last=last) as stream:
        reset, *begun = await stream.many(3)
        assert (reset.kind, reset.data["type"]) == ("reset", "urn:execledger:problem:expired-cursor")
        assert sorted(names(begun)) == ["run-1", "run-2"]
        await office.record(topic.add(*runs("run-2", type_="execution.completed", at=2)))
        assert names(await stream.many(1)) == ["run-2"]
    async with reading(client, "/v1/executions/run-1/stream", READER, last=last_of_one) as stream:
        event_, record = await stream.many(2)
        assert (event_.data["type"], record.data["version"]) == ("step.started", 2)


async def test_open_streams_begin_anew_where_the_database_was_restored(
    office: Desk, client: httpx2.AsyncClient
) -> None:
    topic = Topic()
    await office.record(topic.add(*runs("run-1", "run-2", "run-3")))
    async with reading(client, "/v1/stream", READER) as stream:
        await stream.many(3)
        async with office.connection.transaction():
            await office.connection.execute("DELETE FROM execledger.changes WHERE position = 3")
            await office.connection.execute("UPDATE execledger.feed_lanes SET next_position = 3")
            await office.connection.execute("NOTIFY execledger_changes")
        assert [sent.kind for sent in await stream.many(4)] == ["reset", *["execution"] * 3]


@pytest.mark.parametrize("is_told", [True, False], ids=["told", "by-row-security"])
async def test_a_stream_has_only_what_its_reader_may_see(
    office: Desk, client: httpx2.AsyncClient, is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when every channel is read for every change: the database decides."""
    if not is_told:
        for channel in (ListChannel, ExecutionChannel):
            monkeypatch.setattr(channel, "is_concerned", lambda *_: True)
    topic = Topic()

    def said(type_: str, at: float) -> list[dict[str, Any]]:
        return [
            event(type_, {"owner": {"id": owner}}, subject=f"{owner}-{tenant}", tenantid=tenant, at=at)
            for tenant in ("acme", "umbra")
            for owner in ("ann", "bob")
        ]

    await office.record(topic.add(*said("execution.started", 0)))
    who = {
        "ann": (bearing("ann", "acme"), ["ann-acme"]),
        "rita": (bearing("rita", "acme", "reader"), ["ann-acme", "bob-acme"]),
        "nobody": (bearing("ann", "nowhere", "reader"), []),
        "root": (bearing("root", "x", "admin"), ["ann-acme", "ann-umbra", "bob-acme", "bob-umbra"]),
    }

    async def follow(headers: dict[str, str], seen: list[str]) -> None:
        async with reading(client, "/v1/stream", headers) as stream:
            assert sorted(names(await stream.many(len(seen)))) == seen
            ready.release()
            found = await stream.many(len(seen))
            assert sorted(names(found)) == seen
            assert await stream.is_silent(1)
        assert "bob" not in str([stream.ids, found]) or "bob-acme" in seen

    ready = asyncio.Semaphore(0)
    streams = [asyncio.create_task(follow(*each)) for each in who.values()]
    for _ in who:
        await ready.acquire()
    await office.record(topic.add(*said("execution.completed", 1)))
    await asyncio.gather(*streams)
    for path in ("bob-acme", "ann-umbra"):
        hidden = await client.get(f"/v1/executions/{path}/stream", headers=who["ann"][0])
        assert hidden.status_code == 404


async def test_payloads_are_sent_to_whom_they_may_be_shown(office: Desk, client: httpx2.AsyncClient) -> None:
    said = {"owner": {"id": "ann"}, "input": {"question": "secret"}}
    await office.record(Topic().add(event("execution.started", said)))
    ann, rita = bearing("ann", "default"), bearing("rita", "default", "reader")
    for path in ("/v1/stream", "/v1/executions/run-1/stream"):
        refused = await client.get(f"{path}?include=payloads", headers=rita)
        assert refused.status_code == 403
        async with reading(client, f"{path}?include=payloads", ann) as stream:
            assert "secret" in str((await stream.many(1))[0].data)
        async with reading(client, path, ann) as stream:
            assert "secret" not in str((await stream.many(1))[0].data)


async def test_an_execution_that_is_no_longer_the_readers_ends_its_stream(
    office: Desk, client: httpx2.AsyncClient
) -> None:
    topic = Topic()
    await office.record(topic.add(event("execution.started", {"owner": {"id": "ann"}})))
    async with reading(client, "/v1/executions/run-1/stream", bearing("ann", "default")) as stream:
        await stream.many(2)
        await office.record(topic.add(event("execution.progressed", {"message": "on"}, at=1)))
        await stream.many(2)
        await office.record(topic.add(event("execution.created", {"owner": {"id": "bob"}}, at=2)))
        (dropped,) = await stream.rest()
    assert (dropped.kind, dropped.data["type"]) == ("dropped", "urn:execledger:problem:not-found")


async def test_a_stream_ends_with_its_token(office: Desk, client: httpx2.AsyncClient) -> None:
    until = {"Authorization": f"Bearer {token('rita', 'default', 'reader', exp=int(time.time()) + 2)}"}
    async with reading(client, NEW, until) as stream:
        (dropped,) = await stream.rest()
    assert (dropped.kind, dropped.data["type"]) == ("dropped", "urn:execledger:problem:unauthenticated")


async def test_streams_are_counted_for_each_subject_and_for_all(office: Desk) -> None:
    async with served(office.dsn, query_subject_streams=1, query_streams=2) as client:
        async with reading(client, NEW, READER):
            refused = await client.get(NEW, headers=READER)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
            async with reading(client, NEW, bearing("ann", "default")):
                full = await client.get(NEW, headers=bearing("bob", "default"))
                assert full.status_code == 429
                assert (await client.get("/v1/executions", headers=READER)).status_code == 200
                figures = (await client.get("/metrics")).text
                assert "execledger_query_streams 2.0" in figures

        async def has_room() -> bool:
            async with client.stream("GET", NEW, headers=READER) as answer:
                return answer.status_code == 200

        await eventually(has_room)


async def test_who_reads_too_slowly_is_told_so_and_goes_on_from_there(office: Desk) -> None:
    """What the network holds for the client comes first; others who follow the same lose nothing."""
    topic, metadata = Topic(), {"metadata": {"text": "x" * 7000}}
    async with served(office.dsn, query_stream_bytes=65_536) as client:
        async with reading(client, NEW, READER) as slow:
            for start in range(0, 2000, 100):
                many = [event("execution.started", metadata, subject=f"run-{n}") for n in range(start, start + 100)]
                await office.record(topic.add(*many))
                await asyncio.sleep(0.05)
            got = await slow.rest()
        assert (got[-1].kind, got[-1].data["type"]) == ("dropped", "urn:execledger:problem:slow-client")
        seen = [sent for sent in got if sent.kind == "execution"]
        assert len(seen) < 2000
        async with reading(client, "/v1/stream", READER, last=seen[-1].id) as stream:
            seen += await stream.many(2000 - len(seen))
            assert await stream.is_silent()
        assert len(set(names(seen))) == len(seen) == 2000


async def test_a_change_is_seen_within_250_ms_of_its_commit(office: Desk, client: httpx2.AsyncClient) -> None:
    topic = Topic()

    async def took(stream: Reader, number: int) -> float:
        await office.record(topic.add(event(subject=f"run-{number}")))
        began = time.perf_counter()
        await stream.many(1)
        return time.perf_counter() - began

    async with reading(client, NEW, READER) as stream:
        assert median([await took(stream, number) for number in range(15)]) < 0.25


async def test_a_stream_that_nothing_happens_on_is_told_that_we_are_there_and_its_cursor_moves(
    office: Desk, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from execledger_query.live import stream as written

    monkeypatch.setattr(written, "_HEARTBEAT_SECONDS", 0.3)
    monkeypatch.setattr(hub, "_REREAD_SECONDS", 0.2)
    topic = Topic()
    async with reading(client, NEW, READER) as stream:
        await office.record(topic.add(event(tenantid="other")))
        assert await stream.is_silent(1.5)
        assert stream.comments
        assert stream.ids
    async with reading(client, "/v1/stream", READER, last=stream.ids[-1]) as again:
        await office.record(topic.add(event("execution.started")))
        assert names(await again.many(1)) == ["run-1"]


@pytest.mark.parametrize("path", ["/v1/stream", "/v1/executions/run-1/stream"])
async def test_what_is_wrong_with_a_request_is_said_before_a_stream_begins(
    office: Desk, client: httpx2.AsyncClient, path: str
) -> None:
    await office.record(Topic().add(event()))
    async with reading(client, path, READER) as stream:
        (sent, *_) = await stream.many(1)
    for cursor in ("?", "x" * 40, f"{sent.id}A"):
        wrong = await client.get(path, headers={**READER, "Last-Event-ID": cursor})
        assert (wrong.status_code, wrong.json()["type"]) == (400, "urn:execledger:problem:invalid-cursor")
        assert wrong.json()["errors"][0]["parameter"] == "Last-Event-ID"
    unknown = await client.get(f"{path}?no=1", headers=READER)
    assert (unknown.status_code, unknown.json()["errors"][0]["parameter"]) == (400, "no")
    assert (await client.get(path)).status_code == 401
    head = await client.head(path, headers=READER)
    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert "execledger_query_streams 0.0" in (await client.get("/metrics")).text
    assert (await client.get("/v1/executions/nothing/stream", headers=READER)).status_code == 404


_IDS = "SELECT id, external_id FROM execledger.executions"
