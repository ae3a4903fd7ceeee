"""The first fault of a body is found and named by its path."""

import pytest

from entresol.scripted.shape import (
    Anything,
    Either,
    Flag,
    ListOf,
    MapOf,
    Number,
    Object,
    Problem,
    Shape,
    Tagged,
    Text,
    json_type,
    null_or,
)

CAT = Object({"type": Text(), "lives": Number(1, 9, whole=True)}, {"name": Text(longest=5)})
ANIMALS = Object({"animals": ListOf(Tagged({"cat": CAT}), 1, 2)}, {"tame": Flag(), "notes": MapOf(Text())})


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({}, Problem("missing", ("animals",))),
        ([], Problem("type", (), "object", "array")),
        ({"animals": {}}, Problem("type", ("animals",), "array", "object")),
        ({"animals": []}, Problem("short", ("animals",), "1", "0")),
        ({"animals": [{"type": "cat", "lives": 1}] * 3}, Problem("long", ("animals",), "2", "3")),
        ({"animals": [3]}, Problem("type", ("animals", 0), "object", "integer")),
        ({"animals": [{}]}, Problem("missing", ("animals", 0, "type"))),
        ({"animals": [{"type": "dog"}]}, Problem("value", ("animals", 0, "type"), "'cat'", "dog")),
        ({"animals": [{"type": "cat", "lives": 0}]}, Problem("low", ("animals", 0, "lives"), "1", "0")),
        ({"animals": [{"type": "cat", "lives": 10}]}, Problem("high", ("animals", 0, "lives"), "9", "10")),
        ({"animals": [{"type": "cat", "lives": 1.5}]}, Problem("type", ("animals", 0, "lives"), "integer", "number")),
        ({"animals": [{"type": "cat", "lives": True}]}, Problem("type", ("animals", 0, "lives"), "integer", "boolean")),
        (
            {"animals": [{"type": "cat", "lives": 1, "name": "Methuselah"}]},
            Problem("long", ("animals", 0, "name"), "5", "10"),
        ),
        ({"animals": [{"type": "cat", "lives": 1, "hat": 1}]}, Problem("unknown", ("animals", 0, "hat"))),
        ({"animals": [{"type": "cat", "lives": 1}], "tame": 1}, Problem("type", ("tame",), "boolean", "integer")),
        (
            {"animals": [{"type": "cat", "lives": 1}], "notes": {"a": 1}},
            Problem("type", ("notes", "a"), "string", "integer"),
        ),
        ({"animals": [{"type": "cat", "lives": 1}], "tame": None, "notes": {}}, None),
    ],
)
def test_the_first_problem_is_named_with_its_path(value: object, problem: Problem | None) -> None:
    assert ANIMALS.check(value, ()) == problem


@pytest.mark.parametrize(
    ("shape", "value", "fits"),
    [
        (Either({"string": Text(), "array": ListOf(Text())}), "a", True),
        (Either({"string": Text(), "array": ListOf(Text())}), ["a"], True),
        (Either({"string": Text(), "array": ListOf(Text())}), 1, False),
        (null_or(Text(), "string"), None, True),
        (null_or(Text(), "string"), 1, False),
        (Text(("a", "b")), "b", True),
        (Text(("a", "b")), "c", False),
        (Text(shortest=1), "", False),
        (Number(0, 1), 0.5, True),
        (Anything(), object(), True),
        (Object({}, {"a": Text()}, nulls=False), {"a": None}, False),
    ],
)
def test_a_shape_says_whether_a_value_fits(shape: Shape, value: object, fits: bool) -> None:
    assert (shape.check(value, ()) is None) is fits


def test_json_types_have_their_json_names() -> None:
    values: list[object] = [None, True, 1, 1.5, "a", [], {}]
    assert [json_type(value) for value in values] == [
        "null",
        "boolean",
        "integer",
        "number",
        "string",
        "array",
        "object",
    ]
