"""Limits of a UTC day: open executions of a day that passed one are halted."""

from collections import Counter
from datetime import UTC, datetime

from execledger_recorder.recording import commands
from execledger_recorder.recording.commands import CalledFor
from execledger_recorder.rules.commands import halt
from execledger_recorder.store import Store


async def halt_days(store: Store, topic: str) -> Counter[str]:
    """Halt open executions of days whose limit is passed, each once; how many commands that took.

    Of many it takes some, as the outbox has room: call it until there are none. While another recorder looks after the
    days there are none.
    """
    async with store.batch() as tx:
        room = await tx.outbox_room(topic)
        due = await tx.find_daily_halts(room) if room else []
        locked = await tx.lock_executions(sorted({id_ for id_, _ in due})) if due else {}
        now = datetime.now(UTC)
        return await commands.send(
            tx,
            [CalledFor(id_, halt(day, now), day.day) for id_, day in due if day.still_concerns(locked.get(id_))],
            topic,
        )
