"""store.declarative_schema"""

from typing import Any

from entresol.api_floor.entities import ENTITIES
from entresol.store.declarative_drafts import NESTED
from entresol.store.declarative_schema import file_schema

SCHEMA = file_schema()


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA["$defs"][name]["properties"]
    return found


def test_a_file_has_a_header_and_every_kind_of_entity() -> None:
    assert SCHEMA["$ref"] == "#/$defs/Header"
    assert {cls.kind for cls in ENTITIES} | {"_format_version", "_info", "_transform"} <= set(properties("Header"))
    assert SCHEMA["$defs"]["Header"]["required"] == ["_format_version"]


def test_entities_nest_as_the_loader_lets_them() -> None:
    for cls in ENTITIES:
        for kind in NESTED[cls.kind]:
            assert properties(cls.__name__)[kind]["type"] == "array"


def test_what_the_loader_fills_in_is_not_required() -> None:
    assert SCHEMA["$defs"]["Route"]["required"] == []
    assert SCHEMA["$defs"]["Certificate"]["required"] == ["cert", "key"]
    assert SCHEMA["$defs"]["Service"]["required"] == []


def test_shorthands_are_part_of_the_file() -> None:
    assert {"url"} <= set(properties("Service"))
    assert {"key", "ttl", "key_sha256"} <= set(properties("KeyAuthCredential"))
    assert "_config" in properties("PluginInstance")


def test_every_reference_in_the_schema_is_defined() -> None:
    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    assert references(SCHEMA) <= {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


def test_unknown_fields_are_refused() -> None:
    assert all(SCHEMA["$defs"][cls.__name__]["additionalProperties"] is False for cls in ENTITIES)
