"""Routes for those who run the system: the ledger, and what could not be recorded."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field

from execledger_contracts.decoding import Reason
from execledger_contracts.fields import RequiredIdentifier
from execledger_query.caller import NOBODY
from execledger_query.pages import page_of
from execledger_query.paging import read_cursor, split
from execledger_query.parameters import Page, Parameters
from execledger_query.problems import ProblemError
from execledger_query.service import OF_ONE, PROBLEMS, Operator, Services, operate, services
from execledger_query.store import DEAD_LETTER_KEY, dead_letter_key
from execledger_query.views import ledger as views

_LARGEST_ID: Final = 2**63 - 1


class PageOfDeadLetters(Page):
    """A page of dead letters, and what it is narrowed to."""

    reason: Reason | None = Field(default=None, description="bad for this reason")
    fingerprint: RequiredIdentifier | None = Field(default=None, description="bad in the same way")

    @property
    def filters(self) -> dict[str, str]:
        given = {"reason": self.reason, "fingerprint": self.fingerprint}
        return {name: str(value) for name, value in given.items() if value is not None}


_Services = Annotated[Services, Depends(services)]
accounts = APIRouter(prefix="/v1", tags=["ledger"], responses=PROBLEMS, dependencies=[Depends(operate)])


@accounts.get("/ledger", response_model=views.Ledger)
async def show_ledger(held: _Services, _asked: Annotated[Parameters, Query()]) -> Response:
    """The account of every consumed record, by partition; roles service and admin."""
    async with held.store.reading(NOBODY) as reader:
        return _json(views.ledger_of(await reader.ledger()))


@accounts.get("/dead-letters", response_model=views.DeadLetterPage)
async def list_dead_letters(
    held: _Services, caller: Operator, asked: Annotated[PageOfDeadLetters, Query()]
) -> Response:
    """Records that could not be recorded, newest first; role admin, and service for those of its tenant."""
    scope = await held.signing.scope(f"dead letters {sorted(asked.filters.items())}")
    after = None if asked.cursor is None else read_cursor(scope, asked.cursor, DEAD_LETTER_KEY)
    async with held.store.reading(caller) as reader:
        rows, end = split(
            await reader.dead_letters(asked.filters, after, asked.limit + 1), asked.limit, dead_letter_key
        )
    shown = {
        dead_letter_key(row): views.dead_letter_of(row, with_payloads=caller.may_read_all_payloads) for row in rows
    }
    return page_of(views.DeadLetterPage, scope, shown, end, held.page_bytes)


@accounts.get("/dead-letters/{id}", response_model=views.WholeDeadLetter, responses=OF_ONE)
async def show_dead_letter(
    held: _Services,
    caller: Operator,
    id: Annotated[int, Path(ge=1, le=_LARGEST_ID, description="of the dead letter")],  # noqa: A002
    _asked: Annotated[Parameters, Query()],
) -> Response:
    """One record that could not be recorded; as it came with the role payloads."""
    async with held.store.reading(caller) as reader:
        row = await reader.dead_letter(id)
    if row is None:
        raise ProblemError("not-found", "there is no such dead letter")
    return _json(views.whole_dead_letter_of(row, with_payloads=caller.may_read_all_payloads))


def _json(shown: BaseModel) -> Response:
    return Response(shown.model_dump_json(), media_type="application/json")
