"""Workload identity: programs that prove who they are by a token of where they run.

A ServiceAccount names the workloads that may act as it, each as `ISSUER|SUBJECT` or `spiffe://DOMAIN/PATH`, exactly:
no patterns, so that nobody comes in by a name that only looks alike. Their tokens come from Kubernetes, GitHub Actions,
a cloud, or are certificates.

Sources: RFC 7523 §3 (assertions), draft-ietf-wimse-workload-identity-practices, SPIFFE-ID.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from entresol.core.decision import Deny
from entresol.core.fetching import FetchFailed, Steps
from entresol.identity.jwt_results import NeedGroups, NeedKeys, Verified
from entresol.identity.jwt_rules import ASSERTION
from entresol.identity.jwt_verification import Verifier
from entresol.identity.oauth.assertions import AssertionRefused, VerifiedAssertion
from entresol.identity.principal import Principal
from entresol.identity.records.accounts import ServiceAccount
from entresol.identity.spiffe import spiffe_fault

_TRIES: Final = 3
"""Keys, groups, and the answer."""


def subject_names(issuer: str, subject: str) -> tuple[str, ...]:
    """How a ServiceAccount may name this subject."""
    whole = f"{issuer}|{subject}"
    return (whole, subject) if subject.startswith("spiffe://") and issuer.startswith("spiffe://") else (whole,)


def subject_fault(name: str) -> str:
    """Why an entry of `ServiceAccount.subjects` names nobody; empty if it may."""
    if name.startswith("spiffe://") and "|" not in name:
        return spiffe_fault(name)
    issuer, bar, subject = name.partition("|")
    if not bar or not subject.strip() or not name.isprintable():
        return "write ISSUER|SUBJECT, or spiffe://DOMAIN/PATH"
    if "*" in subject:
        return "a subject is named exactly, without patterns"
    parts = urlsplit(issuer)
    is_issuer = (parts.scheme in ("https", "http") and parts.netloc) or parts.scheme in ("spiffe", "x509")
    return "" if is_issuer else "the issuer is written as in its tokens: https://…"


class WorkloadIndex:
    """Which account a workload is, for those who look it up often."""

    def __init__(self, accounts: Iterable[ServiceAccount]) -> None:
        self._accounts: dict[tuple[str, str], ServiceAccount | None] = {}
        for account in accounts:
            for name in set(account.subjects):
                place = (account.organisation, name)
                # Named by two, it is neither: which one would be a matter of chance.
                self._accounts[place] = None if place in self._accounts else account

    def account_of(self, principal: Principal) -> ServiceAccount | None:
        """The account that names it, active or not; None without one."""
        for name in subject_names(principal.issuer, principal.subject):
            account = self._accounts.get((principal.tenant, name))
            if account is not None:
                return account
        return None


def as_account(principal: Principal, account: ServiceAccount) -> Principal | Deny:
    """The workload as its account: with the account's rights, and none of those that claims gave."""
    if account.organisation != principal.tenant:
        raise ValueError("an account of another organisation")
    if not account.is_active:
        return Deny(403, "account_disabled", "the service account has been deactivated")
    return msgspec.structs.replace(
        principal,
        kind="agent" if account.is_agent else "service",
        account=account.id,
        roles=frozenset(),
        groups=frozenset(),
    )


class FederatedAssertions:
    """Other issuers' tokens at the token endpoint: `oauth.assertions.AssertionVerifier` over a Verifier."""

    def __init__(self, verifier: Callable[[], Verifier]) -> None:
        """`verifier`: the current one."""
        self._verifier = verifier

    def verify(self, token: str, audiences: Sequence[str], now: int) -> Steps[VerifiedAssertion]:
        """Raises AssertionRefused, or FetchFailed where the issuer cannot be reached now."""
        verifier = self._verifier()
        rules = msgspec.structs.replace(ASSERTION, also_for=frozenset(audiences))
        try:
            raw = token.encode("ascii")
        except UnicodeEncodeError:
            raise AssertionRefused("the token is no base64url") from None
        for _ in range(_TRIES):
            outcome = verifier.check(raw, now, rules)
            if isinstance(outcome, NeedKeys | NeedGroups):
                yield from outcome.start()
            elif isinstance(outcome, Verified):
                return _assertion(outcome)
            elif outcome.status == 503:
                raise FetchFailed("the token's issuer", outcome.message)
            else:
                raise AssertionRefused(outcome.message)
        raise FetchFailed("the token's issuer", "its keys are being fetched")


def _assertion(verified: Verified) -> VerifiedAssertion:
    principal, kind = verified.principal, verified.header.get("typ", "")
    return VerifiedAssertion(
        organisation=principal.tenant,
        issuer=principal.issuer,
        subject=principal.subject,
        stands_for="user" if principal.kind == "key" else principal.kind,
        type=str(kind).lower().removeprefix("application/"),
        claims=verified.claims,
        groups=tuple(sorted(principal.groups)),
        expires_at=verified.expires_at,
    )
