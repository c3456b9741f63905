"""A new event is a type error: classes planted in a copy of the contract, and where mypy then complains."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ("contracts", "services/recorder", "services/query", "services/command")
_ERROR: Final = re.compile(r"^(\S+?):(\d+): error: (.*)$", re.MULTILINE)
_TRAITS: Final = (
    "traits: ClassVar = Traits(18, ends=None, raises_attempt=True, is_sign_of_life=True, shows_running=True)"
)

Planted = dict[str, tuple[str, list[str], str]]
"""By the name of a class: its base, its body, and the union that it joins."""
OF_A_KIND: Final[Planted] = {
    "ExecutionMoved": ("_ExecutionEvent", [_TRAITS, "data: ProgressData"], "ExecutionEvent"),
    "StepProgressed": ("_StepEvent", [_TRAITS, "data: StepData"], "StepEvent"),
    "AgentCalled": ("_Fact", [_TRAITS, "data: ToolCallData"], "Fact"),
    "NoteTaken": ("CloudEvent", [_TRAITS, 'kind: ClassVar[Literal["note"]] = "note"', "data: StartData"], "TableEvent"),
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Of each planted class the functions in which mypy names it."""
    found = _complaints(tmp_path_factory.mktemp("kinds"), OF_A_KIND, SOURCES)
    return {name: {place for place, message in found if _is_about(name, message)} for name in OF_A_KIND}


def _is_about(name: str, message: str) -> bool:
    """Whether a message names this class, and no union that holds it; of a new kind it names the kind."""
    return any(f'"{said}"' in message for said in (name, f"type[{name}]")) or (
        name == "NoteTaken" and "Literal['note']" in message
    )


def test_a_new_event_of_the_execution_is_an_error_where_its_effect_is_decided(complaints: dict[str, set[str]]) -> None:
    assert complaints["ExecutionMoved"] == {"execledger_lifecycle.folding._take_execution_event"}


def test_a_new_event_of_a_step_is_an_error_where_its_effect_is_decided(complaints: dict[str, set[str]]) -> None:
    assert complaints["StepProgressed"] == {"execledger_lifecycle.folding._take_step_event"}


def test_a_new_fact_is_an_error_where_its_effect_is_decided(complaints: dict[str, set[str]]) -> None:
    assert complaints["AgentCalled"] == {"execledger_lifecycle.folding._take_fact", "rules.tables._table_of"}


def test_an_event_of_a_new_kind_is_an_error_wherever_kinds_differ(complaints: dict[str, set[str]]) -> None:
    assert complaints["NoteTaken"] == {
        "execledger_lifecycle.folding.fold",
        "execledger_lifecycle.judging.Judge._verdict",
        "execledger_lifecycle.explaining._status_of",
    }


def test_an_event_without_traits_is_an_error_wherever_they_are_asked_for(tmp_path: Path) -> None:
    found = _complaints(tmp_path, {"Unsaid": ("CloudEvent", ["data: StartData"], "TableEvent")}, ["contracts"])
    assert {place for place, message in found if '"Unsaid"' in message and 'no attribute "traits"' in message} == {
        "execledger_lifecycle.order.enter",
        "execledger_lifecycle.order.is_sign_of_life",
        "execledger_lifecycle.judging.Judge._verdict",
        "execledger_lifecycle.folding.fold",
        "execledger_lifecycle.explaining._is_refused",
        "execledger_lifecycle.order.ends_execution",
    }


def _complaints(folder: Path, planted: Planted, sources: Sequence[str]) -> list[tuple[str, str]]:
    """What mypy says to a copy of these sources with the classes in it: place, message."""
    for source in sources:
        shutil.copytree(ROOT / source, folder / source, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    events = folder / "contracts/execledger_contracts/models.py"
    events.write_text(_with(events.read_text(), planted))
    done = subprocess.run(  # noqa: S603  # mypy
        [sys.executable, "-m", "mypy", "--no-error-summary", *sources],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return [(_place(folder, file, int(line)), message) for file, line, message in _ERROR.findall(done.stdout)]


def _with(text: str, planted: Planted) -> str:
    classes = "".join(
        "\n    ".join([f"class {name}({base}):", f'type: Literal["new.{name.lower()}"]', *body]) + "\n\n\n"
        for name, (base, body, _) in planted.items()
    )
    text = text.replace("Beginning = ", f"{classes}Beginning = ", 1)
    for name, (_, _, union) in planted.items():
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
