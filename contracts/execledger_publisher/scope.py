"""What an execution and a step have in common: calls, events, steps within, and being entered and left."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, Unpack, overload

from execledger_publisher.calls import Calls
from execledger_publisher.drops import PublishError
from execledger_publisher.run import Attempt, Run
from execledger_publisher.said import StepOptions

if TYPE_CHECKING:
    from execledger_publisher.step import Step

Item = TypeVar("Item")

_current: Final[ContextVar["Scope | None"]] = ContextVar("execledger_publisher_current", default=None)


def innermost() -> "Scope | None":
    """The execution or step whose block is around this code, wherever its handle is."""
    return _current.get()


class Scope(Calls):
    """An execution or a step. The same object serves `with` and `async with`."""

    def __init__(self, run: Run, attempt: Attempt) -> None:
        self._run = run
        self._attempt = attempt
        self._tokens: list[Token[Scope | None]] = []

    def event(self, type: str, data: Any = None) -> None:  # noqa: A002 - the contract's word
        """Anything else worth keeping, as `agent.thinking`: kept in the log, changes no state."""
        self._emit(type, data)

    def start(self) -> Self:
        """Say that it began, once. Entering it does so."""
        raise NotImplementedError

    def step(self, name: str | None = None, **options: Unpack[StepOptions]) -> "Step":
        """A step within this: one phase, action, task or node. Enter it around its work."""
        raise NotImplementedError

    @overload
    def loop(
        self, name: str, items: Iterable[Item], **options: Unpack[StepOptions]
    ) -> Iterator[tuple[Item, "Step"]]: ...
    @overload
    def loop(
        self, name: str, items: AsyncIterable[Item], **options: Unpack[StepOptions]
    ) -> AsyncIterator[tuple[Item, "Step"]]: ...
    def loop(
        self, name: str, items: Iterable[Item] | AsyncIterable[Item], **options: Unpack[StepOptions]
    ) -> Iterator[tuple[Item, "Step"]] | AsyncIterator[tuple[Item, "Step"]]:
        """Each item with the step for it: iteration from 1, of so many items, the item as its input.

            for page, step in execution.loop("translate", pages):
                with step:
                    ...

        Enter each step yourself: a loop alone does not learn that its body failed.
        """
        if isinstance(items, Sized):
            options.setdefault("total_items", len(items))
        make = self._steps_of_loop(name, options)
        if isinstance(items, AsyncIterable):
            return _each_later(items, make)
        return ((item, make(iteration, item)) for iteration, item in enumerate(items, 1))

    def _steps_of_loop(self, name: str, options: StepOptions) -> Any:
        """What makes the step of an item, from its iteration and the item."""
        raise NotImplementedError

    def _emit(self, type_: str, data: Any) -> None:
        self._run.publish(self._attempt, type_, data)

    def _leave(self, error: BaseException | None) -> None:
        raise NotImplementedError

    @contextmanager
    def _as_current(self) -> Iterator[None]:
        """For as long as the block lasts, without entering or leaving this."""
        token = _current.set(self)
        try:
            yield
        finally:
            _reset(token)

    def __enter__(self) -> Self:
        self.start()
        self._tokens.append(_current.set(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tokens:
            _reset(self._tokens.pop())
        self._finish(error)

    def _finish(self, error: BaseException | None) -> None:
        if error is None:
            self._leave(None)
        else:
            with suppress(PublishError):  # the work's own error is the one to see
                self._leave(error)

    async def __aenter__(self) -> Self:
        await self._run.outlet.room()
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._run.outlet.room()
        finally:
            self.__exit__(kind, error, trace)


def _reset(token: "Token[Scope | None]") -> None:
    with suppress(ValueError):  # left in another context than entered, as generators and fixtures are: nothing is set
        _current.reset(token)


async def _each_later(items: AsyncIterable[Item], make: Any) -> AsyncIterator[tuple[Item, "Step"]]:
    iteration = 0
    async for item in items:
        iteration += 1
        yield item, make(iteration, item)
