"""What can go wrong here that somebody waits for or mends. A bug has no name."""

from typing import Self
from uuid import UUID


class KeysUnavailableError(Exception):
    """The key server cannot be asked just now, so that nobody's token can be checked."""


class InvalidTokenError(Exception):
    """A token that vouches for nobody: the message says why."""


class InvalidCursorError(Exception):
    """A cursor that this list did not give out."""


class DamagedError(Exception):
    """A row is not as it was recorded: the message names it, and what mends it."""

    @classmethod
    def of_event(cls, event_id: UUID) -> Self:
        return cls(f"event {event_id} of the log is damaged: see `execledger rebuild --verify`")

    @classmethod
    def of_execution(cls, execution_id: UUID, field: str) -> Self:
        return cls(
            f"the stored record of execution {execution_id} is damaged in {field}: "
            f"`execledger rebuild {execution_id}` mends it, or says why not"
        )
