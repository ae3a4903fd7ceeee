"""core.json_schema"""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from entresol.core.json_schema import field_table, schema_of
from entresol.core.secret import Secret


class Part(msgspec.Struct, frozen=True):
    size: int = 1


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    name: Annotated[str, Meta(description="What it is called.", min_length=1)]
    port: Annotated[int, Meta(ge=0, le=65535)] = 80
    ratio: float = 0.5
    mode: Literal["a", "b"] = "a"
    token: Secret | None = None
    parts: tuple[Part, ...] = ()
    table: Annotated[dict[str, bool], Meta(description="Flags.")] | None = None
    either: int | str | None = None
    names: list[str] = msgspec.field(default_factory=lambda: ["x"])
    anything: Any = None


def test_the_schema_has_types_limits_defaults_and_descriptions() -> None:
    definitions = schema_of(Sample)["$defs"]
    properties = definitions["Sample"]["properties"]
    assert properties["name"] == {"type": "string", "minLength": 1, "description": "What it is called."}
    assert properties["port"] == {"type": "integer", "minimum": 0, "maximum": 65535, "default": 80}
    assert properties["mode"] == {"enum": ["a", "b"], "default": "a"}
    assert definitions["Sample"]["required"] == ["name"]


def test_the_schema_refuses_unknown_fields_at_every_level() -> None:
    definitions = schema_of(Sample)["$defs"]
    assert definitions["Sample"]["additionalProperties"] is False
    assert definitions["Part"]["additionalProperties"] is False


def test_a_secret_is_a_password_in_the_schema() -> None:
    options = schema_of(Sample)["$defs"]["Sample"]["properties"]["token"]["anyOf"]
    assert any(option.get("format") == "password" for option in options)


def test_a_foreign_type_has_no_schema() -> None:
    class Odd(msgspec.Struct):
        value: complex

    with pytest.raises((NotImplementedError, TypeError)):
        schema_of(Odd)


def test_the_table_names_every_field_with_type_default_and_description() -> None:
    assert field_table(Sample).splitlines()[2:] == [
        "| `name` | string | *required* | What it is called. |",
        "| `port` | integer, 0 to 65535 | `80` |  |",
        "| `ratio` | number | `0.5` |  |",
        '| `mode` | one of `a`, `b` | `"a"` |  |',
        "| `token` | secret string |  |  |",
        "| `parts` | array of record `Part` |  |  |",
        "| `table` | map of boolean |  | Flags. |",
        "| `either` | integer or string |  |  |",
        '| `names` | array of string | `["x"]` |  |',
        "| `anything` | any |  |  |",
    ]
