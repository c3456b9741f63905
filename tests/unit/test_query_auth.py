"""Who a token vouches for."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from execledger_query.auth import Authenticator
from execledger_query.caller import ANONYMOUS, Caller, Role, Sees
from execledger_query.claims import ClaimNames
from execledger_query.errors import InvalidTokenError, KeysUnavailableError
from execledger_query.keys import Ages, PublishedKeys, SharedSecret, usable_keys
from factories_query import SECRET, token

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


async def test_a_token_says_who_asks() -> None:
    caller = await shared().identify(token("ann", "acme", "reader", "payloads"))
    assert caller == Caller("ann", "acme", frozenset({Role.READER, Role.PAYLOADS}))


async def test_nobody_is_anybody_without_a_token() -> None:
    assert await shared().identify(None) is None


async def test_the_development_setting_lets_anybody_read_the_default_tenant() -> None:
    caller = await Authenticator(None, anonymous=True).identify(None)
    assert caller == ANONYMOUS
    assert caller.sees is Sees.TENANT
    with pytest.raises(InvalidTokenError):
        await Authenticator(None, anonymous=True).identify(token())


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "nonsense",
        "a.b.c",
        "é.é.é",
        token(exp=datetime.now(UTC) - timedelta(seconds=2)),
        token(exp=None),
        token(sub=""),
        token(tenant=""),
        token(sub=None),
        token(tenant=None),
        token(tenant=7),
        token(tenant="x" * 256),
        token(tenant="a\0b"),
        token(roles="admin"),
        token(roles=[1]),
        token(nbf=datetime.now(UTC) + timedelta(days=1)),
        token(nbf="0"),
        token(exp=10**40),
        token(exp=str(2**33)),
        token(exp=True),
        token(exp=-1),
        token(iat=datetime.now(UTC) + timedelta(days=1)),
        token(iat="1"),
        token(iat=10**40),
        token(secret="another secret, as long as the first one"),
        jwt.encode({"sub": "ann", "tenant": "acme", "exp": 2**33}, "", algorithm="none"),
        jwt.encode({"sub": "ann", "tenant": "acme", "exp": 2**33}, SECRET * 2, algorithm="HS512"),
        jwt.encode({"sub": "ann", "tenant": "acme", "exp": 2**33}, RSA_KEY, algorithm="RS256"),
    ],
)
async def test_a_token_that_is_not_as_it_should_be_vouches_for_nobody(bad: str) -> None:
    with pytest.raises(InvalidTokenError):
        await shared().identify(bad)


async def test_an_issuer_whose_clock_is_a_little_ahead_is_believed() -> None:
    assert await shared().identify(token(iat=datetime.now(UTC) + timedelta(seconds=30)))


async def test_roles_that_we_do_not_know_give_nothing() -> None:
    caller = await shared().identify(token("ann", "acme", "superuser"))
    assert caller is not None
    assert caller.sees is Sees.OWNER


async def test_a_token_that_was_verified_counts_until_it_ends_and_no_longer() -> None:
    now = time.time()
    authenticator = Authenticator(SharedSecret(SECRET), clock=lambda: now)
    lasting = token("ann", "acme", exp=datetime.now(UTC) + timedelta(hours=1))
    first = await authenticator.identify(lasting)
    assert await authenticator.identify(lasting) is first
    now += 3600
    assert await authenticator.identify(lasting) is not first


async def test_a_token_that_was_verified_counts_no_more_when_its_key_is_another() -> None:
    keys = SharedSecret(SECRET)
    authenticator = Authenticator(keys)
    assert await authenticator.identify(token()) is not None
    keys._key = SharedSecret("another secret, as long as it has to be")._key
    with pytest.raises(InvalidTokenError):
        await authenticator.identify(token())


async def test_of_very_many_tokens_few_are_remembered() -> None:
    authenticator = shared()
    for number in range(1_010):
        assert await authenticator.identify(token(f"ann-{number}")) is not None
    assert len(authenticator._known) == 1_000
    await authenticator.identify(token("ann", padding="x" * 8_000))
    assert len(authenticator._known) == 1_000


async def test_audience_and_issuer_are_checked_when_set() -> None:
    strict = Authenticator(SharedSecret(SECRET), audience="execledger", issuer="urn:us")
    assert await strict.identify(token(aud="execledger", iss="urn:us"))
    for claims in ({"aud": "other", "iss": "urn:us"}, {"aud": "execledger", "iss": "urn:them"}, {}):
        with pytest.raises(InvalidTokenError):
            await strict.identify(token(**claims))


async def test_claims_are_found_under_the_names_that_their_issuer_gives_them() -> None:
    names = ClaimNames.read("sub=email, tenant=https://acme.example/org,roles=realm_access.roles")
    named = Authenticator(SharedSecret(SECRET), names=names)
    said: dict[str, Any] = {"email": "ann", "https://acme.example/org": "acme", "realm_access": {"roles": ["reader"]}}
    expected = Caller("ann", "acme", frozenset({Role.READER}))
    assert await named.identify(token("ignored", "ignored", "admin", **said)) == expected
    with pytest.raises(InvalidTokenError, match=r"https://acme\.example/org"):
        await named.identify(token("ann", "acme", email="ann"))
    deep = Authenticator(SharedSecret(SECRET), names=ClaimNames.read("roles=a.b.c"))
    owner = await deep.identify(token("ann", "acme", "admin", a={"b": "text"}))
    assert owner == Caller("ann", "acme")


@pytest.mark.parametrize("text", ["sub", "sub=", "owner=x", "sub=a,sub=b", "=x"])
def test_names_of_claims_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="sub"):
        ClaimNames.read(text)


@pytest.mark.parametrize(
    ("roles", "sees"),
    [
        ([], Sees.OWNER),
        (["payloads"], Sees.OWNER),
        (["owner", "reader"], Sees.TENANT),
        (["service"], Sees.TENANT),
        (["reader", "admin"], Sees.ADMIN),
    ],
)
def test_the_widest_role_counts(roles: list[str], sees: Sees) -> None:
    assert Caller("ann", "acme", frozenset(Role(role) for role in roles)).sees is sees


def test_payloads_are_for_the_role_and_for_ones_own() -> None:
    ann = Caller("ann", "acme")
    assert ann.may_read_payloads("acme", "ann")
    assert not ann.may_read_payloads("acme", "bob")
    assert not ann.may_read_payloads("other", "ann")
    assert not Caller("ann", "acme", frozenset({Role.ADMIN})).may_read_payloads("acme", "bob")
    assert Caller("ann", "acme", frozenset({Role.PAYLOADS})).may_read_payloads("acme", "bob")


@pytest.mark.parametrize(("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256")])
async def test_published_keys_are_fetched_once_and_used_again(key: Any, algorithm: str) -> None:
    issuer = Issuer({"one": key})
    authenticator = Authenticator(issuer.keys())
    for _ in range(3):
        assert await authenticator.identify(signed(key, algorithm, "one"))
    assert issuer.fetched == 1


async def test_an_unknown_key_id_fetches_anew_but_not_again_and_again() -> None:
    issuer = Issuer({"one": RSA_KEY})
    clock = Clock()
    authenticator = Authenticator(issuer.keys(clock))
    assert await authenticator.identify(signed(RSA_KEY, "RS256", "one"))
    issuer.published["two"] = EC_KEY
    clock.now += 11
    assert await authenticator.identify(signed(EC_KEY, "ES256", "two"))
    assert issuer.fetched == 2
    for _ in range(5):
        with pytest.raises(InvalidTokenError):
            await authenticator.identify(signed(EC_KEY, "ES256", "forged"))
    assert issuer.fetched == 2


async def test_known_keys_go_on_counting_while_the_issuer_is_away() -> None:
    issuer = Issuer({"one": RSA_KEY})
    clock = Clock()
    authenticator = Authenticator(issuer.keys(clock))
    assert await authenticator.identify(signed(RSA_KEY, "RS256", "one"))
    issuer.status = 500
    clock.now += 1800
    assert await authenticator.identify(signed(RSA_KEY, "RS256", "one"))


async def test_a_key_that_was_withdrawn_counts_no_more_once_its_time_is_over_even_after_idleness() -> None:
    issuer = Issuer({"one": RSA_KEY, "two": EC_KEY})
    clock = Clock()
    authenticator = Authenticator(issuer.keys(clock))
    token = signed(RSA_KEY, "RS256", "one")
    assert await authenticator.identify(token)
    del issuer.published["one"]
    clock.now += 301
    with pytest.raises(InvalidTokenError):
        await authenticator.identify(token)
    assert await authenticator.identify(signed(EC_KEY, "ES256", "two"))


async def test_keys_that_age_are_fetched_in_time_beside_the_requests() -> None:
    issuer = Issuer({"one": RSA_KEY})
    clock = Clock()
    keys = issuer.keys(clock)
    authenticator = Authenticator(keys)
    assert await authenticator.identify(signed(RSA_KEY, "RS256", "one"))
    clock.now += 250
    assert await authenticator.identify(signed(RSA_KEY, "RS256", "one"))
    assert issuer.fetched == 1
    assert keys._renewal is not None
    await keys._renewal
    assert issuer.fetched == 2


async def test_in_an_outage_of_the_issuer_keys_have_a_greatest_age() -> None:
    issuer = Issuer({"one": RSA_KEY})
    clock = Clock()
    authenticator = Authenticator(issuer.keys(clock))
    assert await authenticator.identify(signed(RSA_KEY, "RS256", "one"))
    issuer.status = 503
    clock.now += 3601
    with pytest.raises(KeysUnavailableError):
        await authenticator.identify(signed(RSA_KEY, "RS256", "one"))
    issuer.status = 200
    clock.now += 11
    assert await authenticator.identify(signed(RSA_KEY, "RS256", "one"))


@pytest.mark.parametrize(
    "said",
    [
        b'{"keys": []}',
        b"[]",
        b'{"keys": [1, null, {}]}',
        b"[" * 100_000,
        b'{"keys": [' + b" " * 2_000_000 + b"]}",
        b"\xff",
    ],
    ids=["empty", "a list", "strange", "deep", "huge", "no text"],
)
async def test_an_answer_without_usable_keys_replaces_no_good_ones(said: bytes) -> None:
    issuer = Issuer({"one": RSA_KEY})
    clock = Clock()
    authenticator = Authenticator(issuer.keys(clock))
    assert await authenticator.identify(signed(RSA_KEY, "RS256", "one"))
    issuer.instead = said
    clock.now += 301
    assert await authenticator.identify(signed(RSA_KEY, "RS256", "one"))
    assert issuer.fetched == 2


async def test_a_key_that_is_too_short_vouches_for_nobody() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  # that is the point
    document = json.dumps({"keys": [_public(("short", short)), _public(("one", RSA_KEY))]}).encode()
    assert usable_keys(document).keys() == {"one"}
    with pytest.raises(ValueError, match="no keys"):
        usable_keys(json.dumps({"keys": [_public(("short", short))]}).encode())


@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSA_KEY, jwt.algorithms.RSAAlgorithm), (EC_KEY, jwt.algorithms.ECAlgorithm)]
)
async def test_a_private_key_that_an_issuer_publishes_vouches_for_nobody(key: Any, algorithm: Any) -> None:
    leaked = {**json.loads(algorithm.to_jwk(key)), "key_ops": ["sign", "verify"], "kid": "leaked"}
    assert usable_keys(json.dumps({"keys": [leaked, _public(("one", RSA_KEY))]}).encode()).keys() == {"one"}


async def test_a_header_that_is_nested_deep_or_names_no_text_is_of_no_token() -> None:
    for header in (b'{"alg": "HS256", "kid": ' + b"[" * 30_000, b'{"alg": "HS256", "kid": {}}', b"[]", b"1e999"):
        bad = ".".join(jwt.utils.base64url_encode(part).decode() for part in (header, b"{}", b"signature"))
        with pytest.raises(InvalidTokenError):
            await shared().identify(bad)


async def test_claims_that_no_column_holds_vouch_for_nobody() -> None:
    for claims in ('{"sub": "\\ud800", "tenant": "t", "exp": 9999999999}', '{"sub": "a", "tenant": "t", "exp": 1e999}'):
        bad = jwt.PyJWS().encode(claims.encode(), SECRET, "HS256")
        with pytest.raises(InvalidTokenError):
            await shared().identify(bad)


async def test_without_any_key_nobody_can_be_told_yet() -> None:
    issuer = Issuer({}, status=503)
    with pytest.raises(KeysUnavailableError):
        await Authenticator(issuer.keys()).identify(signed(RSA_KEY, "RS256", "one"))


async def test_a_public_key_is_no_shared_secret() -> None:
    issuer = Issuer({"one": RSA_KEY})
    forged = jwt.encode({"sub": "ann", "tenant": "acme", "exp": 2**33}, SECRET, headers={"kid": "one"})
    with pytest.raises(InvalidTokenError):
        await Authenticator(issuer.keys()).identify(forged)


def shared() -> Authenticator:
    return Authenticator(SharedSecret(SECRET))


def signed(key: Any, algorithm: str, key_id: str) -> str:
    claims = {"sub": "ann", "tenant": "acme", "exp": datetime.now(UTC) + timedelta(minutes=1)}
    return jwt.encode(claims, key, algorithm, headers={"kid": key_id})


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Issuer:
    """Publishes keys, and counts how often it is asked."""

    def __init__(self, published: dict[str, Any], status: int = 200) -> None:
        self.published = published
        self.status = status
        self.fetched = 0
        self.instead: bytes | None = None

    def keys(self, clock: Callable[[], float] | None = None) -> PublishedKeys:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer))
        return PublishedKeys("https://issuer.test/keys", client, Ages(300, 3600), clock or Clock())

    def _answer(self, _request: httpx2.Request) -> httpx2.Response:
        self.fetched += 1
        if self.instead is not None:
            return httpx2.Response(self.status, content=self.instead)
        strange = [{"kty": "oct", "k": "AAAA", "kid": "shared"}, {"kty": "RSA", "use": "enc", "kid": "enc"}]
        return httpx2.Response(self.status, json={"keys": [*strange, *map(_public, self.published.items())]})


def _public(published: tuple[str, Any]) -> dict[str, Any]:
    name, key = published
    algorithm = jwt.get_algorithm_by_name("RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")
    document: dict[str, Any] = json.loads(algorithm.to_jwk(key.public_key()))
    return {**document, "kid": name}
