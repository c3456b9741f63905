"""What `execledger rebuild` shows: its progress on standard error, what it found on standard output."""

import json
import sys
from collections.abc import AsyncIterator, Sequence
from time import monotonic
from typing import Final

from rich.console import Console
from rich.table import Table

from execledger.stack.say import standard_error
from execledger.terminal import escaped
from execledger_recorder.duties.rebuild import Finding, Rebuilt
from execledger_recorder.rules.comparison import Difference

_LINE_SECONDS: Final = 5.0
_MOST_DRAWN: Final = 1000  # a table waits for its last row; --json prints each at once
_LONGEST: Final = 200


class Results:
    """What has been done so far."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._drawn: list[Difference] = []
        self.executions = 0
        self.mended = 0
        self.rows = 0
        self.differing = 0
        self.last: str | None = None

    def verified(self, findings: Sequence[Finding]) -> None:
        """Take in a batch that was compared."""
        self.executions += len(findings)
        self.last = findings[-1].execution_id
        self._differ([difference for finding in findings for difference in finding.differences])

    def rebuilt(self, ids: Sequence[str], done: Rebuilt) -> None:
        """Take in a batch that was rebuilt."""
        self.executions += len(ids)
        self.mended += done.mended
        self.rows += done.rows
        self.last = ids[-1]
        self._differ(done.left)

    def go_on(self, *, verify: bool, tenant: str | None) -> str:
        """How to do the rest."""
        if self.last is None:
            return "nothing was done yet"
        options = f"{' --verify' if verify else ''}{f' --tenant {tenant}' if tenant else ''}"
        return f"go on with execledger rebuild{options} --after {self.last}"

    def show(self, *, is_to_mend: bool) -> None:
        """All that was not shown at once."""
        if self._drawn:
            Console(highlight=False, markup=False).print(_table(self._drawn))
        if self.differing > len(self._drawn) > 0:
            sys.stdout.write(f"{self.differing - len(self._drawn)} more: --json shows all of them\n")
        if not self._as_json:
            sys.stdout.write(f"{self._sum(is_to_mend=is_to_mend)}\n")

    def progress(self) -> str:
        """Where it stands."""
        return f"{self.executions} executions, up to {self.last}, {self.mended} mended, {self.differing} differences"

    def _sum(self, *, is_to_mend: bool) -> str:
        if not is_to_mend:
            return f"{self.executions} executions compared, {self.differing} differences"
        left = f", {self.differing} differences that cannot be mended" if self.differing else ""
        return f"{self.executions} executions folded again, {self.mended} mended, {self.rows} rows written{left}"

    def _differ(self, differences: Sequence[Difference]) -> None:
        self.differing += len(differences)
        if self._as_json:
            sys.stdout.writelines(json.dumps(difference.as_document()) + "\n" for difference in differences)
        else:
            self._drawn += differences[: _MOST_DRAWN - len(self._drawn)]


async def watched(batches: AsyncIterator[list[str]], results: Results) -> AsyncIterator[list[str]]:
    """The batches, and between them a word on how far it is: one line on a terminal, now and then one elsewhere."""
    console = standard_error()
    if console.is_terminal:
        with console.status("") as status:
            async for batch in batches:
                yield batch
                status.update(results.progress())
        return
    said = monotonic()
    async for batch in batches:
        yield batch
        if monotonic() - said >= _LINE_SECONDS:
            console.print(results.progress())
            said = monotonic()


def _table(differences: Sequence[Difference]) -> Table:
    drawn = Table("execution", "where", "stored", "folded", show_edge=False, box=None, padding=(0, 2, 0, 0))
    drawn.columns[0].no_wrap = True
    for each in differences:
        said = each.as_document(longest=_LONGEST)
        where = "/".join([each.table, *map(str, each.key), *([each.field] if each.field else ())])
        drawn.add_row(each.execution_id, *(escaped(str(text)) for text in (where, said["stored"], said["folded"])))
    return drawn
