"""make bench: recorders beside a bare COPY of the same log rows, in pairs within one run, and what they take.

Servers of its own come up on the loopback interface and are deleted at the end, also after Ctrl-C. docs/performance.md
says what each figure means. Linux only: processor time is read from the kernel.
"""

import argparse
import asyncio
import json
import logging
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench.cases import NAMES, QUICK, Sizes
from bench.report import WIDTH, Report, as_json, lines
from bench.run import measure
from bench.site import Servers
from execledger import stack
from execledger.errors import UserError
from execledger.stack.database import with_database
from execledger.stack.postgres import DATABASE

_NAMED_SERVERS = ("EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS", "EXECLEDGER_POSTGRES_DSN")
_TUNING = re.compile(r"EXECLEDGER_\w+_(SIZE|MS|SECONDS|BYTES|EXECUTIONS|LIMIT|SHARE)")
_STDOUT = "-"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 130 when interrupted. Slow figures are no failure."""
    options = _parser().parse_args(arguments)
    if not Path("/proc/self/stat").exists():
        print("bench: processor time is read from /proc, which is not here", file=sys.stderr)  # noqa: T201
        return 2
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        with servers_of_its_own(console, options.partitions) as servers:
            report = asyncio.run(
                measure(servers, _sizes(options), _cases(options), grown=options.grown, say=console.print)
            )
    except UserError as error:
        print(f"bench: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    _show(report, options.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", action="append", choices=NAMES, help="one of them, instead of mix; may be repeated")
    parser.add_argument("--all", action="store_true", help="all cases")
    parser.add_argument("--grown", action="store_true", help="also with 2 and 10 million events stored: minutes, 20 GB")
    parser.add_argument("--quick", action="store_true", help="a tenth of the events in one round: a look, no figures")
    parser.add_argument("--events", type=_positive, help="of the mix; 130,000")
    parser.add_argument("--rounds", type=_positive, help="of each case; 3 of the mix, 1 of the others")
    parser.add_argument("--partitions", type=_positive, default=4, help="of the events topic; 4")
    parser.add_argument("--json", metavar="FILE", help="write everything there; - for standard output")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _sizes(options: argparse.Namespace) -> Sizes:
    sizes = QUICK if options.quick else Sizes()
    if options.events:
        sizes = replace(sizes, events=options.events)
    if options.rounds:
        sizes = replace(sizes, rounds=options.rounds, case_rounds=options.rounds)
    return sizes


def _cases(options: argparse.Namespace) -> tuple[str, ...]:
    if options.all:
        return NAMES
    return tuple(options.case or (() if options.grown else ("mix",)))


@contextmanager
def servers_of_its_own(console: Console, partitions: int) -> Iterator[Servers]:
    """Servers of this run, whatever the environment names; recorders are told what it says of their sizes and times."""
    for name in _NAMED_SERVERS:
        os.environ.pop(name, None)
    told = {name: value for name, value in sorted(os.environ.items()) if _TUNING.fullmatch(name)}
    with tempfile.TemporaryDirectory(prefix="execledger-bench-") as folder:
        data = Path(folder) / "data"
        try:
            endpoints = stack.up(data, console=console)
            dsn = with_database(endpoints.postgres_dsn, "postgres")
            yield Servers(endpoints.bootstrap_servers, dsn, DATABASE, Path(folder), partitions, told)
        finally:
            stack.delete(data)


def _show(report: Report, file: str | None) -> None:
    text = json.dumps(as_json(report), indent=2) + "\n"
    if file == _STDOUT:
        sys.stdout.write(text)
    elif file is not None:
        Path(file).write_text(text, encoding="utf-8")
    console = Console(stderr=file == _STDOUT, highlight=False, markup=False, soft_wrap=True, width=WIDTH)
    for line in lines(report):
        console.print(line)


if __name__ == "__main__":
    sys.exit(main())
