"""store.declarative_drafts"""

import uuid
from typing import Any

import pytest

from entresol.api_floor.entities import ENTITIES, PluginInstance
from entresol.core.schema import Violation
from entresol.core.secret import Secret
from entresol.store.declarative_drafts import NESTED, NOT_YET_KINDS, Draft, Linker, flatten, foreign_keys

ID = "4d924084-1adb-40a5-c042-63b19db421d1"


def linked(data: dict[str, Any]) -> tuple[list[Draft], list[Violation]]:
    violations: list[Violation] = []
    drafts = flatten(data, violations)
    Linker().link(drafts)
    return drafts, violations + [violation for draft in drafts for violation in draft.violations]


def test_what_may_nest_follows_from_the_foreign_keys() -> None:
    assert NESTED["services"] == {"routes": "service", "plugins": "service"}
    assert NESTED["routes"] == {"plugins": "route"}
    assert NESTED["consumers"] == {"keyauth_credentials": "consumer", "plugins": "consumer"}
    assert NESTED["consumer_groups"] == {"plugins": "consumer_group"}
    assert NESTED["certificates"] == {"snis": "certificate"}
    assert [key.field for key in foreign_keys(PluginInstance)] == ["service", "route", "consumer", "consumer_group"]


def test_no_kind_is_both_supported_and_not() -> None:
    assert NOT_YET_KINDS.isdisjoint(cls.kind for cls in ENTITIES)


def test_nested_entities_know_their_place_and_their_parent() -> None:
    drafts, violations = linked({"services": [{"name": "s", "routes": [{"name": "r", "plugins": [{"name": "p"}]}]}]})
    assert violations == []
    assert [draft.path for draft in drafts] == [
        "services[0]",
        "services[0].routes[0]",
        "services[0].routes[0].plugins[0]",
    ]
    service, route, plugin = drafts
    assert route.raw["service"] == service.id
    assert plugin.raw["route"] == route.id
    assert "service" not in plugin.raw


@pytest.mark.parametrize(
    "reference", ["s", ID, {"name": "s"}, {"id": ID}, Secret("s"), {"name": Secret("s")}, {"name": "s", "id": ID}]
)
def test_a_reference_is_a_name_or_an_id(reference: Any) -> None:
    drafts, violations = linked({"services": [{"name": "s", "id": ID}], "routes": [{"service": reference}]})
    assert violations == []
    assert drafts[1].raw["service"] == ID


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("x", "the foreign key '{name=\"x\"}' does not reference an existing 'services' entity."),
        ({"id": "x"}, "the foreign key '{id=\"x\"}' does not reference an existing 'services' entity."),
        ({"name": "x"}, "the foreign key '{name=\"x\"}' does not reference an existing 'services' entity."),
        (Secret("S3CRET"), "the foreign key '{name=***}' does not reference an existing 'services' entity."),
        ({}, "missing primary key"),
        (5, "missing primary key"),
        ([], "missing primary key"),
    ],
)
def test_a_dangling_reference_is_named(reference: Any, message: str) -> None:
    assert linked({"routes": [{"service": reference}]})[1] == [Violation("routes[0].service", message)]


def test_a_nested_entity_may_repeat_its_parent_but_not_contradict_it() -> None:
    data = {"services": [{"name": "s", "routes": [{"service": "s"}]}, {"name": "t", "routes": [{"service": "s"}]}]}
    assert linked(data)[1] == [Violation("services[1].routes[0].service", "is given by nesting in services[1]")]


def test_groups_are_referred_to_by_name() -> None:
    data = {"consumer_groups": [{"name": "gold"}], "consumers": [{"username": "a", "groups": [{"name": "gold"}, "x"]}]}
    drafts, violations = linked(data)
    assert drafts[1].raw["groups"][0] == drafts[0].id
    assert [violation.path for violation in violations] == ["consumers[0].groups[1]"]


def test_ids_do_not_depend_on_the_order_of_named_entities() -> None:
    names = [{"name": "a"}, {"name": "b"}]
    forward = {draft.raw["name"]: draft.id for draft in linked({"services": names})[0]}
    backward = {draft.raw["name"]: draft.id for draft in linked({"services": names[::-1]})[0]}
    assert forward == backward
    assert all(str(uuid.UUID(made)) == made for made in forward.values())


def test_ids_of_different_kinds_and_places_differ() -> None:
    plugins = [{"name": "p"}, {"name": "q"}]
    data = {
        "services": [{"name": "a", "routes": [{"paths": ["/"]}, {"paths": ["/"]}], "plugins": plugins}],
        "routes": [{"name": "a", "plugins": plugins}],
        "plugins": plugins,
        "consumers": [{"username": "a", "keyauth_credentials": [{"key_sha256": "x"}, {"key_sha256": "x"}]}],
    }
    drafts, _ = linked(data)
    assert len({draft.id for draft in drafts}) == len(drafts) == 13


def test_an_id_does_not_come_from_a_key() -> None:
    ids = [
        linked({"consumers": [{"username": "a", "keyauth_credentials": [{"key_sha256": key}]}]})[0][1].id
        for key in ("one", "two")
    ]
    assert ids[0] == ids[1]


def test_an_id_that_is_used_twice_is_refused() -> None:
    message = f"primary key violation on key '{{id=\"{ID}\"}}'; first at services[0]"
    assert linked({"services": [{"id": ID}, {"id": ID}]})[1] == [Violation("services[1].id", message)]


def test_an_id_is_the_same_in_any_case() -> None:
    drafts, violations = linked({"services": [{"id": ID.upper()}], "routes": [{"service": {"id": ID.title()}}]})
    assert violations == []
    assert drafts[0].raw["id"] == drafts[1].raw["service"] == ID
    assert [violation.path for violation in linked({"services": [{"id": ID}, {"id": ID.upper()}]})[1]] == [
        "services[1].id"
    ]


def test_every_entity_may_hold_remarks() -> None:
    remarks = {"_comment": "why", "_ignore": [{"any": "thing"}]}
    drafts, violations = linked({"services": [{"name": "s", **remarks, "routes": [{"name": "r", **remarks}]}]})
    assert violations == []
    assert all(remarks.keys().isdisjoint(draft.raw) for draft in drafts)


def test_nested_kinds_that_are_not_supported_yet_are_refused_by_name() -> None:
    data = {"consumers": [{"username": "a", "acls": [{"group": "g"}], "jwt_secrets": [], "hmacauth_credentials": None}]}
    drafts, violations = linked(data)
    assert violations == [Violation("consumers[0].acls", "not supported yet")]
    assert "jwt_secrets" not in drafts[0].raw


def test_server_names_may_be_listed_as_texts() -> None:
    drafts, violations = linked({"certificates": [{"cert": "c", "snis": ["a.test", {"name": "b.test"}]}]})
    assert violations == []
    assert [draft.raw["name"] for draft in drafts[1:]] == ["a.test", "b.test"]


@pytest.mark.parametrize(
    ("data", "violation"),
    [
        ({"services": {}}, Violation("services", "expected an array")),
        ({"services": [5]}, Violation("services[0]", "expected a record")),
        ({"services": [{"routes": "x"}]}, Violation("services[0].routes", "expected an array")),
        ({"services": [{"routes": [None]}]}, Violation("services[0].routes[0]", "expected a record")),
        ({"certificates": [{"snis": [5]}]}, Violation("certificates[0].snis[0]", "expected a record")),
    ],
)
def test_what_is_no_entity_is_refused(data: dict[str, Any], violation: Violation) -> None:
    assert linked(data)[1] == [violation]
