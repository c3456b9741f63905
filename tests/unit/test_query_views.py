"""The shapes that the service shows."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execledger_query import views
from execledger_query.views import execution_of, execution_sources, show_money, show_time, shown_fields, step_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(st.decimals(min_value=0, max_value=10**18, places=9))
def test_money_is_plain_and_loses_nothing(amount: Decimal) -> None:
    shown = show_money(amount)
    assert Decimal(shown) == amount
    assert "E" not in shown
    assert not ("." in shown and shown.endswith(("0", ".")))


@given(st.datetimes(datetime(2000, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_times_are_cut_to_milliseconds_in_utc(at: datetime) -> None:
    shown = show_time(at.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert shown.endswith("Z")
    assert timedelta(0) <= at - datetime.fromisoformat(shown) < timedelta(milliseconds=1)
    assert len(shown) == len("2026-01-02T03:04:05.678Z")


def test_what_nobody_said_is_null_and_usage_and_budget_are_objects() -> None:
    shown = execution_of(row(), {}).model_dump(mode="json")
    for name in ("owner", "workflow", "trigger", "error", "tags", "labels", "metadata"):
        assert shown[name] is None, name
    assert shown["usage"] == {
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": 7,
        "cost_usd": "0.5",
        "cost_source": None,
    }
    assert shown["budget"] == {
        "token_limit": None,
        "cost_limit_usd": None,
        "scope": None,
        "consumed_tokens": 7,
        "consumed_cost_usd": "0.5",
    }


def test_an_object_shows_all_its_keys() -> None:
    shown = execution_of(row(owner_id="ann", workflow_version="2", error_event_id=uuid4()), {}).model_dump(mode="json")
    assert shown["owner"] == {"id": "ann", "email": None, "name": None}
    assert shown["workflow"] == {"id": None, "name": None, "version": "2"}
    assert shown["error"] == {"message": None, "type": None, "stack": None}


def test_payloads_come_from_the_events_that_said_them() -> None:
    started, failed = uuid4(), uuid4()
    execution = row(input_event_id=started, output_event_id=failed, error_event_id=failed, has_stack=True)
    source = execution["id"]
    said: dict[tuple[UUID, UUID], dict[str, Any]] = {
        (source, started): {"input": [1], "output": "not mine", "result": None, "stack": None},
        (source, failed): {"input": "not mine", "output": {"a": None}, "result": None, "stack": "line 1"},
    }
    assert execution_sources([execution]) == [*said]
    shown = execution_of(execution, said)
    assert (shown.input, shown.output, shown.result) == ([1], {"a": None}, None)
    assert shown.error == views.Error(message=None, type=None, stack="line 1")
    assert (shown.omitted, execution_of(execution, {}).omitted) == ([], ["input", "output", "error.stack"])


def test_a_list_shows_the_fields_asked_for_and_payloads_only_when_included() -> None:
    assert shown_fields(["id", "input"], with_payloads=True) == {"id", "input"}
    assert shown_fields([], with_payloads=False) == set(views.EXECUTION_FIELDS) - {"input", "output", "result"}


@pytest.mark.parametrize("name", ["input", "output", "error"])
def test_a_step_always_has_the_keys_of_its_payloads(name: str) -> None:
    step = {**dict.fromkeys(views.Step.model_fields), **_STEP}
    assert step_of(step, {}).model_dump(mode="json")[name] is None


def row(**values: Any) -> dict[str, Any]:
    return {**dict.fromkeys(_COLUMNS), **_EXECUTION, "id": uuid4(), **values}


_COLUMNS = [
    *(name for name in views.EXECUTION_FIELDS if name not in ("owner", "workflow", "trigger", "error")),
    *("owner_id", "owner_email", "owner_name", "workflow_id", "workflow_name", "workflow_version"),
    *("trigger_mode", "trigger_event_id", "trigger_event_name", "error_message", "error_type"),
    *("error_event_id", "input_event_id", "output_event_id", "result_event_id"),
    *(name for name in views.Usage.model_fields),
    *("token_limit", "cost_limit_usd", "budget_scope"),
]
_EXECUTION = {
    "has_stack": False,
    "external_id": "run-1",
    "tenant_id": "acme",
    "status": "running",
    "provisional": False,
    "attempt": 1,
    "created_at": NOON,
    "completed_steps": 0,
    "total_steps": 0,
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "total_tokens": 7,
    "cost_usd": Decimal("0.500"),
    "agents_used": 0,
    "tools_invoked": 0,
    "cache_hits": 0,
    "killed_by_budget": False,
    "root_execution_id": "run-1",
    "version": 1,
}
_STEP: dict[str, Any] = {
    "execution_id": UUID(int=1),
    "step_id": "draft",
    "iteration": None,
    "attempt": 1,
    "try_number": 1,
    "status": "running",
    "provisional": False,
    "error_event_id": None,
    "input_event_id": None,
    "output_event_id": None,
}
