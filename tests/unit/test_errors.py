"""What Postgres and its client say, sorted by what it asks for."""

import asyncio

import asyncpg
import pytest

from execledger_runtime.errors import (
    LogDamaged,
    LogReplaced,
    MustWait,
    SchemaMissing,
    StoreTooSlow,
    StoreUnavailable,
    Unstorable,
)
from execledger_runtime.postgres import cancelled_first, translated


def refusal(sqlstate: str) -> asyncpg.PostgresError:
    fields = {"C": sqlstate, "S": "ERROR", "V": "ERROR", "M": "first line\nsecond line"}
    error: asyncpg.PostgresError = asyncpg.PostgresError.new(fields)
    return error


def become(error: Exception, *, connecting: bool = False, until_set_up: bool = False) -> Exception:
    """What the error is turned into."""
    with (
        pytest.raises(Exception) as caught,  # noqa: PT011  # any
        translated(connecting=connecting, until_set_up=until_set_up),
    ):
        raise error
    assert isinstance(caught.value, Exception)
    return caught.value


@pytest.mark.parametrize(
    "sqlstate",
    ["08006", "25006", "40001", "40P01", "53100", "53300", "55P03", "57P01", "57P03", "58030", "F0000", "XX000"],
)
def test_trouble_of_the_infrastructure_asks_to_wait(sqlstate: str) -> None:
    trouble = become(refusal(sqlstate))
    assert type(trouble) is StoreUnavailable
    assert str(trouble) == "first line"


@pytest.mark.parametrize("sqlstate", ["22P02", "22003", "23505", "23514", "54000"])
def test_what_postgres_refuses_in_a_value_is_the_record_s_fault(sqlstate: str) -> None:
    assert type(become(refusal(sqlstate))) is Unstorable


def test_a_time_limit_is_trouble_that_a_smaller_batch_may_escape() -> None:
    assert type(become(refusal("57014"))) is StoreTooSlow


@pytest.mark.parametrize("sqlstate", ["42703", "42P01", "42501", "P0001", "0A000"])
def test_the_rest_is_a_bug_and_stays_what_it_is(sqlstate: str) -> None:
    error = refusal(sqlstate)
    assert become(error) is error


@pytest.mark.parametrize("when", ["connecting", "until_set_up"])
@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("28P01", StoreUnavailable),
        ("28000", StoreUnavailable),
        ("3D000", StoreUnavailable),
        ("3F000", SchemaMissing),
        ("42P01", SchemaMissing),
    ],
)
def test_what_is_not_set_up_yet_may_still_come(sqlstate: str, kind: type[Exception], when: str) -> None:
    assert type(become(refusal(sqlstate), **{when: True})) is kind


@pytest.mark.parametrize("sqlstate", ["42703", "42501", "P0001", "0A000"])
def test_a_bug_is_one_before_all_is_set_up_too(sqlstate: str) -> None:
    error = refusal(sqlstate)
    assert become(error, until_set_up=True) is error


@pytest.mark.parametrize(
    "trouble", [StoreUnavailable(), StoreTooSlow(), SchemaMissing(), LogReplaced(), LogDamaged("an execution", "event")]
)
def test_whatever_must_be_waited_for_is_of_one_kind(trouble: Exception) -> None:
    assert isinstance(trouble, MustWait)
    assert not isinstance(Unstorable(), MustWait)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("nobody listens"),
        ConnectionResetError(),
        TimeoutError(),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InterfaceError("cannot call Connection.fetch(): connection has been released back to the pool"),
    ],
)
def test_a_lost_connection_asks_to_wait_and_says_something(error: Exception) -> None:
    trouble = become(error)
    assert type(trouble) is StoreUnavailable
    assert str(trouble)


BUSY = [
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
]


@pytest.mark.parametrize("error", BUSY)
def test_misuse_of_the_client_is_a_bug(error: Exception) -> None:
    assert become(error) is error


@pytest.mark.parametrize("error", BUSY)
def test_but_while_connecting_it_is_a_connection_that_postgres_ended(error: Exception) -> None:
    """Nobody else has it yet, so nobody can have misused it."""
    assert type(become(error, connecting=True)) is StoreUnavailable


def test_a_value_that_the_client_cannot_encode_is_the_record_s_fault() -> None:
    assert type(become(asyncpg.DataError("invalid input for query argument $1"))) is Unstorable


def test_our_own_errors_pass() -> None:
    error = Unstorable("it is")
    assert become(error) is error


async def test_what_goes_wrong_while_a_task_is_cancelled_is_its_cancellation() -> None:
    """Postgres was asked to stop a statement, and stops the rollback that comes behind it."""

    async def work() -> None:
        with cancelled_first(), translated():
            try:
                await asyncio.sleep(60)
            finally:
                raise asyncpg.QueryCanceledError("canceling statement due to user request")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_what_goes_wrong_in_a_task_that_nobody_cancels_stays_what_it_is() -> None:
    with pytest.raises(StoreTooSlow), cancelled_first(), translated():
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")
