"""The tables in README.md and docs/operations.md say what the code says."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client import Metric

from execledger.application import app
from execledger.commands.up import up
from execledger.stack.settings import StackSettings
from execledger_query.settings import Settings as QuerySettings
from execledger_recorder.settings import Settings as RecorderSettings
from execledger_runtime.settings import EnvironmentSettings
from served_metrics import query_metrics, recorder_metrics

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("heading", "settings"),
    [
        ("Settings of the recorder", RecorderSettings),
        ("Settings of the query service", QuerySettings),
        ("Settings of the command", StackSettings),
    ],
)
def test_every_setting_is_documented_with_its_default(heading: str, settings: type[EnvironmentSettings]) -> None:
    documented = {row[:2] for row in _table(OPERATIONS, heading)}
    assert documented == {_setting(name, settings) for name in settings.model_fields}


@pytest.mark.parametrize(
    ("heading", "settings"),
    [
        ("Settings of the recorder", RecorderSettings),
        ("Settings of the query service", QuerySettings),
        ("Settings of the command", StackSettings),
    ],
)
def test_settings_are_described_as_help_describes_them(heading: str, settings: type[EnvironmentSettings]) -> None:
    descriptions = {f"`EXECLEDGER_{name.upper()}`": field.description for name, field in settings.model_fields.items()}
    assert {row[0]: row[2] for row in _table(OPERATIONS, heading)} == descriptions


@pytest.mark.parametrize("name", StackSettings.variables())
def test_the_help_of_up_names_every_setting_that_the_command_reads(name: str) -> None:
    assert name in re.findall(r"\w+", up.__doc__ or "")


@pytest.mark.parametrize("settings", [RecorderSettings, QuerySettings, StackSettings])
def test_the_files_of_secrets_are_documented(settings: type[EnvironmentSettings]) -> None:
    assert {name for name in settings.variables() if name.endswith("_FILE")} <= set(re.findall(r"\w+", OPERATIONS))


def test_every_metric_of_the_recorder_is_documented() -> None:
    assert set(_table(OPERATIONS, "Metrics of the recorder")) == set(_rows(recorder_metrics()))


async def test_every_metric_of_the_query_service_is_documented() -> None:
    assert set(_table(OPERATIONS, "Metrics of the query service")) == set(_rows(await query_metrics()))


def test_the_readme_lists_the_commands_there_are() -> None:
    listed = {re.sub(r"`(\w[\w-]*).*", r"\1", row[0]) for row in _table(README, "Commands")}
    assert listed == {name for name in app if not name.startswith("-")}


def test_links_between_documents_lead_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")):
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def _setting(name: str, settings: type[EnvironmentSettings]) -> tuple[str, str]:
    field = settings.model_fields[name]
    default = int(field.default) if isinstance(field.default, bool) else field.default
    shown = "required" if field.is_required() else "" if default is None else f"`{default}`"
    return f"`EXECLEDGER_{name.upper()}`", shown


def _rows(metrics: dict[str, Metric]) -> Iterable[tuple[str, ...]]:
    for name, metric in metrics.items():
        yield f"`{name}`", metric.type, metric.documentation.rstrip(".")


def _table(text: str, heading: str) -> list[tuple[str, ...]]:
    """The cells of the first table under a heading, without its head."""
    section = re.split(r"^#+ ", text.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows[2:]]
