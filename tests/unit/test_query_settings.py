"""Settings: what is wrong is said in a line, and secrets are never shown."""

import subprocess
import sys
from pathlib import Path

import pytest

from execledger_query import openapi
from execledger_query.__main__ import main
from execledger_query.settings import Settings
from execledger_query.sql import names, statement
from execledger_query.store import Options
from execledger_runtime.settings import SettingsError

DSN = "postgresql://reader:hunter2@db.test:5433/execledger"
SECRET = "a secret that nobody may see in a log"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("EXECLEDGER_"):
            monkeypatch.delenv(name)


def test_two_settings_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, POSTGRES_DSN=DSN, JWT_SECRET=SECRET)
    assert Settings.load().query_port == 8080


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"JWT_SECRET": SECRET}, "EXECLEDGER_POSTGRES_DSN"),
        ({"POSTGRES_DSN": "mysql://u:hunter2@h/d", "JWT_SECRET": SECRET}, "EXECLEDGER_POSTGRES_DSN"),
        ({"POSTGRES_DSN": DSN}, "EXECLEDGER_JWT_SECRET"),
        ({"POSTGRES_DSN": DSN, "JWT_SECRET": "hunter2"}, "EXECLEDGER_JWT_SECRET"),
        ({"POSTGRES_DSN": DSN, "JWT_SECRET": SECRET, "QUERY_PORT": "http"}, "EXECLEDGER_QUERY_PORT"),
        ({"POSTGRES_DSN": DSN, "JWT_SECRET": SECRET, "JWKS_URL": "https://i.test"}, "EXECLEDGER_JWKS_URL"),
        ({"POSTGRES_DSN": DSN, "JWKS_URL": "keys"}, "EXECLEDGER_JWKS_URL"),
        ({"POSTGRES_DSN": DSN, "JWT_SECRET": SECRET, "POSTGRES_POOLER": "transaction"}, "EXECLEDGER_POSTGRES_POOLER"),
        (
            {"POSTGRES_DSN": DSN, "INSECURE_ANONYMOUS": "1", "QUERY_HOST": "0.0.0.0"},  # noqa: S104
            "EXECLEDGER_INSECURE_ANONYMOUS",
        ),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: dict[str, str], named: str
) -> None:
    _set(monkeypatch, **settings)
    assert main() == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{named}: ")
    assert said.count("\n") == 1
    assert "hunter2" not in said
    assert SECRET not in said


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_anonymous_reading_is_for_loopback(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    _set(monkeypatch, POSTGRES_DSN=DSN, INSECURE_ANONYMOUS="1", QUERY_HOST=host)
    assert Settings.load().insecure_anonymous


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.test", "localhost.example.test"])  # noqa: S104
def test_anonymous_reading_is_for_nothing_else(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    _set(monkeypatch, POSTGRES_DSN=DSN, INSECURE_ANONYMOUS="1", QUERY_HOST=host)
    with pytest.raises(SettingsError):
        Settings.load()


def test_a_misspelt_variable_is_noticed_and_those_of_others_are_not() -> None:
    assert Settings.misspelt(
        ["EXECLEDGER_JWT_SECRETS", "EXECLEDGER_CONTROL_TOPIC", "EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS"]
    ) == [("EXECLEDGER_JWT_SECRETS", "EXECLEDGER_JWT_SECRET")]


def test_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for name in (
        "EXECLEDGER_POSTGRES_DSN",
        "EXECLEDGER_QUERY_PORT",
        "EXECLEDGER_METRICS_TOP_WORKFLOWS",
        "default 8080",
    ):
        assert name in said
    assert main(["--port", "1"]) == 2


@pytest.mark.parametrize(
    ("dsn", "address"),
    [
        (DSN, "db.test:5433"),
        ("postgresql://u:p@a:1,b:2/x", "a:1,b:2"),
        ("postgresql:///x?host=/run", "the local socket"),
        ("postgresql://u:hun/ter2@h/x", "the configured address"),
        ("postgresql://u:p@h/x?password=hunter2", "h"),
    ],
)
def test_an_address_is_shown_without_its_password(dsn: str, address: str) -> None:
    assert Options(dsn).address == address


def test_every_statement_says_first_what_it_is_for() -> None:
    assert "executions" in names()
    for name in names():
        assert statement(name).startswith("-- "), name


def test_the_committed_document_is_what_the_routes_say() -> None:
    assert openapi.main(["--check", str(Path(__file__).parents[2])]) == 0


def test_a_document_that_drifted_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert openapi.main(["--check", str(tmp_path)]) == 1
    assert openapi.main([str(tmp_path)]) == 0
    assert openapi.main(["--check", str(tmp_path)]) == 0
    assert "run python -m execledger_query.openapi" in capsys.readouterr().err


def test_the_module_imports_without_settings() -> None:
    subprocess.run([sys.executable, "-c", "import execledger_query.app, execledger_query.__main__"], check=True)


def _set(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"EXECLEDGER_{name}", value)
