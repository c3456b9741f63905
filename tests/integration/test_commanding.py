"""Commands to orchestrators, in the transaction of what called for them."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from execledger_contracts.events import IMPORT_SOURCE
from execledger_recorder.app import _Recorder
from execledger_recorder.duties.daily_limits import halt_days
from execledger_recorder.settings import Settings
from execledger_recorder.store import Store
from factories_recorder import Desk, Row, Topic, desk, event


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part; when the test ends, every record must be accounted for."""
    async with desk(database) as office:
        yield office


async def commanded(office: Desk) -> list[Any]:
    """What waits to be sent, as orchestrators will read it: type, scope or who asked."""
    rows = await office.rows("SELECT value FROM execledger.outbox WHERE topic = 'executions.control' ORDER BY id")
    documents = [json.loads(row["value"]) for row in rows]
    return [(each["type"], each["data"].get("limit", each["data"])) for each in documents]


def started(tokens: int, **said: Any) -> Row:
    return event("execution.started", {"budget": {"token_limit": tokens}}, **said)


def called(tokens: int, **said: Any) -> Row:
    return event("llm.called", {"prompt_tokens": tokens}, **said)


def limit(value: int, consumed: int) -> Row:
    return {"kind": "tokens", "scope": "execution", "value": value, "consumed": consumed}


async def halts(office: Desk) -> int:
    return [type_ for type_, _ in await commanded(office)].count("execution.halt")


async def test_the_event_that_passes_a_budget_brings_one_halt_and_the_overshoot_is_recorded(office: Desk) -> None:
    topic = Topic()
    passing = called(900, at=2)
    report = await office.record(topic.add(started(1000), called(800, at=1)))
    assert report.commands == {"execution.warning": 1}
    report = await office.record(topic.add(passing, key=b"other"))
    assert report.commands == {"execution.halt": 1}
    await office.record(topic.add(passing, called(5000, at=3)))
    assert await commanded(office) == [
        ("execution.warning", limit(1000, 800)),
        ("execution.halt", limit(1000, 1700)),
    ]
    assert await office.value("SELECT total_tokens FROM execledger.executions") == 6700


async def test_a_budget_that_stays_near_its_limit_is_warned_of_once(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(started(10), called(8, at=1)))
    report = await office.record(topic.add(called(1, at=2), called(1, at=1.5)))
    assert report.commands == {}


async def test_a_command_goes_out_under_the_root_s_key_as_a_structured_event(office: Desk) -> None:
    beginning = event("execution.started", {"root_execution_id": "root", "budget": {"token_limit": 1}}, tenantid="acme")
    await office.record(Topic().add(beginning, called(1, at=1, tenantid="acme")))
    (row,) = await office.rows("SELECT topic, key, value, headers FROM execledger.outbox")
    assert (row["topic"], row["key"]) == ("executions.control", b"root")
    assert json.loads(row["headers"]) == [["content-type", "YXBwbGljYXRpb24vY2xvdWRldmVudHMranNvbg=="]]
    document = json.loads(row["value"])
    assert (document["subject"], document["tenantid"], document["partitionkey"]) == ("run-1", "acme", "root")


async def test_a_budget_that_is_raised_and_passed_again_halts_again(office: Desk) -> None:
    """Another value is another limit, and its command has another id."""
    topic = Topic()
    await office.record(topic.add(started(10), called(11, at=1)))
    await office.record(topic.add(started(100, at=2)))
    report = await office.record(topic.add(called(100, at=3)))
    assert report.commands["execution.halt"] == 1
    rows = await office.rows("SELECT value FROM execledger.outbox WHERE topic = 'executions.control'")
    documents = [json.loads(row["value"]) for row in rows]
    assert len({document["id"] for document in documents}) == len(documents)
    assert await halts(office) == 2


async def test_figures_that_fall_and_rise_again_halt_no_second_time(office: Desk) -> None:
    """The first attempt's own report replaces its facts, while the second one is running."""
    topic = Topic()
    reported = event("execution.failed", {"usage": {"total_tokens": 1}}, at=2)
    await office.record(topic.add(started(10), called(11, at=1), called(1, at=3, attempt=2)))
    await office.record(topic.add(event(at=2.5, attempt=2)))
    await office.record(topic.add(reported))
    await office.record(topic.add(called(50, at=4, attempt=2)))
    noted = await office.rows(
        "SELECT attempt, count(*) FROM execledger.limit_commands WHERE type = 'halt' GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row.values()) for row in noted] == [(1, 1), (2, 1)]
    assert await halts(office) == 2


async def test_a_late_event_that_makes_it_fold_again_repeats_no_command(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(started(10, at=5), called(11, at=6)))
    report = await office.record(topic.add(event("execution.created", at=0), called(3, at=1)))
    assert report.refolded == 1
    assert [type_ for type_, _ in await commanded(office)] == ["execution.warning", "execution.halt"]


async def test_a_batch_that_comes_again_says_nothing_again(office: Desk) -> None:
    records = Topic().add(started(10), called(11, at=1), event("execution.cancel_requested", at=2))
    await office.record(records)
    await office.record(records)
    await office.record(Topic("again").add(*(json.loads(record.value or b"") for record in records)))
    types = [type_ for type_, _ in await commanded(office)]
    assert types == ["execution.warning", "execution.halt", "execution.cancel"]


async def test_a_request_to_cancel_is_handed_on_with_who_and_why(office: Desk) -> None:
    asked = event("task.cancel_requested", {"requested_by": "ann", "reason": "enough"}, at=1)
    await office.record(Topic().add(event(), asked))
    assert await commanded(office) == [("execution.cancel", {"requested_by": "ann", "reason": "enough"})]


async def test_imported_history_and_what_has_ended_are_left_alone(office: Desk) -> None:
    said = [started(10), called(11, at=1), event("execution.cancel_requested", at=2)]
    imported = [{**each, "source": f"{IMPORT_SOURCE}:runs", "subject": "old"} for each in said]
    await office.record(Topic().add(*imported, *said, event("execution.completed", at=3)))
    assert await commanded(office) == []


async def settle(office: Desk) -> None:
    """What the recorder does in the background every few seconds."""
    while await office.store.usage.recompute():
        pass
    while await halt_days(office.store, "executions.control"):
        pass


async def halted(office: Desk) -> list[tuple[str, str, str, Any]]:
    rows = await office.rows("SELECT value FROM execledger.outbox WHERE topic = 'executions.control'")
    halts = [json.loads(row["value"]) for row in rows]
    return sorted(
        (each["subject"], *(each["data"]["limit"][n] for n in ("scope", "kind", "consumed"))) for each in halts
    )


def owned(owner: str | None, **said: Any) -> Row:
    return event("execution.started", {"owner": {"id": owner}} if owner else None, **said)


async def test_a_tenant_s_day_is_the_sum_over_its_owners_and_halts_all_that_are_open(office: Desk) -> None:
    await office.store.limits.set_daily("default", "", 100, None)
    topic = Topic()
    for run, owner in (("a", "ann"), ("b", "bob"), ("c", None)):
        await office.record(topic.add(owned(owner, subject=run), called(33, at=1, subject=run)))
    done = event("execution.completed", at=2, subject="b")
    await office.record(topic.add(done, owned("ann", subject="elsewhere", tenantid="other")))
    await settle(office)
    assert await halted(office) == []
    await office.record(topic.add(called(2, at=3, subject="a")))
    await settle(office)
    await settle(office)
    assert await halted(office) == [("a", "tenant", "tokens", 101), ("c", "tenant", "tokens", 101)]


async def test_an_owner_s_day_halts_nobody_else(office: Desk) -> None:
    await office.store.limits.set_daily("default", "ann", None, Decimal("0.5"))
    topic = Topic()
    call = {"cost_usd": "0.6"}
    for run, owner in (("a", "ann"), ("b", "bob")):
        await office.record(topic.add(owned(owner, subject=run), event("llm.called", call, at=1, subject=run)))
    await settle(office)
    assert await halted(office) == [("a", "owner", "cost_usd", "0.6")]


async def test_what_starts_later_on_a_day_that_is_used_up_is_halted_too_and_the_next_day_is_another(
    office: Desk,
) -> None:
    await office.store.limits.set_daily("default", "", 10, None)
    topic = Topic()
    await office.record(topic.add(owned("ann", subject="first"), called(11, at=1, subject="first")))
    await settle(office)
    later = [owned("bob", subject="second", at=9), owned("ann", subject="tomorrow", at=50_000)]
    await office.record(topic.add(*later, owned("ann", subject="first", at=10, attempt=2)))
    await settle(office)
    assert [subject for subject, *_ in await halted(office)] == ["first", "first", "second"]


async def test_a_day_halts_no_imported_execution(office: Desk) -> None:
    await office.store.limits.set_daily("default", "", 10, None)
    topic = Topic()
    imported = {"source": f"{IMPORT_SOURCE}:runs", "subject": "old"}
    await office.record(topic.add(owned("ann", **imported), called(11, at=1, **imported), owned("ann")))
    await settle(office)
    assert [subject for subject, *_ in await halted(office)] == ["run-1"]


async def test_many_are_halted_a_part_at_a_time(office: Desk) -> None:
    await office.store.limits.set_daily("default", "", 0, None)
    runs = [called(1, subject=f"run-{number}") for number in range(1100)]
    await office.record(Topic().add(*runs))
    await settle(office)
    assert len(await halted(office)) == 1100


async def test_a_day_of_many_leaves_the_outbox_to_others(office: Desk) -> None:
    await office.store.limits.set_daily("default", "", 0, None)
    await office.record(Topic().add(*(called(1, subject=f"run-{number}") for number in range(7))))
    await office.store.usage.recompute()
    pages = []
    async with Store(office.dsn, outbox_limit=100) as store:  # of which five are for the commands of a duty
        for _ in range(3):
            sent = [await halt_days(store, "executions.control") for _ in range(2)]
            pages.append(sum(each.total() for each in sent))
            await office.connection.execute("DELETE FROM execledger.outbox")
    assert pages == [5, 2, 0]


async def test_limits_are_looked_at_however_fast_the_days_change(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time the days are summed another batch has marked one again."""
    topic = Topic()
    await office.store.limits.set_daily("default", "", 1, None)
    await office.record(topic.add(event("llm.called", {"prompt_tokens": 2})))
    settle = office.store.usage.recompute

    async def settle_while_it_records() -> int:
        taken = await settle()
        await office.record(topic.add(event("execution.progressed", at=topic.ends[0])))
        return taken

    monkeypatch.setattr(office.store.usage, "recompute", settle_while_it_records)
    recorder = _Recorder(
        Settings.model_validate({"kafka_bootstrap_servers": "127.0.0.1:1", "postgres_dsn": office.dsn})
    )
    async with asyncio.timeout(20):
        await recorder._settle_days(office.store)
    assert await office.value("SELECT count(*) FROM execledger.limit_commands") == 1


async def test_a_limit_that_is_removed_halts_nobody(office: Desk) -> None:
    await office.store.limits.set_daily("default", "", 0, Decimal(0))
    assert [limit[:4] for limit in await office.store.limits.daily()] == [("default", "", 0, Decimal(0))]
    assert await office.store.limits.remove_daily("default", "")
    assert not await office.store.limits.remove_daily("default", "")
    await office.record(Topic().add(called(5)))
    await settle(office)
    assert await halted(office) == []
