"""The watchdog: its decisions on a real Postgres under clocks that the test sets, and as part of the recorder."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from command_line import execledger
from conftest import Servers, Topics
from execledger import timeline
from execledger_contracts.events import IMPORT_SOURCE, WATCHDOG_SOURCE
from execledger_query import store as query_store
from execledger_query.caller import EVERYTHING
from execledger_recorder.duties.watchdog import watch
from execledger_recorder.metrics import Metrics
from execledger_recorder.store import Store
from factories_recorder import NOON, NOON_MS, Desk, Row, Topic, desk, event
from recorded_topic import producing
from running import Service, eventually, recorder


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part on a fresh database."""
    async with desk(database) as office:
        await office.open("events")
        yield office


async def set_clocks(office: Desk, *seconds: float | None, waiting: bool = False) -> None:
    """The partitions' clocks, so many seconds after noon, one or one each; None where nobody has looked yet."""
    for partition, at in enumerate(seconds * 3 if len(seconds) == 1 else seconds):
        if at is not None:
            moment = NOON + timedelta(seconds=at)
            oldest, looked = (moment, NOON + timedelta(days=1)) if waiting else (None, moment)
            await office.store.ledger.note_ends([("events", partition, 0, 10**6, oldest)], looked)


async def ended(office: Desk) -> list[Row]:
    """What one round of the watchdog sends."""
    await watch(office.store, Metrics(CollectorRegistry()), ["events"])
    rows = await office.rows("DELETE FROM execledger.outbox RETURNING topic, key, value")
    assert all(row["topic"] == "events" for row in rows)
    return [{**json.loads(row["value"]), "key": row["key"].decode()} for row in rows]


async def reasons(office: Desk) -> list[str]:
    return [said["data"]["reason"] for said in await ended(office)]


async def status(office: Desk, subject: str = "run-1") -> tuple[str, bool]:
    (row,) = await office.rows("SELECT status, provisional FROM execledger.executions WHERE external_id = $1", subject)
    return row["status"], row["provisional"]


def sent_at(seconds: float) -> int:
    """A Kafka timestamp."""
    return NOON_MS + round(seconds * 1000)


async def test_an_execution_past_its_timeout_is_ended_once(office: Desk) -> None:
    topic = Topic()
    start = {"timeout_seconds": 60, "root_execution_id": "root-7"}
    await office.record(topic.add(event("execution.started", start, tenantid="acme", attempt=2)))
    await set_clocks(office, 59)
    assert await ended(office) == []
    await set_clocks(office, 61)
    (said,) = await ended(office)
    assert (said["key"], said["subject"], said["tenantid"], said["attempt"]) == ("root-7", "run-1", "acme", 2)
    assert said["time"] == (NOON + timedelta(seconds=61)).isoformat()  # when it was known
    assert said["data"] == {"provisional": True, "reason": "past its timeout of 60 s"}
    assert await ended(office) == []  # while the event is on its way
    await office.record(topic.add(said, timestamp_ms=sent_at(62)))
    assert await status(office) == ("timed_out", True)
    await set_clocks(office, 9999)
    assert await ended(office) == []


async def test_many_that_are_overdue_leave_the_outbox_to_others_also_where_one_topic_is_stuck(office: Desk) -> None:
    await office.open("stuck")
    for name in ("events", "stuck"):
        runs = (event("execution.started", {"timeout_seconds": 5}, subject=f"{name}-{n}") for n in range(20))
        await office.record(Topic(name).add(*runs))
    moment = NOON + timedelta(seconds=60)
    ends = [(topic, partition, 0, 10**6, None) for topic in ("events", "stuck") for partition in range(3)]
    await office.store.ledger.note_ends(ends, moment)
    async with Store(office.dsn, outbox_limit=100) as store:  # of which five are for each topic
        for _ in range(5):
            await watch(store, Metrics(CollectorRegistry()), ["events", "stuck"])
            waiting = await office.rows("SELECT topic, count(*) FROM execledger.outbox GROUP BY topic")
            assert all(row["count"] < 2 * 5 for row in waiting)
            await office.connection.execute("DELETE FROM execledger.outbox WHERE topic = 'events'")
    decided = await office.rows(
        "SELECT split_part(external_id, '-', 1) AS topic, count(*) FROM execledger.executions"
        " JOIN execledger.watchdog_decisions ON execution_id = id GROUP BY 1"
    )
    counts = {row["topic"]: row["count"] for row in decided}
    assert counts["events"] == 20
    assert 5 <= counts["stuck"] < 2 * 5


async def test_an_execution_that_never_started_is_timed_from_its_creation(office: Desk) -> None:
    await office.record(Topic().add(event("execution.created", {"timeout_seconds": 5})))
    await set_clocks(office, 6)
    assert await reasons(office) == ["past its timeout of 5 s"]


async def test_without_a_limit_nobody_is_ended(office: Desk) -> None:
    await office.record(Topic().add(event("execution.started", {"workflow": {"id": "wf"}})))
    await set_clocks(office, 10**8)
    assert await ended(office) == []


async def test_silence_is_counted_from_the_newest_kafka_timestamp(office: Desk) -> None:
    topic = Topic()
    await office.store.limits.limit_silence("default", "wf", 30)
    await office.store.limits.limit_silence("acme", "wf", 1)  # another tenant's
    await office.record(topic.add(event("execution.started", {"workflow": {"id": "wf"}})))
    await office.record(topic.add(event("execution.progressed", at=1), timestamp_ms=sent_at(20)))
    await office.record(topic.add(event("execution.progressed", at=2), timestamp_ms=sent_at(10)))
    await set_clocks(office, 49)
    assert await ended(office) == []
    await set_clocks(office, 51)
    assert await reasons(office) == ["silent for longer than 30 s"]


async def test_a_sign_of_life_heals_and_only_new_silence_ends_again(office: Desk) -> None:
    topic = Topic()
    await office.store.limits.limit_silence("default", "wf", 30)
    await office.record(topic.add(event("execution.started", {"workflow": {"id": "wf"}})))
    await set_clocks(office, 31)
    (first,) = await ended(office)
    await office.record(topic.add(first, timestamp_ms=sent_at(31)))
    await office.record(topic.add(event("execution.progressed", at=40), timestamp_ms=sent_at(40)))
    assert await status(office) == ("running", False)
    await set_clocks(office, 69)
    assert await ended(office) == []
    await set_clocks(office, 71)
    (second,) = await ended(office)
    assert first["id"] != second["id"]
    await office.record(topic.add(second, event("execution.completed", at=80), timestamp_ms=sent_at(80)))
    assert await status(office) == ("completed", False)


async def test_one_that_is_heard_after_its_timeout_has_that_time_once_more(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event("execution.started", {"timeout_seconds": 60})))
    await set_clocks(office, 61)
    await office.record(topic.add(*await ended(office), event("execution.progressed", at=70), timestamp_ms=sent_at(70)))
    await set_clocks(office, 129)
    assert await ended(office) == []
    await set_clocks(office, 131)
    assert await reasons(office) == ["past its timeout of 60 s"]


async def test_an_ending_that_an_event_of_a_later_attempt_makes_void_is_not_repeated(office: Desk) -> None:
    topic = Topic()
    later = event("agent.thinking", attempt=2, at=1)
    await office.record(topic.add(event("execution.started", {"timeout_seconds": 5}), later))
    await set_clocks(office, 6)
    await office.record(topic.add(*await ended(office), timestamp_ms=sent_at(6)))
    assert await status(office) == ("running", False)
    await set_clocks(office, 10**6)
    assert await ended(office) == []


@pytest.mark.parametrize("waiting", [False, True], ids=["level", "lagging"])
async def test_the_clock_is_the_least_of_all_partitions(office: Desk, waiting: bool) -> None:
    await office.record(Topic().add(event("execution.started", {"timeout_seconds": 60})))
    await set_clocks(office, 90, 90, None)
    assert await ended(office) == []  # nobody has looked at the third partition yet
    await set_clocks(office, 90, 90, 50, waiting=waiting)
    assert await ended(office) == []
    await set_clocks(office, 90, 90, 61, waiting=waiting)
    assert await reasons(office) == ["past its timeout of 60 s"]


async def test_one_that_is_paused_is_not_silent_and_its_timeout_runs_on(office: Desk) -> None:
    """An approval may take three days."""
    topic = Topic()
    await office.store.limits.limit_silence("default", "wf", 30)
    start = {"workflow": {"id": "wf"}, "timeout_seconds": 500_000}
    await office.record(topic.add(event(data=start), event("execution.paused", {"waiting_for": "approval"}, at=1)))
    await set_clocks(office, 3 * 86400)
    assert await ended(office) == []
    resumed = event("execution.resumed", at=3 * 86400)
    await office.record(topic.add(resumed, timestamp_ms=sent_at(3 * 86400)))
    await set_clocks(office, 3 * 86400 + 29)
    assert await ended(office) == []
    await set_clocks(office, 3 * 86400 + 31)
    assert await reasons(office) == ["silent for longer than 30 s"]
    again = event("execution.paused", at=4 * 86400)
    await office.record(topic.add(again, timestamp_ms=sent_at(4 * 86400)))
    await set_clocks(office, 500_001)
    assert await reasons(office) == ["past its timeout of 500000 s"]


async def test_what_keeps_the_watchdog_away_heals_its_ending_too(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event("execution.started", {"timeout_seconds": 5})))
    await set_clocks(office, 6)
    await office.record(topic.add(*await ended(office), timestamp_ms=sent_at(6)))
    assert await status(office) == ("timed_out", True)
    await office.record(topic.add(event("agent.thinking", at=7), timestamp_ms=sent_at(7)))
    assert await status(office) == ("running", False)


async def test_it_is_ordered_after_what_was_sent_with_an_attempt_that_did_not_begin(office: Desk) -> None:
    topic = Topic()
    step = event("step.started", {"step": {"id": "a"}}, at=1, attempt=2)
    await office.record(topic.add(event(data={"timeout_seconds": 5}), step, event("execution.progressed", at=9)))
    await set_clocks(office, 6)
    (said,) = await ended(office)
    assert said["time"] == (NOON + timedelta(seconds=9, microseconds=1)).isoformat()
    await office.record(topic.add(said, timestamp_ms=sent_at(9)))
    assert await status(office) == ("timed_out", True)


async def test_a_record_of_the_future_moves_no_clock_beyond_the_look(office: Desk) -> None:
    await office.record(Topic().add(event("execution.started", {"timeout_seconds": 60})))
    await set_clocks(office, 90)
    await office.store.ledger.note_ends([("events", 0, 1, 9, NOON + timedelta(days=1))], NOON + timedelta(seconds=59))
    assert await ended(office) == []


async def test_a_ledger_that_was_restored_to_an_earlier_place_moves_no_clock(office: Desk) -> None:
    await office.record(Topic().add(event("execution.started", {"timeout_seconds": 60})))
    await office.store.ledger.note_ends([("events", 0, 2, 2, None)], NOON + timedelta(days=1))  # it stands at 1
    assert await office.value("SELECT count(*) FROM execledger.ledger_ends") == 0
    assert await ended(office) == []


async def test_an_execution_of_a_topic_that_nobody_reads_any_more_is_left_alone(office: Desk) -> None:
    await office.record(Topic("abandoned").add(event("execution.started", {"timeout_seconds": 60})))
    await set_clocks(office, 10**6, 10**6, 10**6)
    assert await ended(office) == []


async def test_imported_history_is_left_alone_until_it_is_news(office: Desk) -> None:
    topic = Topic()
    for source in (IMPORT_SOURCE, f"{IMPORT_SOURCE}:langfuse"):
        await office.record(
            topic.add(event("execution.started", {"timeout_seconds": 1}, source=source, subject=source))
        )
    await office.record(topic.add(event("execution.started", {"timeout_seconds": 1}, source="execledger:imported")))
    await set_clocks(office, 10)
    assert [said["subject"] for said in await ended(office)] == ["run-1"]
    assert await office.value("SELECT count(*) FROM execledger.watchdog_decisions WHERE decision = 'imported'") == 2
    await office.record(
        topic.add(event("execution.progressed", at=20, subject=IMPORT_SOURCE), timestamp_ms=sent_at(20))
    )
    await set_clocks(office, 30)
    assert [said["subject"] for said in await ended(office)] == [IMPORT_SOURCE]


async def test_what_a_batch_has_in_hand_is_passed_over(office: Desk) -> None:
    await office.record(Topic().add(event("execution.started", {"timeout_seconds": 5})))
    await set_clocks(office, 6)
    (row,) = await office.rows("SELECT id FROM execledger.executions")
    async with office.store.batch() as batch:
        await batch.lock_executions([str(row["id"])])
        assert await ended(office) == []
    assert len(await ended(office)) == 1


async def test_what_was_heard_since_it_was_read_is_passed_over(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event("execution.started", {"timeout_seconds": 5})))
    await set_clocks(office, 6)
    async with office.store.watchdog.watching() as watchdog:
        assert watchdog is not None
        (overdue,) = await watchdog.overdue(["events"], IMPORT_SOURCE, 10)
        await office.record(topic.add(event("execution.progressed", at=7)))
        assert await watchdog.hold({overdue.id: overdue.version}) == set()


@pytest.mark.parametrize(
    "damage",
    [
        "executions SET timeout_seconds = '-Infinity' WHERE id",
        "executions SET started_at = '-infinity' WHERE id",
        "executions SET created_at = '-infinity', started_at = NULL WHERE id",
        "execution_events SET occurred_at = 'infinity' WHERE execution_id",
    ],
)
async def test_a_row_that_was_damaged_is_passed_over_and_named(office: Desk, damage: str) -> None:
    starts = [event("execution.started", {"timeout_seconds": 5}, subject=subject) for subject in ("damaged", "run-1")]
    await office.record(Topic().add(*starts))
    (row,) = await office.rows("SELECT id FROM execledger.executions WHERE external_id = 'damaged'")
    await office.connection.execute(f"UPDATE execledger.{damage} = $1", row["id"])
    await set_clocks(office, 6)
    with capture_logs() as lines:
        assert [said["subject"] for said in await ended(office)] == ["run-1"]
    named = {line["execution_id"] for line in lines if line["event"] == "execution_passed_over"}
    assert named == {str(row["id"])}


async def test_one_that_is_passed_over_ends_no_round(office: Desk) -> None:
    subjects = [f"run-{n}" for n in range(1200)]
    await office.record(Topic().add(*(event(data={"timeout_seconds": 5}, subject=each) for each in subjects)))
    await set_clocks(office, 6)
    async with office.store.batch() as batch:
        (row,) = await office.rows("SELECT id FROM execledger.executions WHERE external_id = 'run-0'")
        await batch.lock_executions([str(row["id"])])
        assert {said["subject"] for said in await ended(office)} == {*subjects[1:]}


async def test_a_damaged_fold_keeps_nobody_from_being_ended(office: Desk) -> None:
    topic = Topic()
    starts = [event("execution.started", {"timeout_seconds": 5}, subject=subject) for subject in ("damaged", "run-1")]
    await office.record(topic.add(*starts))
    await office.connection.execute("UPDATE execledger.executions SET fold = '[' WHERE external_id = 'damaged'")
    await set_clocks(office, 6)
    sent = await ended(office)
    assert {said["subject"] for said in sent} == {"damaged", "run-1"}
    await office.record(topic.add(*sent, timestamp_ms=sent_at(6)))
    assert await status(office, "damaged") == ("timed_out", True)


async def test_the_ending_is_ordered_after_the_newest_event_of_the_log(office: Desk) -> None:
    """By time, and by its id where all else is equal; not after the one that came last."""
    topic = Topic()
    start = event("execution.started", {"timeout_seconds": 5})
    await office.record(topic.add(start, event("step.started", {"step": {"name": "a"}}, at=9), event("x", at=8)))
    newest = event("llm.called", at=9, sequence=0)
    await office.record(topic.add(newest, event("tool.called", at=9), event("x", at=7)))
    await set_clocks(office, 6)
    (said,) = await ended(office)
    assert said["time"] == (NOON + timedelta(seconds=9, microseconds=1)).isoformat()
    decided = await office.value("SELECT newest_event_id::text FROM execledger.watchdog_decisions")
    assert decided == str(uuid5(NAMESPACE_URL, f"{newest['source']}\n{newest['id']}"))


async def test_the_log_of_what_was_decided_is_not_read_again(office: Desk) -> None:
    """Imported executions that stay open may be very many. The log is changed here to see whether it is read."""
    await office.record(Topic().add(event("execution.started", {"timeout_seconds": 5}, source=IMPORT_SOURCE)))
    await set_clocks(office, 6)
    assert await ended(office) == []
    await office.connection.execute("UPDATE execledger.execution_events SET event_id = gen_random_uuid()")
    assert await ended(office) == []
    assert await office.value("SELECT count(*) FROM execledger.watchdog_decisions") == 1


async def test_many_watchdogs_at_once_send_each_ending_once(office: Desk) -> None:
    starts = [event("execution.started", {"timeout_seconds": 5}, subject=f"run-{n}") for n in range(1200)]
    await office.record(Topic().add(*starts))
    await set_clocks(office, 6)
    rounds = (watch(office.store, Metrics(CollectorRegistry()), ["events"]) for _ in range(4))
    await asyncio.gather(*rounds)
    sent = await office.rows("SELECT value FROM execledger.outbox")
    assert len({json.loads(row["value"])["subject"] for row in sent}) == len(sent) == 1200


async def test_the_watchdog_reads_the_index_of_open_executions(office: Desk) -> None:
    finished = [event("execution.completed", subject=f"done-{n}", at=n) for n in range(2000)]
    await office.record(Topic().add(*finished, event("execution.started", {"timeout_seconds": 5})))
    await office.connection.execute("ANALYZE execledger.executions")
    query = "SELECT id FROM execledger.executions WHERE status IN ('pending', 'running')"
    plan = "\n".join(row[0] for row in await office.connection.fetch(f"EXPLAIN {query}"))
    assert "executions_m2026_03_tenant_id_workflow_id_idx" in plan, plan


# The recorder as a process.


class Bench:
    """A recorder's surroundings, and what is told and shown there."""

    def __init__(self, servers: Servers, topics: Topics, dsn: str, folder: Path) -> None:
        self.servers, self.topics, self.dsn, self.folder = servers, topics, dsn, folder

    @asynccontextmanager
    async def recorder(self, **settings: object) -> AsyncIterator[Service]:
        known = self.topics.settings(self.servers, self.dsn) | {"watchdog_interval_seconds": 0.1}
        async with recorder(self.folder, **{**known, **settings}) as service:
            yield service

    async def publish(self, *sent: tuple[Row, float]) -> None:
        """Events, each with the age of its Kafka timestamp in seconds."""
        async with producing(self.servers) as producer:
            for said, ago in sent:
                at = round((time() - ago) * 1000)
                value, key = json.dumps(said).encode(), said["subject"].encode()
                await producer.send(self.topics.events, value, key=key, timestamp_ms=at)

    async def rows(self, query: str, *arguments: Any) -> Sequence[Row]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return [dict(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def becomes(self, *wanted: object, subject: str = "run-1") -> None:
        """Until the execution has this status and is provisional or not."""

        async def is_so() -> bool:
            query = "SELECT status, provisional FROM execledger.executions WHERE external_id = $1"
            return [tuple(row.values()) for row in await self.rows(query, subject)] == [wanted]

        await eventually(is_so)

    async def endings(self, subject: str = "run-1") -> list[str]:
        """The reasons in the log, of the watchdog's endings of an execution."""
        rows = await self.rows(
            "SELECT raw -> 'data' ->> 'reason' AS reason FROM execledger.execution_events AS event"
            " JOIN execledger.execution_aliases AS alias ON alias.id = execution_id"
            " WHERE external_id = $1 AND raw ->> 'source' = $2 ORDER BY occurred_at",
            subject,
            WATCHDOG_SOURCE,
        )
        return [row["reason"] for row in rows]


@pytest.fixture
def bench(servers: Servers, topics: Topics, database: str, tmp_path: Path) -> Bench:
    """Surroundings of one recorder."""
    return Bench(servers, topics, database, tmp_path)


def now_event(type_: str = "execution.started", data: Any = None, *, ago: float = 0, **attributes: Any) -> Row:
    """An event of that many seconds ago."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    return event(type_, data, at=(at - NOON).total_seconds(), **attributes)


async def test_a_recorder_ends_what_is_past_its_timeout_and_takes_it_back(bench: Bench) -> None:
    async with bench.recorder() as service:
        await bench.publish((now_event("execution.started", {"timeout_seconds": 300}, ago=301), 0.0))
        await bench.becomes("timed_out", True)
        assert await bench.endings() == ["past its timeout of 300 s"]
        await bench.publish((now_event("execution.progressed"), 0.0))
        await bench.becomes("running", False)
        await bench.publish((now_event("execution.completed"), 0.0))
        await bench.becomes("completed", False)
        endings = (await service.metrics())['execledger_watchdog_endings_total{kind="timeout"}']
        assert endings == len(await bench.endings()) == 1


async def test_a_recorder_ends_the_silent_and_a_heartbeat_keeps_alive(bench: Bench) -> None:
    await execledger("limits", "silence", "wf", "60", postgres_dsn=bench.dsn)
    start = {"workflow": {"id": "wf"}}
    async with bench.recorder():
        await bench.publish((now_event("execution.progressed", subject="alive"), 0.0))
        await bench.publish(*[(now_event(data=start, ago=99, subject=name), 99.0) for name in ("alive", "silent")])
        await bench.becomes("timed_out", True, subject="silent")
        await bench.becomes("running", False, subject="alive")
    assert await bench.endings("silent") == ["silent for longer than 60 s"]
    assert await bench.endings("alive") == []


async def test_two_recorders_one_of_them_killed_end_it_once(bench: Bench) -> None:
    async with bench.recorder() as first, bench.recorder():
        names = [f"run-{n}" for n in range(30)]
        await bench.publish(*[(now_event(data={"timeout_seconds": 1}, ago=2, subject=name), 0.0) for name in names])
        await bench.becomes("timed_out", True, subject="run-0")
        first.kill()
        async with bench.recorder():
            for name in names:
                await bench.becomes("timed_out", True, subject=name)
                assert len(await bench.endings(name)) == 1
    decisions = await bench.rows("SELECT count(*) FROM execledger.watchdog_decisions")
    assert decisions[0]["count"] == 30


async def test_what_waited_for_us_ends_nobody_and_then_the_dead_are_ended(bench: Bench) -> None:
    """One execution reported all through an hour in which we were down, the other did not."""
    hour, start = 3600.0, {"workflow": {"id": "wf"}}
    async with bench.recorder() as service:
        await bench.publish(*[(now_event(data=start, ago=hour, subject=name), hour) for name in ("alive", "dead")])
        await bench.becomes("running", False, subject="dead")
        await bench.becomes("running", False, subject="alive")
        await eventually(lambda: bench.rows("SELECT FROM execledger.ledger_ends HAVING count(*) = 3"))
        service.kill()
    await bench.rows("UPDATE execledger.ledger_ends SET observed_at = now() - interval '3595 s'")  # when we went down
    await execledger("limits", "silence", "wf", "60", postgres_dsn=bench.dsn)
    beats = [(now_event("execution.progressed", ago=ago, subject="alive"), float(ago)) for ago in range(3590, 0, -30)]
    await bench.publish(*beats, (now_event("execution.completed", subject="alive"), 0.0))
    async with bench.recorder(batch_size=1, watchdog_interval_seconds=0.05):
        await bench.becomes("completed", False, subject="alive")
        await bench.becomes("timed_out", True, subject="dead")
    assert await bench.endings("alive") == []
    assert await bench.endings("dead") == ["silent for longer than 60 s"]


async def test_what_an_open_transaction_hides_ends_nobody_until_it_is_shown(bench: Bench) -> None:
    async with bench.recorder(), producing(bench.servers, transactional_id=bench.topics.group) as producer:
        await bench.publish((now_event(data={"workflow": {"id": "wf"}}), 0.0))
        await bench.becomes("running", False)
        hidden = now_event("execution.progressed")
        async with producer.transaction():
            await producer.send_and_wait(bench.topics.events, json.dumps(hidden).encode(), key=b"run-1")
            (sent,) = await bench.rows("SELECT clock_timestamp() AS at")
            query = "SELECT FROM execledger.ledger_ends WHERE observed_at > $1"
            await eventually(lambda: bench.rows(query, sent["at"]))
            await bench.rows(
                "INSERT INTO execledger.silence_limits SELECT tenant_id, workflow_id,"
                " extract(epoch FROM clock_timestamp() - heard_at) FROM execledger.executions"
            )
            await asyncio.sleep(2)  # many looks of the watchdog
            assert await bench.endings() == []
        await bench.becomes("timed_out", True)  # the log ends with the transaction's marker, and the clock goes on


async def test_limits_are_listed_set_and_removed(database: str) -> None:
    async def limits(*arguments: str) -> tuple[int, str]:
        said = await execledger("limits", *arguments, postgres_dsn=database)
        return said.status, said.out + said.err

    assert await limits("list") == (0, "no limits\n")
    assert await limits("silence", "wf", "90") == (
        0,
        "executions of workflow wf of tenant default may be silent for 90 s\n",
    )
    assert await limits("silence", "wf", "60.5", "--tenant", "acme") == (
        0,
        "executions of workflow wf of tenant acme may be silent for 60.5 s\n",
    )
    assert await limits("silence", "wf", "30", "--tenant", "acme") == (
        0,
        "executions of workflow wf of tenant acme may be silent for 30 s\n",
    )
    assert await limits("list") == (
        0,
        "silence  tenant acme  workflow wf  30 s\nsilence  tenant default  workflow wf  90 s\n",
    )
    assert await limits("silence", "wf", "--remove") == (
        0,
        "executions of workflow wf of tenant default may be silent for ever\n",
    )
    status, shown = await limits("list", "--json")
    assert (status, json.loads(shown)) == (
        0,
        {"silence": [{"tenant_id": "acme", "workflow_id": "wf", "seconds": 30.0}], "daily": []},
    )
    assert await limits("silence", "wf", "--remove") == (
        1,
        "execledger: workflow 'wf' of tenant 'default' has no limit; `execledger limits list` shows those there are\n",
    )


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["wf"], "say either SECONDS or --remove"),
        (["wf", "5", "--remove"], "say either SECONDS or --remove"),
        (["wf", "0"], "SECONDS: should be more than 0 and at most 1000000000, this is 0"),
        (["wf", "nan"], "SECONDS: should be more than 0 and at most 1000000000, this is nan"),
        (["wf", "inf"], "SECONDS: should be more than 0 and at most 1000000000, this is inf"),
        (["", "5"], "WORKFLOW: should have 1 to 255 characters, this has 0"),
    ],
)
async def test_a_limit_that_means_nothing_is_refused(arguments: list[str], fault: str) -> None:
    said = await execledger("limits", "silence", *arguments, postgres_dsn="postgresql://nobody@127.0.0.1:1/none")
    assert (said.status, said.err) == (2, f"execledger: {fault}\n")


# How the query service tells of it.

GUESS = event("execution.timed_out", {"provisional": True, "reason": "silent"}, at=5, source=WATCHDOG_SOURCE)


@pytest.mark.parametrize(
    ("later", "shown"),
    [
        ([], ["timed_out"]),
        ([event("execution.cancel_requested", at=6)], ["timed_out"]),
        ([event("agent.thinking", at=7)], ["running"]),
        ([event("execution.progressed", at=4)], ["timed_out"]),
        ([event("execution.progressed", at=6)], ["running"]),
        ([event("agent.thinking", at=1, attempt=2)], ["running"]),
        ([event("llm.called", at=1, attempt=2)], ["timed_out"]),
        ([event("execution.progressed", at=6), event("execution.completed", at=7)], ["completed"]),
        ([{**GUESS, "id": "another", "time": event(at=8)["time"]}], ["timed_out"]),
        ([event(attempt=2)], ["cancelled", "running"]),
        ([event("execution.failed", at=6), event(attempt=2)], ["failed", "running"]),
        ([event("execution.timed_out", at=6), event(attempt=2)], ["timed_out", "running"]),
    ],
)
async def test_an_attempt_does_not_end_as_the_watchdog_guessed_once_it_is_heard(
    office: Desk, later: list[Row], shown: list[str]
) -> None:
    await office.record(Topic().add(event(), GUESS, *later))
    assert await statuses_of_attempts(office) == shown


async def test_the_marker_counts_from_the_watchdog_only(office: Desk) -> None:
    theirs = {**GUESS, "source": "urn:test:orchestrator"}
    await office.record(Topic().add(event(), theirs, event("execution.progressed", at=6)))
    assert await statuses_of_attempts(office) == ["timed_out"]
    assert await status(office) == ("timed_out", False)


async def statuses_of_attempts(office: Desk) -> list[str]:
    (found,) = await office.rows("SELECT id FROM execledger.executions")
    async with query_store.Store.open(query_store.Options(office.dsn)) as store, store.reading(EVERYTHING) as reader:
        row = await reader.execution(found["id"])
        assert row is not None
        return [attempt.status for attempt in (await timeline.read(reader, row)).timeline.attempts]
