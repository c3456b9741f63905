"""How to reach Kafka."""

import re
import ssl
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, FilePath, Secret, field_validator

from execledger_runtime.settings import EnvironmentSettings

_BROKER: Final = re.compile(r"\s*(?:\[[\w:.%]+\]|[^\s,:\[\]/]+):([0-9]{1,5})\s*")


def _addresses(servers: str) -> str:
    brokers = [_BROKER.fullmatch(server) for server in servers.split(",")]
    if not all(broker and 0 < int(broker[1]) < 65536 for broker in brokers):
        raise ValueError("should be HOST:PORT, several with commas, an IPv6 address in brackets")
    return servers


Brokers = Annotated[str, AfterValidator(_addresses)]
"""Addresses of brokers, as HOST:PORT with commas."""


class KafkaSettings(EnvironmentSettings):
    """Where the brokers are, and how to speak to them."""

    kafka_bootstrap_servers: Brokers = Field(description="Kafka brokers as HOST:PORT, comma-separated")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to speak to the brokers"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="how to log in to the brokers"
    )
    kafka_sasl_username: str | None = Field(None, description="user for SASL")
    kafka_sasl_password: Secret[str] | None = Field(None, description="password for SASL")
    kafka_ssl_cafile: FilePath | None = Field(None, description="file of the certificate authority for TLS")

    @field_validator("kafka_ssl_cafile", mode="after")
    @classmethod
    def _holds_a_certificate(cls, file: Path | None) -> Path | None:
        if file is not None:
            try:
                ssl.create_default_context(cafile=file)
            except OSError as error:
                raise ValueError(f"no certificate can be read from it: {error.strerror or error}") from None
        return file

    @property
    def kafka_options(self) -> dict[str, Any]:
        """The same as aiokafka's keyword arguments."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.kafka_bootstrap_servers,
            "security_protocol": self.kafka_security_protocol,
        }
        if self.kafka_security_protocol.endswith("SSL"):
            options["ssl_context"] = ssl.create_default_context(cafile=self.kafka_ssl_cafile)
        if self.kafka_security_protocol.startswith("SASL"):
            password = self.kafka_sasl_password
            options |= {
                "sasl_mechanism": self.kafka_sasl_mechanism,
                "sasl_plain_username": self.kafka_sasl_username or "",
                "sasl_plain_password": "" if password is None else password.get_secret_value(),
            }
        return options
