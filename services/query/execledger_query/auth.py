"""Bearer tokens: who a request comes from. Verified here and nowhere else."""

import time
from collections.abc import Callable
from typing import Annotated, Any, Final, NamedTuple

import httpx2
import jwt
from jwt import PyJWK
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)

from execledger_query.caller import ANONYMOUS, Caller, Role
from execledger_query.claims import ClaimNames
from execledger_query.errors import InvalidTokenError
from execledger_query.keys import Ages, Keys, PublishedKeys, SharedSecret
from execledger_query.settings import Settings

_AHEAD_SECONDS: Final = 60.0
_LATEST: Final = 253_402_300_799  # the end of 9999: what lies beyond is no time
_PLAIN_NAMES: Final = ClaimNames()
_MOST_REMEMBERED: Final = 1_000
_LONGEST_REMEMBERED: Final = 4_096
_UNREADABLE: Final = "the token is not one of the issuer's"


class _Known(NamedTuple):
    """A token that was verified: what it was verified with, and whom it vouches for."""

    header: dict[str, Any]
    key: PyJWK
    caller: Caller


class Authenticator:
    """Tells who a request comes from."""

    def __init__(
        self,
        keys: Keys | None,
        *,
        anonymous: bool = False,
        audience: str | None = None,
        issuer: str | None = None,
        names: ClaimNames = _PLAIN_NAMES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._anonymous = anonymous
        self._audience = audience
        self._issuer = issuer
        self._names = names
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def identify(self, token: str | None) -> Caller | None:
        """Whom the token vouches for; None without one, unless anonymous reading is on.

        Raises InvalidTokenError when it vouches for nobody, KeysUnavailableError when that cannot be told just now.
        """
        if token is None:
            return ANONYMOUS if self._anonymous else None
        if self._keys is None:
            raise InvalidTokenError("no token can be checked here")
        known = self._known.get(token)
        if known is not None and await self._still_counts(self._keys, known):
            return known.caller
        try:
            header = jwt.get_unverified_header(token)
            key = await self._keys.key_of(header)
            said = self._names.found(self._verified(token, key))
            claims = _Claims.model_validate(said, context={"now": self._clock()})
        except jwt.InvalidTokenError as error:
            raise InvalidTokenError(_reason(error)) from error
        except (jwt.PyJWTError, RecursionError, OverflowError, TypeError) as error:  # nesting, 1e999, a key of no use
            raise InvalidTokenError(_UNREADABLE) from error
        except ValidationError as error:
            raise InvalidTokenError(
                f"the claim {self._names.of(str(error.errors()[0]['loc'][0]))} is missing or not as it should be"
            ) from error
        caller = Caller(claims.sub, claims.tenant, claims.roles, claims.exp)
        self._remember(token, _Known(header, key, caller))
        return caller

    async def _still_counts(self, keys: Keys, known: "_Known") -> bool:
        """Whether a token that was verified has not ended, and its key is still the one that must have signed it."""
        expires_at = known.caller.expires_at
        if expires_at is None or self._clock() >= expires_at:
            return False
        try:
            return await keys.key_of(known.header) is known.key
        except InvalidTokenError:
            return False

    def _remember(self, token: str, known: "_Known") -> None:
        """To verify it takes 0.2 ms, of a request that takes one. Of many tokens the oldest are forgotten."""
        if len(token) > _LONGEST_REMEMBERED:
            return
        self._known.pop(token, None)
        if len(self._known) >= _MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[token] = known

    def _verified(self, token: str, key: PyJWK) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],  # never the one that the token names
            audience=self._audience,
            issuer=self._issuer,
            options={
                "require": ["exp"],  # and below what names the caller, under whatever name
                "verify_sub": False,
                "verify_aud": self._audience is not None,
                "verify_iat": False,  # below: an issuer's clock may run a little ahead
                "enforce_minimum_key_length": True,
            },
        )


def authenticator(settings: Settings, client: httpx2.AsyncClient) -> Authenticator:
    """What the settings say of tokens; `client` fetches keys."""
    keys: Keys | None = None
    if settings.jwt_secret:
        keys = SharedSecret(settings.jwt_secret.get_secret_value())
    elif settings.jwks_url:
        keys = PublishedKeys(
            settings.jwks_url, client, Ages(settings.jwks_cache_seconds, settings.jwks_max_age_seconds)
        )
    return Authenticator(
        keys,
        anonymous=settings.insecure_anonymous,
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
        names=ClaimNames.read(settings.jwt_claims or ""),
    )


def _roles(value: Any) -> Any:
    """A role that we do not know gives nothing; none at all is an owner's."""
    if not isinstance(value, list) or not all(isinstance(role, str) for role in value):
        raise ValueError("a list of texts")
    known = {role.value for role in Role}
    return frozenset(Role(role) for role in value if role in known)


_Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=255, pattern=r"^[^\x00]*$")]


def _is_past(at: float, info: ValidationInfo) -> float:
    now: float = (info.context or {})["now"]
    if at > now + _AHEAD_SECONDS:
        raise ValueError("lies in the future")
    return at


_Time = Annotated[float, Field(strict=True, ge=0, le=_LATEST)]  # a number: text and truth values are none


class _Claims(BaseModel):
    model_config = ConfigDict(extra="ignore")

    exp: _Time
    nbf: _Time | None = None
    iat: Annotated[_Time, AfterValidator(_is_past)] | None = None
    sub: _Name
    tenant: _Name
    roles: Annotated[frozenset[Role], BeforeValidator(_roles)] = frozenset()


def _reason(error: jwt.InvalidTokenError) -> str:
    match error:
        case jwt.ExpiredSignatureError():
            return "the token has expired"
        case jwt.MissingRequiredClaimError():
            return f"the claim {error.claim} is missing"
        case jwt.InvalidAudienceError() | jwt.InvalidIssuerError():
            return "the token is meant for another audience or from another issuer"
        case jwt.ImmatureSignatureError():
            return "the token is not valid yet"
        case _:
            return _UNREADABLE
