"""The shapes of the ledger and of dead letters, and how rows become them. Pure."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from execledger_contracts.decoding import Reason, without_value
from execledger_query.views import Cursor, Row, Timestamp


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class DeadLetter(_Shape):
    """A record that could not be recorded."""

    id: int
    topic: str
    partition: int
    offset: int
    timestamp: Timestamp = Field(description="Kafka's")
    reason: Reason
    detail: str = Field(description="where in the record, and which rule; values of it only with the role payloads")
    fingerprint: str = Field(description="the same for records that are bad in the same way")
    redriven_at: Timestamp | None = Field(description="when it was sent once more")


class Header(_Shape):
    """A header of a Kafka record; names may repeat."""

    name: str
    value: str | None = Field(description="bytes that are no UTF-8 are written as \\xff")


class WholeDeadLetter(DeadLetter):
    """A record that could not be recorded, as it came, or what is kept of it: with the role payloads, else null."""

    key: str | None = Field(description="bytes that are no UTF-8 are written as \\xff")
    headers: list[Header] | None
    value_base64: str | None
    cut: dict[str, dict[str, int | str]] | None = Field(
        description="size and SHA-256, or number, of each part that is not whole: key, value, headers; else null. "
        "Nothing of a value that was not read"
    )


class DeadLetterPage(_Shape):
    """Dead letters, the newest first."""

    items: list[DeadLetter]
    next_cursor: Cursor


class Account(_Shape):
    """The account of one partition: what was consumed is gaps, missed and the six outcomes, added up."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    end_offset: int | None = Field(description="of Kafka's log, when a recorder last looked")
    gaps: int = Field(description="offsets that never held a record for us: transaction markers, compaction")
    missed: int = Field(description="deleted by retention before they were read")
    applied: int
    late: int
    duplicate: int
    rejected: int
    dead_lettered: int
    skipped: int = Field(description="by an operator's hand")
    lag: int | None = Field(description="records of Kafka's log that were not recorded when a recorder last looked")
    unaccounted: int = Field(description="0, always")


class Difference(_Shape):
    """What an audit found."""

    topic: str
    partition: int
    offset: int | None
    expected: str
    found: str


class Ledger(_Shape):
    """The account of every consumed record."""

    partitions: list[Account]
    unaccounted: int
    missed: int
    audited: bool = Field(description="false: these are the counters; `execledger ledger --audit` counts again")
    differences: list[Difference]


def dead_letter_of(row: Row, *, with_payloads: bool) -> DeadLetter:
    """A dead letter as lists show it."""
    return DeadLetter(**_facts(row, with_payloads=with_payloads))


def whole_dead_letter_of(row: Row, *, with_payloads: bool) -> WholeDeadLetter:
    """A dead letter, and all that came to whom that may be shown."""
    facts = _facts(row, with_payloads=with_payloads)
    if not with_payloads:
        return WholeDeadLetter(**facts, key=None, headers=None, value_base64=None, cut=None)
    return WholeDeadLetter(
        **facts,
        key=_text(row["key"]),
        headers=[Header(name=name, value=_text(_unpacked(value))) for name, value in row["headers"]],
        value_base64=None if row["value"] is None else b64encode(row["value"]).decode(),
        cut=row["cut"],
    )


def ledger_of(rows: Sequence[Row]) -> Ledger:
    """The account as its counters have it."""
    accounts = [Account(**{name: row[name] for name in Account.model_fields}) for row in rows]
    return Ledger(
        partitions=accounts,
        unaccounted=sum(abs(account.unaccounted) for account in accounts),
        missed=sum(account.missed for account in accounts),
        audited=False,
        differences=[],
    )


def _facts(row: Row, *, with_payloads: bool) -> dict[str, Any]:
    facts = {name: row[name] for name in DeadLetter.model_fields}
    return facts if with_payloads else {**facts, "detail": _rule(row["reason"], row["detail"])}


def _rule(reason: str, detail: str) -> str:
    """What a detail says without the value that broke the rule. What Postgres says may quote anything."""
    return "Postgres refused it" if reason == Reason.UNSTORABLE else without_value(detail)


def _unpacked(value: str | None) -> bytes | None:
    return None if value is None else b64decode(value)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")
