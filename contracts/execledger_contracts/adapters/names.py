"""The systems whose events are read, by the names that a setting calls them by."""

from collections.abc import Callable, Mapping
from typing import Final

from execledger_contracts.adapters import cdevents, crewai, inngest, openlineage, otel, prefect, temporal
from execledger_contracts.adapters.foreign import Document, Translated

ADAPTERS: Final[Mapping[str, Callable[[Document, str | None], Translated]]] = {
    "openlineage": openlineage.translate,
    "cdevents": cdevents.translate,
    "otel": otel.translate,
    "crewai": crewai.translate,
    "prefect": prefect.translate,
    "temporal": temporal.translate,
    "inngest": inngest.translate,
}
"""Each makes events of a document, given the key of its record. Raises Untranslatable."""
