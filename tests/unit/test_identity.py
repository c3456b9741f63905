"""Ids of executions, and uuids of foreign ids."""

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_lifecycle.foreign_ids import foreign_uuid
from execledger_recorder.rules.ids import id_milliseconds, new_id, own_id
from execledger_runtime.kafka.records import LATEST_MS
from factories_recorder import NOON, NOON_MS

OWN = "019ca948-287b-7000-8000-000000000001"
DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)


def of_time(at: datetime) -> str:
    return new_id(at)


@given(st.timedeltas(timedelta(0), timedelta(days=365 * 7000)))
def test_a_new_id_is_a_uuid7_with_the_time_of_its_event(since_2000: timedelta) -> None:
    at = datetime(2000, 1, 1, tzinfo=UTC) + since_2000
    made = UUID(new_id(at))
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert 0 <= at.timestamp() * 1000 - id_milliseconds(str(made)) < 1.001


def test_new_ids_of_one_moment_differ() -> None:
    assert len({new_id(NOON) for _ in range(1000)}) == 1000


def test_ids_of_a_later_millisecond_sort_after() -> None:
    assert new_id(NOON) < new_id(NOON + MILLISECOND)


def test_a_canonical_uuid7_is_its_own_id() -> None:
    assert own_id(OWN, NOON_MS) == OWN


@pytest.mark.parametrize(
    "external_id",
    [
        OWN.upper(),
        OWN.replace("-", ""),
        "{" + OWN + "}",
        OWN + "\n",
        OWN.replace("-7", "-4"),
        OWN.replace("-8", "-c"),
        "01JNXKZ2VQ8M7T0R5Y3W4X6A9B",
        "ORDER-SYNC-1767258000",
    ],
)
def test_anything_else_is_not(external_id: str) -> None:
    assert own_id(external_id, NOON_MS) is None


def test_a_uuid7_of_a_time_that_cannot_be_is_not_its_own_id() -> None:
    at = datetime.fromtimestamp(NOON_MS / 1000, UTC)
    assert own_id(of_time(at + DAY), NOON_MS)
    assert own_id(of_time(at + DAY + MILLISECOND), NOON_MS) is None
    assert own_id(of_time(datetime(2000, 1, 1, tzinfo=UTC)), NOON_MS)
    assert own_id(of_time(datetime(2000, 1, 1, tzinfo=UTC) - MILLISECOND), NOON_MS) is None


def test_a_uuid7_whose_time_leads_out_of_the_calendar_is_not_its_own_id_whatever_the_record_says() -> None:
    last_day = datetime(9999, 12, 31, tzinfo=UTC)
    assert own_id(of_time(last_day - MILLISECOND), LATEST_MS)
    assert own_id("e677d21f-dfe7-7000-8000-000000000001", LATEST_MS) is None  # in the year 10000


def test_a_foreign_uuid_stays_as_it_is_but_in_lower_case() -> None:
    assert foreign_uuid("owner", OWN.upper()) == OWN


def test_another_foreign_id_becomes_a_uuid_of_its_kind() -> None:
    assert foreign_uuid("owner", "ann") == str(uuid5(NAMESPACE_URL, "execledger:owner:ann"))
    assert foreign_uuid("tenant", "ann") != foreign_uuid("owner", "ann")


def test_no_foreign_id_has_no_uuid() -> None:
    assert foreign_uuid("owner", None) is None
