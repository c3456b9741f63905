"""What the console's type checker knows of the API is what the routes say."""

from pathlib import Path
from typing import Any

from execledger_query.console_types import types
from execledger_query.openapi import files

ROOT = Path(__file__).parents[2]
FILE = "services/query/execledger_query/console/static/api.d.ts"


def test_the_types_are_those_of_the_document() -> None:
    assert (ROOT / FILE).read_text(encoding="utf-8") == files()[FILE], "make schema writes them"


def test_a_member_that_may_be_null_or_absent_is_typed_so() -> None:
    run: dict[str, Any] = {
        "required": ["id", "at"],
        "properties": {
            "id": {"type": "string"},
            "at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
            "label.x": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Run"}},
        },
    }
    parameters = [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
        {"name": "limit", "in": "query", "schema": {"type": "integer"}},
    ]
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Run"}}}
    get = {"parameters": parameters, "responses": {"200": {"content": answer}}}
    said = types({"components": {"schemas": {"Run": run}}, "paths": {"/v1/runs/{id}": {"get": get}, "/metrics": {}}})
    assert said.split("\n\n", 1)[1] == (
        "export interface Run {\n"
        "  id: string;\n"
        "  at: string | null;\n"
        '  tags?: ("a" | "b")[];\n'
        '  "label.x"?: Record<string, Run>;\n'
        "}\n\n"
        "export interface Gets {\n"
        '  "/v1/runs/{id}": {\n'
        "    path: { id: string; };\n"
        "    query: { limit?: number; };\n"
        "    answer: Run;\n"
        "  };\n"
        "}\n"
    )
