"""The one module that knows Postgres."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import resources
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

import asyncpg

from execledger_contracts.events import IMPORT_SOURCE
from execledger_lifecycle import ExecutionRecord, Outcome, StepRecord
from execledger_lifecycle.state import StepKey
from execledger_recorder import migrations
from execledger_recorder.accounting import Tally, digest
from execledger_recorder.breaking import Stop
from execledger_recorder.commanding import PassedDay
from execledger_recorder.errors import RAISED, StoreUnavailable, Unstorable, translated
from execledger_recorder.watching import Overdue, Verdict

_SQL: Final = {
    file.name.removesuffix(".sql"): file.read_text(encoding="utf-8")
    for file in resources.files(__package__).joinpath("sql").iterdir()
}

_AUDIT_SECONDS: Final = 86_400.0
_EVENTS_AT_ONCE: Final = 200  # each of up to a megabyte, or more
_LEAST_IDLE_MS: Final = 10_000
_APPLICATION: Final = "execledger-recorder"
_RELAY_BYTES: Final = 32 * 1024 * 1024
USAGE_MARKS_AT_ONCE: Final = 10_000

FOLDED_TABLES: Final = ("execution_aliases", "executions", "steps", "execution_labels", "llm_calls", "tool_calls")
"""What a fold of the log gives."""

Alias = tuple[str, str]
"""Tenant, external id."""


class EventRow(NamedTuple):
    """One row of `execution_events`."""

    execution_id: str
    event_id: str
    tenant_id: str
    type: str
    attempt: int
    occurred_at: datetime
    sequence: int | None
    rank: int
    received_at: datetime
    outcome: str
    reason: str | None
    topic: str
    partition: int
    offset: int
    digest: bytes
    raw: str


class LlmCallRow(NamedTuple):
    """One row of `llm_calls`."""

    execution_id: str
    event_id: str
    tenant_id: str
    occurred_at: datetime
    attempt: int
    provider: str | None
    model: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: Decimal | None
    cost_source: str | None
    price_version: str | None
    duration_ms: int | None
    agent_id: str | None
    step_id: str | None
    cache_hit: bool | None


class UnreportedCall(NamedTuple):
    """A call whose cost nobody reported, and the price that is stored for it."""

    execution_id: str
    event_id: str
    occurred_at: datetime
    provider: str | None
    model: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cache_hit: bool | None
    cost_nanos: int | None


class ToolCallRow(NamedTuple):
    """One row of `tool_calls`."""

    execution_id: str
    event_id: str
    tenant_id: str
    occurred_at: datetime
    attempt: int
    tool_name: str | None
    success: bool | None
    duration_ms: int | None
    error: str | None
    agent_id: str | None
    step_id: str | None
    cache_hit: bool | None


class DuplicateRow(NamedTuple):
    """One row of `duplicates`."""

    topic: str
    partition: int
    offset: int
    execution_id: str
    event_id: str
    reason: str


class DeadLetterRow(NamedTuple):
    """One row of `dead_letters`; headers as JSON pairs of name and base64."""

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    key: bytes | None
    headers: str
    value: bytes | None
    reason: str
    detail: str
    fingerprint: str


class KeptDeadLetter(NamedTuple):
    """A dead letter, whole, as the table has it."""

    id: int
    redriven_at: datetime | None
    row: DeadLetterRow


class DeadLetter(NamedTuple):
    """A dead letter without its bytes, of which it says how many there are."""

    id: int
    topic: str
    partition: int
    offset: int
    timestamp: datetime
    reason: str
    detail: str
    fingerprint: str
    redriven_at: datetime | None
    value_bytes: int


class DeadLetterGroup(NamedTuple):
    """Dead letters that are bad in the same way; the detail is that of the first."""

    fingerprint: str
    reason: str
    detail: str
    letters: int
    redriven: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters: those that are one of each list that is given, with a Kafka timestamp since then."""

    ids: Sequence[int] | None = None
    reasons: Sequence[str] | None = None
    fingerprints: Sequence[str] | None = None
    since: datetime | None = None


class OutboxRow(NamedTuple):
    """A message to be sent; headers as in a dead letter."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: str


class LabelRow(NamedTuple):
    """One row of `execution_labels`."""

    execution_id: str
    kind: str
    key: str
    value: str
    tenant_id: str


class Foreign(NamedTuple):
    """The foreign ids of an execution, as `executions` stores them beside its record."""

    tenant_uuid: str
    owner_uuid: str | None
    workflow_uuid: str | None
    venture_id: str | None
    venture_uuid: str | None
    prd_id: str | None
    prd_uuid: str | None
    sd_id: str | None
    board_meeting_id: str | None
    board_meeting_uuid: str | None
    message_id: str | None
    graph_id: str | None


class ExecutionRow(NamedTuple):
    """One row of `executions`, in three parts."""

    id: str
    tenant_id: str
    external_id: str
    record: ExecutionRecord
    foreign: Foreign
    heard_at: datetime

    def flat(self) -> tuple[Any, ...]:
        """In the order of EXECUTION_COLUMNS."""
        return (self.id, self.tenant_id, self.external_id, *self.record, *self.foreign, self.heard_at)


EXECUTION_COLUMNS: Final = ("id", "tenant_id", "external_id", *ExecutionRecord._fields, *Foreign._fields, "heard_at")
STEP_COLUMNS: Final = ("execution_id", "tenant_id", *StepRecord._fields)


class LockedExecution(NamedTuple):
    """What a batch needs of an execution that is known already."""

    status: str
    owner_id: str | None
    usage_day: date
    fold: str
    tenant_id: str
    external_id: str
    attempt: int
    total_tokens: int
    cost_nanos: int
    token_limit: int | None
    cost_limit_usd: Decimal | None


class DailyLimit(NamedTuple):
    """What a tenant, or one of its owners (empty: the tenant as a whole), may consume in a UTC day, and has today."""

    tenant_id: str
    owner_id: str
    token_limit: int | None
    cost_limit_usd: Decimal | None
    tokens_today: Decimal
    cost_usd_today: Decimal

    def document(self) -> dict[str, object]:
        """As JSON shows it: money is text."""
        money = {name: getattr(self, name) for name in ("cost_limit_usd", "cost_usd_today")}
        texts = {name: None if amount is None else f"{amount.normalize():f}" for name, amount in money.items()}
        return {**self._asdict(), **texts, "tokens_today": int(self.tokens_today)}


HaltKey = tuple[str, int, str, str]
"""Execution id, attempt, kind, scope."""
Named = tuple[str, str, str | None, str | None, datetime, str]
"""Tenant, id, two names of it, when that was said, by which event."""
UsageMark = tuple[str, str, date]
"""Tenant, owner (empty: nobody), UTC day."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """The account of one partition."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    end_offset: int | None
    gaps: int
    missed: int
    applied: int
    late: int
    duplicate: int
    rejected: int
    dead_lettered: int
    unaccounted: int


class Circuit(NamedTuple):
    """A partition that is held back, or drained up to an offset."""

    partition: int
    opened_at: datetime
    at_offset: int
    seen: int
    bad: int
    drain_until: int | None


class Counted(NamedTuple):
    """How many records the tables hold under one heading, and where they lie."""

    records: int
    first_offset: int
    last_offset: int


class Store:
    """Postgres, as the recorder uses it. Its methods raise the errors of `errors`, and wait for nothing."""

    def __init__(self, dsn: str, *, statement_timeout_ms: int = 30_000, outbox_limit: int = 100_000) -> None:
        self._dsn = dsn
        self._outbox_limit = outbox_limit
        self._statement_timeout_ms = statement_timeout_ms
        self._idle_timeout_ms = max(statement_timeout_ms, _LEAST_IDLE_MS)
        self._pool: asyncpg.Pool | None = None
        self._known_months: set[tuple[int, int]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            await self._pool.close()

    async def pending_migrations(self) -> list[str]:
        """Names of the migrations that the database lacks."""
        async with self._connection(connecting=True) as connection:
            return await migrations.pending_on(connection)

    @asynccontextmanager
    async def batch(self) -> AsyncIterator["Batch"]:
        """One transaction: it commits when the block ends, and leaves nothing behind when the block raises."""
        try:
            async with self._connection() as connection, connection.transaction():
                yield Batch(connection, self._outbox_limit)
        except Unstorable:
            self._known_months.clear()  # a database that was restored may lack partitions that we made before
            raise

    @asynccontextmanager
    async def snapshot(self, *, statement_timeout_ms: int | None = None) -> AsyncIterator["Batch"]:
        """All as it was at one moment, to be read: it waits for nobody, and nobody waits for it."""
        async with self._connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            if statement_timeout_ms is not None:
                await connection.execute(f"SET LOCAL statement_timeout = {statement_timeout_ms:d}")
            yield Batch(connection, self._outbox_limit)

    async def end_sleepers(self) -> int:
        """End the sessions of recorders that stand still in the midst of a statement; how many there were."""
        async with self._connection() as connection:
            return len(await connection.fetch(_SQL["end_sleepers"], self._idle_timeout_ms, _APPLICATION))

    async def executions_after(self, after: str, tenant_id: str | None, limit: int) -> list[tuple[str, int]]:
        """The next executions behind an id, with how many events the log has of each; of all tenants or of one."""
        async with self._connection() as connection:
            rows = await connection.fetch(_SQL["executions_after"], after, tenant_id, limit)
        return [(str(row["id"]), row["events"]) for row in rows]

    async def count_events(self, execution_id: str) -> int | None:
        """How many events the log has of an execution; None when neither the log nor a row knows it."""
        async with self._connection() as connection:
            events: int | None = await connection.fetchval(_SQL["count_events"], execution_id)
        return events

    async def find_external(self, external_id: str, tenant_id: str | None) -> list[Alias]:
        """Tenant and id of the executions with that external id, of all tenants or of one."""
        async with self._connection() as connection:
            rows = await connection.fetch(_SQL["find_external"], external_id, tenant_id)
        return [(row["tenant_id"], str(row["id"])) for row in rows]

    async def newest_executions(self, events: int) -> list[tuple[str, int]]:
        """The executions with the greatest ids, as many as have so many events together, and how many each has."""
        async with self._connection() as connection:
            rows = await connection.fetch(_SQL["newest_executions"], events)
        return [(str(row["id"]), row["events"]) for row in rows]

    async def id_range(self) -> tuple[str, str] | None:
        """The least and the greatest id of the log's executions."""
        async with self._connection() as connection:
            row = await connection.fetchrow(_SQL["id_range"])
        assert row is not None  # noqa: S101  # it has no FROM
        return None if row["least"] is None else (str(row["least"]), str(row["greatest"]))

    async def ensure_partitions(self, times: Iterable[datetime]) -> None:
        """Make the partitions that ids of these times need, each in a transaction of its own."""
        months = {(at.year, at.month) for at in times} - self._known_months
        if not months:
            return
        async with self._connection() as connection:
            for year, month in sorted(months):
                await connection.fetchval(_SQL["ensure_partition"], datetime(year, month, 1, tzinfo=UTC))
                self._known_months.add((year, month))

    async def make_partitions_ahead(self, months: int) -> None:
        """Make the partitions of this month and the next ones."""
        now = datetime.now(UTC)
        ahead = (divmod(now.month - 1 + n, 12) for n in range(months + 1))
        await self.ensure_partitions(datetime(now.year + years, month + 1, 1, tzinfo=UTC) for years, month in ahead)

    async def open_ledger(self, topic: str, first_offsets: Mapping[int, int]) -> dict[int, int]:
        """Open the account of partitions that have none; where each of them is to be read on."""
        partitions = list(first_offsets)
        async with self._connection() as connection:
            await connection.execute(_SQL["open_ledger"], topic, partitions, list(first_offsets.values()))
            rows = await connection.fetch(_SQL["ledger_positions"], topic, partitions)
        return {row["partition"]: row["next_offset"] for row in rows}

    async def last_records(self, topic: str, partitions: Iterable[int]) -> dict[int, tuple[int, bytes]]:
        """Offset and digest of the last record that was read of each partition."""
        async with self._connection() as connection:
            rows = await connection.fetch(_SQL["last_records"], topic, list(partitions))
        return {row["partition"]: (row["last_offset"], row["last_digest"]) for row in rows}

    async def miss_records(self, topic: str, partition: int, log_start: int) -> int:
        """Count what Kafka deleted before it was read, and go on where its log begins; how many records that is."""
        async with self._connection() as connection:
            return await connection.fetchval(_SQL["miss_records"], topic, partition, log_start) or 0

    async def moment(self) -> datetime:
        """The time by Postgres' clock, which all recorders share."""
        async with self._connection() as connection:
            moment: datetime = await connection.fetchval(_SQL["moment"])
            return moment

    async def note_ledger_ends(
        self, topic: str, ends: Sequence[tuple[int, int, int, datetime | None]], moment: datetime
    ) -> None:
        """Write down how far Kafka was ahead of the ledger at that moment.

        For each partition: where the ledger stands, Kafka's end offset, Kafka timestamp of the oldest unrecorded
        record, None when there was none. Nothing is written of a partition whose ledger does not stand there.
        """
        async with self._connection() as connection:
            await connection.execute(_SQL["note_ledger_ends"], topic, *_columns(ends, 4), moment)

    async def open_circuit(self, topic: str, stop: Stop) -> None:
        """Hold a partition back."""
        async with self._connection() as connection:
            await connection.execute(_SQL["open_circuit"], topic, *stop)

    async def circuits(self, topic: str) -> list[Circuit]:
        """The partitions that are held back, or drained."""
        async with self._connection() as connection:
            return [Circuit(*row) for row in await connection.fetch(_SQL["read_circuits"], topic)]

    async def drain_circuit(self, topic: str, partition: int, until: int) -> Circuit | None:
        """Let a partition go on, up to an offset whatever its records are; None when it is not held back."""
        async with self._connection() as connection:
            row = await connection.fetchrow(_SQL["drain_circuit"], topic, partition, until)
        return None if row is None else Circuit(*row)

    async def forget_drained_circuits(self, topic: str) -> None:
        """Those whose end the ledger has passed are as they were before."""
        async with self._connection() as connection:
            await connection.execute(_SQL["forget_drained_circuits"], topic)

    async def ledger(self) -> list[LedgerRow]:
        """The whole account."""
        async with self._connection() as connection:
            return [LedgerRow(**row) for row in await connection.fetch(_SQL["read_ledger"])]

    async def audit(
        self,
    ) -> tuple[list[LedgerRow], dict[tuple[str, int, str], Counted], list[tuple[str, int, int, str]]]:
        """The ledger; what the tables hold by topic, partition and outcome; offsets that stand there twice.

        All of one moment, however long it takes.
        """
        async with self._connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute("SET LOCAL statement_timeout = 0")
            ledger = [LedgerRow(**row) for row in await connection.fetch(_SQL["read_ledger"])]
            counted = {
                tuple(row[:3]): Counted(*row[3:])
                for row in await connection.fetch(_SQL["audit_ledger"], timeout=_AUDIT_SECONDS)
            }
            twice = [tuple(row) for row in await connection.fetch(_SQL["audit_twice"], timeout=_AUDIT_SECONDS)]
        return ledger, counted, twice

    async def recorded_offsets(self, topic: str, partition: int, start: int, end: int) -> dict[int, str]:
        """The offsets from `start` up to `end` that the tables hold, each with its outcome."""
        async with self._connection() as connection:
            rows = await connection.fetch(_SQL["recorded_offsets"], topic, partition, start, end)
        return dict(tuple(row) for row in rows)

    async def dead_letter_groups(self, wanted: DeadLetterFilter) -> list[DeadLetterGroup]:
        """Dead letters by the way in which they are bad, the most frequent first; ids narrow nothing here."""
        async with self._connection() as connection:
            rows = await connection.fetch(_SQL["dead_letter_groups"], wanted.reasons, wanted.fingerprints, wanted.since)
        return [DeadLetterGroup(*row) for row in rows]

    async def dead_letters(
        self, wanted: DeadLetterFilter, *, redriven: bool, after: int = 0, limit: int = 1000
    ) -> list[DeadLetter]:
        """Dead letters behind the id `after`, in the order in which they came; with `redriven`, those that were too."""
        arguments = (wanted.ids, wanted.reasons, wanted.fingerprints, wanted.since, redriven, after, limit)
        async with self._connection() as connection:
            rows = await connection.fetch(_SQL["list_dead_letters"], *arguments)
        return [DeadLetter(*row) for row in rows]

    async def read_dead_letters(self, ids: Sequence[int]) -> list[KeptDeadLetter]:
        """Some dead letters, whole, in the order in which they came."""
        async with self._connection() as connection:
            return [_kept(row) for row in await connection.fetch(_SQL["read_dead_letters"], ids)]

    async def named_executions(self, names: Sequence[str], tenant_id: str | None) -> list[tuple[str, str]]:
        """The executions with these internal or external ids, of every tenant unless one is given: id, external id."""
        internal = [name for name in names if _is_uuid(name)]
        async with self._connection() as connection:
            rows = await connection.fetch(_SQL["named_executions"], names, internal, tenant_id)
        return [(str(row["id"]), row["external_id"]) for row in rows]

    async def page_executions(
        self,
        after: str,
        *,
        ids: Sequence[str] | None = None,
        tenant_id: str | None = None,
        workflow_id: str | None = None,
        limit: int,
    ) -> list[tuple[str, bool]]:
        """The next executions behind an id, of these when some are given; whether each is of tenant and workflow."""
        async with self._connection() as connection:
            rows = await connection.fetch(_SQL["page_executions"], after, ids, tenant_id, workflow_id, limit)
        return [(str(row["id"]), row["wanted"]) for row in rows]

    @asynccontextmanager
    async def redriving(self, ids: Sequence[int], *, again: bool) -> AsyncIterator["Redriving"]:
        """Dead letters that nobody else redrives while the block lasts; with `again`, those that were already too."""
        async with self._connection() as connection, connection.transaction():
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # it waits for Kafka
            rows = await connection.fetch(_SQL["take_dead_letters"], ids, again)
            yield Redriving(connection, [_kept(row) for row in rows])

    async def recompute_usage(self) -> int:
        """Bring marked days of usage up to date; how many marks were taken, USAGE_MARKS_AT_ONCE at most."""
        async with self._connection() as connection, connection.transaction():
            marks = await connection.fetch(_SQL["take_usage_marks"], USAGE_MARKS_AT_ONCE)
            days = sorted({tuple(mark) for mark in marks})
            if days:
                await connection.execute(_SQL["recompute_usage"], *_columns(days, 3))
            return len(marks)

    async def set_daily_limit(
        self, tenant_id: str, owner_id: str, token_limit: int | None, cost_limit_usd: Decimal | None
    ) -> None:
        """Limit what a tenant, or one of its owners, may consume in a UTC day; a limit that is there is replaced."""
        async with self._connection() as connection:
            await connection.execute(_SQL["set_daily_limit"], tenant_id, owner_id, token_limit, cost_limit_usd)

    async def remove_daily_limit(self, tenant_id: str, owner_id: str) -> bool:
        """Whether there was a limit."""
        async with self._connection() as connection:
            done: str = await connection.execute(_SQL["remove_daily_limit"], tenant_id, owner_id)
        return done != "DELETE 0"

    async def daily_limits(self) -> list[DailyLimit]:
        """Every daily limit."""
        async with self._connection() as connection:
            return [DailyLimit(*row) for row in await connection.fetch(_SQL["list_daily_limits"])]

    async def outbox_state(self) -> tuple[int, float]:
        """How many messages wait, and the age of the oldest in seconds."""
        async with self._connection() as connection:
            row = await connection.fetchrow(_SQL["outbox_state"])
            assert row is not None  # noqa: S101  # an aggregate without GROUP BY has one row
            return row["waiting"], row["oldest_seconds"]

    @asynccontextmanager
    async def relay(self) -> AsyncIterator["Relay | None"]:
        """The right to send what the outbox holds, while the block lasts; None when another recorder has it."""
        async with self._connection() as connection:
            is_ours = await connection.fetchval(_SQL["try_relay_lock"])
            yield Relay(connection, self._idle_timeout_ms) if is_ours else None

    @asynccontextmanager
    async def watching(self) -> AsyncIterator["Watch | None"]:
        """The watchdog's transaction; None when another recorder is in its own."""
        async with self._connection() as connection, connection.transaction():
            is_ours = await connection.fetchval(_SQL["try_watchdog_lock"])
            yield Watch(connection, self._outbox_limit) if is_ours else None

    async def silence_limits(self) -> list[tuple[str, str, float]]:
        """Tenant, workflow, and for how many seconds its executions may be silent."""
        async with self._connection() as connection:
            return [tuple(row) for row in await connection.fetch(_SQL["silence_limits"])]

    async def limit_silence(self, tenant_id: str, workflow_id: str, seconds: float) -> None:
        """Set for how long the executions of a workflow may be silent."""
        async with self._connection() as connection:
            await connection.execute(_SQL["limit_silence"], tenant_id, workflow_id, seconds)

    async def allow_silence(self, tenant_id: str, workflow_id: str) -> bool:
        """Remove the limit of a workflow; whether there was one."""
        async with self._connection() as connection:
            return await connection.fetchval(_SQL["allow_silence"], tenant_id, workflow_id) is not None

    @asynccontextmanager
    async def _connection(self, *, connecting: bool = False) -> AsyncIterator[asyncpg.Connection]:
        with translated(connecting=connecting):
            with translated(connecting=True):  # a database that is being restored may not be there, or be empty
                pool = await self._connected()
                connection = await pool.acquire(timeout=10)
            try:
                yield connection  # type: ignore[misc]  # the pool's proxy has all that a connection has
            except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                if await _is_ending(connection):
                    raise StoreUnavailable(f"Postgres ended the connection: {error}") from error
                raise
            finally:
                # What was asked is answered by now. A connection that was lost since then the pool forgets.
                with suppress(*RAISED):
                    await pool.release(connection)

    async def _connected(self) -> asyncpg.Pool:
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=1,
                max_size=5,
                timeout=10,
                # For a network that swallows the server's own time limit.
                command_timeout=self._statement_timeout_ms / 1000 + 10,
                init=_prepare_connection,
                # JIT costs more than the short statements here ever take.
                server_settings={
                    "application_name": _APPLICATION,
                    "statement_timeout": str(self._statement_timeout_ms),
                    # A recorder that stands still in a transaction, its machine paused say, must not keep the
                    # ledger from the one that was given its partitions. One that computes does not stand still:
                    # a batch is folded in seconds, however short a statement may take.
                    "idle_in_transaction_session_timeout": str(self._idle_timeout_ms),
                    "timezone": "UTC",
                    "jit": "off",
                },
            )
        return self._pool


class Batch:
    """The transaction of one batch. Call in this order: ledger, aliases, executions, the rest; so nothing deadlocks."""

    def __init__(self, connection: asyncpg.Connection, outbox_limit: int) -> None:
        self._connection = connection
        self._outbox_limit = outbox_limit

    async def lock_ledger(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        """The next offset of each partition, which nobody else moves until this transaction ends."""
        rows = await self._connection.fetch(_SQL["lock_ledger"], topic, sorted(partitions))
        return {row["partition"]: row["next_offset"] for row in rows}

    async def find_aliases(self, aliases: Sequence[Alias]) -> dict[Alias, str]:
        """The ids of the executions that are known."""
        rows = await self._connection.fetch(_SQL["find_aliases"], *_columns(aliases, 2))
        return {(row["tenant_id"], row["external_id"]): str(row["id"]) for row in rows}

    async def add_aliases(self, ids: Mapping[Alias, str]) -> dict[Alias, str]:
        """Give new executions these ids; those returned are added, the others were taken in the meantime."""
        rows = await self._connection.fetch(
            _SQL["add_aliases"], *_columns(_in_lock_order((*alias, id_) for alias, id_ in ids.items()), 3)
        )
        return {(row["tenant_id"], row["external_id"]): str(row["id"]) for row in rows}

    async def lock_executions(self, ids: Sequence[str]) -> dict[str, LockedExecution]:
        """The current rows."""
        rows = await self._connection.fetch(_SQL["lock_executions"], ids)
        return {str(row["id"]): LockedExecution(*row[1:]) for row in rows}

    async def find_events(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """The digests of those events (execution id, event id) that the log has."""
        rows = await self._connection.fetch(_SQL["find_events"], *_columns(keys, 2))
        return {(str(row["execution_id"]), str(row["event_id"])): row["digest"] for row in rows}

    async def read_event(self, execution_id: str, event_id: str) -> str:
        """One logged event, as text."""
        raw: str = await self._connection.fetchval(_SQL["read_event"], execution_id, event_id)
        return raw

    async def read_events(self, execution_ids: Sequence[str]) -> AsyncIterator[tuple[str, str, str]]:
        """Every logged event of some executions: execution id, event id, text.

        In parts, so that neither the time of a statement nor that between two depends on how many there are.
        """
        async for row in self._connection.cursor(_SQL["read_events"], execution_ids, prefetch=_EVENTS_AT_ONCE):
            yield str(row["execution_id"]), str(row["event_id"]), row["raw"]

    async def read_prices(self, execution_ids: Sequence[str]) -> dict[tuple[str, str], int | None]:
        """The prices in nano-dollars that were computed for calls (execution id, event id) of some executions."""
        rows = await self._connection.fetch(_SQL["read_prices"], execution_ids)
        return {(str(row["execution_id"]), str(row["event_id"])): _nanos(row["cost_usd"]) for row in rows}

    async def read_unreported_calls(
        self, execution_ids: Sequence[str], since: datetime | None, until: datetime | None
    ) -> list[UnreportedCall]:
        """The calls of some executions, made from `since` and before `until`, whose cost nobody reported."""
        rows = await self._connection.fetch(_SQL["read_unreported_calls"], execution_ids, since, until)
        return [UnreportedCall._make((str(row[0]), str(row[1]), *row[2:-1], _nanos(row["cost_usd"]))) for row in rows]

    async def store_prices(self, prices: Sequence[tuple[str, str, Decimal]], version: str) -> None:
        """Write computed prices: execution id, event id, dollars. The executions are locked, and folded again after."""
        await self._connection.execute(_SQL["store_prices"], *_columns(prices, 3), version)

    async def find_steps(self, keys: Sequence[tuple[str, StepKey]]) -> list[tuple[str, str]]:
        """The folds of those steps that are known: execution id, fold."""
        rows = await self._connection.fetch(_SQL["find_steps"], *_columns([(id_, *key) for id_, key in keys], 4))
        return [(str(row["execution_id"]), row["fold"]) for row in rows]

    async def find_open_steps(self, execution_ids: Sequence[str]) -> list[tuple[str, str]]:
        """The folds of the steps without an end of their own: execution id, fold."""
        rows = await self._connection.fetch(_SQL["find_open_steps"], execution_ids)
        return [(str(row["execution_id"]), row["fold"]) for row in rows]

    async def append_events(self, rows: Sequence[EventRow]) -> None:
        await self._copy("execution_events", EventRow._fields, rows)

    async def append_llm_calls(self, rows: Sequence[LlmCallRow]) -> None:
        await self._copy("llm_calls", LlmCallRow._fields, rows)

    async def append_tool_calls(self, rows: Sequence[ToolCallRow]) -> None:
        await self._copy("tool_calls", ToolCallRow._fields, rows)

    async def append_duplicates(self, rows: Sequence[DuplicateRow]) -> None:
        await self._copy("duplicates", DuplicateRow._fields, rows)

    async def append_dead_letters(self, rows: Sequence[DeadLetterRow]) -> None:
        await self._copy("dead_letters", DeadLetterRow._fields, rows)

    async def append_outbox(self, rows: Sequence[OutboxRow]) -> None:
        """Messages to be sent once this is committed. Raises StoreUnavailable while too many wait already."""
        if rows and await self._connection.fetchval(_SQL["is_outbox_full"], self._outbox_limit):
            raise StoreUnavailable(
                f"the outbox is full: {self._outbox_limit} messages (EXECLEDGER_OUTBOX_LIMIT) wait for Kafka to take "
                "them, see outbox_waits; what would add to them waits too"
            )
        await self._copy("outbox", OutboxRow._fields, rows)

    async def find_daily_halts(self) -> list[tuple[str, PassedDay]]:
        """Open executions (by id) of days whose limit is passed; none while another recorder looks after them."""
        if not await self._connection.fetchval(_SQL["try_daily_limits_lock"]):
            return []
        rows = await self._connection.fetch(_SQL["find_daily_halts"], IMPORT_SOURCE)
        return [(str(row["id"]), PassedDay(*row[1:])) for row in rows]

    async def note_halts(self, due: Sequence[HaltKey]) -> set[HaltKey]:
        """Note halts that are about to be sent, in key order; those that were not noted before."""
        rows = await self._connection.fetch(_SQL["note_halts"], *_columns(due, 4))
        return {(str(row["execution_id"]), row["attempt"], row["kind"], row["scope"]) for row in rows}

    async def save_executions(self, rows: Sequence[ExecutionRow]) -> None:
        """Write records."""
        await self._merge("executions", EXECUTION_COLUMNS, [row.flat() for row in rows])

    async def save_steps(self, rows: Sequence[tuple[str, str, StepRecord]]) -> None:
        """Write records of steps: execution id, tenant, record."""
        await self._merge("steps", STEP_COLUMNS, [(id_, tenant, *record) for id_, tenant, record in rows])

    async def replace_labels(self, changed: Sequence[str], rows: Sequence[LabelRow]) -> None:
        """Drop the label rows of some executions, and write these."""
        if changed:
            await self._connection.execute(_SQL["delete_labels"], changed)
        await self._copy("execution_labels", LabelRow._fields, rows)

    async def name_workflows(self, said: Sequence[Named]) -> None:
        if said:
            await self._connection.execute(_SQL["name_workflows"], *_columns(said, 6))

    async def name_owners(self, said: Sequence[Named]) -> None:
        if said:
            await self._connection.execute(_SQL["name_owners"], *_columns(said, 6))

    async def mark_usage(self, marks: Iterable[UsageMark]) -> None:
        if days := sorted(marks):
            await self._connection.execute(_SQL["mark_usage"], *_columns(days, 3))

    async def advance_ledger(self, topic: str, tallies: Mapping[int, Tally]) -> None:
        """Move the account over the batch."""
        rows = [
            (
                partition,
                tally.next_offset,
                tally.gaps,
                tally.missed,
                *(tally.outcomes[outcome] for outcome in Outcome),
                *((None, None) if tally.last is None else (tally.last.offset, digest(tally.last))),
            )
            for partition, tally in sorted(tallies.items())
        ]
        await self._connection.execute(_SQL["advance_ledger"], topic, *_columns(rows, 11))

    async def read_clocks(self, execution_ids: Sequence[str]) -> dict[str, tuple[datetime, datetime]]:
        """Of executions that the log knows: the newest Kafka timestamp, and when the first event was recorded."""
        rows = await self._connection.fetch(_SQL["read_clocks"], execution_ids)
        return {str(row["execution_id"]): (row["heard_at"], row["recorded_at"]) for row in rows}

    async def stored_rows(self, execution_ids: Sequence[str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """By execution id and table, the rows that a fold of the log should give; uuids as text."""
        found: dict[str, dict[str, list[dict[str, Any]]]] = {id_: {} for id_ in execution_ids}
        for table in FOLDED_TABLES:
            for row in await self._connection.fetch(_SQL[f"stored_{table}"], execution_ids):
                plain = {name: str(value) if isinstance(value, UUID) else value for name, value in row.items()}
                found[str(row[0])].setdefault(table, []).append(plain)
        return found

    async def restore_aliases(self, aliases: Sequence[tuple[str, str, str]]) -> None:
        """Give executions (tenant, external id, id) these aliases and no others, unless another execution has them."""
        await self._connection.execute(_SQL["drop_aliases"], [id_ for _, _, id_ in aliases])
        await self._connection.execute(_SQL["restore_aliases"], *_columns(_in_lock_order(aliases), 3))

    async def restore_executions(self, rows: Sequence[tuple[ExecutionRow, datetime]]) -> None:
        """Write records, and set also what no later event changes, or only moves on; with when they were recorded."""
        await self.save_executions([row for row, _ in rows])
        said = [(r.id, r.tenant_id, r.external_id, r.foreign.tenant_uuid, r.heard_at, at) for r, at in rows]
        await self._connection.execute(_SQL["restore_executions"], *_columns(said, 6))
        await self._connection.execute(_SQL["forget_staged_executions"])

    async def restore_steps(self, changed: Sequence[str], rows: Sequence[tuple[str, str, StepRecord]]) -> None:
        """Drop the steps of some executions, and write these."""
        await self._connection.execute(_SQL["delete_steps"], changed)
        await self.save_steps(rows)

    async def restore_tool_calls(self, changed: Sequence[str], rows: Sequence[ToolCallRow]) -> None:
        """Drop the tool calls of some executions, and write these."""
        await self._connection.execute(_SQL["delete_tool_calls"], changed)
        await self.append_tool_calls(rows)

    async def restore_llm_calls(self, changed: Sequence[str], rows: Sequence[LlmCallRow]) -> None:
        """Leave some executions with these LLM calls; a price that was computed stays as it is stored."""
        keys = _columns([(row.execution_id, row.event_id) for row in rows], 2)
        await self._connection.execute(_SQL["delete_llm_calls"], changed, *keys)
        await self._connection.execute(_SQL["restore_llm_calls"], json.dumps([r._asdict() for r in rows], default=str))

    async def _merge(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            await self._connection.copy_records_to_table(f"staged_{table}", columns=columns, records=rows)
            await self._connection.execute(_SQL[f"save_{table}"])

    async def _copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            await self._connection.copy_records_to_table(table, schema_name="execledger", columns=columns, records=rows)


class Relay:
    """The outbox, in the hands of the one relay that is active."""

    def __init__(self, connection: asyncpg.Connection, idle_timeout_ms: int) -> None:
        self._connection = connection
        self._idle_timeout_ms = idle_timeout_ms
        self._turn = asyncio.Lock()  # topics are sent side by side, and a connection does one thing at a time

    async def give_way_when_idle(self) -> None:
        """From now on who asks nothing for a while loses the right: one that stands still would keep it from all."""
        async with self._turn:
            await self._connection.execute(f"SET idle_session_timeout = {self._idle_timeout_ms:d}")

    async def topics(self) -> list[str]:
        """The topics for which something waits."""
        async with self._turn:
            return [row["topic"] for row in await self._connection.fetch(_SQL["outbox_topics"])]

    async def waiting(self, topic: str, limit: int, most_bytes: int = _RELAY_BYTES) -> list[tuple[int, OutboxRow]]:
        """The oldest messages to a topic, with their ids: so many at most, none behind so many bytes."""
        async with self._turn:
            rows = await self._connection.fetch(_SQL["outbox_waiting"], topic, limit, most_bytes)
        return [(row["id"], OutboxRow(row["topic"], row["key"], row["value"], row["headers"])) for row in rows]

    async def sent(self, ids: Sequence[int]) -> None:
        """Forget messages that the broker has taken."""
        async with self._turn:
            await self._connection.execute(_SQL["outbox_sent"], ids)


class Watch:
    """The transaction of the one watchdog that is active."""

    def __init__(self, connection: asyncpg.Connection, outbox_limit: int) -> None:
        self._connection = connection
        self._outbox_limit = outbox_limit

    async def overdue(self, topic: str, import_source: str, limit: int) -> list[Overdue]:
        """Open executions that seem to be past a limit, and of which nothing is decided since their newest event."""
        rows = await self._connection.fetch(_SQL["overdue_executions"], topic, import_source, limit)
        return [
            Overdue(**{**row, "id": str(row["id"]), "newest_event_id": str(row["newest_event_id"])}) for row in rows
        ]

    async def hold(self, versions: Mapping[str, int]) -> set[str]:
        """Those that are still open and at these versions, held so until the transaction ends."""
        rows = await self._connection.fetch(_SQL["hold_unchanged"], list(versions), list(versions.values()))
        return {str(row["id"]) for row in rows}

    async def add_decisions(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """Write down what is decided; those that nobody had decided before."""
        decided = [(o.id, o.attempt, o.newest_event_id, decision) for o, decision, _ in verdicts]
        added = {
            str(row["execution_id"])
            for row in await self._connection.fetch(_SQL["add_decisions"], *_columns(decided, 4))
        }
        return [verdict for verdict in verdicts if verdict.overdue.id in added]

    async def send(self, messages: Sequence[OutboxRow]) -> None:
        """Put messages into the outbox."""
        await Batch(self._connection, self._outbox_limit).append_outbox(messages)


class Redriving:
    """Dead letters in the hands of whoever sends them once more."""

    def __init__(self, connection: asyncpg.Connection, letters: Sequence[KeptDeadLetter]) -> None:
        self._connection = connection
        self.letters = letters

    async def sent(self, ids: Sequence[int]) -> None:
        """Note what the broker has taken."""
        await self._connection.execute(_SQL["mark_redriven"], ids)


def pack_headers(headers: Iterable[tuple[str, bytes | None]]) -> str:
    """Kafka headers as JSON: a value may be any bytes, so it is written in base64; a name is text, without NUL."""
    return json.dumps(
        [[name.replace("\0", "\ufffd"), None if v is None else base64.b64encode(v).decode()] for name, v in headers]
    )


def unpack_headers(packed: str) -> list[tuple[str, bytes]]:
    """The headers that `pack_headers` wrote; a null value, which the client cannot send, as an empty one."""
    return [(name, b"" if value is None else base64.b64decode(value)) for name, value in json.loads(packed)]


def _kept(row: asyncpg.Record) -> KeptDeadLetter:
    return KeptDeadLetter(row["id"], row["redriven_at"], DeadLetterRow(*row[2:]))


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    await connection.execute(_SQL["stage_executions"])
    await connection.execute(_SQL["stage_steps"])


async def _is_ending(connection: asyncpg.pool.PoolConnectionProxy) -> bool:
    """Whether the server has ended the connection. Between its last word and the end of the stream the client takes
    the connection for one on which somebody else is at work, which in our hands would be a bug."""
    for _ in range(20):
        if connection.is_closed():
            return True
        await asyncio.sleep(0.05)
    return False


def _in_lock_order(aliases: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """By external id, then tenant: an id is as unique as an alias, and where two tenants want the same one, it is that
    external id. By tenant first, each of two recorders could have the id that the other waits for."""
    return sorted(aliases, key=lambda alias: (alias[1], alias[0]))


def _is_uuid(name: str) -> bool:
    """Only the canonical form: any other spelling may be somebody's external id."""
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _nanos(money: Decimal | None) -> int | None:
    return None if money is None else int(money.scaleb(9))


def _columns(rows: Sequence[Sequence[Any]], width: int) -> Sequence[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width
