"""The settings of the service, from the environment; a wrong one is named in one line, its value never shown."""

import ipaddress
from difflib import get_close_matches
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from execledger_query.errors import SettingsError

PREFIX = "EXECLEDGER_"
_MIN_SECRET_BYTES = 32  # RFC 7518, 3.2: as long as the hash of HS256

Seconds = Annotated[float, Field(ge=0.001, le=3600)]  # 0 would mean for ever to Postgres


class Settings(BaseSettings):
    """Each is read from EXECLEDGER_ and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    postgres_dsn: SecretStr = Field(description="database to read: postgresql://USER:PASSWORD@HOST:PORT/NAME")
    events_topic: str = Field(default="executions.events", min_length=1, description="topic that the recorder reads")
    query_host: str = Field(default="127.0.0.1", description="address to listen on")
    query_port: int = Field(default=8080, ge=0, le=65535, description="port to listen on, 0 for any free one")
    jwt_secret: SecretStr | None = Field(default=None, description="secret of HS256 tokens, 32 bytes or more")
    jwks_url: str | None = Field(default=None, description="where the public keys of RS256 and ES256 tokens are")
    jwt_audience: str | None = Field(default=None, description="`aud` that tokens must have, when set")
    jwt_issuer: str | None = Field(default=None, description="`iss` that tokens must have, when set")
    insecure_anonymous: bool = Field(default=False, description="serve without tokens; only on a loopback host")
    jwks_cache_seconds: Seconds = Field(default=300, description="how long fetched keys are used")
    query_pool_size: int = Field(default=10, ge=1, le=500, description="database connections at most")
    query_pool_timeout_seconds: Seconds = Field(default=5, description="wait for a free connection")
    query_connect_timeout_seconds: Seconds = Field(default=5, description="wait for the database to answer")
    query_statement_timeout_seconds: Seconds = Field(default=10, description="longest statement of a request")
    query_drain_seconds: int = Field(default=10, ge=0, le=3600, description="time for open requests when stopped")
    query_max_body_bytes: int = Field(default=64 * 1024, ge=0, description="largest request body")
    metrics_interval_seconds: Seconds = Field(default=5, description="time between looks at the database for /metrics")
    metrics_timeout_seconds: Seconds = Field(default=60, description="longest such look")
    metrics_top_workflows: int = Field(default=20, ge=0, le=1000, description="workflows named there, the rest `other`")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")

    @field_validator("postgres_dsn")
    @classmethod
    def _is_postgres(cls, dsn: SecretStr) -> SecretStr:
        if not dsn.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("should begin with postgresql://")
        return dsn

    @field_validator("jwt_secret")
    @classmethod
    def _is_long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value().encode()) < _MIN_SECRET_BYTES:
            raise ValueError(f"should have at least {_MIN_SECRET_BYTES} bytes")
        return secret

    @field_validator("jwks_url")
    @classmethod
    def _is_web_address(cls, url: str | None) -> str | None:
        if url is not None and not (urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname):
            raise ValueError("should be an http or https address")
        return url

    @model_validator(mode="after")
    def _somebody_is_vouched_for(self) -> Self:
        if self.jwt_secret and self.jwks_url:
            raise ValueError(
                f"{PREFIX}JWKS_URL: should not be set beside {PREFIX}JWT_SECRET, tokens have one or the other"
            )
        if self.insecure_anonymous and not is_loopback(self.query_host):
            raise ValueError(
                f"{PREFIX}INSECURE_ANONYMOUS: should be set only when {PREFIX}QUERY_HOST is a loopback address, "
                f"as 127.0.0.1 is; it is {self.query_host!r}"
            )
        if not (self.jwt_secret or self.jwks_url or self.insecure_anonymous):
            raise ValueError(
                f"{PREFIX}JWT_SECRET: should be set, or {PREFIX}JWKS_URL, so that tokens can be checked "
                f"({PREFIX}INSECURE_ANONYMOUS=1 on a loopback host serves without)"
            )
        return self


def load() -> Settings:
    """Read the settings; raises SettingsError with a line for each that is wrong."""
    try:
        return Settings()  # type: ignore[call-arg, unused-ignore]  # required ones come from the environment
    except ValidationError as error:
        raise SettingsError(_lines(error)) from None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def misspelt(names: list[str]) -> list[tuple[str, str]]:
    """Variables that look like one of ours but are none, each with the one that may be meant.

    >>> misspelt(["EXECLEDGER_QUERY_PROT", "EXECLEDGER_QUERY_PORT", "EXECLEDGER_CONTROL_TOPIC", "PATH"])
    [('EXECLEDGER_QUERY_PROT', 'EXECLEDGER_QUERY_PORT')]
    """
    ours = [variable(name) for name in Settings.model_fields]
    strange = [name for name in names if name.startswith(PREFIX) and name not in ours]
    guesses = [(name, get_close_matches(name, ours, 1, 0.9)) for name in strange]
    return [(name, guess[0]) for name, guess in guesses if guess]


def described() -> str:
    """Every setting with its default and meaning, for --help."""
    width = max(len(variable(name)) for name in Settings.model_fields)
    return "\n".join(
        f"  {variable(name):<{width}}  {field.description} [{_default(field.is_required(), field.default)}]"
        for name, field in Settings.model_fields.items()
    )


def variable(name: str) -> str:
    return PREFIX + name.upper()


def _default(required: bool, default: object) -> str:
    if required:
        return "required"
    return "not set" if default is None else f"default {int(default) if isinstance(default, bool) else default}"


def _lines(error: ValidationError) -> list[str]:
    """The values stay out: some are secrets."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return [_line(fault["loc"], fault["msg"].removeprefix("Value error, ")) for fault in faults]


def _line(location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return message
    name = str(location[0]).lower()
    described = Settings.model_fields[name].description if name in Settings.model_fields else ""
    return f"{variable(name)}: {message[:1].lower()}{message[1:]} ({described})"
