"""The recorder's statements, schema and roles, on a real Postgres."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from conftest import Servers
from execledger.stack.database import with_database
from execledger_contracts.cleaning import Limits
from execledger_lifecycle.columns import Column
from execledger_lifecycle.record import EXECUTION_COLUMNS, STEP_COLUMNS
from execledger_recorder.duties.daily_limits import halt_days
from execledger_recorder.duties.feed import trim
from execledger_recorder.duties.rebuild import FIRST_ID, rebuild
from execledger_recorder.duties.reprice import Wanted, reprice
from execledger_recorder.duties.spot_check import SelfAudit
from execledger_recorder.duties.watchdog import watch
from execledger_recorder.metrics import Metrics
from execledger_recorder.recording import read, record
from execledger_recorder.rules.circuit import Stop
from execledger_recorder.rules.ids import id_milliseconds, new_id
from execledger_recorder.rules.months import PartitionPolicy, months_from
from execledger_recorder.rules.partition import TopicPartition
from execledger_recorder.rules.rows import TreeMarks
from execledger_recorder.rules.tables import TABLES
from execledger_recorder.store import OutboxRow, Store, migrations, pack_headers, unpack_headers
from execledger_recorder.store.migrations import SchemaMismatchError, migrate, pending
from execledger_recorder.store.statements import SQL, TEMPLATES, about
from execledger_runtime.errors import StoreTooSlow, StoreUnavailable, Unstorable
from factories_recorder import LETTERS, NOON, Desk, Row, Topic, batches, chance, desk, event, history, snapshot
from running import eventually

PARTITIONED = ("executions", "execution_events", "steps", "llm_calls", "tool_calls")
SEEN_BY_TENANT = (
    *PARTITIONED,
    *("execution_aliases", "execution_labels", "workflows", "owners", "usage_daily", "changes"),
)


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part on a fresh database."""
    async with desk(database) as office:
        yield office


@pytest.fixture
async def empty_databases(servers: Servers) -> AsyncIterator[list[str]]:
    """DSNs of two databases that nobody has migrated."""
    names = [f"empty_{secrets.token_hex(6)}" for _ in range(2)]
    async with connected(servers.postgres_dsn) as connection:
        for name in names:
            await connection.execute(f"CREATE DATABASE {name}")
        yield [with_database(servers.postgres_dsn, name) for name in names]
        for name in names:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def test_every_statement_is_one_that_the_schema_knows(office: Desk) -> None:
    for table in TABLES:
        await office.connection.execute(about("stage", table))
    of_tables = {(name, table.name): about(name, table) for name in ("save", "drop", "stored") for table in TABLES}
    assert all(each.startswith("-- ") for each in (*SQL.values(), *TEMPLATES.values()))
    for statement in (*SQL.values(), *of_tables.values()):
        await office.connection.prepare(statement)


@pytest.mark.parametrize(("table", "columns"), [("executions", EXECUTION_COLUMNS), ("steps", STEP_COLUMNS)])
async def test_the_schema_has_the_columns_of_a_record(office: Desk, table: str, columns: Mapping[str, Column]) -> None:
    rows = await office.rows(
        "SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull FROM pg_attribute"
        " WHERE attrelid = ('execledger.' || $1)::regclass AND attnum > 0",
        table,
    )
    # Text that an old table limits has that limit: it is cut when it is decoded.
    as_read = {"character varying(255)": "text"}
    stored = {row["name"]: (as_read.get(row["type"], row["type"]), not row["attnotnull"]) for row in rows}
    declared = {
        name: (column.sql.replace("timestamptz", "timestamp with time zone"), column.is_nullable)
        for name, column in columns.items()
    }
    assert {name: stored.get(name) for name in declared} == declared


async def test_migrating_again_changes_nothing(database: str) -> None:
    assert await migrate(database) == []
    assert await pending(database) == []


async def test_two_places_may_migrate_at_once(empty_databases: list[str]) -> None:
    one, other = empty_databases
    names = [migration.name for migration in migrations.known()]
    assert await pending(one) == names
    applied = await asyncio.gather(migrate(one), migrate(other), migrate(one), migrate(other))
    assert sorted(applied, key=len) == [[], [], names, names]
    assert await pending(one) == await pending(other) == []


async def test_a_database_of_newer_or_other_code_is_refused(office: Desk) -> None:
    await office.connection.execute("UPDATE execledger.migrations SET digest = 'other' WHERE version = 2")
    with pytest.raises(SchemaMismatchError, match="0002_partitions differs"):
        await migrate(office.dsn)
    await office.connection.execute("INSERT INTO execledger.migrations VALUES (9999, '9999_later', 'x')")
    with pytest.raises(SchemaMismatchError, match="9999"):
        await migrate(office.dsn)


async def test_the_recorder_s_role_can_do_all_that_the_recorder_does(office: Desk) -> None:
    async with desk(f"{office.dsn}?role=execledger_recorder") as restricted:
        async with restricted.store.batch() as tx:
            assert await tx._connection.fetchval("SELECT current_user") == "execledger_recorder"
        assert await restricted.store.pending_migrations() == []
        topic = Topic()
        long_ago = event(at=-10 * 366 * 86_400, subject="long ago")
        spent = event("llm.called", {"prompt_tokens": 2}, subject="spent", at=-86_400)
        events: list[Row | bytes] = [*history(), *history(), long_ago, spent, b"garbage"]
        for batch in batches(topic.add(*events), chance(1)):
            await restricted.record(batch)
        await restricted.store.partitions.make_ahead(2)
        await restricted.store.ledger.note_ends([("events", 0, 0, 99, None)], NOON + timedelta(days=2))
        await restricted.store.ledger.miss("events", 1, 5)
        await restricted.store.limits.limit_silence("default", "wf", 1)
        await watch(restricted.store, Metrics(CollectorRegistry()), ["events"])
        assert await restricted.store.limits.allow_silence("default", "wf")
        assert await restricted.store.usage.recompute() > 0
        await restricted.store.limits.set_daily("default", "", 1, None)
        assert await halt_days(restricted.store, "control") == {"execution.halt": 1}
        assert await restricted.store.limits.remove_daily("default", "")
        assert (await restricted.store.outbox.state())[0] > 0
        async with restricted.store.outbox.relay() as relay:
            assert relay is not None
            for letters in await relay.topics():
                await relay.sent([id_ for id_, _ in await relay.waiting(letters, 10)])
        await restricted.store.circuits.open(Stop("events", 2, 0, 100, 99))
        assert await restricted.store.circuits.drain("events", 2, 0) in await restricted.store.circuits.read(["events"])
        await restricted.store.circuits.forget_drained(["events"])
        assert await restricted.store.circuits.read(["events"]) == []
        for table in ("execution_aliases", "executions", "steps", "llm_calls", "tool_calls", "execution_labels"):
            await office.connection.execute(f"DELETE FROM execledger.{table}")  # noqa: S608
        ids = [id_ for id_, _ in await restricted.store.executions.after(FIRST_ID, None, 100)]
        assert (await rebuild(restricted.store, ids)).mended == len(ids) == 6
        assert (await reprice(restricted.store, Wanted())).looked_at == 6
        metrics = Metrics(CollectorRegistry())
        await trim(restricted.store, metrics, 1e-9)
        assert metrics.feed_changes._value.get() == 0
        await SelfAudit(restricted.store, metrics, 20).look()
        assert metrics.mismatches._value.get() == 0
        assert sum(row.unaccounted for row in await restricted.store.ledger.read()) == 0


async def test_a_database_that_is_being_restored_is_waited_for(empty_databases: list[str]) -> None:
    dsn, elsewhere = empty_databases
    await migrate(dsn)
    name = dsn.rsplit("/", 1)[1].split("?")[0]
    async with Store(dsn) as store, connected(elsewhere) as other:
        await store.ledger.moment()
        await other.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await _assert_unavailable(store, "does not exist")
        await other.execute(f"CREATE DATABASE {name}")
        await _assert_unavailable(store, "does not exist")
        await migrate(dsn)
        await store.ledger.moment()


async def _assert_unavailable(store: Store, why: str) -> None:
    for _ in range(3):  # the first finds a connection that was ended
        with pytest.raises(StoreUnavailable) as caught:
            await store.ledger.moment()
    assert why in str(caught.value)


async def test_a_recorder_that_computes_keeps_its_transaction_however_short_a_statement_may_take(office: Desk) -> None:
    async with Store(office.dsn, statement_timeout_ms=100) as hasty, hasty.batch() as tx:
        assert await tx._connection.fetchval("SHOW idle_in_transaction_session_timeout") == "10s"


async def test_the_recorder_s_role_owns_nothing_and_changes_no_schema(office: Desk) -> None:
    await office.connection.execute("SET ROLE execledger_recorder")
    for refused in (
        "DROP TABLE execledger.outbox",
        "TRUNCATE execledger.execution_events",
        "CREATE TABLE execledger.x ()",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await office.connection.execute(refused)
    await office.connection.execute("RESET ROLE")


async def partitions(office: Desk, parent: str = "executions") -> set[str]:
    rows = await office.rows(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass",
        f"execledger.{parent}",
    )
    return {row["name"].removeprefix(f"execledger.{parent}_") for row in rows} - {"overflow"}


THIS_MONTH = f"m{datetime.now(UTC):%Y_%m}"
"""Made when the database is migrated."""


def next_month() -> tuple[int, int]:
    return months_from(datetime.now(UTC), 1)[1]


async def test_partitions_are_months_and_long_ago_years(office: Desk) -> None:
    now = datetime.now(UTC)
    await office.store.partitions.ensure([now, datetime(2004, 5, 6, tzinfo=UTC), datetime(2004, 12, 31, tzinfo=UTC)])
    for parent in PARTITIONED:
        assert await partitions(office, parent) == {f"m{now:%Y_%m}", "y2004"}


async def test_a_year_that_was_split_into_months_stays_so(office: Desk) -> None:
    await office.value(
        "SELECT execledger.make_partition('executions', 'm2004_03', '2004-03-01 00:00Z', '2004-04-01 00:00Z')"
    )
    await office.store.partitions.ensure([datetime(2004, 3, 9, tzinfo=UTC), datetime(2004, 12, 31, tzinfo=UTC)])
    for parent in PARTITIONED:
        assert await partitions(office, parent) == {THIS_MONTH, "m2004_03", "m2004_12"}


async def test_a_month_holds_the_ids_from_its_first_to_its_last_millisecond(office: Desk) -> None:
    await office.store.partitions.ensure([datetime(2026, 3, 15, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)])
    moments = {
        datetime(2026, 3, 1, tzinfo=UTC): "m2026_03",
        datetime(2026, 3, 31, 23, 59, 59, 999999, tzinfo=UTC): "m2026_03",
        datetime(2026, 4, 1, tzinfo=UTC): "m2026_04",
    }
    for at, month in moments.items():
        id_ = UUID(new_id(at))
        await office.connection.execute("INSERT INTO execledger.tool_calls VALUES ($1, $1, 't', now(), 1)", id_)
        where = "SELECT tableoid::regclass::text FROM execledger.tool_calls WHERE execution_id = $1"
        assert await office.value(where, id_) == f"execledger.tool_calls_{month}"


async def test_two_recorders_may_need_the_same_partition_at_once(office: Desk) -> None:
    at = datetime(*next_month(), 1, tzinfo=UTC)
    async with Store(office.dsn) as other:
        await asyncio.gather(office.store.partitions.ensure([at]), other.partitions.ensure([at]))
    assert await partitions(office) == {THIS_MONTH, f"m{at:%Y_%m}"}
    assert await office.value("SELECT execledger.ensure_partition($1)", at) is False


async def test_the_next_months_are_made_ahead(office: Desk) -> None:
    await office.store.partitions.make_ahead(14)
    made = await partitions(office)
    assert len(made) == 15
    assert f"m{datetime.now(UTC):%Y_%m}" == min(made)


NOTES = """
    CREATE TABLE execledger.notes (
        execution_id uuid NOT NULL PRIMARY KEY, tenant_id text NOT NULL, note text
    ) PARTITION BY RANGE (execution_id)
"""
"""A table of a later version."""


async def test_a_table_that_is_added_has_partitions_for_all_the_others_have_at_once(office: Desk) -> None:
    now = datetime.now(UTC)
    await office.store.partitions.ensure([now, datetime(2004, 5, 6, tzinfo=UTC)])
    await office.value(
        "SELECT execledger.make_partition('steps', 'm2005_03', '2005-03-01 00:00Z', '2005-04-01 00:00Z')"
    )
    await office.connection.execute(NOTES)
    await office.value("SELECT execledger.add_derived_table('notes', fillfactor => 60)")
    for parent in (*PARTITIONED, "notes"):
        assert await partitions(office, parent) == {f"m{now:%Y_%m}", "y2004", "m2005_03"}
    options = "SELECT reloptions FROM pg_class WHERE relname = $1"
    assert await office.value(options, "notes_y2004") == ["fillfactor=60"]
    assert await office.value(options, "executions_y2004") == ["fillfactor=70"]
    assert await office.value(options, "llm_calls_y2004") is None


async def test_a_table_that_is_added_without_a_word_has_its_partitions_when_they_are_next_asked_for(
    office: Desk,
) -> None:
    """What a recorder remembers of months hides it for no longer than an hour, and not once a row was refused."""
    now, once = datetime.now(UTC), datetime(2004, 5, 6, tzinfo=UTC)
    await office.store.partitions.make_ahead(0)
    await office.store.partitions.ensure([once])
    await office.connection.execute(NOTES)
    await office.store.partitions.ensure([now, once])
    assert await partitions(office, "notes") == set()
    await office.store.partitions.make_ahead(0)
    assert await partitions(office, "notes") == {f"m{now:%Y_%m}"}
    with pytest.raises(Unstorable):
        async with office.store.batch() as tx:
            await tx._connection.execute("INSERT INTO execledger.notes VALUES ($1, 't')", UUID(new_id(once)))
    await office.store.partitions.ensure([once])
    assert await partitions(office, "notes") == {f"m{now:%Y_%m}", "y2004"}


async def test_a_month_that_is_made_while_a_table_is_added_is_made_for_it_too(office: Desk) -> None:
    at = datetime(*next_month(), 1, tzinfo=UTC)
    async with connected(office.dsn) as migrating:
        async with migrating.transaction():
            await migrating.execute(NOTES)
            await migrating.execute("SELECT execledger.add_derived_table('notes')")
            recorder = asyncio.create_task(office.store.partitions.ensure([at]))
            await asyncio.sleep(0.2)
            assert not recorder.done()
        await recorder
    assert await partitions(office, "notes") == await partitions(office) == {THIS_MONTH, f"m{at:%Y_%m}"}


async def test_a_month_that_was_being_made_when_a_table_came_is_made_for_it_too(office: Desk) -> None:
    at = datetime(*next_month(), 1, tzinfo=UTC)
    async with connected(office.dsn) as recording, connected(office.dsn) as migrating:
        async with recording.transaction():
            await recording.execute("SELECT execledger.ensure_partition($1)", at)
            await migrating.execute(NOTES)
            adding = asyncio.create_task(migrating.execute("SELECT execledger.add_derived_table('notes')"))
            await eventually(lambda: waits_for_a_lock(office))
        await adding
    assert await partitions(office, "notes") == await partitions(office) == {THIS_MONTH, f"m{at:%Y_%m}"}


async def waits_for_a_lock(office: Desk) -> bool:
    return bool(
        await office.value(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted)"
        )
    )


async def test_an_added_table_is_written_by_the_recorder_and_read_as_the_others_are(office: Desk) -> None:
    await record_for_two_tenants(office)
    await office.connection.execute(NOTES)
    await office.value("SELECT execledger.add_derived_table('notes')")
    async with desk(f"{office.dsn}?role=execledger_recorder") as restricted, restricted.store.batch() as tx:
        await tx._connection.execute("INSERT INTO execledger.notes SELECT id, tenant_id FROM execledger.executions")
    said = {"admin": {}, "tenant": {"tenant": "acme"}, "owner": {"tenant": "acme", "owner": "ann"}}
    for role, who in said.items():
        seen = await visible(office, role, **who, tables=("executions", "notes"))
        assert seen["notes"] == seen["executions"] > 0
    for role in ("owner", "tenant"):
        assert await visible(office, role, tables=("notes",)) == {"notes": 0}


async def test_partitions_that_a_restored_database_lacks_are_made_again(office: Desk) -> None:
    """The recorder remembers which there are; a restore in between takes some away."""
    topic = Topic()
    await office.record(topic.add(event()))
    for parent in PARTITIONED:
        await office.connection.execute(f"DROP TABLE execledger.{parent}_m2026_03")
    await office.connection.execute(
        "TRUNCATE execledger.execution_aliases, execledger.ledger, execledger.execution_labels"
    )
    office.opened.clear()
    await office.record(Topic().add(event(), event("execution.completed", at=1)))
    assert await office.events() == {0: "applied", 1: "applied"}


async def test_who_says_not_who_they_are_reads_nothing(office: Desk) -> None:
    await record_for_two_tenants(office)
    for role in ("owner", "tenant"):
        assert set((await visible(office, role)).values()) == {0}


async def test_each_role_reads_its_own(office: Desk) -> None:
    await record_for_two_tenants(office)
    everything = await visible(office, "admin")
    assert min(everything.values()) > 0
    tenants = await visible(office, "tenant", tenant="acme")
    assert {table: 2 * count for table, count in tenants.items()} == everything
    ann = await visible(office, "owner", tenant="acme", owner="ann")
    assert 0 < ann["executions"] < tenants["executions"]
    assert ann["execution_events"] < tenants["execution_events"]
    nobody = await visible(office, "owner", tenant="acme", owner="nobody")
    assert {table for table, count in nobody.items() if count} == {"workflows"}


async def test_the_query_service_s_login_reads_nothing_by_itself(office: Desk) -> None:
    await record_for_two_tenants(office)
    async with office.connection.transaction():
        await office.connection.execute("SET LOCAL ROLE execledger_query")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await office.connection.fetch("SELECT FROM execledger.executions")


async def test_nobody_is_granted_a_partition(office: Desk) -> None:
    await record_for_two_tenants(office)
    granted = await office.rows(
        "SELECT relname FROM pg_class, aclexplode(relacl) AS granted"
        " WHERE relispartition AND granted.grantee <> relowner"
    )
    assert granted == []


async def test_an_account_is_in_one_pair_of_hands_at_a_time(office: Desk) -> None:
    await office.open("events")
    async with Store(office.dsn, statement_timeout_ms=500) as hasty, office.store.batch() as tx:
        assert (await tx.lock_ledger("events", {0})).positions == {0: 0}
        with pytest.raises(StoreTooSlow):
            async with hasty.batch() as other:
                await other.lock_ledger("events", {0, 1})
        async with hasty.batch() as other:
            assert (await other.lock_ledger("events", {1, 2})).positions == {1: 0, 2: 0}


async def test_a_transaction_that_stands_still_lets_go_of_the_ledger(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execledger_recorder.store.postgres._LEAST_IDLE_MS", 300)
    await office.open("events")
    taken: dict[int, int] = {}

    async def stand_still(stuck: Store, awake: Store) -> None:
        async with stuck.batch() as tx:
            await tx.lock_ledger("events", {0})
            async with awake.batch() as after:
                taken.update((await after.lock_ledger("events", {0})).positions)

    brief, patient = (Store(office.dsn, statement_timeout_ms=limit) for limit in (300, 5000))
    async with brief as stuck, patient as awake:
        with pytest.raises(StoreUnavailable):
            await stand_still(stuck, awake)
    assert taken == {0: 0}


async def test_a_copy_that_stands_still_lets_go_of_the_ledger(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execledger_recorder.store.postgres._LEAST_IDLE_MS", 300)
    await office.open("events")
    copying, for_ever = asyncio.Event(), asyncio.Event()

    async def stand_still() -> AsyncIterator[bytes]:
        copying.set()
        await for_ever.wait()
        yield b""

    async def sleep(stuck: Store) -> None:
        async with stuck.batch() as tx:
            await tx.lock_ledger("events", {0})
            await tx._connection.copy_to_table("duplicates", schema_name="execledger", source=stand_still())

    async with Store(office.dsn, statement_timeout_ms=300) as stuck, Store(office.dsn) as patient:
        asleep = asyncio.create_task(sleep(stuck))
        await copying.wait()
        await asyncio.sleep(0.5)
        assert await patient.terminate_stuck_sessions() == 0
        async with Store(office.dsn, statement_timeout_ms=300) as awake:
            assert await awake.terminate_stuck_sessions() == 1
            async with awake.batch() as tx:
                assert (await tx.lock_ledger("events", {0})).positions == {0: 0}
        for_ever.set()
        with pytest.raises(StoreUnavailable):
            await asleep


async def test_one_relay_is_active_at_a_time(office: Desk) -> None:
    async with office.store.outbox.relay() as first, office.store.outbox.relay() as second:
        assert first is not None
        assert second is None
    async with office.store.outbox.relay() as third:
        assert third is not None


async def test_a_relay_that_stands_still_lets_go_of_the_outbox(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execledger_recorder.store.postgres._LEAST_IDLE_MS", 300)
    async with Store(office.dsn, statement_timeout_ms=300) as brief:
        with pytest.raises(StoreUnavailable):  # noqa: PT012  # it is told when it wakes up
            async with brief.outbox.relay() as asleep:
                assert asleep is not None
                await asleep.give_way_when_idle()
                await asyncio.sleep(0.5)
                async with office.store.outbox.relay() as awake:
                    assert awake is not None
                await asleep.topics()


async def test_the_outbox_gives_what_was_put_in_oldest_first(office: Desk) -> None:
    rows = [
        OutboxRow("t", b"\xff", None, pack_headers([("h", b"\xff"), ("h", None)])),
        OutboxRow("t", None, b"v", "[]"),
    ]
    async with office.store.batch() as tx:
        await tx.append_outbox(rows)
    async with office.store.outbox.relay() as relay:
        assert relay is not None
        assert await relay.topics() == ["t"]
        waiting = await relay.waiting("t", 10)
        assert [(row.topic, row.key, row.value) for _, row in waiting] == [("t", b"\xff", None), ("t", None, b"v")]
        assert unpack_headers(waiting[0][1].headers) == [("h", b"\xff"), ("h", b"")]
        await relay.sent([waiting[0][0]])
        assert [row.value for _, row in await relay.waiting("t", 10)] == [b"v"]


async def test_the_outbox_gives_no_more_at_once_than_the_memory_holds(office: Desk) -> None:
    """A message may be large by its headers, too."""
    large = pack_headers([("h", b"x" * 1000)])
    said = [(b"12345", "[]"), (None, "[]"), (b"67", large), (b"8", "[]")]
    async with office.store.batch() as tx:
        await tx.append_outbox([OutboxRow("t", b"k", value, headers) for value, headers in said])
    async with office.store.outbox.relay() as relay:
        assert relay is not None
        parts = [await relay.waiting("t", 10, most_bytes) for most_bytes in (1, 8, 9, 12, 1000, 2000)]
    assert [len(part) for part in parts] == [1, 1, 2, 3, 3, 4]


async def test_the_outbox_tells_which_topics_wait(office: Desk) -> None:
    async with office.store.batch() as tx:
        await tx.append_outbox([OutboxRow(topic, None, b"v", "[]") for topic in "cabacab"])
    async with office.store.outbox.relay() as relay:
        assert relay is not None
        assert await relay.topics() == ["a", "b", "c"]
        assert [row.topic for _, row in await relay.waiting("b", 10)] == ["b", "b"]


async def test_a_full_outbox_takes_no_more_and_hinders_nobody_who_adds_nothing(office: Desk) -> None:
    row = OutboxRow("t", None, b"v", "[]")
    async with Store(office.dsn, outbox_limit=2) as store:
        for _ in range(2):
            async with store.batch() as tx:
                await tx.append_outbox([row])
        async with store.batch() as tx:
            with pytest.raises(StoreUnavailable, match="EXECLEDGER_OUTBOX_LIMIT"):
                await tx.append_outbox([row])
        async with store.batch() as tx:
            await tx.append_outbox([])
    assert await office.value("SELECT count(*) FROM execledger.outbox") == 2


async def test_days_are_computed_by_one_recorder_at_a_time(office: Desk) -> None:
    """Else one that looked earlier could write later, and its older figures would stay."""
    mark = ("t", "o", date(2026, 3, 1))
    async with office.store.batch() as tx:
        await tx.mark([mark], TreeMarks(set(), set()))
    async with connected(office.dsn) as other, other.transaction():
        assert len(await other.fetch(SQL["take_usage_marks"], 10)) == 1
        async with office.store.batch() as tx:
            await tx.mark([mark], TreeMarks(set(), set()))
        assert await office.store.usage.recompute() == 0
    assert await office.store.usage.recompute() == 1


async def test_sums_over_a_day_stay_within_what_a_column_holds(office: Desk) -> None:
    most = 2**53 - 1
    calls = [event("llm.called", {"prompt_tokens": most}, id=f"{n}", subject=f"run-{n % 2}") for n in range(2050)]
    await office.record(Topic().add(*calls))
    await office.store.usage.recompute()
    (day,) = await office.rows("SELECT prompt_tokens, total_tokens FROM execledger.usage_daily")
    assert day == {"prompt_tokens": 2**63 - 1, "total_tokens": 2**63 - 1}


async def record_for_two_tenants(office: Desk) -> None:
    topic = Topic()
    for tenant in ("acme", "umbrella"):
        await office.record(topic.add(*history(tenantid=tenant)))
    while await office.store.usage.recompute():
        pass
    assert await snapshot(office.connection, "acme") == await snapshot(office.connection, "umbrella")


async def visible(office: Desk, role: str, *, tables: Sequence[str] = SEEN_BY_TENANT, **said: str) -> dict[str, int]:
    """How many rows of each table the role reads, with what the request's token says."""
    async with office.connection.transaction():
        await office.connection.execute(f"SET LOCAL ROLE execledger_{role}")
        for name, value in said.items():
            await office.value("SELECT set_config($1, $2, true)", f"execledger.{name}", value)
        return await counts(office, tables)


async def counts(office: Desk, tables: Sequence[str]) -> dict[str, int]:
    return {table: await office.value(f"SELECT count(*) FROM execledger.{table}") for table in tables}  # noqa: S608


async def test_no_more_partitions_are_made_than_so_many_a_minute_and_none_for_what_lies_ahead(office: Desk) -> None:
    async with Store(office.dsn, partition_policy=PartitionPolicy(monthly_days=0, a_minute=3)) as store:
        years = [datetime(year, 5, 6, tzinfo=UTC) for year in range(2001, 2009)]
        ahead = [datetime(year, 5, 6, tzinfo=UTC) for year in (2100, 9999)]
        nowhere = await store.partitions.ensure([*years, *ahead])
        assert nowhere == {(at.year, 5) for at in (*years[:5], *ahead)}
        assert await store.partitions.ensure(years) == {(at.year, 5) for at in years[:5]}
        await store.partitions.make_ahead(0)
    assert await partitions(office) == {THIS_MONTH, "y2006", "y2007", "y2008"}


async def test_what_has_no_partition_of_its_own_is_recorded_all_the_same(office: Desk) -> None:
    """Times of long ago, and an id from the future, in a topic that takes whatever timestamp producers say."""
    own = new_id(datetime(2090, 1, 1, tzinfo=UTC))
    async with Store(office.dsn, partition_policy=PartitionPolicy(monthly_days=0, a_minute=2)) as store:
        topic = Topic()
        years = [event(subject=f"of {year}", time=f"{year}-02-03T00:00:00Z") for year in range(2001, 2012)]
        future = topic.add(event(subject=own), timestamp_ms=int(datetime(2090, 1, 2, tzinfo=UTC).timestamp() * 1000))
        await store.ledger.open({TopicPartition("events", 0): 0})
        for records in (future, topic.add(*years)):
            await record(store, read(records, Limits()), LETTERS)
        await record(store, read(topic.add(event("execution.completed", subject="of 2001", at=1)), Limits()), LETTERS)
    ids = {
        row["external_id"]: (row["id"], row["version"])
        for row in await office.rows("SELECT external_id, id::text, version FROM execledger.executions")
    }
    assert len(ids) == 12
    assert ids["of 2001"][1] == 2
    first = id_milliseconds(new_id(datetime(2000, 1, 1, tzinfo=UTC)))
    in_overflow = {name for name, (id_, _) in ids.items() if id_milliseconds(id_) < first}
    assert in_overflow == {f"of {year}" for year in range(2001, 2011)}
    assert f"{NOON:%Y-%m}" == f"{datetime.fromtimestamp(id_milliseconds(ids[own][0]) / 1000, UTC):%Y-%m}"
    made = await partitions(office)
    assert {name for name in made if name.startswith("y")} == {"y2011"}
