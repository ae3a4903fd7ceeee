"""Who somebody is by a client certificate."""

import base64
import hashlib
import ssl
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.decision import Deny
from entresol.identity.certificates import BadCertificate, is_subject, principal_of, read_certificate
from entresol.identity.principal import Principal
from unit.identity.issuing import NOW
from unit.identity.issuing_certificates import SPIFFE, certificate

DOMAINS = {"acme.example": "org"}


def judged(default: str = "", now: int = NOW, **fields: Any) -> Principal | Deny:
    return principal_of(read_certificate(certificate(**fields)), DOMAINS, now, default)


def test_a_spiffe_id_becomes_a_principal_of_its_trust_domains_organisation() -> None:
    raw = certificate()
    principal = principal_of(read_certificate(raw), DOMAINS, NOW)
    assert isinstance(principal, Principal)
    assert principal.key == ("org", "spiffe://acme.example", SPIFFE)
    assert (principal.kind, principal.token_id, principal.expires_at) == ("service", "abc", NOW + 1800)
    assert principal.fingerprint == hashlib.sha256(raw).hexdigest()[:16]


def test_a_certificate_is_read_from_pem_too_and_knows_what_tokens_are_bound_to() -> None:
    raw = certificate()
    read = read_certificate(raw)
    assert read == read_certificate(ssl.DER_cert_to_PEM_cert(raw).encode())
    digest = hashlib.sha256(raw).digest()
    assert read.thumbprint == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def test_a_subject_is_somebody_where_an_organisation_takes_such_certificates() -> None:
    principal = judged("org", uris=(), subject="CN=ci,O=Acme")
    assert isinstance(principal, Principal)
    assert principal.key == ("org", "x509:CN=Acme CA", "CN=ci,O=Acme")
    assert isinstance(judged(uris=(), subject="CN=ci"), Deny)
    assert isinstance(judged("org", uris=(), subject=""), Deny)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"uris": ("spiffe://evil.example/a",)}, "not trusted"),
        ({"uris": (SPIFFE, "spiffe://acme.example/b")}, "other URIs"),
        ({"uris": (SPIFFE, "https://acme.example")}, "other URIs"),
        ({"uris": ("https://acme.example",)}, "other URIs"),
        ({"uris": ("spiffe://acme.example",)}, "path"),
        ({"uris": ("SPIFFE://acme.example/a",)}, "lower case"),
        ({"is_authority": True}, "authority"),
        ({"is_authority": None, "signs_certificates": True}, "authority"),
        ({"now": NOW - 1801}, "valid now"),
        ({"now": NOW + 1801}, "valid now"),
    ],
)
def test_what_is_no_workloads_certificate_is_refused(fields: dict[str, Any], why: str) -> None:
    outcome = judged("org", **fields)
    assert isinstance(outcome, Deny)
    assert (outcome.status, outcome.code) == (401, "certificate_not_accepted")
    assert why in outcome.message


def test_a_spiffe_id_that_is_not_trusted_does_not_fall_back_to_the_subject() -> None:
    assert isinstance(judged("org", uris=("spiffe://evil.example/a",), subject="CN=admin"), Deny)


@pytest.mark.parametrize(
    ("name", "is_it"),
    [
        ("CN=ci,O=Acme", True),
        ("cn=ci,o=Acme", False),
        ("CN=ci, O=Acme", False),
        ("CN=ci,O=Acme2", False),
        ("O=Acme,CN=ci", False),
        ("CN=c\\69,O=Acme", True),
        ("", False),
        ("nonsense", False),
    ],
)
def test_a_subject_is_compared_part_by_part(name: str, is_it: bool) -> None:
    read = read_certificate(certificate(subject="CN=ci,O=Acme"))
    assert is_subject(read, name) is is_it
    assert not is_subject(msgspec.structs.replace(read, subject=""), name)


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    with pytest.raises(BadCertificate):
        read_certificate(raw)


def test_an_enormous_certificate_is_not_read() -> None:
    with pytest.raises(BadCertificate, match="larger"):
        read_certificate(certificate() + b"\0" * 20_000)
