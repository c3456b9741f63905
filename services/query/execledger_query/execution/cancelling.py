"""Asking orchestrators to stop: `POST /v1/executions/{id}/cancel`."""

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import uuid4

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from execledger_query import views
from execledger_query.parameters import Parameters
from execledger_query.problems import ProblemError, documented
from execledger_query.service import PROBLEMS, Name, Operator, ServicesOf, found
from execledger_query.store import Actor, Row

_PLAIN: Final = r"^[^\x00]*$"

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="the same request under the same key, within seven days, is answered alike and asks nothing more",
        examples=["stop-nightly-2026-01-02"],
    ),
]


class Cancelling(BaseModel):
    """What is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Annotated[str, StringConstraints(strict=True, max_length=2000, pattern=_PLAIN)] | None = Field(
        default=None, description="for whoever reads the record, and the orchestrator", examples=["wrong input"]
    )
    descendants: StrictBool = Field(
        default=True, description="also what it started, and what those did", examples=[True]
    )


_PLAINLY: Final = Cancelling()

acting = APIRouter(prefix="/v1/executions", tags=["executions"], responses=PROBLEMS)


@acting.post(
    "/{id}/cancel", status_code=202, response_model=views.Execution, responses=documented("not-found", "conflict")
)
async def cancel_execution(
    held: ServicesOf,
    caller: Operator,
    name: Name,
    _asked: Annotated[Parameters, Query()],
    asked: Cancelling = _PLAINLY,
    key: Key = None,
) -> Response:
    """Ask the orchestrator to stop an execution; roles service and admin. It goes on until the orchestrator ends it."""
    async with held.primary.acting(caller) as actor:
        said = await ask(actor, await found(actor, name), asked, key)
    return Response(said, 202, media_type="application/json")


async def ask(actor: Actor, row: Row, asked: Cancelling, key: str | None) -> str:
    """Ask, and what is answered: the execution as JSON, which has its `cancel_requested_at`.

    Raises ProblemError when it has really ended, or the key is another request's.
    """
    tenant_id = row["tenant_id"]
    if key is not None and (known := await actor.cancel_request(tenant_id, key)):
        return _again(known, row, asked)
    if row["ended_at"] is not None and not row["provisional"]:
        raise ProblemError("conflict", f"it has ended, its status is {row['status']}: there is nothing to cancel")
    now = datetime.now(UTC)
    expected = {**row, "cancel_requested_at": row["cancel_requested_at"] or now}  # as it will be recorded
    shown = views.execution_of(expected, {}, await actor.trees([row]))
    said = shown.model_dump_json(include=views.shown_fields((), with_payloads=False))
    key = key or str(uuid4())
    if await actor.add_cancel_request(tenant_id, key, row["id"], asked.reason, asked.descendants, now, said):
        return said
    known = await actor.cancel_request(tenant_id, key)  # somebody was faster
    assert known is not None  # noqa: S101  # none is deleted within a moment
    return _again(known, row, asked)


def _again(known: Row, row: Row, asked: Cancelling) -> str:
    before = (known["execution_id"], known["reason"], known["descendants"])
    if before != (row["id"], asked.reason, asked.descendants):
        raise ProblemError("conflict", "that Idempotency-Key was used for another request")
    said: str = known["answer"]
    return said
