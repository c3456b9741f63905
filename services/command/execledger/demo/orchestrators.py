"""Five simulated orchestrators. Each tells one run through the SDK, at simulated times, with seeded chance."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from execledger_publisher import Budget, Collector, Execution, Owner, Record, Step, Trigger, Uuid7, Workflow

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class SimulatedClock:
    """Stands still until it is moved."""

    at: datetime

    def now(self) -> datetime:
        """The simulated time."""
        return self.at

    def monotonic(self) -> float:
        """The same in seconds."""
        return (self.at - _EPOCH) / timedelta(seconds=1)


@dataclass(slots=True)
class Scene:
    """One run to be told: when it begins, its number within its kind, and the chance that shapes it.

    Number 0 of each kind is the example that the demo shows: it takes the turn that makes its kind interesting.
    """

    number: int
    begins: datetime
    random: Random
    clock: SimulatedClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = SimulatedClock(self.begins)

    @property
    def is_example(self) -> bool:
        """Whether the demo shows this one."""
        return self.number == 0

    def collector(self, source: str, tenant: str = "default") -> Collector:
        """A publisher whose clock and ids are this scene's."""
        return Collector(source, tenant=tenant, clock=self.clock, new_id=Uuid7(self.random.getrandbits))

    def passes(self, low: float, high: float) -> None:
        """Let so many seconds pass."""
        self.clock.at += timedelta(seconds=self.random.uniform(low, high))

    def happens(self, chance: float) -> bool:
        """Whether something of that chance happens."""
        return self.random.random() < chance

    def error(self) -> Exception:
        """One of the usual errors; a new one each time, as a raised one keeps its trace."""
        kind, message = self.random.choice(ERRORS)
        return kind(message)


Tell = Callable[[Scene], Sequence[Record]]


class RateLimitError(Exception):
    """A model's provider has had enough."""


class ToolError(Exception):
    """A tool did not do what it should."""


class ValidationError(Exception):
    """What came out is not what was asked for."""


ERRORS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (RateLimitError, "429: tokens per minute exceeded"),
    (ToolError, "search returned no results"),
    (ValidationError, "answer has no field 'summary'"),
    (TimeoutError, "no answer from the model within 30 s"),
)
FAILURES: Final = tuple(kind for kind, _ in ERRORS)
MODELS: Final = (
    ("openai", "gpt-4o", 0.0000025, 0.00001),
    ("openai", "gpt-4o-mini", 0.00000015, 0.0000006),
    ("anthropic", "claude-sonnet-4-0", 0.000003, 0.000015),
    ("google", "gemini-2.5-flash", 0.0000003, 0.0000025),
)
TOOLS: Final = ("web_search", "read_file", "sql_query", "calculator", "send_email")
TOPICS: Final = ("green tea in Norway", "solid-state batteries", "rural broadband", "warehouse robots", "sleep apps")
_PEOPLE: Final = ("Ada", "Ben", "Chi", "Dia", "Eva", "Fin", "Gus", "Hal", "Ida", "Jon", "Kim", "Lea", "Max", "Noa")


def owner(random: Random) -> Owner:
    """One of a few dozen people; the same number is always the same person."""
    number = random.randrange(40)
    name = _PEOPLE[number % len(_PEOPLE)]
    return Owner(id=str(fixed_uuid("owner", number)), email=f"{name.lower()}{number}@acme.example", name=name)


def fixed_uuid(kind: str, number: int) -> UUID:
    """A UUID that is the same in every run."""
    return UUID(int=Random(f"{kind} {number}").getrandbits(128), version=4)  # noqa: S311 - no secret


def governed_flow(scene: Scene) -> Sequence[Record]:
    """A flow under a budget, with links to what it is for, that delegates to two agent tasks.

    The example spends more than it may and is killed for it.
    """
    random, collector = scene.random, scene.collector("urn:acme:flows")
    key, name = random.choice([("MARKET", "Market entry"), ("HIRING", "Hiring plan"), ("PRICING", "Pricing review")])
    spends_too_much = scene.is_example or scene.happens(0.06)
    flow = collector.execution(
        external_id=f"FLOW-{key}{scene.number:03}-{int(scene.clock.monotonic() * 1000)}",
        workflow=Workflow(id=str(fixed_uuid("flow", len(key))), name=name, version="2.1"),
        owner=owner(random),
        trigger=random.choice(["manual", "scheduled", "triggered"]),
        input={"topic": random.choice(TOPICS), "depth": random.randrange(1, 4)},
        labels={
            "venture_id": str(fixed_uuid("venture", random.randrange(5))),
            "prd_id": str(fixed_uuid("prd", random.randrange(12))),
            "sd_id": f"SD-{random.randrange(100, 140)}",
            "board_meeting_id": str(fixed_uuid("board meeting", random.randrange(6))),
        },
        tags=["governed", key.lower()],
        total_steps=4,
        budget=Budget(token_limit=2_000 if spends_too_much else 60_000, cost_limit_usd=None),
    ).create()
    scene.passes(1, 20)
    with suppress(*FAILURES), flow:
        _govern(scene, flow, spends_too_much)
    return collector.records


def agent_task(scene: Scene) -> Sequence[Record]:
    """A question to agents. The example fails once and succeeds at its second attempt."""
    collector = scene.collector("urn:acme:agents")
    _ask_agents(scene, collector.execution(owner=owner(scene.random), **_question(scene)))
    return collector.records


def content_workflow(scene: Scene) -> Sequence[Record]:
    """Five phases from brief to publication. The example is skipped through its translation."""
    random, collector = scene.random, scene.collector("//content.acme.example/workflows")
    execution = collector.execution(
        external_id=f"exec-{1000 + scene.number}",
        workflow=Workflow(id=f"wf-{random.randrange(450, 460)}", name="Article"),
        owner=f"author-{random.randrange(20)}",
        input={"topic": random.choice(TOPICS), "words": random.randrange(300, 2000, 100)},
        tags=random.sample(["blog", "news", "seo", "draft"], k=2),
        metadata={"channel": random.choice(["web", "mail"])},
        total_steps=5,
        timeout_seconds=1800,
    ).create()
    scene.passes(0.5, 5)
    with suppress(*FAILURES), execution:
        _write_article(scene, execution)
    return collector.records


def event_workflow(scene: Scene) -> Sequence[Record]:
    """A workflow that an event sets off, with a loop over three items. The example fails at the second."""
    random, collector = scene.random, scene.collector("urn:acme:automation")
    event = random.choice(["invoice.received", "customer.signed-up", "order.paid"])
    execution = collector.execution(
        external_id=f"run_{scene.random.getrandbits(60):015x}",
        workflow=Workflow(id=f"on-{event.replace('.', '-')}", name=f"On {event}", version=f"v{random.randrange(1, 4)}"),
        owner=owner(random),
        trigger=Trigger(mode="triggered", event_id=f"evt_{scene.random.getrandbits(40):010x}", event_name=event),
        input={"event": event, "documents": [f"doc-{scene.number}-{part}" for part in "abc"]},
        labels={"workflow_function_id": f"fn-{event}"},
    )
    fails = scene.is_example or scene.happens(0.12)
    with suppress(*FAILURES), execution:
        _process_documents(scene, execution, fails)
    return collector.records


def crew(scene: Scene) -> Sequence[Record]:
    """Agents in a graph, for a message in a chat. The example is cancelled midway, with a node still open."""
    random, collector = scene.random, scene.collector("urn:acme:crews", tenant="acme")
    execution = collector.execution(
        workflow=Workflow(id=f"crew-{random.randrange(6)}", name="Crew"),
        owner=owner(random),
        session_id=f"chat-{random.randrange(90)}",
        query=f"What is new about {random.choice(TOPICS)}?",
        labels={"message_id": f"msg-{scene.number}", "graph_id": f"graph-{random.randrange(8)}"},
        mode="crew",
    )
    with execution:
        _work_as_crew(scene, execution, is_cancelled=scene.is_example or scene.happens(0.3))
    return collector.records


def _govern(scene: Scene, flow: Execution, spends_too_much: bool) -> None:
    for name in ("research", "plan", "review"):
        with flow.step(name, operation="llm") as step:
            _call_models(scene, step, calls=2)
        flow.progress(message=f"{name} done")
        scene.passes(0.5, 4)
        if spends_too_much and name == "plan":
            flow.cancel("budget exceeded", "budget kill-switch", killed_by_budget=True)
            return
    with flow.step("delegate") as step:
        for _ in range(2):
            _ask_agents(scene, step.execution(**_question(scene)))
    flow.report(output={"decision": scene.random.choice(["go", "no go", "revise"])})


def _question(scene: Scene) -> Any:
    random = scene.random
    mode = random.choices(["SIMPLE", "STANDARD", "COMPLEX"], weights=[5, 4, 1])[0]
    return {
        "workflow": Workflow(id="agent-task", name="Agent task"),
        "session_id": f"session-{random.randrange(200)}",
        "query": f"Tell me about {random.choice(TOPICS)}",
        "mode": mode,
        "complexity_score": round({"SIMPLE": 0.1, "STANDARD": 0.45, "COMPLEX": 0.8}[mode] + random.random() / 6, 2),
        "metadata": {"client": random.choice(["web", "api", "slack"])},
        "input": {"mode": mode},
    }


def _ask_agents(scene: Scene, task: Execution) -> None:
    fails = scene.is_example or scene.happens(0.1)
    with suppress(*FAILURES), task:
        _think(scene, task)
        if fails:
            scene.passes(0.1, 1)
            error = scene.error()
            if not scene.is_example and scene.happens(0.5):
                raise error
            task.retry(error)
            _think(scene, task)
        task.report(result=f"{scene.random.randrange(3, 12)} findings", output={"confidence": scene.random.random()})


def _think(scene: Scene, task: Execution) -> None:
    for agent in scene.random.sample(["planner", "researcher", "critic", "writer"], k=scene.random.randrange(1, 3)):
        task.event("agent.thinking", {"agent_id": agent, "message": "What do I need to know?"})
        _call_models(scene, task, calls=scene.random.randrange(1, 4), agent_id=agent)
        _call_tool(scene, task, agent)


def _write_article(scene: Scene, execution: Execution) -> None:
    phases = ("brief", "research", "draft", "translate", "publish")
    failing = scene.random.choice(phases) if not scene.is_example and scene.happens(0.07) else None
    for number, phase in enumerate(phases, 1):
        step = execution.step(phase, operation="llm" if phase != "publish" else "http")
        if phase == "translate" and (scene.is_example or scene.happens(0.3)):
            step.skip(metadata={"why": "same language"})
            continue
        with step:
            scene.passes(2, 30)
            _call_models(scene, step, calls=1)
            if phase == failing:
                raise scene.error()
            step.report(output={"phase": phase, "words": scene.random.randrange(100, 900)})
        execution.progress(number * 20, completed_steps=number, total_steps=5)
    execution.report(output={"url": f"https://content.acme.example/articles/{scene.number}"})


def _process_documents(scene: Scene, execution: Execution, fails: bool) -> None:
    documents = [f"doc-{scene.number}-{part}" for part in "abc"]
    with execution.step("fetch", operation="http.get") as step:
        _call_tool(scene, step)
    for document, step in execution.loop("extract", documents, operation="llm.extract"):
        with step:
            _call_models(scene, step, calls=1)
            if fails and document == documents[1]:
                raise ValidationError(f"{document}: total does not match its lines")
            step.report(output={"document": document, "lines": scene.random.randrange(1, 30)})
    if scene.happens(0.03):
        execution.time_out("the archive did not answer")
        return
    with execution.step("store", operation="db.insert") as step:
        _call_tool(scene, step)
    execution.report(output={"stored": len(documents)})


def _work_as_crew(scene: Scene, execution: Execution, *, is_cancelled: bool) -> None:
    for agent in ("manager", "analyst", "writer", "editor"):
        step = execution.step(agent, id=f"node-{agent}", operation="agent", agent_id=agent).start()
        _call_models(scene, step, calls=2, agent_id=agent)
        if is_cancelled and agent == "writer":
            execution.cancel("the user closed the chat", "user")
            return
        _call_tool(scene, step, agent)
        step.complete(output={"words": scene.random.randrange(50, 400)})
    execution.report(result="The crew has an answer.", agents_used=4)


def _call_models(scene: Scene, scope: Execution | Step, *, calls: int, agent_id: str | None = None) -> None:
    for _ in range(calls):
        provider, model, prompt_price, completion_price = scene.random.choice(MODELS)
        before = scene.clock.at
        scene.passes(0.4, 9)
        prompt, completion = scene.random.randrange(200, 4000), scene.random.randrange(50, 900)
        is_priced = scene.happens(0.7)  # the others leave it to the recorder's price table
        scope.llm_called(
            provider=provider,
            model=model,
            prompt_tokens=prompt,
            completion_tokens=completion,
            cached_tokens=prompt // 2 if scene.happens(0.2) else None,
            cost_usd=round(prompt * prompt_price + completion * completion_price, 9) if is_priced else None,
            duration_ms=(scene.clock.at - before) // timedelta(milliseconds=1),
            agent_id=agent_id,
            cache_hit=scene.happens(0.1),
        )


def _call_tool(scene: Scene, scope: Execution | Step, agent_id: str | None = None) -> None:
    before = scene.clock.at
    scene.passes(0.05, 2.5)
    scope.tool_called(
        scene.random.choice(TOOLS),
        error="503: service unavailable" if scene.happens(0.05) else None,
        duration_ms=(scene.clock.at - before) // timedelta(milliseconds=1),
        agent_id=agent_id,
        input={"topic": scene.random.choice(TOPICS)},
        output={"hits": scene.random.randrange(20)},
    )
