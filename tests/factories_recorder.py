"""Records as Kafka hands them over, and what the recorder made of them: say only what matters."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import asyncpg

from execledger_contracts.cleaning import Limits
from execledger_recorder.recording import Letters, Report, read, record
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.partition import TopicPartition
from execledger_recorder.rules.tables import TABLES
from execledger_recorder.store import Store

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
NOON_MS = 1772366400123
LETTERS = Letters("dead-letter", 1_048_576)
OUTCOMES = ("applied", "late", "rejected", "duplicate", "dead_lettered", "skipped")
Row = dict[str, Any]


def event(type_: str = "execution.started", data: Any = None, *, at: float = 0, **attributes: Any) -> Row:
    """An event of `run-1`, so many seconds after noon; its id follows from what it says."""
    said = {
        "specversion": "1.0",
        "source": "urn:test:orchestrator",
        "type": type_,
        "subject": "run-1",
        "time": (NOON + timedelta(seconds=at)).isoformat(),
        **attributes,
    }
    if data is not None:
        said["data"] = data
    return {"id": str(uuid5(NAMESPACE_OID, json.dumps(said, sort_keys=True))), **said}


def record_of(
    value: Row | bytes | None,
    offset: int = 0,
    *,
    topic: str = "events",
    partition: int = 0,
    key: bytes | None = None,
    headers: Sequence[tuple[str, bytes | None]] = (),
    timestamp_ms: int = NOON_MS,
    reaches_back_to: int | None = None,
) -> Record:
    """A Kafka record; its fetch shows nothing of what lies before it, unless something is said."""
    sent = json.dumps(value).encode() if isinstance(value, dict) else value
    reach = offset if reaches_back_to is None else reaches_back_to
    return Record(topic, partition, offset, timestamp_ms, key, headers, sent, reach)


@dataclass(slots=True)
class Topic:
    """A topic in which records get the next offset of their partition."""

    name: str = "events"
    ends: Counter[int] = field(default_factory=Counter)

    def add(self, *values: Row | bytes | None, partition: int = 0, **said: Any) -> list[Record]:
        """The records of these values."""
        records = []
        for value in values:
            records.append(record_of(value, self.ends[partition], topic=self.name, partition=partition, **said))
            self.ends[partition] += 1
        return records


@dataclass(slots=True)
class Desk:
    """A recorder's inner part on a database, and a superuser's look at what it wrote."""

    dsn: str
    store: Store
    connection: asyncpg.Connection
    opened: set[str] = field(default_factory=set)

    async def record(self, records: Sequence[Record]) -> Report:
        """Record a batch of one topic, whose accounts begin at offset 0."""
        await self.open(records[0].topic)
        return await record(self.store, read(records, Limits()), LETTERS)

    async def open(self, topic: str, first_offset: int = 0) -> None:
        """The accounts of a topic's three partitions."""
        if topic not in self.opened:
            await self.store.ledger.open({TopicPartition(topic, number): first_offset for number in range(3)})
            self.opened.add(topic)

    async def rows(self, query: str, *arguments: Any) -> list[Row]:
        """What a query gives."""
        return [dict(row) for row in await self.connection.fetch(query, *arguments)]

    async def value(self, query: str, *arguments: Any) -> Any:
        """The one value that a query gives."""
        return await self.connection.fetchval(query, *arguments)

    async def waiting(self) -> int:
        """How many sessions of this database wait for a lock; pg_stat_activity would not change in a transaction."""
        query = (
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_locks WHERE database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        return int(await self.value(query))

    async def events(self, topic: str = "events") -> dict[int, str]:
        """The outcome, with its reason, of what was logged from partition 0, by offset."""
        rows = await self.rows(
            'SELECT "offset", outcome, reason FROM execledger.execution_events WHERE topic = $1 AND partition = 0'
            " UNION ALL SELECT \"offset\", 'duplicate', reason FROM execledger.duplicates"
            " WHERE topic = $1 AND partition = 0"
            " UNION ALL SELECT \"offset\", 'dead_lettered', reason FROM execledger.dead_letters"
            " WHERE topic = $1 AND partition = 0",
            topic,
        )
        return {row["offset"]: f"{row['outcome']} {row['reason'] or ''}".strip() for row in rows}


@asynccontextmanager
async def desk(dsn: str) -> AsyncIterator[Desk]:
    """A recorder's inner part on that database; when it is left, every record must be accounted for."""
    connection = await asyncpg.connect(dsn)
    try:
        async with Store(dsn) as store:
            yield Desk(dsn, store, connection)
            await assert_balanced(connection)
    finally:
        await connection.close()


async def assert_balanced(connection: asyncpg.Connection) -> None:
    """The ledger counts every offset once, and its counts are those of the log, the duplicates and dead letters."""
    counted = {(row["topic"], row["partition"]): row for row in await connection.fetch("TABLE execledger.ledger")}
    found: Counter[tuple[str, int, str]] = Counter()
    for row in await connection.fetch(_COUNTED_AGAIN):
        found[row["topic"], row["partition"], row["outcome"]] += row["count"]
    for (topic, partition), ledger in counted.items():
        counts = {outcome: ledger[outcome] for outcome in OUTCOMES}
        assert counts == {outcome: found[topic, partition, outcome] for outcome in OUTCOMES}, (topic, partition)
        passed = ledger["next_offset"] - ledger["first_offset"]
        assert passed == ledger["gaps"] + ledger["missed"] + sum(counts.values()), (topic, partition)
    assert {(topic, partition) for topic, partition, _ in found} <= counted.keys()


async def snapshot(connection: asyncpg.Connection, tenant: str = "default") -> dict[str, list[Row]]:
    """All that is recorded of a tenant, without surrogate ids, recording clocks and what names the tenant."""
    return {table: [dict(row) for row in await connection.fetch(query, tenant)] for table, query in _SNAPSHOTS.items()}


def chance(seed: int) -> Random:
    """Chance that repeats."""
    return Random(seed)  # noqa: S311  # no secret


def batches(records: Sequence[Record], random: Random, most: int = 12) -> Iterable[Sequence[Record]]:
    """The records cut at random places."""
    start = 0
    while start < len(records):
        end = start + random.randint(1, most)
        yield records[start:end]
        start = end


def history(**attributes: Any) -> list[Row]:
    """Four executions, with all that an execution can go through, in the order in which it happened."""
    owner = {"id": "ann", "email": "ann@example.org", "name": "Ann"}
    workflow = {"id": "wf", "name": "Write", "version": "3"}
    draft = {"id": "draft", "name": "Draft", "agent_id": "writer", "iteration": 1, "total_items": 2}
    again = {**draft, "iteration": 2}
    money = {"prompt_tokens": 10, "completion_tokens": 5, "cost_usd": "0.000000123", "agent_id": "writer"}
    first = [
        event("execution.created", {"workflow": workflow, "owner": owner, "tags": ["a", "b"], "input": {"q": 1}}),
        event("execution.started", {"labels": {"prd": "7", "graph_id": "g"}, "metadata": {"x": 1}}, at=1),
        event("step.started", {"step": draft, "input": "in", "metadata": {"y": 1}}, at=2),
        event("llm.called", {**money, "provider": "p", "model": "m", "step_id": "draft", "cache_hit": True}, at=3),
        event("tool.called", {"tool_name": "search", "success": False, "error": "none", "duration_ms": 7}, at=4),
        event("agent.thinking", {"about": ["it"]}, at=4.5),
        event("step.failed", {"step": draft, "error": {"message": "no", "type": "E", "stack": "s"}}, at=5),
        event("phase.started", {"step": again}, at=6),
        event("execution.progressed", {"progress_percent": 40, "total_steps": 4}, at=7, sequence=3),
        event("execution.failed", {"error": {"message": "broken", "type": "E"}, "metadata": {"z": None}}, at=8),
        event("execution.completed", {"result": "too late"}, at=9),
        event("execution.cancel_requested", {"reason": "enough"}, at=9.5),
        event("task.started", {"labels": {"prd": "8", "venture_id": "v"}, "owner": {"id": "bob"}}, at=10, attempt=2),
        event("step.started", {"step": draft}, at=11, attempt=2),
        event("llm.called", money, at=12, attempt=2),
        event("llm.called", {**money, "cost_usd": "0.5", "agent_id": "critic"}, at=12, attempt=2),
        event("step.completed", {"step": draft, "output": [1, 2], "duration_ms": 900}, at=13, attempt=2),
        event("step.failed", {"step": draft, "error": {"message": "after all"}}, at=14, attempt=2),
        event("execution.succeeded", {"output": {"a": 1}, "usage": {"total_tokens": 99}}, at=15, attempt=2),
        event("execution.completed", {"result": "text", "agents_used": 4, "duration_ms": 4000}, at=16, attempt=2),
    ]
    cancelled = [
        event("run.started", {"budget": {"token_limit": 3}, "workflow": {"id": "wf", "name": "New"}}, at=20),
        event("node.started", {"step": {"name": "left open"}}, at=21),
        event("llm.called", money, at=22),
        event("run.aborted", {"reason": "budget", "cancelled_by": "ops", "usage": {"cost_usd": "1.5"}}, at=23),
        event("step.cancelled", {"step": {"name": "clean up"}, "unexpected": True}, at=24),
        event("step.started", {"step": {"name": "after the end"}}, at=25),
    ]
    timed_out = [event("execution.timed_out", {"provisional": True}, at=30), event("tool.called", at=29)]
    pending = [event("execution.created", {"owner": {"id": "ann", "name": "Ann B"}, "timeout_seconds": 9}, at=50_000)]
    parts = {"run-1": first, "run-2": cancelled, "run-3": timed_out, "run-4": pending}
    return [{**said, "subject": run, **attributes} for run, part in parts.items() for said in part]


_COUNTED_AGAIN = """
SELECT topic, partition, outcome, count(*) FROM execledger.execution_events WHERE event_index = 0 GROUP BY 1, 2, 3
UNION ALL SELECT topic, partition, 'duplicate', count(*) FROM execledger.duplicates WHERE event_index = 0 GROUP BY 1, 2
UNION ALL SELECT topic, partition, 'dead_lettered', count(*) FROM execledger.dead_letters
    WHERE event_index = 0 GROUP BY 1, 2
UNION ALL SELECT topic, partition, outcome, count(*) FROM execledger.unlogged_records
    WHERE recorded_at IS NOT NULL GROUP BY 1, 2, 3
"""
# What names the tenant, surrogate ids, recording clocks.
_OWN = "'tenant_id', 'id', 'execution_id', 'tenant_uuid', 'row_id', 'row_uuid', 'recorded_at', 'updated_at'"
_SNAPSHOTS = {
    "executions": f"""
        SELECT to_jsonb(execution) - ARRAY[{_OWN}] AS row FROM execledger.executions AS execution
        WHERE tenant_id = $1 ORDER BY external_id""",  # noqa: S608  # of our own making, as below
    **{
        table: f"""
        SELECT alias.external_id, to_jsonb(child) - ARRAY[{_OWN}] AS row
        FROM execledger.{table} AS child JOIN execledger.execution_aliases AS alias ON alias.id = child.execution_id
        WHERE child.tenant_id = $1 ORDER BY external_id, {key}"""  # noqa: S608
        for table, key in ((table.name, ", ".join(table.key)) for table in TABLES if table.key)
    },
    "execution_events": """
        SELECT alias.external_id, event_id, type, attempt, occurred_at, sequence, rank, received_at,
               raw::jsonb - 'tenantid' AS said
        FROM execledger.execution_events AS event JOIN execledger.execution_aliases AS alias ON alias.id = execution_id
        WHERE event.tenant_id = $1 ORDER BY external_id, event_id""",
    "workflows": """
        SELECT id, name, version, occurred_at, event_id FROM execledger.workflows WHERE tenant_id = $1 ORDER BY id""",
    "owners": "SELECT id, email, name, occurred_at, event_id FROM execledger.owners WHERE tenant_id = $1 ORDER BY id",
    "usage_daily": """
        SELECT to_jsonb(usage) - ARRAY['tenant_id'] AS row FROM execledger.usage_daily AS usage
        WHERE tenant_id = $1 ORDER BY owner_id, day""",
}
