"""Asking orchestrators to stop: by the API and by the command, through a recorder, to the control topic."""

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import asyncpg
import pytest

from command_line import execledger
from consuming import consumed
from execledger_recorder.duties.cancelling import pass_on
from execledger_recorder.store import Store
from factories_query import NOON, Ledger, bearing, ledger, serving
from factories_recorder import Desk, Topic, desk, event
from recorder_bench import Bench, connected
from running import eventually

SERVICE = bearing("sam", "default", "service")
READER = bearing("rita", "default", "reader")
CANCEL = "/v1/executions/run-1/cancel"


@pytest.fixture
async def rows(database: str) -> AsyncIterator[Ledger]:
    async with ledger(database) as opened:
        yield opened


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part; when the test ends, every record must be accounted for."""
    async with desk(database) as office:
        yield office


def below(name: str, parent: str, root: str | None = None) -> dict[str, object]:
    said = {"parent_execution_id": parent, **({"root_execution_id": root} if root else {})}
    return event(subject=name, data=said, at=1)


async def requested(bench: Bench) -> set[str]:
    async with connected(bench.dsn) as connection:
        found = await connection.fetch(
            "SELECT external_id FROM execledger.executions WHERE cancel_requested_at IS NOT NULL"
        )
    return {row["external_id"] for row in found}


async def are_requested(bench: Bench, names: set[str]) -> bool:
    return await requested(bench) == names


async def commanded(bench: Bench) -> list[dict[str, Any]]:
    records = await consumed(bench.servers.bootstrap_servers, bench.topics.control)
    return [json.loads(record.value) for record in records]


async def are_commanded(bench: Bench, names: set[str]) -> bool:
    return {each["subject"] for each in await commanded(bench)} == names


async def test_what_is_asked_reaches_the_record_and_the_orchestrator_with_all_that_is_below(bench: Bench) -> None:
    tree = [event(), below("child", "run-1", "run-1"), below("leaf", "child"), below("aside", "run-1", "run-1")]
    ended = event("execution.completed", subject="aside", at=2)
    await bench.publish(*tree, ended, event(subject="other"), partition=0)
    async with bench.recorder() as service, serving(bench.dsn) as client:
        await bench.until_recorded()
        asked = await client.post(CANCEL, headers=SERVICE, json={"reason": "wrong input"})
        assert asked.status_code == 202
        assert asked.json()["cancel_requested_at"] is not None
        await eventually(partial(are_requested, bench, {"run-1", "child", "leaf"}))
        await eventually(partial(are_commanded, bench, {"run-1", "child", "leaf"}))
        shown = (await client.get("/v1/executions/run-1", headers=READER)).json()
        assert (shown["cancel_requested_at"], shown["status"]) == (asked.json()["cancel_requested_at"], "running")
        events = (await client.get("/v1/executions/run-1/events", headers=READER)).json()["items"]
        said = next(each for each in events if each["type"] == "execution.cancel_requested")
        assert (said["source"], said["data"]) == ("execledger:api", {"requested_by": "sam", "reason": "wrong input"})
        assert {(each["type"], each["data"]["reason"]) for each in await commanded(bench)} == {
            ("execution.cancel", "wrong input")
        }
        assert service.said("cancels_requested")
    await bench.assert_every_record_is_accounted_for()


async def test_a_request_about_many_goes_out_by_pages_as_they_are_recorded(office: Desk) -> None:
    topic = Topic()
    children = [below(f"child-{number}", "run-1", "run-1") for number in range(11)]
    await office.record(topic.add(event(), *children, event(subject="other")))
    ids = {
        row["external_id"]: row["id"] for row in await office.rows("SELECT external_id, id FROM execledger.executions")
    }
    ask = (
        "INSERT INTO execledger.cancel_requests"
        " (tenant_id, requested_by, key, execution_id, descendants, requested_at, answer)"
        " VALUES ('default', 'sam', $1, $2, true, now(), '')"
    )
    await office.connection.execute(ask, "large", ids["run-1"])
    pages: list[set[str]] = []

    async def commands_sent(office: Desk) -> set[str]:
        sent = await office.rows("DELETE FROM execledger.outbox RETURNING topic, value")
        assert {row["topic"] for row in sent} == {"executions.control"}
        return {json.loads(row["value"])["subject"] for row in sent}

    async def page(store: Store) -> set[str]:
        await pass_on(store, ["events"], "executions.control")
        sent = await office.rows("DELETE FROM execledger.outbox RETURNING value")
        return {json.loads(row["value"])["subject"] for row in sent}

    async with Store(office.dsn, outbox_limit=100) as store:  # of which five are for each topic
        while asked := await page(store):
            pages.append(asked)
            assert await page(store) == set()  # before those are recorded
            if len(pages) == 1:
                await office.connection.execute(ask, "small", ids["other"])
                assert await page(store) == {"other"}
            requests = [event("execution.cancel_requested", subject=subject, at=2) for subject in sorted(asked)]
            await office.record(topic.add(*requests))
            await pass_on(store, ["events"], "executions.control")  # before the commands of these have gone out
            assert await commands_sent(office) == asked
    assert [len(asked) for asked in pages] == [5, 5, 2]
    assert set().union(*pages) == {"run-1", *(f"child-{number}" for number in range(11))}
    assert await office.value("SELECT bool_and(is_passed_on) FROM execledger.cancel_requests")


async def test_a_request_about_many_does_not_wait_for_ever_for_what_is_not_recorded(office: Desk) -> None:
    children = [below(f"child-{number}", "run-1", "run-1") for number in range(7)]
    await office.record(Topic().add(event(), *children))
    await office.connection.execute(
        "INSERT INTO execledger.cancel_requests (tenant_id, requested_by, key, execution_id, descendants, requested_at,"
        " answer) SELECT 'default', 'sam', 'k', id, true, now(), '' FROM execledger.executions"
        " WHERE external_id = 'run-1'"
    )
    async with Store(office.dsn, outbox_limit=100) as store:
        await pass_on(store, ["events"], "executions.control")
        await office.connection.execute("DELETE FROM execledger.outbox")
        await office.connection.execute(
            "UPDATE execledger.cancel_requests SET passed_at = passed_at - interval '2 minutes'"
        )
        await pass_on(store, ["events"], "executions.control")
    assert await office.value("SELECT count(*) FROM execledger.outbox") == 3


async def test_one_alone_is_cancelled_where_that_is_asked_also_by_the_command(bench: Bench) -> None:
    await bench.publish(event(), below("child", "run-1", "run-1"), event(subject="other"), partition=0)
    async with bench.recorder():
        await bench.until_recorded()
        said = await execledger("cancel", "run-1", "--without-descendants", "--reason", "r", postgres_dsn=bench.dsn)
        assert (said.status, said.out, said.err) == (0, "asked to cancel run-1\n", "")
        await eventually(partial(are_requested, bench, {"run-1"}))
        again = await execledger("cancel", "nobody", postgres_dsn=bench.dsn)
        assert (again.status, again.err) == (1, "execledger: there is no execution 'nobody'\n")
        await bench.publish(event("execution.completed", subject="other", at=2), partition=0)
        await bench.until_recorded()
        over = await execledger("cancel", "other", postgres_dsn=bench.dsn)
        assert (over.status, over.err.partition(",")[0]) == (1, "execledger: it has ended")


async def test_the_same_request_under_the_same_key_is_answered_alike_and_asks_once(rows: Ledger, database: str) -> None:
    execution = await rows.execution(external_id="run-1", tenant_id="default")
    key = {**SERVICE, "Idempotency-Key": "stop"}
    async with serving(database) as client:
        first = await client.post(CANCEL, headers=key)
        await rows.connection.execute("UPDATE execledger.executions SET status = 'cancelled', ended_at = now()")
        second = await client.post(CANCEL, headers=key, json={"descendants": True})
        assert (first.status_code, second.status_code, first.content) == (202, 202, second.content)
        assert first.json()["id"] == str(execution)
        other = await client.post(CANCEL, headers=key, json={"reason": "another"})
        assert (other.status_code, other.json()["type"]) == (409, "urn:execledger:problem:conflict")
        assert "Idempotency-Key" in other.json()["detail"]
        # The key is of who uses it: another one asks by itself, and hears that it has ended by now.
        assert (await client.post(CANCEL, headers={**bearing("tom", "default", "service"), "Idempotency-Key": "stop"})
                ).status_code == 409  # fmt: skip
    assert await rows.connection.fetchval("SELECT count(*) FROM execledger.cancel_requests") == 1


async def test_what_has_really_ended_is_not_cancelled_and_what_may_go_on_is(rows: Ledger, database: str) -> None:
    over = {"tenant_id": "default", "status": "timed_out", "ended_at": NOON}
    await rows.execution(external_id="run-1", **over)
    await rows.execution(external_id="guess", provisional=True, **over)
    async with serving(database) as client:
        refused = await client.post(CANCEL, headers=SERVICE)
        assert (refused.status_code, refused.json()["status"]) == (409, 409)
        assert (await client.post("/v1/executions/guess/cancel", headers=SERVICE)).status_code == 202


@pytest.mark.parametrize(
    ("who", "status"),
    [
        (READER, 403),
        (bearing("ann", "default"), 403),
        (bearing("ann", "default", "payloads"), 403),
        (bearing("sam", "acme", "service"), 404),
        (bearing("adam", "acme", "admin"), 202),
        (SERVICE, 202),
        ({}, 401),
    ],
)
async def test_who_may_ask(rows: Ledger, database: str, who: dict[str, str], status: int) -> None:
    await rows.execution(external_id="run-1", tenant_id="default", owner_id="ann")
    async with serving(database) as client:
        assert (await client.post(CANCEL, headers=who)).status_code == status


async def test_each_member_that_is_wrong_is_pointed_to(rows: Ledger, database: str) -> None:
    await rows.execution(external_id="run-1", tenant_id="default")
    async with serving(database) as client:
        wrong = {"reason": 7, "descendants": "no", "why": 1}
        refused = await client.post(CANCEL, headers={**SERVICE, "Idempotency-Key": "k" * 256}, json=wrong)
        assert refused.status_code == 400
        assert {each.get("pointer") or each["parameter"] for each in refused.json()["errors"]} == {
            *("/reason", "/descendants", "/why", "Idempotency-Key")
        }
        as_json = {**SERVICE, "Content-Type": "application/json"}
        broken = await client.post(CANCEL, headers=as_json, content=b"{")
        assert (broken.status_code, broken.json()["errors"]) == (400, [{"pointer": "", "detail": "this is not JSON"}])
        nul = await client.post(CANCEL, headers=SERVICE, json={"reason": "a\0b"})
        assert (nul.status_code, nul.json()["errors"][0]["pointer"]) == (400, "/reason")
    assert await rows.connection.fetchval("SELECT count(*) FROM execledger.cancel_requests") == 0


async def test_nobody_asks_in_another_s_name_or_for_another_tenant(rows: Ledger) -> None:
    """Also when the service forgets to look."""
    asked = (
        "INSERT INTO execledger.cancel_requests"
        " (tenant_id, requested_by, key, execution_id, descendants, requested_at, answer)"
        " VALUES ($1, $2, 'k', gen_random_uuid(), true, now(), '')"
    )
    for tenant, name in (("acme", "sam"), ("default", "tom")):
        async with rows.connection.transaction():
            await rows.connection.execute(
                "SELECT set_config('role', 'execledger_tenant', true), set_config('execledger.owner', 'sam', true),"
                " set_config('execledger.tenant', 'default', true)"
            )
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with rows.connection.transaction():
                    await rows.connection.execute(asked, tenant, name)
