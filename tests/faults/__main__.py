"""make faults: each fault planted in a copy of the project; the tests that it names must then fail, all of them.

Arguments choose faults by parts of their names. The servers are started once, for all.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from time import monotonic
from xml.etree import ElementTree as ET

from rich.console import Console

from execledger import stack
from execledger.stack.database import with_database
from faults.places import SOURCES
from faults.planted import Fault, faults

_AT_ONCE = 3
_SECONDS = 300
_PLUGINS = ("-p", "no:cacheprovider", "-p", "faults.unshrunk")
_PLANTING = Lock()  # CPython 3.11 raises SystemError now and then where two threads parse at once
console = Console(highlight=False, markup=False, soft_wrap=True)


def main() -> int:
    """Exit status 1 when a fault went unnoticed."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of names; all faults without")
    names = parser.parse_args().names
    chosen = [fault for fault in faults() if not names or any(name in fault.name for name in names)]
    with tempfile.TemporaryDirectory(prefix="execledger-faults-") as folder:
        data = Path(folder) / "servers"
        endpoints = stack.start(data)
        try:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                results = list(pool.map(lambda fault: _try(fault, Path(folder), endpoints), chosen))
        finally:
            stack.delete(data)
    console.print(f"{sum(results)} of {len(chosen)} faults were noticed")
    return 0 if chosen and all(results) else 1


def _try(fault: Fault, folder: Path, endpoints: stack.Endpoints) -> bool:
    """Whether every test that the fault names failed."""
    began = monotonic()
    copy = folder / fault.name
    try:
        with _PLANTING:
            fault.plant(copy)
        complaint = _complaint(fault, copy, endpoints)
    except ValueError as error:
        complaint = f"the fault does not fit any more: {error}"
    seconds = f"{monotonic() - began:5.1f} s"
    verdict = "noticed  " if complaint is None else "UNNOTICED"
    console.print(f"{seconds}  {verdict}  {fault.name}: {fault.promise}", style=None if complaint is None else "red")
    if complaint is not None:
        console.print(complaint)
    return complaint is None


def _complaint(fault: Fault, copy: Path, endpoints: stack.Endpoints) -> str | None:
    report = copy / "report.xml"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EXECLEDGER_")} | {
        "PYTHONPATH": os.pathsep.join(str(copy / source) for source in SOURCES),
        "EXECLEDGER_KAFKA_BOOTSTRAP_SERVERS": endpoints.bootstrap_servers,
        "EXECLEDGER_POSTGRES_DSN": with_database(endpoints.postgres_dsn, "postgres"),
    }
    try:
        done = subprocess.run(  # noqa: S603  # our own tests
            [sys.executable, "-m", "pytest", "-q", *_PLUGINS, f"--junitxml={report}", *fault.tests],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the tests hang: still running after {_SECONDS} s"
    suite = ET.parse(report).getroot().find("testsuite") if report.exists() else None  # noqa: S314  # ours
    if suite is None or suite.get("tests") == "0" or any(map(_is_of_setup, suite.iter("error"))):
        return f"the tests did not run:\n{done.stdout[-3000:]}{done.stderr[-1000:]}"
    passed = [case.get("name") for case in suite.iter("testcase") if not {"failure", "error"} & {e.tag for e in case}]
    return f"passed all the same: {', '.join(map(str, passed))}" if passed else None


def _is_of_setup(error: ET.Element) -> bool:
    """Whether a test could not begin; what a fixture finds wrong afterwards is a failure like any other."""
    return not error.get("message", "").startswith("failed on teardown")


if __name__ == "__main__":
    sys.exit(main())
