"""docs/changing.md lists the files that a change touches: an example of each kind is looked up in the code."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
WRITTEN_BY_A_PROGRAM: Final = ROOT / "contracts" / "execledger_client" / "models.py"
PAGE: Final = (ROOT / "docs" / "changing.md").read_text(encoding="utf-8")
# What names the example of each kind, and how many files it may take.
EXAMPLES: Final = {
    "A status word": (r"(?<!Outcome\.)SKIPPED|['\"]skipped['\"]|step\.skipped", 11),
    "An event type with a table": (r"ToolCall|tool\.called|tool_calls\b|_tool_call", 24),
    "A column in the API": (r"\bcomplexity_score\b", 14),
    "A derived table": (r"execution_labels|LabelRow|_label_rows", 7),
}


def sources() -> list[Path]:
    """The Python and SQL that somebody writes, without tests."""
    folders = [ROOT / "contracts", ROOT / "services"]
    files = [file for folder in folders for suffix in ("py", "sql") for file in folder.rglob(f"*.{suffix}")]
    return [file for file in files if file != WRITTEN_BY_A_PROGRAM]


def listed(kind: str) -> list[str]:
    """The files of one table of the page."""
    section = PAGE.split(f"\n## {kind}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| (\S+/\S+) \|", section, re.MULTILINE)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_page_lists_the_files_that_name_the_example(kind: str) -> None:
    pattern, most = EXAMPLES[kind]
    found = [file for file in sources() if re.search(pattern, file.read_text(encoding="utf-8"))]
    assert listed(kind) == sorted(str(file.relative_to(ROOT)) for file in found)
    assert len(found) <= most


def test_every_kind_of_the_page_is_looked_up() -> None:
    assert re.findall(r"^## (.+)$", PAGE, re.MULTILINE) == list(EXAMPLES)
