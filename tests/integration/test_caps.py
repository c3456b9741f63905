"""What one execution holds is bounded, and the same for whoever folds it again."""

from collections.abc import AsyncIterator, Sequence

import pytest

from execledger_contracts.cleaning import Limits
from execledger_lifecycle import Caps
from execledger_recorder.duties.rebuild import verify
from execledger_recorder.recording import read, record, refold
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.feed import REBUILD
from execledger_recorder.store import Store
from factories_recorder import LETTERS, Desk, Topic, desk, event

TIGHT = Caps(labels=2, tags=1, metadata_bytes=24, agents=1)
SAID = [
    event(data={"labels": {"c": "1", "b": "1"}, "tags": ["b", "a"], "metadata": {"b": 1, "c": "12345678"}}),
    event("llm.called", {"agent_id": "b"}, at=1),
    event("execution.started", {"labels": {"a": "2"}, "metadata": {"a": 12345678}}, at=2),
    event("tool.called", {"agent_id": "a"}, at=3),
]


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as office:
        yield office


async def record_with(office: Desk, caps: Caps, records: Sequence[Record]) -> None:
    await office.open("events")
    async with Store(office.dsn, caps=caps) as store:
        await record(store, read(records, Limits()), LETTERS)


async def test_an_execution_holds_so_much_and_says_what_it_does_not_hold(office: Desk) -> None:
    topic = Topic()
    for said in SAID:
        await record_with(office, TIGHT, topic.add(said))
    (row,) = await office.rows("SELECT labels, tags, metadata, agents_used, capped FROM execledger.executions")
    assert row == {
        "labels": '{"a": "2", "b": "1"}',
        "tags": '["a"]',
        "metadata": '{"a": 12345678, "b": 1}',
        "agents_used": 1,
        "capped": '["agents", "labels", "metadata", "tags"]',
    }
    rows = await office.rows("SELECT kind, key, value FROM execledger.execution_labels ORDER BY kind, key")
    assert [tuple(each.values()) for each in rows] == [("label", "a", "2"), ("label", "b", "1"), ("tag", "", "a")]


async def test_the_caps_that_held_hold_for_whoever_folds_it_again(office: Desk) -> None:
    topic = Topic()
    await record_with(office, TIGHT, topic.add(*SAID[2:]))
    await record_with(office, Caps(), topic.add(*SAID[:2]))  # behind the head: all is folded again
    capped = await office.value("SELECT capped FROM execledger.executions")
    assert capped == '["agents", "labels", "metadata", "tags"]'
    execution_id = str(await office.value("SELECT id FROM execledger.executions"))
    (finding,) = await verify(office.store, [execution_id])
    assert finding.differences == []
    async with office.store.batch() as tx:
        await refold(tx, [execution_id], REBUILD)
    assert await office.value("SELECT capped FROM execledger.executions") == capped
