"""Topics of other systems, on real servers: what they tell is recorded like any event, and accounted for."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from command_line import Said, execledger
from conftest import Servers, Topics
from execledger.stack import broker
from execledger_contracts.cleaning import Limits
from execledger_contracts.schema import ROOT
from execledger_recorder.recording import Read, Report, batch, read, record
from execledger_recorder.rules.translation import Translation
from execledger_recorder.store import Store
from execledger_runtime.errors import Unstorable
from factories_recorder import LETTERS, Desk, desk, record_of
from recorded_topic import producing, publish
from running import eventually, recorder

_CONSUMED = "SELECT next_offset >= $2 FROM execledger.ledger WHERE topic = $1"
SENT_MS = int(datetime(2026, 11, 3, tzinfo=UTC).timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Bench:
    """A topic of another system, and a look at what was recorded of it."""

    servers: Servers
    topics: Topics
    topic: str
    connection: asyncpg.Connection
    folder: Path
    dsn: str

    @asynccontextmanager
    async def recorded(self, adapter: str) -> AsyncIterator[None]:
        """The example of an adapter, published and recorded."""
        async with recorder(self.folder, **self.settings(adapter)):
            async with producing(self.servers) as producer:
                for line in example(adapter):
                    await publish(producer, self.topic, line, timestamp_ms=SENT_MS)

            async def is_consumed() -> bool:
                return bool(await self.value(_CONSUMED, self.topic, len(example(adapter))))

            await eventually(is_consumed)
            yield

    def settings(self, adapter: str) -> Mapping[str, Any]:
        known = self.topics.settings(self.servers, self.dsn)
        return {**known, "topic_adapters": f"{self.topic}={adapter}", "topic_tenants": f"{self.topic}=acme"}

    async def command(self, adapter: str, *arguments: str) -> Said:
        return await execledger(*arguments, **self.settings(adapter))

    async def value(self, query: str, *arguments: Any) -> Any:
        return await self.connection.fetchval(query, *arguments)

    async def execution(self, external_id: str) -> Any:
        query = "SELECT * FROM execledger.executions WHERE tenant_id = 'acme' AND external_id = $1"
        return await self.connection.fetchrow(query, external_id)

    async def steps(self, external_id: str) -> list[tuple[Any, ...]]:
        """Name, try, status and milliseconds of each try of its steps."""
        rows = await self.connection.fetch(
            "SELECT name, try_number, step.status, step.duration_ms FROM execledger.steps AS step"
            " JOIN execledger.executions AS execution ON execution.id = step.execution_id"
            " WHERE execution.external_id = $1 ORDER BY step.first_event_at, step_id, try_number",
            external_id,
        )
        return [tuple(row) for row in rows]


def example(adapter: str) -> list[bytes]:
    return (ROOT / "foreign" / f"{adapter}.jsonl").read_bytes().splitlines()


@pytest.fixture
async def bench(servers: Servers, topics: Topics, database: str, tmp_path: Path) -> AsyncIterator[Bench]:
    topic = f"{topics.events}.foreign"
    await broker.make_topics(servers.bootstrap_servers, [broker.Topic(topic, 1, 1_000_000)])
    connection = await asyncpg.connect(database)
    try:
        yield Bench(servers, topics, topic, connection, tmp_path, database)
    finally:
        await connection.close()
        async with broker.admin(servers.bootstrap_servers) as client:
            await client.delete_topics([topic])


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part; when the test ends, every record must be accounted for."""
    async with desk(database) as office:
        yield office


async def test_openlineage_runs_become_executions_and_steps_of_their_parents(bench: Bench) -> None:
    dag = "019ad8a2-2b00-7c11-9d0e-5f3a7b1c2d01"
    async with bench.recorded("openlineage"):
        audit = await bench.command("openlineage", "ledger", "--audit", "--json")
        verified = await bench.command("openlineage", "rebuild", "--verify")
    run = await bench.execution(dag)
    assert (run["status"], run["workflow_id"], run["owner_id"]) == (
        "completed",
        "airflow-prod:daily_orders",
        "data-platform",
    )
    assert run["duration_ms"] == 490_880
    assert await bench.steps(dag) == [
        ("daily_orders.extract", 1, "completed", 120_000),
        ("daily_orders.load", 1, "failed", 4_000),
        ("daily_orders.load", 2, "completed", 60_000),
    ]
    failed = await bench.execution("019ad8a2-4c30-7b63-9c2a-1d3e5f7a9b03")
    assert (failed["status"], failed["error_message"]) == ("failed", "warehouse DWH is suspended")
    assert (failed["parent_execution_id"], failed["root_execution_id"]) == (dag, dag)
    # Ten records of runs, six of which bring two events; one about a dataset alone; one that names no run.
    assert json.loads(audit.out)["partitions"][-1] | {"first_offset": 0} == {
        "topic": bench.topic, "partition": 0, "first_offset": 0, "next_offset": 12, "end_offset": 12, "gaps": 0,
        "missed": 0, "applied": 11, "late": 0, "duplicate": 0, "rejected": 0, "dead_lettered": 1, "skipped": 0,
        "lag": 0, "unaccounted": 0,
    }  # fmt: skip
    assert (audit.status, json.loads(audit.out)["differences"], verified.status) == (0, [], 0)
    assert await bench.value("SELECT count(*) FROM execledger.execution_events WHERE event_index = 1") == 6
    assert await bench.value('SELECT reason FROM execledger.unlogged_records WHERE "offset" = 10') == "no_event"
    assert await bench.value("SELECT detail FROM execledger.dead_letters") == "openlineage: run.runId: is missing"


async def test_a_record_of_several_events_is_recorded_whole_however_small_the_batches(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = example("openlineage")
    values = [b"[" + b",".join(lines[:9]) + b"]", *lines[8:]]
    records = [record_of(value, n, topic="foreign", timestamp_ms=SENT_MS) for n, value in enumerate(values)]
    await office.open("foreign")
    whole = batch._record_whole

    async def refuse(store: Store, reads: Sequence[Read], *said: Any) -> Report:
        if len({record.offset for record, _ in reads}) > 1:
            raise Unstorable("too many")
        return await whole(store, reads, *said)

    monkeypatch.setattr(batch, "_record_whole", refuse)
    reads = read(records, Limits(), {"foreign": Translation("openlineage", "acme")})
    report = await record(office.store, reads, LETTERS)
    outcomes = {outcome: count for (_, outcome), count in report.outcomes.items()}
    assert outcomes == {"applied": 3, "duplicate": 1, "dead_lettered": 1}
    assert await office.value("SELECT count(*) FROM execledger.execution_events") == 9 + 6 + 1
    assert not (await record(office.store, reads, LETTERS)).outcomes
