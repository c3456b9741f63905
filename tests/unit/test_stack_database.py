"""What is shown of a DSN."""

import pytest

from execledger.stack.database import shown, with_database


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://user:secret@host:5432/ledger?sslmode=require", "host:5432/ledger"),
        ("postgresql://host/ledger?password=secret", "host/ledger"),
        ("postgresql://user:se@cret@host:5432/ledger", "host:5432/ledger"),
        ("postgresql://user:secret/rest@host/ledger", "an unreadable DSN"),
        ("postgresql://user:12#secret@host/ledger", "an unreadable DSN"),
        ("host=h password=secret", "an unreadable DSN"),
    ],
)
def test_no_part_of_a_password_is_shown(dsn: str, expected: str) -> None:
    assert shown(dsn) == expected


def test_another_database_of_the_same_server_keeps_account_and_options() -> None:
    assert with_database("postgresql://u:p@h:1/a?x=y", "b") == "postgresql://u:p@h:1/b?x=y"
