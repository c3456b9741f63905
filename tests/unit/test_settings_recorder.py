"""The recorder's settings, from the environment."""

import os

import pytest

from execledger_recorder import __main__
from execledger_recorder.settings import Settings
from execledger_runtime.settings import SettingsError

DSN = "postgresql://recorder:hunter2@db.example:6543/ledger"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two required settings, and no other."""
    for name in [name for name in os.environ if name.startswith("EXECLEDGER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")
    monkeypatch.setenv("EXECLEDGER_POSTGRES_DSN", DSN)


def test_two_settings_are_enough() -> None:
    settings = Settings.load()
    assert settings.dsn == DSN
    assert (settings.events_topic, settings.dead_letter_topic) == ("executions.events", "executions.dead-letter")
    assert (settings.control_topic, settings.consumer_group) == ("executions.control", "execledger-recorder")
    assert settings.recorder_metrics_port == 9464


def test_each_missing_setting_is_a_line_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS")
    monkeypatch.delenv("EXECLEDGER_POSTGRES_DSN")
    lines = explained()
    assert [line.split(":")[0] for line in lines] == ["EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS", "EXECLEDGER_POSTGRES_DSN"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTGRES_DSN", "mysql://u:hunter2@h/x"),
        ("POSTGRES_DSN", "hunter2"),
        ("KAFKA_BOOTSTRAP_SERVERS", ""),
        ("KAFKA_BOOTSTRAP_SERVERS", "broker"),
        ("KAFKA_BOOTSTRAP_SERVERS", "broker:port"),
        ("KAFKA_SSL_CAFILE", "/nowhere/ca.pem"),
        ("RECORDER_METRICS_PORT", "65536"),
        ("BATCH_SIZE", "many"),
        ("BATCH_SIZE", "0"),
        ("STATEMENT_TIMEOUT_MS", "1"),
        ("MAX_TEXT_BYTES", "10"),
        ("DEAD_LETTER_TOPIC", "executions.events"),
        ("CONTROL_TOPIC", "executions.events"),
        ("CONTROL_TOPIC", "executions.dead-letter"),
        ("USAGE_INTERVAL_SECONDS", "0"),
        ("LOG_FORMAT", "xml"),
        ("KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("KAFKA_SASL_MECHANISM", "OAUTHBEARER"),
        ("POSTGRES_POOLER", "transaction"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"EXECLEDGER_{name}", value)
    (line,) = explained()
    assert line.startswith(f"EXECLEDGER_{name}: ")
    assert "hunter2" not in line
    assert "validation error" not in line


def test_a_wrong_setting_ends_the_process_with_2_and_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXECLEDGER_BATCH_SIZE", "many")
    assert __main__.main([]) == 2
    assert capsys.readouterr().err.startswith("EXECLEDGER_BATCH_SIZE: ")


def test_no_secret_shows() -> None:
    settings = Settings.load()
    shown = f"{settings!r} {settings} {settings.model_dump_json()}"
    assert "hunter2" not in shown
    assert settings.database_address == "db.example:6543/ledger"


def test_the_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in Settings.variables())
    assert "hunter2" not in shown


def test_a_login_to_kafka_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXECLEDGER_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("EXECLEDGER_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512")
    monkeypatch.setenv("EXECLEDGER_KAFKA_SASL_USERNAME", "recorder")
    monkeypatch.setenv("EXECLEDGER_KAFKA_SASL_PASSWORD", "hunter3")
    options = Settings.load().kafka_options
    assert options["bootstrap_servers"] == "kafka.example:9092"
    assert options["security_protocol"] == "SASL_PLAINTEXT"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("recorder", "hunter3")


def explained() -> list[str]:
    """The lines that say what is wrong."""
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    return str(caught.value).splitlines()
