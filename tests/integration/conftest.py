"""What the tests of the running recorder share."""

from pathlib import Path

import pytest

from conftest import Servers, Topics
from recorder_bench import Bench


@pytest.fixture
def bench(servers: Servers, topics: Topics, database: str, tmp_path: Path) -> Bench:
    """Surroundings of one recorder."""
    return Bench(servers, topics, database, tmp_path)
