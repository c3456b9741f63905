"""A new event is a type error: classes planted in a copy of the contract, and where mypy then complains."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ("contracts", "services/recorder", "services/query", "services/command")
_ERROR: Final = re.compile(r"^(\S+?):(\d+): error: (.*)$", re.MULTILINE)
# Packages that know nothing of events: to read them takes mypy longer than to check us.
_PASSED_OVER: Final = """
[[tool.mypy.overrides]]
module = ["asyncpg.*", "cryptography.*", "cyclopts.*", "fastapi.*", "faststream.*", "httpx2.*", "jwt.*", "rich.*"]
follow_imports = "skip"
follow_imports_for_stubs = true
"""
_TRAITS: Final = (
    "traits: ClassVar = Traits(18, ends=None, raises_attempt=True, is_sign_of_life=True, shows_running=True)"
)

# By the name of a class: its base, its body, and the union that it joins. One of each kind, and one without traits.
PLANTED: Final[dict[str, tuple[str, list[str], str]]] = {
    "ExecutionMoved": ("_ExecutionEvent", [_TRAITS, "data: ProgressData"], "ExecutionEvent"),
    "StepProgressed": ("_StepEvent", [_TRAITS, "data: StepData"], "StepEvent"),
    "AgentCalled": ("_Fact", [_TRAITS, "data: ToolCallData"], "Fact"),
    "NoteTaken": ("CloudEvent", [_TRAITS, 'kind: ClassVar[Literal["note"]] = "note"', "data: StartData"], "TableEvent"),
    "Unsaid": ("CloudEvent", ["data: StartData"], "TableEvent"),
}


def test_a_new_event_is_an_error_wherever_something_must_be_decided_about_it(tmp_path: Path) -> None:
    found = _complaints(tmp_path)
    places = {name: {place for place, message in found if _is_about(name, message)} for name in PLANTED}
    assert places == {
        "ExecutionMoved": {"execledger_lifecycle.folding._take_execution_event"},
        "StepProgressed": {"execledger_lifecycle.steps.take_step_event"},
        "AgentCalled": {"execledger_lifecycle.folding._take_fact", "rules.tables._table_of"},
        "NoteTaken": {
            "execledger_lifecycle.folding.fold",
            "execledger_lifecycle.judging.Judge._verdict",
            "execledger_lifecycle.explaining._status_of",
            "execledger_lifecycle.order.attempt_of",
        },
        "Unsaid": {
            "execledger_lifecycle.order.enter",
            "execledger_lifecycle.order.is_sign_of_life",
            "execledger_lifecycle.order.raises_attempt",
            "execledger_lifecycle.folding.fold",
            "execledger_lifecycle.explaining._is_refused",
            "execledger_lifecycle.order.ends_execution",
        },
    }


def _is_about(name: str, message: str) -> bool:
    """Whether a message names this class, and no union that holds it; of a new kind it names the kind."""
    if name == "Unsaid":
        return '"Unsaid"' in message and 'no attribute "traits"' in message
    return any(f'"{said}"' in message for said in (name, f"type[{name}]")) or (
        name == "NoteTaken" and "Literal['note']" in message
    )


def _complaints(folder: Path) -> list[tuple[str, str]]:
    """What mypy says to a copy of the sources with the classes in it: place, message."""
    for source in SOURCES:
        shutil.copytree(ROOT / source, folder / source, ignore=shutil.ignore_patterns("__pycache__"))
    settings = (ROOT / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(settings + _PASSED_OVER)
    events = folder / "contracts/execledger_contracts/models.py"
    events.write_text(_with(events.read_text()))
    done = subprocess.run(  # noqa: S603  # mypy
        [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir", os.devnull, *SOURCES],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return [(_place(folder, file, int(line)), message) for file, line, message in _ERROR.findall(done.stdout)]


def _with(text: str) -> str:
    classes = "".join(
        "\n    ".join([f"class {name}({base}):", f'canonical: ClassVar = "new.{name.lower()}"', *body]) + "\n\n\n"
        for name, (base, body, _) in PLANTED.items()
    )
    text = text.replace("Beginning = ", f"{classes}Beginning = ", 1)
    for name, (_, _, union) in PLANTED.items():
        text, found = re.subn(rf"^{union} = ", f"{union} = {name} | ", text, flags=re.MULTILINE)
        assert found == 1
    return text


def _place(folder: Path, file: str, line: int) -> str:
    """The function or method that holds a line, by its dotted name."""
    path = folder / file
    names = [".".join(Path(file).with_suffix("").parts[-2:])]
    body = ast.parse(path.read_text()).body
    while body:
        around = [
            node
            for node in body
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.lineno <= line <= (node.end_lineno or node.lineno)
        ]
        names += [node.name for node in around]
        body = around[0].body if around else []
    return ".".join(names)
