"""README.md as a new user reads it: what it says to type works, in the order in which it says so."""

import os
import subprocess
import sys
import time
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from execledger.stack import processes

README = Path("README.md").read_text(encoding="utf-8")


def python_program() -> str:
    """The program under Publishing."""
    return README.split("```python\n")[1].split("```")[0]


def quick_start() -> list[str]:
    """The commands under `On one machine`; those that go over several lines as one."""
    text = README.split("On one machine")[1].split("\n\n    ", 1)[1].split("\n\n", 1)[0]
    commands: list[str] = []
    for line in text.splitlines():
        if line.startswith("        "):
            commands[-1] += "\n" + line
        else:
            commands.append(line.strip())
    return commands


def test_the_quick_start_works_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(python_program(), encoding="utf-8")
    port = processes.choose_port(None)
    script = ["set -eu", f"export EXECLEDGER_QUERY_PORT={port} EXECLEDGER_RECORDER_PORT={processes.choose_port(None)}"]
    for command in quick_start():
        command = command.replace("8080", str(port))
        if command.startswith("curl"):
            command = _until_it_says(command, "run-1", port)
        script.append(f"echo '>>>' {command.split()[0]} >&2\n{command}")
    script.append("echo all of it")
    done = _run("\n".join(script), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 sent, 0 refused" in done.stdout
    assert '"external_id":"run-1"' in done.stdout.replace(" ", "")
    assert done.stdout.endswith("all of it\n")


def test_the_published_program_is_the_one_that_docs_and_package_show() -> None:
    compile(python_program(), "first.py", "exec")
    import execledger_publisher

    for line in python_program().splitlines():
        if "publisher.execution(" in line or "execution.step(" in line:
            assert line.strip() in (execledger_publisher.__doc__ or "")


@pytest.mark.parametrize("command", [[], ["--help"], ["recorder"], ["up"]])
def test_the_command_of_a_plain_installation_says_what_to_install(command: list[str], tmp_path: Path) -> None:
    """What only the extras bring is hidden: the rest is all that `pip install .` installs."""
    program = f"""
import sys
hidden = {sorted(_modules_of_the_extras())}
class Hiding:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hiding())
sys.argv[1:] = {command}
from execledger.__main__ import main
main()
"""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "pip install 'execledger[services]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def _modules_of_the_extras() -> set[str]:
    wanted = [Requirement(line) for line in requires("execledger") or ()]
    base = {each.name.lower() for each in wanted if each.marker is None}
    extra = {each.name.lower().replace("_", "-") for each in wanted if each.marker is not None} - base
    return {
        module
        for module, distributions in packages_distributions().items()
        if any(name.lower().replace("_", "-") in extra for name in distributions)
    }


def _until_it_says(command: str, word: str, port: int) -> str:
    """Type it again until the recorder has got there, as a person would."""
    return (
        f'for _ in $(seq 120); do answer=$({command} 2>/dev/null || true); case "$answer" in *{word}*) break;; esac; '
        'sleep 0.5; done; echo "$answer"'
    )


def _run(script: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """In a shell of its own, with everything that it leaves in the background ended."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EXECLEDGER_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    ending = "trap 'kill $(jobs -p) 2>/dev/null; wait; execledger down >/dev/null 2>&1' EXIT\n"
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - what the README says
        ["bash", "-c", ending + script],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
        env=environment,
        timeout=300,
    )
    assert time.monotonic() - began < 300
    return done
