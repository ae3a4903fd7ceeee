import pytest

from entresol.core.errors import ClientError
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
        ({"example": 5, "nullable": False}, {"examples": [5]}),
        ({"type": "TYPE_UNSPECIFIED", "title": "any"}, {"title": "any"}),
        # what is no schema of the dialect stays as it is
        ({"nullable": "yes", "propertyOrdering": "a"}, {"nullable": "yes", "propertyOrdering": "a"}),
        ({"properties": {"a": False}, "anyOf": [True]}, {"properties": {"a": False}, "anyOf": [True]}),
        ({"additionalProperties": {"type": "STRING"}}, {"additionalProperties": {"type": "string"}}),
    ],
)
def test_the_dialect_becomes_json_schema(schema: dict[str, object], expected: object) -> None:
    assert json_schema(schema) == expected


@pytest.mark.parametrize("key", ["propertyOrdering", "property_ordering"])
def test_the_order_of_properties_is_the_order_in_which_they_stand(key: str) -> None:
    names = {name: {"type": "STRING"} for name in "abcd"}
    schema = json_schema({"properties": names, key: ["c", "gone", "a"]})
    assert schema.keys() == {"properties"}
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert list(properties) == ["c", "a", "b", "d"]


def test_a_schema_that_is_too_deep_is_refused_and_not_cut() -> None:
    schema: dict[str, object] = {"type": "STRING"}
    for _ in range(60):
        schema = {"type": "ARRAY", "items": schema}
    innermost: object = json_schema(schema)
    while isinstance(innermost, dict) and "items" in innermost:
        innermost = innermost["items"]
    assert innermost == {"type": "string"}
    for _ in range(500):
        schema = {"type": "ARRAY", "items": schema}
    with pytest.raises(ClientError, match="schema: is nested more than 64 deep") as error:
        json_schema(schema)
    assert error.value.code == "bad_request"
