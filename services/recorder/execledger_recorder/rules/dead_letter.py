"""What is said of a bad record, and by what bad records are alike."""

import re
from hashlib import sha256
from typing import Final

from execledger_contracts.decoding import Undecodable
from execledger_recorder.rules.account import Record

FACTS: Final = ("reason", "detail", "topic", "partition", "offset", "timestamp")
"""What the last headers of a copy say, each behind `execledger-`."""

REDRIVEN_FROM: Final = "execledger-redriven-from"
"""The header of a dead letter that was sent once more: where it lay before."""


def fingerprint(why: Undecodable) -> str:
    """The same for records that are bad in the same way: the reason and the rule, without values of theirs."""
    rule = re.sub(r"\d+", "#", why.detail.split(", this is ")[0])
    return sha256(f"{why.reason}\n{rule}".encode()).hexdigest()[:16]


def is_redriven(record: Record) -> bool:
    """Whether it was a dead letter before."""
    return any(name == REDRIVEN_FROM for name, _ in record.headers)


def storable(text: str) -> str:
    """Postgres holds neither NUL nor lone surrogates, and the detail may quote either."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")
