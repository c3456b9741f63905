"""When nearly everything is bad, a bad deploy is more likely than so many bad messages: the partition is stopped."""

from collections import deque
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Final, NamedTuple

LOOK: Final = 100
"""Records that are judged by: so many must have come, and no older ones count."""

_MOST_BAD: Final = 90
_LEAST_GOOD_SHARE: Final = 0.5

Seen = tuple[int, int, bool]
"""Partition, offset, whether it is bad."""


class Stop(NamedTuple):
    """A partition is to be stopped at an offset, for so many of the records seen were bad."""

    partition: int
    at_offset: int
    seen: int
    bad: int


Latest = deque[tuple[int, bool]]
"""Of the latest records of a partition: offset, whether it is bad."""


def stops(latest: MutableMapping[int, Latest], batch: Iterable[Seen], drained: Mapping[int, int]) -> dict[int, Stop]:
    """The partitions to be stopped, each at the first bad record of this batch that speaks for it.

    Takes the batch in to the latest records of each partition, but for those below its offset in `drained`.
    """
    found: dict[int, Stop] = {}
    firsts: dict[int, int] = {}
    for partition, offset, is_bad in batch:
        first = firsts.setdefault(partition, offset)
        if partition in found or offset < drained.get(partition, 0):
            continue
        known = latest.setdefault(partition, deque(maxlen=LOOK))
        known.append((offset, is_bad))
        if is_bad and len(known) == LOOK:
            bad = [at for at, was_bad in known if was_bad]
            if len(bad) >= _MOST_BAD:
                found[partition] = Stop(partition, max(bad[0], first), LOOK, len(bad))
                del latest[partition]
    return found


def is_mended(held: Sequence[bool], newest: Sequence[bool]) -> bool:
    """Whether half of what is held back can be read by now, or half of what came last; each says if it is bad.

    Fewer held back than are judged by say nothing by themselves: they are among the newest.
    """
    return (len(held) == LOOK and _is_half_good(held)) or _is_half_good(newest)


def _is_half_good(look: Sequence[bool]) -> bool:
    return bool(look) and look.count(False) >= len(look) * _LEAST_GOOD_SHARE
