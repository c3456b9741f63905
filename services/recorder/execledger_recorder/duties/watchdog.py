"""Ends executions that went past a limit: what `watching` decides goes through the outbox to the events topic."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import structlog

from execledger_contracts.events import IMPORT_SOURCE
from execledger_recorder.duties.signing import signed
from execledger_recorder.metrics import Metrics
from execledger_recorder.rules.overdue import Overdue, Verdict, decide
from execledger_recorder.store import Store

log = structlog.get_logger()

_AT_ONCE: Final = 500


async def watch(store: Store, metrics: Metrics, topics: Sequence[str]) -> None:
    """Decide of every execution that is overdue now, unless another recorder is at it."""
    is_more = True
    while is_more:
        verdicts = await _watch(store, topics)
        decisions: Counter[str] = Counter(verdict.decision for verdict in verdicts)
        metrics.watched(decisions)
        if verdicts:
            log.info("executions_overdue", **decisions)
        is_more = bool(verdicts)  # not only when all were decided: one that is passed over must not end the round


async def _watch(store: Store, topics: Sequence[str]) -> list[Verdict]:
    signing = await store.signing_keys.newest()
    async with store.watchdog.watching() as watch:
        if watch is None:
            return []
        overdue = await watch.overdue(topics, IMPORT_SOURCE, _AT_ONCE)
        held = await watch.hold({each.id: each.version for each in overdue})
        verdicts = [verdict for each in overdue if each.id in held and (verdict := _decide(each))]
        added = await watch.add_decisions(verdicts)
        await watch.send(
            [
                signed(signing, verdict.overdue.topic, verdict.overdue.root_execution_id, verdict.event)
                for verdict in added
                if verdict.event is not None
            ]
        )
        return added


def _decide(overdue: Overdue) -> Verdict | None:
    try:
        return decide(overdue)
    except Exception:  # a row that was damaged by hand must not keep the watchdog from all others
        log.exception("execution_passed_over", execution_id=overdue.id)
        return None
