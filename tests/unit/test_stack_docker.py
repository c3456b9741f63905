"""The docker command as the stack calls it: a stand-in writes down what it is asked."""

import os
from pathlib import Path

import pytest

from execledger.errors import UserError
from execledger.stack import docker
from execledger.stack.say import silent
from execledger.stack.state import DataDirectory

STAND_IN = """#!/bin/sh
echo "$@" >> "$0.calls"
case "$1" in
    inspect) echo "true 4711" ;;
    run) echo "password=$POSTGRES_PASSWORD" >> "$0.environment" ;;
esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that lists what docker was asked."""
    command = tmp_path / "bin" / "docker"
    command.parent.mkdir()
    command.write_text(STAND_IN)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    return command.with_name("docker.calls")


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    directory = DataDirectory.at(tmp_path / "data")
    directory.create()
    directory.change(lambda state: state)
    return directory


def test_the_broker_is_published_on_loopback_and_advertises_its_port(calls: Path, directory: DataDirectory) -> None:
    kafka = docker.DockerKafka(directory)
    kafka.start(20_001)
    asked = calls.read_text()
    assert f"rm --force {kafka.container}" in asked
    assert "--publish 127.0.0.1:20001:9092" in asked
    assert asked.rstrip().endswith(docker.KAFKA_IMAGE)
    assert kafka.pid() == 4711


def test_the_password_goes_to_docker_by_environment_and_not_by_command_line(
    calls: Path, directory: DataDirectory
) -> None:
    docker.DockerPostgres(directory).start(20_002)
    password = directory.secret("postgres")
    assert password not in calls.read_text()
    assert "--env POSTGRES_PASSWORD" in calls.read_text()
    assert calls.with_name("docker.environment").read_text() == f"password={password}\n"


def test_an_image_that_is_there_is_not_pulled(calls: Path, directory: DataDirectory) -> None:
    docker.DockerPostgres(directory).prepare(silent())
    assert "pull" not in calls.read_text()


def test_stopping_keeps_the_volume_and_deleting_does_not(calls: Path, directory: DataDirectory) -> None:
    postgres = docker.DockerPostgres(directory)
    postgres.stop()
    assert "volume" not in calls.read_text()
    postgres.delete()
    assert f"volume rm --force {postgres.container}" in calls.read_text()


def test_without_docker_one_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="no docker command"):
        docker.require()
