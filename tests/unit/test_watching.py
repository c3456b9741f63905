"""What the watchdog decides, and the event that ends an execution."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_contracts.cleaning import Limits
from execledger_contracts.decoding import Decoded, decode
from execledger_lifecycle.order import is_watchdogs
from execledger_recorder.rules.overdue import Overdue, decide, event_id
from factories import NOON, moment, nth_id

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ACCUSED = Overdue(
    id="019c0000-0000-7000-8000-000000000000",
    tenant_id="acme",
    external_id="run-1",
    root_execution_id="root-1",
    attempt=2,
    version=3,
    timed_from=NOON,
    timeout_seconds=None,
    heard_at=moment(10),
    silence_seconds=None,
    clock=moment(100),
    newest_at=moment(9),
    newest_event_id=nth_id(7),
    topic="events",
    is_imported=False,
)


def said(**facts: Any) -> dict[str, Any]:
    """The event that ends an execution of which this is known."""
    verdict = decide(ACCUSED._replace(**facts))
    assert verdict is not None
    assert verdict.event is not None
    event: dict[str, Any] = json.loads(verdict.event)
    return event


def test_an_execution_past_its_timeout_ends_when_that_is_known() -> None:
    event = said(timeout_seconds=90.0)
    assert event["time"] == moment(100).isoformat(timespec="microseconds")
    assert event["data"] == {"provisional": True, "reason": "past its timeout of 90 s"}
    assert (event["source"], event["type"]) == ("execledger:watchdog", "execution.timed_out")
    assert (event["subject"], event["tenantid"], event["attempt"]) == ("run-1", "acme", 2)


def test_so_does_one_that_is_silent() -> None:
    event = said(silence_seconds=60.5)
    assert event["time"] == moment(100).isoformat(timespec="microseconds")
    assert event["data"]["reason"] == "silent for longer than 60.5 s"


@pytest.mark.parametrize(("timeout", "silence"), [(100.0, None), (None, 90.0), (100.0, 90.0), (None, None)])
def test_within_its_limits_nothing_is_decided(timeout: float | None, silence: float | None) -> None:
    assert decide(ACCUSED._replace(timeout_seconds=timeout, silence_seconds=silence)) is None


def test_the_limit_that_was_passed_first_is_the_reason() -> None:
    assert said(timeout_seconds=80.0, silence_seconds=60.0)["data"]["reason"] == "silent for longer than 60 s"
    assert said(timeout_seconds=60.0, silence_seconds=60.0)["data"]["reason"] == "past its timeout of 60 s"


def test_the_ending_is_ordered_after_the_newest_event() -> None:
    assert said(timeout_seconds=90.0, newest_at=moment(100))["time"] == moment(100.000001).isoformat()
    assert said(timeout_seconds=90.0, newest_at=moment(105))["time"] == moment(105.000001).isoformat()


def test_imported_history_is_left_alone() -> None:
    verdict = decide(ACCUSED._replace(timeout_seconds=1.0, is_imported=True))
    assert verdict is not None
    assert (verdict.decision, verdict.event) == ("imported", None)


@pytest.mark.parametrize(
    "other", [{"tenant_id": "b"}, {"external_id": "b"}, {"attempt": 3}, {"newest_event_id": nth_id(8)}]
)
def test_another_execution_attempt_or_newest_event_is_another_ending(other: dict[str, Any]) -> None:
    assert event_id(ACCUSED._replace(**other)) != event_id(ACCUSED)


def test_the_newest_event_of_all_time_stops_nobody() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    assert said(timeout_seconds=0.0, newest_at=last)["time"].startswith("9999-12-31T23:59:59.999999")


seconds = st.none() | st.floats(0, 1e9)
moments = st.datetimes(datetime(2000, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
accused = st.builds(
    ACCUSED._replace,
    external_id=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20),
    attempt=st.integers(1, 2**31 - 1),
    timed_from=moments,
    timeout_seconds=seconds,
    heard_at=moments,
    silence_seconds=seconds,
    clock=moments,
    newest_at=moments,
)


@given(accused)
def test_every_ending_is_an_event_of_ours_at_its_clock_or_just_after_the_newest(overdue: Overdue) -> None:
    verdict = decide(overdue)
    if verdict is None:
        return
    assert verdict.event is not None
    newest = overdue.newest_at
    sent_at = int((max(newest, overdue.clock) - EPOCH) / timedelta(milliseconds=1))
    decoded = decode(verdict.event, (), sent_at, Limits())
    assert isinstance(decoded, Decoded), decoded
    assert is_watchdogs(decoded.event)
    assert decoded.event.id == event_id(overdue)
    assert newest < decoded.event.time
    assert decoded.event.time in (overdue.clock, newest + timedelta(microseconds=1))
