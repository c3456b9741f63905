"""What became of rows: counted, and each refused one kept in a file, out of which it can be imported again."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Self

from execledger.importing.columns import Refused
from execledger.importing.reading import Sent
from execledger.terminal import escaped

SHOWN: Final = 20


@dataclass(slots=True)
class Report:
    """Counts of rows and events, the first refused rows in words, and the file that is made when there is one."""

    file: Path
    is_continued: bool = False
    rows: int = 0
    events: int = 0
    refused: int = 0
    shown: list[str] = field(default_factory=list)
    _waiting: list[tuple[Sent, Refused]] = field(default_factory=list)
    _stream: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
        if self._stream is not None:
            self._stream.close()
            self._beside.replace(self.file)

    def refuse(self, sent: Sent, why: Refused) -> None:
        """A row stays out."""
        self.refused += 1
        self._waiting.append((sent, why))

    def flush(self) -> None:
        """Write what was refused so far, in the order of rows: each with line, field, reason, and the row itself."""
        if not self._waiting:
            return
        stream = self._open()
        for sent, why in sorted(self._waiting, key=lambda each: each[0].line):
            told = {"line": sent.line, "field": why.field, "reason": why.reason, "is_csv": sent.is_csv, "row": sent.row}
            stream.write(json.dumps(told) + "\n")
            if len(self.shown) < SHOWN:
                self.shown.append(f"line {sent.line}: {escaped(why.field)}: {escaped(why.reason)}")
        stream.flush()
        self._waiting.clear()

    @property
    def _beside(self) -> Path:
        """Where it is written until it is whole: the rows may be read from the file of the import before."""
        return self.file.with_name(f"{self.file.name}.new")

    def _open(self) -> IO[str]:
        if self._stream is None:
            if not self.is_continued:
                self._beside.unlink(missing_ok=True)
            elif self.file.exists() and not self._beside.exists():
                self.file.replace(self._beside)
            self._beside.touch(mode=0o600)
            self._stream = self._beside.open("a", encoding="utf-8")
        return self._stream
