"""Roll-ups come to what the rows come to, whatever the order of events, and however often they are summed."""
# ruff: noqa: S608  # statements are put together from the names of columns

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from execledger_lifecycle.rollups import ROLLUPS, SPANS, Rollup
from execledger_recorder.duties.rebuild import rebuild
from execledger_recorder.duties.rollups import RollupTask, settle
from execledger_recorder.store import Store, rollups
from factories_recorder import Desk, Topic, desk, history
from recorder_bench import Bench
from running import eventually

Sums = dict[tuple[Any, ...], tuple[list[Decimal], dict[int, int]]]


async def rolled(office: Desk, rollup: Rollup, span: str, tenant: str) -> Sums:
    """What the roll-up says, by start and keys: sums, histogram."""
    rows = await office.rows(
        f"SELECT * FROM execledger.rolled_{rollup.name} WHERE span = $1 AND tenant_id = $2", span, tenant
    )
    sums = {
        (row["start_at"], *(row[key] for key in rollup.keys)): (
            [Decimal(row[measure]) for measure in rollup.measures],
            dict(zip(row["buckets"], row["counts"], strict=True)),
        )
        for row in rows
    }
    assert len(sums) == len(rows)
    return sums


async def counted(office: Desk, rollup: Rollup, span: str, tenant: str) -> Sums:
    """The same, counted row by row."""
    rows = await office.rows(f"SELECT * FROM execledger.measured_{rollup.name} WHERE tenant_id = $1", tenant)
    sums: Sums = defaultdict(lambda: ([Decimal(0)] * len(rollup.measures), Counter()))
    for row in rows:
        numbers, histogram = sums[_start(row["start_at"], span), *(row[key] for key in rollup.keys)]
        for place, measure in enumerate(rollup.measures):
            numbers[place] += row[measure] or 0
        if row["duration_bucket"] is not None:
            histogram[row["duration_bucket"]] += 1
    return dict(sums)


def _start(at: datetime, span: str) -> datetime:
    hour = at.replace(minute=0, second=0, microsecond=0)
    return hour if span == "hour" else hour.replace(hour=0) if span == "day" else hour.replace(hour=0, day=1)


async def settled(office: Desk) -> None:
    """All roll-ups, days and months too: what waits has waited long enough."""
    await office.connection.execute("UPDATE execledger.rollup_marks SET marked_at = marked_at - interval '1 day'")
    await settle(office.store)
    await office.connection.execute("UPDATE execledger.rollup_marks SET marked_at = marked_at - interval '1 day'")
    await settle(office.store)
    await office.connection.execute("UPDATE execledger.rollup_marks SET marked_at = marked_at - interval '1 day'")
    await settle(office.store)
    assert await office.value("SELECT count(*) FROM execledger.rollup_marks") == 0
    assert await office.value("SELECT count(*) FROM execledger.counted_events") == 0


async def assert_right(office: Desk, tenants: Iterable[str]) -> None:
    for rollup in ROLLUPS:
        for span in SPANS:
            for tenant in tenants:
                found = await rolled(office, rollup, span, tenant)
                assert found == await counted(office, rollup, span, tenant), (rollup.name, span, tenant)
                assert found


async def test_rollups_are_the_same_in_whatever_order_events_come(database: str) -> None:
    async with desk(f"{database}?role=execledger_recorder") as office:
        await office.record(Topic("whole").add(*history(tenantid="whole")))
        backwards = Topic("backwards")
        for said in reversed(history(tenantid="backwards")):
            await office.record(backwards.add(said))
        mixed, events = Topic("mixed"), history(tenantid="mixed")
        Random(7).shuffle(events)  # noqa: S311
        for said in [*events, *events[:9]]:  # some come twice
            await office.record(mixed.add(said))
            await settle(office.store)
        await settled(office)
        await assert_right(office, ("whole", "backwards", "mixed"))
        for rollup in ROLLUPS:
            for span in SPANS:
                whole = await rolled(office, rollup, span, "whole")
                assert whole == await rolled(office, rollup, span, "backwards")
                assert whole == await rolled(office, rollup, span, "mixed")


async def test_events_are_counted_once_by_their_own_hour_and_type_as_sent(database: str) -> None:
    async with desk(f"{database}?role=execledger_recorder") as office:
        topic, events = Topic(), history()
        await office.record(topic.add(*events[:7], *events[:3]))
        await settle(office.store)
        await office.record(topic.add(*events[2:]))
        await settled(office)
        for span in SPANS:
            rows = await office.rows("SELECT * FROM execledger.rolled_events WHERE span = $1", span)
            found = {(row["start_at"], row["type"]): row["events"] for row in rows}
            logged = await office.rows("SELECT occurred_at, type FROM execledger.execution_events")
            assert found == Counter((_start(row["occurred_at"], span), row["type"]) for row in logged)
        assert {"phase.started", "step.started"} <= {type_ for _, type_ in found}


async def test_an_hour_in_which_nothing_starts_any_more_is_empty(database: str) -> None:
    """A late `started` moves the start of an execution by hours: it is counted in one of them."""
    async with desk(f"{database}?role=execledger_recorder") as office:
        topic = Topic()
        first, second, *_ = history()
        await office.record(topic.add({**second, "time": "2026-03-01T15:00:00Z"}))
        await settled(office)
        await office.record(topic.add({**first, "type": "execution.started", "time": "2026-03-01T09:30:00Z"}))
        await settled(office)
        rows = await office.rows("SELECT start_at FROM execledger.rolled_executions WHERE span = 'hour'")
        assert [row["start_at"].hour for row in rows] == [9]
        await assert_sum(office, 1)


async def assert_sum(office: Desk, executions: int) -> None:
    for span in SPANS:
        query = "SELECT sum(executions) FROM execledger.rolled_executions WHERE span = $1"
        assert await office.value(query, span) == executions


async def test_an_hour_that_holds_much_is_summed_slice_by_slice(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that ends between two slices leaves the rest to the next one; what is marked meanwhile waits."""
    monkeypatch.setattr(rollups, "SLICE_EVENTS", 5)
    async with desk(f"{database}?role=execledger_recorder") as office, Store(database) as other:
        topic, (*events, late) = Topic(), [said for said in history() if said["subject"] in ("run-1", "run-2")]
        await office.record(topic.add(*events))
        assert await office.store.rollups.settle_hours() == 1
        assert await office.store.rollups.settle_slice()
        assert await office.value("SELECT DISTINCT span FROM execledger.rolled_executions") == "slice"
        await office.record(topic.add(late))
        assert await other.rollups.settle_hours() == 0
        slices = 1
        while await other.rollups.settle_slice():
            slices += 1
        assert slices == 3
        assert await office.value("SELECT count(*) FROM execledger.rollup_marks WHERE span = 'hour'") > 0
        await settled(office)
        await assert_right(office, ("default",))
        assert await office.value("SELECT count(*) FROM execledger.rolled_executions WHERE span = 'slice'") == 0


async def test_executions_that_start_at_once_are_sliced_by_their_ids(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "SLICE_EVENTS", 2)
    async with desk(database) as office:
        await office.record(Topic().add(*history()))
        hour = datetime(2026, 3, 1, 9, tzinfo=UTC)
        await office.connection.execute("UPDATE execledger.executions SET created_at = $1, started_at = $1", hour)
        await office.connection.execute("INSERT INTO execledger.rollup_marks VALUES ('default', 'hour', $1)", hour)
        await office.store.rollups.settle_hours()
        assert hour in {row["hour_at"] for row in await office.rows("SELECT hour_at FROM execledger.sliced_hours")}
        await settled(office)
        await assert_right(office, ("default",))


async def test_what_is_being_written_is_summed_once_it_is_quiet_or_has_waited(database: str) -> None:
    async with desk(database) as office:
        await office.record(Topic().add(*history()))
        assert await office.store.rollups.settle_hours(quiet_seconds=60) == 0
        await office.connection.execute(
            "INSERT INTO execledger.rollup_marks SELECT tenant_id, span, start_at, marked_at - interval '601 s'"
            " FROM execledger.rollup_marks"
        )
        assert await office.store.rollups.settle_hours(quiet_seconds=60) > 0


async def test_a_rebuild_mends_rollups_with_the_rows(database: str) -> None:
    async with desk(database) as office:
        await office.record(Topic().add(*history()))
        await settled(office)
        before = [await rolled(office, rollup, "day", "default") for rollup in ROLLUPS]
        await office.connection.execute(
            "UPDATE execledger.executions SET total_tokens = 999999, started_at = started_at - interval '3 days'"
        )
        ids = [str(row["id"]) for row in await office.rows("SELECT id FROM execledger.executions")]
        await office.connection.execute("DELETE FROM execledger.rolled_executions")
        assert (await rebuild(office.store, ids)).left == []
        await settled(office)
        assert [await rolled(office, rollup, "day", "default") for rollup in ROLLUPS] == before


async def test_a_day_is_summed_once_it_is_at_rest(database: str) -> None:
    async with desk(database) as office:
        await office.record(Topic().add(*history()))
        await settle(office.store)
        spans = await office.rows("SELECT DISTINCT span FROM execledger.rolled_executions")
        assert [row["span"] for row in spans] == ["hour"]
        marked = await office.rows("SELECT DISTINCT span FROM execledger.rollup_marks")
        assert [row["span"] for row in marked] == ["day"]


async def test_one_recorder_sums_at_a_time(database: str) -> None:
    async with desk(database) as office, Store(database) as other:
        await office.record(Topic().add(*history()))
        async with office.connection.transaction():
            await office.connection.execute("SELECT pg_advisory_xact_lock(hashtext('execledger.rollups'))")
            assert await other.rollups.settle_hours() == 0
        assert await other.rollups.settle_hours() > 0


@pytest.mark.parametrize("rollup", ROLLUPS, ids=lambda rollup: rollup.name)
async def test_rollups_have_the_columns_that_they_are_declared_with(rollup: Rollup, database: str) -> None:
    async with desk(database) as office:
        query = "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0"
        table = {row["attname"] for row in await office.rows(query, f"execledger.rolled_{rollup.name}")}
        view = {row["attname"] for row in await office.rows(query, f"execledger.measured_{rollup.name}")}
    columns = {*rollup.keys, *rollup.measures}
    assert table == {"tenant_id", "span", "start_at", *columns, "buckets", "counts"}
    assert view >= {"tenant_id", "start_at", *columns, "duration_bucket"}


async def test_a_duration_lies_in_the_bucket_that_is_told_from_it(database: str) -> None:
    from execledger_lifecycle.rollups import DURATION_ERROR, bucket_ms

    async with desk(database) as office:
        rows = await office.rows(
            "SELECT ms, execledger.duration_bucket(ms) AS bucket"
            " FROM (SELECT DISTINCT power(1.3, n)::bigint AS ms FROM generate_series(0, 150) AS n) AS durations"
        )
        assert await office.value("SELECT execledger.duration_bucket(0)") == 0
    for row in rows:
        assert abs(bucket_ms(row["bucket"]) - row["ms"]) <= (DURATION_ERROR + 1e-9) * row["ms"], row
    assert timedelta(milliseconds=bucket_ms(300)) > timedelta(days=365)


async def test_a_running_recorder_keeps_rollups_up_to_date(bench: Bench) -> None:
    async with bench.recorder(), desk(bench.dsn) as office:
        await bench.publish(*history())
        await bench.until_recorded()

        async def summed() -> bool:
            hours = "SELECT sum(executions) FROM execledger.rolled_executions WHERE span = 'hour'"
            events = "SELECT sum(events) FROM execledger.rolled_events WHERE span = 'day'"
            logged = "SELECT count(*) FROM execledger.execution_events"
            return bool(await office.value(hours) == 4 and await office.value(events) == await office.value(logged))

        await eventually(summed)


async def test_a_pass_is_followed_by_a_rest_of_all_recorders(database: str) -> None:
    async with desk(database) as office, Store(database) as other:
        await office.record(Topic().add(*history()))
        await office.connection.execute("UPDATE execledger.rollup_marks SET marked_at = now() - interval '1 minute'")
        times = iter([0.0, 3.0])
        await RollupTask(office.store, clock=lambda: next(times)).settle()
        assert await office.value("SELECT count(*) FROM execledger.rolled_executions") > 0
        await office.connection.execute("DELETE FROM execledger.rolled_executions")
        await office.connection.execute(
            "INSERT INTO execledger.rollup_marks"
            " SELECT tenant_id, 'hour', date_trunc('hour', created_at, 'UTC'), now() - interval '1 minute'"
            " FROM execledger.executions"
        )
        for store in (office.store, other):
            await RollupTask(store).settle()
        assert await office.value("SELECT count(*) FROM execledger.rolled_executions") == 0
        left = await office.value("SELECT extract(epoch FROM until_at - now()) FROM execledger.rollup_rest")
        assert 50 < left <= 60
