"""Records of `oauth_clients`."""

from entresol.identity.records import oauth_clients
from unit.identity.records.declared import check_records, records_of


def test_what_is_said_of_fields_is_true_of_them() -> None:
    assert records_of(oauth_clients)
    check_records(oauth_clients)
