"""Realistic load: 13 events an execution, 600 to 900 bytes each, many executions at once."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

EVENTS_AN_EXECUTION = 13
AT_ONCE = 200


def load(executions: int, until: datetime, seed: int = 1) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each record, executions of a group of 200 interleaved as if they ran at the same time."""
    random = Random(seed)  # noqa: S311  # chance that repeats is the point
    start = until - timedelta(hours=1)
    for first in range(0, executions, AT_ONCE):
        group = [list(_execution(random, start, first + n)) for n in range(min(AT_ONCE, executions - first))]
        for turn in range(EVENTS_AN_EXECUTION):
            yield from (events[turn] for events in group)


def _execution(random: Random, start: datetime, number: int) -> Iterator[tuple[bytes, bytes]]:
    subject = str(UUID(int=random.getrandbits(128)))
    at = start + timedelta(milliseconds=number)
    for sequence, (type_, data) in enumerate(_story(random, number)):
        at += timedelta(milliseconds=random.randint(1, 900))
        event = {
            "specversion": "1.0",
            "id": str(UUID(int=random.getrandbits(128))),
            "source": "urn:orchestrator:agents/eu-1",
            "type": type_,
            "subject": subject,
            "time": at.isoformat(),
            "tenantid": f"tenant-{number % 5}",
            "sequence": sequence,
            "attempt": 1,
            "partitionkey": subject,
            "traceparent": f"00-{random.getrandbits(128):032x}-{random.getrandbits(64):016x}-01",
            "dataschema": "urn:execledger:events:1",
            "datacontenttype": "application/json",
            "data": data,
        }
        yield subject.encode(), json.dumps(event, separators=(",", ":")).encode()


def _story(random: Random, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "execution.started", _beginning(random, number)
    for turn in range(3):
        step = {"id": f"step-{turn}", "name": f"Step {turn}", "operation": "llm", "agent_id": f"agent-{number % 7}"}
        yield "step.started", {"step": step, "input": {"text": _words(random, 20), "turn": turn}}
        yield "llm.called", _model_call(random, number, turn)
        yield "tool.called", _tool_call(random, number, turn)
        if turn < 2:
            yield "step.completed", {"step": step, "output": {"text": _words(random, 20)}, "duration_ms": 900}
    yield "execution.completed", _ending(random)


def _beginning(random: Random, number: int) -> dict[str, Any]:
    return {
        "workflow": {"id": f"workflow-{number % 20}", "name": "Research a question", "version": "3"},
        "owner": {"id": f"user-{number % 50}", "email": f"user-{number % 50}@example.org"},
        "session_id": f"session-{number}",
        "mode": "STANDARD",
        "query": _words(random, 2),
        "input": {"prompt": _words(random, 4)},
        "tags": ["research", "nightly"],
        "labels": {"venture_id": f"venture-{number % 9}"},
        "metadata": {"region": "eu", "retries": 1},
        "budget": {"token_limit": 100_000, "cost_limit_usd": "5.00"},
    }


def _model_call(random: Random, number: int, turn: int) -> dict[str, Any]:
    return {
        "provider": "openai",
        "model": "gpt-5",
        "prompt_tokens": random.randint(200, 3000),
        "completion_tokens": random.randint(20, 900),
        "cached_tokens": 100,
        "cost_usd": f"0.{random.randint(1000, 99999):06d}",
        "duration_ms": random.randint(200, 4000),
        "agent_id": f"agent-{number % 7}",
        "step_id": f"step-{turn}",
        "cache_hit": False,
        "summary": _words(random, 8),
    }


def _tool_call(random: Random, number: int, turn: int) -> dict[str, Any]:
    return {
        "tool_name": "search",
        "success": True,
        "duration_ms": random.randint(10, 900),
        "agent_id": f"agent-{number % 7}",
        "step_id": f"step-{turn}",
        "input": {"q": _words(random, 8)},
        "output": {"hits": _words(random, 12)},
    }


def _ending(random: Random) -> dict[str, Any]:
    return {
        "output": {"answer": _words(random, 16)},
        "result": _words(random, 6),
        "duration_ms": 6500,
        "usage": {"prompt_tokens": 3702, "completion_tokens": 666, "total_tokens": 4368, "cost_usd": "0.037"},
    }


def _words(random: Random, count: int) -> str:
    return " ".join(f"{random.getrandbits(32):08x}" for _ in range(count))
