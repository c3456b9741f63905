"""The short form of make torture."""

from pathlib import Path

import pytest

from torture.__main__ import torture

SECONDS = 35
SEED = 4


async def test_nothing_is_lost_doubled_or_wrong_whatever_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS", "EXECLEDGER_POSTGRES_DSN"):
        monkeypatch.delenv(name, raising=False)  # what is killed here must be our own
    said: list[str] = []
    assert await torture(SECONDS, SEED, tmp_path, said.append) == [], said
