"""The systems whose events are read, by the names that a setting calls them by."""

from collections.abc import Callable, Mapping
from typing import Final

from execledger_contracts.adapters import openlineage
from execledger_contracts.adapters.foreign import Document, Translated

ADAPTERS: Final[Mapping[str, Callable[[Document, str | None], Translated]]] = {
    "openlineage": openlineage.translate,
}
"""Each makes events of a document, given the key of its record. Raises Untranslatable."""
