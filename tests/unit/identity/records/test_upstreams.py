"""Records of `upstreams`."""

from entresol.identity.records import upstreams
from unit.identity.records.declared import check_records, records_of


def test_what_is_said_of_fields_is_true_of_them() -> None:
    assert records_of(upstreams)
    check_records(upstreams)
