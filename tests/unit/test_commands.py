"""What commands say of values that cannot be right: one line, exit status 2, nothing secret."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from io import BytesIO, TextIOWrapper
from typing import Any

import pytest

from command_line import execledger
from execledger import findings
from execledger.commands import doctor
from execledger.publish import BadLine
from execledger.recorder_settings import kafka_options
from execledger.stack.broker import Topic
from execledger.stack.settings import required_dsn
from execledger_recorder.rules.circuit import Circuit


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:hunter2@127.0.0.1:1/db?sslmode=bogus",
        "postgresql://u:hun/ter2@127.0.0.1:1/db",
        "mysql://u:hunter2@h/d",
    ],
)
async def test_a_dsn_that_cannot_be_read_is_one_line_without_its_password(dsn: str) -> None:
    said = await execledger("migrate", postgres_dsn=dsn)
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert said.err.startswith("execledger: EXECLEDGER_POSTGRES_DSN: the DSN cannot be read: ")
    assert "hunter2" not in said.err
    assert "'hun'" not in said.err


@pytest.mark.parametrize(
    "command", [("ledger",), ("show", "run-1"), ("rebuild",), ("dead-letters", "list"), ("migrate",)]
)
@pytest.mark.parametrize(
    "dsn", ["u:hunter2@h:port/d", "u:hunter2@h:65536/d", "u:hunter2@a:1,b:x/d", "/d?host=h&port=x"]
)
async def test_a_dsn_with_a_port_that_is_none_is_one_line_in_every_command(command: tuple[str, ...], dsn: str) -> None:
    said = await execledger(*command, postgres_dsn=f"postgresql://{dsn}")
    assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith("execledger: EXECLEDGER_POSTGRES_DSN: the DSN cannot be read: a port is no number")
    assert "hunter2" not in said.err


def test_several_hosts_and_addresses_with_colons_are_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    for dsn in ("postgresql://u@a:1,b:2/d", "postgresql://u:p%40@[::1]:5432/d", "postgresql://h/d", "postgresql:///d"):
        monkeypatch.setenv("EXECLEDGER_POSTGRES_DSN", dsn)
        assert required_dsn() == dsn


@pytest.mark.parametrize("arguments", [("publish", "-"), ("dead-letters", "redrive", "--all"), ("migrate",)])
async def test_a_broker_s_address_that_cannot_be_read_is_one_line(arguments: tuple[str, ...]) -> None:
    said = await execledger(*arguments, kafka_bootstrap_servers="foo:bar", postgres_dsn="postgresql://127.0.0.1:1/db")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert said.err.startswith("execledger: EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS: should be HOST:PORT")


async def test_the_doctor_names_a_broker_s_address_that_cannot_be_read() -> None:
    said = await execledger("doctor", kafka_bootstrap_servers="foo:bar")
    assert said.status == 1
    assert "EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS: should be HOST:PORT" in said.out


@pytest.mark.parametrize(
    ("option", "wrong"),
    [
        ("--sub", ""),
        ("--sub", "x" * 256),
        ("--tenant", ""),
        ("--tenant", "x" * 256),
        ("--ttl", "367d"),
        ("--ttl", "9" * 5000 + "d"),
        ("--ttl", "0h"),
    ],
)
async def test_a_token_that_no_one_could_use_is_not_made(option: str, wrong: str) -> None:
    right = {"--sub": "ann", "--tenant": "acme", "--ttl": "366d"}
    made = await execledger("token", *_flat(right), jwt_secret="s" * 32)
    assert (made.status, made.out.count(".")) == (0, 2)
    said = await execledger("token", *_flat({**right, option: wrong}), jwt_secret="s" * 32)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(f"execledger: {option}: should ")


async def test_publish_speaks_to_kafka_as_the_recorder_does(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    async def publish_lines(_lines: Any, **options: Any) -> Any:
        from execledger.publish import Counts

        given.update(options)
        return Counts()

    monkeypatch.setattr("execledger.publish.publish_lines", publish_lines)
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO()))
    said = await execledger(
        *("publish", "-"),
        kafka_bootstrap_servers="kafka.test:9093",
        postgres_dsn="not asked",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="ann",
        kafka_sasl_password="hunter2",
    )
    assert said.status == 0, said.err
    options = given["kafka_options"]
    assert (options["security_protocol"], options["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("ann", "hunter2")
    assert options["ssl_context"] is not None


def test_without_security_kafka_is_spoken_to_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS", "a.test:1")
    assert {"bootstrap_servers": "a.test:1", "security_protocol": "PLAINTEXT"}.items() <= kafka_options().items()


def test_the_doctor_says_what_becomes_of_a_dead_letter_that_its_topic_is_too_small_for() -> None:
    (found,) = doctor._dead_letter_room([Topic("more", 3, 10), Topic("events", 3, 1000)], Topic("dead", 1, 1999))
    assert (
        "the copy of a large dead letter there is cut and marked, the table dead_letters keeps the whole" in found.fact
    )
    assert doctor._dead_letter_room([Topic("events", 3, 1000)], Topic("dead", 1, 2000)) == []


def _flat(options: dict[str, str]) -> list[str]:
    return [part for option in options.items() for part in option]


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "w\udcff"),
        ("explain", "run-1", "--tenant", "w\udcff"),
        ("rebuild", "w\0"),
        ("reprice", "--workflow", "w\udcff"),
        ("reprice", "--since", "1d", "--until", "2d"),
        ("limits", "silence", "w\udcff", "9"),
        ("limits", "daily", "--tenant", "w\udcff", "--tokens", "9"),
        ("dead-letters", "show", "9" * 20),
        ("dead-letters", "redrive", "--id", "9" * 20),
        ("dead-letters", "list", "--fingerprint", "w\udcff"),
    ],
)
async def test_a_value_that_cannot_be_stored_is_refused_before_postgres_is_asked(arguments: tuple[str, ...]) -> None:
    said = await execledger(*arguments, postgres_dsn="postgresql://127.0.0.1:1/db", kafka_bootstrap_servers="h:1")
    assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
    assert "should be" in said.err


def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        command = [sys.executable, "-m", "execledger", "--help"]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)  # noqa: S603
    assert (ended.returncode, ended.stderr) == (1, "execledger: No space left on device\n")


def _ended(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_closed_output_is_no_fault() -> None:
    ended = _ended("/bin/sh", "-c", '"$0" -m execledger --version >&-', sys.executable)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_what_an_encoding_cannot_say_is_escaped() -> None:
    nowhere = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "POSTGRES_DSN": "postgresql://127.0.0.1:1/db", "TÉA": "1"}
    settings = {f"EXECLEDGER_{name}": value for name, value in nowhere.items()}
    ended = _ended(sys.executable, "-m", "execledger", "doctor", PYTHONIOENCODING="ascii", **settings)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "EXECLEDGER_T\\xc9A: nothing reads this setting" in ended.stdout


def test_an_interruption_while_it_is_loaded_is_no_traceback() -> None:
    program = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(name, path, target=None):\n"
        "        if name == 'cyclopts': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted)\n"
        "from execledger.__main__ import main\n"
        "main()"
    )
    ended = _ended(sys.executable, "-c", program)
    assert (ended.returncode, ended.stderr) == (130, "")


def test_a_line_that_is_refused_does_not_steer_the_terminal() -> None:
    assert str(BadLine(3, "invalid", "data.labels.\x1b[2J: must be text")) == (
        "line 3: invalid: data.labels.\\u001b[2J: must be text"
    )


@pytest.mark.parametrize("command", [("publish", "/dev/null"), ("dead-letters", "redrive", "--all")])
def test_certificates_that_cannot_be_read_are_one_line_that_names_the_setting(command: tuple[str, ...]) -> None:
    ended = _ended(
        *(sys.executable, "-m", "execledger", *command),
        EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1",
        EXECLEDGER_POSTGRES_DSN="postgresql://127.0.0.1:1/db",
        EXECLEDGER_KAFKA_SSL_CAFILE=__file__,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("execledger: EXECLEDGER_KAFKA_SSL_CAFILE: no certificate can be read from it: ")
    assert ended.stderr.count("\n") == 1


def test_a_kafka_that_is_away_is_one_line() -> None:
    ended = _ended(
        *(sys.executable, "-m", "execledger", "publish", "/dev/null"), EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1"
    )
    said = "execledger: No answer from Kafka at 127.0.0.1:1 (KafkaConnectionError): see `execledger doctor`\n"
    assert (ended.returncode, ended.stderr) == (1, said)


def test_the_doctor_names_the_setting_that_does_not_go_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXECLEDGER_POSTGRES_DSN", "postgresql://h/d")
    assert doctor.refused_settings(doctor.settings_classes()) == []  # that no secret is set is told apart
    monkeypatch.setenv("EXECLEDGER_INSECURE_ANONYMOUS", "1")
    monkeypatch.setenv("EXECLEDGER_QUERY_HOST", "0.0.0.0")  # noqa: S104
    (refused,) = doctor.refused_settings(doctor.settings_classes())
    assert refused.subject == "EXECLEDGER_INSECURE_ANONYMOUS"


def test_the_doctor_names_what_stands_still() -> None:
    circuit = Circuit("events", 2, datetime(2026, 3, 1, tzinfo=UTC), 70, 100, 93, None)
    stopped = findings.stopped_partition(circuit)
    assert stopped.fact == "stopped at offset 70, 93 of 100 records could not be read"
    assert "`execledger dead-letters accept 2 --topic events`" in str(stopped.advice)
    assert findings.outbox_finding(0, 0.0).advice is None
    assert findings.outbox_finding(5, 3.0).advice is None
    assert "outbox_waits" in str(findings.outbox_finding(5, 90.0).advice)
    assert findings.ledger_finding(0).advice is None
    assert "--audit" in str(findings.ledger_finding(1).advice)
