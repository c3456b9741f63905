"""Trees: what a root and its descendants come to, whatever the order; and a budget that the whole tree passes."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from execledger_contracts.events import IMPORT_SOURCE
from execledger_query.caller import EVERYTHING, Caller
from execledger_query.store import Options
from execledger_query.store import Store as QueryStore
from execledger_recorder.duties.rebuild import rebuild
from execledger_recorder.duties.trees import sum_trees
from execledger_recorder.rules.feed import TREES
from execledger_recorder.store import Batch, Store
from factories_query import bearing, serving
from factories_recorder import Desk, Row, Topic, chance, desk, event
from running import eventually

SHARE = Decimal("0.8")
_SUMMED = """
SELECT root.tenant_id, root.external_id AS root_execution_id, count(*) AS executions,
       count(*) FILTER (WHERE member.status IN ('pending', 'running')) AS open,
       count(*) FILTER (WHERE member.status IN ('failed', 'timed_out')) AS failed,
       sum(member.total_tokens)::bigint AS total_tokens, sum(member.cost_usd) AS cost_usd
FROM execledger.executions AS root
JOIN execledger.executions AS member
  ON member.tenant_id = root.tenant_id AND member.root_execution_id = root.external_id
WHERE root.root_execution_id = root.external_id
GROUP BY root.tenant_id, root.external_id
HAVING count(*) FILTER (WHERE member.id <> root.id) > 0
ORDER BY 1, 2
"""
_SHOWN = """
SELECT tree.tenant_id, tree.root_execution_id, executions, open, failed, tree.total_tokens, tree.cost_usd
FROM execledger.trees AS tree
JOIN execledger.executions AS root ON root.tenant_id = tree.tenant_id AND root.external_id = tree.root_execution_id
WHERE root.root_execution_id = root.external_id
ORDER BY 1, 2
"""


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part; when the test ends, every record must be accounted for."""
    async with desk(database) as office:
        yield office


async def settle(store: Store) -> Counter[str]:
    """What the recorder does in the background twice a second, until no tree is left to sum once more."""
    sent = Counter[str]()
    for _ in range(4):
        while (done := await sum_trees(store, "executions.control", SHARE))[0]:
            sent += done[1]
    return sent


async def is_settled(office: Desk) -> bool:
    """Whether all were summed once more: that waits for transactions that are older, in whichever database they run."""
    await settle(office.store)
    return bool(await office.value("SELECT count(*) FROM execledger.trees WHERE NOT is_settled") == 0)


def child(name: str, root: str = "run-1", **said: Any) -> Row:
    data = {"root_execution_id": root, "parent_execution_id": root, **said.pop("data", {})}
    return event("execution.started", data, subject=name, **said)


def spent(name: str, tokens: int, **said: Any) -> Row:
    return event("llm.called", {"prompt_tokens": tokens, "cost_usd": "0.5"}, subject=name, **said)


def family() -> list[Row]:
    """A root with a child that completed, one that failed and one that runs; and somebody else's."""
    return [
        event(at=0),
        child("done", at=1),
        spent("done", 10, at=2),
        event("execution.completed", at=3, subject="done"),
        child("failed", at=1),
        event("execution.failed", at=4, subject="failed"),
        child("open", at=5),
        spent("open", 5, at=6),
        spent("run-1", 1, at=7),
        child("elsewhere", tenantid="other", at=1),
        event(subject="alone"),
    ]


async def trees(office: Desk) -> list[Row]:
    """As they are kept; they must be the sums of the rows as those are now."""
    shown = await office.rows(_SHOWN)
    assert shown == await office.rows(_SUMMED)
    return shown


async def test_a_root_shows_what_it_and_its_descendants_come_to(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(*family()))
    await settle(office.store)
    (tree,) = await trees(office)
    counts = {"executions": 4, "open": 2, "failed": 1, "total_tokens": 16, "cost_usd": Decimal("1.5")}
    assert tree == {"tenant_id": "default", "root_execution_id": "run-1", **counts}
    await office.record(topic.add(spent("run-1", 100, at=8)))
    await settle(office.store)
    (tree,) = await trees(office)
    assert tree["total_tokens"] == 116


@pytest.mark.parametrize("seed", range(6))
async def test_a_tree_is_the_same_in_whatever_order_its_parts_come(office: Desk, seed: int) -> None:
    random, topic = chance(seed), Topic()
    told = random.sample(family(), len(family()))
    while told:
        await office.record(topic.add(*(told.pop() for _ in range(min(len(told), random.randint(1, 4))))))
        if random.random() < 0.5:
            await sum_trees(office.store, "executions.control", SHARE)
    await settle(office.store)
    (tree,) = await trees(office)
    assert (tree["executions"], tree["open"], tree["failed"], tree["total_tokens"]) == (4, 2, 1, 16)


async def test_an_execution_that_names_another_root_leaves_the_tree_that_it_was_in(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event(), event(subject="run-2"), child("moving", at=1), spent("moving", 7, at=2)))
    await settle(office.store)
    assert [tree["root_execution_id"] for tree in await trees(office)] == ["run-1"]
    await office.record(topic.add(child("moving", "run-2", at=3)))
    await settle(office.store)
    (tree,) = await trees(office)
    assert (tree["root_execution_id"], tree["total_tokens"]) == ("run-2", 7)
    assert await office.value("SELECT count(*) FROM execledger.trees") == 1


async def test_a_root_that_has_a_root_itself_is_none(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event(), child("middle", at=1), child("leaf", "middle", at=2)))
    await settle(office.store)
    (tree,) = await trees(office)
    assert (tree["root_execution_id"], tree["executions"]) == ("run-1", 2)


async def test_a_change_of_the_root_that_did_not_see_the_tree_is_summed_all_the_same(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction looked for a tree before there was one, and commits after that was summed."""
    topic, has_looked, goes_on = Topic(), asyncio.Event(), asyncio.Event()
    finish = Batch.finish

    async def late(batch: Batch) -> None:
        has_looked.set()
        await goes_on.wait()
        await finish(batch)

    await office.record(topic.add(event()))
    with monkeypatch.context() as patched:
        patched.setattr(Batch, "finish", late)
        slow = asyncio.create_task(office.record(topic.add(spent("run-1", 100, at=1))))
        await asyncio.sleep(0.5)
    await office.record(topic.add(child("other-lane", at=2), partition=1))
    await settle(office.store)
    assert await office.value("SELECT total_tokens FROM execledger.trees") == 0
    goes_on.set()
    await slow
    await eventually(partial(is_settled, office))
    (tree,) = await trees(office)
    assert tree["total_tokens"] == 100


async def test_a_tree_follows_a_row_that_is_mended(office: Desk) -> None:
    await office.record(Topic().add(*family()))
    await settle(office.store)
    before = await trees(office)
    for mangle in (
        "UPDATE execledger.executions SET total_tokens = 99 WHERE external_id = 'open'",
        "DELETE FROM execledger.executions WHERE external_id = 'done'",
    ):
        await office.connection.execute(mangle)
    ids = await office.rows("SELECT id FROM execledger.execution_aliases")
    assert (await rebuild(office.store, [str(row["id"]) for row in ids])).mended == 2
    await settle(office.store)
    assert await trees(office) == before


async def test_the_feed_tells_of_the_root_and_the_revision_rises_and_the_version_does_not(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(event(), child("one", at=1)))
    await settle(office.store)
    revision = await office.value("SELECT revision FROM execledger.trees")
    await office.record(topic.add(spent("one", 5, at=2)))
    await settle(office.store)
    assert await office.value("SELECT revision FROM execledger.trees") == revision + 1
    told = await office.rows(
        "SELECT external_id, change.version, what FROM execledger.changes AS change"
        " JOIN execledger.feed_lanes USING (lane) JOIN execledger.executions ON id = execution_id WHERE name = $1",
        TREES,
    )
    assert [tuple(row.values()) for row in told] == [("run-1", 1, "changed")] * 2


def budgeted(tokens: int, **budget: Any) -> Row:
    return event("execution.started", {"budget": {"token_limit": tokens, **budget}})


async def commanded(office: Desk) -> list[tuple[str, str, Any]]:
    """What waits to be sent: type, for whom, scope and figures."""
    rows = await office.rows("SELECT value FROM execledger.outbox WHERE topic = 'executions.control' ORDER BY id")
    documents = [json.loads(row["value"]) for row in rows]
    limits = [document["data"]["limit"] for document in documents]
    return [
        (document["type"], document["subject"], (limit["scope"], limit["value"], limit["consumed"]))
        for document, limit in zip(documents, limits, strict=True)
    ]


async def test_a_budget_that_a_tree_passes_halts_the_root_and_every_open_descendant_once(office: Desk) -> None:
    topic = Topic()
    ended = [child("ended", at=1), event("execution.completed", at=2, subject="ended")]
    await office.record(topic.add(budgeted(100), *ended, child("one", at=1), child("two", at=1)))
    await office.record(topic.add(spent("one", 9_000, at=3), spent("two", 1_000, at=4)))
    await settle(office.store)
    said = ("tree", 100, 10_000)
    assert sorted(await commanded(office)) == [
        *(("execution.halt", name, said) for name in ("one", "run-1", "two")),
        ("execution.warning", "run-1", said),
    ]
    await office.record(topic.add(spent("one", 1, at=5)))
    assert await settle(office.store) == {}


async def test_who_joins_under_a_passed_budget_is_halted_too(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(budgeted(100), child("one", at=1), spent("one", 101, at=2)))
    await settle(office.store)
    await office.record(topic.add(child("late", at=3)))
    assert await settle(office.store) == {"execution.halt": 1}
    assert (await commanded(office))[-1][:2] == ("execution.halt", "late")


async def test_a_tree_that_comes_near_its_budget_is_warned_of_once(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(budgeted(100), child("one", at=1), spent("one", 80, at=2)))
    await settle(office.store)
    await office.record(topic.add(spent("one", 5, at=3)))
    await settle(office.store)
    assert await commanded(office) == [("execution.warning", "run-1", ("tree", 100, 80))]


async def test_a_root_that_passed_its_budget_by_itself_is_halted_once(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(budgeted(100), spent("run-1", 200, at=1), child("one", at=2)))
    await settle(office.store)
    types = [(type_, name, said[0]) for type_, name, said in await commanded(office)]
    assert types == [
        ("execution.warning", "run-1", "execution"),
        ("execution.halt", "run-1", "execution"),
        ("execution.halt", "one", "tree"),
    ]


async def test_a_large_tree_is_halted_by_pages_as_the_outbox_drains_and_keeps_no_other_waiting(office: Desk) -> None:
    topic = Topic()
    large = [child(f"child-{number}", at=1) for number in range(24)]
    budgets = [event(data={"budget": {"token_limit": 10}}, subject=root) for root in ("run-1", "run-2")]
    await office.record(topic.add(*budgets, *large, child("small", "run-2", at=1)))
    await office.record(topic.add(spent("child-0", 20, at=2)))
    await office.record(topic.add(spent("small", 20, at=3)))
    pages = []
    async with Store(office.dsn, outbox_limit=200) as store:  # of which ten are for the commands of a duty
        while await settle(store):
            pages.append([(type_, subject) for type_, subject, _ in await commanded(office)])
            await office.connection.execute("DELETE FROM execledger.outbox")
    assert [len(page) for page in pages] == [10, 10, 9]
    assert set(pages[0][:2]) == {("execution.warning", "run-1"), ("execution.warning", "run-2")}
    assert ("execution.halt", "small") in pages[0]
    halted = [subject for page in pages for type_, subject in page if type_ == "execution.halt"]
    assert sorted(halted) == sorted(["run-1", "run-2", "small", *(f"child-{number}" for number in range(24))])
    assert await office.value("SELECT bool_and(is_told) FROM execledger.trees")


async def test_a_budget_of_the_execution_alone_counts_no_tree(office: Desk) -> None:
    await office.record(Topic().add(budgeted(100, scope="execution"), child("one", at=1), spent("one", 500, at=2)))
    assert await settle(office.store) == {}


async def test_the_budget_of_a_nested_execution_counts_itself(office: Desk) -> None:
    topic = Topic()
    nested = child("middle", at=1, data={"budget": {"token_limit": 100}})
    await office.record(topic.add(event(), nested, child("leaf", "middle", at=2), spent("leaf", 500, at=3)))
    assert await settle(office.store) == {}
    report = await office.record(topic.add(spent("middle", 500, at=4)))
    assert report.commands["execution.halt"] == 1


async def test_what_was_imported_is_told_nothing(office: Desk) -> None:
    history = [budgeted(100), child("old", at=1), spent("old", 500, at=2)]
    await office.record(Topic().add(*({**each, "source": IMPORT_SOURCE} for each in history), child("live", at=3)))
    await settle(office.store)
    told = [(type_, name) for type_, name, _ in await commanded(office)]
    assert told == [("execution.warning", "live"), ("execution.halt", "live")]


async def test_a_warning_comes_before_all_halts_of_its_tree(office: Desk) -> None:
    """Also before that of a descendant whose id lies before the root's, for it was there earlier."""
    below = [child("early", at=0), spent("early", 500, at=2)]
    await office.record(Topic().add(*below, {**budgeted(100), "time": event(at=1)["time"]}))
    await settle(office.store)
    assert [(type_, name) for type_, name, _ in await commanded(office)] == [
        ("execution.warning", "run-1"),
        ("execution.halt", "early"),
        ("execution.halt", "run-1"),
    ]


async def test_who_goes_on_when_the_root_has_ended_is_warned_before_it_is_halted(office: Desk) -> None:
    topic = Topic()
    await office.record(topic.add(budgeted(100), child("one", at=1), event("execution.completed", {}, at=2)))
    await settle(office.store)
    await office.record(topic.add(spent("one", 500, at=3)))
    await settle(office.store)
    assert [(type_, name) for type_, name, _ in await commanded(office)] == [
        ("execution.warning", "one"),
        ("execution.halt", "one"),
    ]


async def test_an_ended_tree_is_told_nothing(office: Desk) -> None:
    endings = [event("execution.completed", at=9, subject=name) for name in ("run-1", "one")]
    await office.record(Topic().add(budgeted(100), child("one", at=1), spent("one", 500, at=2), *endings))
    assert await settle(office.store) == {}


async def test_two_recorders_sum_one_after_the_other(office: Desk) -> None:
    await office.record(Topic().add(*family()))
    async with Store(office.dsn) as other:
        await asyncio.gather(*(settle(store) for store in (office.store, other)))
    await settle(office.store)
    await trees(office)


async def test_the_service_shows_the_tree_and_what_the_budget_counts(office: Desk) -> None:
    owned = [child(name, at=1, data={"owner": {"id": name}}) for name in ("ann", "bob")]
    root = event("execution.started", {"owner": {"id": "ann"}, "budget": {"token_limit": 900}})
    await office.record(Topic().add(root, *owned, spent("ann", 10, at=2), spent("bob", 200, at=2)))
    await settle(office.store)
    async with serving(office.dsn) as client:
        shown = {
            who: (await client.get("/v1/executions/run-1", headers=bearing(who, "default", *roles))).json()
            for who, *roles in (("reader", "reader"), ("ann",))
        }
        page = (await client.get("/v1/executions", headers=bearing("r", "default", "reader"))).json()["items"]
    tree = {"executions": 3, "open": 3, "failed": 0, "total_tokens": 210, "cost_usd": "1"}
    assert shown["reader"]["tree"] == tree
    assert shown["reader"]["budget"] == {
        "token_limit": 900,
        "cost_limit_usd": None,
        "scope": "tree",
        "consumed_tokens": 210,
        "consumed_cost_usd": "1",
    }
    assert (shown["reader"]["version"], shown["reader"]["usage"]["total_tokens"]) == (1, 0)
    assert shown["reader"]["revision"] > 1
    assert shown["ann"]["tree"] == {**tree, "executions": 2, "open": 2, "total_tokens": 10, "cost_usd": "0.5"}
    assert shown["ann"]["budget"]["consumed_tokens"] == 10
    assert {each["external_id"]: each["tree"] for each in page} == {"run-1": tree, "ann": None, "bob": None}
    assert all(each["budget"]["scope"] is None for each in page if each["external_id"] != "run-1")


async def test_an_owner_reads_no_sums_over_others(office: Desk) -> None:
    owned = event("execution.started", {"owner": {"id": "ann"}})
    await office.record(Topic().add(owned, event(subject="other"), child("one", at=1), child("two", "other", at=1)))
    await settle(office.store)
    async with QueryStore.open(Options(office.dsn)) as store:
        async with store.reading(EVERYTHING) as reader:
            assert len(await reader._rows("TABLE execledger.trees")) == 2
        async with store.reading(Caller("ann", "default")) as reader:
            seen = await reader._rows("SELECT root_execution_id FROM execledger.trees")
            assert [row["root_execution_id"] for row in seen] == ["run-1"]
        with pytest.raises(Exception, match="permission denied"):
            async with store.reading(Caller("ann", "default")) as reader:
                await reader._rows("SELECT total_tokens FROM execledger.trees")
