"""The months by which tables are split, and how many partitions may be made for them."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

Month = tuple[int, int]
"""Year and month of a time, in UTC."""


class PartitionPolicy(NamedTuple):
    """For how many days back months are made, else years; and how many of either in a minute at most."""

    monthly_days: int = 731
    a_minute: int = 6


DEFAULT_PARTITION_POLICY: Final = PartitionPolicy()


def month_of(at: datetime) -> Month:
    """The month of a time with a zone."""
    at = at.astimezone(UTC)
    return at.year, at.month


def months_from(at: datetime, ahead: int) -> list[Month]:
    """The month of a time, and so many that follow."""
    return [(at.year + years, month + 1) for years, month in (divmod(at.month - 1 + n, 12) for n in range(ahead + 1))]
