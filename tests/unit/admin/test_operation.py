import pytest

from entresol.admin.app import all_operations
from entresol.admin.operation import Call, etag_of
from entresol.core.errors import ClientError
from entresol.identity.permissions import NOTHING
from entresol.identity.principal import Principal
from entresol.identity.records.accounts import Team
from entresol.identity.rights import Rights
from fake_records import MemoryRecords

TEAM = Team(id="t", name="t", revision=3)


def call(if_match: str) -> Call:
    who = Principal(tenant="org", issuer="i", subject="s", kind="user")
    return Call(
        records=MemoryRecords(),
        principal=who,
        rights=Rights(NOTHING, {}),
        now=1,
        path={},
        query={},
        if_match=if_match,
    )


@pytest.mark.parametrize("field", ["", "*", '"3"', '"1", "3"'])
def test_a_precondition_that_holds_is_none(field: str) -> None:
    assert etag_of(TEAM) == '"3"'
    call(field).check_match(TEAM)


@pytest.mark.parametrize("field", ['"2"', "3", 'W/"3"', '"33"'])
def test_a_precondition_that_fails_stops_the_change(field: str) -> None:
    with pytest.raises(ClientError, match="read it again"):
        call(field).check_match(TEAM)


def test_only_reading_is_done_by_get() -> None:
    for each in all_operations("https://g"):
        assert each.writes == (each.method != "GET")
        assert each.permission or each.tag == "own", each.id
