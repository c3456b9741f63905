"""The client for programs without an event loop."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, overload

import httpx2

from execledger_client import questions
from execledger_client.events import Following, StreamEvent, interruptions
from execledger_client.models import Event, Execution, Explanation, ListedExecution, Step, Timeline
from execledger_client.questions import Fields, ListedFilters, Page, Question, StreamedFilters

_Answer = TypeVar("_Answer")
_Shown = TypeVar("_Shown")


class Client:
    """Asks a query service. What it answers instead is raised as a ProblemError; what the network does, as httpx2 says.

    Filters are those of the API: `status`, `workflow_id`, `owner_id`, `started_after`, …; times with an offset, labels
    as a mapping, several words as a list.
    """

    def __init__(
        self, base_url: str, token: str | None = None, *, timeout: float = 30.0, http: httpx2.Client | None = None
    ) -> None:
        """`timeout`: seconds that an answer may take; `http`: one of your own, with its proxies and certificates."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = http or httpx2.Client(timeout=timeout)
        self._base_url = base_url.rstrip("/")
        self._headers = headers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def execution(self, execution_id: object, *, payloads: bool = False) -> Execution:
        """One execution, by internal or external id."""
        return self._ask(questions.execution(execution_id, payloads=payloads))

    def explain(self, execution_id: object, *, payloads: bool = False) -> Explanation:
        """Why it is as it is."""
        return self._ask(questions.explanation(execution_id, payloads=payloads))

    def timeline(self, execution_id: object, *, payloads: bool = False) -> Timeline:
        """How it went."""
        return self._ask(questions.timeline(execution_id, payloads=payloads))

    @overload
    def executions(
        self, *, fields: None = None, payloads: bool = False, **filters: Unpack[ListedFilters]
    ) -> Iterator[Execution]: ...
    @overload
    def executions(
        self, *, fields: Fields, payloads: bool = False, **filters: Unpack[ListedFilters]
    ) -> Iterator[ListedExecution]: ...
    def executions(
        self, *, fields: Fields | None = None, payloads: bool = False, **filters: Unpack[ListedFilters]
    ) -> Iterator[Any]:
        """All executions that the filters leave, page by page; `limit` is that of a page.

        With `fields` they have those members alone, and the others are None.
        """
        return self._items(questions.executions(fields, filters, payloads=payloads))

    def steps(self, execution_id: object, *, payloads: bool = False) -> Iterator[Step]:
        """All its steps."""
        return self._items(questions.steps(execution_id, payloads=payloads))

    def events(self, execution_id: object, *, payloads: bool = False) -> Iterator[Event]:
        """All its events, in their order."""
        return self._items(questions.events(execution_id, payloads=payloads))

    def get(self, path: str, **parameters: Any) -> Any:
        """Whatever else the API has, as JSON."""
        return self._ask(questions.whatever(path, parameters))

    def items(self, path: str, **parameters: Any) -> Iterator[Any]:
        """All items of whatever else the API lists, page by page, as JSON."""
        return self._items(questions.all_of(path, parameters))

    @overload
    def stream(
        self,
        *,
        fields: None = None,
        payloads: bool = False,
        last_event_id: str | None = None,
        **filters: Unpack[StreamedFilters],
    ) -> Iterator[StreamEvent[Execution]]: ...
    @overload
    def stream(
        self,
        *,
        fields: Fields,
        payloads: bool = False,
        last_event_id: str | None = None,
        **filters: Unpack[StreamedFilters],
    ) -> Iterator[StreamEvent[ListedExecution]]: ...
    def stream(
        self,
        *,
        fields: Fields | None = None,
        payloads: bool = False,
        last_event_id: str | None = None,
        **filters: Unpack[StreamedFilters],
    ) -> Iterator[StreamEvent[Any]]:
        """Executions each time they change, without end; the newest ones first, as many as `limit` says.

        A connection that is lost is made again, and goes on where it was. Raises ProblemError where that is of no use.
        """
        return self._follow(Following(questions.stream(fields, filters, payloads=payloads), last_event_id))

    def stream_execution(
        self, execution_id: object, *, payloads: bool = False, last_event_id: str | None = None
    ) -> Iterator[StreamEvent[Execution]]:
        """The events of an execution, its record after each change, and `end` when it has really ended."""
        return self._follow(Following(questions.stream_of(execution_id, payloads=payloads), last_event_id))

    def wait(self, execution_id: object, timeout: float | None = None) -> Execution:
        """The execution once it has really ended. Raises TimeoutError after so many seconds."""
        following = Following(questions.stream_of(execution_id, payloads=False), seconds=timeout)
        for event in self._follow(following):
            if event.kind == "end" and event.execution is not None:
                return event.execution
        raise TimeoutError(f"execution {execution_id} has not ended after {timeout} s")

    def _ask(self, question: Question[_Answer]) -> _Answer:
        address = self._base_url + question.path
        return question.answer(self._http.get(address, params=question.parameters, headers=self._headers))

    def _items(self, question: Question[Page[_Shown]]) -> Iterator[_Shown]:
        cursor: str | None = None
        while True:
            page = self._ask(question.at(cursor))
            yield from page.items
            if (cursor := page.next_cursor) is None:
                return

    def _follow(self, following: Following[_Shown]) -> Iterator[StreamEvent[_Shown]]:
        """Events over as many connections as it takes."""
        while following.goes_on:
            with interruptions():
                yield from self._connection(following)
            time.sleep(following.pause)

    def _connection(self, following: Following[_Shown]) -> Iterator[StreamEvent[_Shown]]:
        with self._http.stream(**following.request(self._base_url, self._headers)) as response:
            if response.status_code >= 400:
                response.read()
                questions.check(response)
            following.place.has_ended = response.status_code == 204
            for piece in response.iter_bytes():
                yield from following.place.take(piece)
