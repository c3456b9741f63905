"""Commands to orchestrators, in the transaction of what called for them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from execledger_contracts.events import IMPORT_SOURCE
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


async def test_a_command_goes_out_under_the_root_s_key_as_a_structured_event(office: Desk) -> None:
    beginning = event("execution.started", {"root_execution_id": "root", "budget": {"token_limit": 1}}, tenantid="acme")
    await office.record(Topic().add(beginning, called(2, at=1, tenantid="acme")))
    (row,) = await office.rows("SELECT topic, key, value, headers FROM execledger.outbox")
    assert (row["topic"], row["key"]) == ("executions.control", b"root")
    assert json.loads(row["headers"]) == [["content-type", "YXBwbGljYXRpb24vY2xvdWRldmVudHMranNvbg=="]]
    document = json.loads(row["value"])
    assert (document["subject"], document["tenantid"], document["partitionkey"]) == ("run-1", "acme", "root")


async def test_a_budget_that_is_raised_and_passed_again_halts_no_second_time(office: Desk) -> None:
    """The id would be the same, and a consumer that drops repeats would not see it."""
    topic = Topic()
    await office.record(topic.add(started(10), called(11, at=1)))
    await office.record(topic.add(started(100, at=2)))
    report = await office.record(topic.add(called(100, at=3)))
    assert report.commands == {}
    assert [type_ for type_, _ in await commanded(office)] == ["execution.halt"]


async def test_figures_that_fall_and_rise_again_halt_no_second_time(office: Desk) -> None:
    """The first attempt's own report replaces its facts, while the second one is running."""
    topic = Topic()
    reported = event("execution.failed", {"usage": {"total_tokens": 1}}, at=2)
    await office.record(topic.add(started(10), called(11, at=1), called(1, at=3, attempt=2)))
    await office.record(topic.add(event(at=2.5, attempt=2)))
    await office.record(topic.add(reported))
    await office.record(topic.add(called(50, at=4, attempt=2)))
    halts = await office.rows("SELECT attempt, count(*) FROM execledger.halts GROUP BY 1 ORDER BY 1")
    assert [tuple(row.values()) for row in halts] == [(1, 1), (2, 1)]
    assert [type_ for type_, _ in await commanded(office)] == ["execution.halt"] * 2


async def test_a_late_event_that_makes_it_fold_again_repeats_no_command(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(started(10, at=5), called(11, at=6)))
    report = await office.record(topic.add(event("execution.created", at=0), called(3, at=1)))
    assert report.refolded == 1
    assert [type_ for type_, _ in await commanded(office)] == ["execution.halt"]


async def test_a_batch_that_comes_again_says_nothing_again(office: Desk) -> None:
    records = Topic().add(started(10), called(11, at=1), event("execution.cancel_requested", at=2))
    await office.record(records)
    await office.record(records)
    await office.record(Topic("again").add(*(json.loads(record.value or b"") for record in records)))
    assert [type_ for type_, _ in await commanded(office)] == ["execution.halt", "execution.cancel"]


async def test_a_request_to_cancel_is_handed_on_with_who_and_why(office: Desk) -> None:
    asked = event("task.cancel_requested", {"requested_by": "ann", "reason": "enough"}, at=1)
    await office.record(Topic().add(event(), asked))
    assert await commanded(office) == [("execution.cancel", {"requested_by": "ann", "reason": "enough"})]


async def test_imported_history_and_what_has_ended_are_left_alone(office: Desk) -> None:
    said = [started(10), called(11, at=1), event("execution.cancel_requested", at=2)]
    imported = [{**each, "source": f"{IMPORT_SOURCE}:runs", "subject": "old"} for each in said]
    await office.record(Topic().add(*imported, *said, event("execution.completed", at=3)))
    assert await commanded(office) == []
