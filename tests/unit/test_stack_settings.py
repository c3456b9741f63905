"""Settings of the local stack, and what the doctor says of those in the environment."""

import pytest

from execledger.commands import doctor
from execledger.errors import UserError
from execledger.stack.settings import StackSettings, load, required_brokers


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


@pytest.mark.parametrize(
    "servers", ["localhost:9092", "a.test:1, b.test:65535", "[::1]:9092", "[fe80::1%eth0]:9092,b:1"]
)
def test_brokers_are_hosts_with_ports(monkeypatch: pytest.MonkeyPatch, servers: str) -> None:
    monkeypatch.setenv("EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS", servers)
    assert required_brokers() == servers


@pytest.mark.parametrize("servers", ["foo:bar", "foo", "foo:0", "foo:65536", ":9092", "a:1,", "::1:9092", "http://a:1"])
def test_anything_else_is_one_line(monkeypatch: pytest.MonkeyPatch, servers: str) -> None:
    monkeypatch.setenv("EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS", servers)
    with pytest.raises(UserError, match=r"^EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS: should be HOST:PORT.*$") as raised:
        required_brokers()
    assert raised.value.exit_status == 2
