"""make attack: one bad neighbour after the other, on running services, within five minutes; then the verdict.

Meanwhile another producer publishes, and both services are asked whether they live: what it costs those is what counts.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Final

import httpx2

from attack.attacks import ATTACKS, Attack
from attack.site import site, watching
from running import peak_mib

_RECORDED_WITHIN: Final = 10.0  # seconds, of events of others
_HEALTHY_WITHIN: Final = 1.0
_RECORDER_MIB: Final = 600
_QUERY_MIB: Final = 400


async def attack(folder: Path, words: Sequence[str], say: Callable[[str], None]) -> list[str]:
    """Everything that cost too much, in words; nothing when all is well."""
    async with site(folder) as attacked:
        wrong: list[str] = []
        async with watching(attacked) as watch:
            for each, before in chosen(words):
                began = monotonic()
                say(f"\n{each.__doc__}\n  before  {before}")
                try:
                    say(f"  now     {await each(attacked)}")
                except (AssertionError, OSError, httpx2.HTTPError) as error:
                    wrong.append(f"{each.__doc__}: {error!r}")
                await asyncio.sleep(1)  # for the neighbour's last event
                late, slow = watch.take()
                took = monotonic() - began
                say(f"  others  recorded within {late:.1f} s, /healthz within {slow:.2f} s; {took:.0f} s in all")
                if late > _RECORDED_WITHIN or slow > _HEALTHY_WITHIN:
                    wrong.append(f"{each.__doc__}: others waited {late:.1f} s, /healthz took {slow:.2f} s")
            wrong += watch.unhealthy
        recorder, query = peak_mib(attacked.recorder), peak_mib(attacked.query)
        say(f"\npeak memory: recorder {recorder:.0f} MiB, query service {query:.0f} MiB")
        if not recorder <= _RECORDER_MIB or not query <= _QUERY_MIB:
            wrong.append(f"more memory than {_RECORDER_MIB} and {_QUERY_MIB} MiB")
        [row] = await attacked.rows("SELECT sum(dead_lettered) AS n FROM execledger.ledger")
        say(f"{row['n']} dead letters; both services still run")
        return wrong


def chosen(words: Sequence[str]) -> list[tuple[Attack, str]]:
    """The attacks whose names hold one of these words; all of them when there are none."""
    return [(each, before) for each, before in ATTACKS if not words or any(word in each.__name__ for word in words)]


def main() -> int:
    """Exit status 1 when any of them cost others too much."""
    parser = argparse.ArgumentParser(prog="make attack", description=__doc__)
    names = ", ".join(each.__name__ for each, _ in ATTACKS)
    parser.add_argument("words", nargs="*", help=f"only those whose names hold one of these words: {names}")
    words = parser.parse_args().words
    folder = Path(tempfile.mkdtemp(prefix="execledger-attack-"))
    print(f"the services' logs: {folder}")  # noqa: T201
    wrong = asyncio.run(attack(folder, words, lambda said: print(said, flush=True)))  # noqa: T201
    for fault in wrong:
        print(f"WRONG: {fault}")  # noqa: T201
    if not wrong:
        print("no neighbour paid for another")  # noqa: T201
        shutil.rmtree(folder)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
