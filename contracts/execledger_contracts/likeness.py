"""Sources that a reader would take for Execledger's own, whatever they are made of. Pure."""

import unicodedata
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from execledger_contracts.models import OUR_SOURCES

_DECODINGS: Final = 3  # what is percent-encoded more often reads as nothing
_KNOWN: Final = 4096

# What looks like the letters of our name, as they stand or in capitals, and is not made the same by Unicode's own rules
# (which see to widths, styles and accents). A small table: of the many alphabets those that are at hand everywhere. Of
# signs beyond ASCII that are not in it, each may stand for a letter, or the colon, where most of the others are ours.
_LOOKS_LIKE: Final = {
    "e": "еєҽҿΕℯ℮ᴇⲉꓰᎬᎡ",
    "x": "хҳχΧ×ᕁᕽ⤫ⲭꓫ",
    "c": "сҫϲᴄⲥꓚᏟ",
    "l": "1IІӀӏΙ|ǀ∣ߊⲓⵏꓲꓡᏞʟᛁłƚ",
    "d": "ԁɗđᴅꓓᎠ",
    "g": "ɡցԍԌɢꓖᏀᶃ",
    "r": "гᴦʀꭇꭈⲅꓣᏒ",
    ":": "∶︰‥꞉ː˸։᠃᠉⁚፡⠆",
}
_AS_OURS: Final = str.maketrans({like: letter for letter, those in _LOOKS_LIKE.items() for like in those})
_BLANK: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters and signs that show nothing
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me", "Zs", "Zl", "Zp"})


@lru_cache(_KNOWN)
def looks_like_ours(source: str) -> bool:
    """Whether it is one of Execledger's own sources, or reads like one.

    >>> [looks_like_ours(source) for source in ("EXECLEDGER:watchdog", "execledger\u05c3x", "urn:execledger:watchdog")]
    [True, True, False]
    """
    return source.startswith(OUR_SOURCES) or _reads_as_ours(_as_read(source)[: len(OUR_SOURCES)])


def _reads_as_ours(beginning: str) -> bool:
    """Whether it is the beginning of ours, but for signs beyond ASCII in fewer than half of its places."""
    others = [sign for sign, ours in zip(beginning, OUR_SOURCES, strict=False) if sign != ours]
    return (
        len(beginning) == len(OUR_SOURCES)
        and len(others) < len(OUR_SOURCES) / 2
        and not any(sign.isascii() for sign in others)
    )


def _as_read(source: str) -> str:
    for _ in range(_DECODINGS):
        source = unquote(source)
    seen = unicodedata.normalize("NFKD", source.translate(_AS_OURS)).translate(_AS_OURS).casefold().translate(_AS_OURS)
    return "".join(sign for sign in seen if sign not in _BLANK and unicodedata.category(sign) not in _UNSEEN)
