"""Calls of models and tools: said afterwards, or a block around the call that times it."""

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self, TypedDict, Unpack

from execledger_publisher.drops import PublishError
from execledger_publisher.run import Run, without_none
from execledger_publisher.said import MoneyLike, check_names, message, money, whole
from execledger_publisher.usage import tokens


class LlmOptions(TypedDict, total=False):
    """What can be said of a model's call."""

    provider: str | None
    model: str | None
    usage: Any
    """The usage object of OpenAI's, Anthropic's or Gemini's client, or the answer that holds it, as it is."""
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    """A part of the prompt's; so are those written to the cache, and audio."""
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    """A part of the completion's; so is audio."""
    input_audio_tokens: int | None
    output_audio_tokens: int | None
    cost_usd: MoneyLike | None
    duration_ms: float | None
    error: str | BaseException | None
    input: Any
    """The prompt."""
    output: Any
    """The answer."""
    agent_id: str | None
    cache_hit: bool | None


class ToolOptions(TypedDict, total=False):
    """What can be said of a tool's call."""

    success: bool | None
    """It succeeded unless said otherwise, or an error is given."""
    duration_ms: float | None
    error: str | BaseException | None
    input: Any
    output: Any
    agent_id: str | None
    cache_hit: bool | None


def llm_data(said: LlmOptions) -> dict[str, Any]:
    """The data of an `llm.called`. What is said beside a usage object counts more than what it says."""
    check_names(said, LlmOptions)
    named = without_none({**said})
    usage = named.pop("usage", None)
    return _call({**(tokens(usage) if usage is not None else {}), **named})


def tool_data(tool_name: str, said: ToolOptions) -> dict[str, Any]:
    """The data of a `tool.called`."""
    check_names(said, ToolOptions)
    named = without_none({**said})
    return _call({"tool_name": tool_name, "success": "error" not in named, **named})


class Call:
    """A block around one call of a model or tool: it takes the time, and the error by which it is left."""

    def __init__(self, run: Run, emit: Callable[[dict[str, Any]], None], said: Any, allowed: type[Any]) -> None:
        check_names(said, allowed)
        self._run = run
        self._emit = emit
        self._said = said
        self._allowed = allowed
        self._began: float | None = None

    def _report(self, said: Any) -> None:
        check_names(said, self._allowed)
        self._said = {**self._said, **said}

    def __enter__(self) -> Self:
        self._began = self._run.outlet.clock.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        said = {"duration_ms": self._run.milliseconds_since(self._began), **self._said}
        if error is None:
            self._emit(said)
        else:
            with suppress(PublishError):  # the work's own error is the one to see
                self._emit({"error": error, **said})

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __repr__(self) -> str:
        known = {name: self._said[name] for name in _SHOWN if name in self._said}
        return f"<{type(self).__name__} of execution {self._run.id!r}: {known}>"


class LlmBlock(Call):
    """A block around the call of a model."""

    def report(self, **said: Unpack[LlmOptions]) -> None:
        """Keep what is known of it: `usage=answer.usage`, `output=…`."""
        self._report(said)


class ToolBlock(Call):
    """A block around the call of a tool."""

    def report(self, **said: Unpack[ToolOptions]) -> None:
        """Keep what is known of it: `output=…`."""
        self._report(said)


class Calls:
    """What an execution and a step can say of calls."""

    _run: Run

    def llm_called(self, **said: Unpack[LlmOptions]) -> None:
        """A model was called."""
        self._emit_call("llm.called", llm_data(said))

    def tool_called(self, tool_name: str, **said: Unpack[ToolOptions]) -> None:
        """A tool was called."""
        self._emit_call("tool.called", tool_data(tool_name, said))

    def llm(self, **said: Unpack[LlmOptions]) -> LlmBlock:
        """A block around a model's call.

        with step.llm(provider="openai", model="gpt-5", input=messages) as call:
            answer = client.responses.create(model="gpt-5", input=messages)
            call.report(usage=answer.usage, output=answer.output_text)
        """
        return LlmBlock(self._run, lambda said: self.llm_called(**said), said, LlmOptions)

    def tool(self, tool_name: str, **said: Unpack[ToolOptions]) -> ToolBlock:
        """A block around a tool's call.

        with step.tool("search", input={"q": "tea"}) as call:
            call.report(output=search("tea"))
        """
        return ToolBlock(self._run, lambda said: self.tool_called(tool_name, **said), said, ToolOptions)

    def _emit_call(self, type_: str, data: dict[str, Any]) -> None:
        agent_id, step_id = self._caller()
        self._emit(type_, without_none({"agent_id": agent_id, "step_id": step_id, **data}))

    def _caller(self) -> tuple[str | None, str | None]:
        """Agent and step, as far as this knows."""
        return None, None

    def _emit(self, type_: str, data: Any) -> None:
        raise NotImplementedError


def _call(said: dict[str, Any]) -> dict[str, Any]:
    for name in said.keys() & _COUNTS:
        said[name] = whole(said[name])
    if "cost_usd" in said:
        said["cost_usd"] = money(said["cost_usd"])
    if isinstance(error := said.get("error"), BaseException):
        said["error"] = message(error) or type(error).__name__
    return said


_COUNTS: Final = frozenset({name for name in LlmOptions.__annotations__ if name.endswith("_tokens")} | {"duration_ms"})
_SHOWN: Final = ("provider", "model", "tool_name")
