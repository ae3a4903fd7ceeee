"""Who is asking."""

import msgspec

from entresol.identity.principal import Principal

ADA = Principal(tenant="org", issuer="https://idp.example", subject="1", kind="user", scopes=frozenset(("llm",)))


def test_the_same_subject_at_another_issuer_is_somebody_else() -> None:
    assert ADA.key != msgspec.structs.replace(ADA, issuer="https://other.example").key


def test_scopes_and_credentials_do_not_make_somebody_else() -> None:
    assert ADA.key == msgspec.structs.replace(ADA, scopes=frozenset(), fingerprint="f").key


def test_nothing_is_narrowed_unless_a_credential_says_so() -> None:
    bounds = ADA.bounds
    assert (bounds.models, bounds.tools, bounds.addresses) == (None, None, None)
