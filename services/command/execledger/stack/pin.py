"""Resolve Kafka anew and write the lines of `kafka.jars`: `python -m execledger.stack.pin > kafka.jars`."""

import hashlib
import sys
from collections.abc import Iterator

from execledger.stack.jars import KAFKA, KAFKA_VERSION, LOG_BINDING, cache_directory, maven_context


def lines() -> Iterator[str]:
    """The file's lines: what jgo finds that Kafka depends on, and the log binding."""
    context = maven_context(cache_directory(), None, lambda _count: None)
    # By itself: jgo imports the BOM of everything that is resolved together, and log4j's changes versions.
    inputs, resolved = context.resolver.resolve([context.create_dependency(KAFKA)])
    artifacts = [dependency.artifact for dependency in inputs + resolved]
    artifacts.append(context.create_dependency(LOG_BINDING).artifact)
    yield f"# The files of Apache Kafka {KAFKA_VERSION} and of a log4j binding: SHA-256, size, coordinates.\n"
    yield "# Made by `python -m execledger.stack.pin`.\n"
    for artifact in sorted(artifacts, key=str):
        content = artifact.resolve().read_bytes()
        coordinates = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
        yield f"{hashlib.sha256(content).hexdigest()} {len(content)} {coordinates}\n"


if __name__ == "__main__":
    sys.stdout.writelines(lines())
