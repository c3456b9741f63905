"""The derived tables, one entry for each: what its rows are, how they come from a change, and how they are written.

Recording, rebuild and comparison walk these entries, in this order, which is also the order in which rows are locked.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Final, assert_never, get_args

from execledger_contracts.events import Fact, LlmCalled, ToolCalled
from execledger_lifecycle import ExecutionRecord, StepRecord
from execledger_lifecycle.foreign_ids import foreign_uuid
from execledger_lifecycle.order import iteration_key
from execledger_recorder.rules import pricing
from execledger_recorder.rules.change import Change
from execledger_recorder.rules.foreign import row_uuid
from execledger_recorder.rules.rows import Foreign, LabelRow, LlmCallRow, ToolCallRow

Row = tuple[Any, ...]


class Writing(Enum):
    """How the rows of a table are written."""

    BEFOREHAND = "with the id of a new execution, before anything is decided"
    UPSERT = "those that a change touched, each over the one with its key"
    REPLACE = "all of an execution, whenever they are others than before"
    APPEND = "one for each new event of a type, once"


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows the log of their execution decides."""

    name: str
    key: Sequence[str]  # of a row within its execution
    columns: Sequence[str]
    writing: Writing
    rows: Callable[[Change], Iterable[Row]]  # what a change writes; for all of a log, every row of the execution
    id_column: str = "execution_id"
    settled: Sequence[str] = ()  # columns that an UPSERT leaves as they were first written
    is_changed: Callable[[Change], bool] = lambda change: True  # whether a REPLACE is due
    gone: Callable[[Change], Iterable[Row]] = lambda change: ()  # keys of rows that an UPSERT drops


def _alias_rows(change: Change) -> list[Row]:
    judged = change.judged
    return [(judged.id, judged.tenant_id, judged.external_id)]


def _execution_rows(change: Change) -> list[Row]:
    judged, record = change.judged, change.record
    foreign = _foreign(change)
    return [(judged.id, judged.tenant_id, judged.external_id, *record, *foreign, change.heard_at)]


def _foreign(change: Change) -> Foreign:
    record, link = change.record, change.labels.get
    return Foreign(
        foreign_uuid("tenant", change.judged.tenant_id) or "",
        foreign_uuid("owner", record.owner_id),
        foreign_uuid("workflow", record.workflow_id),
        link("venture_id"),
        foreign_uuid("venture", link("venture_id")),
        link("prd_id"),
        foreign_uuid("prd", link("prd_id")),
        link("sd_id"),
        link("board_meeting_id"),
        foreign_uuid("board_meeting", link("board_meeting_id")),
        link("message_id"),
        link("graph_id"),
    )


def _step_rows(change: Change) -> list[Row]:
    id_, tenant_id = change.judged.id, change.judged.tenant_id
    return [(id_, tenant_id, *step) for step in change.steps]


def _gone_steps(change: Change) -> Iterator[Row]:
    for step_id, iteration, attempt, try_number in change.gone:
        yield (change.judged.id, step_id, iteration_key(iteration), attempt, try_number)


def _label_rows(change: Change) -> Iterator[LabelRow]:
    id_, tenant_id = change.judged.id, change.judged.tenant_id
    for key, value in change.labels.items():
        yield LabelRow(id_, "label", key, value, tenant_id)
    for tag in dict.fromkeys(change.tags):
        yield LabelRow(id_, "tag", "", tag, tenant_id)


def _llm_call_rows(change: Change) -> Iterator[LlmCallRow]:
    """Of a call whose price was computed, the stored row holds what there is to know of the price."""
    id_, tenant_id = change.judged.id, change.judged.tenant_id
    for entry in change.judged.entries:
        if type(event := entry.event) is not LlmCalled:
            continue
        data, computed = event.data, entry.computed_nanos
        yield LlmCallRow(
            id_,
            entry.event_id,
            tenant_id,
            event.time,
            event.attempt,
            data.provider,
            data.model,
            data.prompt_tokens,
            data.completion_tokens,
            data.cached_tokens,
            data.cache_write_tokens,
            data.reasoning_tokens,
            data.input_audio_tokens,
            data.output_audio_tokens,
            data.cost_usd if computed is None else Decimal(computed).scaleb(-9),
            "computed" if computed is not None else None if data.cost_usd is None else "reported",
            None if computed is None else pricing.version(),
            data.duration_ms,
            data.error,
            data.agent_id,
            data.step_id,
            data.cache_hit,
            row_uuid(event),
        )


def _tool_call_rows(change: Change) -> Iterator[ToolCallRow]:
    id_, tenant_id = change.judged.id, change.judged.tenant_id
    for entry in change.judged.entries:
        if type(event := entry.event) is not ToolCalled:
            continue
        data = event.data
        yield ToolCallRow(
            id_,
            entry.event_id,
            tenant_id,
            event.time,
            event.attempt,
            data.tool_name,
            data.success,
            data.duration_ms,
            data.error,
            data.agent_id,
            data.step_id,
            data.cache_hit,
            row_uuid(event),
        )


ALIASES: Final = Table(
    "execution_aliases", (), ("id", "tenant_id", "external_id"), Writing.BEFOREHAND, _alias_rows, id_column="id"
)
EXECUTIONS: Final = Table(
    "executions",
    (),
    ("id", "tenant_id", "external_id", *ExecutionRecord._fields, *Foreign._fields, "heard_at"),
    Writing.UPSERT,
    _execution_rows,
    id_column="id",
    settled=("tenant_id", "external_id", "tenant_uuid", "heard_at"),  # the last one is only moved on
)
STEPS: Final = Table(
    "steps",
    ("step_id", "iteration_key", "attempt", "try_number"),
    ("execution_id", "tenant_id", *StepRecord._fields),
    Writing.UPSERT,
    _step_rows,
    settled=("tenant_id",),
    gone=_gone_steps,
)
LABELS: Final = Table(
    "execution_labels",
    ("kind", "key", "value"),
    LabelRow._fields,
    Writing.REPLACE,
    _label_rows,
    is_changed=lambda change: change.is_relabelled,
)
LLM_CALLS: Final = Table("llm_calls", ("event_id",), LlmCallRow._fields, Writing.APPEND, _llm_call_rows)
TOOL_CALLS: Final = Table("tool_calls", ("event_id",), ToolCallRow._fields, Writing.APPEND, _tool_call_rows)


def _table_of(fact: type[Fact]) -> Table:
    if issubclass(fact, LlmCalled):
        return LLM_CALLS
    if issubclass(fact, ToolCalled):
        return TOOL_CALLS
    assert_never(fact)


TABLES: tuple[Table, ...] = (ALIASES, EXECUTIONS, STEPS, LABELS, *map(_table_of, get_args(Fact)))
