"""The statements of the service, a file each; the first line of each says what it is for."""

from functools import cache
from importlib import resources
from typing import Final

from execledger_lifecycle.record import EXECUTION_COLUMNS, STEP_COLUMNS

_COLUMNS: Final = {"executions": EXECUTION_COLUMNS, "steps": STEP_COLUMNS}


@cache
def statement(name: str) -> str:
    """The statement of that file; the columns of a record, which are declared elsewhere, go where a comment is."""
    shown = [column for column, said in _COLUMNS.get(name, {}).items() if not said.is_internal]
    text = (resources.files(__package__) / f"{name}.sql").read_text(encoding="utf-8")
    return text.replace("/* columns */", ", ".join(shown))


def names() -> list[str]:
    """Every statement there is."""
    files = (entry.name for entry in resources.files(__package__).iterdir())
    return sorted(name.removesuffix(".sql") for name in files if name.endswith(".sql"))
