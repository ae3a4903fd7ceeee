"""What a plugin instance is given."""

import pytest

from entresol.api_floor.plugin_context import PluginConfig, Scope
from unit.api_floor.recording import context


def test_a_configuration_without_rules_between_fields_has_no_violations() -> None:
    assert PluginConfig().violations() == []


def test_scopes_are_keys() -> None:
    assert {Scope(route="r"): 1}[Scope(None, "r")] == 1
    assert Scope(route="r") != Scope(service="r")


def test_a_plugin_cannot_change_what_it_is_given() -> None:
    given = context()
    assert given.brand == "Entresol"
    with pytest.raises(AttributeError):
        given.brand = "Other"  # type: ignore[misc]
