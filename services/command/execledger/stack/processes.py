"""Background processes: start, find again, stop. And the ports that they listen on."""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from execledger.errors import UserError

# Below the range from which Linux and macOS take ports for outgoing connections: a remembered port is
# then rarely taken when its server comes back.
PORTS = range(20_000, 32_000)
PAUSE = 0.05

# Kept, so that a server is not reported as forgotten when its Popen is collected.
_started: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's user that a process runs as."""

    uid: int
    gid: int


def spawn(command: Sequence[str], output: Path, *, account: Account | None = None) -> psutil.Process:
    """Start a process that outlives this one and holds none of its files open."""
    with output.open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd="/",
            env=plain_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    _started.append(process)
    return psutil.Process(process.pid)


def run(command: Sequence[str], doing: str, *, account: Account | None = None) -> None:
    """Run a command to its end; a failure is a UserError with what it said."""
    result = subprocess.run(
        command,
        cwd="/",
        env=plain_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if result.returncode != 0:
        said = (result.stderr or result.stdout).strip()
        raise UserError(f"{doing} failed (exit status {result.returncode}): {said[-1500:]}")


def plain_environment() -> dict[str, str]:
    """An environment in which nothing of the user's changes a server: no PGDATA, no JAVA_TOOL_OPTIONS."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LANG": "C", "LC_ALL": "C", "TZ": "UTC"}


def find(argument: str) -> psutil.Process | None:
    """The running process that has `argument` on its command line.

    There are no pid files: they name processes that are gone, or others that got the number since.
    """
    found = {process.pid: process for process in psutil.process_iter() if _has_argument(process, argument)}
    for process in found.values():
        with suppress(psutil.Error):
            if process.ppid() not in found:  # a child between its fork and its own title looks the same
                return process
    return None


def stop(process: psutil.Process, signals: Sequence[signal.Signals], seconds: float) -> None:
    """Ask a process to end, each signal in turn with `seconds` to obey; then kill it."""
    for ask in [*signals, signal.SIGKILL]:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(ask)
        # Not process.wait(): where PID 1 collects no dead processes, as in many containers, that never ends.
        deadline = time.monotonic() + seconds
        while runs(process) and time.monotonic() < deadline:
            time.sleep(PAUSE)
        if not runs(process):
            break
    for child in _started:
        child.poll()  # those that were ours are collected


def runs(process: psutil.Process) -> bool:
    """Whether the process is there, and not only as an entry that nobody has collected."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def choose_port(remembered: int | None) -> int:
    """The remembered port when nobody has taken it, else a free one."""
    if remembered is not None and is_free(remembered):
        return remembered
    for _ in range(1000):
        port = secrets.choice(PORTS)
        if is_free(port):
            return port
    raise UserError(f"No free port on 127.0.0.1 between {PORTS.start} and {PORTS.stop}.")


def is_free(port: int) -> bool:
    """Whether a server could listen on the port of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as both servers do
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def size(file: Path) -> int:
    """The file's size, 0 without a file."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def text_from(file: Path, offset: int) -> str:
    """What was written to a log since it had `offset` bytes; all of it when it was begun anew since."""
    try:
        with file.open("rb") as stream:
            stream.seek(offset if offset <= file.stat().st_size else 0)
            return stream.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def _has_argument(process: psutil.Process, argument: str) -> bool:
    try:
        return argument in process.cmdline()
    except psutil.Error:
        return False
