"""Events as orchestrators send them: 13 an execution, 750 to 900 bytes each, many executions at once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

EVENTS_AN_EXECUTION = 13
AT_ONCE = 200

Sent = tuple[bytes, bytes]
"""Key and value of a Kafka record."""
Said = tuple[str, dict[str, Any]]
"""Type and data of an event."""


@dataclass(slots=True)
class Story:
    """One execution that tells its events, each some time after the one before."""

    random: Random
    tenant: str
    at: datetime
    subject: str = field(init=False)
    _sequence: int = 0

    def __post_init__(self) -> None:
        self.subject = str(UUID(int=self.random.getrandbits(128)))

    def tell(self, said: Said) -> Sent:
        """The next event."""
        self.at += timedelta(milliseconds=self.random.randint(1, 900))
        self._sequence += 1
        return self.tell_at(self.at, said, self._sequence)

    def tell_at(self, at: datetime, said: Said, sequence: int | None = None) -> Sent:
        """An event of that time, which need not be the newest."""
        type_, data = said
        event = {
            "specversion": "1.0",
            "id": str(UUID(int=self.random.getrandbits(128))),
            "source": "urn:orchestrator:agents/eu-1",
            "type": type_,
            "subject": self.subject,
            "time": at.isoformat(),
            "tenantid": self.tenant,
            **({} if sequence is None else {"sequence": sequence}),
            "attempt": 1,
            "partitionkey": self.subject,
            "traceparent": f"00-{self.random.getrandbits(128):032x}-{self.random.getrandbits(64):016x}-01",
            "dataschema": "urn:execledger:events:1",
            "datacontenttype": "application/json",
            "data": data,
        }
        return self.subject.encode(), json.dumps(event, separators=(",", ":")).encode()


def mix(
    executions: int, until: datetime, *, seed: int = 1, tenants: int = 5, newest_first: bool = False
) -> Iterator[Sent]:
    """Whole executions, those of a group of 200 interleaved as if they ran at the same time."""
    random = chance(seed)
    start = until - timedelta(hours=1)
    turns = range(EVENTS_AN_EXECUTION)
    for first in range(0, executions, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, executions))
        group = [_execution(random, start + timedelta(milliseconds=n), n, tenants) for n in numbers]
        for turn in reversed(turns) if newest_first else turns:
            yield from (events[turn] for events in group)


def chance(seed: int) -> Random:
    """Chance that repeats: every run measures the same bytes, but for their times."""
    return Random(seed)  # noqa: S311


def _execution(random: Random, start: datetime, number: int, tenants: int) -> list[Sent]:
    story = Story(random, f"tenant-{number % tenants}", start)
    return [story.tell(said) for said in _usual(random, number)]


def _usual(random: Random, number: int) -> Iterator[Said]:
    yield beginning(random, number)
    agent = f"agent-{number % 7}"
    for turn in range(3):
        step = {"id": f"step-{turn}", "name": f"Step {turn}", "operation": "llm", "agent_id": agent}
        yield "step.started", {"step": step, "input": {"text": words(random, 20), "turn": turn}}
        yield model_call(random, agent, f"step-{turn}")
        yield tool_call(random, agent, f"step-{turn}")
        if turn < 2:
            yield "step.completed", {"step": step, "output": {"text": words(random, 20)}, "duration_ms": 900}
    yield ending(random)


def beginning(random: Random, number: int) -> Said:
    """An execution starts, and says all there is to say of itself."""
    return "execution.started", {
        "workflow": {"id": f"workflow-{number % 20}", "name": "Research a question", "version": "3"},
        "owner": {"id": f"user-{number % 50}", "email": f"user-{number % 50}@example.org"},
        "session_id": f"session-{number}",
        "mode": "STANDARD",
        "query": words(random, 2),
        "input": {"prompt": words(random, 4)},
        "tags": ["research", "nightly"],
        "labels": {"venture_id": f"venture-{number % 9}"},
        "metadata": {"region": "eu", "retries": 1},
        "budget": {"token_limit": 10**12, "cost_limit_usd": "1000000.00"},  # never reached: nothing is halted
    }


def model_call(random: Random, agent: str, step: str) -> Said:
    """A call of a model, with its figures."""
    return "llm.called", {
        "provider": "openai",
        "model": "gpt-5",
        "prompt_tokens": random.randint(200, 3000),
        "completion_tokens": random.randint(20, 900),
        "cached_tokens": 100,
        "cost_usd": f"0.{random.randint(1000, 99999):06d}",
        "duration_ms": random.randint(200, 4000),
        "agent_id": agent,
        "step_id": step,
        "cache_hit": False,
        "summary": words(random, 8),
    }


def tool_call(random: Random, agent: str, step: str, output_words: int = 12) -> Said:
    """A call of a tool, with what went in and came out."""
    return "tool.called", {
        "tool_name": "search",
        "success": True,
        "duration_ms": random.randint(10, 900),
        "agent_id": agent,
        "step_id": step,
        "input": {"q": words(random, 8)},
        "output": {"hits": words(random, output_words)},
    }


def ending(random: Random) -> Said:
    """An execution completes."""
    return "execution.completed", {
        "output": {"answer": words(random, 16)},
        "result": words(random, 6),
        "duration_ms": 6500,
        "usage": {"prompt_tokens": 3702, "completion_tokens": 666, "total_tokens": 4368, "cost_usd": "0.037"},
    }


def words(random: Random, count: int) -> str:
    """Text of so many words of eight letters, that does not compress to nothing."""
    return " ".join(f"{random.getrandbits(32):08x}" for _ in range(count))
