"""Processes that are found by an argument, and ports."""

import signal
import socket
import sys
import time
from pathlib import Path

from execledger.stack import processes

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_process_is_found_by_its_argument_until_it_is_stopped(tmp_path: Path) -> None:
    marker = f"execledger.data={tmp_path}"
    assert processes.find(marker) is None
    started = processes.spawn([*SLEEP, marker], tmp_path / "log")
    assert processes.find(marker) == started
    processes.stop(started, [signal.SIGTERM], 5)
    assert processes.find(marker) is None


def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    process = processes.spawn([sys.executable, "-c", deaf], tmp_path / "log")
    while not processes.size(tmp_path / "log"):
        time.sleep(0.01)
    processes.stop(process, [signal.SIGTERM], 0.2)
    assert not processes.runs(process)


def test_a_remembered_port_is_taken_again_unless_somebody_else_has_it() -> None:
    port = processes.choose_port(None)
    assert processes.choose_port(port) == port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert processes.choose_port(port) != port


def test_only_what_a_log_gained_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    began = processes.size(log)
    log.write_text("before\nafter\n")
    assert processes.text_from(log, began) == "after\n"
    log.write_text("anew\n")
    assert processes.text_from(log, began) == "anew\n"
