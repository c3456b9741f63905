"""The feed of changes, kept from growing; a batch writes it."""

from execledger_recorder.rules.feed import FeedLane
from execledger_recorder.store.connection import Connect
from execledger_recorder.store.statements import SQL


class Feed:
    """What was changed, lane by lane."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def lanes(self) -> list[FeedLane]:
        """From where to where each lane reaches."""
        async with self._connect() as connection:
            return [FeedLane(*row) for row in await connection.fetch(SQL["feed_lanes"])]

    async def trim(self, seconds: float, most: int) -> int:
        """Drop changes that are older than that, so many of each lane at most; how many.

        None while another recorder does. A lane is kept from its writers only for the commit.
        """
        async with self._connect() as connection, connection.transaction():
            if not await connection.fetchval(SQL["try_feed_lock"]):
                return 0
            old = await connection.fetch(SQL["old_changes"], seconds, most)
            dropped = 0
            for lane, kept_from in old:
                done: str = await connection.execute(SQL["drop_changes"], lane, kept_from)
                dropped += int(done.removeprefix("DELETE "))
            for lane, kept_from in old:
                await connection.execute(SQL["keep_changes_from"], lane, kept_from)
            return dropped
