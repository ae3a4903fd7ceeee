"""Programs that prove who they are by a token of where they run."""

from typing import Any

import pytest

from entresol.core.decision import Deny
from entresol.core.fetching import FetchFailed
from entresol.identity.oauth.assertions import AssertionRefused, VerifiedAssertion
from entresol.identity.principal import Principal
from entresol.identity.records.accounts import ServiceAccount
from entresol.identity.records.issuers import ClaimMapping
from entresol.identity.workloads import FederatedAssertions, WorkloadIndex, as_account, subject_fault, subject_names
from unit.identity.issuing import ES256, ISSUER, NOW, claims, issuer, run, sign, verifier, web_of

US = "https://gateway.example"
CLUSTER = issuer(profile="kubernetes")
POD = "system:serviceaccount:prod:agent"
GITHUB = "https://token.actions.githubusercontent.com"
JOB = "repo:acme/app:ref:refs/heads/main"


def verify(token: bytes, record: Any = CLUSTER, web: Any = None) -> VerifiedAssertion:
    subject = verifier(record)
    return run(FederatedAssertions(lambda: subject).verify(token.decode(), (US,), NOW), web or web_of())


def test_a_pods_token_for_the_token_endpoint_is_an_assertion() -> None:
    found = verify(sign(claims(sub=POD, aud=[US]), typ=None))
    assert (found.organisation, found.issuer, found.subject, found.stands_for) == ("org", ISSUER, POD, "service")
    assert (found.type, found.expires_at) == ("", NOW + 600)
    assert "system:serviceaccounts:prod" in found.groups
    assert verify(sign(claims(sub=POD), typ="JWT")).type == "jwt"  # for an audience that the issuer is configured with


def test_everybodys_issuer_vouches_for_exact_subjects_without_a_condition() -> None:
    record = issuer(profile="github-actions", issuer=GITHUB)
    assert verify(sign(claims(iss=GITHUB, sub=JOB, aud=US), typ="JWT"), record).subject == JOB


def test_a_condition_and_a_subject_of_ones_own_count_for_workloads_too() -> None:
    mapping = ClaimMapping(
        subject="claims.repository_id + ':' + claims.ref", admit="claims.repository_owner_id == '42'"
    )
    record = issuer(profile="github-actions", issuer=GITHUB, mapping=mapping)
    job = claims(iss=GITHUB, sub=JOB, aud=US, repository_id="7", ref="refs/heads/main", repository_owner_id="42")
    assert verify(sign(job), record).subject == "7:refs/heads/main"
    with pytest.raises(AssertionRefused):
        verify(sign(job | {"repository_owner_id": "43"}), record)


def test_keys_are_fetched_on_the_way_and_an_issuer_that_is_down_is_a_failed_fetch() -> None:
    record = issuer(profile="kubernetes", jwks="")
    assert verify(sign(claims(sub=POD)), record).subject == POD
    with pytest.raises(FetchFailed):
        verify(sign(claims(sub=POD)), record, web_of("https://elsewhere.example"))


def test_a_key_that_is_being_fetched_by_somebody_else_is_a_failed_fetch_and_no_loop() -> None:
    subject = verifier(issuer(jwks=""))
    under_way = subject.check(sign(claims()), NOW)
    steps = under_way.start()  # type: ignore[union-attr]
    next(steps)
    with pytest.raises(FetchFailed, match="being fetched"):
        run(FederatedAssertions(lambda: subject).verify(sign(claims()).decode(), (US,), NOW), web_of())


@pytest.mark.parametrize(
    ("changes", "header"),
    [
        ({"aud": "https://other.example"}, {}),
        ({"exp": NOW - 60}, {}),
        ({"exp": None}, {}),
        ({"sub": None}, {}),
        ({"iss": "https://other.example"}, {}),
        ({}, {"typ": "dpop+jwt"}),
        ({}, {"typ": "logout+jwt"}),
        ({}, {"key": ES256, "alg": "HS256"}),
    ],
)
def test_other_tokens_are_refused(changes: dict[str, Any], header: dict[str, Any]) -> None:
    header = dict(header)
    if header.pop("key", None):
        from joserfc.jwk import OctKey

        token = sign(claims(sub=POD), OctKey.import_key("s" * 32, {"kid": "es-1"}), **header)
    else:
        token = sign(claims(**{"sub": POD} | changes), **header)
    with pytest.raises(AssertionRefused):
        verify(token)


def test_text_that_is_no_token_is_refused() -> None:
    with pytest.raises(AssertionRefused):
        run(FederatedAssertions(verifier).verify("é.é.é", (US,), NOW), web_of())


def principal(subject: str = POD, name: str = ISSUER, tenant: str = "org") -> Principal:
    return Principal(tenant=tenant, issuer=name, subject=subject, kind="user", roles=frozenset(("x",)))


def account(account_id: str = "sa-1", **fields: Any) -> ServiceAccount:
    return ServiceAccount(**({"id": account_id, "organisation": "org", "name": account_id} | fields))


def test_an_account_is_found_by_the_exact_name_of_its_workload() -> None:
    index = WorkloadIndex([account(subjects=(f"{ISSUER}|{POD}", "spiffe://acme.example/a"))])
    found = index.account_of(principal())
    assert found is not None
    assert found.id == "sa-1"
    assert index.account_of(principal("spiffe://acme.example/a", "spiffe://acme.example")) is found
    for other in (
        principal(POD + "2"),
        principal(POD, "https://other.example"),
        principal(tenant="two"),
        principal("spiffe://acme.example/a", "https://evil.example"),
        principal("|" + POD, ISSUER.removesuffix("|")),
    ):
        assert index.account_of(other) is None


def test_a_workload_that_two_accounts_name_is_neither() -> None:
    index = WorkloadIndex(
        [account(subjects=("i|s",)), account("sa-2", subjects=("i|s",)), account("sa-3", subjects=("i|s",))]
    )
    assert index.account_of(principal("s", "i")) is None


def test_a_workload_has_its_accounts_rights_and_none_that_claims_gave() -> None:
    bound = as_account(principal(), account(is_agent=True))
    assert isinstance(bound, Principal)
    assert (bound.kind, bound.account, bound.roles) == ("agent", "sa-1", frozenset())
    assert bound.key == principal().key
    outcome = as_account(principal(), account(is_active=False))
    assert isinstance(outcome, Deny)
    assert outcome.code == "account_disabled"
    with pytest.raises(ValueError, match="another organisation"):
        as_account(principal(tenant="two"), account())


@pytest.mark.parametrize(
    ("name", "is_good"),
    [
        (f"{GITHUB}|{JOB}", True),
        ("spiffe://acme.example/a", True),
        ("spiffe://acme.example|spiffe://acme.example/a", True),
        ("x509:CN=CA|CN=ci", True),
        (JOB, False),
        (f"{GITHUB}|", False),
        (f"{GITHUB}|repo:acme/*", False),
        ("spiffe://acme.example", False),
        ("idp|x", False),
        ("https://idp.example|a\nb", False),
    ],
)
def test_subjects_are_written_exactly(name: str, is_good: bool) -> None:
    assert (subject_fault(name) == "") is is_good


def test_names_of_workloads_are_told_apart_by_issuer() -> None:
    assert subject_names("i", "s") == ("i|s",)
    assert subject_names("https://evil.example", "spiffe://a/b") == ("https://evil.example|spiffe://a/b",)
