"""What lies in deploy/ fits the code: commands, settings, ports, metrics."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from execledger.application import app
from execledger.commands.doctor import known_names, settings_classes
from execledger.stack.docker import KAFKA_IMAGE, POSTGRES_IMAGE
from execledger_query.settings import Settings as QuerySettings
from execledger_recorder.settings import Settings as RecorderSettings
from served_metrics import query_metrics, recorder_metrics, series

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
PORTS = {
    "recorder": RecorderSettings.model_fields["recorder_metrics_port"].default,
    "query": QuerySettings.model_fields["query_port"].default,
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return _yaml(DEPLOY / "compose.yaml")


def test_our_containers_run_commands_that_exist(compose: dict[str, Any]) -> None:
    commands = {name for name in app if not name.startswith("-")}
    for name, service in _ours(compose):
        said = service.get("command") or service["entrypoint"][-1].partition("execledger ")[2].split()
        assert said[0] in commands, name


def test_our_containers_are_given_settings_that_exist(compose: dict[str, Any]) -> None:
    known = known_names(settings_classes())
    given = {variable for _, service in _ours(compose) for variable in service["environment"]}
    assert given <= known
    assert set(re.findall(r"EXECLEDGER_\w+", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))) <= known
    assert set(re.findall(r"EXECLEDGER_\w+", (DEPLOY / "healthcheck.py").read_text(encoding="utf-8"))) <= known


def test_kafka_and_postgres_are_those_of_the_local_stack(compose: dict[str, Any]) -> None:
    assert compose["services"]["kafka"]["image"] == KAFKA_IMAGE
    assert compose["services"]["postgres"]["image"] == POSTGRES_IMAGE


def test_ports_are_published_on_the_loopback_address_only(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_variable_of_the_compose_file_is_in_the_example() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{(\w+)", text))
    named = set(re.findall(r"^#?([A-Z_]+)=", (DEPLOY / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert used == named


def test_the_example_holds_no_secret() -> None:
    lines = (DEPLOY / ".env.example").read_text(encoding="utf-8").splitlines()
    assert all(line.endswith("=") for line in lines if line and not line.startswith("#"))


def test_files_that_containers_mount_are_there(compose: dict[str, Any]) -> None:
    mounts = [mount.split(":")[0] for service in compose["services"].values() for mount in service.get("volumes", ())]
    assert all((DEPLOY / mount).exists() for mount in mounts if mount.startswith("./"))
    assert {mount for mount in mounts if not mount.startswith("./")} == set(compose["volumes"])


def test_containers_wait_for_containers_that_exist(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            assert wait["condition"] != "service_healthy" or "healthcheck" in services[name]


def test_prometheus_asks_each_service_at_its_port(compose: dict[str, Any]) -> None:
    jobs = _yaml(DEPLOY / "prometheus.yml")["scrape_configs"]
    found = {name: dns["port"] for job in jobs for dns in job["dns_sd_configs"] for name in dns["names"]}
    query = compose["services"]["query"]["environment"]["EXECLEDGER_QUERY_METRICS_PORT"]
    assert found == {"recorder": PORTS["recorder"], "query": int(query)}
    for name, port in PORTS.items():
        assert compose["services"][name]["ports"][0].endswith(f":{port}")
        assert f'"{port}"' in (DEPLOY / "healthcheck.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
async def test_dashboards_show_metrics_that_the_services_serve(dashboard: Path) -> None:
    served = series(recorder_metrics()) | series(await query_metrics())
    expressions = [target["expr"] for panel in _panels(dashboard) for target in panel.get("targets", ())]
    assert expressions
    for expression in expressions:
        named = set(re.findall(r"\bexecledger_\w+", expression))
        assert named, expression
        assert named <= served, expression


async def test_all_that_the_query_service_tells_is_shown_somewhere() -> None:
    shown = " ".join(
        target["expr"] for path in DASHBOARDS for panel in _panels(path) for target in panel.get("targets", ())
    )
    told = (await query_metrics()).keys() - {"execledger_build_info"}
    assert [name for name in sorted(told) if not re.search(rf"\b{name}(_bucket|_count)?\b", shown)] == []


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_lie_beside_each_other(dashboard: Path) -> None:
    places = [panel["gridPos"] for panel in _panels(dashboard)]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_read_from_the_provisioned_source(dashboard: Path) -> None:
    sources = _yaml(DEPLOY / "grafana/provisioning/datasources/execledger.yaml")["datasources"]
    panels = _panels(dashboard)
    used = {panel["datasource"]["uid"] for panel in panels if panel["type"] != "row"}
    assert used == {source["uid"] for source in sources}
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_grafana_finds_the_dashboards_where_they_are_mounted(compose: dict[str, Any]) -> None:
    provider = _yaml(DEPLOY / "grafana/provisioning/dashboards/execledger.yaml")["providers"][0]
    mounts = [mount.split(":")[:2] for mount in compose["services"]["grafana"]["volumes"]]
    assert ["./grafana/dashboards", provider["options"]["path"]] in mounts


def test_the_image_is_built_as_its_linter_advises() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    command = [hadolint, DEPLOY / "Dockerfile"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # a tool of the venv
    assert run.stdout + run.stderr == ""
    assert run.returncode == 0


def test_what_the_image_copies_is_there_and_passes_the_ignore_file() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    copied = [name for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE) for name in line.split()]
    passed = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    sources = [name for name in copied if (ROOT / name).exists() and name not in (".", "./")]
    assert set(sources) == {line[1:] for line in passed if line.startswith("!")}


def _ours(compose: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, service in compose["services"].items():
        if service["image"] == "execledger":
            yield name, service


def _panels(dashboard: Path) -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = json.loads(dashboard.read_text(encoding="utf-8"))["panels"]
    return panels


def _yaml(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content
