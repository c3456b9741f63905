"""What the tests of the running recorder share."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conftest import Servers, Topics, _drop, _execute
from execledger.stack.database import with_database
from recorder_bench import Bench


@pytest.fixture
def bench(servers: Servers, topics: Topics, database: str, tmp_path: Path) -> Bench:
    """Surroundings of one recorder."""
    return Bench(servers, topics, database, tmp_path)


@pytest.fixture
async def other_database(servers: Servers, migrated_template: str) -> AsyncIterator[str]:
    """The DSN of a second fresh, migrated database."""
    name = f"other_{secrets.token_hex(6)}"
    await _execute(servers, f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    yield with_database(servers.postgres_dsn, name)
    await _drop(servers, name)
