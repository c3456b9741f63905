"""The settings of the service, from the environment."""

import ipaddress
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from execledger_query.claims import ClaimNames
from execledger_runtime.kafka.adapters import TopicAdapters, consumed
from execledger_runtime.kafka.bindings import TopicTenants
from execledger_runtime.logs import Level
from execledger_runtime.settings import EnvironmentSettings, Pooler

_MIN_SECRET_BYTES = 32  # RFC 7518, 3.2: as long as the hash of HS256

Seconds = Annotated[float, Field(ge=0.001, le=3600)]  # 0 would mean for ever to Postgres


class Settings(EnvironmentSettings):
    """Each is read from EXECLEDGER_ and its name in capitals."""

    postgres_dsn: SecretStr = Field(description="database to read: postgresql://USER:PASSWORD@HOST:PORT/NAME")
    postgres_pooler: Pooler = Field(default="none", description="what lies between: `transaction` is refused")
    query_replica_dsn: SecretStr | None = Field(
        default=None, description="a replica of that database, to read from; its delay counts as lag"
    )
    events_topic: str = Field(default="executions.events", min_length=1, description="topic that the recorder reads")
    topic_tenants: TopicTenants | None = Field(
        default=None, description="as the recorder's: the topics that it reads besides"
    )
    topic_adapters: TopicAdapters | None = Field(
        default=None, description="likewise: those with events of other systems"
    )
    query_host: str = Field(default="127.0.0.1", description="address to listen on")
    query_port: int = Field(default=8080, ge=0, le=65535, description="port to listen on, 0 for any free one")
    query_metrics_port: int | None = Field(
        default=None, ge=0, le=65535, description="port of /metrics alone; without it on the API's, if that is loopback"
    )
    jwt_secret: SecretStr | None = Field(default=None, description="secret of HS256 tokens, 32 bytes or more")
    jwks_url: str | None = Field(default=None, description="where the public keys of RS256 and ES256 tokens are")
    jwt_audience: str | None = Field(default=None, description="`aud` that tokens must have, when set")
    jwt_issuer: str | None = Field(default=None, description="`iss` that tokens must have, when set")
    jwt_claims: str | None = Field(
        default=None, description="names of claims, as `sub=email,tenant=org_id,roles=realm_access.roles`"
    )
    oidc_issuer: str | None = Field(
        default=None, description="OpenID provider at which the console signs in, as https://id.example/realms/acme"
    )
    oidc_client_id: str | None = Field(
        default=None, min_length=1, description="what the console is called there: a public client, with PKCE"
    )
    oidc_scope: str = Field(default="openid", min_length=1, description="scope of the tokens that it asks for")
    insecure_anonymous: bool = Field(default=False, description="serve without tokens; only on a loopback host")
    cursor_secret: SecretStr | None = Field(
        default=None, min_length=16, description="what cursors are signed with; without it, a key made at migration"
    )
    jwks_cache_seconds: Seconds = Field(default=300, description="how long fetched keys count, at most")
    jwks_max_age_seconds: Annotated[float, Field(ge=0.001, le=604_800)] = Field(
        default=3600, description="the same while the issuer cannot be asked"
    )
    query_pool_size: int = Field(default=10, ge=1, le=500, description="database connections at most")
    query_pool_timeout_seconds: Seconds = Field(default=5, description="wait for a free connection")
    query_connect_timeout_seconds: Seconds = Field(default=5, description="wait for the database to answer")
    query_statement_timeout_seconds: Seconds = Field(default=10, description="longest statement of a request")
    query_max_connections: int = Field(
        default=2000, ge=1, le=1_000_000, description="connections at once; silent ones make room for new ones"
    )
    query_head_seconds: Seconds = Field(default=10, description="for a client to send the head of a request")
    query_body_seconds: Seconds = Field(default=30, description="for a client to send the body of a request")
    query_idle_seconds: Seconds = Field(default=75, description="how long a connection stays open without a request")
    query_write_seconds: Seconds = Field(default=20, description="for a client to read what fills a buffer, 64 KiB")
    query_drain_seconds: int = Field(default=10, ge=0, le=3600, description="time for open requests when stopped")
    query_max_body_bytes: int = Field(default=64 * 1024, ge=0, description="largest request body")
    query_subject_requests: int = Field(
        default=4, ge=1, le=10_000, description="requests of one subject at once; its others wait, as for a connection"
    )
    query_subject_requests_per_second: float = Field(
        default=100, gt=0, description="requests of one subject in a second; as many again in a burst"
    )
    query_streams: int = Field(default=1000, ge=1, le=100_000, description="streams at once")
    query_subject_streams: int = Field(default=100, ge=1, le=100_000, description="streams of one subject at once")
    query_stream_bytes: int = Field(
        default=4_194_304,
        ge=65_536,
        description="what waits for streams that read slowly; beyond it they are cut off, and go on from there",
    )
    query_cors_origins: str | None = Field(
        default=None, description="origins whose pages may ask, between commas: https://console.example; * is any"
    )
    query_page_bytes: int = Field(
        default=4_194_304, ge=65_536, description="a page of a list ends early where it comes to more"
    )
    metrics_interval_seconds: Seconds = Field(default=5, description="time between looks at the database for /metrics")
    metrics_timeout_seconds: Seconds = Field(default=60, description="longest such look")
    metrics_top_workflows: int = Field(default=20, ge=0, le=1000, description="workflows named there, the rest `other`")
    log_level: Level = Field(default="info", description="least level logged")

    @property
    def topics(self) -> tuple[str, ...]:
        """Those that the recorder reads."""
        return consumed(self.events_topic, self.topic_tenants, self.topic_adapters)

    @property
    def cors_origins(self) -> tuple[str, ...]:
        """Those whose pages may ask."""
        return tuple(origin.strip() for origin in (self.query_cors_origins or "").split(",") if origin.strip())

    @property
    def serves_metrics(self) -> bool:
        """Whether /metrics is on the API's port: it says more of all tenants than a stranger should know."""
        return self.query_metrics_port is None and is_loopback(self.query_host)

    @field_validator("postgres_dsn", "query_replica_dsn")
    @classmethod
    def _is_postgres(cls, dsn: SecretStr | None) -> SecretStr | None:
        if dsn is not None and not dsn.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("should begin with postgresql://")
        return dsn

    @field_validator("jwt_secret")
    @classmethod
    def _is_long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value().encode()) < _MIN_SECRET_BYTES:
            raise ValueError(f"should have at least {_MIN_SECRET_BYTES} bytes")
        return secret

    @field_validator("query_cors_origins")
    @classmethod
    def _are_origins(cls, origins: str | None) -> str | None:
        for origin in filter(None, map(str.strip, (origins or "").split(","))):
            parts = urlsplit(origin)
            if origin != "*" and (
                parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin
            ):
                raise ValueError(f"should be origins as https://console.example, without a path; {origin!r} is none")
        return origins

    @field_validator("jwt_claims")
    @classmethod
    def _names_claims(cls, names: str | None) -> str | None:
        ClaimNames.read(names or "")
        return names

    @field_validator("jwks_url", "oidc_issuer")
    @classmethod
    def _is_web_address(cls, url: str | None) -> str | None:
        if url is not None and not (urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname):
            raise ValueError("should be an http or https address")
        return url

    @model_validator(mode="after")
    def _somebody_is_vouched_for(self) -> Self:
        if self.jwt_secret and self.jwks_url:
            raise ValueError(
                "EXECLEDGER_JWKS_URL: should not be set beside EXECLEDGER_JWT_SECRET, tokens have one or the other"
            )
        if (self.oidc_issuer is None) != (self.oidc_client_id is None):
            raise ValueError(
                "EXECLEDGER_OIDC_ISSUER: should be set beside EXECLEDGER_OIDC_CLIENT_ID, or neither of them"
            )
        if self.insecure_anonymous and not is_loopback(self.query_host):
            raise ValueError(
                "EXECLEDGER_INSECURE_ANONYMOUS: should be set only when EXECLEDGER_QUERY_HOST is a loopback address, "
                f"as 127.0.0.1 is; it is {self.query_host!r}"
            )
        if not (self.jwt_secret or self.jwks_url or self.insecure_anonymous):
            raise PydanticCustomError(
                "missing",
                "EXECLEDGER_JWT_SECRET: should be set, or EXECLEDGER_JWKS_URL, so that tokens can be checked "
                "(EXECLEDGER_INSECURE_ANONYMOUS=1 on a loopback host serves without)",
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
