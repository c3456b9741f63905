"""A range of time, cut into buckets of a time zone and pieced together from hours, days and months of UTC. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo

Bucket = Literal["hour", "day", "week", "month"]
Piece = tuple[datetime, datetime]
Pieces = Mapping[str, Sequence[Piece]]
"""By span, `raw` for what is no whole hour: ranges, in order."""
RAW: Final = "raw"
MOST_BUCKETS: Final = 10_000

_HOUR: Final = timedelta(hours=1)


class TooManyBucketsError(ValueError):
    """A range has more buckets than an answer may show."""


def bounds_of(begin: datetime, end: datetime, bucket: Bucket | None, zone: ZoneInfo) -> list[datetime]:
    """Where the buckets of a range begin, in UTC, and where the last one ends. Raises TooManyBucketsError.

    The first begins with the range and the last ends with it, so both may be parts of an hour, a day, a week, a month.

    >>> from datetime import UTC, datetime
    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> march = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC)
    >>> [f"{at:%d. %H:%M}" for at in bounds_of(*march, "day", berlin)]
    ['28. 12:00', '28. 23:00', '29. 22:00', '30. 00:00']
    """
    bounds = [begin]
    while bucket is not None and (follows := _next_start(bounds[-1], bucket, zone)) < end:
        bounds.append(follows)
        if len(bounds) > MOST_BUCKETS:
            raise TooManyBucketsError(f"more than {MOST_BUCKETS} buckets: take a coarser one, or a shorter range")
    return [*bounds, end]


def bucket_start(begin: datetime, bucket: Bucket | None, zone: ZoneInfo) -> datetime:
    """Where the bucket begins in which a range does; without buckets, the range."""
    if bucket is None:
        return begin
    if bucket == "hour":
        local = begin.astimezone(zone)
        return begin - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return _midnight(_first_day(begin.astimezone(zone).date(), bucket), zone)


def whole_hours(begin: datetime, end: datetime) -> Piece:
    """The least range of whole hours of UTC that a range lies in."""
    return _floor(begin, "hour"), _ceiling(end, "hour")


def pieces_of(
    bounds: Sequence[datetime], spans: Sequence[str], unsettled: Collection[tuple[str, datetime]] = ()
) -> Pieces:
    """The coarsest whole spans of UTC that each bucket is made of, but for those that are to be summed anew.

    A month is, too, while one of its days is.
    """
    unsettled = {*unsettled, *(("month", _floor(start, "month")) for _, start in unsettled)}
    found: dict[str, list[Piece]] = {}
    coarsest = [span for span in ("month", "day", "hour") if span in spans]
    for begin, end in pairwise(bounds):
        for span, piece in _cut_by_spans(begin, end, coarsest, unsettled):
            of_span = found.setdefault(span, [])
            if of_span and of_span[-1][1] == piece[0]:
                of_span[-1] = (of_span[-1][0], piece[1])
            else:
                of_span.append(piece)
    return found


def _cut_by_spans(
    begin: datetime, end: datetime, spans: Sequence[str], unsettled: Collection[tuple[str, datetime]]
) -> Iterator[tuple[str, Piece]]:
    if begin >= end:
        return
    if not spans:
        yield RAW, (begin, end)
        return
    span, *finer = spans
    first, last = _ceiling(begin, span), _floor(end, span)
    if first >= last:
        yield from _cut_by_spans(begin, end, finer, unsettled)
        return
    yield from _cut_by_spans(begin, first, finer, unsettled)
    for start, follows in _settled(first, last, span, unsettled):
        if (span, start) in unsettled:
            yield from _cut_by_spans(start, follows, finer, unsettled)
        else:
            yield span, (start, follows)
    yield from _cut_by_spans(last, end, finer, unsettled)


def _settled(
    first: datetime, last: datetime, span: str, unsettled: Collection[tuple[str, datetime]]
) -> Iterator[Piece]:
    """From one to the other in as few pieces as there may be: what is unsettled lies in a piece of its own."""
    begin = first
    for start in sorted(start for of, start in unsettled if of == span and first <= start < last):
        if begin < start:
            yield begin, start
        begin = _ceiling(start + timedelta(microseconds=1), span)
        yield start, begin
    if begin < last:
        yield begin, last


def _next_start(at: datetime, bucket: Bucket, zone: ZoneInfo) -> datetime:
    if bucket == "hour":
        follows = bucket_start(at + _HOUR, "hour", zone)
        return follows if follows > at else follows + _HOUR
    day = _first_day(at.astimezone(zone).date(), bucket)
    match bucket:
        case "day":
            later = day + timedelta(days=1)
        case "week":
            later = day + timedelta(days=7)
        case "month":
            later = (day + timedelta(days=32)).replace(day=1)
    return _midnight(later, zone)


def _first_day(day: date, bucket: Bucket) -> date:
    match bucket:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _floor(at: datetime, span: str) -> datetime:
    hour = at.replace(minute=0, second=0, microsecond=0)
    match span:
        case "hour":
            return hour
        case "day":
            return hour.replace(hour=0)
        case _:
            return hour.replace(hour=0, day=1)


def _ceiling(at: datetime, span: str) -> datetime:
    if (start := _floor(at, span)) == at:
        return at
    match span:
        case "hour":
            return start + _HOUR
        case "day":
            return start + timedelta(days=1)
        case _:
            return (start + timedelta(days=32)).replace(day=1)
