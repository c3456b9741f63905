"""A real pgbouncer of Debian's, fetched and unpacked beside the tests: nothing is installed."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit, urlunsplit

import pytest

from execledger.stack.processes import choose_port

_PACKAGES = ("pgbouncer", "libc-ares2")
_NOBODY = "nobody"


@contextmanager
def pgbouncer(folder: Path, dsn: str, *, ignoring: str = "") -> Iterator[str]:
    """The DSN by which it leads to the same database, in transaction mode; `ignoring` start-up parameters."""
    program, environment = _unpacked(folder)
    server, port = urlsplit(dsn), choose_port(None)
    configuration = folder / f"{port}.ini"
    configuration.write_text(
        f"[databases]\n* = host={server.hostname} port={server.port} user={server.username}"
        f" password={server.password or ''}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"auth_type = any\npool_mode = transaction\nunix_socket_dir =\nlogfile = /dev/null\n"
        f"ignore_startup_parameters = {ignoring}\n"
    )
    for path in (configuration, *folder.parents[:-1], folder):
        path.chmod(path.stat().st_mode | 0o055 if path.is_dir() else 0o644)
    account = ("-u", _NOBODY) if os.geteuid() == 0 else ()
    process = subprocess.Popen([program, "-q", *account, configuration], env=environment)  # noqa: S603  # our own
    try:
        _wait_for(port, process)
        netloc = f"{server.username}:{server.password or 'any'}@127.0.0.1:{port}"
        yield urlunsplit(server._replace(netloc=netloc))
    finally:
        process.terminate()
        process.wait()


def _unpacked(folder: Path) -> tuple[str, dict[str, str]]:
    if (installed := shutil.which("pgbouncer")) is not None:
        return installed, dict(os.environ)
    tools = [shutil.which(name) for name in ("apt-get", "dpkg")]
    if None in tools:
        pytest.skip("pgbouncer is not installed, and there is no apt-get to fetch it with")
    fetched = subprocess.run(  # noqa: S603
        [str(tools[0]), "download", *_PACKAGES], cwd=folder, capture_output=True, text=True, check=False
    )
    if fetched.returncode:
        pytest.skip(f"pgbouncer is not installed, and cannot be fetched: {fetched.stderr.strip()[-200:]}")
    for package in folder.glob("*.deb"):
        subprocess.run([str(tools[1]), "-x", package, folder], check=True)  # noqa: S603
    libraries = ":".join(str(path) for path in (folder / "usr/lib").glob("*-linux-gnu"))
    return str(folder / "usr/sbin/pgbouncer"), {**os.environ, "LD_LIBRARY_PATH": libraries}


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = monotonic() + 10
    while monotonic() < until and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.05)
    raise AssertionError(f"pgbouncer does not answer: exit status {process.poll()}")
