"""The kinds of trouble, by what they ask for. A bug has no name here: it ends the process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg


class StoreUnavailable(Exception):  # noqa: N818  # it says what is the case, and asks to wait
    """Postgres cannot work now: wait and try again, nothing is the record's fault."""


class StoreTooSlow(StoreUnavailable):
    """A statement ran into its time limit: a smaller batch may pass."""


class StrangeLog(StoreUnavailable):
    """Kafka's log is not the one that the ledger is the account of: an operator has to say what happened."""


class Unstorable(Exception):  # noqa: N818
    """Postgres refuses a value of the batch."""


class Unreadable(StoreUnavailable):
    """An event of the log is not as it was recorded: an operator has to mend it, no record is at fault."""

    def __init__(self, execution_id: str, event_id: str) -> None:
        super().__init__(f"event {event_id} of execution {execution_id} is damaged in the log: restore its raw there")
        self.execution_id = execution_id
        self.event_id = event_id


# SQLSTATE classes, see the appendix "PostgreSQL Error Codes" of the PostgreSQL manual.
_RECORD_AT_FAULT: Final = ("22", "23", "54")
_INFRASTRUCTURE: Final = ("08", "25", "40", "53", "55", "57", "58", "F0", "XX")
_STATEMENT_TIMEOUT: Final = "57014"
_NOT_YET: Final = ("28P01", "28000", "3D000", "3F000", "42P01")  # while connecting: not set up yet, which may change

_LOST_CONNECTION: Final = ("closed", "released back to the pool")  # how the client says it of one that lay idle


RAISED: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What asyncpg and the network raise."""


@contextmanager
def translated(*, connecting: bool = False) -> Iterator[None]:
    """Turn what asyncpg raises into the errors above, once, at the edge."""
    try:
        yield
    except RAISED as error:
        trouble = (
            _of_server(error, connecting) if isinstance(error, asyncpg.PostgresError) else _of_us(error, connecting)
        )
        if trouble is None:
            raise
        raise trouble from error


def _of_server(error: asyncpg.PostgresError, connecting: bool) -> Exception | None:
    state = error.sqlstate or ""
    if state == _STATEMENT_TIMEOUT:
        return StoreTooSlow(_first_line(error))
    if state.startswith(_INFRASTRUCTURE) or (connecting and state in _NOT_YET):
        return StoreUnavailable(_first_line(error))
    return Unstorable(_first_line(error)) if state.startswith(_RECORD_AT_FAULT) else None


def _of_us(error: Exception, connecting: bool) -> Exception | None:
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
