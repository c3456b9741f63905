"""Requests to cancel are handed on as events; those are recorded like any, and orchestrators told as of any."""

from collections.abc import Sequence

import structlog

from execledger_recorder.duties.signing import signed
from execledger_recorder.rules.cancelling import cancel_requested
from execledger_recorder.store import Store

log = structlog.get_logger()


async def pass_on(store: Store, topics: Sequence[str]) -> None:
    """Publish what was asked meanwhile; several recorders may do so at once, each for other requests."""
    async with store.cancel_requests.passing() as passing:
        if not (concerned := await passing.take(topics)):
            return
        signing = await store.signing_keys.newest()
        await passing.send(
            [signed(signing, each.topic, each.root_execution_id, cancel_requested(each)) for each in concerned]
        )
    log.info("cancels_requested", requests=len({each.key for each in concerned}), executions=len(concerned))
