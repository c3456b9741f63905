"""The data directory: what it remembers between commands, its secrets and its lock."""

import fcntl
import json
import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from execledger.errors import UserError

_PRIVATE: Final = 0o700

ServerKey = Literal["kafka", "postgres"]


@dataclass(frozen=True, slots=True)
class State:
    """What a stack keeps in `stack.json`.

    `name` tells this stack's containers, volumes and directories from those of others. The first port of
    a server is the one in use; the others were, and still say that an address in the environment is ours.
    """

    name: str = field(default_factory=lambda: secrets.token_hex(6))
    docker: bool = False
    kafka_ports: tuple[int, ...] = ()
    postgres_ports: tuple[int, ...] = ()
    postgres_home: str | None = None

    def ports(self, server: ServerKey) -> tuple[int, ...]:
        """The ports that the server has had, the current one first."""
        return self.kafka_ports if server == "kafka" else self.postgres_ports

    def with_port(self, server: ServerKey, port: int) -> "State":
        """This state with `port` as the server's current one."""
        former = tuple(known for known in self.ports(server) if known != port)
        if server == "kafka":
            return replace(self, kafka_ports=(port, *former))
        return replace(self, postgres_ports=(port, *former))


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """One stack's directory. Its resolved path is the stack's identity while it runs."""

    path: Path
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def at(cls, path: Path) -> "DataDirectory":
        """The directory at `path`, which need not exist."""
        return cls(path.expanduser().resolve())

    @property
    def marker(self) -> str:
        """The argument by which a running server of this stack is known; see processes.find."""
        return f"execledger.data={self.path}"

    def exists(self) -> bool:
        """Whether a stack was ever made here."""
        return self._state_file.exists()

    def create(self) -> None:
        """Make the directory, closed to version control; refuse one that holds something else."""
        try:
            self.path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            if self.exists():
                self._refuse_another_users()
                self.path.chmod(_PRIVATE)  # one of an older version
            else:
                strangers = {file.name for file in self.path.iterdir()} - {".gitignore", "lock"}
                if strangers:
                    raise UserError(f"{self.path} holds other files: name another directory with --data.")
                (self.path / ".gitignore").write_text("*\n", encoding="utf-8")
                self.path.chmod(_PRIVATE)  # what it will hold are secrets, logs and events
        except OSError as error:
            raise UserError(
                f"Cannot write to {self.path} ({error.strerror}): name another directory with --data."
            ) from None

    @contextmanager
    def locked(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Hold the directory against other commands; the kernel lets go when this process ends."""
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def state(self) -> State:
        """What was kept, or a fresh state."""
        try:
            kept = json.loads(self._state_file.read_text(encoding="utf-8"))
            return State(
                name=kept["name"],
                docker=kept["docker"],
                kafka_ports=tuple(kept["kafka_ports"]),
                postgres_ports=tuple(kept["postgres_ports"]),
                postgres_home=kept["postgres_home"],
            )
        except FileNotFoundError:
            return State()
        except (ValueError, KeyError, TypeError):
            raise UserError(
                f"{self._state_file} is damaged: restore it, or name another directory with --data."
            ) from None

    def change(self, change: Callable[[State], State]) -> State:
        """Keep a changed state; two threads may call this at once."""
        with self._guard:
            changed = change(self.state())
            write_whole(self._state_file, json.dumps(asdict(changed), indent=2) + "\n")
            return changed

    def secret(self, name: str) -> str:
        """A random text of this stack, the same at every call, in a file that only its owner may read."""
        file = self.path / f"{name}.secret"
        try:
            return file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            write_whole(file, secrets.token_urlsafe(36) + "\n")
            return file.read_text(encoding="utf-8").strip()

    def _refuse_another_users(self) -> None:
        """As root, another user's database would not be found: it lies elsewhere (postgres.py)."""
        if self._state_file.stat().st_uid != os.geteuid():
            raise UserError(f"{self.path} is another user's: run the command as that user, or use another --data.")

    @property
    def _state_file(self) -> Path:
        return self.path / "stack.json"


def write_whole(file: Path, text: str) -> None:
    """Write a file that is there whole or not at all, readable by its owner only."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mode 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
    Path(temporary).replace(file)
