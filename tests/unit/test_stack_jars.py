"""Kafka's files: what is pinned, where they come from, what is said when they do not come."""

from pathlib import Path

import pytest

from execledger.errors import UserError
from execledger.stack import jars
from execledger.stack.say import silent

NOBODY = "http://somebody:secret@127.0.0.1:9/maven"  # the discard port: nobody listens


def test_every_file_is_pinned_once_by_its_content() -> None:
    pinned = jars.pinned()
    assert len({jar.coordinates for jar in pinned}) == len(pinned)
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in pinned)
    assert {jars.KAFKA, jars.LOG_BINDING} <= {jar.coordinates for jar in pinned}


def test_a_registry_that_does_not_answer_is_a_fault_with_coordinates_and_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(UserError) as raised:
        jars.kafka_jars(NOBODY, silent())
    message = str(raised.value)
    assert jars.pinned()[0].coordinates.split(":")[0] in message
    assert "proxy" in message
    assert "secret" not in message


def test_a_file_that_was_cut_off_is_not_taken_for_the_file(tmp_path: Path) -> None:
    jar = jars.pinned()[0]
    jar.path(tmp_path).parent.mkdir(parents=True)
    jar.path(tmp_path).write_bytes(b"PK")
    assert not jar.lies_in(tmp_path)


def test_the_mirror_of_the_users_maven_settings_is_taken(tmp_path: Path) -> None:
    settings = tmp_path / "settings.xml"
    settings.write_text(
        '<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"><mirrors>'
        "<mirror><mirrorOf>snapshots</mirrorOf><url>http://no.invalid</url></mirror>"
        "<mirror><mirrorOf>central,other</mirrorOf><url>http://yes.invalid/m2</url></mirror>"
        "</mirrors></settings>"
    )
    assert jars._mirror_of_central(settings) == "http://yes.invalid/m2"
    assert jars._mirror_of_central(tmp_path / "none.xml") is None
