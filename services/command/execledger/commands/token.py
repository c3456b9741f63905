"""`execledger token`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from execledger.errors import UserError

if TYPE_CHECKING:
    from pydantic import SecretStr

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_DAYS = 366
_LONGEST_NAME = 255  # as a tenant's and an owner's id in events


def token(
    *,
    sub: str,
    tenant: str,
    role: Annotated[list[str] | None, Parameter(name="--role", negative=())] = None,
    ttl: str = "1h",
) -> None:
    """Print a bearer token for the query service, signed with EXECLEDGER_JWT_SECRET.

    It is for the audience and from the issuer that EXECLEDGER_JWT_AUDIENCE and EXECLEDGER_JWT_ISSUER name, if any.

    Parameters
    ----------
    sub
        Who it vouches for: an owner's id.
    tenant
        Whose executions they see.
    role
        owner (the default), reader, service, admin or payloads; may be repeated.
    ttl
        How long it counts, as 90s, 15m, 1h or 7d; 366d at most.
    """
    import sys
    import time

    import jwt

    from execledger.stack.settings import StackSettings, load
    from execledger_query.claims import ClaimNames

    _check_name("--sub", sub)
    _check_name("--tenant", tenant)
    settings = load(StackSettings)
    names = ClaimNames.read(settings.jwt_claims or "")
    said = {"sub": sub, "tenant": tenant, "roles": _known(role or ["owner"])}
    claims = {names.of(name): value for name, value in said.items()} | {"exp": int(time.time()) + seconds(ttl)}
    meant = {"aud": settings.jwt_audience, "iss": settings.jwt_issuer}
    claims |= {name: value for name, value in meant.items() if value}
    sys.stdout.write(jwt.encode(claims, _secret(settings.jwt_secret), algorithm="HS256") + "\n")


def seconds(duration: str) -> int:
    """Of a duration as 90s, 15m, 1h or 7d.

    >>> seconds("15m"), seconds("2h")
    (900, 7200)
    """
    amount, unit = duration[:-1], duration[-1:]
    if not (amount.isascii() and amount.isdigit() and unit in _UNITS and amount.strip("0")):
        raise UserError(f"--ttl: should be a duration as 90s, 15m, 1h or 7d, this is {duration!r}", exit_status=2)
    if len(amount) > 9 or int(amount) * _UNITS[unit] > _LONGEST_DAYS * _UNITS["d"]:
        raise UserError(f"--ttl: should be {_LONGEST_DAYS}d at most", exit_status=2)
    return int(amount) * _UNITS[unit]


def _check_name(option: str, name: str) -> None:
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise UserError(f"{option}: should have 1 to {_LONGEST_NAME} characters", exit_status=2)


def _known(roles: list[str]) -> list[str]:
    from execledger_query.caller import Role

    if unknown := set(roles) - {role.value for role in Role}:
        known = ", ".join(role.value for role in Role)
        raise UserError(f"--role: {min(unknown)!r} is not one of {known}", exit_status=2)
    return roles


def _secret(secret: "SecretStr | None") -> str:
    if secret is None:
        raise UserError("EXECLEDGER_JWT_SECRET: should be set to the secret of the query service", exit_status=2)
    return secret.get_secret_value()
