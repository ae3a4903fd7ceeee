"""`id_token_hint` (OpenID Connect Core §3.1.2.1): a client says whom it expects, by an ID token that it was given."""

from entresol.core.storage import Records
from entresol.identity.oauth.signed_tokens import BadToken, peek, read_signed
from entresol.identity.oauth.signing_keys import ALGORITHM, verification_keys

_TYPES = ("", "jwt")


def hinted_user(records: Records, hint: str, issuer: str, client_id: str) -> str | None:
    """The user whom an ID token of ours for this client names, however old it is; None for anything else."""
    try:
        kid = peek(hint).header.get("kid")
        token = read_signed(hint, verification_keys(records, kid) if isinstance(kid, str) else (), (ALGORITHM,))
        if token.type not in _TYPES or token.text("iss") != issuer or client_id not in token.audiences:
            return None
        return token.text("sub") or None
    except BadToken:
        return None
