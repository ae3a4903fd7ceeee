import logging

import pytest

from entresol.admin.impersonation import MAX_LIFETIME_S, SCOPES
from entresol.identity.oauth.scopes import SCOPES as ALL
from unit.admin.office import Office, code_of


def test_who_acts_as_whom_and_why_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    office = Office()
    with caplog.at_level(logging.INFO, "entresol.admin"):
        office.as_("ada").post("/users/usr_dora/impersonate", {"reason": "ticket 7"})
    said = caplog.records[-1].getMessage()
    assert "impersonateUser by usr_ada" in said
    assert "as usr_dora for 300 s: 'ticket 7'" in said


def test_nobody_acts_as_who_is_gone() -> None:
    office = Office()
    office.as_("ada").patch("/users/usr_dora", {"is_active": False})
    assert code_of(office.as_("ada").post("/users/usr_dora/impersonate")) == "account_disabled"


def test_it_never_reaches_the_admin_api() -> None:
    assert not [name for name in SCOPES if ALL[name].is_sensitive]
    assert MAX_LIFETIME_S <= 900
