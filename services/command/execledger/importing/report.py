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

    def _open(self) -> IO[str]:
        if self._stream is None:
            self.file.touch(mode=0o600)
            self._stream = self.file.open("a" if self.is_continued else "w", encoding="utf-8")
        return self._stream
