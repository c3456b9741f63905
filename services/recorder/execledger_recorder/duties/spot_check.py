"""Now and then some executions are compared with their log, so that a damaged record is found before it is read."""

from random import Random, SystemRandom
from typing import Final
from uuid import UUID

import structlog

from execledger_recorder.duties.rebuild import FIRST_ID, Finding, verify
from execledger_recorder.metrics import Metrics
from execledger_recorder.store import Store
from execledger_runtime.errors import MustWait

log = structlog.get_logger()

_MOST_EVENTS: Final = 500  # 20 ms of the recorder's processor: larger executions are left to the command
_NEWEST_EVENTS: Final = 10_000  # the newest executions are those that these belong to
_MOST_KEPT: Final = 100
_MOST_LOGGED: Final = 10
_STATEMENT_MS: Final = 2000


class Sampler:
    """Draws executions: half of them anywhere among the newest; the others one behind the other, all in their turn."""

    def __init__(self, store: Store, random: Random) -> None:
        self._store = store
        self._random = random
        self._after: str | None = None

    async def draw(self, executions: int) -> set[str]:
        """At most so many, none with very many events."""
        newest = await self._store.executions.newest(_NEWEST_EVENTS)
        drawn = self._random.sample(newest, min(executions // 2, len(newest)))
        drawn += await self._next(executions - executions // 2)
        return {execution_id for execution_id, events in drawn if events <= _MOST_EVENTS}

    async def _next(self, executions: int) -> list[tuple[str, int]]:
        if self._after is None:  # a recorder that is often started anew must not look at the oldest alone
            self._after = await self._anywhere()
        found = await self._store.executions.after(self._after, None, executions)
        self._after = found[-1][0] if found else FIRST_ID
        return found

    async def _anywhere(self) -> str:
        if (bounds := await self._store.executions.id_range()) is None:
            return FIRST_ID
        least, greatest = (UUID(bound).int for bound in bounds)
        return str(UUID(int=self._random.randint(least, greatest)))


class SelfAudit:
    """Looks at some executions at a time, and again at those that were wrong, until they are right."""

    def __init__(self, store: Store, metrics: Metrics, executions: int) -> None:
        self._store = store
        self._metrics = metrics
        self._executions = executions
        self._sampler = Sampler(store, SystemRandom())
        self._wrong: set[str] = set()

    async def look(self) -> None:
        """Compare a fresh sample, one execution at a time, and show how many are wrong. Raises MustWait."""
        for execution_id in sorted(await self._sampler.draw(self._executions) | self._wrong):
            try:
                (finding,) = await verify(self._store, [execution_id], statement_timeout_ms=_STATEMENT_MS)
            except MustWait:
                raise
            except Exception:  # what only looks must not end what records
                log.exception("self_audit_failed", execution_id=execution_id)
                continue
            self._note(finding)
        self._metrics.mismatches.set(len(self._wrong))

    def _note(self, finding: Finding) -> None:
        if not finding.is_wrong:
            self._wrong.discard(finding.execution_id)
            return
        if finding.execution_id in self._wrong or len(self._wrong) >= _MOST_KEPT:
            return
        self._wrong.add(finding.execution_id)
        for difference in finding.differences[:_MOST_LOGGED]:
            log.error("record_mismatch", differences=len(finding.differences), **difference.as_document(longest=60))
