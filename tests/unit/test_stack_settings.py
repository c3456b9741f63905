"""Settings of the local stack, and what the doctor says of those in the environment."""

import pytest

from execledger.commands import doctor
from execledger.errors import UserError
from execledger.stack.settings import StackSettings, load


def test_a_mistyped_setting_gets_a_suggestion() -> None:
    found = doctor.unknown_settings(
        ["EXECLEDGER_EVENT_TOPIC", "HOME"], ["EXECLEDGER_EVENTS_TOPIC", "EXECLEDGER_POSTGRES_DSN"]
    )
    assert [(finding.subject, finding.advice) for finding in found] == [
        ("EXECLEDGER_EVENT_TOPIC", "Did you mean EXECLEDGER_EVENTS_TOPIC?")
    ]


def test_a_setting_like_none_that_is_known_is_to_be_unset() -> None:
    (found,) = doctor.unknown_settings(["EXECLEDGER_QQQQ"], ["EXECLEDGER_POSTGRES_DSN"])
    assert found.advice == "Unset it."


def test_the_settings_of_the_stack_are_known() -> None:
    assert "EXECLEDGER_EVENTS_PARTITIONS" in doctor.known_names(doctor.settings_classes())


def test_a_bad_value_is_named_by_its_variable_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXECLEDGER_JWT_SECRET", "too-short-to-be-safe")
    with pytest.raises(UserError, match="EXECLEDGER_JWT_SECRET: ") as raised:
        load(StackSettings)
    assert "too-short" not in str(raised.value)
    assert raised.value.exit_status == 2
