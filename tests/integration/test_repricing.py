"""Cost that nobody reported: computed once, kept whatever comes, and changed by repricing alone."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from command_line import Said, execledger
from execledger_contracts.fields import MAX_COUNT
from execledger_recorder.duties.reprice import Wanted, reprice
from execledger_recorder.recording import refold
from execledger_recorder.rules import pricing
from factories_recorder import Desk, Row, Topic, batches, chance, desk, event, snapshot
from running import eventually

GPT = {"provider": "openai", "model": "gpt-5", "prompt_tokens": 1000, "completion_tokens": 100}  # $0.00225
NEW = {**GPT, "model": "not known yet"}


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as office:
        yield office


def calls(**attributes: Any) -> list[Row]:
    """Two executions, with calls of every kind."""
    said = [
        *(event(subject=run) for run in ("run-1", "run-2")),
        event("llm.called", GPT, at=1),
        event("llm.called", {**GPT, "cost_usd": "0.5"}, at=2),
        event("llm.called", NEW, at=3),
        event("llm.called", {**NEW, "cache_hit": True}, at=4),
        event("llm.called", {**GPT, "prompt_tokens": 3000}, at=5, attempt=2),
        event("execution.completed", {"usage": {"cost_usd": "0.25"}}, at=6),
        event("llm.called", {**GPT, "cost_usd": "0.1"}, at=1, subject="run-2"),
        event("llm.called", {**GPT, "cached_tokens": 999}, at=1, subject="run-2"),
        event("execution.cancelled", at=7, subject="run-2"),
    ]
    return [{**each, **attributes} for each in said]


async def run(office: Desk, *events: Row) -> None:
    await office.record(Topic().add(*events))


async def shown(office: Desk, run: str = "run-1") -> tuple[str, str | None]:
    (row,) = await office.rows("SELECT * FROM execledger.executions WHERE external_id = $1", run)
    assert row["cost_nanos"] == row["cost_usd"] * 10**9
    return f"{row['cost_usd'].normalize():f}", row["cost_source"]


async def stored(office: Desk) -> list[tuple[str | None, str | None, str | None]]:
    """Price, source and version of each call, by time."""
    rows = await office.rows("SELECT * FROM execledger.llm_calls ORDER BY execution_id, occurred_at")
    prices = [None if row["cost_usd"] is None else f"{row['cost_usd'].normalize():f}" for row in rows]
    return [(price, row["cost_source"], row["price_version"]) for price, row in zip(prices, rows, strict=True)]


def raise_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another table, in which a call costs a dollar, and knows no model twice."""
    monkeypatch.setattr(pricing, "version", lambda: "another table")
    monkeypatch.setattr(pricing, "price", lambda call, _: None if call.model is None else 10**9)


async def test_a_call_that_reports_no_cost_is_priced_when_it_is_recorded(office: Desk) -> None:
    await run(office, event(), *[said for said in calls() if said["type"] == "llm.called"][:4])
    version = pricing.version()
    assert await stored(office) == [
        ("0.00225", "computed", version),
        ("0.5", "reported", None),
        (None, None, None),
        ("0", "computed", version),
    ]
    assert await shown(office) == ("0.50225", "computed")


async def test_what_the_ending_reports_is_no_computed_cost(office: Desk) -> None:
    await run(office, event(), event("llm.called", GPT, at=1), event("execution.completed", {"usage": {"cost_usd": 1}}))
    assert await shown(office) == ("1", "reported")


async def test_calls_that_nobody_can_price_leave_the_cost_open(office: Desk) -> None:
    await run(office, event("llm.called", NEW), event("llm.called", at=1))
    assert await shown(office) == ("0", None)


async def test_computed_cost_kills_by_budget(office: Desk) -> None:
    begun = event(data={"budget": {"cost_limit_usd": "0.002"}})
    await run(office, begun, event("llm.called", GPT, at=1), event("execution.cancelled", at=2))
    assert await office.value("SELECT killed_by_budget FROM execledger.executions") is True


@pytest.mark.parametrize("seed", range(4))
async def test_any_order_any_batches_and_any_repetition_give_the_same_cost(office: Desk, seed: int) -> None:
    random = chance(seed)
    await office.record(Topic("whole").add(*calls(tenantid="whole")))
    expected = await snapshot(office.connection, "whole")
    shuffled = [*calls(tenantid="mixed"), *random.sample(calls(tenantid="mixed"), 5)]
    random.shuffle(shuffled)
    ways = {"mixed": shuffled, "backwards": calls(tenantid="backwards")[::-1]}
    for tenant, events in ways.items():
        for part in batches(Topic(tenant).add(*events), random, most=3):
            await office.record(part)
        assert await snapshot(office.connection, tenant) == expected, tenant


async def test_a_price_that_is_stored_stays_whatever_comes(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    topic, begun = Topic(), event(at=-1)
    await office.record(topic.add(event("llm.called", GPT), event("llm.called", NEW, at=1)))
    before = await stored(office)
    raise_prices(monkeypatch)
    report = await office.record(topic.add(begun, event("llm.called", GPT)))
    assert (report.refolded, report.duplicates) == (1, 1)
    assert await stored(office) == before
    assert await shown(office) == ("0.00225", "computed")


async def test_a_row_of_an_older_format_takes_the_stored_prices(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = Topic()
    await office.record(topic.add(event("llm.called", GPT)))
    await office.connection.execute("UPDATE execledger.executions SET fold = '[0]'")
    raise_prices(monkeypatch)
    await office.record(topic.add(event("llm.called", GPT, at=1)))
    assert await shown(office) == ("1.00225", "computed")


async def test_folding_again_changes_nothing(office: Desk) -> None:
    await run(office, *calls())
    before = await snapshot(office.connection)
    ids = [str(row["id"]) for row in await office.rows("SELECT id FROM execledger.executions")]
    async with office.store.batch() as tx:
        assert await refold(tx, ids, "reprice") == 2
    assert await snapshot(office.connection) == before


async def test_repricing_changes_what_nobody_reported(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await run(office, event(), *[said for said in calls() if said["type"] == "llm.called"][:4])
    steps = len(await office.events())
    raise_prices(monkeypatch)
    report = await reprice(office.store, Wanted())
    assert (report.calls, report.changed, report.unpriced, report.executions) == (3, 3, 0, 1)
    assert report.nanos == 3 * 10**9 - 2_250_000
    assert await stored(office) == [
        ("1", "computed", "another table"),
        ("0.5", "reported", None),
        ("1", "computed", "another table"),
        ("1", "computed", "another table"),
    ]
    assert await shown(office) == ("3.5", "computed")
    assert (len(await office.events()), await office.value("SELECT count(*) FROM execledger.outbox")) == (steps, 0)


async def test_repricing_again_changes_nothing(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await run(office, *calls())
    raise_prices(monkeypatch)
    await reprice(office.store, Wanted())
    before = [await snapshot(office.connection), await stored(office)]
    monkeypatch.setattr(pricing, "version", lambda: "a third")
    report = await reprice(office.store, Wanted())
    assert (report.changed, report.executions, report.nanos) == (0, 0, 0)
    assert [await snapshot(office.connection), await stored(office)] == before


async def test_a_call_that_the_table_has_no_longer_keeps_its_price(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(office, event("llm.called", GPT), event("llm.called", NEW, at=1))
    monkeypatch.setattr(pricing, "price", lambda *_: None)
    report = await reprice(office.store, Wanted())
    assert (report.calls, report.changed, report.unpriced) == (2, 0, 1)
    assert await shown(office) == ("0.00225", "computed")


async def test_what_a_repricing_brings_beyond_its_budget_is_halted_with_its_next_event_and_once(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = Topic()
    begun = event(data={"budget": {"cost_limit_usd": "0.5"}})
    await office.record(topic.add(begun, event("llm.called", GPT, at=1)))
    raise_prices(monkeypatch)
    assert (await reprice(office.store, Wanted())).changed == 1
    assert await office.value("SELECT count(*) FROM execledger.outbox") == 0
    assert (await office.record(topic.add(event("step.started", {"step": {"name": "a"}}, at=2)))).commands == {
        "execution.halt": 1
    }
    assert (await office.record(topic.add(event("llm.called", GPT, at=3)))).commands == {}


async def test_daily_usage_follows(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await run(office, event(data={"owner": {"id": "ann"}}), event("llm.called", GPT, at=1))
    await office.store.usage.recompute()
    raise_prices(monkeypatch)
    await reprice(office.store, Wanted())
    await office.store.usage.recompute()
    (day,) = await office.rows("SELECT owner_id, cost_usd FROM execledger.usage_daily")
    assert day == {"owner_id": "ann", "cost_usd": Decimal(1)}


async def test_every_page_is_priced(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await run(office, *(event("llm.called", GPT, subject=f"run-{number}") for number in range(7)))
    raise_prices(monkeypatch)
    monkeypatch.setattr("execledger_recorder.duties.reprice._PAGE", 3)
    looked_at: list[int] = []
    report = await reprice(office.store, Wanted(), on_progress=lambda so_far: looked_at.append(so_far.looked_at))
    assert (report.changed, report.executions, looked_at) == (7, 7, [3, 6, 7])


@pytest.mark.parametrize(
    ("wanted", "changed"),
    [
        (Wanted(), 4),
        (Wanted(tenant_id="acme"), 1),
        (Wanted(workflow_id="w"), 2),
        (Wanted(ids=[]), 0),
    ],
)
async def test_only_what_is_wanted(office: Desk, monkeypatch: pytest.MonkeyPatch, wanted: Wanted, changed: int) -> None:
    named = event(data={"workflow": {"id": "w"}})
    await run(office, named, event("llm.called", GPT), event("llm.called", GPT, at=60))
    await run_more(office)
    raise_prices(monkeypatch)
    assert (await reprice(office.store, wanted, dry_run=True)).changed == changed
    assert (await reprice(office.store, wanted)).changed == changed


async def run_more(office: Desk) -> None:
    await office.record(
        Topic("more").add(
            event("llm.called", GPT, subject="run-2"), event("llm.called", GPT, subject="run-1", tenantid="acme")
        )
    )


async def command(office: Desk, *arguments: str) -> Said:
    return await execledger("reprice", *arguments, postgres_dsn=office.dsn)


async def test_the_command_says_what_changed_and_by_how_much(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await run(office, event("llm.called", GPT), event("llm.called", {"cost_usd": "1"}, at=1), event("llm.called", at=2))
    raise_prices(monkeypatch)
    before = await snapshot(office.connection)
    rest = " of 2 calls without a reported cost, in 1 executions: +$0.997750000. 1 have no price"
    said = await command(office, "--dry-run")
    assert (said.status, said.out.startswith(f"Would change the price of 1{rest}")) == (0, True), said
    assert await snapshot(office.connection) == before
    assert (await command(office)).out.startswith(f"Changed the price of 1{rest}")
    assert await shown(office) == ("2", "computed")


async def test_the_command_takes_executions_and_times(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await run(office, event("llm.called", GPT), event("llm.called", GPT, at=60))
    await run_more(office)
    raise_prices(monkeypatch)
    internal = str(await office.value("SELECT id FROM execledger.executions WHERE external_id = 'run-2'"))
    middle = ("2026-03-01T12:00:30Z",)
    for arguments, changed in [
        (("run-1", "--dry-run"), 3),
        (("run-1", internal, "--dry-run"), 4),
        (("run-1", "--tenant", "acme", "--dry-run"), 1),
        (("run-1", "--workflow", "w", "--dry-run"), 0),
        (("--since", *middle), 1),
        (("--until", *middle), 3),
        ((), 0),
    ]:
        assert f" price of {changed} of " in (await command(office, *arguments)).out, arguments


async def test_the_command_says_what_it_does_not_find_and_changes_nothing(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(office, event("llm.called", GPT))
    raise_prices(monkeypatch)
    said = await command(office, "run-1", "run-9")
    assert (said.status, said.err) == (1, "execledger: there is no execution 'run-9': nothing is changed\n")
    assert (await command(office, "--until", "soon")).status == 2
    assert await shown(office) == ("0.00225", "computed")


async def test_an_execution_whose_log_is_damaged_keeps_no_other_from_its_price(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(office, event("llm.called", GPT), event("llm.called", GPT, subject="run-2"))
    raise_prices(monkeypatch)
    damaged = await office.value("SELECT id::text FROM execledger.executions WHERE external_id = 'run-1'")
    await office.connection.execute(
        "UPDATE execledger.execution_events SET raw = '1' WHERE execution_id = $1::uuid", damaged
    )
    said = await command(office)
    assert said.status == 1
    assert said.out.startswith("Changed the price of 1 of 1 calls")
    assert said.err.startswith(f"execledger: the log is damaged of {damaged}, which keep their prices; ")
    assert [await shown(office, run) for run in ("run-1", "run-2")] == [("0.00225", "computed"), ("1", "computed")]


async def test_the_command_says_when_postgres_is_away() -> None:
    said = await execledger("reprice", postgres_dsn="postgresql://u@127.0.0.1:1/db")
    assert (said.status, said.err.count("\n")) == (1, 1)
    assert said.err.startswith("execledger: Postgres did not answer: ")
    assert said.err.endswith("; run it again to go on; see `execledger doctor`\n")


async def test_executions_are_locked_before_their_calls(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As batches do, so that neither waits for the other for ever."""
    await run(office, event("llm.called", GPT))
    raise_prices(monkeypatch)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    other = await asyncpg.connect(office.dsn)
    async with office.connection.transaction():
        await office.connection.execute("SELECT FROM execledger.executions FOR UPDATE")
        repricing = asyncio.create_task(reprice(office.store, Wanted()))
        await eventually(lambda: other.fetchval(waiting))
        await other.execute("SELECT FROM execledger.llm_calls FOR UPDATE NOWAIT")
    assert (await repricing).changed == 1
    await other.close()


async def test_a_price_beyond_what_a_bigint_holds_is_kept(office: Desk) -> None:
    topic, many = Topic(), {**GPT, "prompt_tokens": MAX_COUNT, "completion_tokens": MAX_COUNT}
    await office.record(topic.add(event("llm.called", many)))
    await office.record(topic.add(event("llm.called", many, at=1)))
    (row,) = await office.rows("SELECT cost_usd, cost_nanos, cost_source FROM execledger.executions")
    assert row == {
        "cost_usd": 2 * MAX_COUNT * Decimal("0.00001125"),
        "cost_nanos": 2**63 - 1,
        "cost_source": "computed",
    }
