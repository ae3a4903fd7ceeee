"""Records of `issuers`."""

from entresol.identity.records import issuers
from unit.identity.records.declared import check_records, records_of


def test_what_is_said_of_fields_is_true_of_them() -> None:
    assert records_of(issuers)
    check_records(issuers)
