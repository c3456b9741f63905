"""Postgres counts status words as the contract does: in functions, in checks, and in the index on what is open."""

import re
from collections.abc import AsyncIterator

import pytest

from execledger_contracts.status import DONE, EXECUTION_STATUSES, FAILURES, OPEN, STEP_STATUSES, TERMINAL, Status
from factories_recorder import Desk, desk


@pytest.fixture
async def office(database: str) -> AsyncIterator[Desk]:
    async with desk(database) as office:
        yield office


@pytest.mark.parametrize(("function", "words"), [("is_open", OPEN), ("is_done", DONE), ("has_failed", FAILURES)])
async def test_a_function_counts_the_same_words(office: Desk, function: str, words: frozenset[Status]) -> None:
    rows = await office.connection.fetch(
        f"SELECT word FROM unnest($1::text[]) AS word WHERE execledger.{function}(word)",  # noqa: S608  # named above
        list(Status),
    )
    assert {row["word"] for row in rows} == words


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        ("executions_status_check", {*EXECUTION_STATUSES}),
        ("executions_check", TERMINAL & {*EXECUTION_STATUSES}),
        ("steps_status_check", {*STEP_STATUSES}),
    ],
)
async def test_a_check_lets_the_same_words_in(office: Desk, constraint: str, words: set[Status]) -> None:
    definition = await office.connection.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1 AND conrelid = any ($2::regclass[])",
        constraint,
        ["execledger.executions", "execledger.steps"],
    )
    assert words_in(definition) == words


async def test_the_planner_sees_the_words_and_the_index_on_what_is_open_fits_them(office: Desk) -> None:
    index = await office.connection.fetchval("SELECT pg_get_indexdef('execledger.executions_open'::regclass)")
    plan = await office.connection.fetch(
        "EXPLAIN SELECT FROM execledger.executions WHERE tenant_id = 'acme' AND execledger.is_open(status)"
    )
    text = "\n".join(line for (line,) in plan)
    assert words_in(index) == OPEN
    assert "is_open" not in text


def words_in(definition: str) -> set[str]:
    return set(re.findall(r"'(\w+)'", definition))
