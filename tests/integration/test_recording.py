"""Batches into a real Postgres: the same record whatever the batches, and every offset accounted for."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from threading import Thread
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec
import pytest

from execledger_contracts import decoding
from execledger_contracts.cleaning import Limits
from execledger_lifecycle import Entry, ExecutionFold, StepFolds
from execledger_lifecycle import fold as lifecycle_fold
from execledger_recorder.duties.rebuild import verify
from execledger_recorder.recording import Letters, Read, Report, read, record
from execledger_recorder.recording import log as recording_log
from execledger_recorder.recording.batch import _record_whole
from execledger_recorder.rules import checkpoint, resume
from execledger_recorder.rules.account import Misplaced, Record
from execledger_recorder.rules.commands import DEFAULT_POLICY
from execledger_recorder.rules.ids import id_milliseconds
from execledger_recorder.rules.rows import DuplicateRow
from execledger_recorder.store import Store, unpack_headers
from execledger_recorder.store import log as event_log
from execledger_runtime.errors import SessionLost, StoreTooSlow, StoreUnavailable
from factories_recorder import (
    LETTERS,
    NOON,
    NOON_MS,
    Desk,
    Row,
    Topic,
    assert_balanced,
    batches,
    chance,
    desk,
    event,
    history,
    snapshot,
)
from running import cable, eventually

OWN = "019ca948-287b-7000-8000-000000000001"
OTHER = "019ca948-287b-7000-8000-000000000002"
WRITTEN = (
    "execution_aliases",
    "executions",
    "execution_events",
    "steps",
    "llm_calls",
    "tool_calls",
    "execution_labels",
    "workflows",
    "owners",
    "usage_marks",
    "duplicates",
    "dead_letters",
    "outbox",
)


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part; when the test ends, every record must be accounted for."""
    async with desk(database) as office:
        yield office


async def record_in(office: Desk, parts: Iterable[Sequence[Record]]) -> None:
    for part in parts:
        await office.record(part)
    while await office.store.usage.recompute():
        pass


def one_by_one(records: Sequence[Record]) -> Iterable[Sequence[Record]]:
    return ([record] for record in records)


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_any_batches_and_any_repetition_give_the_same_record(office: Desk, seed: int) -> None:
    random = chance(seed)
    await record_in(office, [Topic("whole").add(*history(tenantid="whole"))])
    expected = await snapshot(office.connection, "whole")
    assert len(expected["executions"]) == 4
    assert all(expected.values())
    shuffled = [*history(tenantid="mixed"), *random.sample(history(tenantid="mixed"), 12)]
    random.shuffle(shuffled)
    ways = {
        "single": one_by_one(Topic("single").add(*history(tenantid="single"))),
        "random": batches(Topic("random").add(*history(tenantid="random")), random),
        "backwards": one_by_one(Topic("backwards").add(*reversed(history(tenantid="backwards")))),
        "mixed": batches(Topic("mixed").add(*shuffled), random, most=5),
    }
    for tenant, parts in ways.items():
        await record_in(office, parts)
        assert await snapshot(office.connection, tenant) == expected, tenant


@pytest.mark.parametrize("seed", range(3))
async def test_outcomes_do_not_depend_on_the_batches(office: Desk, seed: int) -> None:
    random = chance(seed)
    events = [*history(), *random.sample(history(), 9), event("execution.started", id="conflict"), None, b"{"]
    events.append(event("execution.completed", id="conflict"))
    random.shuffle(events)
    events += [event(f"execution.{ending}", subject="run-9") for ending in ("completed", "failed")]

    def records(topic: str) -> list[Record]:
        sent = [value and {**value, "tenantid": topic} if isinstance(value, dict) else value for value in events]
        return Topic(topic).add(*sent)

    await record_in(office, [records("whole")])
    await record_in(office, one_by_one(records("single")))
    await record_in(office, batches(records("random"), random, most=6))
    outcomes = await office.events("whole")
    assert len(outcomes) == len(events)
    kinds = {outcome.split()[0] for outcome in outcomes.values()}
    assert kinds == {"applied", "late", "rejected", "duplicate", "dead_lettered"}
    assert await office.events("single") == outcomes
    assert await office.events("random") == outcomes


async def test_what_came_again_is_a_duplicate_wherever_it_came(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event(), event()))
    report = await office.record([*topic.add(event()), *topic.add(event(), partition=2)])
    assert await office.events() == {0: "applied", 1: "duplicate repeated", 2: "duplicate repeated"}
    assert (report.duplicates, report.conflicts) == (2, 0)
    assert await office.value("SELECT version FROM execledger.executions") == 1


async def test_another_content_under_the_same_id_is_a_conflict_and_the_first_stands(office: Desk) -> None:
    topic = Topic()
    first = event("execution.started", {"query": "first"}, id="1", sequence=1)
    others = [
        {**first, "data": {"query": "second"}},
        {**first, "type": "execution.created"},
        {**first, "time": event(at=1)["time"]},
        {**first, "attempt": 2},
        {**first, "sequence": 2},
    ]
    await office.record(topic.add(first, *others[:2]))
    report = await office.record(topic.add(*others[2:]))
    outcomes = await office.events()
    assert outcomes == {0: "applied", **dict.fromkeys(range(1, 6), "duplicate conflict")}
    assert report.conflicts == 3
    assert await office.value("SELECT query FROM execledger.executions") == "first"


async def test_the_same_event_in_another_dress_is_a_repetition(office: Desk) -> None:
    said = event("execution.started", {"query": "ä", "total_steps": 3}, attempt=2, sequence=7, partitionkey="k")
    attributes = {f"ce_{name}": str(value).encode() for name, value in said.items() if name != "data"}
    binary = [("content-type", b"application/json"), *attributes.items()]
    encoded = base64.b64encode(json.dumps(said["data"]).encode()).decode()
    dresses = [
        json.dumps(said, indent=4).encode(),
        json.dumps(dict(reversed(said.items())), ensure_ascii=False).encode(),
        json.dumps({**said, "note": "unknown to us"}).encode(),
        json.dumps({**said, "data": None, "data_base64": encoded}).encode(),
    ]
    topic = Topic()
    await office.record(topic.add(said))
    await office.record(topic.add(*dresses))
    await office.record(topic.add(json.dumps(said["data"]).encode(), headers=binary))
    assert await office.events() == {0: "applied", **dict.fromkeys(range(1, 6), "duplicate repeated")}


async def test_what_repeats_a_large_event_is_told_without_reading_that_again(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = event(data={"input": ["x" * 50_000] * 5})
    topic = Topic()
    await office.record(topic.add(said))

    def reread(text: str) -> None:
        raise AssertionError("a logged event was read again")

    monkeypatch.setattr(recording_log, "reread", reread)
    monkeypatch.setattr(decoding, "reread", reread)
    await office.record(topic.add(*({**said, "data": {"query": str(n)}} for n in range(20))))
    await office.record(topic.add(json.dumps(said, indent=1).encode()))
    outcomes = {0: "applied", **dict.fromkeys(range(1, 21), "duplicate conflict"), 21: "duplicate repeated"}
    assert await office.events() == outcomes


async def test_what_a_version_before_logged_is_known_by_its_text(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event()))
    await office.connection.execute(
        "UPDATE execledger.execution_events SET digest = sha256(convert_to(raw::text, 'UTF8'))"
    )
    await office.record(topic.add(event()))
    assert await office.events() == {0: "applied", 1: "duplicate repeated"}


async def test_the_same_event_id_under_another_execution_is_another_event(office: Desk) -> None:
    same = event(id=OWN)
    await office.record(Topic().add(same, {**same, "subject": "run-2"}, {**same, "tenantid": "other"}))
    assert set((await office.events()).values()) == {"applied"}
    assert await office.value("SELECT count(DISTINCT execution_id) FROM execledger.execution_events") == 3


async def ids(office: Desk) -> dict[tuple[str, str], str]:
    """The execution's id by tenant and external id."""
    rows = await office.rows(
        "SELECT alias.tenant_id, alias.external_id, alias.id FROM execledger.execution_aliases AS alias"
        " JOIN execledger.executions USING (id)"
    )
    return {(row["tenant_id"], row["external_id"]): str(row["id"]) for row in rows}


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_uuid7_is_its_own_id_unless_another_execution_has_it(office: Desk, at_once: bool) -> None:
    topic = Topic()
    records = topic.add(*(event(subject=OWN, tenantid=tenant) for tenant in ("a", "b", "c")), event())
    await record_in(office, [records] if at_once else one_by_one(records))
    known = await ids(office)
    assert known["a", OWN] == OWN
    assert len(set(known.values())) == 4
    made = [id_ for id_ in known.values() if id_ != OWN]
    assert [id_milliseconds(id_) for id_ in made] == [NOON_MS] * 3
    await office.record(topic.add(event("execution.completed", subject=OWN, tenantid="b", at=1)))
    assert await office.value("SELECT status FROM execledger.executions WHERE tenant_id = 'b'") == "completed"
    assert await ids(office) == known


async def test_two_recorders_that_need_the_same_ids_take_them_in_one_order(office: Desk) -> None:
    """Two tenants name their executions alike: in each batch is a name that would be the id which the other gives."""
    names = [("a", OWN), ("a", "held up"), ("b", OTHER)], [("a", OTHER), ("a", "held up"), ("b", OWN)]
    topic = Topic()
    parts = [
        topic.add(*(event(subject=name, tenantid=tenant) for tenant, name in told), partition=partition)
        for partition, told in enumerate(names)
    ]
    await office.open("events")
    held_up = office.connection.transaction()
    await held_up.start()
    await office.connection.execute(
        "INSERT INTO execledger.execution_aliases VALUES ('a', 'held up', gen_random_uuid())"
    )
    async with Store(office.dsn) as other:
        stores = (office.store, other)
        recorded = asyncio.gather(
            *(record(store, read(part, Limits()), LETTERS) for store, part in zip(stores, parts, strict=True))
        )
        await eventually(lambda: wait_for_locks(office, 2))
        await held_up.rollback()
        await recorded
    known = await ids(office)
    assert len(known) == 5
    first, second = (
        {known[name] for name in told} for told in ((("a", OWN), ("b", OTHER)), (("a", OTHER), ("b", OWN)))
    )
    assert {OWN, OTHER} in (first, second)  # whoever came first


async def wait_for_locks(office: Desk, sessions: int) -> bool:
    return await office.waiting() == sessions


async def test_executions_of_two_tenants_and_two_months_share_a_batch(office: Desk) -> None:
    earlier = event(subject="same", tenantid="b", time="2026-02-03T00:00:00Z")
    await office.record(Topic().add(event(subject="same", tenantid="a"), earlier))
    assert await office.value("SELECT count(DISTINCT xmin::text) FROM execledger.executions") == 1
    rows = await office.rows("SELECT DISTINCT tableoid::regclass::text AS name FROM execledger.executions")
    assert {row["name"] for row in rows} == {"execledger.executions_m2026_03", "execledger.executions_m2026_02"}


REFUSALS = {
    "22000": "value refused",
    "23514": "check refused",
    "54000": "limit refused",
}


@pytest.mark.parametrize("sqlstate", REFUSALS)
async def test_a_record_that_postgres_refuses_is_a_dead_letter_and_its_neighbours_are_not(
    office: Desk, sqlstate: str
) -> None:
    await refuse(office, "external_id LIKE 'bad%'", sqlstate, REFUSALS[sqlstate])
    good = [{**said, "subject": f"run-{n % 4}"} for n, said in enumerate(history())]
    events: list[Row] = [*good[:9], event(subject="bad 1"), *good[9:20], event(subject="bad 2"), *good[20:]]
    report = await office.record(Topic().add(*events))
    assert report.dead_letters == {"unstorable": 2}
    letters = await office.rows('SELECT "offset", reason, detail, value FROM execledger.dead_letters ORDER BY 1')
    assert [(row["offset"], row["reason"], row["detail"]) for row in letters] == [
        (9, "unstorable", REFUSALS[sqlstate]),
        (21, "unstorable", REFUSALS[sqlstate]),
    ]
    assert json.loads(letters[0]["value"])["subject"] == "bad 1"
    await office.connection.execute("DROP TRIGGER refuse ON execledger.executions")
    await record_in(office, [Topic("undisturbed").add(*({**said, "tenantid": "undisturbed"} for said in good))])
    assert await snapshot(office.connection) == await snapshot(office.connection, "undisturbed")


async def refuse(office: Desk, condition: str, sqlstate: str, message: str) -> None:
    """Postgres refuses rows of executions of which this is true."""
    await office.connection.execute(
        f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}', MESSAGE = '{message}'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON execledger.executions
        FOR EACH ROW WHEN (NEW.{condition}) EXECUTE FUNCTION refuse();
        """
    )


async def test_a_dead_letter_keeps_the_record_as_it_came(office: Desk) -> None:
    headers = [("plain", b"text"), ("bytes", b"\xff\xfe\x00"), ("nothing", None), ("plain", b"again"), ("nul\0", b"")]
    await office.record(Topic().add(b"\xff{not json", key=b"\x00\xff", headers=headers))
    (letter,) = await office.rows("SELECT key, value, headers, reason, detail FROM execledger.dead_letters")
    (message,) = await office.rows("SELECT topic, key, value, headers FROM execledger.outbox")
    assert letter["reason"] == "not_utf8"
    assert (letter["key"], letter["value"]) == (message["key"], message["value"]) == (b"\x00\xff", b"\xff{not json")
    kept = unpacked(letter["headers"])
    assert kept[:4] == headers[:4]
    assert kept[4] == ("nul\ufffd", b"")  # a name is text, and Postgres holds no NUL
    sent = unpacked(message["headers"])
    assert sent[:5] == kept
    facts = {name: (value or b"").decode() for name, value in sent[5:]}
    assert facts.pop("execledger-detail") == letter["detail"]
    assert facts == {
        "execledger-reason": "not_utf8",
        "execledger-topic": "events",
        "execledger-partition": "0",
        "execledger-offset": "0",
        "execledger-timestamp": str(NOON_MS),
    }


def unpacked(headers: str) -> list[tuple[str, bytes | None]]:
    return [(name, None if value is None else base64.b64decode(value)) for name, value in json.loads(headers)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"),
        (b"", "not_json"),
        (b"[]", "not_cloudevent"),
        (event(specversion="0.3"), "unsupported_version"),
        (event(attempt=0), "invalid"),
        (b" " * (Limits().record_bytes + 1), "too_large"),
    ],
)
async def test_a_bad_record_does_not_hold_up_its_batch(office: Desk, value: Row | bytes | None, reason: str) -> None:
    report = await office.record(Topic().add(event(), value, event("execution.completed", at=1)))
    assert await office.events() == {0: "applied", 1: f"dead_lettered {reason}", 2: "applied"}
    assert report.dead_letters == {reason: 1}
    assert await office.value("SELECT status FROM execledger.executions") == "completed"


@pytest.mark.parametrize(
    ("last", "damage"),
    [
        ("step.completed", "UPDATE execledger.executions SET fold = left(fold, 5), query = 'damaged'"),
        ("step.completed", "UPDATE execledger.steps SET fold = '', status = 'failed'"),
        ("execution.failed", "UPDATE execledger.steps SET fold = '', name = 'damaged'"),
    ],
    ids=["execution", "step", "open step"],
)
async def test_an_execution_of_which_a_row_was_damaged_is_mended_by_its_next_event(
    office: Desk, last: str, damage: str
) -> None:
    """The log has all that it needs; who records must not end, and take the partition with it."""
    topic = Topic()
    step = {"step": {"name": "draft", "operation": "write"}}
    first = [event(data={"query": "q"}), event("step.started", step, at=1), event("llm.called", {"model": "m"}, at=2)]
    ending = event(last, {"step": {"name": "draft"}}, at=3)
    await office.record(topic.add(*first))
    await office.connection.execute(damage)
    await office.record(topic.add(ending))
    mended = await snapshot(office.connection)
    await record_in(office, [Topic("again").add(*({**said, "tenantid": "whole"} for said in [*first, ending]))])
    whole = await snapshot(office.connection, "whole")
    assert mended["executions"] == whole["executions"]
    assert mended["steps"] == whole["steps"]


@pytest.mark.parametrize("timestamp_ms", [-1, 253_402_300_799_999])
async def test_any_kafka_timestamp_is_recorded(office: Desk, timestamp_ms: int) -> None:
    """Producers set it, and a broker may take whatever they set."""
    await office.record(Topic().add(event(), b"garbage", timestamp_ms=timestamp_ms))
    assert await office.events() == {0: "applied", 1: "dead_lettered not_json"}


async def position(office: Desk, partition: int = 0) -> tuple[int, int]:
    """Where the ledger stands, and the gaps so far."""
    row = next(row for row in await office.store.ledger.read() if row.partition == partition)
    return row.next_offset, row.gaps


async def test_a_hole_that_no_fetch_proves_empty_is_not_passed(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event()))
    topic.ends[0] = 5
    with pytest.raises(Misplaced):
        await office.record(topic.add(event("execution.completed", at=1)))
    assert await position(office) == (1, 0)
    assert await office.events() == {0: "applied"}


async def test_a_hole_that_a_fetch_proves_empty_is_a_gap(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event()))
    topic.ends[0] = 5
    await office.record(topic.add(event("execution.completed", at=1), reaches_back_to=1))
    assert await position(office) == (6, 4)


async def test_what_lies_below_the_ledger_is_counted_nowhere(office: Desk) -> None:
    records = Topic().add(event(), None, event(), event("execution.completed", at=1))
    await office.record(records[:3])
    before = await office.events()
    report = await office.record(records[:2])
    assert not report.outcomes
    await office.record(records)
    assert await office.events() == {**before, 3: "applied"}


async def test_a_partition_without_an_account_is_not_recorded(office: Desk) -> None:
    await office.open("events")
    with pytest.raises(Misplaced):
        await office.record(Topic().add(event(), partition=7))


DIE = """
CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60); RETURN NULL; END $$;
"""


async def test_a_connection_lost_in_the_middle_leaves_nothing_behind(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(*history()[:5]))
    before = await everything(office)
    again = topic.add(*history(), None, *({**said, "subject": "new"} for said in history()))
    await office.connection.execute(DIE)
    points = [*(f"BEFORE INSERT ON execledger.{table}" for table in WRITTEN), "BEFORE UPDATE ON execledger.ledger"]
    for point in points:
        await office.connection.execute(f"CREATE TRIGGER die {point} FOR EACH STATEMENT EXECUTE FUNCTION die()")
        with pytest.raises(SessionLost):
            await _record_whole(office.store, read(again, Limits()), LETTERS, DEFAULT_POLICY)
        assert await everything(office) == before, point
        await office.connection.execute(f"DROP TRIGGER die ON {point.split()[-1]}")
    await office.record(again)
    assert len(await office.events()) == 5 + len(again)


async def test_a_connection_lost_at_the_commit_leaves_nothing_behind(office: Desk) -> None:
    await office.open("events")
    before = await everything(office)
    await office.connection.execute(DIE)
    await office.connection.execute(
        "CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON execledger.ledger DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION die()"
    )
    with pytest.raises(SessionLost):
        await office.record(Topic().add(*history()))
    assert await everything(office) == before


@asynccontextmanager
async def store_over_a_line_that_lingers(office: Desk) -> AsyncIterator[Store]:
    """Between the server's last word and the end of the stream half a second passes."""
    address = urlsplit(office.dsn)
    user = address.netloc.rpartition("@")[0]
    async with cable(f"{address.hostname}:{address.port}") as line:
        line.lingers = 0.5
        await line.mend()
        async with Store(urlunsplit(address._replace(netloc=f"{user}@{line.address}"))) as store:
            yield store


async def end_sessions(office: Desk, state: str) -> None:
    await office.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE state = $1 AND datname = current_database() AND pid <> pg_backend_pid()",
        state,
    )
    await asyncio.sleep(0.1)


async def test_a_connection_that_postgres_has_ended_and_not_yet_closed_is_a_lost_one(office: Desk) -> None:
    row = DuplicateRow("events", 0, 0, 0, OWN, OWN, "repeated")

    async def copy(store: Store) -> None:
        async with store.batch() as tx:
            await tx.append_duplicates([row])  # the next one need not be prepared
            await end_sessions(office, "idle in transaction")
            await tx.append_duplicates([row._replace(offset=1)])

    async with store_over_a_line_that_lingers(office) as store:
        with pytest.raises(SessionLost):
            await copy(store)


async def stand_still(office: Desk) -> None:
    """In a transaction, until Postgres has ended it; the loop stands still, too, as one does that computes."""
    alive = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)"

    async def until_it_is_gone(pid: int) -> None:
        other = await asyncpg.connect(office.dsn)

        async def is_gone() -> bool:
            return not await other.fetchval(alive, pid)

        await eventually(is_gone)
        await other.close()

    async with office.store.batch() as tx:
        await tx.connection.execute("SET LOCAL idle_in_transaction_session_timeout = 1")
        thread = Thread(target=asyncio.run, args=(until_it_is_gone(tx.connection.get_server_pid()),))
        thread.start()
        thread.join()
        await tx.append_duplicates([DuplicateRow("events", 0, 0, 0, OWN, OWN, "repeated")])


async def test_a_session_that_postgres_ends_because_it_stood_still_is_a_lost_one(office: Desk) -> None:
    with pytest.raises(SessionLost):
        await stand_still(office)


async def test_a_batch_that_loses_its_session_is_halved(office: Desk) -> None:
    await office.connection.execute(
        """
        CREATE FUNCTION die_of_many() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF (SELECT count(*) FROM fresh) > 2 THEN
                PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(60);
            END IF;
            RETURN NULL; END $$;
        CREATE TRIGGER die AFTER INSERT ON execledger.execution_events REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT EXECUTE FUNCTION die_of_many();
        """
    )
    await office.record(Topic().add(*history()[:8]))
    assert len(await office.events()) == 8


async def test_a_connection_that_is_ended_when_all_is_answered_spoils_nothing(office: Desk) -> None:
    async with store_over_a_line_that_lingers(office) as store:
        async with store._database.connection():
            await end_sessions(office, "idle")
        assert await store.ledger.read() == []


async def everything(office: Desk) -> dict[str, list[Row]]:
    return {table: await office.rows(f"TABLE execledger.{table}") for table in (*WRITTEN, "ledger")}


async def test_a_database_that_takes_no_writes_is_waited_for(office: Desk) -> None:
    async with Store(f"{office.dsn}?default_transaction_read_only=on") as replica:
        await office.open("events")
        with pytest.raises(StoreUnavailable, match="read-only"):
            await record(replica, read(Topic().add(event()), Limits()), LETTERS)


async def slow_down(office: Desk) -> None:
    """Each event of a statement takes 0.1 s."""
    await office.connection.execute(
        """
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.1 * (SELECT count(*) FROM fresh)); RETURN NULL; END $$;
        CREATE TRIGGER dawdle AFTER INSERT ON execledger.execution_events REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT EXECUTE FUNCTION dawdle();
        """
    )


async def test_a_log_that_is_read_and_folded_in_parts_gives_the_same(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = Topic()
    for tenant, (read_at_once, folded_at_once) in {"whole": (2000, 1000), "parts": (3, 2)}.items():
        monkeypatch.setattr(event_log, "_EVENTS_AT_ONCE", read_at_once)
        monkeypatch.setattr(checkpoint, "EVERY", folded_at_once)
        priced = event("llm.called", {"model": "gpt-4o", "provider": "openai", "prompt_tokens": 1000}, at=3)
        for said in reversed([priced, *history()]):  # each but the first of an execution makes it fold again
            await office.record(topic.add({**said, "tenantid": tenant}))
    assert await snapshot(office.connection, "parts") == await snapshot(office.connection, "whole")
    assert await office.value("SELECT count(*) FROM execledger.llm_calls WHERE cost_source = 'computed'") == 2


async def test_a_log_that_is_folded_again_is_held_without_its_payloads_and_gives_the_same(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    large: list[Any] = [["x" * 100]] * 100
    said: list[tuple[str, Any]] = [
        ("execution.created", {"input": large, "query": "q"}),
        ("step.completed", {"step": {"id": "draft"}, "input": large, "output": large, "metadata": {"a": 1}}),
        ("tool.called", {"tool_name": "search", "input": large, "output": None, "error": "no"}),
        ("agent.thinking", large),
        ("execution.failed", {"output": large, "result": "r" * 9000, "error": {"message": "m", "stack": "s"}}),
    ]
    held: list[int] = []

    def fold(execution: ExecutionFold, steps: StepFolds, entries: Sequence[Entry]) -> None:
        held.extend(len(msgspec.json.encode(entry.event)) for entry in entries)
        lifecycle_fold(execution, steps, entries)

    monkeypatch.setattr(resume, "fold", fold)
    topic = Topic()
    events = [event(type_, data, at=at) for at, (type_, data) in enumerate(said)]
    for tenant, ordered in {"ahead": events, "behind": [*events[1:], events[0]]}.items():
        held.clear()
        await record_in(office, one_by_one(topic.add(*({**each, "tenantid": tenant} for each in ordered))))
    assert len(held) == 4 + len(said)
    assert sorted(held[-len(said) :])[-2] < 1000  # the largest is the one that just came
    assert await snapshot(office.connection, "behind") == await snapshot(office.connection, "ahead")


async def test_a_batch_that_takes_too_long_is_halved(office: Desk) -> None:
    await slow_down(office)
    await office.open("events")
    async with Store(office.dsn, statement_timeout_ms=350) as impatient:
        await record(impatient, read(Topic().add(*history()[:8]), Limits()), LETTERS)
    assert len(await office.events()) == 8
    transactions = "SELECT count(DISTINCT xmin::text) FROM execledger.execution_events"
    assert await office.value(transactions) >= 4


async def test_a_single_record_that_takes_too_long_is_waited_for_and_no_dead_letter(office: Desk) -> None:
    await slow_down(office)
    await office.open("events")
    async with Store(office.dsn, statement_timeout_ms=60) as impatient:
        with pytest.raises(StoreTooSlow):
            await record(impatient, read(Topic().add(*history()[:2]), Limits()), LETTERS)
    assert await office.events() == {}


async def usage(office: Desk) -> dict[tuple[str, str], Row]:
    while await office.store.usage.recompute():
        pass
    rows = await office.rows("SELECT * FROM execledger.usage_daily")
    return {(row["owner_id"], str(row["day"])): row for row in rows}


async def test_daily_usage_follows_an_execution_to_its_last_owner_and_day(office: Desk) -> None:
    topic = Topic()
    spent = {"usage": {"prompt_tokens": 7, "cost_usd": "0.25"}}
    await office.record(topic.add(event("execution.completed", spent, at=90)))
    assert await office.value("SELECT count(*) FROM execledger.usage_marks") == 1
    assert set(await usage(office)) == {("", "2026-03-01")}
    await office.record(topic.add(event("execution.started", {"owner": {"id": "ann"}})))
    assert set(await usage(office)) == {("ann", "2026-03-01")}
    await office.record(topic.add(event("execution.created", {"owner": {"id": "bob"}}, at=1)))
    await office.record(topic.add(event("execution.started", at=-86_400)))
    ((key, day),) = (await usage(office)).items()
    assert key == ("bob", "2026-02-28")
    assert (day["executions"], day["completed"], day["prompt_tokens"], str(day["cost_usd"])) == (1, 1, 7, "0.250000000")


async def test_daily_usage_is_the_sum_of_its_executions(office: Desk) -> None:
    topic = Topic()
    for n in range(6):
        kind = ("execution.completed", "execution.failed", "execution.timed_out", "llm.called")[n % 4]
        spent: Any = {"prompt_tokens": n, "completion_tokens": 1, "cost_usd": "0.1"}
        data = spent if kind == "llm.called" else {"usage": spent}
        run = f"run-{n}"
        start = event("execution.started", {"owner": {"id": f"owner-{n % 2}"}}, subject=run)
        await office.record(topic.add(start, event(kind, data, at=1, subject=run)))
    found = {owner: tuple(row.values())[3:] for (owner, _), row in (await usage(office)).items()}
    assert {owner: [str(value) for value in values] for owner, values in found.items()} == {
        "owner-0": ["3", "2", "1", "6", "3", "9", "0.300000000"],
        "owner-1": ["3", "0", "2", "9", "3", "12", "0.300000000"],
    }


async def test_names_are_those_of_the_greatest_time_and_event_id(office: Desk) -> None:
    def said(at: float, name: str, id_: str) -> Row:
        data = {"workflow": {"id": "wf", "name": name, "version": name}, "owner": {"id": "ann", "name": name}}
        return event("execution.started", data, at=at, id=f"00000000-0000-4000-8000-{id_:>012}", subject=f"run-{name}")

    events = [said(5, "low", "1"), said(5, "high", "2"), said(4, "old", "3"), said(1, "oldest", "4")]
    for turn, order in enumerate([events, events[::-1], [events[1], events[0], *events[2:]]]):
        records = Topic(f"t{turn}").add(*({**said, "tenantid": f"t{turn}"} for said in order))
        await record_in(office, [records[:2], records[2:]] if turn else one_by_one(records))
    names = await office.rows("SELECT name, version FROM execledger.workflows")
    assert names == [{"name": "high", "version": "high"}] * 3
    assert await office.rows("SELECT name FROM execledger.owners") == [{"name": "high"}] * 3


async def test_labels_and_tags_are_rows_that_follow_the_record(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event("execution.created", {"tags": ["a", "b", "a"], "labels": {"k": 1, "j": "x"}})))
    await office.record(topic.add(event("execution.started", {"tags": ["c"], "labels": {"k": True}}, at=1)))
    await office.record(topic.add(event("execution.progressed", at=2)))
    rows = await office.rows("SELECT kind, key, value FROM execledger.execution_labels ORDER BY 1, 2, 3")
    assert [tuple(row.values()) for row in rows] == [("label", "j", "x"), ("label", "k", "true"), ("tag", "", "c")]
    await office.record(topic.add(event("execution.started", {"tags": []}, at=3)))
    assert await office.value("SELECT count(*) FROM execledger.execution_labels WHERE kind = 'tag'") == 0


async def test_identifiers_of_the_allowed_length_in_any_script_are_recorded(office: Desk) -> None:
    random = chance(1)

    def longest() -> str:
        return "".join(chr(random.randint(0x1F300, 0x1F9FF)) for _ in range(255))

    data = {
        "workflow": {"id": longest(), "name": longest(), "version": longest()},
        "owner": {"id": longest(), "email": longest(), "name": longest()},
        "labels": {longest(): longest()},
        "tags": [longest()],
        "session_id": longest(),
        "parent_execution_id": longest(),
    }
    attributes: dict[str, Any] = {"subject": longest(), "tenantid": longest()}
    step = {"step": {"id": longest(), "agent_id": longest()}}
    await office.record(Topic().add(event(data=data, **attributes), event("step.started", step, **attributes)))
    assert await office.events() == {0: "applied", 1: "applied"}


async def test_two_recorders_on_the_same_executions_converge(office: Desk) -> None:
    """Bad keys: the events of an execution lie on two partitions, which two recorders read at once."""
    import asyncio

    events = [{**said, "subject": f"{said['subject']}-{n}"} for n in range(10) for said in history()]
    topic = Topic()
    random = chance(2)
    random.shuffle(events)
    halves = [topic.add(*events[n::2], partition=n) for n in range(2)]
    await office.open("events")

    async def work(store: Store, records: Sequence[Record]) -> None:
        for part in batches(records, chance(3), most=40):
            while True:
                try:
                    await record(store, read(part, Limits()), LETTERS)
                except StoreUnavailable as error:
                    assert "deadlock" not in str(error)  # noqa: PT017  # the order of locks forbids it
                else:
                    break

    async with Store(office.dsn) as other:
        await asyncio.gather(work(office.store, halves[0]), work(other, halves[1]))
    await record_in(office, [])
    await record_in(office, [Topic("alone").add(*({**said, "tenantid": "alone"} for said in events))])
    assert await snapshot(office.connection) == await snapshot(office.connection, "alone")


async def test_a_bug_is_not_taken_for_bad_luck(office: Desk) -> None:
    await office.open("events")
    before = await position(office)
    await office.connection.execute("ALTER TABLE execledger.tool_calls DROP COLUMN success CASCADE")
    with pytest.raises(asyncpg.UndefinedColumnError):
        await office.record(Topic().add(event(), event("tool.called", at=1)))
    assert await position(office) == before
    assert await office.events() == {}


async def test_the_report_says_what_a_batch_came_to(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event()))
    finished = event("execution.completed", at=2)
    report = await office.record(
        topic.add(finished, event("execution.failed", at=3), event("run.progressed", at=1), finished, None)
    )
    assert {outcome.value: count for (_, outcome), count in report.outcomes.items()} == {
        "applied": 1,
        "rejected": 1,
        "late": 1,
        "duplicate": 1,
        "dead_lettered": 1,
    }
    assert report.transitions == {("running", "completed"): 1}
    assert report.rejections == {"already completed": 1}
    assert {type_ for type_, _ in report.types} == {"execution.completed", "execution.failed", "execution.progressed"}
    assert (report.executions, report.refolded) == (1, 0)
    assert report.oldest_occurred_at is not None
    assert (report.oldest_occurred_at - NOON).total_seconds() == 1


async def test_rows_of_an_earlier_fold_are_folded_again_before_anything_is_judged(office: Desk) -> None:
    topic = Topic()
    step = {"step": {"id": "draft"}}
    await office.record(
        topic.add(
            event(data={"workflow": {"id": "w"}}),
            event("step.started", step, at=1),
            event("execution.completed", at=2),
        )
    )
    await office.rows("UPDATE execledger.executions SET fold = '[0]' RETURNING id")
    await office.rows("UPDATE execledger.steps SET fold = '[0]' RETURNING step_id")
    await office.record(topic.add(event("execution.failed", at=3), event("step.completed", step, at=4)))
    assert await office.events() == {
        0: "applied",
        1: "applied",
        2: "applied",
        3: "rejected already completed",
        4: "applied",
    }
    assert await office.rows("SELECT status, workflow_id, version FROM execledger.executions") == [
        {"status": "completed", "workflow_id": "w", "version": 5}
    ]
    assert await office.rows("SELECT status, provisional FROM execledger.steps") == [
        {"status": "completed", "provisional": False}
    ]


async def test_one_record_is_not_at_fault_for_a_partition_that_a_restore_took_away(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event()))
    partition = await office.value("SELECT tableoid::regclass::text FROM execledger.executions")
    month = partition.removeprefix("execledger.executions_")
    for parent in ("executions", "execution_events", "steps", "llm_calls", "tool_calls"):
        await office.rows(f"DROP TABLE execledger.{parent}_{month}")
    await office.rows("DELETE FROM execledger.execution_aliases RETURNING id")
    await office.rows("UPDATE execledger.ledger SET gaps = 1, applied = 0 WHERE partition = 0 RETURNING topic")
    await office.record(topic.add(event(subject="another")))
    assert await office.events() == {1: "applied"}


async def test_what_was_committed_is_reported_although_the_rest_of_its_batch_meets_an_outage(office: Desk) -> None:
    """Postgres refuses the second record, so that the batch is split; and it goes away in the second half."""
    await office.connection.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.\"offset\" = 1 THEN RAISE EXCEPTION 'refused' USING ERRCODE = '22000'; END IF;"
        " IF NEW.\"offset\" = 6 THEN RAISE EXCEPTION 'away' USING ERRCODE = '58030'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER fail BEFORE INSERT ON execledger.execution_events FOR EACH ROW EXECUTE FUNCTION fail()"
    )
    batch = read(Topic().add(*(event(at=n) for n in range(8))), Limits())
    await office.open("events")
    reported: list[tuple[list[int], int]] = []

    def on_commit(report: Report, part: Sequence[Read]) -> None:
        reported.append(([each.offset for each, _ in part], report.outcomes.total()))

    with pytest.raises(StoreUnavailable, match="away"):
        await record(office.store, batch, LETTERS, on_commit=on_commit)
    assert reported == [([0], 1), ([1], 1), ([2, 3], 2)]
    await office.connection.execute("DROP TRIGGER fail ON execledger.execution_events")
    await record(office.store, batch, LETTERS, on_commit=on_commit)
    assert reported[3:] == [(list(range(8)), 4)]


# Steps that are tried again.


def a_step(type_: str, at: float, attempt: int = 1, **said: Any) -> Row:
    return event(f"step.{type_}", {"step": {"id": "A", **said}}, at=at, attempt=attempt)


async def tries(office: Desk) -> list[tuple[Any, ...]]:
    """Iteration, attempt, try and status of what is recorded of steps."""
    rows = await office.rows(
        "SELECT iteration, attempt, try_number, status FROM execledger.steps"
        " ORDER BY step_id, iteration_key, attempt, try_number"
    )
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize("attempt", [1, 2], ids=["as a step", "with attempt 2 on the step alone"])
async def test_a_step_that_failed_and_is_tried_again_has_two_tries(office: Desk, attempt: int) -> None:
    said = [event(at=0), a_step("started", 1), a_step("failed", 2)]
    said += [a_step("started", 3, attempt), a_step("completed", 4, attempt), event("execution.completed", at=5)]
    await record_in(office, one_by_one(Topic().add(*said)))
    assert [*(await office.events()).values()] == ["applied"] * 6
    backwards = [{**each, "subject": "run-2"} for each in reversed(said)]
    await record_in(office, one_by_one(Topic("backwards").add(*backwards)))
    assert await tries(office) == [*[(None, 1, 1, "failed")] * 2, *[(None, 1, 2, "completed")] * 2]
    rows = await office.rows("SELECT status, attempt, total_steps, completed_steps FROM execledger.executions")
    assert [tuple(row.values()) for row in rows] == [("completed", 1, 1, 1)] * 2


async def test_a_loop_and_its_iterations_are_steps_each(office: Desk) -> None:
    said = [a_step("started", at, **loop) for at, loop in enumerate([{}, *({"iteration": n} for n in range(3))])]
    await record_in(office, one_by_one(Topic().add(*said)))
    assert await tries(office) == [(iteration, 1, 1, "running") for iteration in (None, 0, 1, 2)]


async def test_what_an_event_takes_over_leaves_no_row_behind(office: Desk) -> None:
    """Another attempt, when one begins; another try, when an event says a number that came late."""
    said = [a_step("started", 2, 2), a_step("failed", 3, 2), a_step("started", 4, 2), event(at=5, attempt=2)]
    topic = Topic()
    await record_in(office, one_by_one(topic.add(event(), *said)))
    assert await tries(office) == [(None, 2, 1, "failed"), (None, 2, 2, "running")]
    await office.record(topic.add(a_step("started", 1, 2, try_number=5)))
    assert await tries(office) == [(None, 2, 5, "failed"), (None, 2, 6, "running")]
    (finding,) = await verify(office.store, [str(await office.value("SELECT id FROM execledger.executions"))])
    assert finding.differences == []


async def test_a_try_that_is_named_goes_on_from_its_row(office: Desk) -> None:
    topic = Topic()
    said = [a_step("started", at, try_number=at) for at in (1, 2, 3)]
    ended = [a_step("failed", 4, try_number=1), a_step("completed", 5)]
    await record_in(office, one_by_one(topic.add(*said, *ended)))
    assert await tries(office) == [(None, 1, 1, "failed"), (None, 1, 2, "cancelled"), (None, 1, 3, "completed")]
    rows = await office.rows("SELECT started_at, ended_at FROM execledger.steps ORDER BY try_number")
    assert [row["started_at"] for row in rows] == [NOON + timedelta(seconds=at) for at in (1, 2, 3)]
    assert [row["ended_at"] for row in rows] == [NOON + timedelta(seconds=4), None, NOON + timedelta(seconds=5)]


async def test_of_a_dead_letter_that_is_too_large_a_part_is_kept_and_sent_and_said_to_be_one(office: Desk) -> None:
    await office.open("events")
    value, header = b"{" + b"x" * 50_000, b"y" * 3_000_000
    topic = Topic()
    records = [*topic.add(value, headers=[("large", header), ("lost", b"z")]), *topic.add(b"{", key=b"k" * 20_000)]
    await record(office.store, read(records, Limits()), Letters("dead-letter", 16_384))
    one, other = await office.rows("SELECT key, value, headers, cut FROM execledger.dead_letters ORDER BY id")
    said = {"bytes": 50_001, "sha256": sha256(value).hexdigest()}
    assert json.loads(one["cut"]) == {"value": said, "headers": {"bytes": 3_000_000 + 10, "number": 2}}
    assert one["value"] == value[:16_384]
    [(name, part)] = unpack_headers(one["headers"])
    assert (name, part) == ("large", header[: 16_384 - len("large")])
    assert (other["key"], other["value"], list(json.loads(other["cut"]))) == (b"k" * 16_384, b"{", ["key"])
    copies = await office.rows("SELECT key, value, headers FROM execledger.outbox ORDER BY id")
    assert [(row["key"], row["value"]) for row in copies] == [(row["key"], row["value"]) for row in (one, other)]
    *_, mark = unpack_headers(copies[0]["headers"])
    assert mark == ("execledger-cut", one["cut"].encode())


async def test_a_dead_letter_that_postgres_refuses_is_kept_without_its_bytes(office: Desk) -> None:
    """For what nobody thought of: the last resort has none of its own that could fail."""
    await office.connection.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'no' USING ERRCODE = '54000'; END $$;"
        " CREATE TRIGGER refuse BEFORE INSERT ON execledger.dead_letters"
        " FOR EACH ROW WHEN (length(NEW.value) > 0) EXECUTE FUNCTION refuse()"
    )
    report = await office.record(Topic().add(event(), b"{", event(at=1)))
    assert report.dead_letters == {"unstorable": 1}
    [row] = await office.rows('SELECT "offset", key, value, headers, cut FROM execledger.dead_letters')
    assert (row["offset"], row["key"], row["value"], row["headers"]) == (1, None, b"", "[]")
    assert json.loads(row["cut"])["value"] == {"bytes": 1, "sha256": sha256(b"{").hexdigest()}
    await assert_balanced(office.connection)
