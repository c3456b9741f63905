"""Alert rules name metrics that are served, say what to do, and fire when they should and not else."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import platformdirs
import pytest
import yaml

from served_metrics import query_metrics, recorder_metrics, series

ROOT: Final = Path(__file__).parents[2]
ALERTS: Final = ROOT / "deploy" / "alerts"
RULES: Final = yaml.safe_load((ALERTS / "rules.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]


@pytest.fixture(scope="module")
def promtool() -> str:
    """The one on the path, else Debian's, unpacked into a cache of ours."""
    if found := shutil.which("promtool"):
        return found
    cache = platformdirs.user_cache_path("execledger") / "promtool"
    unpacked = cache / "usr" / "bin" / "promtool"
    if not unpacked.exists():
        cache.mkdir(parents=True, exist_ok=True)
        script = "apt-get download prometheus && dpkg -x prometheus_*.deb ."
        try:
            subprocess.run(["sh", "-c", script], cwd=cache, check=True, capture_output=True, timeout=120)  # noqa: S603, S607
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"there is no promtool on the path, and none to be had as a Debian package: {error}")
    return str(unpacked)


def test_each_alert_fires_and_is_silent_where_nothing_is_wrong(promtool: str) -> None:
    for command in (("check", "rules", "rules.yml"), ("test", "rules", "tests.yml")):
        run = subprocess.run([promtool, *command], cwd=ALERTS, capture_output=True, text=True, check=False)  # noqa: S603
        assert run.returncode == 0, run.stdout + run.stderr


def test_each_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    cases: list[dict[str, Any]] = yaml.safe_load((ALERTS / "tests.yml").read_text(encoding="utf-8"))["tests"]
    named = {case["name"] for case in cases}
    assert named == {f"{rule['alert']} {kind}" for rule in RULES for kind in ("fires", "is silent")}
    for case in cases:
        (asked,) = case["promql_expr_test"]
        assert asked["exp_samples"] == [{"value": int(case["name"].endswith("fires"))}]
        assert f'"{case["name"].partition(" ")[0]}"' in asked["expr"]


def test_each_alert_says_what_to_do() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\*\*(\w+)\.\*\* ", section, re.MULTILINE) == [rule["alert"] for rule in RULES]


async def test_alerts_name_metrics_that_the_services_serve() -> None:
    served = series(recorder_metrics()) | series(await query_metrics())
    for rule in RULES:
        named = set(re.findall(r"\bexecledger_\w+", rule["expr"]))
        assert named, rule["alert"]
        assert named <= served, rule["alert"]


def test_the_first_dead_letter_is_an_increase() -> None:
    samples = [sample for metric in recorder_metrics().values() for sample in metric.samples]
    zeros = {(sample.name, *sample.labels.values()) for sample in samples if sample.value == 0}
    assert ("execledger_dead_letters_total", "invalid") in zeros
    assert ("execledger_ignored_fields_total", "llm.called", "wrong_type") in zeros
    assert ("execledger_transitions_total", "running", "failed") in zeros
    assert ("execledger_records_total", "dead_lettered", "none") in zeros
    assert ("execledger_commands_total", "execution.halt") in zeros
