"""What is generated from the models: JSON Schemas, the AsyncAPI document, the golden samples."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from execledger_contracts import schema
from execledger_contracts.control import COMMANDS
from execledger_contracts.decoding import Reason
from execledger_contracts.ignored import Rule
from execledger_contracts.models import EVENTS, MODELS, TABLE_EVENTS, canonical_type
from execledger_contracts.samples import INVALID, LENIENT, VALID, Sample, lenient_document

SCHEMAS = {event.canonical: schema.event_schema(event) for event in EVENTS}
ASYNCAPI = schema.asyncapi()
# Rules that JSON Schema has no words for.
BEYOND_SCHEMA = {
    "attempt-not-finite",
    "base64-unreadable",
    "beyond-float64",
    "characters",
    "cut",
    "dataschema-major",
    "not-finite",
    "subject-with-surrogate",
    "time-ahead",
    "time-before-2000",
    "time-impossible",
    "too-deep",
}
NO_EVENT = {Reason.TOMBSTONE, Reason.NOT_UTF8, Reason.NOT_JSON}


def schema_of(event: Any) -> Draft202012Validator:
    kind = event.get("type") if isinstance(event, dict) else None
    return Draft202012Validator(SCHEMAS[canonical_type(str(kind)) or "other"])


def structured(sample: Sample) -> Any:
    value, _ = sample.record()
    return json.loads((value or b"").decode("utf-8-sig"))


def ids(samples: list[Sample]) -> list[str]:
    return [sample.name for sample in samples]


STRUCTURED = [sample for sample in VALID if "ce_specversion" not in sample.headers]
BINARY = [sample for sample in VALID if "ce_specversion" in sample.headers]
EXPRESSIBLE = [
    sample
    for sample in (*INVALID, *LENIENT)
    if not sample.headers and sample.reason not in NO_EVENT and sample.name not in BEYOND_SCHEMA
]


def test_the_committed_files_are_what_the_models_say() -> None:
    assert schema.drifted(schema.ROOT) == [], "run: python -m execledger_contracts.schema"


def test_generating_twice_gives_the_same_bytes() -> None:
    assert schema.documents() == schema.documents()


def test_the_check_names_what_drifted_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schema, "ROOT", tmp_path)
    assert schema.main([]) == 0
    assert schema.main(["--check"]) == 0
    (tmp_path / "schema/llm.called.json").write_text("{}")
    (tmp_path / "schema/tool.called.json").unlink()
    (tmp_path / "samples/valid/left-over.json").write_text("{}")
    capsys.readouterr()

    assert schema.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "contracts/samples/valid/left-over.json",
        "contracts/schema/llm.called.json",
        "contracts/schema/tool.called.json",
    ]
    assert schema.main([]) == 0
    assert schema.main(["--check"]) == 0


def test_every_type_of_the_table_has_a_schema_and_a_valid_sample() -> None:
    types = {event.canonical for event in TABLE_EVENTS}
    sampled = {canonical_type(str(structured(sample)["type"])) for sample in STRUCTURED}
    assert len(types) == 18
    assert types <= SCHEMAS.keys()
    assert types <= sampled


def test_every_reason_that_decoding_gives_by_default_limits_has_a_sample() -> None:
    assert {sample.reason for sample in INVALID} == set(Reason) - {
        Reason.TOO_LARGE,
        Reason.UNSTORABLE,
        Reason.FORBIDDEN,
    }


def test_sample_names_are_unique() -> None:
    assert len({sample.name for sample in VALID}) == len(VALID)
    assert len({sample.name for sample in INVALID}) == len(INVALID)
    assert len({sample.name for sample in LENIENT}) == len(LENIENT)


def test_every_rule_has_a_sample() -> None:
    noted = {note["rule"] for sample in LENIENT for note in lenient_document(sample)["expected"]["ignored"]}
    assert noted == set(Rule)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_valid_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("sample", STRUCTURED, ids=ids(STRUCTURED))
def test_a_valid_sample_fits_the_schema_of_its_type(sample: Sample) -> None:
    schema_of(structured(sample)).validate(structured(sample))


@pytest.mark.parametrize("sample", EXPRESSIBLE, ids=ids(EXPRESSIBLE))
def test_what_costs_anything_is_refused_by_the_schema_too(sample: Sample) -> None:
    assert not schema_of(structured(sample)).is_valid(structured(sample))


def test_the_schemas_list_every_alias_and_the_other_schema_none() -> None:
    rules = {name: Draft202012Validator(SCHEMAS[name]["properties"]["type"]) for name in SCHEMAS}
    for kind, model in MODELS.items():
        for prefix in ("", "com.acme.", "io.my-company.v1."):
            fitting = [name for name, rule in rules.items() if rule.is_valid(prefix + kind)]
            assert fitting == [model.canonical]
        assert [name for name, rule in rules.items() if rule.is_valid("acme." + kind)] == ["other"]


def test_the_schemas_say_which_properties_cost_the_event() -> None:
    for each in SCHEMAS.values():
        costly = {name for name, rule in each["properties"].items() if rule["x-costs"] == "event"}
        assert costly == {"specversion", "id", "source", "type", "subject", "time", "tenantid", "attempt"}


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def resolved(document: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


@pytest.mark.parametrize("document", [ASYNCAPI, *SCHEMAS.values()], ids=["asyncapi", *SCHEMAS])
def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert all(reference.startswith("#/") for reference in found)
    assert all(resolved(document, reference) is not None for reference in found)


def test_the_asyncapi_schemas_are_valid_in_the_dialect_that_asyncapi_reads() -> None:
    for component in ASYNCAPI["components"]["schemas"].values():
        Draft7Validator.check_schema(component)


def test_the_asyncapi_document_has_the_three_topics_and_every_message() -> None:
    channels = {channel["address"]: set(channel["messages"]) for channel in ASYNCAPI["channels"].values()}
    assert channels["executions.events"] == {*SCHEMAS, *(f"{name}.binary" for name in SCHEMAS)}
    assert channels["executions.dead-letter"] == {"dead-letter"}
    assert channels["executions.control"] == {command.model_fields["type"].default for command in COMMANDS}


@pytest.mark.parametrize("sample", BINARY, ids=ids(BINARY))
def test_a_binary_sample_fits_its_message(sample: Sample) -> None:
    name = canonical_type(sample.headers["ce_type"]) or "other"
    message = ASYNCAPI["components"]["messages"][f"{name}.binary"]
    whole = {"components": ASYNCAPI["components"]}
    Draft7Validator({**message["headers"], **whole}).validate(dict(sample.headers))
    if isinstance(sample.value, dict):
        Draft7Validator({"allOf": [message["payload"]], **whole}).validate(structured(sample))
