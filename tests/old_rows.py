"""Rows of the older tables, made up: every status, nulls, loops, tries, odd texts, large payloads, each as in JSON.

They hold what an importer takes: what comes out of the record again as it went in.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

Row = dict[str, Any]

TEXTS: Final = ("", "plain", 'comma, "quotes"\nand\r\nlines', "Größe ✓ 漢字 🚀", " \t ", "\\N", "null", "{", "a" * 2000)
WORDS: Final = {
    "crewai_flow_executions": ("pending", "running", "completed", "failed", "cancelled", "timeout"),
    "task_executions": ("RUNNING", "COMPLETED", "FAILED", "CANCELLED"),
    "workflow_executions": ("pending", "running", "completed", "failed", "cancelled"),
    "workflow_execution_log": ("RUNNING", "COMPLETED", "FAILED", "TIMED_OUT", "CANCELED"),
    "executions": ("pending", "running", "completed", "failed", "cancelled"),
}
_NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Dice:
    """Makes values by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - no secrets
        self.now = _NOON

    def uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def maybe(self, value: Any) -> Any:
        """The value, or null."""
        return value if self.random.random() < 0.7 else None

    def text(self) -> str:
        return self.random.choice(TEXTS) + self.random.choice("xyz")

    def count(self) -> int:
        return self.random.choice((0, 1, self.random.randrange(1, 2_000_000_000)))

    def money(self, places: int) -> float:
        return round(self.random.random() * 99, places)

    def json(self, depth: int = 0) -> Any:
        leaves: list[Any] = [self.text(), self.count(), -1.5, True, None, {}, [], 12345678901234567890]
        if depth > 2 or self.random.random() < 0.4:
            return self.random.choice(leaves)
        if self.random.random() < 0.5:
            return [self.json(depth + 1) for _ in range(self.random.randrange(4))]
        return {self.text(): self.json(depth + 1) for _ in range(self.random.randrange(4))}

    def document(self) -> Any:
        """JSON that is not null; now and then large."""
        if self.random.random() < 0.03:
            return {"large": "ü" * 100_000}
        return self.json() or {"a": 1}

    def metadata(self) -> Row:
        return {self.text(): self.json() for _ in range(self.random.randrange(3))}

    def time(self) -> str:
        """Later than the one before."""
        self.now += timedelta(microseconds=self.random.randrange(1, 10**9))
        return self.random.choice((self.now.isoformat(), self.now.isoformat(" ").replace("+00:00", "+00")))


def rows_of(table: str, seed: int, many: int) -> list[Row]:
    """So many rows of a table."""
    dice = Dice(seed)
    return [_MAKERS[table](dice, dice.random.choice(WORDS[table])) for _ in range(many)]


def children_of(table: str, tasks: Sequence[Row], seed: int, many: int) -> list[Row]:
    """So many rows about rows of `task_executions`."""
    dice = Dice(seed)
    return [_CHILDREN[table](dice, dice.random.choice(tasks), number) for number in range(many)]


def _flow(dice: Dice, status: str) -> Row:
    ended, failed = status not in ("pending", "running"), status in ("failed", "cancelled", "timeout")
    tokens = dice.maybe(dice.count()) if ended else None
    return {
        "id": dice.uuid(),
        "flow_id": dice.maybe(dice.uuid()),
        "execution_key": f"FLOW-{dice.uuid()}-{dice.text()}"[:60],
        "input_state": dice.maybe(dice.document()),
        "output_state": dice.maybe(dice.document()) if ended else None,
        "metadata": dice.maybe(dice.metadata()),
        "status": status,
        "error_message": dice.maybe(dice.text()) if failed else None,
        "error_stack": dice.maybe(dice.text()) if failed else None,
        "error_type": dice.maybe("ValueError") if failed else None,
        "started_at": dice.time(),
        "completed_at": dice.time() if ended else None,
        "duration_ms": dice.maybe(dice.count()) if ended else None,
        "token_count": tokens,
        "cost_usd": dice.maybe(dice.money(4)) if ended else None,
        "board_meeting_id": dice.maybe(dice.uuid()),
        "executed_by": dice.maybe(dice.uuid()),
        "venture_id": dice.maybe(dice.uuid()),
        "prd_id": dice.maybe(dice.uuid()),
        "sd_id": dice.maybe("SD-7"),
        "execution_mode": dice.random.choice(("manual", "scheduled", "triggered")),
        "budget_consumed": tokens or 0,
        "budget_limit": dice.maybe(dice.count()),
        "killed_by_budget": status == "cancelled" and dice.random.random() < 0.5,
    }


def _task(dice: Dice, status: str) -> Row:
    ended, failed = status != "RUNNING", status in ("FAILED", "CANCELLED")
    return {
        "id": dice.uuid(),
        "workflow_id": f"wf-{dice.uuid()}",
        "user_id": dice.maybe(dice.uuid()),
        "tenant_id": "0b5f2b2e-6c0c-4f0e-9c2a-777777777777",
        "session_id": dice.maybe(dice.text()[:255]),
        "query": dice.maybe(dice.text()),
        "mode": dice.maybe(dice.random.choice(("SIMPLE", "STANDARD", "COMPLEX"))),
        "status": status,
        "created_at": dice.time(),
        "started_at": dice.time(),
        "completed_at": dice.time() if ended else None,
        "result": dice.maybe(dice.text()) if ended else None,
        "response": dice.maybe(dice.document()) if ended else None,
        "error_message": dice.maybe(dice.text()) if failed else None,
        "total_tokens": dice.count() if ended else 0,
        "prompt_tokens": dice.count() if ended else 0,
        "completion_tokens": dice.count() if ended else 0,
        "total_cost_usd": dice.money(6) if ended else 0,
        "duration_ms": dice.maybe(dice.count()) if ended else None,
        "agents_used": dice.count() if ended else 0,
        "tools_invoked": dice.count() if ended else 0,
        "cache_hits": dice.count() if ended else 0,
        "complexity_score": dice.maybe(round(dice.random.random(), 2)),
        "metadata": dice.maybe(dice.metadata()),
    }


def _workflow(dice: Dice, status: str) -> Row:
    ended, began = status not in ("pending", "running"), status != "pending"
    names = dice.random.sample(("research", "draft ✓", "review", "publish"), dice.random.randrange(5)) if began else []
    created_at, started_at = dice.time(), dice.time()
    return {
        "id": dice.uuid(),
        "workflow_id": dice.maybe(dice.uuid()),
        "owner_id": dice.maybe("ann ✓"),
        "execution_status": status,
        "created_at": created_at,
        "started_at": started_at if began else None,
        "completed_at": dice.time() if ended else None,
        "duration_ms": dice.maybe(dice.count()) if ended else None,
        "initial_input": dice.maybe(dice.document()),
        "phase_results": {name: _phase(dice, ended=ended) for name in names},
        "final_output": dice.maybe(dice.document()) if ended else None,
        "error_message": dice.maybe(dice.text()) if status in ("failed", "cancelled") else None,
        "progress_percent": 100 if status == "completed" else dice.random.randrange(101) if began else 0,
        "completed_phases": dice.random.randrange(9) if began else 0,
        "total_phases": dice.random.randrange(9),
        "tags": [dice.text()[:255] for _ in range(dice.random.randrange(3))],
        "metadata": dice.metadata(),
    }


def _phase(dice: Dice, *, ended: bool) -> Row:
    status = dice.random.choice(("completed", "failed", "cancelled", "skipped") if ended else ("running", "completed"))
    runs = status == "running"
    return {
        "status": status,
        "output": None if runs else dice.maybe(dice.document()),
        "error": dice.text() if status == "failed" else None,
        "duration_ms": None if runs else dice.maybe(dice.count()),
        "metadata": dice.maybe(dice.metadata()),
    }


def _run(dice: Dice, status: str) -> Row:
    ended, failed = status != "RUNNING", status in ("FAILED", "TIMED_OUT", "CANCELED")
    started_at = dice.time()
    workflow = dice.maybe(dice.text()[:255])
    return {
        "id": f"log_{dice.uuid()}",
        "run_id": f"run {dice.uuid()}",
        "workflow_function_id": dice.text()[:255],
        "workflow_name": dice.maybe(dice.text()[:255]),
        "event_id": dice.maybe(dice.uuid()),
        "event_name": dice.maybe("order/placed"),
        "input_payload": dice.maybe(dice.document()),
        "status": status,
        "started_at": started_at,
        "steps_log": [
            entry for number in range(dice.random.randrange(3)) for entry in _tries(dice, number, ended=ended)
        ],
        "ended_at": dice.time() if ended else None,
        "duration_ms": dice.maybe(dice.count()) if ended else None,
        "output_payload": dice.maybe(dice.document()) if ended else None,
        "error": dice.maybe(dice.text()) if failed else None,
        "error_stack": dice.maybe(dice.text()) if failed else None,
        "workflow_id": workflow,
        "organisation_id": f"org-{dice.random.randrange(3)}",
        "workflow_version_id": dice.maybe("v3"),
    }


def _tries(dice: Dice, number: int, *, ended: bool) -> list[Row]:
    """A step, in a loop or not, tried once or more."""
    loops = dice.random.choice((0, 0, 2, 3))
    entries = [
        _entry(dice, number, iteration, loops)
        for iteration in (range(1, loops + 1) if loops else [None])
        for _ in range(dice.random.choice((1, 1, 2)))
    ]
    if not ended and entries:
        last = {name: value for name, value in entries[-1].items() if name not in _OF_AN_END}
        entries[-1] = {**last, "status": "RUNNING"}
    return entries


_OF_AN_END: Final = ("endedAt", "durationMs", "output", "error")


def _entry(dice: Dice, number: int, iteration: int | None, loops: int) -> Row:
    status = dice.random.choice(("COMPLETED", "FAILED", "TIMED_OUT", "CANCELED"))
    name = f"Step {number} ✓"
    has_end = status != "FAILED" or dice.random.random() < 0.5
    entry = {
        "status": status,
        "stepId": f"step-{number}",
        "operation": dice.maybe("action"),
        "stepName": name,
        "name": name,
        "input": dice.maybe(dice.document()),
        "output": dice.maybe(dice.document()),
        "error": {"message": dice.text(), "stack": dice.text(), "name": "TypeError"} if status == "FAILED" else None,
        "startedAt": _milliseconds(dice),
        "endedAt": _milliseconds(dice) if has_end else None,
        "durationMs": dice.count() if has_end else None,
        "iteration": iteration,
        "totalItems": loops or None,
    }
    return {key: value for key, value in entry.items() if value is not None}


def _milliseconds(dice: Dice) -> str:
    return datetime.fromisoformat(dice.time()).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _crew(dice: Dice, status: str) -> Row:
    ended, began = status not in ("pending", "running"), status != "pending"
    created_at, started_at = dice.time(), dice.time()
    figures = ("total_tokens", "prompt_tokens", "completion_tokens", "agents_used", "tools_invoked", "cache_hits")
    return {
        "id": dice.uuid(),
        "status": status,
        "message_id": dice.maybe(dice.text()[:255]),
        "graph_id": dice.maybe(dice.uuid()),
        "result": dice.maybe(dice.text()) if ended else None,
        "output": dice.maybe(dice.document()) if ended else None,
        "error": dice.maybe(dice.text()) if status in ("failed", "cancelled") else None,
        "error_type": dice.maybe("E") if status in ("failed", "cancelled") else None,
        "created_at": created_at,
        "started_at": started_at if began else None,
        "completed_at": dice.time() if ended else None,
        "duration_ms": dice.maybe(dice.count()) if ended else None,
        "metrics": {
            **{name: dice.count() if ended else 0 for name in figures},
            "cost_usd": dice.money(6) if ended else 0,
            "total_steps": dice.count(),
            "completed_steps": dice.count() if began else 0,
        },
    }


def _token_usage(dice: Dice, task: Row, _: int) -> Row:
    prompt, completion = dice.random.randrange(10**6), dice.random.randrange(10**6)
    return {
        "id": dice.uuid(),
        "task_id": task["id"],
        "user_id": task["user_id"],
        "provider": dice.maybe("openai"),
        "model": dice.maybe("gpt-5"),
        "agent_id": dice.maybe(dice.text()[:255]),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cost_usd": dice.money(6),
        "created_at": dice.time(),
    }


def _tool(dice: Dice, task: Row, _: int) -> Row:
    return {
        "id": dice.uuid(),
        "task_id": task["id"],
        "tool_name": dice.maybe("search ✓"),
        "agent_id": dice.maybe("a1"),
        "success": dice.maybe(dice.random.random() < 0.5),
        "duration_ms": dice.maybe(dice.count()),
        "error_message": dice.maybe(dice.text()),
        "input": dice.maybe(dice.document()),
        "output": dice.maybe(dice.document()),
        "created_at": dice.time(),
    }


def _log(dice: Dice, task: Row, number: int) -> Row:
    types = (
        "task.started",
        "task.completed",
        "agent.thinking",
        "tool.called",
        "llm.called",
        "com.acme.task.failed",
        "odd ✓",
    )
    return {
        "id": dice.uuid(),
        "workflow_id": task["workflow_id"],
        "task_id": task["id"],
        "type": dice.random.choice(types),
        "agent_id": dice.maybe(dice.text()[:255]),
        "message": dice.maybe(dice.text()),
        "payload": dice.maybe(dice.json()),  # each field of it is measured by itself, and a text may be less
        "timestamp": dice.time(),
        "seq": number if dice.random.random() < 0.7 else None,
        "stream_id": dice.maybe("1-0"),
        "created_at": dice.time(),
    }


_MAKERS: Final = {
    "crewai_flow_executions": _flow,
    "task_executions": _task,
    "workflow_executions": _workflow,
    "workflow_execution_log": _run,
    "executions": _crew,
}
_CHILDREN: Final = {"token_usage": _token_usage, "tool_executions": _tool, "event_logs": _log}
