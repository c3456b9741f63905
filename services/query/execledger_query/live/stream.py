"""One client's stream: what of it was sent, and how the rest is written, as Server-Sent Events."""

import time
from collections.abc import Iterable
from typing import Final

from fastapi.sse import format_sse_event

from execledger_query.feed import Place, write_place
from execledger_query.live.channels import Channel, Item, Reading

_HEARTBEAT_SECONDS: Final = 15.0


class Stream:
    """What of a channel was sent to a client."""

    def __init__(self, channel: Channel, place: Place, ends_at: float | None = None) -> None:
        """`ends_at`: when the client's token ends, in seconds since the epoch."""
        self.channel = channel
        self.place = place
        self.is_over = False
        self._ends_at = ends_at
        self._said = place
        self._said_at = time.monotonic()

    def taken(self, reading: Reading) -> bytes:
        """What is new in a reading of this stream alone, as it is sent."""
        text = self.sent(reading.items)
        self.place = self.place.behind(reading.place)
        return text

    def sent(self, items: Iterable[Item]) -> bytes:
        """What is new of these, as it is sent."""
        texts: list[bytes] = []
        for item in items:
            if not self.is_over and item.is_new_to(self.place):
                self.place = item.moves(self.place)
                self.is_over = item.is_last
                texts += [self._written(item)] if item.kind else []
        return b"".join(texts)

    def heartbeat(self) -> bytes:
        """A comment when nothing was sent for a while; with the cursor where it has moved on, or it would grow old."""
        if self.quiet_seconds() > 0:
            return b""
        has_moved, self._said_at = self.place != self._said, time.monotonic()
        return format_sse_event(comment="", id=self._id() if has_moved else None)

    def quiet_seconds(self) -> float:
        """For how long nothing need be sent."""
        return self._said_at + _HEARTBEAT_SECONDS - time.monotonic()

    def seconds_left(self) -> float:
        """For how long the token counts."""
        return float("inf") if self._ends_at is None else self._ends_at - time.time()

    def _written(self, item: Item) -> bytes:
        id_ = None if item.kind == "dropped" else self._id()
        return format_sse_event(event=item.kind, data_str=item.data, id=id_)

    def _id(self) -> str:
        self._said, self._said_at = self.place, time.monotonic()
        return write_place(self.channel.scope, self.place)
