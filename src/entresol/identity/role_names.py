"""Roles by what they are called: mappings name them, records hold their ids."""

from collections.abc import Iterable

from entresol.core.storage import Records
from entresol.identity.records.access import Role


def role_ids(records: Records, organisation: str, names: Iterable[str]) -> frozenset[str]:
    """Roles by id or name; what no role of this organisation is called must be a built-in one's name."""
    found = set()
    for name in names:
        role = records.get(Role, name) or records.one(Role, organisation=organisation, name=name)
        if role is None:
            found.add(name)
        elif role.organisation == organisation:
            found.add(role.id)
    return frozenset(found)
