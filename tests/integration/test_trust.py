"""Who may say what, on real servers: what is not ours is a dead letter, whatever it calls itself."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from command_line import Said, execledger
from conftest import Servers, Topics
from execledger.findings import keys_finding
from execledger.stack import broker
from execledger_contracts.cleaning import Limits
from execledger_contracts.events import IMPORT_SOURCE, WATCHDOG_SOURCE
from execledger_recorder.recording import Trust, read
from execledger_recorder.store import Store
from execledger_runtime.errors import StoreUnavailable
from execledger_runtime.kafka.bindings import Bindings
from execledger_runtime.kafka.signatures import SigningKey, sign
from factories_recorder import NOON, Row, event, record_of
from recorded_topic import producing, publish
from running import Service, eventually, recorder

ENDING = event("execution.timed_out", {"provisional": True, "reason": "silent"}, at=1, source=WATCHDOG_SOURCE)


@dataclass(frozen=True, slots=True)
class Bench:
    """The surroundings of recorders, and a look at what they wrote."""

    servers: Servers
    topics: Topics
    store: Store
    connection: asyncpg.Connection
    folder: Path
    dsn: str

    @asynccontextmanager
    async def recorder(self, **settings: object) -> AsyncIterator[Service]:
        known = self.topics.settings(self.servers, self.dsn)
        async with recorder(self.folder, **{**known, **settings}) as service:
            yield service

    async def publish(
        self, *values: Row | bytes, signing: SigningKey | None = None, topic: str | None = None, **said: Any
    ) -> None:
        async with producing(self.servers) as producer:
            for value in values:
                headers = [sign(signing, b"key", json.dumps(value).encode())] if signing else []
                await publish(producer, topic or self.topics.events, value, headers=headers, **said)

    async def command(self, *arguments: str, **settings: object) -> Said:
        return await execledger(*arguments, **self.topics.settings(self.servers, self.dsn), **settings)

    async def value(self, query: str, *arguments: Any) -> Any:
        return await self.connection.fetchval(query, *arguments)

    async def until_consumed(self, records: int) -> None:
        async def are_consumed() -> bool:
            return int(await self.value("SELECT coalesce(sum(next_offset), 0) FROM execledger.ledger")) >= records

        await eventually(are_consumed)

    async def letters(self) -> list[tuple[str, str]]:
        rows = await self.connection.fetch("SELECT reason, detail FROM execledger.dead_letters ORDER BY id")
        return [(row["reason"], row["detail"].rpartition("and ")[2]) for row in rows]

    async def logged(self) -> int:
        return int(await self.value("SELECT count(*) FROM execledger.execution_events"))


@pytest.fixture
async def bench(servers: Servers, topics: Topics, database: str, tmp_path: Path) -> AsyncIterator[Bench]:
    connection = await asyncpg.connect(database)
    try:
        async with Store(database) as store:
            yield Bench(servers, topics, store, connection, tmp_path, database)
    finally:
        await connection.close()


async def test_nobody_speaks_for_execledger_and_what_it_signed_is_believed(bench: Bench) -> None:
    async with bench.recorder():
        first = await bench.store.signing_keys.newest()
        forged = {**ENDING, "data": {"provisional": False}}
        await bench.publish(event(), forged, event("execution.cancelled", at=2, source=IMPORT_SOURCE))
        await bench.publish({**ENDING, "source": "\u0435xecledger:watchdog"})
        await bench.publish(ENDING, signing=first)  # the id of the real one was not taken
        await bench.until_consumed(5)
        said = await bench.command("keys", "rotate")
        second = await bench.store.signing_keys.newest()
        assert said.out == f"key {second.id} signs from now on; 2 keys verify\n"
        # The same recorder meets a key that it does not know, and one that was retired.
        await bench.publish({**ENDING, "id": "another"}, signing=second)
        await bench.publish({**ENDING, "id": "a third"}, signing=first)
        await bench.until_consumed(7)
    unsigned, like_ours = (
        "it did not sign this record",
        'it reads like one of its own, this is "\\u0435xecledger:watchdog"',
    )
    assert await bench.letters() == [("forbidden", why) for why in (unsigned, unsigned, like_ours)]
    assert await bench.logged() == 4
    assert await bench.value("SELECT status FROM execledger.executions WHERE provisional") == "timed_out"
    assert (await bench.command("ledger")).status == 0


async def test_what_was_forged_stays_forbidden_when_it_is_redriven_and_what_is_ours_is_believed(bench: Bench) -> None:
    late = SigningKey("6e0f4ae2-5a3c-4f14-8d37-0f2b8a4d1c11", b"k" * 32)  # a key that a restored database lacks
    async with bench.recorder():
        await bench.publish(event(), ENDING)
        await bench.publish({**ENDING, "id": "lost"}, signing=late)
        await bench.until_consumed(3)
        assert len(await bench.letters()) == 2
        await bench.connection.execute("INSERT INTO execledger.signing_keys (id, secret) VALUES ($1, $2)", *late)
        judged = await bench.command("dead-letters", "redrive", "--all", "--dry-run")
        assert judged.out.splitlines()[-1] == "1 would pass, 1 would not; nothing was sent"
        assert (await bench.command("dead-letters", "redrive", "--all")).status == 0
        await bench.until_consumed(5)
    assert [reason for reason, _ in await bench.letters()] == ["forbidden"] * 3
    assert await bench.value("SELECT count(*) FROM execledger.execution_events WHERE raw ->> 'id' = 'lost'") == 1


async def test_the_verdict_is_stored_with_the_event_so_that_a_rebuild_needs_no_key(bench: Bench) -> None:
    async with bench.recorder():
        await bench.publish(event())
        await bench.publish(ENDING, signing=await bench.store.signing_keys.newest())
        await bench.until_consumed(2)
    await bench.connection.execute("DELETE FROM execledger.signing_keys")
    assert (await bench.command("rebuild", "--verify")).status == 0
    assert keys_finding(await bench.store.signing_keys.count()).advice == "Run `execledger keys rotate`."
    assert "no key is there" in (await bench.command("doctor")).out
    with pytest.raises(StoreUnavailable, match="execledger keys rotate"):
        await bench.store.signing_keys.newest()


async def test_only_the_recorders_account_reads_the_keys(bench: Bench) -> None:
    async def may(role: str, what: str) -> bool:
        return bool(await bench.value("SELECT has_table_privilege($1, 'execledger.signing_keys', $2)", role, what))

    for role in ("query", "owner", "tenant", "admin"):
        assert not await may(f"execledger_{role}", "SELECT"), role
    assert await may("execledger_recorder", "SELECT")
    assert not await may("execledger_recorder", "DELETE")
    assert [len(row["secret"]) for row in await bench.connection.fetch("TABLE execledger.signing_keys")] == [32]


async def test_however_many_keys_are_named_one_question_is_asked(bench: Bench) -> None:
    asked: list[int] = []
    trust, find = Trust(bench.store, Bindings()), bench.store.signing_keys.read

    async def counted(ids: set[str]) -> dict[str, bytes]:
        asked.append(len(ids))
        return await find(ids)

    bench.store.signing_keys.read = counted  # type: ignore[assignment,method-assign]
    value = json.dumps(ENDING).encode()
    strange = [SigningKey(f"00000000-0000-4000-8000-{number:012}", b"x") for number in range(50)]
    ours = await bench.store.signing_keys.newest()
    sent = [
        record_of(value, n, key=b"key", headers=[sign(key, b"key", value)]) for n, key in enumerate([*strange, ours])
    ]
    reads = read(sent, Limits())
    assert [found for _, found in await trust.judge(reads)][-1] == reads[-1][1]
    await trust.judge(reads[-1:])
    assert asked == [51]


@pytest.fixture
async def acmes(bench: Bench) -> AsyncIterator[str]:
    """A topic of another tenant's, with two partitions."""
    name = f"acme-{bench.topics.events}"
    await broker.make_topics(bench.servers.bootstrap_servers, [broker.Topic(name, 2, 1_000_000)])
    yield name
    async with broker.admin(bench.servers.bootstrap_servers) as client:
        await client.delete_topics([name])


def of_acme(*arguments: Any, **said: Any) -> Row:
    return event(*arguments, tenantid="acme", **said)


async def test_each_topic_speaks_for_its_own_tenants_and_all_are_accounted_for(bench: Bench, acmes: str) -> None:
    bound = {"topic_tenants": f"{acmes}=acme,{bench.topics.events}=default|umbra"}
    async with bench.recorder(**bound) as service:
        await bench.publish(event(), of_acme(subject="theirs"), event(tenantid="umbra", at=1))
        await bench.publish(of_acme(), event(at=2), topic=acmes)
        await bench.publish(of_acme(at=1, subject="other"), topic=acmes, partition=1)
        await bench.until_consumed(6)
        first = await bench.command("ledger", "--json", **bound)
        partitions = [(row["topic"], row["partition"]) for row in json.loads(first.out)["partitions"]]
        assert partitions == [*((acmes, n) for n in range(2)), *((bench.topics.events, n) for n in range(3))]

        async def are_all_shown() -> bool:
            names = await service.metrics()
            return sum(name.startswith("execledger_consumer_lag_records{") for name in names) == 5

        await eventually(are_all_shown)
    refused = await bench.connection.fetch("SELECT topic, detail FROM execledger.dead_letters ORDER BY topic")
    assert [tuple(row) for row in refused] == [
        (acmes, f'tenantid: {acmes} does not speak for this tenant, this is "default"'),
        (bench.topics.events, f'tenantid: {bench.topics.events} does not speak for this tenant, this is "acme"'),
    ]
    logged = await bench.connection.fetch("SELECT tenant_id, topic FROM execledger.execution_events ORDER BY 1")
    assert [tuple(row) for row in logged] == [
        *[("acme", acmes)] * 2, ("default", bench.topics.events), ("umbra", bench.topics.events),
    ]  # fmt: skip
    assert (await bench.command("ledger", "--audit", **bound)).status == 0


async def test_a_letter_is_redriven_to_its_own_topic_where_it_is_judged_by_what_holds_there_now(
    bench: Bench, acmes: str
) -> None:
    async with bench.recorder(topic_tenants=f"{acmes}=acme"):
        await bench.publish(event(tenantid="umbra"), event(tenantid="hive"), topic=acmes)
        await bench.until_consumed(2)
    mended = {"topic_tenants": f"{acmes}=acme|umbra"}
    async with bench.recorder(**mended):
        judged = await bench.command("dead-letters", "redrive", "--all", "--dry-run", **mended)
        assert judged.out.splitlines()[-1] == "1 would pass, 1 would not; nothing was sent"
        assert (await bench.command("dead-letters", "redrive", "--all", **mended)).status == 0
        await bench.until_consumed(4)
    assert await bench.value("SELECT count(*) FROM execledger.dead_letters WHERE topic = $1", acmes) == 3
    assert await bench.value("SELECT tenant_id FROM execledger.execution_events WHERE topic = $1", acmes) == "umbra"


async def test_the_watchdog_speaks_where_its_execution_began_and_for_every_tenant(bench: Bench, acmes: str) -> None:
    now = (datetime.now(UTC) - NOON).total_seconds()
    bound = {"topic_tenants": f"{acmes}=acme", "watchdog_interval_seconds": 0.2}
    async with bench.recorder(**bound):
        await bench.publish(of_acme("execution.started", {"timeout_seconds": 1}, at=now - 60), topic=acmes)
        await bench.publish(event("execution.started", {"timeout_seconds": 1}, at=now - 60))

        async def are_ended() -> bool:
            query = "SELECT count(*) FROM execledger.executions WHERE status = 'timed_out' AND provisional"
            return bool(await bench.value(query) == 2)

        await eventually(are_ended)
    ending = "SELECT topic FROM execledger.execution_events WHERE raw ->> 'source' = $1 AND tenant_id = $2"
    assert await bench.value(ending, WATCHDOG_SOURCE, "acme") == acmes
    assert await bench.value(ending, WATCHDOG_SOURCE, "default") == bench.topics.events
    assert await bench.letters() == []


async def test_a_partition_stops_alone_though_another_topic_has_one_of_its_number(bench: Bench, acmes: str) -> None:
    bound = {"topic_tenants": f"{acmes}=acme"}
    async with bench.recorder(**bound) as service:
        await bench.publish(*[b"garbage"] * 120, topic=acmes)

        async def is_stopped() -> bool:
            said = (await service.get("/readyz")).text
            return said.startswith("partition 0 is stopped at offset ") and f" of {acmes}: 1" in said

        await eventually(is_stopped)
        await bench.publish(event())
        await eventually(bench.logged)  # by the partition of the same number
        assert (await bench.command("dead-letters", "accept", "0", "--topic", acmes, **bound)).status == 0
        await bench.until_consumed(121)
        await eventually(service.is_ready)
    assert await bench.value("SELECT count(*) FROM execledger.dead_letters WHERE topic = $1", acmes) == 120
    assert f"topic {acmes}: 2 partition(s)" in (await bench.command("doctor", **bound)).out
