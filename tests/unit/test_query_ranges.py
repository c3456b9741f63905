"""A range is cut into buckets without a gap, and pieced together from whole spans of UTC."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_query.ranges import (
    RAW,
    Bucket,
    TooManyBucketsError,
    bounds_of,
    bucket_start,
    pieces_of,
)

ZONES: Final = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia")
LENGTHS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
times = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001
ranges = st.tuples(times, st.timedeltas(timedelta(seconds=1), timedelta(days=80)))


@given(ranges, st.sampled_from(("hour", "day", "week", "month", None)), st.sampled_from(ZONES))
def test_buckets_follow_each_other_and_begin_where_the_zone_says(
    said: tuple[datetime, timedelta], bucket: Bucket | None, name: str
) -> None:
    begin, end, zone = said[0], said[0] + said[1], ZoneInfo(name)
    bounds = bounds_of(begin, end, bucket, zone)
    assert (bounds[0], bounds[-1]) == (begin, end)
    assert all(one < other for one, other in pairwise(bounds))
    for at in bounds[1:-1]:
        local = at.astimezone(zone)
        if (name, bucket) != ("Australia/Lord_Howe", "hour"):  # it changes by half an hour, in the midst of one
            assert (local.minute, local.second, local.microsecond) == (0, 0, 0)
        assert bucket == "hour" or bucket_start(at, bucket, zone) == at
        assert bucket != "week" or local.weekday() == 0
        assert bucket != "month" or local.day == 1
    assert bucket_start(begin, bucket, zone) <= begin


@given(ranges, st.sampled_from(("hour", "day", "week", "month", None)), st.sampled_from(ZONES), st.data())
def test_pieces_cover_each_bucket_once(
    said: tuple[datetime, timedelta], bucket: Bucket | None, name: str, data: st.DataObject
) -> None:
    bounds = bounds_of(said[0], said[0] + said[1], bucket, ZoneInfo(name))
    days = [said[0].replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=n) for n in range(9)]
    unsettled = {("day", day) for day in data.draw(st.sets(st.sampled_from(days)))}
    pieces = pieces_of(bounds, ("hour", "day", "month"), unsettled)
    found = sorted((begin, end, span) for span, of_span in pieces.items() for begin, end in of_span)
    assert (found[0][0], found[-1][1]) == (bounds[0], bounds[-1])
    assert all(one[1] == other[0] for one, other in pairwise(found))
    for begin, end, span in found:
        if span != RAW:
            assert all((at.minute, at.second, at.microsecond) == (0, 0, 0) for at in (begin, end))
        if span in ("day", "month"):
            assert begin.hour == end.hour == 0
            assert not any(begin <= day < end for _, day in unsettled)
            inner = [at for at in bounds if begin < at < end]
            assert all(at.hour == 0 and (span == "day" or at.day == 1) for at in inner)


def test_a_range_has_so_many_buckets_and_no_more() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(TooManyBucketsError):
        bounds_of(begin, begin + timedelta(days=500), "hour", ZoneInfo("UTC"))
