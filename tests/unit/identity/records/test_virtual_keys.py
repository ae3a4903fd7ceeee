"""Records of `virtual_keys`."""

from entresol.identity.records import virtual_keys
from unit.identity.records.declared import check_records, records_of


def test_what_is_said_of_fields_is_true_of_them() -> None:
    assert records_of(virtual_keys)
    check_records(virtual_keys)
