"""Apache Kafka's files: fetched from a Maven repository once, checked always, shared by all stacks.

`kafka.jars` pins every file by SHA-256, so nothing is resolved at run time (that took 15 s) and a cut-off
or tampered file is found. After a change of version: `python -m execledger.stack.pin > kafka.jars`.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from execledger.errors import UserError

if TYPE_CHECKING:
    from jgo.maven import MavenContext

KAFKA_VERSION = "4.1.1"
KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
# Kafka's server has no dependency on it, and is silent without: the version is that of its log4j-core.
LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"
AT_ONCE = 8
TRIES = 3
TIMEOUT = 15  # seconds without an answer, of each request


@dataclass(frozen=True, slots=True)
class Jar:
    """One file, by its Maven coordinates and its content."""

    coordinates: str
    size: int
    sha256: str

    def lies_in(self, cache: Path) -> bool:
        """Whether the cache holds this file, whole and unchanged."""
        try:
            content = self.path(cache).read_bytes()
        except FileNotFoundError:
            return False
        return len(content) == self.size and hashlib.sha256(content).hexdigest() == self.sha256

    def path(self, cache: Path) -> Path:
        """Where the file lies in a cache, in the layout of a Maven repository."""
        group, artifact, version = self.coordinates.split(":")
        return cache.joinpath(*group.split("."), artifact, version, f"{artifact}-{version}.jar")


def kafka_jars(repository: str | None, console: Console) -> list[Path]:
    """The files on Kafka's class path; fetches those that the cache lacks."""
    cache, jars = cache_directory(), pinned()
    try:
        with _locked(cache, lambda: console.print("Waiting for another command that is fetching Kafka …")):
            missing = [jar for jar in jars if not jar.lies_in(cache)]
            if missing:
                _fetch(missing, cache, repository or _mirror_of_central(_maven_settings()), console)
    except PermissionError as error:
        raise UserError(
            f"Cannot keep Kafka's files in {cache} ({error.strerror}): "
            "set XDG_CACHE_HOME to a directory that you may write to."
        ) from None
    return [jar.path(cache) for jar in jars]


def pinned() -> list[Jar]:
    """The files that make up Kafka."""
    lines = files(__package__).joinpath("kafka.jars").read_text(encoding="utf-8").splitlines()
    rows = (line.split() for line in lines if not line.startswith("#"))
    return [Jar(coordinates, int(size), sha256) for sha256, size, coordinates in rows]


def cache_directory() -> Path:
    """Where the files are kept: one place for all stacks of a user."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "execledger" / "maven"


@contextmanager
def _locked(cache: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(jars: list[Jar], cache: Path, repository: str | None, console: Console) -> None:
    total = sum(jar.size for jar in jars)
    console.print(f"Fetching Apache Kafka {KAFKA_VERSION}: {len(jars)} files, {total / 1e6:.0f} MB, once.")
    with _progress(console) as progress:
        task = progress.add_task("Kafka", total=total)
        context = maven_context(cache, repository, lambda count: progress.advance(task, count))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            fetches = [pool.submit(_fetch_one, jar, context) for jar in jars]
            try:
                wait(fetches, return_when=FIRST_EXCEPTION)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
    for fetch in fetches:
        if not fetch.cancelled():
            fetch.result()


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def maven_context(cache: Path, repository: str | None, advance: Callable[[int], object]) -> "MavenContext":
    """A Maven repository as jgo sees it (none named: Maven Central); `advance` hears of bytes that arrive."""
    from jgo.maven import MavenContext, PythonResolver

    @contextmanager
    def bytes_arrive(_filename: str, _size: int) -> Iterator[Callable[[int], None]]:
        def arrived(count: int) -> None:
            advance(count)

        yield arrived

    return MavenContext(
        repo_cache=cache,
        remote_repos={"configured": repository.rstrip("/")} if repository else None,
        resolver=PythonResolver(progress_callback=bytes_arrive),
        timeout=TIMEOUT,
    )


def _fetch_one(jar: Jar, context: "MavenContext") -> None:
    import requests

    fault = ""
    for attempt in range(TRIES):
        time.sleep(attempt / 2)
        jar.path(context.repo_cache).unlink(missing_ok=True)  # jgo takes a part of a file for the file
        try:
            context.create_dependency(jar.coordinates).artifact.resolve()
        except requests.RequestException as error:
            fault = f"{type(error).__name__} at {_repository_name(context)}"
            continue
        except RuntimeError:
            raise UserError(f"{jar.coordinates} is not in {_repository_name(context)}. {_ADVICE}") from None
        if jar.lies_in(context.repo_cache):
            return
        fault = "what arrived is not the file that was asked for (SHA-256)"
    raise UserError(f"Cannot fetch {jar.coordinates}: {fault}. {_ADVICE}")


_ADVICE = (
    "Check the network and the proxy (HTTPS_PROXY), or name a mirror in EXECLEDGER_MAVEN_REPOSITORY "
    "or ~/.m2/settings.xml."
)


def _repository_name(context: "MavenContext") -> str:
    """The repository as one may show it: without a password."""
    address = urlsplit(next(iter(context.remote_repos.values())))
    return f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"


def _maven_settings() -> Path:
    return Path.home() / ".m2" / "settings.xml"


def _mirror_of_central(settings: Path) -> str | None:
    """The mirror that the user's Maven settings name for Maven Central: jgo does not read them."""
    try:
        root = ET.fromstring(settings.read_bytes())  # noqa: S314 - the user's own file
    except (OSError, ET.ParseError):
        return None
    for mirror in root.iter():
        if _local_name(mirror) == "mirror":
            said = {_local_name(child): (child.text or "").strip() for child in mirror}
            if {"*", "central", "external:*"} & set(said.get("mirrorOf", "").split(",")):
                return said.get("url") or None
    return None


def _local_name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
