"""Which try of its step an event is of."""

from typing import Final, Protocol

from execledger_contracts.events import StepEvent, StepStarted
from execledger_contracts.status import Status
from execledger_lifecycle.order import OrderKey

_LAST: Final = 2**63 - 1  # what a bigint holds


class AnyTry(Protocol):
    """What is asked of the greatest try so far."""

    @property
    def try_number(self) -> int: ...
    @property
    def status(self) -> Status | None: ...
    @property
    def decided(self) -> OrderKey | None:
        """The place of the event that ended it."""

    @property
    def decided_in(self) -> int | None:
        """The attempt that the event was sent with which ended it."""


def try_of(event: StepEvent, greatest: AnyTry | None) -> int:
    """The try that an event is of, given the greatest one by the events of its step that are ordered before it."""
    said = event.data.step.try_number
    if said is not None:
        return said
    if greatest is None:
        return 1
    if greatest.status is None or type(event) is not StepStarted or _is_of_before(event, greatest):
        return greatest.try_number
    return min(greatest.try_number + 1, _LAST)


def _is_of_before(started: StepStarted, ended: AnyTry) -> bool:
    """Whether the producer itself says that it began before that try ended: clocks of several hosts disagree."""
    if ended.decided is None or started.attempt != ended.decided_in or started.sequence is None:
        return False
    return ended.decided[2] > -1 and started.sequence <= ended.decided[2]
