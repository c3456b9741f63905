"""Routes of one execution and of its parts."""

import asyncio
from dataclasses import replace
from typing import Annotated, Final, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from execledger_contracts.status import OPEN
from execledger_query import views
from execledger_query.arguments import Direct
from execledger_query.caller import Caller
from execledger_query.execution import calls, columns, comparison, explanations, log, past, timeline, tree
from execledger_query.execution.endings import Endings
from execledger_query.execution.log import Moment
from execledger_query.lookup import find_identity, find_shown
from execledger_query.pages import goes_on, page_of
from execledger_query.paging import split, write_cursor
from execledger_query.parameters import (
    AsItWas,
    ComparedExecutions,
    Including,
    OneExecution,
    Page,
    PageOf,
    PageOfSteps,
)
from execledger_query.problems import ProblemError
from execledger_query.service import (
    OF_EXECUTION,
    PROBLEMS,
    CallerOf,
    Name,
    Services,
    ServicesOf,
    allow_payloads,
    answer,
    few_enough,
    found,
    identify,
    payloads_of,
    place,
)
from execledger_query.store import (
    CALL_KEY,
    EVENT_KEY,
    MEMBER_KEY,
    STEP_KEY,
    Reader,
    Row,
    call_key,
    event_key,
    member_key,
    step_key,
)

_MOST_STEPS: Final = 10_000
_MOST_STEP_BYTES: Final = 8_388_608  # of their rows, and of their payloads
_MOST_EXPLAINED: Final = 20_000  # measured: 3 s of a core and 4 MB of answer
_MOST_EXPLAINED_BYTES: Final = 33_554_432

of_execution = APIRouter(prefix="/v1/executions", route_class=Direct, tags=["executions"], responses=PROBLEMS)


async def endings_of(request: Request) -> Endings:
    held: Endings = request.app.state.endings
    return held


EndingsOf = Annotated[Endings, Depends(endings_of)]


@of_execution.get("/compare", response_model=comparison.Comparison, responses=OF_EXECUTION)
async def compare_executions(
    held: ServicesOf, caller: CallerOf, asked: Annotated[ComparedExecutions, Query()]
) -> Response:
    """Two executions side by side: status, figures, the time of each step, with payloads how their outputs differ."""
    sides = []
    async with held.explaining:
        async with held.store.reading(caller) as reader:
            for name in (asked.a, asked.b):
                execution = await found(reader, name)
                allow_payloads(caller, execution, asked)
                bounds = (_MOST_STEPS, _MOST_STEP_BYTES)
                sides.append(await comparison.read(reader, execution, *bounds, with_payloads=asked.with_payloads))
        if not all(side.is_whole for side in sides):
            raise ProblemError("too-slow", f"executions are compared that have at most {_MOST_STEPS} steps")
        shown = await asyncio.to_thread(comparison.comparison_of, *sides, with_payloads=asked.with_payloads)
    hidden = {side: {*views.PAYLOAD_FIELDS} for side in ("a", "b")}
    return answer(shown, exclude=None if asked.with_payloads else hidden)


@of_execution.get("/{id}", response_model=views.Execution, responses=OF_EXECUTION)
async def show_execution(
    held: ServicesOf,
    endings: EndingsOf,
    caller: Annotated[Caller, Depends(identify)],
    name: Name,
    asked: Annotated[OneExecution, Query()],
) -> Response:
    """One execution, as it is, as it was, or once it has ended."""
    if asked.wait:
        held = replace(held, store=held.primary)  # a replica may not know of the end that was waited for
    with few_enough():
        async with held.shares.admitted(caller.person):
            shown = await _shown(held, caller, name, asked)
        if asked.wait and shown.status in OPEN:  # who waits holds neither a share nor a connection
            await endings.wait(shown.id, asked.timeout, caller.person)
            async with held.shares.admitted(caller.person):
                shown = await _shown(held, caller, str(shown.id), asked)
    return Response(shown.text, media_type="application/json")


@of_execution.get("/{id}/steps", response_model=views.StepPage | columns.StepColumns, responses=OF_EXECUTION)
async def list_steps(
    held: ServicesOf, caller: CallerOf, name: Name, asked: Annotated[PageOfSteps, Query()]
) -> Response:
    """The steps of an execution, all attempts, by the time of their first event; with `as=columns` all at once."""
    async with held.store.reading(caller, one_plan=True) as reader:
        execution = await found(reader, name, find_identity)
        if asked.as_columns:
            return _all_steps(await reader.step_columns(execution["id"], columns.MOST_BYTES))
        allow_payloads(caller, execution, asked)
        scope = await held.signing.scope(f"steps of {execution['id']}")
        after = place(scope, asked, STEP_KEY)
        rows = await reader.steps(execution["id"], after, asked.limit + 1, held.page_bytes)
        rows, end = split(rows, asked.limit, step_key, goes_on=goes_on)
        rows, early, payloads = await payloads_of(held, reader, rows, views.step_sources, step_key, asked)
    shown = {step_key(row): views.step_of(row, payloads) for row in rows}
    return page_of(views.StepPage, scope, shown, early or end, held.page_bytes)


@of_execution.get("/{id}/events", response_model=views.EventPage, responses=OF_EXECUTION)
async def list_events(held: ServicesOf, caller: CallerOf, name: Name, asked: Annotated[PageOf, Query()]) -> Response:
    """The log of an execution, in the order of its events."""
    async with held.store.reading(caller) as reader:
        execution = await found(reader, name, find_identity)
        allow_payloads(caller, execution, asked)
        scope = await held.signing.scope(f"events of {execution['id']}")
        after = place(scope, asked, EVENT_KEY)
        rows = await reader.events(
            execution["id"], after, asked.limit + 1, held.page_bytes, with_payloads=asked.with_payloads
        )
        rows, end = split(rows, asked.limit, event_key, goes_on=goes_on)
    shown = {event_key(row): views.event_of(row, with_payloads=asked.with_payloads) for row in rows}
    return page_of(views.EventPage, scope, shown, end, held.page_bytes)


@of_execution.get("/{id}/llm-calls", response_model=calls.LlmCallPage, responses=OF_EXECUTION)
async def list_llm_calls(held: ServicesOf, caller: CallerOf, name: Name, asked: Annotated[PageOf, Query()]) -> Response:
    """The models that an execution called, by time, with tokens and costs."""
    async with held.store.reading(caller) as reader:
        execution = await found(reader, name, find_identity)
        allow_payloads(caller, execution, asked)
        scope = await held.signing.scope(f"llm calls of {execution['id']}")
        after = place(scope, asked, CALL_KEY)
        rows = await reader.calls("llm", execution["id"], after, asked.limit + 1, held.page_bytes)
    rows, end = split(rows, asked.limit, call_key, goes_on=goes_on)
    shown = {call_key(row): calls.llm_call_of(row) for row in rows}
    return page_of(calls.LlmCallPage, scope, shown, end, held.page_bytes)


@of_execution.get("/{id}/tool-calls", response_model=calls.ToolCallPage, responses=OF_EXECUTION)
async def list_tool_calls(
    held: ServicesOf, caller: CallerOf, name: Name, asked: Annotated[PageOf, Query()]
) -> Response:
    """The tools that an execution called, by time."""
    async with held.store.reading(caller) as reader:
        execution = await found(reader, name, find_identity)
        allow_payloads(caller, execution, asked)
        scope = await held.signing.scope(f"tool calls of {execution['id']}")
        after = place(scope, asked, CALL_KEY)
        rows = await reader.calls("tool", execution["id"], after, asked.limit + 1, held.page_bytes)
        rows, end = split(rows, asked.limit, call_key, goes_on=goes_on)
        rows, early, payloads = await payloads_of(held, reader, rows, calls.tool_call_sources, call_key, asked)
    shown = {call_key(row): calls.tool_call_of(row, payloads) for row in rows}
    return page_of(calls.ToolCallPage, scope, shown, early or end, held.page_bytes)


@of_execution.get("/{id}/timeline", response_model=timeline.Timeline, responses=OF_EXECUTION)
async def show_timeline(
    held: ServicesOf, caller: CallerOf, name: Name, asked: Annotated[Including, Query()]
) -> Response:
    """How an execution went: attempts, steps in each other and in time, where it failed, gaps, parent and children."""
    async with held.explaining:
        async with held.store.reading(caller) as reader:
            execution = await found(reader, name)
            allow_payloads(caller, execution, asked)
            bounds = (_MOST_STEPS, _MOST_STEP_BYTES)
            told = await timeline.read(reader, execution, *bounds, with_payloads=asked.with_payloads)
        if not told.is_whole:
            raise ProblemError("too-slow", f"a timeline has at most {_MOST_STEPS} steps: see the steps with as=columns")
        shown = await asyncio.to_thread(timeline.timeline_of, told)
    hidden = {"execution": {*views.PAYLOAD_FIELDS}}
    return answer(shown, exclude=None if asked.with_payloads else hidden)


@of_execution.get("/{id}/tree", response_model=tree.TreePage, responses=OF_EXECUTION)
async def list_tree(held: ServicesOf, caller: CallerOf, name: Name, asked: Annotated[Page, Query()]) -> Response:
    """The tree that an execution is in: its root and all that name it as theirs, by start, with their figures."""
    async with held.store.reading(caller) as reader:
        execution = await found(reader, name, find_identity)
        tenant_id, root_id = execution["tenant_id"], execution["root_execution_id"]
        scope = await held.signing.scope(f"tree of {root_id} of {tenant_id}")
        rows = await reader.tree(tenant_id, root_id, place(scope, asked, MEMBER_KEY), asked.limit + 1)
        root = (await reader.named(tenant_id, [root_id])).get(root_id)
    rows, end = split(rows, asked.limit, member_key)
    return answer(tree.tree_of(rows, root, None if end is None else write_cursor(scope, end)))


@of_execution.get("/{id}/explain", response_model=explanations.Explanation, responses=OF_EXECUTION)
async def explain_execution(
    held: ServicesOf, caller: CallerOf, name: Name, asked: Annotated[AsItWas, Query()]
) -> Response:
    """Why an execution is or was so: the event that decided each field; of each event, what it did, why not more."""
    moment = Moment(asked.known_at, asked.as_of)
    async with held.explaining:
        if moment.is_now:
            logged = await _logged(held, caller, name, asked, moment)
        else:
            logged = await _as_it_was(held, caller, name, asked, moment)
        return answer(await asyncio.to_thread(explanations.explanation_of, logged))


class _Shown(NamedTuple):
    """An execution as text in JSON."""

    id: UUID
    status: str
    text: str


async def _shown(held: Services, caller: Caller, name: str, asked: AsItWas) -> _Shown:
    moment = Moment(asked.known_at, asked.as_of)
    if not moment.is_now:
        async with held.explaining:
            then = await _as_it_was(held, caller, name, asked, moment)
        return _written(past.shown_of(then.execution, then.payloads), asked)
    async with held.store.reading(caller, one_plan=True) as reader:
        if not asked.with_payloads:
            row = await found(reader, name, find_shown)
            if row["item"] is not None:
                return _Shown(row["id"], row["status"], row["item"])
        return _written(await _modelled(reader, caller, name, asked), asked)


async def _modelled(reader: Reader, caller: Caller, name: str, asked: AsItWas) -> views.Execution:
    """One with its payloads, or one whose record is damaged. Raises DamagedError."""
    row = await found(reader, name)
    allow_payloads(caller, row, asked)
    payloads = await reader.payloads(views.execution_sources([row]) if asked.with_payloads else ())
    return views.execution_of(row, payloads, await reader.trees([row]))


def _written(shown: views.Execution, asked: AsItWas) -> _Shown:
    fields = views.shown_fields((), with_payloads=asked.with_payloads)
    return _Shown(shown.id, shown.status, shown.model_dump_json(include=fields))


def _all_steps(row: Row) -> Response:
    if row["count"] < row["steps"]:
        raise ProblemError("too-slow", f"its {row['steps']} steps are too large for one answer: ask for pages of them")
    return Response(columns.body_of(row), media_type="application/json")


async def _logged(held: Services, caller: Caller, name: str, asked: Including, moment: Moment) -> log.Logged:
    """An execution with its log, or a part of it, if that is not too much for an answer."""
    async with held.store.reading(caller) as reader:
        execution = await found(reader, name)
        allow_payloads(caller, execution, asked)
        if execution["version"] > _MOST_EXPLAINED:
            raise _left_to_the_command(f"it has {execution['version']} events", f"{_MOST_EXPLAINED}")
        most = _MOST_EXPLAINED_BYTES
        if moment.is_now:
            logged = await log.read(reader, execution, most, with_payloads=asked.with_payloads)
        else:
            logged = await log.read_part(reader, execution, most, moment)
    if not logged.is_whole:
        raise _left_to_the_command("its events are large", f"{most} bytes of them")
    return logged


async def _as_it_was(held: Services, caller: Caller, name: str, asked: Including, moment: Moment) -> log.Logged:
    """An execution as it was, with the payloads that it had; they are read once it is known which those are."""
    then = await asyncio.to_thread(past.as_it_was, await _logged(held, caller, name, asked, moment))
    if then is None:
        raise ProblemError("not-found", "there was no such execution yet")
    if not asked.with_payloads:
        return then
    async with held.store.reading(caller) as reader:
        return replace(then, payloads=await reader.payloads(views.execution_sources([then.execution])))


def _left_to_the_command(why: str, most: str) -> ProblemError:
    return ProblemError("too-slow", f"{why}, an answer explains at most {most}: use the command execledger explain")
