"""Trees of executions, brought up to date; what passes the budget of its root is halted, the whole tree."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from execledger_recorder.recording import commands
from execledger_recorder.recording.commands import CalledFor
from execledger_recorder.rules.commands import halt, warning
from execledger_recorder.rules.feed import TREES, FeedEntry
from execledger_recorder.rules.rows import Alias
from execledger_recorder.store import Batch, Store


async def sum_trees(store: Store, topic: str, warning_share: Decimal) -> tuple[int, Counter[str]]:
    """Sum trees that changed, and command those whose budget is near or passed; how many trees, and which commands.

    Of many it takes some: call it until there are none. While another recorder does there are none.
    """
    async with store.batch() as tx:
        if not (roots := await tx.trees.take_marks()):
            return 0, Counter()
        changed = await tx.trees.sum(roots)
        sent = Counter[str]()
        while told := await _tell(tx, roots, topic, warning_share):
            sent += told  # of many it was some: what was told is noted, and not due again
        await tx.append_changes(TREES, [FeedEntry(tenant, id_, version, "changed") for id_, tenant, version in changed])
        return len(roots), sent


async def _tell(tx: Batch, roots: Sequence[Alias], topic: str, warning_share: Decimal) -> Counter[str]:
    if not (due := await tx.trees.limits(roots, warning_share)):
        return Counter()
    locked = await tx.lock_executions(sorted({id_ for id_, _, _ in due}))
    now = datetime.now(UTC)
    called_for = [
        CalledFor(id_, (halt if type_ == "halt" else warning)(passed, now))
        for id_, type_, passed in due
        if passed.still_concerns(locked.get(id_))
    ]
    return await commands.send(tx, called_for, topic)
