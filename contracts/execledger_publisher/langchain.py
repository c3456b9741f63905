"""Callbacks for LangChain and LangGraph: a run becomes an execution, with its steps and the calls of models and tools.

    handler = ExecutionCallbacks(publisher)
    graph.invoke(question, config={"callbacks": [handler]})

Install with `execledger[langchain]`. One handler serves any number of runs at once, from any thread.
"""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, Final
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult

from execledger_publisher.calls import LlmBlock, ToolBlock
from execledger_publisher.execution import Execution
from execledger_publisher.publications import Publications
from execledger_publisher.step import Step
from execledger_publisher.values import plain

_Run = Execution | Step | LlmBlock | ToolBlock

_TAG_OF_STEPS: Final = "seq:step:"  # LangChain's own, on the parts of a sequence


class ExecutionCallbacks(BaseCallbackHandler):
    """Publishes what LangChain tells it. The outermost run is the execution, chains and retrievers in it are steps.

    `options` are those of `publisher.execution`, for every run: `owner`, `session_id`, `workflow` and so on. What a
    run's own `metadata` says goes before them: `execledger_external_id`, `session_id` or `thread_id` (LangGraph's), and
    `owner_id`.
    """

    def __init__(self, publisher: Publications, **options: Any) -> None:
        super().__init__()
        self._publisher = publisher
        self._options = options
        self._runs: dict[UUID, _Run] = {}
        self._lock = Lock()

    def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: dict[str, Any],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """A chain or a graph began: an execution when it is the outermost, else a step."""
        name = _name(serialized, kwargs)
        parent = self._scope_of(parent_run_id)
        if parent is None:
            self._keep(run_id, self._execution(name, inputs, tags, metadata or {}).start())
        else:
            self._keep(run_id, parent.step(name, input=plain(inputs), operation="chain").start())

    def on_chain_end(self, outputs: dict[str, Any], *, run_id: UUID, **kwargs: Any) -> None:
        """It ended well."""
        self._complete(run_id, outputs)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """It ended in an error."""
        self._fail(run_id, error)

    def on_retriever_start(
        self,
        serialized: dict[str, Any],
        query: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """Documents are looked for: a step, or an execution when nothing is around it."""
        name = _name(serialized, kwargs)
        parent = self._scope_of(parent_run_id)
        if parent is None:
            self._keep(run_id, self._execution(name, query, kwargs.get("tags"), kwargs.get("metadata") or {}).start())
        else:
            self._keep(run_id, parent.step(name, input=query, operation="retriever").start())

    def on_retriever_end(self, documents: Sequence[Any], *, run_id: UUID, **kwargs: Any) -> None:
        """They were found."""
        self._complete(run_id, documents)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """They were not."""
        self._fail(run_id, error)

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """A chat model is called."""
        self._call_model(run_id, parent_run_id, serialized, messages, metadata or {}, kwargs)

    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """A model that completes text is called."""
        self._call_model(run_id, parent_run_id, serialized, prompts, metadata or {}, kwargs)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """It answered."""
        call = self._take(run_id)
        if isinstance(call, LlmBlock):
            call.report(output=plain(response.generations), **_said_of(response))
            call.__exit__(None, None, None)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """It did not."""
        self._fail(run_id, error)

    def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        inputs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """A tool is called."""
        if (parent := self._scope_of(parent_run_id)) is not None:
            call = parent.tool(_name(serialized, kwargs), input=plain(input_str if inputs is None else inputs))
            self._keep(run_id, call.__enter__())

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """It answered."""
        call = self._take(run_id)
        if isinstance(call, ToolBlock):
            call.report(output=plain(output))
            call.__exit__(None, None, None)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """It did not."""
        self._fail(run_id, error)

    def _execution(self, name: str, inputs: Any, tags: Sequence[str] | None, metadata: Mapping[str, Any]) -> Execution:
        said = {
            "external_id": metadata.get("execledger_external_id"),
            "session_id": metadata.get("session_id") or metadata.get("thread_id"),
            "owner": metadata.get("owner_id"),
            "tags": [tag for tag in tags or () if not tag.startswith(_TAG_OF_STEPS)] or None,
        }
        known = {key: value for key, value in said.items() if value is not None}
        options: dict[str, Any] = {"workflow": name, "input": plain(inputs), **self._options, **known}
        return self._publisher.execution(**options)

    def _call_model(
        self,
        run_id: UUID,
        parent_run_id: UUID | None,
        serialized: dict[str, Any],
        prompt: Any,
        metadata: Mapping[str, Any],
        kwargs: Mapping[str, Any],
    ) -> None:
        """Nothing is told of a model that is called outside of any chain: there is no execution that it is part of."""
        parent = self._scope_of(parent_run_id)
        if parent is None:
            return
        parameters = kwargs.get("invocation_params") or {}
        model = metadata.get("ls_model_name") or parameters.get("model") or parameters.get("model_name")
        call = parent.llm(
            provider=metadata.get("ls_provider"), model=model or _name(serialized, kwargs), input=plain(prompt)
        )
        self._keep(run_id, call.__enter__())

    def _scope_of(self, run_id: UUID | None) -> Execution | Step | None:
        """The execution or step that something within that run belongs to."""
        with self._lock:
            found = None if run_id is None else self._runs.get(run_id)
        return found if isinstance(found, Execution | Step) else None

    def _keep(self, run_id: UUID, run: _Run) -> None:
        with self._lock:
            self._runs[run_id] = run

    def _take(self, run_id: UUID) -> _Run | None:
        with self._lock:
            return self._runs.pop(run_id, None)

    def _complete(self, run_id: UUID, output: Any) -> None:
        run = self._take(run_id)
        if isinstance(run, Execution | Step):
            run.complete(output=plain(output))

    def _fail(self, run_id: UUID, error: BaseException) -> None:
        run = self._take(run_id)
        if isinstance(run, Execution | Step):
            run.fail(error)
        elif run is not None:
            run.__exit__(type(error), error, error.__traceback__)


def _name(serialized: Mapping[str, Any] | None, kwargs: Mapping[str, Any]) -> str:
    """As LangChain calls the run, else what its class is called."""
    known = serialized or {}
    return str(kwargs.get("name") or known.get("name") or (known.get("id") or ["chain"])[-1])


def _said_of(response: LLMResult) -> dict[str, Any]:
    """Model and tokens, where the answer says them: with the message, else in what the provider sent."""
    sent = response.llm_output or {}
    messages = [getattr(each, "message", None) for each in (response.generations or [[]])[0]]
    usage = _first(messages, "usage_metadata")
    details: Mapping[str, Any] = _first(messages, "response_metadata") or {}
    model = details.get("model_name") or details.get("model") or sent.get("model_name")
    said = {"model": model, "usage": _counted(usage) if usage else sent.get("token_usage") or sent.get("usage")}
    return {name: value for name, value in said.items() if value}


def _first(messages: Sequence[Any], name: str) -> Any:
    return next((said for message in messages if (said := getattr(message, name, None))), None)


def _counted(usage: Mapping[str, Any]) -> dict[str, Any]:
    """LangChain's own figures, under the names of OpenAI's."""
    taken, given = usage.get("input_token_details") or {}, usage.get("output_token_details") or {}
    return {
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "input_tokens_details": {"cached_tokens": taken.get("cache_read"), "audio_tokens": taken.get("audio")},
        "output_tokens_details": {"reasoning_tokens": given.get("reasoning"), "audio_tokens": given.get("audio")},
    }
