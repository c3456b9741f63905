"""Since when open transactions hide what was committed behind them. Pure."""

from collections.abc import Mapping

from execledger_recorder.rules.partition import TopicPartition


class Hiding:
    """Remembers when each was first seen, by the offset at which what may be read ends: another is another one."""

    def __init__(self) -> None:
        self._since: dict[TopicPartition, tuple[int, float]] = {}

    def look(self, hidden_from: Mapping[TopicPartition, int], now: float) -> dict[TopicPartition, float]:
        """For how many seconds each of these partitions has been hidden from the same offset on."""
        known = self._since
        self._since = {
            id_: known[id_] if id_ in known and known[id_][0] == offset else (offset, now)
            for id_, offset in hidden_from.items()
        }
        return {id_: now - since for id_, (_, since) in self._since.items()}
