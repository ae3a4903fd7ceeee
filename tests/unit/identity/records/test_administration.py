"""Records of `administration`."""

from entresol.identity.records import administration
from unit.identity.records.declared import check_records, records_of


def test_what_is_said_of_fields_is_true_of_them() -> None:
    assert records_of(administration)
    check_records(administration)
