"""Records judged by who may say what they say; keys that are not known yet are looked up."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final

from execledger_contracts.decoding import Decoded, Undecodable
from execledger_contracts.events import Event
from execledger_contracts.likeness import looks_like_ours
from execledger_recorder.rules.account import Record
from execledger_recorder.rules.arrivals import Found, NoEvent, Read
from execledger_recorder.rules.trust import (
    is_ours,
    refusal_of_bound,
    refusal_of_likeness,
    refusal_of_ours,
    signature_of,
)
from execledger_recorder.store import Store
from execledger_runtime.kafka.bindings import Bindings

_MOST_SPEAKERS: Final = 4096  # sources in their topics, with their tenants


class Trust:
    """Knows the keys that were met: one that was made meanwhile is looked up, so a rotation needs no restart."""

    def __init__(self, store: Store, bindings: Bindings) -> None:
        self._store = store
        self._bindings = bindings
        self._refusal_of_bound = lru_cache(_MOST_SPEAKERS)(partial(refusal_of_bound, bindings))
        self._keys: dict[str, bytes] = {}

    async def judge(self, reads: Sequence[Read]) -> Sequence[Read]:
        """The same, with dead letters where a source may not say what it says. Raises MustWait."""
        suspect = [
            (record, found.event)
            for record, found in reads
            if type(found) is Decoded and looks_like_ours(found.event.source)
        ]
        if not suspect and not self._bindings.topics:
            return reads
        await self._look_up([record for record, event in suspect if is_ours(event)])
        return [(record, self._judged(record, found)) for record, found in reads]

    def _judged(self, record: Record, found: Found) -> Found:
        if isinstance(found, NoEvent):
            return found
        why = found if isinstance(found, Undecodable) else self._refusal(record, found.event)
        if why is None:
            return found
        return replace(why, tenant_id=self._bindings.only_tenant_of(record.topic))

    def _refusal(self, record: Record, event: Event) -> Undecodable | None:
        if is_ours(event):
            return refusal_of_ours(record, self._keys)
        return refusal_of_likeness(event.source) or self._refusal_of_bound(record.topic, event.source, event.tenantid)

    async def _look_up(self, ours: Sequence[Record]) -> None:
        """One question at most, however many keys are named; a key is there before anything is signed with it."""
        named = {signature.key_id for record in ours if (signature := signature_of(record)) is not None}
        if unknown := named - self._keys.keys():
            self._keys |= await self._store.signing_keys.read(unknown)
