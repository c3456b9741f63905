"""The feed of changes, kept from growing."""

from typing import Final

from execledger_recorder.metrics import Metrics
from execledger_recorder.store import Store

_AT_ONCE: Final = 10_000  # of each lane in one transaction


async def trim(store: Store, metrics: Metrics, hours: float) -> None:
    """Drop changes that are older than that, step by step, and show how many there are. Raises MustWait."""
    while await store.feed.trim(hours * 3600, _AT_ONCE):
        pass
    metrics.feed_changes.set(sum(lane.next_position - lane.kept_from for lane in await store.feed.lanes()))
