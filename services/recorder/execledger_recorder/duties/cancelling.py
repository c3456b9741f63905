"""Requests to cancel are handed on as events; those are recorded like any, and orchestrators told as of any."""

from collections.abc import Sequence

import structlog

from execledger_recorder.duties.signing import signed
from execledger_recorder.rules.cancelling import ToCancel, cancel_requested
from execledger_recorder.store import Store

log = structlog.get_logger()


async def pass_on(store: Store, topics: Sequence[str], control_topic: str) -> None:
    """Publish what was asked meanwhile, of each request a page at a time; several recorders may do so at once, each for
    other requests."""
    while (concerned := await _pass_page(store, topics, control_topic)) is not None:
        if concerned:
            log.info("cancels_requested", requests=len({each.key for each in concerned}), executions=len(concerned))


async def _pass_page(store: Store, topics: Sequence[str], control_topic: str) -> list[ToCancel] | None:
    async with store.cancel_requests.passing() as passing:
        if (concerned := await passing.take(topics, control_topic)) is None:
            return None
        signing = await store.signing_keys.newest()
        await passing.send(
            [signed(signing, each.topic, each.root_execution_id, cancel_requested(each)) for each in concerned]
        )
    return concerned
