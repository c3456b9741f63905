"""A listener for CrewAI: a crew or a flow becomes an execution, with its steps and the calls of models and tools.

    listener = ExecutionListener(publisher)
    crew.kickoff(inputs={"topic": "tea"})

Install with `execledger[crewai]`. One listener serves any number of runs at once. CrewAI hands events on from a thread
of its own: `crewai_event_bus.flush()` waits for it before the publisher is closed.
"""

from collections.abc import Mapping
from typing import Any, Final

from crewai.events import (
    AgentExecutionCompletedEvent,
    AgentExecutionErrorEvent,
    AgentExecutionStartedEvent,
    BaseEventListener,
    CrewKickoffCompletedEvent,
    CrewKickoffFailedEvent,
    CrewKickoffStartedEvent,
    FlowFailedEvent,
    FlowFinishedEvent,
    FlowStartedEvent,
    LLMCallCompletedEvent,
    LLMCallFailedEvent,
    LLMCallStartedEvent,
    MethodExecutionFailedEvent,
    MethodExecutionFinishedEvent,
    MethodExecutionStartedEvent,
    TaskCompletedEvent,
    TaskFailedEvent,
    TaskStartedEvent,
    ToolUsageErrorEvent,
    ToolUsageFinishedEvent,
    ToolUsageStartedEvent,
)

from execledger_publisher.calls import LlmBlock, ToolBlock
from execledger_publisher.execution import Execution
from execledger_publisher.publications import Publications
from execledger_publisher.step import Step
from execledger_publisher.values import plain

_Run = Execution | Step | LlmBlock | ToolBlock

_OPERATIONS: Final = {
    CrewKickoffStartedEvent: "crew",
    FlowStartedEvent: "flow",
    TaskStartedEvent: "task",
    AgentExecutionStartedEvent: "agent",
    MethodExecutionStartedEvent: "method",
}
_COMPLETED: Final = (
    *(CrewKickoffCompletedEvent, FlowFinishedEvent, TaskCompletedEvent, AgentExecutionCompletedEvent),
    MethodExecutionFinishedEvent,
)
_FAILED: Final = (
    *(CrewKickoffFailedEvent, FlowFailedEvent, TaskFailedEvent, AgentExecutionErrorEvent),
    *(MethodExecutionFailedEvent, LLMCallFailedEvent, ToolUsageErrorEvent),
)
_ITS_OWN: Final = "AgentExecutor"  # the flow in which CrewAI itself runs an agent


class ExecutionListener(BaseEventListener):
    """Publishes what CrewAI tells it. The outermost crew or flow is the execution, what runs in it are steps.

    `options` are those of `publisher.execution`, for every run: `owner`, `session_id`, `labels` and so on. What a run's
    own `inputs` say goes before them: `execledger_external_id`, `session_id` and `owner_id`.
    """

    def __init__(self, publisher: Publications, **options: Any) -> None:
        self._publisher = publisher
        self._options = options
        self._runs: dict[str, _Run] = {}
        super().__init__()

    def setup_listeners(self, crewai_event_bus: Any) -> None:
        """Listen: CrewAI calls coroutines one after the other, in the order of events, and functions all at once."""
        for kind in _OPERATIONS:
            crewai_event_bus.on(kind)(self._on_start)
        for kind in _COMPLETED:
            crewai_event_bus.on(kind)(self._on_end)
        for kind in _FAILED:
            crewai_event_bus.on(kind)(self._on_failure)
        crewai_event_bus.on(LLMCallStartedEvent)(self._on_llm_start)
        crewai_event_bus.on(LLMCallCompletedEvent)(self._on_llm_end)
        crewai_event_bus.on(ToolUsageStartedEvent)(self._on_tool_start)
        crewai_event_bus.on(ToolUsageFinishedEvent)(self._on_tool_end)

    async def _on_start(self, source: Any, event: Any) -> None:
        operation = _OPERATIONS[type(event)]
        parent = self._scope_of(event)
        name = _name(source, event)
        if parent is not None and name == _ITS_OWN:
            self._runs[event.event_id] = parent
        elif parent is not None:
            agent_id = name if operation == "agent" else None
            options = {"input": _input(event), "operation": operation, "agent_id": agent_id}
            known = {key: value for key, value in options.items() if value is not None}
            self._runs[event.event_id] = parent.step(name, **known).start()
        elif operation in ("crew", "flow"):
            self._runs[event.event_id] = self._execution(name, getattr(event, "inputs", None) or {}).start()

    async def _on_end(self, source: Any, event: Any) -> None:
        run = self._ended(source, event)
        if isinstance(run, Execution | Step):
            output = getattr(event, "output", None)
            run.complete(output=plain(getattr(event, "result", None) if output is None else output))

    async def _on_failure(self, source: Any, event: Any) -> None:
        run, error = self._ended(source, event), event.error
        if isinstance(run, Execution | Step):
            run.fail(error if isinstance(error, BaseException) else str(error))
        elif run is not None:
            run.report(error=error if isinstance(error, BaseException) else str(error))
            run.__exit__(None, None, None)

    async def _on_llm_start(self, source: Any, event: Any) -> None:
        """Nothing is told of a model that is called outside of any run: there is no execution that it is part of."""
        if (parent := self._scope_of(event)) is not None:
            provider, _, model = (event.model or "").rpartition("/")
            call = parent.llm(
                provider=provider or getattr(source, "provider", None),
                model=model or None,
                input=plain(event.messages),
                agent_id=event.agent_role,
            )
            self._runs[event.event_id] = call.__enter__()

    async def _on_llm_end(self, source: Any, event: Any) -> None:
        if isinstance(call := self._ended(source, event), LlmBlock):
            call.report(output=plain(event.response), **_counted(event.usage or {}))
            call.__exit__(None, None, None)

    async def _on_tool_start(self, source: Any, event: Any) -> None:
        if (parent := self._scope_of(event)) is not None:
            call = parent.tool(event.tool_name, input=plain(event.tool_args), agent_id=event.agent_role)
            self._runs[event.event_id] = call.__enter__()

    async def _on_tool_end(self, source: Any, event: Any) -> None:
        if isinstance(call := self._ended(source, event), ToolBlock):
            failure = getattr(event, "failure", None)
            said = {} if failure is None else {"error": str(failure)}
            call.report(output=plain(event.output), cache_hit=event.from_cache, **said)  # type: ignore[arg-type]
            call.__exit__(None, None, None)

    def _execution(self, name: str, inputs: Mapping[str, Any]) -> Execution:
        said = {
            "external_id": inputs.get("execledger_external_id"),
            "session_id": inputs.get("session_id"),
            "owner": inputs.get("owner_id"),
        }
        known = {key: str(value) for key, value in said.items() if value is not None}
        return self._publisher.execution(**{"workflow": name, "input": plain(inputs), **self._options, **known})

    def _scope_of(self, event: Any) -> Execution | Step | None:
        """The execution or step that the event lies within."""
        found = self._runs.get(event.parent_event_id or "")
        return found if isinstance(found, Execution | Step) else None

    def _ended(self, source: Any, event: Any) -> _Run | None:
        """What the event ends; nothing where that stands for what is around it."""
        run = self._runs.pop(event.started_event_id or "", None)
        return None if _name(source, event) == _ITS_OWN else run


def _name(source: Any, event: Any) -> str:
    """As CrewAI calls what began or ended."""
    for said in ("method_name", "flow_name", "crew_name", "task_name", "agent_role"):
        if name := getattr(event, said, None):
            return str(name)
    return str(getattr(source, "role", None) or getattr(source, "name", None) or type(source).__name__)


def _input(event: Any) -> Any:
    """What a step was given."""
    for said in ("inputs", "params", "task_prompt", "context"):
        if (value := getattr(event, said, None)) is not None:
            return plain(value)
    return None


def _counted(usage: Mapping[str, Any]) -> dict[str, Any]:
    """CrewAI's figures, under the names of the contract; what is no number is left out."""
    figures = {
        "prompt_tokens": usage.get("prompt_tokens", usage.get("input_tokens")),
        "completion_tokens": usage.get("completion_tokens", usage.get("output_tokens")),
        "cached_tokens": usage.get("cached_prompt_tokens"),
        "reasoning_tokens": usage.get("reasoning_tokens"),
    }
    return {name: value for name, value in figures.items() if isinstance(value, int)}
