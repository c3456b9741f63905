"""The connections to Postgres: reads, each in a transaction that sees what its reader may see."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

import asyncpg
import structlog

from execledger_query.caller import Caller
from execledger_query.sql import statement
from execledger_query.store.accounts import Accounts
from execledger_query.store.executions import Executions
from execledger_query.store.feed import Feed
from execledger_query.store.parts import Parts
from execledger_query.store.relatives import Relatives
from execledger_query.store.requests import Requests
from execledger_query.store.sums import Summing
from execledger_query.store.workflow_runs import WorkflowRuns
from execledger_query.store.workflows import Workflows
from execledger_runtime.errors import SchemaMissing, StoreBusy, StoreTooSlow, StoreUnavailable
from execledger_runtime.postgres import RAISED, Database

LOGIN_ROLE: Final = "execledger_query"
REQUIRED_SCHEMA: Final = 28
_RESERVED: Final = 5  # readiness, freshness, figures and streams have these: requests may have all others for long
_CHANGED: Final = "execledger_changes"

# Of a connection that is new: the login may not become our role, or there is none before the first migration.
_NO_ENTRY: Final = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidParameterValueError,
    asyncpg.UndefinedObjectError,
)

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Options:
    """How to reach the database, and how long to wait for it."""

    dsn: str
    pool_size: int = 10
    pool_timeout: float = 5
    connect_timeout: float = 5
    statement_timeout: float = 10
    application_name: str = "execledger-query"
    setting: str = "EXECLEDGER_POSTGRES_DSN"  # that says so

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
        self,
        caller: Caller,
        longest: float | None = None,
        *,
        reserved: bool = False,
        walking: bool = False,
        one_plan: bool = False,
        in_order: bool = False,
    ) -> AsyncIterator["Reader"]:
        """One snapshot of what this reader may see; raises StoreUnavailable, StoreTooSlow at the statement timeout.

        `longest` replaces that, in seconds. With `reserved` it is read over a connection that no request has. With
        `walking` nothing is joined but row by row, as suits a page that stops at its limit. With `one_plan` a
        connection plans each statement once, without its values: only for what any plan reads alike. With `in_order`
        nothing is sorted for which some index is in order.
        """
        database = self._reserved if reserved else self._database
        opening = _opening(caller, longest, walking=walking, one_plan=one_plan, in_order=in_order)
        async with (
            self._connection(database, _end) as connection,
            _transaction(connection, opening),
        ):
            yield Reader(connection, caller.sees, longest)

    @asynccontextmanager
    async def acting(self, caller: Caller) -> AsyncIterator["Actor"]:
        """A transaction of theirs in which they may ask for something; raises as `reading` does."""
        try:
            async with self._connection(self._database) as connection, connection.transaction():
                await connection.execute("SET TRANSACTION READ WRITE")
                role = f"execledger_{caller.sees.value}"
                await connection.execute(statement("become"), role, caller.tenant, caller.subject)
                yield Actor(connection, caller.sees, None)
        except (asyncpg.ReadOnlySQLTransactionError, asyncpg.FeatureNotSupportedError) as error:
            raise StoreUnavailable(f"the database of {self._options.setting} takes no writes just now") from error

    @asynccontextmanager
    async def woken(self, wake: Callable[[], None]) -> AsyncIterator[None]:
        """Call `wake` at each commit that changed executions, while the block lasts; raises StoreUnavailable.

        Also when the connection is lost over which that is heard. On a replica nothing is heard.
        """
        async with self._connection(self._reserved) as connection:

            def hear(*_: object) -> None:
                wake()

            try:
                await connection.add_listener(_CHANGED, hear)
            except asyncpg.ReadOnlySQLTransactionError:  # a replica
                yield
                return
            connection.add_termination_listener(hear)
            try:
                yield
            finally:
                with suppress(*RAISED):  # it was lost
                    connection.remove_termination_listener(hear)
                    await connection.remove_listener(_CHANGED, hear)

    async def cursor_key(self) -> bytes:
        """What cursors are signed with, unless a setting says it."""
        async with self._connection(self._reserved) as connection:  # whoever asks may hold one of the others
            key: bytes = await connection.fetchval(statement("cursor_key"))
            return key

    async def schema_version(self) -> int:
        """The newest migration that the database has; StoreUnavailable when it has none of ours."""
        async with self._connection(self._reserved) as connection:
            try:
                version: int = await connection.fetchval(statement("schema_version"))
            except asyncpg.InsufficientPrivilegeError as error:  # the migration that makes the grants is to come
                raise SchemaMissing(str(error)) from error
            return version

    @asynccontextmanager
    async def _connection(
        self, database: Database, afterwards: Callable[[asyncpg.Connection], Awaitable[None]] | None = None
    ) -> AsyncIterator[asyncpg.Connection]:
        try:
            async with database.connection(until_set_up=True, afterwards=afterwards) as connection:
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
            return SchemaMissing(
                f"the database of {self._options.setting} has no schema of ours yet: run execledger migrate"
            )
        return StoreUnavailable(f"the database of {self._options.setting} does not answer")

    def _answered(self) -> None:
        if self._away:
            log.info("database_available", address=self.address)
        self._away = False


class Reader(Executions, Parts, Relatives, Accounts, Feed, Summing, Workflows, WorkflowRuns):
    """The reads of one transaction."""


class Actor(Reader, Requests):
    """The reads and requests of one transaction."""


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


def _opening(caller: Caller, longest: float | None, *, walking: bool, one_plan: bool, in_order: bool) -> str:
    """Begins a transaction that is somebody's: the role's policies compare with these two. One round trip."""
    sees = caller.sees.value
    said = [
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        f"SET LOCAL ROLE execledger_{sees}",
        f"SET LOCAL execledger.tenant = {_quoted(caller.tenant)}",
        f"SET LOCAL execledger.owner = {_quoted(caller.subject)}",
    ]
    if longest is not None:
        said.append(f"SET LOCAL statement_timeout = {int(longest * 1000)}")
    if walking:
        # To hash all that a common tag is on took 14,000 rows where a page needs a hundred.
        said += ["SET LOCAL enable_hashjoin = off", "SET LOCAL enable_mergejoin = off"]
        # To start workers took 40 ms on a busy machine, where what they share out takes one.
        said.append("SET LOCAL max_parallel_workers_per_gather = 0")
    if one_plan:
        said.append("SET LOCAL plan_cache_mode = force_generic_plan")
    if in_order:
        # To sort all that a common tag is on took seconds, of a million: its index is in the order of the list.
        said.append("SET LOCAL enable_sort = off")
    return "; ".join(said)


def _quoted(text: str) -> str:
    """A literal of SQL that means the same whatever the server's settings are."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"


@asynccontextmanager
async def _transaction(connection: asyncpg.Connection, opening: str) -> AsyncIterator[None]:
    """A transaction that this statement begins; it ends as its connection is given back, or at once with an error."""
    try:
        await connection.execute(opening)
        yield
    except BaseException:
        await _roll_back(connection)
        raise


async def _roll_back(connection: asyncpg.Connection) -> None:
    """What cannot be rolled back ends with its connection: nobody else may become who this one was."""
    try:
        await connection.execute("ROLLBACK")
    except BaseException as error:
        with suppress(*RAISED):
            connection.terminate()
        if not isinstance(error, RAISED):
            raise


async def _end(connection: asyncpg.Connection) -> None:
    """End what was read, while its answer is on its way. What fails here ends its connection."""
    if connection.is_in_transaction():
        await connection.execute("COMMIT")


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
