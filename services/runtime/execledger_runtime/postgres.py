"""Postgres: a pool of connections, and one translation of what goes wrong there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Final, cast

import asyncpg

from execledger_runtime.errors import SchemaMissing, SessionLost, StoreBusy, StoreTooSlow, StoreUnavailable, Unstorable

GRACE_SECONDS: Final = 5.0
"""How much longer the client waits than the server: for a network that swallows what that says."""

POOLED: Final = (
    "EXECLEDGER_POSTGRES_DSN: leads to a pooler (pgbouncer, say), and sessions have to be ours: name Postgres itself"
)

RAISED: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What asyncpg and the network raise."""

# What an SQLSTATE asks for, else its class, the first two characters: see "PostgreSQL Error Codes" in the manual.
_MEANING: Final[Mapping[str, type[Exception]]] = {
    "08": StoreUnavailable,  # the connection
    "22": Unstorable,  # a value
    "23": Unstorable,  # a constraint
    "25": StoreUnavailable,  # the transaction: read-only after a failover, or ended because it stood still
    "40": StoreUnavailable,  # deadlocks, and what a standby has cleaned up
    "53": StoreUnavailable,  # a full disk, too many connections
    "54": Unstorable,  # beyond what Postgres can hold
    "55": StoreUnavailable,  # locks
    "57": StoreUnavailable,  # it starts, or is being stopped
    "57014": StoreTooSlow,
    "58": StoreUnavailable,  # its system
    "F0": StoreUnavailable,  # its configuration
    "XX": StoreUnavailable,  # its own faults
}
# The same of a database that may still be on its way: accounts, the database and its schema come with time.
_MEANING_UNTIL_SET_UP: Final[Mapping[str, type[Exception]]] = {
    "28": StoreUnavailable,
    "3D": StoreUnavailable,
    "3F": SchemaMissing,
    "42P01": SchemaMissing,
}
# The last word of a server: it stood still for too long in a transaction, or was told to end; the server itself ended.
_ENDS_THE_SESSION: Final = ("25P03", "25P04", "57P01", "57P02", "57P05")
_LOST_CONNECTION: Final = ("closed", "released back to the pool")  # how the client says it of one that lay idle
_CLOSE_SECONDS: Final = 5.0


@contextmanager
def translated(*, connecting: bool = False, until_set_up: bool = False) -> Iterator[None]:
    """Turn what asyncpg and the network raise into the errors of `errors`; a bug stays what it is."""
    try:
        yield
    except RAISED as error:
        is_of_server = isinstance(error, asyncpg.PostgresError)
        trouble = _of_server(error, connecting or until_set_up) if is_of_server else _of_client(error, connecting)
        if trouble is None:
            raise
        raise trouble from error


@contextmanager
def cancelled_first() -> Iterator[None]:
    """Let what goes wrong while the task is cancelled be its cancellation.

    The client asks Postgres to stop the statement that it waits for; that may come late, and hit the rollback instead.
    """
    try:
        yield
    except Exception as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from error
        raise


async def check_directness(connection: asyncpg.Connection) -> None:
    """Raises StoreUnavailable when a pooler lies between: the process that answers is not the one that greeted us."""
    try:  # a prepared statement, which a result needs, may be there already behind a pooler
        await connection.execute(f"SELECT 1 / (pg_backend_pid() = {connection.get_server_pid()})::int")
    except asyncpg.DivisionByZeroError as error:
        raise StoreUnavailable(POOLED) from error


def _of_server(error: BaseException, until_set_up: bool) -> Exception | None:
    state = getattr(error, "sqlstate", None) or ""
    if "unsupported startup parameter" in str(error):  # as pgbouncer says it
        return StoreUnavailable(POOLED)
    known = {**_MEANING, **_MEANING_UNTIL_SET_UP} if until_set_up else _MEANING
    kind = known.get(state, known.get(state[:2]))
    return None if kind is None else kind(_first_line(error))


def _of_client(error: BaseException, connecting: bool) -> Exception | None:
    """The client's own errors, and the network's."""
    if isinstance(error, asyncpg.ClientConfigurationError):
        return StoreUnavailable(f"EXECLEDGER_POSTGRES_DSN: {_first_line(error)}")
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return Unstorable(_first_line(error))  # a value that the client cannot even encode
    # One that Postgres ended while it was prepared the client takes for busy: nobody else can have misused it.
    if connecting or isinstance(error, OSError | TimeoutError) or any(said in str(error) for said in _LOST_CONNECTION):
        return StoreUnavailable(_first_line(error))
    return None


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


class Database:
    """A pool of connections. None is opened before it is asked for: the database may come later than we do."""

    def __init__(
        self,
        dsn: str,
        application_name: str,
        *,
        prepare: Callable[[asyncpg.Connection], Awaitable[None]],
        statement_seconds: float,
        connect_seconds: float = 10.0,
        wait_seconds: float = 10.0,
        most_connections: int = 5,
        server_settings: Mapping[str, str] | None = None,
        reset: Callable[[asyncpg.Connection], Awaitable[None]] | None = None,
    ) -> None:
        """`prepare` is done once on each connection; for one that is free `wait_seconds` are waited.

        `reset` is done when one is given back, instead of what asyncpg does then: a round trip.
        """

        async def initialised(connection: asyncpg.Connection) -> None:
            await check_directness(connection)
            await prepare(connection)

        self._most_connections = most_connections
        self._wait_seconds = wait_seconds
        self._pool: asyncpg.Pool | None = None
        self._given_back: set[asyncio.Task[None]] = set()  # the loop itself forgets what nobody holds
        self._create_pool = partial(
            asyncpg.create_pool,
            dsn,
            min_size=0,
            max_size=most_connections,
            init=initialised,
            reset=reset,
            timeout=connect_seconds,
            command_timeout=statement_seconds + GRACE_SECONDS,
            max_cacheable_statement_size=65_536,  # a list is 15 KB of SQL; the default keeps no plan of that
            server_settings={
                "application_name": application_name,
                "statement_timeout": str(int(statement_seconds * 1000)),
                "timezone": "UTC",
                "jit": "off",  # compiling a plan takes longer than the short statements here ever do
                **(server_settings or {}),
            },
        )

    async def close(self) -> None:
        """Close what is open."""
        if self._pool is not None:
            with suppress(TimeoutError):  # then what is still open is dropped
                await asyncio.wait_for(self._pool.close(), _CLOSE_SECONDS)

    @asynccontextmanager
    async def connection(
        self, *, until_set_up: bool = False, afterwards: Callable[[asyncpg.Connection], Awaitable[None]] | None = None
    ) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection while the block lasts; what Postgres raises there becomes one of `errors`.

        With `until_set_up` a schema that is not there is one that comes; without, it is a bug. What is to be done
        `afterwards` is done once the block is left and others go on, and only then the connection is given back.
        """
        with cancelled_first(), translated(until_set_up=until_set_up):
            pool, connection = await self._acquired()
            try:
                yield cast("asyncpg.Connection", connection)  # the proxy has all that a connection has
            except RAISED as error:
                if await _is_ending(connection, error):
                    raise SessionLost(f"Postgres ended the session: {_first_line(error)}") from error
                raise
            finally:
                if afterwards is None:
                    await _give_back(pool, connection)
                else:
                    giving_back = asyncio.create_task(_give_back(pool, connection, afterwards))
                    self._given_back.add(giving_back)
                    giving_back.add_done_callback(self._given_back.discard)

    def figures(self) -> tuple[int, int, int]:
        """How many connections are open, how many of them idle, and how many there may be."""
        if self._pool is None:
            return 0, 0, self._most_connections
        return self._pool.get_size(), self._pool.get_idle_size(), self._most_connections

    async def _acquired(self) -> tuple[asyncpg.Pool, asyncpg.pool.PoolConnectionProxy]:
        with translated(connecting=True):  # a database that is being restored may not be there, or be empty
            if self._pool is None:
                self._pool = await self._create_pool()
            try:
                connection = await self._pool.acquire(timeout=self._wait_seconds)
            except TimeoutError as error:
                if self._pool.get_size() < self._most_connections:
                    raise
                raise StoreBusy("all database connections are busy") from error
            return self._pool, connection


async def _give_back(
    pool: asyncpg.Pool,
    connection: asyncpg.pool.PoolConnectionProxy,
    first: Callable[[asyncpg.Connection], Awaitable[None]] | None = None,
) -> None:
    """What was asked is answered by now. A connection that was lost since then the pool forgets."""
    with suppress(*RAISED):
        try:
            if first is not None:
                await first(cast("asyncpg.Connection", connection))
        except BaseException:
            connection.terminate()
            raise
        finally:
            await pool.release(connection)


async def _is_ending(connection: asyncpg.pool.PoolConnectionProxy, error: Exception) -> bool:
    """Whether the server has ended the connection. Between its last word and the end of the stream the client takes
    the connection for one on which somebody else is at work, which in our hands would be a bug."""
    if not isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
        return getattr(error, "sqlstate", None) in _ENDS_THE_SESSION or _is_closed(connection)
    for _ in range(20):
        if _is_closed(connection):
            return True
        await asyncio.sleep(0.05)
    return False


def _is_closed(connection: asyncpg.pool.PoolConnectionProxy) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool took it back when it was lost
        return True
