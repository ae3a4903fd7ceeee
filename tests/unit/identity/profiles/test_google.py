"""Google's tokens."""

from entresol.identity.profiles.google import Google
from unit.identity.issuing import issuer
from unit.identity.profiles.told import Told, told

PROFILE = Google()


def test_service_accounts_are_programs() -> None:
    claims = {"sub": "1", "azp": "1", "email": "ci@acme.iam.gserviceaccount.com"}
    assert told(PROFILE, claims) == Told("1", "service", "1", username=claims["email"])
    assert PROFILE.kind({"sub": "2", "email": "ada@acme.org"}, "user") == "user"
    assert PROFILE.kind({"sub": "2", "email": "x@evil.gserviceaccount.com.evil.example"}, "user") == "user"


def test_everybody_has_an_account_and_the_issuer_two_names() -> None:
    record = issuer(issuer="https://accounts.google.com")
    assert PROFILE.is_shared(record)
    assert PROFILE.vouches(record, {"iss": "accounts.google.com"})
    assert not PROFILE.vouches(record, {"iss": "https://accounts.google.com/"})
