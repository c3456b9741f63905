"""Events that Execledger itself publishes: structured CloudEvents, to be signed."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from execledger_contracts.events import DATASCHEMA


class Concerned(Protocol):
    """The execution that an event is about."""

    @property
    def tenant_id(self) -> str: ...
    @property
    def external_id(self) -> str: ...
    @property
    def root_execution_id(self) -> str: ...
    @property
    def attempt(self) -> int: ...


def own_id(type_: str, *parts: str) -> str:
    """The same for the same cause, so that an event that is sent twice counts once."""
    return str(uuid5(NAMESPACE_URL, ":".join((f"execledger:{type_}", *parts))))


def own_event(source: str, type_: str, id_: str, concerned: Concerned, at: datetime, data: Mapping[str, Any]) -> bytes:
    """Such an event, of the execution's attempt."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": id_,
            "source": source,
            "type": type_,
            "subject": concerned.external_id,
            "time": at.isoformat(timespec="microseconds"),
            "tenantid": concerned.tenant_id,
            "attempt": concerned.attempt,
            "partitionkey": concerned.root_execution_id,
            "datacontenttype": "application/json",
            "dataschema": DATASCHEMA,
            "data": data,
        }
    ).encode()
