"""Whatever is asked, as the document allows or not: every answer is one that it names, and none tells of a bug."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.generation import GenerationMode

from execledger_query import openapi
from execledger_query.document import lacking
from factories_query import SECRET, bearing, ledger
from running import query

CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
OPERATOR, ADMIN = bearing("op", "acme", "service", "payloads"), bearing("root", "x", "admin", "payloads")
WHO = [bearing("ann", "acme"), OPERATOR, ADMIN, {}]
DOCUMENT = openapi.document()
ENDLESS = "/stream"  # answers that do not end: test_streams.py asks for them


def test_every_property_and_parameter_is_explained_and_each_property_shown_by_an_example_that_it_allows() -> None:
    assert lacking(DOCUMENT) == [], "say what it is in its model, or in execledger_query/document.py"
    schemas = DOCUMENT["components"]["schemas"]
    for name, schema in schemas.items():
        for member, said in schema.get("properties", {}).items():
            judge = Draft202012Validator({**said, "components": {"schemas": schemas}})
            faults = [error.message for example in said["examples"] for error in judge.iter_errors(example)]
            assert not faults, f"{name}.{member}"


def test_no_operation_has_an_answer_for_whatever_else_there_is() -> None:
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            assert all(status.isdigit() and status != "422" for status in operation["responses"])


async def test_every_answer_is_one_that_the_document_names(database: str, tmp_path: Path) -> None:
    async with ledger(database) as rows:
        execution = await rows.execution(owner_id="ann", external_id="run-1", metadata={"a": [1]}, labels={"b": "c"})
        await rows.event(execution, "execution.started", {"input": {"a": 1}})
        await rows.event(execution, "step.started", {"step": {"id": "draft"}})
        await rows.step(execution, metadata={"a": 1})
        await rows.execution(owner_id="ann", tenant_id="other", external_id="run-1")
    shares: dict[str, Any] = {"query_subject_requests_per_second": 1e6}
    async with query(tmp_path, postgres_dsn=database, jwt_secret=SECRET, **shares) as service:
        await asyncio.to_thread(_ask_everything, service.address)


def _ask_everything(address: str) -> None:
    load_all_checks()
    checks = CHECKS.get_by_names(CHECKED)
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.config.update(base_url=address)
    for path, method in ((path, method) for path, operations in DOCUMENT["paths"].items() for method in operations):
        if path.endswith(ENDLESS):
            continue
        has_parameters = bool(DOCUMENT["paths"][path][method].get("parameters"))
        for mode in GenerationMode if has_parameters else [GenerationMode.POSITIVE]:
            _ask(schema[path][method.upper()], mode, checks)


def _ask(operation: Any, mode: GenerationMode, checks: list[Any]) -> None:
    """A number of requests to that operation, the same in each run."""

    @given(operation.as_strategy(generation_mode=mode), st.sampled_from(WHO), st.booleans())
    @settings(
        max_examples=15,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any, who: dict[str, str], is_known: bool) -> None:
        if is_known and "id" in (case.path_parameters or {}) and "executions" in operation.path:
            case.path_parameters["id"] = "run-1"
        case.call_and_validate(headers=who, checks=checks)

    try:
        ask()
    except BaseException as error:  # noqa: BLE001  # whatever it is, the operation belongs to it
        pytest.fail(f"{operation.label} with {mode.value} data: {error}")
