"""store.group_members"""

from typing import Any

import pytest

from entresol.api_floor.entities import Consumer, ConsumerGroup
from entresol.core.schema import Violation
from entresol.store.declarative_drafts import Draft, Linker, flatten
from entresol.store.group_members import spread_members

PEOPLE: dict[str, Any] = {
    "consumer_groups": [{"name": "gold"}, {"name": "silver"}],
    "consumers": [{"username": "a"}, {"custom_id": "b", "groups": [{"name": "gold"}]}],
}


def linked(data: dict[str, Any]) -> tuple[dict[str, list[str]], list[Violation]]:
    """Names of every consumer's groups, and what is wrong."""
    violations: list[Violation] = []
    drafts = flatten(data, violations)
    spread_members(data, drafts, violations)
    Linker().link(drafts)
    names = {draft.id: draft.raw["name"] for draft in drafts if draft.cls is ConsumerGroup}
    consumers = [draft for draft in drafts if draft.cls is Consumer]
    members = {_name(one): [names.get(group, "?") for group in one.raw.get("groups", [])] for one in consumers}
    return members, violations + [violation for draft in drafts for violation in draft.violations]


def _name(draft: Draft) -> str:
    return draft.raw.get("username") or draft.raw.get("custom_id") or ""


@pytest.mark.parametrize("member", ["a", {"username": "a"}])
def test_a_group_may_list_its_members(member: Any) -> None:
    groups = [{"name": "gold", "consumers": [member]}, {"name": "silver", "consumers": [member, {"custom_id": "b"}]}]
    assert linked({**PEOPLE, "consumer_groups": groups}) == ({"a": ["gold", "silver"], "b": ["gold", "silver"]}, [])


def test_pairs_of_consumer_and_group_are_memberships() -> None:
    pairs = [{"consumer": "a", "consumer_group": "gold"}, {"consumer": {"custom_id": "b"}, "consumer_group": "silver"}]
    assert linked({**PEOPLE, "consumer_group_consumers": pairs}) == ({"a": ["gold"], "b": ["gold", "silver"]}, [])


def test_a_membership_that_is_told_twice_counts_once() -> None:
    pairs = [{"consumer": "b", "consumer_group": {"name": "gold"}}]
    assert linked({**PEOPLE, "consumer_group_consumers": pairs})[0]["b"] == ["gold"]


@pytest.mark.parametrize(
    ("pair", "path", "message"),
    [
        ({"consumer": "x", "consumer_group": "gold"}, "", "does not reference an existing 'consumers' entity"),
        ({"consumer_group": "gold"}, "", "missing primary key"),
        ("a", "", "expected a record"),
    ],
)
def test_a_pair_that_names_nobody_is_refused(pair: Any, path: str, message: str) -> None:
    violations = linked({**PEOPLE, "consumer_group_consumers": [pair]})[1]
    assert violations == [Violation("consumer_group_consumers[0]", message)]


def test_a_group_that_is_not_there_is_told_at_the_consumer() -> None:
    violations = linked({**PEOPLE, "consumer_group_consumers": [{"consumer": "a", "consumer_group": "x"}]})[1]
    assert [violation.path for violation in violations] == ["consumers[0].groups[0]"]
