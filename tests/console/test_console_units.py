"""The modules of the console that need no browser, tested by Deno."""

import os
import subprocess
from pathlib import Path

import deno

ROOT = Path(__file__).parents[2]


def test_the_modules_keep_what_they_promise() -> None:
    said = subprocess.run(  # noqa: S603  # our own tests
        [deno.find_deno_bin(), "test", "--quiet", "tests/console/unit"],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1", "TZ": "Europe/Berlin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
