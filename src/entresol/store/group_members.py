"""Who belongs to which consumer group, wherever a file says it: Kong's files have three ways.

consumers[].groups               what an entity holds in the end
consumer_groups[].consumers      decK
consumer_group_consumers[]       DB-less files: pairs of `consumer` and `consumer_group`
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from entresol.api_floor.entities import Consumer, ConsumerGroup
from entresol.core.schema import Violation, Violations
from entresol.store.declarative_drafts import Draft, text_of

PAIRS: Final = "consumer_group_consumers"
_NAMES: Final = ("id", *Consumer.unique)


def spread_members(data: Mapping[str, Any], drafts: Sequence[Draft], violations: Violations) -> None:
    """Write every membership into the `groups` of its consumer; the linker then resolves them."""
    consumers = _consumers_by_name(drafts)
    for draft in drafts:
        if draft.cls is ConsumerGroup:
            members = draft.raw.pop("consumers", None)
            for where, member in _items(members, f"{draft.path}.consumers", violations):
                _add(consumers, member, draft.raw.get("name"), where, violations)
    for where, pair in _items(data.get(PAIRS), PAIRS, violations):
        if not isinstance(pair, dict):
            violations.append(Violation(where, "expected a record"))
            continue
        _add(consumers, pair.get("consumer"), pair.get("consumer_group"), where, violations)


def _items(items: Any, path: str, violations: Violations) -> list[tuple[str, Any]]:
    if items is None:
        return []
    if not isinstance(items, list):
        violations.append(Violation(path, "expected an array"))
        return []
    return [(f"{path}[{index}]", item) for index, item in enumerate(items)]


def _add(consumers: Mapping[str, Draft], member: Any, group: Any, where: str, violations: Violations) -> None:
    named = [member.get(name) for name in _NAMES] if isinstance(member, dict) else [member]
    names = [text for text in map(text_of, named) if text]
    found = next((consumers[name] for name in names if name in consumers), None)
    if found is None:
        message = "does not reference an existing 'consumers' entity" if names else "missing primary key"
        violations.append(Violation(where, message))
        return
    groups = found.raw.get("groups") or []
    if isinstance(groups, list):
        found.raw["groups"] = [*groups, group]


def _consumers_by_name(drafts: Sequence[Draft]) -> dict[str, Draft]:
    found: dict[str, Draft] = {}
    for draft in drafts:
        if draft.cls is Consumer:
            for name in filter(None, map(draft.text, _NAMES)):
                found.setdefault(name, draft)
    return found
