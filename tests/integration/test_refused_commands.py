"""Commands whose database is not ready for them, or does not let them in: one line that says what to do."""

from collections.abc import AsyncIterator
from secrets import token_hex
from urllib.parse import urlsplit

import asyncpg
import pytest

from command_line import execledger
from conftest import Servers

COMMANDS = [
    ("show", "run-1"),
    ("explain", "run-1"),
    ("ledger",),
    ("ledger", "--audit"),
    ("rebuild",),
    ("rebuild", "--verify"),
    ("reprice",),
    ("limits", "list"),
    ("limits", "silence", "wf", "9"),
    ("limits", "daily", "--tenant", "acme", "--tokens", "9"),
    ("dead-letters", "list"),
    ("dead-letters", "show", "1"),
    ("dead-letters", "redrive", "--all", "--dry-run"),
]


@pytest.fixture
async def stranger(database: str) -> AsyncIterator[str]:
    """The database, for an account that has no rights there."""
    name = f"stranger_{token_hex(4)}"
    connection = await asyncpg.connect(database)
    await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    try:
        parts = urlsplit(database)
        yield parts._replace(netloc=f"{name}:x@{parts.netloc.rpartition('@')[2]}").geturl()
    finally:
        await connection.execute(f"DROP ROLE {name}")
        await connection.close()


async def test_an_account_without_rights_is_told_which_one_has_them(stranger: str) -> None:
    for command in COMMANDS:
        said = await execledger(*command, postgres_dsn=stranger)
        assert (said.status, said.out) == (1, ""), command
        assert "permission denied" in said.err, command
        assert "let EXECLEDGER_POSTGRES_DSN name the account execledger_" in said.err, command


async def test_a_database_without_our_schema_is_to_be_migrated(servers: Servers) -> None:
    for command in COMMANDS:
        said = await execledger(*command, postgres_dsn=servers.postgres_dsn)
        assert (said.status, said.out) == (1, ""), command
        assert "has no schema of ours yet: run execledger migrate" in said.err, command


async def test_a_database_of_a_newer_version_is_left_to_that(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("INSERT INTO execledger.migrations VALUES (9999, '9999_newer', '')")
    await connection.close()
    for command in COMMANDS[2:]:  # what only reads executions may find all that it needs
        said = await execledger(*command, postgres_dsn=database)
        assert (said.status, said.out) == (1, ""), command
        assert said.err == (
            "execledger: the database has migration 9999, which this version does not know: run a newer one\n"
        ), command


async def test_a_limit_that_is_set_is_said_and_cannot_steer_the_terminal(database: str) -> None:
    said = await execledger("limits", "silence", "w\x1b[2J", "9", postgres_dsn=database)
    assert said.out == "executions of workflow w\\u001b[2J of tenant default may be silent for 9 s\n"
    said = await execledger("limits", "daily", "--tenant", "a\n", "--tokens", "9", postgres_dsn=database)
    assert said.out == "tenant a\\n: 9 tokens a day\n"
    said = await execledger("limits", "list", postgres_dsn=database)
    assert len(said.out.splitlines()) == 2


async def test_the_account_of_records_fits_eighty_columns(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute(
        "INSERT INTO execledger.ledger (topic, partition, first_offset, next_offset, applied) VALUES ('t', 0, 0, 9, 9)"
    )
    await connection.close()
    said = await execledger("ledger", postgres_dsn=database, test_docker="0")
    heading = next(line for line in said.out.splitlines() if "partition" in line)
    assert len(heading.rstrip()) <= 80
