"""A Postgres of a test's own, that may be stopped and put back."""

import shutil
import subprocess
from pathlib import Path

from execledger import stack
from execledger.stack.state import DataDirectory


class Vault:
    """A Postgres of our own, whose files can be kept and put back."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.dsn = ""

    def start(self) -> None:
        self.dsn = stack.up(self._data).postgres_dsn

    def stop(self) -> None:
        stack.down(self._data)

    def keep(self) -> None:
        """A backup of this moment."""
        stack.down(self._data)
        self._copy("data", "kept")
        self.start()

    def put_back(self) -> None:
        """All that was written since the backup is gone."""
        stack.down(self._data)
        shutil.rmtree(self._home / "data")
        self._copy("kept", "data")
        self.start()

    def _copy(self, source: str, target: str) -> None:
        subprocess.run(["cp", "-a", self._home / source, self._home / target], check=True)  # noqa: S603, S607

    @property
    def _home(self) -> Path:
        return Path(DataDirectory.at(self._data).state().postgres_home or self._data / "postgres")
