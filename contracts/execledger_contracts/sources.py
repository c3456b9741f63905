"""Who sent a record that is no event, as far as it says so: for telling producers apart, not for trusting them."""

import re
from typing import Final

from execledger_contracts.modes import Headers

_LOOKED_AT: Final = 65_536  # bytes: it is named at the beginning, if at all
_SOURCE: Final = re.compile(rb'"source"\s*:\s*"([^"\\]{1,1024})"')


def named_source(value: bytes | None, headers: Headers) -> str | None:
    """The source that a record names in a header or in its value, which need be no JSON; None when it names none."""
    for name, said in headers:
        if name.lower() == "ce_source" and said is not None:
            return said.decode(errors="replace")
    found = _SOURCE.search(value or b"", 0, _LOOKED_AT)
    return None if found is None else found[1].decode(errors="replace")
