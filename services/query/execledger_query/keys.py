"""Where the key that signed a token comes from: one secret, or the keys that an issuer publishes."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import httpx2
import jwt
import structlog
from jwt import PyJWK

from execledger_query.errors import InvalidTokenError, KeysUnavailableError

_PUBLIC_ALGORITHMS: Final = frozenset({"RS256", "ES256"})
_SHORTEST_RSA_BITS: Final = 2048  # RFC 7518, 3.3
_REFETCH_SECONDS: Final = 10  # an unknown key id fetches anew, but forged ones must not flood the key server
_FETCH_SECONDS: Final = 5
_MOST_BYTES: Final = 1_048_576
_RENEWAL_SHARE: Final = 0.8  # of their time: from then on keys are fetched anew while the ones that are there count

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


class Ages(NamedTuple):
    """How long fetched keys count, in seconds: while the issuer answers, and while it does not."""

    fresh: float
    most: float


class PublishedKeys:
    """RS256 and ES256, with public keys fetched from the issuer; fetched again when they age or a new id appears.

    A key that the issuer withdraws stops counting after `ages.fresh`, in an outage of the issuer after `ages.most`.
    """

    def __init__(
        self, url: str, client: httpx2.AsyncClient, ages: Ages, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._client = client
        self._ages = ages
        self._clock = clock
        self._keys: dict[str | None, PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._turn = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    async def key_of(self, header: Mapping[str, Any]) -> PyJWK:
        if self._known(header) is None:
            await self._refresh()
        else:
            await self._renew()
        if self._clock() - self._fetched_at > self._ages.most:
            self._keys = {}
        if key := self._known(header):
            return key
        if not self._keys:
            raise KeysUnavailableError("the keys of EXECLEDGER_JWKS_URL cannot be fetched just now")
        raise InvalidTokenError("signed with a key that the issuer does not publish")

    async def _renew(self) -> None:
        """Fetch keys that age: in time beside the requests, else before the request is answered.

        Once a fetch has failed no request waits for the next one.
        """
        age = self._clock() - self._fetched_at
        if age > self._ages.fresh and self._tried_at <= self._fetched_at:
            await self._refresh()
        elif age > self._ages.fresh * _RENEWAL_SHARE and (self._renewal is None or self._renewal.done()):
            self._renewal = asyncio.create_task(self._refresh())

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
                async with asyncio.timeout(_FETCH_SECONDS):
                    self._keys = usable_keys(await self._fetch())
                self._fetched_at = self._clock()
            except (httpx2.HTTPError, ValueError, TimeoutError) as error:
                log.warning("keys_unavailable", url=self._url, cause=str(error) or type(error).__name__)

    async def _fetch(self) -> bytes:
        """What the issuer says; ValueError when that is too much."""
        document = b""
        async with self._client.stream("GET", self._url, timeout=_FETCH_SECONDS) as response:
            response.raise_for_status()
            async for part in response.aiter_bytes():
                document += part
                if len(document) > _MOST_BYTES:
                    raise ValueError(f"more than {_MOST_BYTES} bytes")
        return document


def usable_keys(document: bytes) -> dict[str | None, PyJWK]:
    """The keys of a JWKS document by their ids, those that are not for us left out. ValueError when none is left."""
    try:
        said = json.loads(document)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    listed = said.get("keys") if isinstance(said, dict) else None
    found = [key for each in listed if (key := _usable(each))] if isinstance(listed, list) else []
    if not found:
        raise ValueError("no keys of RS256 or ES256")
    return {key.key_id: key for key in found}


def _usable(document: Any) -> PyJWK | None:
    """A signature key of an algorithm that we take, and not too short; other keys may stand beside it."""
    if not isinstance(document, dict) or document.get("use", "sig") != "sig":
        return None
    if "d" in document:  # a private key: whoever can read the document can sign with it
        return None
    if document.get("kty") not in ("RSA", "EC") or not isinstance(document.get("kid", ""), str):
        return None
    try:
        key = PyJWK.from_dict(document)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
    is_short = key.key_type == "RSA" and key.key.key_size < _SHORTEST_RSA_BITS
    return None if is_short or key.algorithm_name not in _PUBLIC_ALGORITHMS else key
