"""Under which names the claims of a token are found: issuers have names of their own. Pure."""

from collections.abc import Mapping
from typing import Any, Final, Self

_OURS: Final = ("sub", "tenant", "roles")
_NOTHING: Final[Mapping[str, str]] = {}


class ClaimNames:
    """What `sub`, `tenant` and `roles` are called; a name with dots may lead into objects."""

    def __init__(self, names: Mapping[str, str] = _NOTHING) -> None:
        self._names: Final = {ours: names.get(ours, ours) for ours in _OURS}

    @classmethod
    def read(cls, text: str) -> Self:
        """As the setting says them: `sub=email,tenant=org_id,roles=realm_access.roles`. Raises ValueError."""
        names: dict[str, str] = {}
        for part in filter(None, map(str.strip, text.split(","))):
            ours, _, theirs = part.partition("=")
            if ours.strip() not in _OURS or not theirs.strip():
                raise ValueError("should be like sub=email,tenant=org_id,roles=realm_access.roles")
            if ours.strip() in names:
                raise ValueError(f"{ours.strip()} is named twice")
            names[ours.strip()] = theirs.strip()
        return cls(names)

    def found(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """The claims under our names, those that are there; all others as they are."""
        others = {name: value for name, value in claims.items() if name not in _OURS}
        ours = {name: _at(claims, theirs) for name, theirs in self._names.items()}
        return {**others, **{name: value for name, value in ours.items() if value is not None}}

    def of(self, ours: str) -> str:
        """What the issuer calls it, for whoever is told that it is missing."""
        return self._names.get(ours, ours)


def _at(claims: Mapping[str, Any], name: str) -> Any:
    """A claim of that very name, as https://acme.example/tenant, else the member that its dots lead to."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
