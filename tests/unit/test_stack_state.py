"""What a data directory remembers."""

import stat
from pathlib import Path

import pytest

from execledger.errors import UserError
from execledger.stack.state import DataDirectory, State


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    directory = DataDirectory.at(tmp_path / "data")
    directory.create()
    return directory


def test_the_state_is_kept(directory: DataDirectory) -> None:
    kept = directory.change(lambda state: state.with_port("kafka", 20_001))
    assert directory.state() == kept
    assert kept.kafka_ports == (20_001,)


def test_the_newest_port_comes_first_and_the_others_are_remembered() -> None:
    state = State().with_port("kafka", 1).with_port("kafka", 2).with_port("kafka", 1)
    assert state.kafka_ports == (1, 2)
    assert state.postgres_ports == ()


def test_a_secret_stays_the_same_and_is_for_its_owner_only(directory: DataDirectory) -> None:
    secret = directory.secret("jwt")
    assert directory.secret("jwt") == secret
    assert len(secret.encode()) >= 32
    assert stat.S_IMODE((directory.path / "jwt.secret").stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700


def test_a_damaged_state_is_reported(directory: DataDirectory) -> None:
    (directory.path / "stack.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        directory.state()


def test_a_directory_that_holds_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UserError, match="holds other files"):
        DataDirectory.at(tmp_path).create()
    assert not (tmp_path / ".gitignore").exists()


def test_a_directory_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--data"):
        DataDirectory.at(tmp_path / "file" / "data").create()
