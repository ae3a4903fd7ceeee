"""Every name that a record may have has its profile."""

from typing import get_args

from entresol.identity.profiles.all import PROFILES
from entresol.identity.records.issuers import Profile


def test_every_name_has_its_profile() -> None:
    assert set(PROFILES) == set(get_args(Profile))
