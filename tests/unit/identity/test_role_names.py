from entresol.identity.records.access import Role
from entresol.identity.role_names import role_ids
from fake_records import MemoryRecords


def test_roles_are_found_by_id_and_by_name_in_their_organisation() -> None:
    records = MemoryRecords()
    records.insert(Role(id="r1", organisation="o", name="keepers"))
    records.insert(Role(id="r2", organisation="other", name="spies"))
    assert role_ids(records, "o", ["r1", "keepers", "owner"]) == {"r1", "owner"}
    assert role_ids(records, "o", ["r2"]) == frozenset()
    assert role_ids(records, "o", ["spies"]) == {"spies"}  # a name that is nobody's gives nothing
