"""`execledger up`."""

from typing import Annotated

from cyclopts import Parameter

from execledger.commands.options import DEFAULT_DATA, Data


def up(*, data: Data = DEFAULT_DATA, docker: Annotated[bool, Parameter(negative=())] = False) -> None:
    """Start a local Kafka and Postgres in the background, migrated, topics made; safe to repeat.

    Prints the settings to export: eval "$(execledger up)". Servers that EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS
    or EXECLEDGER_POSTGRES_DSN name are used and not started.

    Read as well: EXECLEDGER_EVENTS_TOPIC, EXECLEDGER_TOPIC_TENANTS, EXECLEDGER_TOPIC_ADAPTERS,
    EXECLEDGER_DEAD_LETTER_TOPIC, EXECLEDGER_CONTROL_TOPIC, EXECLEDGER_EVENTS_PARTITIONS and
    EXECLEDGER_MAX_MESSAGE_BYTES, for topics that are missing; EXECLEDGER_JWT_SECRET, which is printed, or
    EXECLEDGER_JWKS_URL; EXECLEDGER_MAVEN_REPOSITORY, where Kafka's files come from. A file that
    EXECLEDGER_POSTGRES_DSN_FILE or EXECLEDGER_JWT_SECRET_FILE names may hold a secret; it is not printed then. The
    command token reads EXECLEDGER_JWT_AUDIENCE, EXECLEDGER_JWT_ISSUER and EXECLEDGER_JWT_CLAIMS, and doctor
    EXECLEDGER_CONSUMER_GROUP.

    Parameters
    ----------
    docker
        Run the official images with Docker, instead of the servers that come with the Python packages.
    """
    import os
    import shlex
    import sys

    from execledger import stack
    from execledger.stack.say import standard_error

    endpoints = stack.up(data, docker=docker, console=standard_error())
    exports = {
        "EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS": endpoints.bootstrap_servers,
        "EXECLEDGER_POSTGRES_DSN": endpoints.postgres_dsn,
    }
    if not os.environ.get("EXECLEDGER_JWKS_URL"):  # tokens are checked with one or the other
        exports["EXECLEDGER_JWT_SECRET"] = endpoints.jwt_secret
    wanted = {name: value for name, value in exports.items() if not os.environ.get(f"{name}_FILE")}
    sys.stdout.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in wanted.items())
