"""The one module that knows Postgres: reads, each in a transaction that sees what its reader may see."""

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Self, cast
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import structlog

from execledger_contracts.events import EVENTS, WATCHDOG_SOURCE, ExecutionTimedOut, LlmCalled, OtherEvent, ToolCalled
from execledger_lifecycle.order import BELONGING_RANKS, LIST_ORDER, RAISING_RANKS
from execledger_query.caller import Caller, Sees
from execledger_query.disclosure import listed_names
from execledger_query.paging import Key
from execledger_query.sql import statement
from execledger_runtime.errors import SchemaMissing, StoreBusy, StoreTooSlow, StoreUnavailable
from execledger_runtime.postgres import GRACE_SECONDS, Database

UNBOUNDED: Final = 2**62
"""Bytes that nothing comes to."""

Row = Mapping[str, Any]

LOGIN_ROLE: Final = "execledger_query"
REQUIRED_SCHEMA: Final = 16
_DATABASE: Final = "the database of EXECLEDGER_POSTGRES_DSN"
_RESERVED: Final = 3  # readiness, freshness and figures take one each: requests may have all of the others for long
_FILTERS: Final = "/* AND filters */"
_NEWEST_FIRST: Final = "ORDER BY created_at DESC, id DESC\nLIMIT $1"

# What a request may filter by. Each operator is leakproof, so that row security lets it use the indexes.
# An external id is looked up where it has an index for every reader.
_CLAUSES: Final = {
    "id": "id = {}::uuid",
    "status": "status = {}::text",
    "workflow_id": "workflow_id = {}::text",
    "owner_id": "owner_id = {}::text",
    "external_id": "id IN (SELECT alias.id FROM execledger.execution_aliases AS alias WHERE external_id = {}::text)",
    "started_after": "started_at >= {}::timestamptz",
    "started_before": "started_at < {}::timestamptz",
    "reason": "reason = {}::text",
    "fingerprint": "fingerprint = {}::text",
}
EXECUTION_KEY: Final = (datetime, UUID)
_AFTER_EXECUTION: Final = " AND (created_at, id) < ({}::timestamptz, {}::uuid)"
STEP_KEY: Final = (datetime, str, int, int, int)
_AFTER_STEP: Final = (
    ' AND (first_event_at, step_id COLLATE "C", iteration_key, attempt, try_number)'
    " > ({}::timestamptz, {}::text, {}::bigint, {}::bigint, {}::bigint)"
)
DEAD_LETTER_KEY: Final = (int,)
_AFTER_DEAD_LETTER: Final = " AND id < {}::bigint"
EVENT_KEY: Final = (datetime, int, int, UUID)
CALL_KEY: Final = (datetime, UUID)
_AFTER_CALL: Final = " AND (occurred_at, event_id) > ({}::timestamptz, {}::uuid)"
_AFTER_EVENT: Final = f" AND ({', '.join(LIST_ORDER)}) > ({{}}::timestamptz, {{}}::bigint, {{}}::bigint, {{}}::uuid)"

# Of a connection that is new: the login may not become our role, or there is none before the first migration.
_NO_ENTRY: Final = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidParameterValueError,
    asyncpg.UndefinedObjectError,
)

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of executions is narrowed to; the statuses are alternatives."""

    statuses: tuple[str, ...] = ()
    workflow_id: str | None = None
    owner_id: str | None = None
    external_id: str | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None

    def scope(self) -> str:
        """The same text for the same list, whatever the order in which its filters were written."""
        return json.dumps(
            ["executions", sorted(set(self.statuses)), *({key: str(value)} for key, value in self._single().items())]
        )

    def _single(self) -> dict[str, Any]:
        names = ("workflow_id", "owner_id", "external_id", "started_after", "started_before")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def alternatives(self) -> list[dict[str, Any]]:
        """The equalities and bounds of each status: one index range each."""
        single = self._single()
        return [{"status": status, **single} for status in sorted(set(self.statuses))] or [single]


@dataclass(frozen=True, slots=True)
class Options:
    """How to reach the database, and how long to wait for it."""

    dsn: str
    pool_size: int = 10
    pool_timeout: float = 5
    connect_timeout: float = 5
    statement_timeout: float = 10
    application_name: str = "execledger-query"

    @property
    def address(self) -> str:
        """Where the database is, for logs: without user and password."""
        parts = urlsplit(self.dsn)
        if "@" in f"{parts.path}{parts.query}{parts.fragment}":  # a password with a slash in it was cut in two
            return "the configured address"
        return parts.netloc.rpartition("@")[2] or "the local socket"


class Store:
    """A pool of connections, none of which can read anything before it has become somebody."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._away = False
        self._database = _database(options, options.pool_size)
        self._reserved = _database(options, _RESERVED)

    @classmethod
    @asynccontextmanager
    async def open(cls, options: Options) -> AsyncIterator[Self]:
        """A store that connects when it is first asked: the database may come later than we do."""
        store = cls(options)
        try:
            yield store
        finally:
            await store._database.close()
            await store._reserved.close()

    @property
    def address(self) -> str:
        return self._options.address

    def connections(self) -> tuple[int, int, int]:
        """How many connections are open, how many of them idle, and how many there may be."""
        return self._database.figures()

    @asynccontextmanager
    async def reading(
        self, caller: Caller, longest: float | None = None, *, reserved: bool = False
    ) -> AsyncIterator["Reader"]:
        """One snapshot of what this reader may see; raises StoreUnavailable, StoreTooSlow at the statement timeout.

        `longest` replaces that, in seconds. With `reserved` it is read over a connection that no request has.
        """
        database = self._reserved if reserved else self._database
        async with (
            self._connection(database) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            if longest is not None:
                await connection.execute(f"SET LOCAL statement_timeout = {int(longest * 1000)}")
            role = f"execledger_{caller.sees.value}"
            await connection.execute(statement("become"), role, caller.tenant, caller.subject)
            yield Reader(connection, caller.sees, longest)

    async def schema_version(self) -> int:
        """The newest migration that the database has; StoreUnavailable when it has none of ours."""
        async with self._connection(self._reserved) as connection:
            try:
                version: int = await connection.fetchval(statement("schema_version"))
            except asyncpg.InsufficientPrivilegeError as error:  # the migration that makes the grants is to come
                raise SchemaMissing(str(error)) from error
            return version

    @asynccontextmanager
    async def _connection(self, database: Database) -> AsyncIterator[asyncpg.Connection]:
        try:
            async with database.connection(until_set_up=True) as connection:
                yield connection
        except StoreTooSlow as error:
            raise StoreTooSlow("the database took longer than it may") from error
        except StoreBusy as error:
            raise StoreBusy("all database connections are busy, as many as EXECLEDGER_QUERY_POOL_SIZE says") from error
        except StoreUnavailable as error:
            cause = error.__cause__ or error
            if isinstance(cause, asyncpg.ReadOnlySQLTransactionError):  # nothing here should write: a bug
                raise cause from None
            raise self._unavailable(error) from cause
        else:
            self._answered()

    def _unavailable(self, error: StoreUnavailable) -> StoreUnavailable:
        """What clients are told: no address, which is no stranger's business. The log says it, and why, once."""
        if not self._away:
            log.warning("database_unavailable", address=self.address, cause=str(error))
        self._away = True
        if isinstance(error, SchemaMissing):
            return SchemaMissing(f"{_DATABASE} has no schema of ours yet: run execledger migrate")
        return StoreUnavailable(f"{_DATABASE} does not answer")

    def _answered(self) -> None:
        if self._away:
            log.info("database_available", address=self.address)
        self._away = False


class Reader:
    """The reads of one transaction. Rows are as the columns of the statement in sql/ of the same name."""

    def __init__(self, connection: asyncpg.Connection, sees: Sees, longest: float | None) -> None:
        self._connection = connection
        self._sees = sees
        self._driver_timeout = None if longest is None else longest + GRACE_SECONDS

    async def executions(self, filters: Filters, after: Key | None, limit: int) -> Sequence[Row]:
        """At most `limit` executions, newest first, those behind the key `after`; without their large members."""
        query, arguments = _executions_query(filters, after)
        return await self._rows(query, limit, *arguments)

    async def execution(self, execution_id: UUID) -> Row | None:
        query, arguments = _narrowed("executions", {"id": execution_id}, first=2)
        return await self._row(query, 1, *arguments)

    async def aliases(self, external_id: str, tenant_id: str | None = None) -> Sequence[Row]:
        """The executions that bear that external id."""
        return await self._rows(statement("aliases"), external_id, tenant_id)

    async def steps(
        self, execution_id: UUID, after: Key | None, limit: int | None, most_bytes: int = UNBOUNDED
    ) -> Sequence[Row]:
        """At most `limit` steps behind the key `after`, as far as `most_bytes` reach; the last says if it goes on."""
        query, arguments = _continued("steps", _AFTER_STEP, after, first=4)
        return await self._rows(query, limit, execution_id, most_bytes, *arguments)

    async def events(
        self,
        execution_id: UUID,
        after: Key | None,
        limit: int | None,
        most_bytes: int = UNBOUNDED,
        *,
        with_payloads: bool,
    ) -> Sequence[Row]:
        """At most `limit` events behind the key `after`, as far as `most_bytes` reach; the last says if it goes on."""
        query, arguments = _continued("events", _AFTER_EVENT, after, first=7)
        listed = (OtherEvent.traits.rank, listed_names())
        return await self._rows(query, limit, execution_id, with_payloads, most_bytes, *listed, *arguments)

    async def calls(
        self, kind: Literal["llm", "tool"], execution_id: UUID, after: Key | None, limit: int | None, most_bytes: int
    ) -> Sequence[Row]:
        """At most `limit` calls behind the key `after`, as far as `most_bytes` reach; the last says if it goes on."""
        query, arguments = _continued(f"{kind}_calls", _AFTER_CALL, after, first=4)
        return await self._rows(query, limit, execution_id, most_bytes, *arguments)

    async def logged_events(self, execution_id: UUID, most_bytes: int = UNBOUNDED) -> Sequence[Row]:
        """The whole log of an execution, in no order, as text that the contract reads; payloads are empty.

        As far as it comes to `most_bytes`; the last row says whether it goes on.
        """
        return await self._rows(statement("logged_events"), execution_id, most_bytes)

    async def payloads(
        self, sources: Collection[tuple[UUID, UUID]], most_bytes: int = UNBOUNDED, whole: int = 0
    ) -> dict[tuple[UUID, UUID], Row]:
        """By execution and event: what those events say of input, output, result and stack.

        Those of the first `whole` sources in any case, and of the next ones as far as they come to `most_bytes`.
        """
        if not sources:
            return {}
        executions, events = zip(*sources, strict=True)
        rows = await self._rows(statement("payloads"), executions, events, whole, most_bytes)
        return {(row["execution_id"], row["event_id"]): row for row in rows}

    async def trees(self, executions: Collection[Row]) -> dict[tuple[str, str], Row]:
        """By tenant and external id: what the trees come to of those executions that are roots of one.

        An owner's are those of its own executions.
        """
        roots = [
            (row["tenant_id"], row["external_id"])
            for row in executions
            if row["root_execution_id"] == row["external_id"]
        ]
        if not roots:
            return {}
        name = "own_trees" if self._sees is Sees.OWNER else "trees"
        rows = await self._rows(statement(name), *zip(*roots, strict=True))
        return {(row["tenant_id"], row["root_execution_id"]): row for row in rows}

    async def attempts(self, execution_id: UUID) -> Sequence[Row]:
        """The attempts of an execution."""
        watchdogs = (ExecutionTimedOut.traits.rank, WATCHDOG_SOURCE)
        endings = [event.traits.rank for event in EVENTS if event.kind == "execution" and event.traits.ends]
        calls = (LlmCalled.traits.rank, LlmCalled.canonical, ToolCalled.canonical)
        ranks = (RAISING_RANKS, BELONGING_RANKS)
        return await self._rows(statement("attempts"), execution_id, endings, *watchdogs, *calls, *ranks)

    async def ledger(self) -> Sequence[Row]:
        return await self._rows(statement("ledger"))

    async def dead_letters(self, filters: Mapping[str, str], after: Key | None, limit: int) -> Sequence[Row]:
        """At most `limit` dead letters, newest first, those behind the key `after`."""
        query, arguments = _narrowed("dead_letters", filters, first=2)
        query, place = _with_place(query, _AFTER_DEAD_LETTER, after, first=2 + len(arguments))
        return await self._rows(query, limit, *arguments, *place)

    async def dead_letter(self, letter_id: int) -> Row | None:
        return await self._row(statement("dead_letter"), letter_id)

    async def lag(self, topics: Sequence[str]) -> Row | None:
        return await self._row(statement("lag"), topics)

    async def figures(self, top_workflows: int, bounds_ms: Sequence[int]) -> Sequence[Row]:
        return await self._rows(statement("figures"), top_workflows, bounds_ms)

    async def _rows(self, query: str, *arguments: Any) -> Sequence[Row]:
        found = await self._connection.fetch(query, *arguments, timeout=self._driver_timeout)
        return cast("list[Row]", found)  # a Record is no Mapping by its type, and all of one by what it does

    async def _row(self, query: str, *arguments: Any) -> Row | None:
        rows = await self._rows(query, *arguments)
        return rows[0] if rows else None


def execution_key(row: Row) -> Key:
    return (row["created_at"], row["id"])


def step_key(row: Row) -> Key:
    return (row["first_event_at"], row["step_id"], row["iteration_key"], row["attempt"], row["try_number"])


def event_key(row: Row) -> Key:
    return (row["occurred_at"], row["position"], row["rank"], row["event_id"])


def call_key(row: Row) -> Key:
    return (row["occurred_at"], row["event_id"])


def dead_letter_key(row: Row) -> Key:
    return (row["id"],)


def _database(options: Options, most_connections: int) -> Database:
    return Database(
        options.dsn,
        options.application_name,
        prepare=_prepare_connection,
        statement_seconds=options.statement_timeout,
        connect_seconds=options.connect_timeout,
        wait_seconds=options.pool_timeout,
        most_connections=most_connections,
        server_settings={
            "default_transaction_read_only": "on",
            # A plan made without knowing the values took 118 ms where one that knows them takes 3.
            "plan_cache_mode": "force_custom_plan",
        },
        reset=_leave_as_it_is,
    )


async def _leave_as_it_is(_connection: asyncpg.Connection) -> None:
    """Nothing outlasts a transaction here: what is set is so locally, and what is open is closed."""


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    """Drops to a role that can read nothing by itself, so that a statement outside `reading` finds nothing."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    try:
        await connection.execute(f"SET ROLE {LOGIN_ROLE}")
    except _NO_ENTRY as error:
        raise SchemaMissing(str(error)) from error


def _executions_query(filters: Filters, after: Key | None) -> tuple[str, list[Any]]:
    """One statement per status, merged: each walks its own index range and stops at the limit.

    `status = ANY(...)` would read either all executions of those statuses or all newer ones of others.
    """
    queries: list[str] = []
    arguments: list[Any] = []
    for narrowing in filters.alternatives():
        query, values = _narrowed("listed_executions", narrowing, first=2 + len(arguments))
        query, places = _with_place(query, _AFTER_EXECUTION, after, first=2 + len(arguments) + len(values))
        queries.append(query)
        arguments += [*values, *places]
    if len(queries) == 1:
        return queries[0], arguments
    united = "\nUNION ALL\n".join(f"({query})" for query in queries)
    return f"SELECT * FROM (\n{united}\n) AS execution\n{_NEWEST_FIRST}", arguments  # noqa: S608  # constants only


def _narrowed(name: str, narrowing: Mapping[str, Any], first: int) -> tuple[str, list[Any]]:
    """The statement with a clause for each filter; its parameters are numbered from `first`."""
    clauses = [f" AND {_CLAUSES[key].format(f'${number}')}" for number, key in enumerate(narrowing, first)]
    return statement(name).replace(_FILTERS, "".join(clauses) + _FILTERS), list(narrowing.values())


def _continued(name: str, clause: str, after: Key | None, first: int) -> tuple[str, list[Any]]:
    return _with_place(statement(name), clause, after, first)


def _with_place(query: str, clause: str, after: Key | None, first: int) -> tuple[str, list[Any]]:
    """The statement from that place on; the whole of it without one."""
    if after is None:
        return query, []
    numbers = [f"${number}" for number in range(first, first + len(after))]
    return query.replace(_FILTERS, clause.format(*numbers)), list(after)
