"""Records of `signing_keys`."""

from entresol.identity.records import signing_keys
from unit.identity.records.declared import check_records, records_of


def test_what_is_said_of_fields_is_true_of_them() -> None:
    assert records_of(signing_keys)
    check_records(signing_keys)
