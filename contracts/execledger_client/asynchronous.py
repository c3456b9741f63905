"""The client for programs with an event loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from execledger_client import questions
from execledger_client.events import Place, StreamEvent
from execledger_client.models import (
    Event,
    Execution,
    Explanation,
    Step,
    Timeline,
)
from execledger_client.problems import ProblemError
from execledger_client.questions import SILENCE_SECONDS, Question

_Answer = TypeVar("_Answer")


class AsyncClient:
    """Asks a query service, as `Client` does: what it refuses is a ProblemError, what the network does as httpx2 says.

    Filters are those of the API: `status`, `workflow_id`, `owner_id`, `started_after`, …; times with an offset.
    """

    def __init__(
        self, base_url: str, token: str | None = None, *, timeout: float = 30.0, http: httpx2.AsyncClient | None = None
    ) -> None:
        """`timeout`: seconds that an answer may take; `http`: one of your own, with its proxies and certificates."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = http or httpx2.AsyncClient(timeout=timeout)
        self._base_url = base_url.rstrip("/")
        self._headers = headers

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def execution(self, execution_id: object, *, payloads: bool = False) -> Execution:
        """One execution, by internal or external id."""
        return await self._ask(questions.execution(execution_id, payloads=payloads))

    async def explain(self, execution_id: object, *, payloads: bool = False) -> Explanation:
        """Why it is as it is."""
        return await self._ask(questions.explanation(execution_id, payloads=payloads))

    async def timeline(self, execution_id: object, *, payloads: bool = False) -> Timeline:
        """How it went."""
        return await self._ask(questions.timeline(execution_id, payloads=payloads))

    def executions(self, **filters: Any) -> AsyncIterator[Execution]:
        """All executions that the filters leave, page by page; `limit` is that of a page."""
        return self._items(questions.executions(filters))

    def steps(self, execution_id: object, *, payloads: bool = False) -> AsyncIterator[Step]:
        """All its steps."""
        return self._items(questions.steps(execution_id, payloads=payloads))

    def events(self, execution_id: object, *, payloads: bool = False) -> AsyncIterator[Event]:
        """All its events, in their order."""
        return self._items(questions.events(execution_id, payloads=payloads))

    async def get(self, path: str, **parameters: Any) -> Any:
        """Whatever else the API has, as JSON."""
        return await self._ask(Question(path, questions.parameters_of(parameters), object))

    def items(self, path: str, **parameters: Any) -> AsyncIterator[Any]:
        """All items of whatever else the API lists, page by page, as JSON."""
        return self._items(Question(path, questions.parameters_of(parameters), questions.AnyPage))

    def stream(self, *, last_event_id: str | None = None, **filters: Any) -> AsyncIterator[StreamEvent]:
        """Executions each time they change, without end; the newest ones first, as many as `limit` says.

        A connection that is lost is made again, and goes on where it was. Raises ProblemError where that is of no use.
        """
        return self._follow(questions.stream(filters), Place(last_event_id))

    def stream_execution(
        self, execution_id: object, *, payloads: bool = False, last_event_id: str | None = None
    ) -> AsyncIterator[StreamEvent]:
        """The events of an execution, its record after each change, and `end` when it has really ended."""
        return self._follow(questions.stream_of(execution_id, payloads=payloads), Place(last_event_id))

    async def wait(self, execution_id: object, timeout: float | None = None) -> Execution:  # noqa: ASYNC109 - as in Client
        """The execution once it has really ended. Raises TimeoutError after so many seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        async for event in self._follow(questions.stream_of(execution_id, payloads=False), Place(None), deadline):
            if event.kind == "end" and event.execution is not None:
                return event.execution
        raise TimeoutError(f"execution {execution_id} has not ended after {timeout} s")

    async def _ask(self, question: Question[_Answer]) -> _Answer:
        address = self._base_url + question.path
        return question.answer(await self._http.get(address, params=question.parameters, headers=self._headers))

    async def _items(self, question: Question[Any]) -> AsyncIterator[Any]:
        cursor: str | None = None
        while True:
            page = await self._ask(question.at(cursor))
            for item in page.items:
                yield item
            if (cursor := page.next_cursor) is None:
                return

    async def _follow(
        self, asked: tuple[str, Mapping[str, Any]], place: Place, deadline: float | None = None
    ) -> AsyncIterator[StreamEvent]:
        """Events over as many connections as it takes, until the end, or the deadline."""
        while not place.has_ended:
            left = SILENCE_SECONDS if deadline is None else min(SILENCE_SECONDS, deadline - time.monotonic())
            if left <= 0:
                return
            try:
                async for event in self._connection(asked, place, left):
                    yield event
            except httpx2.TransportError:
                pass
            except ProblemError as error:
                if not error.may_pass:
                    raise
            if not place.has_ended:
                await asyncio.sleep(min(place.retry_seconds, left))

    async def _connection(
        self, asked: tuple[str, Mapping[str, Any]], place: Place, silence: float
    ) -> AsyncIterator[StreamEvent]:
        path, parameters = asked
        headers = {**self._headers, **place.headers}
        timeout = httpx2.Timeout(silence)
        async with self._http.stream(
            "GET", self._base_url + path, params=parameters, headers=headers, timeout=timeout
        ) as response:
            if response.status_code >= 400:
                await response.aread()
                questions.check(response)
            place.has_ended = response.status_code == 204
            async for piece in response.aiter_bytes():
                for event in place.take(piece):
                    yield event
