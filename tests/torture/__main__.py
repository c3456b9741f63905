"""make torture MINUTES=n: two recorders under load, and every part killed, paused and cut off; then the verdict.

The seed decides what is published and which trouble comes when; the same seed tries the same again.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from secrets import randbelow
from time import monotonic

from torture.load import publish
from torture.system import System, system
from torture.trouble import TROUBLES
from torture.verdict import verdict

_RATE = 500  # messages a second: more than two recorders on two cores take while everything keeps dying


async def torture(seconds: float, seed: int, folder: Path, say: Callable[[str], None]) -> list[str]:
    """Everything that was wrong afterwards, in words; nothing when all is well."""
    async with system(folder / "servers", folder) as tortured:
        async with asyncio.TaskGroup() as group:
            publishing = group.create_task(publish(tortured.endpoints.bootstrap_servers, seed, seconds, _RATE))
            troubling = group.create_task(_trouble(tortured, seed, seconds, say))
        taken, troubles = publishing.result(), troubling.result()
        say(f"{taken:,} messages, {sum(troubles.values())} troubles: {', '.join(_counted(troubles))}")
        say("all quiet; until everything is recorded ...")
        return await verdict(tortured, taken, folder)


async def _trouble(tortured: System, seed: int, seconds: float, say: Callable[[str], None]) -> Counter[str]:
    random = Random(seed)  # noqa: S311  # chance that repeats is the point
    done: Counter[str] = Counter()
    began = monotonic()
    while monotonic() - began < seconds:
        await asyncio.sleep(random.uniform(0.5, 4))
        untried = [each for each in TROUBLES if each.__name__ not in done]
        trouble = random.choice(untried or TROUBLES)
        say(f"{monotonic() - began:6.1f} s  {trouble.__name__.replace('_', ' ')}")
        await trouble(tortured, random)
        tortured.check()
        done[trouble.__name__] += 1
    return done


def _counted(troubles: Counter[str]) -> list[str]:
    return [f"{count} x {name.replace('_', ' ')}" for name, count in sorted(troubles.items())]


def main() -> int:
    """Exit status 1 when anything was lost, doubled or wrong."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long the load and the trouble last")
    parser.add_argument("--seed", type=int, default=randbelow(1_000_000), help="which load, which trouble")
    options = parser.parse_args()
    print(f"seed {options.seed}: to try the same again, make torture MINUTES={options.minutes:g} SEED={options.seed}")  # noqa: T201
    folder = Path(tempfile.mkdtemp(prefix="execledger-torture-"))
    print(f"the recorders' logs: {folder}")  # noqa: T201
    faults = asyncio.run(torture(options.minutes * 60, options.seed, folder, print))
    for fault in faults:
        print(f"WRONG: {fault}")  # noqa: T201
    if not faults:
        print("nothing lost, nothing doubled, nothing wrong")  # noqa: T201
        shutil.rmtree(folder)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
