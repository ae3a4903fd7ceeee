"""Projected tokens of Kubernetes' service accounts."""

import pytest

from entresol.identity.profiles.kubernetes import Kubernetes
from unit.identity.issuing import issuer
from unit.identity.profiles.told import Told, told

PROFILE = Kubernetes()
SUBJECT = "system:serviceaccount:prod:agent"


def test_a_service_account_is_in_the_groups_that_kubernetes_gives_it() -> None:
    groups = ("system:serviceaccounts", "system:serviceaccounts:prod")
    assert told(PROFILE, {"sub": SUBJECT}) == Told(SUBJECT, "service", "", groups=groups, username=SUBJECT)
    assert PROFILE.refusal(issuer(), {"sub": SUBJECT}) == ""


@pytest.mark.parametrize("subject", ["agent", "system:serviceaccount:prod", "system:serviceaccount::a", f"{SUBJECT}:x"])
def test_other_subjects_are_refused(subject: str) -> None:
    assert PROFILE.refusal(issuer(), {"sub": subject})


def test_the_audience_must_be_said() -> None:
    assert PROFILE.faults(issuer(audiences=()))
    assert PROFILE.faults(issuer()) == ()
