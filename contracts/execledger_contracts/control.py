"""The commands that Execledger sends to orchestrators on `executions.control`."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from execledger_contracts.fields import Count, Identifier, Money, RequiredIdentifier, Text
from execledger_contracts.models import CloudEvent

RECORDER_SOURCE: Final = "execledger:recorder"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Limit(_Part):
    """Which limit was reached, and how much of it is consumed: tokens as a count, cost as decimal text."""

    kind: Literal["tokens", "cost_usd"]
    scope: Literal["execution", "tree", "owner", "tenant"]
    value: Count | Money
    consumed: Count | Money


class LimitData(_Part):
    """Data of `execution.halt` and `execution.warning`."""

    reason: Text
    limit: Limit


class CancelData(_Part):
    """Data of `execution.cancel`."""

    reason: Text | None = None
    requested_by: Identifier | None = None


class ReplayData(_Part):
    """Data of `execution.replay`."""

    input: JsonValue = None
    requested_by: Identifier | None = None
    new_execution_id: RequiredIdentifier


class Command(CloudEvent):
    """What every command has; `id` is deterministic, so that a consumer can drop repeats."""

    source: Literal["execledger:recorder"] = RECORDER_SOURCE


class Halt(Command):
    """Stop: a limit is passed."""

    type: Literal["execution.halt"] = "execution.halt"
    data: LimitData


class Warn(Command):
    """A share of a limit is passed."""

    type: Literal["execution.warning"] = "execution.warning"
    data: LimitData


class Cancel(Command):
    """Stop: somebody asked for it."""

    type: Literal["execution.cancel"] = "execution.cancel"
    data: CancelData = CancelData()


class Replay(Command):
    """Run it again, as a new execution."""

    type: Literal["execution.replay"] = "execution.replay"
    data: ReplayData


COMMANDS: Final[tuple[type[Command], ...]] = (Halt, Warn, Cancel, Replay)
