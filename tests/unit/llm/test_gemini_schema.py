import pytest

from entresol.llm.gemini_schema import json_schema


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "STRING", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "STRING", "enum": ["a"], "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
        (
            {"anyOf": [{"type": "STRING"}], "nullable": True},
            {"anyOf": [{"anyOf": [{"type": "string"}]}, {"type": "null"}]},
        ),
        (
            {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "2"},
            {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        ),
        (
            {"type": "OBJECT", "properties": {"type": {"type": "STRING"}}},
            {"type": "object", "properties": {"type": {"type": "string"}}},
        ),
        ({"any_of": [{"type": "NUMBER"}], "max_length": 5}, {"anyOf": [{"type": "number"}], "maxLength": 5}),
        (
            {"ref": "#/defs/a", "defs": {"a": {"type": "BOOLEAN"}}},
            {"$ref": "#/defs/a", "$defs": {"a": {"type": "boolean"}}},
        ),
        ({"example": 5, "propertyOrdering": ["a"], "nullable": False}, {"examples": [5]}),
        ({"additionalProperties": {"type": "STRING"}}, {"additionalProperties": {"type": "string"}}),
        ("not a schema", {}),
    ],
)
def test_the_dialect_becomes_json_schema(schema: object, expected: object) -> None:
    assert json_schema(schema) == expected


def test_a_schema_of_any_depth_ends() -> None:
    schema: dict[str, object] = {"type": "STRING"}
    for _ in range(500):
        schema = {"type": "ARRAY", "items": schema}
    assert json_schema(schema)["type"] == "array"
