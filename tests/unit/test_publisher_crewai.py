"""A listener for CrewAI, told by the real one: its crews and flows become executions, steps and calls."""

import json
import os
from contextlib import suppress
from typing import Any

import pytest

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", CREWAI_TRACING_ENABLED="false", OTEL_SDK_DISABLED="true")
pytest.importorskip("crewai", reason="the extra crewai is not installed")

from crewai import Agent, Crew, Task
from crewai.events import crewai_event_bus
from crewai.events.types.llm_events import LLMCallType
from crewai.flow.flow import Flow, listen, start
from crewai.llms.base_llm import BaseLLM, llm_call_context
from crewai.tools import tool

from execledger_publisher import Collector
from execledger_publisher.crewai import ExecutionListener

USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15, "cached_prompt_tokens": 4}
ANSWER = "Thought: I know\nFinal Answer: tea is good"


class Model(BaseLLM):
    """Says what it was given to say, one after the other."""

    answers: list[str]

    def call(self, messages: Any, *_: Any, from_task: Any = None, from_agent: Any = None, **said: Any) -> str:
        with llm_call_context():
            told = {"from_task": from_task, "from_agent": from_agent}
            self._emit_call_started_event(messages=messages, **told)
            if not self.answers:
                self._emit_call_failed_event(error="the provider is gone", **told)
                raise RuntimeError("the provider is gone")
            answer = self.answers.pop(0)
            self._emit_call_completed_event(answer, LLMCallType.LLM_CALL, messages=messages, usage=USAGE, **told)
            return answer

    def supports_function_calling(self) -> bool:
        return False


@tool
def search(q: str) -> str:
    """Look it up."""
    if q == "bad":
        raise ValueError("no such thing")
    return f"found {q}"


def crew_of(*answers: str) -> Crew:
    model = Model(model="acme/m-1", answers=list(answers))
    agent = Agent(role="Writer", goal="write", backstory="wrote", llm=model, tools=[search], max_retry_limit=0)
    task = Task(name="write", description="about {topic}", expected_output="text", agent=agent)
    return Crew(name="authors", agents=[agent], tasks=[task])


def told(run: Any, **inputs: Any) -> list[tuple[str, dict[str, Any]]]:
    """What is published of a run, event by event."""
    collector = Collector("urn:acme:crews", strict=True)
    with crewai_event_bus.scoped_handlers():
        listener = ExecutionListener(collector, owner="ann")
        with suppress(RuntimeError):
            run.kickoff(inputs=inputs)
        assert crewai_event_bus.flush()
        assert not listener._runs
    events = [json.loads(record.value) for record in collector.records]
    return [(event["type"], event["data"] | {"subject": event["subject"]}) for event in events]


def test_a_crew_becomes_an_execution_with_steps_and_calls() -> None:
    asks = ('Thought: look\nAction: search\nAction Input: {"q": "tea"}\n', ANSWER)
    events = told(crew_of(*asks), topic="tea", execledger_external_id="FLOW-1", session_id="s-1")
    assert [kind for kind, _ in events] == [
        *("execution.started", "step.started", "step.started", "llm.called", "tool.called", "llm.called"),
        *("step.completed", "step.completed", "execution.completed"),
    ]
    assert {data["subject"] for _, data in events} == {"FLOW-1"}
    began, ended = events[0][1], events[-1][1]
    assert (began["workflow"], began["owner"], began["session_id"]) == ({"id": "authors"}, {"id": "ann"}, "s-1")
    assert began["input"]["topic"] == "tea"
    assert ended["output"]["raw"] == "tea is good"
    task, agent, asked, found = (data for _, data in events[1:5])
    assert (task["step"]["name"], task["step"]["operation"]) == ("write", "task")
    assert (agent["step"]["name"], agent["step"]["parent_id"]) == ("Writer", "write")
    assert (asked["provider"], asked["model"], asked["prompt_tokens"], asked["cached_tokens"]) == ("acme", "m-1", 12, 4)
    assert (found["tool_name"], found["success"], found["output"]) == ("search", True, "found tea")
    assert asked["step_id"] == found["step_id"]


def test_a_crew_in_a_flow_is_a_step_of_it() -> None:
    class Publishing(Flow[dict[str, Any]]):
        @start()
        def plan(self) -> str:
            return "tea"

        @listen(plan)
        def write(self, topic: str) -> str:
            return str(crew_of(ANSWER).kickoff(inputs={"topic": topic}))

    events = told(Publishing())
    assert [data["step"]["name"] for kind, data in events if kind == "step.started"] == [
        *("plan", "write", "authors", "write", "Writer"),
    ]
    assert (events[0][0], events[0][1]["workflow"], events[-1][0]) == (
        *("execution.started", {"id": "Publishing"}),
        "execution.completed",
    )
    assert events[-1][1]["output"] == "tea is good"


def test_a_crew_that_fails_fails_its_execution() -> None:
    events = told(crew_of(), topic="tea")
    assert events[-1][0] == "execution.failed"
    assert "the provider is gone" in events[-1][1]["error"]["message"]
    called = [data for kind, data in events if kind == "llm.called"]
    assert {data["error"] for data in called} == {"the provider is gone"}
