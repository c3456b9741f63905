"""A decorator: a call of the function is an execution, or a step where one is running already."""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, ParamSpec, TypeVar, cast, overload

from execledger_publisher.execution import Execution
from execledger_publisher.scope import Scope, innermost

P = ParamSpec("P")
R = TypeVar("R")


class Tracing:
    """Has a decorator. A subclass makes executions."""

    def execution(self) -> Execution:
        """An execution of its own."""
        raise NotImplementedError

    @overload
    def traced(self, function: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def traced(
        self, /, *, name: str | None = None, arguments: bool = True, result: bool = True, **options: Any
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
    def traced(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str | None = None,
        arguments: bool = True,
        result: bool = True,
        **options: Any,
    ) -> Any:
        """Record each call of a function, with its arguments as input and what it returns as output.

            @publisher.traced
            async def research(topic: str) -> str: ...

            @publisher.traced(name="draft", arguments=False, agent_id="writer")
            def draft(key: str) -> str: ...

        Inside of an execution or step the call is a step within it, elsewhere an execution of its own, whose workflow
        has the function's name; `options` are those of the one or the other. Functions and methods, coroutines,
        generators and asynchronous generators; what a generator yields is no output. Leave arguments or results out
        where they are secret.
        """
        if function is None:
            return lambda later: self.traced(
                later, **{"name": name, "arguments": arguments, "result": result, **options}
            )
        begin = _Begin(self, function, name, options, with_arguments=arguments)
        return functools.wraps(function)(_wrapped(function, begin, with_result=result))


class _Begin:
    """Makes the execution or step of one call."""

    def __init__(
        self,
        tracing: Tracing,
        function: Callable[..., Any],
        name: str | None,
        options: dict[str, Any],
        *,
        with_arguments: bool,
    ) -> None:
        self._tracing = tracing
        self._name = name or getattr(function, "__qualname__", type(function).__name__).replace("<locals>.", "")
        self._options = options
        self._signature = _signature(function) if with_arguments else None

    def __call__(self, *given: Any, **named: Any) -> Scope:
        options = self._options if self._signature is None else {"input": self._input(given, named), **self._options}
        scope = innermost()
        if scope is not None:
            return scope.step(self._name, **options)
        make: Callable[..., Execution] = self._tracing.execution
        return make(**{"workflow": self._name, **options})

    def _input(self, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            bound = cast("inspect.Signature", self._signature).bind(*given, **named).arguments
        except TypeError:  # the call fails by itself, and says why
            return None
        return {name: value for name, value in bound.items() if name not in ("self", "cls")}


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _wrapped(function: Callable[..., Any], begin: Callable[..., Any], *, with_result: bool) -> Callable[..., Any]:
    def report(scope: Any, result: Any) -> Any:
        if with_result and result is not None:
            scope.report(output=result)
        return result

    if inspect.isasyncgenfunction(function):
        return lambda *given, **named: _each_later(begin(*given, **named), function(*given, **named))
    if inspect.isgeneratorfunction(function):
        return lambda *given, **named: _each(begin(*given, **named), function(*given, **named))
    if inspect.iscoroutinefunction(function):

        async def awaited(*given: Any, **named: Any) -> Any:
            async with begin(*given, **named) as scope:
                return report(scope, await function(*given, **named))

        return awaited

    def called(*given: Any, **named: Any) -> Any:
        with begin(*given, **named) as scope:
            return report(scope, function(*given, **named))

    return called


def _each(scope: Scope, work: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """What the generator yields. It is current while it runs, not while whoever reads it does."""
    scope.start()
    advance: Callable[[], Any] = lambda: next(work)  # noqa: E731 - set anew below
    try:
        while True:
            try:
                with scope._as_current():  # noqa: SLF001 - ours
                    item = advance()
            except StopIteration as end:
                scope._finish(None)  # noqa: SLF001
                return end.value
            try:
                sent = yield item
            except GeneratorExit:
                work.close()
                raise
            except BaseException as error:  # noqa: BLE001 - thrown in, so it is the generator's
                advance = functools.partial(work.throw, error)
            else:
                advance = functools.partial(work.send, sent)
    except BaseException as error:
        scope._finish(error)  # noqa: SLF001
        raise


async def _each_later(scope: Scope, work: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
    """The same of an asynchronous one."""
    scope.start()
    advance: Callable[[], Any] = work.__anext__
    try:
        while True:
            try:
                with scope._as_current():  # noqa: SLF001 - ours
                    item = await advance()
            except StopAsyncIteration:
                scope._finish(None)  # noqa: SLF001
                return
            try:
                sent = yield item
            except GeneratorExit:
                await work.aclose()
                raise
            except BaseException as error:  # noqa: BLE001 - as above
                advance = functools.partial(work.athrow, error)
            else:
                advance = functools.partial(work.asend, sent)
    except BaseException as error:
        scope._finish(error)  # noqa: SLF001
        raise
