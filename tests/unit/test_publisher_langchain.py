"""Callbacks for LangChain, told by the real langchain-core: its runs become executions, steps and calls."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("langchain_core", reason="the extra langchain is not installed")

from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import tool

from execledger_publisher import Collector
from execledger_publisher.langchain import ExecutionCallbacks

ANSWER = AIMessage(
    "tea",
    usage_metadata={
        "input_tokens": 12,
        "output_tokens": 3,
        "total_tokens": 15,
        "input_token_details": {"cache_read": 4},
    },
    response_metadata={"model_name": "gpt-5"},
)


@tool
def search(q: str) -> str:
    """Look it up."""
    if q == "bad":
        raise ValueError("no such thing")
    return f"found {q}"


class Shelf(BaseRetriever):
    """Finds one document."""

    def _get_relevant_documents(self, query: str, **said: Any) -> list[Document]:
        return [Document(f"about {query}")]


def work(question: str, config: RunnableConfig) -> str:
    """Asks a model, fails with a tool, looks into a shelf, and succeeds with the tool."""
    answer = GenericFakeChatModel(messages=iter([ANSWER])).invoke(question, config=config)
    with pytest.raises(ValueError, match="no such thing"):
        search.invoke({"q": "bad"}, config=config)
    Shelf().invoke(str(answer.content), config=config)
    return str(search.invoke({"q": "tea"}, config=config))


def told(**said: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is published of a chain, event by event."""
    collector = Collector("urn:acme:chains", strict=True)
    chain = RunnableLambda(str.upper, name="shout") | RunnableLambda(work, name="work")
    callbacks = ExecutionCallbacks(collector, owner={"id": "ann"})
    config: Any = {"callbacks": [callbacks], "run_name": "answer", **said}
    chain.invoke("tea?", config=config)
    assert not callbacks._runs
    for record in collector.records:
        event = json.loads(record.value)
        yield event["type"], event["data"] | {"subject": event["subject"]}


def test_a_run_becomes_an_execution_with_steps_and_calls() -> None:
    events = list(told(tags=["t1"], metadata={"thread_id": "s-1", "execledger_external_id": "run-1"}))
    assert [kind for kind, _ in events] == [
        *("execution.started", "step.started", "step.completed", "step.started", "llm.called", "tool.called"),
        *("step.started", "step.completed", "tool.called", "step.completed", "execution.completed"),
    ]
    assert {data["subject"] for _, data in events} == {"run-1"}
    began, ended = events[0][1], events[-1][1]
    assert (began["workflow"], began["session_id"], began["owner"], began["input"], began["tags"]) == (
        *({"id": "answer"}, "s-1", {"id": "ann"}, "tea?"),
        ["t1"],
    )
    assert ended["output"] == "found tea"
    asked, failed, _, shelf, found = (data for _, data in events[4:9])
    assert (asked["model"], asked["prompt_tokens"], asked["completion_tokens"], asked["cached_tokens"]) == (
        *("gpt-5", 12, 3),
        4,
    )
    assert asked["step_id"] == "work"
    assert (failed["success"], failed["error"], found["output"]) == (False, "no such thing", "found tea")
    assert (shelf["step"]["operation"], shelf["step"]["parent_id"]) == ("retriever", "work")


def test_a_chain_that_raises_fails_its_execution_and_the_error_goes_on() -> None:
    collector = Collector("urn:acme:chains")

    def break_(_: str) -> str:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        RunnableLambda(break_).invoke("x", config={"callbacks": [ExecutionCallbacks(collector)]})
    began, ended = (json.loads(record.value) for record in collector.records)
    assert (began["type"], ended["type"]) == ("execution.started", "execution.failed")
    assert (ended["data"]["error"]["message"], ended["data"]["error"]["type"]) == ("broken", "ValueError")


def test_what_runs_outside_of_any_chain_is_no_execution() -> None:
    collector = Collector("urn:acme:chains")
    model = GenericFakeChatModel(messages=iter([ANSWER]))
    model.invoke("x", config={"callbacks": [ExecutionCallbacks(collector)]})
    search.invoke({"q": "tea"}, config={"callbacks": [ExecutionCallbacks(collector)]})
    assert collector.records == []
