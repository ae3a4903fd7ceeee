"""Schemas get an instance that they accept."""

import pytest

from entresol.scripted.instance import instance_of


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "Rome"),
        ({"type": "STRING"}, "Rome"),
        ({"type": ["null", "string"]}, "Rome"),
        ({"type": "integer"}, 3),
        ({"type": "number"}, 3.0),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, ["Rome", "Rome"]),
        ({"enum": ["celsius", "kelvin"]}, "kelvin"),
        ({"enum": ["x", "q"]}, "x"),
        ({"const": 5}, 5),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 3),
        ({"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]}, {"a": "Rome"}),
        (
            {"properties": {"a": {"type": "string"}, "days": {"type": "integer"}}, "required": ["a"]},
            {"a": "Rome", "days": 3},
        ),
        ({"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "boolean"}}}, {"a": True}),
        ({"type": "object"}, {}),
        (True, "Rome"),
    ],
)
def test_an_instance_fits_its_schema(schema: object, value: object) -> None:
    assert instance_of(schema, "Rome", "3 days in Rome, in kelvin") == value


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema = {"type": "object", "properties": {"child": {"$ref": "#"}}}
    assert instance_of(schema, "a", "a")


def test_a_minimum_stands_in_for_a_number_that_was_not_said() -> None:
    assert instance_of({"type": "integer", "minimum": 7}, "a", "none") == 7
