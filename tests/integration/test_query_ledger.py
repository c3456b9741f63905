"""What the routes for operators answer: the ledger and the dead letters."""

import base64
from collections.abc import AsyncIterator

import asyncpg
import httpx2
import pytest

from execledger_contracts.cleaning import Limits
from execledger_query.caller import NOBODY, Caller, Role
from execledger_query.store import Options, Store
from execledger_recorder.recording import Trust, read, record
from execledger_runtime.kafka.bindings import Bindings
from factories_query import bearing, ledger, serving
from factories_recorder import LETTERS, Desk, Topic, desk, event

SERVICE = bearing("svc", "acme", "service")
ADMIN = bearing("root", "ops", "admin", "payloads")
LISTED = ["id", "topic", "partition", "offset", "timestamp", "reason", "detail", "fingerprint", "redriven_at"]


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """Two good records, four bad ones: ids 1 to 4."""
    async with desk(database) as office:
        headers = [("ce_x", b"1"), ("ce_x", b"\xff"), ("none", None)]
        topic = Topic()
        await office.record(topic.add(event(), b"{", b"{ ", event("run.progressed", at=1), partition=1))
        await office.record(topic.add(event(attempt=0), key=b"\x00run"))
        await office.record(topic.add(None, headers=headers))
        yield office


@pytest.fixture
async def client(office: Desk) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(office.dsn) as opened:
        yield opened


async def test_dead_letters_have_the_shape_that_is_promised(client: httpx2.AsyncClient) -> None:
    listed = (await client.get("/v1/dead-letters", headers=ADMIN)).json()
    assert [item["id"] for item in listed["items"]] == [4, 3, 2, 1]
    assert listed["next_cursor"] is None
    assert all(list(item) == LISTED for item in listed["items"])
    one = (await client.get("/v1/dead-letters/3", headers=ADMIN)).json()
    assert list(one) == [*LISTED, "key", "headers", "value_base64", "cut"]
    assert {**one, "fingerprint": "", "value_base64": ""} == {
        "id": 3, "topic": "events", "partition": 0, "offset": 0, "timestamp": "2026-03-01T12:00:00.123Z",
        "reason": "invalid", "detail": "attempt: must be at least 1, this is 0", "fingerprint": "",
        "redriven_at": None, "key": "\x00run", "headers": [], "value_base64": "", "cut": None,
    }  # fmt: skip
    assert b'"attempt": 0' in base64.b64decode(one["value_base64"])


async def test_a_tombstone_and_bytes_that_are_no_text_are_shown(client: httpx2.AsyncClient) -> None:
    one = (await client.get("/v1/dead-letters/4", headers=ADMIN)).json()
    assert (one["reason"], one["key"], one["value_base64"]) == ("tombstone", None, None)
    assert one["headers"] == [
        {"name": "ce_x", "value": "1"}, {"name": "ce_x", "value": "\\xff"}, {"name": "none", "value": None}
    ]  # fmt: skip


async def test_dead_letters_are_narrowed_by_reason_and_fingerprint(client: httpx2.AsyncClient) -> None:
    fingerprint = (await client.get("/v1/dead-letters/3", headers=ADMIN)).json()["fingerprint"]
    for query, found in (
        ("reason=not_json", [2, 1]),
        ("reason=tombstone", [4]),
        ("reason=not_utf8", []),
        (f"fingerprint={fingerprint}", [3]),
        (f"fingerprint={fingerprint}&reason=invalid", [3]),
        (f"fingerprint={fingerprint}&reason=not_json", []),
    ):
        answer = await client.get(f"/v1/dead-letters?{query}", headers=ADMIN)
        assert [item["id"] for item in answer.json()["items"]] == found, query


async def test_cursors_walk_the_dead_letters_once_and_belong_to_their_filters(
    office: Desk, client: httpx2.AsyncClient
) -> None:
    first = (await client.get("/v1/dead-letters?limit=3", headers=ADMIN)).json()
    assert [item["id"] for item in first["items"]] == [4, 3, 2]
    await office.record(Topic("more").add(b"["))
    cursor = first["next_cursor"]
    rest = (await client.get(f"/v1/dead-letters?limit=3&cursor={cursor}", headers=ADMIN)).json()
    assert ([item["id"] for item in rest["items"]], rest["next_cursor"]) == ([1], None)
    wrong = await client.get(f"/v1/dead-letters?reason=not_json&cursor={cursor}", headers=ADMIN)
    assert (wrong.status_code, wrong.json()["type"]) == (400, "urn:execledger:problem:invalid-cursor")


async def test_the_ledger_has_the_shape_that_is_promised(office: Desk, client: httpx2.AsyncClient) -> None:
    async with ledger(office.dsn) as rows:
        await rows.ends(topic="events", partition=1)
    shown = (await client.get("/v1/ledger", headers=SERVICE)).json()
    assert list(shown) == ["partitions", "unaccounted", "missed", "audited", "differences"]
    assert shown["partitions"][1] == {
        "topic": "events", "partition": 1, "first_offset": 0, "next_offset": 4, "end_offset": 9, "gaps": 0, "missed": 0,
        "applied": 2, "late": 0, "duplicate": 0, "rejected": 0, "dead_lettered": 2, "skipped": 0,
        "lag": 5, "unaccounted": 0,
    }  # fmt: skip
    assert [row["end_offset"] for row in shown["partitions"]] == [None, 9, None]
    assert [row["lag"] for row in shown["partitions"]] == [None, 5, None]
    assert (shown["unaccounted"], shown["missed"], shown["audited"], shown["differences"]) == (0, 0, False, [])


async def test_the_ledger_adds_up_what_is_missed_and_unaccounted(database: str) -> None:
    async with ledger(database) as rows, serving(database) as client:
        for partition, (missed, applied) in enumerate([(2, 8), (3, 6), (0, 12)]):
            row = {"topic": "t", "partition": partition, "first_offset": 0, "next_offset": 10}
            await rows.insert("ledger", {**row, "missed": missed, "applied": applied})
        shown = (await client.get("/v1/ledger", headers=ADMIN)).json()
    assert [row["unaccounted"] for row in shown["partitions"]] == [0, 1, -2]
    assert (shown["unaccounted"], shown["missed"]) == (3, 5)


async def test_only_those_who_run_the_system_may_look(client: httpx2.AsyncClient) -> None:
    for path in ("/v1/ledger", "/v1/dead-letters", "/v1/dead-letters/3", "/v1/dead-letters/99"):
        for roles in ((), ("owner",), ("reader", "payloads")):
            refused = await client.get(path, headers=bearing("ann", "acme", *roles))
            assert (refused.status_code, refused.json()["type"]) == (403, "urn:execledger:problem:forbidden"), path
        assert (await client.get(path)).status_code == 401
        for headers in (ADMIN, bearing("x", "ops", "admin", "service")):
            assert (await client.get(path, headers=headers)).status_code == (404 if "99" in path else 200)
        for headers in (SERVICE, bearing("x", "umbra", "service", "reader")):  # what is nobody's is not theirs
            assert (await client.get(path, headers=headers)).status_code == (404 if path[-1].isdigit() else 200)


async def test_a_parameter_that_is_none_is_named(client: httpx2.AsyncClient) -> None:
    lists = (
        ("?reason=bad", "reason"),
        ("?limit=0", "limit"),
        ("?tenant=acme", "tenant"),
        ("?fingerprint=", "fingerprint"),
    )
    for query, parameter in (*lists, ("/0", "id"), ("/x", "id"), (f"/{2**63}", "id")):
        refused = await client.get(f"/v1/dead-letters{query}", headers=SERVICE)
        assert refused.status_code == 400, query
        assert [error["parameter"] for error in refused.json()["errors"]] == [parameter]


@pytest.fixture
async def bound(office: Desk) -> Desk:
    """Four more: 5 and 6 lay in acme's own topic, 7 in one of two tenants, 8 one of acme's that Postgres refused."""
    trust = Trust(office.store, Bindings.read("acme=acme,both=acme|umbra"))
    secret = event("run.failed", {"input": "s3cret"}, tenantid="umbra", attempt=2)
    for topic, values in (("acme", [b'{"s3cret": 1}', secret]), ("both", [b'{"tenantid": "acme"}'])):
        await office.open(topic)
        records = Topic(topic).add(*values, key=b"s3cret", headers=[("s3cret", b"s3cret")])
        await record(office.store, await trust.judge(read(records, Limits())), LETTERS)
    await office.connection.execute(
        "ALTER TABLE execledger.execution_events ADD CHECK (type <> 'agent.refused') NOT VALID"
    )
    await office.record(Topic("open").add(event("agent.refused", {"input": "s3cret"}, tenantid="acme")))
    return office


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        (("acme", "service"), [8, 6, 5]),
        (("acme", "service", "payloads"), [8, 6, 5]),
        (("umbra", "service", "payloads"), []),
        (("default", "service", "payloads"), []),
        (("acme", "admin"), [8, 7, 6, 5, 4, 3, 2, 1]),
        (("umbra", "admin", "service"), [8, 7, 6, 5, 4, 3, 2, 1]),
    ],
)
@pytest.mark.usefixtures("bound")
async def test_a_service_sees_the_dead_letters_that_are_shown_to_be_its_tenants(
    client: httpx2.AsyncClient, who: tuple[str, ...], seen: list[int]
) -> None:
    headers = bearing("svc", *who)
    listed = (await client.get("/v1/dead-letters", headers=headers)).json()
    assert [item["id"] for item in listed["items"]] == seen
    for number in range(1, 9):
        answer = await client.get(f"/v1/dead-letters/{number}", headers=headers)
        assert answer.status_code == (200 if number in seen else 404)


@pytest.mark.usefixtures("bound")
async def test_what_a_dead_letter_holds_is_shown_with_the_right_to_payloads_only(client: httpx2.AsyncClient) -> None:
    for who in (bearing("svc", "acme", "service"), bearing("root", "ops", "admin")):
        listed = await client.get("/v1/dead-letters", headers=who)
        for item in listed.json()["items"]:
            whole = await client.get(f"/v1/dead-letters/{item['id']}", headers=who)
            assert whole.json() == {**item, "key": None, "headers": None, "value_base64": None, "cut": None}
            assert "this is" not in item["detail"]
            assert "s3cret" not in listed.text + whole.text
    details = {item["id"]: item["detail"] for item in listed.json()["items"]}
    assert details[3] == "attempt: must be at least 1"
    assert details[6] == "tenantid: acme does not speak for this tenant"
    assert details[8] == "Postgres refused it"
    whole = await client.get("/v1/dead-letters/6", headers=bearing("svc", "acme", "service", "payloads"))
    assert whole.json()["detail"] == 'tenantid: acme does not speak for this tenant, this is "umbra"'
    assert whole.json()["headers"] == [{"name": "s3cret", "value": "s3cret"}]
    assert b"s3cret" in base64.b64decode(whole.json()["value_base64"])


async def test_a_statement_that_forgets_its_where_shows_a_tenant_its_own_dead_letters(bound: Desk) -> None:
    async with Store.open(Options(bound.dsn)) as store:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with store.reading(NOBODY) as reader:
                await reader._rows("SELECT FROM execledger.dead_letters")
        for tenant, count in (("acme", 3), ("umbra", 0)):
            async with store.reading(Caller("svc", tenant, frozenset({Role.SERVICE}))) as reader:
                assert len(await reader._rows("SELECT FROM execledger.dead_letters")) == count
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with store.reading(Caller("svc", tenant, frozenset({Role.SERVICE}))) as reader:
                    await reader._rows("SELECT FROM execledger.duplicates")
