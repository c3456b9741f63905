"""Settings by environment variable, and secrets by file: what every service and the command share."""

from itertools import permutations
from pathlib import Path

import pytest
from pydantic import Field, PostgresDsn, Secret, SecretStr

from execledger.stack.settings import StackSettings
from execledger_query.settings import Settings as QuerySettings
from execledger_recorder.settings import Settings as RecorderSettings
from execledger_runtime.settings import EnvironmentSettings, SettingsError

DSN = "postgresql://u:hunter2@h/d"
ALL = (RecorderSettings, QuerySettings, StackSettings)
SECRETS = (
    "EXECLEDGER_POSTGRES_DSN",
    "EXECLEDGER_QUERY_REPLICA_DSN",
    "EXECLEDGER_JWT_SECRET",
    "EXECLEDGER_CURSOR_SECRET",
    "EXECLEDGER_KAFKA_SASL_PASSWORD",
)


class Some(EnvironmentSettings):
    """One setting of each kind."""

    postgres_dsn: Secret[PostgresDsn] = Field(description="the database")
    token: SecretStr | None = Field(None, min_length=4, description="a word")
    port: int = Field(80, ge=1, description="where")
    is_loud: bool = Field(False, description="whether")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that holds the DSN, as an editor saves it."""
    path = tmp_path / "dsn"
    path.write_text(f"{DSN}\n")
    return path


def refusals(**environment: object) -> list[str]:
    """The lines that say what is wrong."""
    said = {f"EXECLEDGER_{name}": str(value) for name, value in environment.items()}
    with pytest.raises(SettingsError) as caught:
        Some.load(said)
    assert "hunter2" not in str(caught.value)
    return str(caught.value).splitlines()


def test_a_variable_is_the_name_in_capitals_and_an_empty_one_is_none() -> None:
    some = Some.load({"EXECLEDGER_POSTGRES_DSN": DSN, "EXECLEDGER_PORT": "", "EXECLEDGER_IS_LOUD": "1", "PORT": "7"})
    assert (str(some.postgres_dsn.get_secret_value()), some.port, some.is_loud, some.token) == (DSN, 80, True, None)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_is_read_from_its_file_without_the_line_break_at_the_end(tmp_path: Path, end: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(f" a pass word {end}".encode())
    some = Some.load({"EXECLEDGER_POSTGRES_DSN": DSN, "EXECLEDGER_TOKEN_FILE": str(path)})
    assert some.token is not None
    assert some.token.get_secret_value() == " a pass word "


def test_a_secret_by_variable_and_by_file_is_one_line(file: Path) -> None:
    assert refusals(POSTGRES_DSN=DSN, POSTGRES_DSN_FILE=file) == [
        "EXECLEDGER_POSTGRES_DSN_FILE: should not be set beside EXECLEDGER_POSTGRES_DSN"
    ]


def test_a_file_that_cannot_be_read_is_named_with_its_variable(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert refusals(POSTGRES_DSN_FILE=missing) == [
        f"EXECLEDGER_POSTGRES_DSN_FILE: cannot read {missing}: No such file or directory"
    ]
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff")
    assert refusals(POSTGRES_DSN_FILE=tmp_path / "empty", TOKEN_FILE=tmp_path / "bytes") == [
        f"EXECLEDGER_POSTGRES_DSN_FILE: {tmp_path / 'empty'} is empty",
        f"EXECLEDGER_TOKEN_FILE: {tmp_path / 'bytes'} is not text in UTF-8",
    ]


def test_what_is_wrong_in_a_file_is_told_with_the_variable_that_names_it(file: Path) -> None:
    file.write_text("mysql://u:hunter2@h/d")
    (line,) = refusals(POSTGRES_DSN_FILE=file)
    assert line.startswith("EXECLEDGER_POSTGRES_DSN_FILE: ")
    assert line.endswith(" (the database)")


def test_only_secrets_have_files() -> None:
    assert Some.variables() == [
        "EXECLEDGER_POSTGRES_DSN",
        "EXECLEDGER_POSTGRES_DSN_FILE",
        "EXECLEDGER_TOKEN",
        "EXECLEDGER_TOKEN_FILE",
        "EXECLEDGER_PORT",
        "EXECLEDGER_IS_LOUD",
    ]


def test_each_secret_of_ours_has_a_file() -> None:
    variables = {name for settings in ALL for name in settings.variables()}
    assert {name.removesuffix("_FILE") for name in variables if f"{name}_FILE" in variables} == set(SECRETS)


def test_each_variable_is_described_with_its_default() -> None:
    assert [line.split(None, 1) for line in Some.described().splitlines()] == [
        ["EXECLEDGER_POSTGRES_DSN", "the database [required]"],
        ["EXECLEDGER_POSTGRES_DSN_FILE", "a file that holds it, instead of EXECLEDGER_POSTGRES_DSN"],
        ["EXECLEDGER_TOKEN", "a word [not set]"],
        ["EXECLEDGER_TOKEN_FILE", "a file that holds it, instead of EXECLEDGER_TOKEN"],
        ["EXECLEDGER_PORT", "where [default 80]"],
        ["EXECLEDGER_IS_LOUD", "whether [default 0]"],
    ]


@pytest.mark.parametrize(("settings", "others"), [*permutations(ALL, 2)])
def test_no_variable_of_others_is_taken_for_a_misspelt_one(
    settings: type[EnvironmentSettings], others: type[EnvironmentSettings]
) -> None:
    assert settings.misspelt(others.variables()) == []


def test_a_misspelt_name_of_a_file_is_noticed() -> None:
    assert Some.misspelt(["EXECLEDGER_POSTGRES_DSN_FILES"]) == [
        ("EXECLEDGER_POSTGRES_DSN_FILES", "EXECLEDGER_POSTGRES_DSN_FILE")
    ]
