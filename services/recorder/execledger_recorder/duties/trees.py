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

    Of many it takes some, and commands as the outbox has room: call it until there are none. While another recorder
    does so there are none.
    """
    async with store.batch() as tx:
        if not await tx.trees.try_lock():
            return 0, Counter()
        roots, untold = await tx.trees.take_marks(), await tx.trees.untold()
        changed = await tx.trees.sum(roots) if roots else []
        room = await tx.outbox_room(topic) if roots or untold else 0
        concerned = sorted({*roots, *untold})
        sent = await _tell(tx, concerned, topic, warning_share, room) if room else Counter[str]()
        if concerned and not room:
            await tx.trees.mark_told(roots, is_told=False)
        await tx.append_changes(TREES, [FeedEntry(tenant, id_, version, "changed") for id_, tenant, version in changed])
        return len(concerned if room else roots), sent


async def _tell(tx: Batch, roots: Sequence[Alias], topic: str, warning_share: Decimal, room: int) -> Counter[str]:
    """A page of commands; where it is full, the rest has its turn when the outbox has room again."""
    due = await tx.trees.limits(roots, warning_share, room)
    await tx.trees.mark_told(roots, is_told=len(due) < room)
    if not due:
        return Counter()
    locked = await tx.lock_executions(sorted({id_ for id_, _, _ in due}))
    now = datetime.now(UTC)
    called_for = [
        CalledFor(id_, (halt if type_ == "halt" else warning)(passed, now))
        for id_, type_, passed in due
        if passed.still_concerns(locked.get(id_))
    ]
    return await commands.send(tx, called_for, topic)
