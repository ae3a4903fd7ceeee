"""Reading back what we have issued, where an endpoint of the authorization server is given it.

Resources have a way of their own, from memory (`identity.authenticate`).
"""

from joserfc.jwk import Key

from entresol.core.storage import Records
from entresol.identity.oauth.access_tokens import HEADER_TYPE
from entresol.identity.oauth.families import is_revoked
from entresol.identity.oauth.signed_tokens import BadToken, SignedToken, peek, read_signed_by
from entresol.identity.oauth.signing_keys import ALGORITHM, verification_keys
from entresol.identity.records.accounts import ServiceAccount, User


def is_ours(token: str, issuer: str) -> bool:
    """Whether a token says that we have issued it."""
    try:
        return peek(token).text("iss") == issuer
    except BadToken:
        return False


def read_own(records: Records, token: str, issuer: str, now: int) -> SignedToken:
    """Our access token, if it counts now. Raises BadToken, which says why."""

    def published(unproven: SignedToken) -> tuple[Key, ...]:
        kid = unproven.header.get("kid")
        return verification_keys(records, kid) if isinstance(kid, str) else ()

    read = read_signed_by(token, published, (ALGORITHM,))
    if read.type != HEADER_TYPE or read.text("iss") != issuer or not read.text("sub"):
        raise BadToken("it is no access token of this issuer")
    ends, issued = read.second("exp"), read.second("iat")
    if ends is None or issued is None or ends <= now:
        raise BadToken("it is over")
    if is_revoked(records, read.claims, issued):
        raise BadToken("it has been revoked")
    return read


def active_account(records: Records, account: str) -> User | ServiceAccount | None:
    """The user or service account with this id, if it is active."""
    found = records.get(User, account) or records.get(ServiceAccount, account)
    return found if found is not None and found.is_active else None
