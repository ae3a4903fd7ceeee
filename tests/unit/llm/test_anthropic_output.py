from entresol.llm.anthropic_output import closed_schema


def test_every_object_is_closed_that_says_nothing_else() -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}}
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"x": inner, "y": {"type": "array", "items": inner}},
        "$defs": {"d": inner},
    }
    closed = closed_schema(schema)
    shut = {**inner, "additionalProperties": False}
    assert closed == {
        "type": "object",
        "properties": {"x": shut, "y": {"type": "array", "items": shut}},
        "$defs": {"d": shut},
        "additionalProperties": False,
    }


def test_what_a_schema_says_itself_stays() -> None:
    schema: dict[str, object] = {"type": ["object", "null"], "additionalProperties": {"type": "string"}}
    assert closed_schema(schema) == schema
    assert closed_schema({"anyOf": [{"type": "object"}, {"type": "string"}]}) == {
        "anyOf": [{"type": "object", "additionalProperties": False}, {"type": "string"}]
    }


def test_a_schema_of_any_depth_ends() -> None:
    schema: dict[str, object] = {"type": "object"}
    for _ in range(500):
        schema = {"type": "array", "items": schema}
    assert closed_schema(schema)["type"] == "array"
