"""Whom a trusted issuer's token stands for here.

By issuer and subject alone: an e-mail address, or the same `sub` at another issuer, is nobody.
"""

from entresol.core.storage import Records
from entresol.identity.oauth.assertions import VerifiedAssertion
from entresol.identity.records.accounts import ExternalIdentity, ServiceAccount, User
from entresol.identity.workloads import subject_names


def service_account_of(records: Records, assertion: VerifiedAssertion) -> ServiceAccount | None:
    """The active service account that trusts this workload to act as it."""
    names = subject_names(assertion.issuer, assertion.subject)
    accounts = records.find(ServiceAccount, organisation=assertion.organisation)
    found = [account for account in accounts if set(names) & set(account.subjects)]
    if len(found) != 1:
        return None  # named by two, it is neither: which one would be a matter of chance
    return found[0] if found[0].is_active else None


def user_of(records: Records, assertion: VerifiedAssertion) -> User | None:
    """The active user who has this identity."""
    identity = records.one(
        ExternalIdentity,
        organisation=assertion.organisation,
        issuer=assertion.issuer,
        subject=assertion.subject,
    )
    user = records.get(User, identity.user) if identity is not None else None
    is_ours = user is not None and user.is_active and user.organisation == assertion.organisation
    return user if is_ours else None
