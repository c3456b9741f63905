"""Bearer tokens: who a request comes from. Verified here and nowhere else."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Protocol

import httpx2
import jwt
import structlog
from jwt import PyJWK
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from execledger_query.caller import ANONYMOUS, Caller, Role
from execledger_query.errors import InvalidTokenError, KeysUnavailableError
from execledger_query.settings import Settings

_PUBLIC_ALGORITHMS: Final = frozenset({"RS256", "ES256"})
_REFETCH_SECONDS: Final = 10  # an unknown key id fetches anew, but forged ones must not flood the key server
_FETCH_TIMEOUT: Final = 5

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Keys(Protocol):
    """Where the key of a token comes from."""

    async def key_of(self, header: Mapping[str, Any]) -> PyJWK:
        """The key that must have signed it; InvalidTokenError when there is none, KeysUnavailableError for now."""


class SharedSecret:
    """HS256, with the one secret that the issuer has too."""

    def __init__(self, secret: str) -> None:
        key = jwt.utils.base64url_encode(secret.encode()).decode()
        self._key = PyJWK.from_dict({"kty": "oct", "k": key, "alg": "HS256"})

    async def key_of(self, header: Mapping[str, Any]) -> PyJWK:
        return self._key


class PublishedKeys:
    """RS256 and ES256, with public keys fetched from the issuer; fetched again when they age or a new id appears."""

    def __init__(
        self,
        url: str,
        client: httpx2.AsyncClient,
        max_age: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._client = client
        self._max_age = max_age
        self._clock = clock
        self._keys: dict[str | None, PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._turn = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    async def key_of(self, header: Mapping[str, Any]) -> PyJWK:
        if self._known(header) is None:
            await self._refresh()
        elif self._clock() - self._fetched_at > self._max_age:
            self._renewal = asyncio.create_task(self._refresh())  # kept, lest it be collected while it runs
        if key := self._known(header):
            return key
        if not self._keys:
            raise KeysUnavailableError("the keys of EXECLEDGER_JWKS_URL cannot be fetched just now")
        raise InvalidTokenError("signed with a key that the issuer does not publish")

    def _known(self, header: Mapping[str, Any]) -> PyJWK | None:
        """By its id; a token without one is fine while there is only one key."""
        if "kid" in header:
            return self._keys.get(header["kid"])
        return next(iter(self._keys.values())) if len(self._keys) == 1 else None

    async def _refresh(self) -> None:
        """One fetch at a time, and not again at once; when it fails, the keys that we have go on counting."""
        async with self._turn:
            if self._clock() - self._tried_at < _REFETCH_SECONDS:
                return
            self._tried_at = self._clock()
            try:
                self._keys = await self._fetch()
                self._fetched_at = self._clock()
            except (httpx2.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
                log.warning("keys_unavailable", url=self._url, cause=type(error).__name__)

    async def _fetch(self) -> dict[str | None, PyJWK]:
        response = await self._client.get(self._url, timeout=_FETCH_TIMEOUT)
        response.raise_for_status()
        found = [key for document in response.json()["keys"] if (key := _usable(document))]
        return {key.key_id: key for key in found}


class Authenticator:
    """Tells who a request comes from."""

    def __init__(
        self, keys: Keys | None, *, anonymous: bool = False, audience: str | None = None, issuer: str | None = None
    ) -> None:
        self._keys = keys
        self._anonymous = anonymous
        self._audience = audience
        self._issuer = issuer

    async def identify(self, token: str | None) -> Caller | None:
        """Whom the token vouches for; None without one, unless anonymous reading is on.

        Raises InvalidTokenError when it vouches for nobody, KeysUnavailableError when that cannot be told just now.
        """
        if token is None:
            return ANONYMOUS if self._anonymous else None
        if self._keys is None:
            raise InvalidTokenError("no token can be checked here")
        try:
            key = await self._keys.key_of(jwt.get_unverified_header(token))
            claims = _Claims.model_validate(self._verified(token, key))
        except jwt.InvalidTokenError as error:
            raise InvalidTokenError(_reason(error)) from error
        except ValidationError as error:
            raise InvalidTokenError(
                f"the claim {error.errors()[0]['loc'][0]} is missing or not as it should be"
            ) from error
        return Caller(claims.sub, claims.tenant, claims.roles)

    def _verified(self, token: str, key: PyJWK) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],  # never the one that the token names
            audience=self._audience,
            issuer=self._issuer,
            options={
                "require": ["exp", "sub"],
                "verify_aud": self._audience is not None,
                "verify_iat": False,  # says when, not whether: an issuer's clock may run a second ahead
                "enforce_minimum_key_length": True,
            },
        )


def authenticator(settings: Settings, client: httpx2.AsyncClient) -> Authenticator:
    """What the settings say of tokens; `client` fetches keys."""
    keys: Keys | None = None
    if settings.jwt_secret:
        keys = SharedSecret(settings.jwt_secret.get_secret_value())
    elif settings.jwks_url:
        keys = PublishedKeys(settings.jwks_url, client, settings.jwks_cache_seconds)
    return Authenticator(
        keys,
        anonymous=settings.insecure_anonymous,
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
    )


def _roles(value: Any) -> Any:
    """A role that we do not know gives nothing; none at all is an owner's."""
    if not isinstance(value, list) or not all(isinstance(role, str) for role in value):
        raise ValueError("a list of texts")
    known = {role.value for role in Role}
    return frozenset(Role(role) for role in value if role in known)


_Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=255, pattern=r"^[^\x00]*$")]


class _Claims(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sub: _Name
    tenant: _Name
    roles: Annotated[frozenset[Role], BeforeValidator(_roles)] = frozenset()


def _usable(document: dict[str, Any]) -> PyJWK | None:
    """A signature key of an algorithm that we take; other keys may stand beside it."""
    if document.get("use", "sig") != "sig" or document.get("kty") not in ("RSA", "EC"):
        return None
    try:
        key = PyJWK.from_dict(document)
    except jwt.PyJWTError:
        return None
    return key if key.algorithm_name in _PUBLIC_ALGORITHMS else None


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
            return "the token is not one of the issuer's"
