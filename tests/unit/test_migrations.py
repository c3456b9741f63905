"""The numbers of the migrations."""

from execledger_recorder.store.migrations import known


def test_migrations_are_numbered_without_gaps_and_once() -> None:
    assert [migration.version for migration in known()] == [*range(1, len(known()) + 1)]
