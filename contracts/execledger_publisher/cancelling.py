"""Tasks that are cancelled until they have ended.

One cancellation may not be enough: aiokafka swallows the one that comes while it closes a consumer, and so may
`asyncio.wait_for` of Python 3.11. A task that goes on then would be waited for without end.
"""

import asyncio
from collections.abc import Collection
from typing import Any, Final

_SECONDS_BETWEEN: Final = 1.0  # what a task does to end properly is done by then, or it is cut short


async def cancel(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Wait until all of them have ended, and cancel those that have not, again and again.

    What they raised is theirs: ask them for it.
    """
    while going_on := [task for task in tasks if not task.done()]:
        for task in going_on:
            task.cancel()
        await asyncio.wait(going_on, timeout=_SECONDS_BETWEEN)


def is_cancelled() -> bool:
    """Whether the task that asks was cancelled, though what it called may have swallowed that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
