"""Topics of other systems, on real servers: what they tell is recorded like any event, and accounted for."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from command_line import Said, execledger
from conftest import Servers, Topics
from consuming import consumed
from execledger.stack import broker
from execledger_contracts.adapters.names import ADAPTERS
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
TRACE = "5b8efff798038103d269b633813fc60c"
SENT_MS = int(datetime(2026, 11, 3, tzinfo=UTC).timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Bench:
    """A topic for each other system, and a look at what was recorded of them."""

    servers: Servers
    topics: Topics
    connection: asyncpg.Connection
    folder: Path
    dsn: str

    @asynccontextmanager
    async def recorded(self, *adapters: str) -> AsyncIterator[None]:
        """The examples of adapters, published and recorded."""
        async with recorder(self.folder, **self.settings()):
            async with producing(self.servers) as producer:
                for adapter in adapters:
                    for line in example(adapter):
                        await publish(producer, self.topic(adapter), line, timestamp_ms=SENT_MS, key=None)

            async def is_consumed() -> bool:
                consumed = [await self.value(_CONSUMED, self.topic(each), len(example(each))) for each in adapters]
                return all(consumed)

            await eventually(is_consumed)
            yield

    def topic(self, adapter: str) -> str:
        return f"{self.topics.events}.{adapter}"

    def settings(self) -> Mapping[str, Any]:
        known = self.topics.settings(self.servers, self.dsn)
        adapters = ",".join(f"{self.topic(each)}={each}" for each in ADAPTERS)
        return {**known, "topic_adapters": adapters, "topic_tenants": f"{self.topic('openlineage')}=acme"}

    async def command(self, *arguments: str) -> Said:
        return await execledger(*arguments, **self.settings())

    async def value(self, query: str, *arguments: Any) -> Any:
        return await self.connection.fetchval(query, *arguments)

    async def execution(self, external_id: str) -> Any:
        return await self.connection.fetchrow("SELECT * FROM execledger.executions WHERE external_id = $1", external_id)

    async def ended(self, external_id: str) -> tuple[Any, ...]:
        """What an execution is of, and how it ended."""
        found = await self.execution(external_id)
        return tuple(found[name] for name in ("workflow_name", "status", "duration_ms", "error_message"))

    async def figures(self, external_id: str) -> tuple[Any, ...]:
        """Tokens of prompts and of completions, cost, tools that it called."""
        found = await self.execution(external_id)
        return tuple(found[name] for name in ("prompt_tokens", "completion_tokens", "cost_usd", "tools_invoked"))

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
    bench = Bench(servers, topics, await asyncpg.connect(database), tmp_path, database)
    names = [bench.topic(adapter) for adapter in ADAPTERS]
    await broker.make_topics(servers.bootstrap_servers, [broker.Topic(name, 1, 1_000_000) for name in names])
    try:
        yield bench
    finally:
        await bench.connection.close()
        async with broker.admin(servers.bootstrap_servers) as client:
            await client.delete_topics(names)


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    """A recorder's inner part; when the test ends, every record must be accounted for."""
    async with desk(database) as office:
        yield office


async def test_openlineage_runs_become_executions_and_steps_of_their_parents(bench: Bench) -> None:
    dag = "019ad8a2-2b00-7c11-9d0e-5f3a7b1c2d01"
    async with bench.recorded("openlineage"):
        audit = await bench.command("ledger", "--audit", "--json")
        verified = await bench.command("rebuild", "--verify")
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
    [counted] = [each for each in json.loads(audit.out)["partitions"] if each["next_offset"]]
    assert counted == {
        "topic": bench.topic("openlineage"), "partition": 0, "first_offset": 0, "next_offset": 12,
        "end_offset": counted["end_offset"], "lag": counted["lag"],  # null until somebody has looked
        "gaps": 0, "missed": 0, "applied": 11, "late": 0, "duplicate": 0, "rejected": 0, "dead_lettered": 1,
        "skipped": 0, "unaccounted": 0,
    }  # fmt: skip
    assert (audit.status, json.loads(audit.out)["differences"], verified.status) == (0, [], 0)
    assert await bench.value("SELECT count(*) FROM execledger.execution_events WHERE event_index = 1") == 6
    assert await bench.value('SELECT reason FROM execledger.unlogged_records WHERE "offset" = 10') == "no_event"
    assert await bench.value("SELECT detail FROM execledger.dead_letters") == "openlineage: run.runId: is missing"


async def test_what_each_system_tells_is_read_back_as_executions_with_steps_calls_and_figures(bench: Bench) -> None:
    async with bench.recorded("cdevents", "otel", "crewai", "prefect", "temporal", "inngest"):
        audit = await bench.command("ledger", "--audit")
        verified = await bench.command("rebuild", "--verify")
    flow_run, order, shipping = (f"0193e2{end}-7aaa-8bbb-0123456789ab" for end in ("b0-1111", "c0-1111", "c0-2222"))
    crews = ("0193e2a4-7c55-7b1c-9c1a-8d2f3b4c5d6e", "0193e2a4-9f00-7c2d-8d2b-9e3f4a5b6c7d")
    ended = {
        "release-orders-7f9c": ("release-orders", "failed", 123_000, "Task deploy failed"),
        "suite-3c": ("smoke", "completed", 7_000, None),
        TRACE: ("weekly_report", "completed", 6_200, None),
        crews[0]: ("market_crew", "completed", 6_500, None),
        crews[1]: ("market_crew", "failed", 1_000, "OpenAI API call failed: insufficient_quota"),
        flow_run: (
            *("nightly-etl", "failed", 165_000),
            "Flow run encountered an exception: ValueError: 3 rows are missing",
        ),
        order: ("OrderWorkflow", "failed", 71_000, "no courier"),
        shipping: ("ShipWorkflow", "cancelled", 17_100, None),
        "01JBPTK0000000000000000RUN1": ("shop-import-orders", "completed", None, None),
        "01JBPTK0000000000000000RUN2": ("shop-import-orders", "failed", None, "row 7 has no price"),
        "01JBPTK0000000000000000RUN3": ("shop-import-orders", "cancelled", None, None),
    }
    assert {run: await bench.ended(run) for run in ended} == ended
    steps: dict[str, list[tuple[Any, ...]]] = {
        "release-orders-7f9c": [("build", 1, "completed", 90_000), ("deploy", 1, "failed", 30_000)],
        "suite-3c": [("login", 1, "completed", 4_000), ("pay", 1, "skipped", None)],
        TRACE: [("researcher", 1, "completed", 5_600)],
        crews[0]: [("research", 1, "completed", 5_600), ("Senior Researcher", 1, "completed", 5_400)],
        flow_run: [("load-orders-0", 1, "failed", 10_000), ("load-orders-0", 2, "completed", 60_000)],
        order: [
            *[("ChargeCustomer", 1, "failed", None), ("ChargeCustomer", 2, "failed", None)],
            *[("ChargeCustomer", 3, "completed", 1_500), ("cool-off", 1, "completed", 30_000)],
            ("ShipWorkflow", 1, "failed", 17_300),
        ],
    }
    assert {run: await bench.steps(run) for run in steps} == steps
    assert (await bench.execution(shipping))["parent_execution_id"] == order
    assert await bench.figures(TRACE) == (2200, 430, Decimal("0.0084"), 1)
    assert await bench.figures(crews[0]) == (820, 95, Decimal("0.00236"), 2)
    calls = "SELECT tool_name, success, duration_ms, error FROM execledger.tool_calls ORDER BY tool_name, success"
    assert [tuple(row) for row in await bench.connection.fetch(calls)] == [
        ("scrape", False, None, "403 Forbidden"),
        ("search", False, 500, "search timed out"),
        ("search", True, 1_150, None),
    ]
    assert (audit.status, verified.status) == (0, 0)
    assert await bench.value("SELECT count(*) FROM execledger.dead_letters") == 6  # the last line of each example


async def test_a_file_of_another_system_is_published_as_it_is_and_what_would_be_refused_is_told(bench: Bench) -> None:
    topic, lines = bench.topic("crewai"), example("crewai")
    file = bench.folder / "runs.jsonl"
    file.write_bytes(b"\n".join(lines))
    said = await bench.command("publish", str(file), "--topic", topic)
    assert (said.status, said.out) == (1, f"{len(lines) - 1} sent, 1 refused\n")
    assert said.err == "line 8: invalid: crewai: execution_id, or the record's key: is missing\n"
    file.write_bytes(lines[-1])
    assert (await bench.command("publish", str(file), "--topic", topic, "--key", "crew-7")).status == 0
    records = await consumed(bench.servers.bootstrap_servers, topic)
    assert [record.value for record in records] == lines
    assert [record.key for record in records][-2:] == [b"0193e2a4-9f00-7c2d-8d2b-9e3f4a5b6c7d", b"crew-7"]
    said = await bench.command("publish", str(file), "--key", "crew-7")
    assert (said.status, said.err) == (2, "execledger: --key is for topics with an adapter: an event has its own\n")


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
