"""What is asked of a token, by what it is to be used for.

Sources: RFC 9068 §2.1 and §4 (access tokens), RFC 7523 §3 (assertions), OpenID Connect Core §3.1.3.7 (ID tokens),
RFC 8725 §3.11 (explicit types keep one kind of token from passing for another).
"""

from typing import Final

import msgspec


class TokenRules(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked besides signature, issuer and time."""

    types: frozenset[str]
    """Values of `typ`, in lower case and without `application/`; an empty one: none at all."""
    refuses_id_tokens: bool = True
    audiences: frozenset[str] | None = None
    """What `aud` may be. None: what the issuer is configured with."""
    also_for: frozenset[str] = frozenset()
    """What `aud` may be besides."""
    checks_binding: bool = True
    """Whether a token that is bound to a key needs its proof at once. Otherwise the caller sees to it: `bound_to`."""
    required: tuple[str, ...] = ()
    """Claims that must be there besides `iss`, `sub`, `aud` and `exp`."""
    authorised_party: str = ""
    """What `azp` must be where it is there; with several audiences it must be (OpenID Connect Core §3.1.3.7)."""
    longest_life_s: int | None = None
    """From `iat`, or now, to `exp`."""
    needs_admission: bool = True
    """Of an issuer that the whole world has accounts at, only those whom a condition admits. Without it somebody else
    must decide who comes in, by the exact subject."""


ACCESS_TOKEN: Final = TokenRules(types=frozenset(("", "jwt", "at+jwt")))
"""A token that is sent with a request. `at+jwt` is what RFC 9068 asks for, yet few issuers set it."""

ASSERTION: Final = TokenRules(
    types=frozenset(("", "jwt", "at+jwt", "oauth-id-jag+jwt")),
    refuses_id_tokens=False,
    checks_binding=False,
    needs_admission=False,
)
"""A token that is presented to the token endpoint (RFC 7523, RFC 8693). What it may bring depends on the grant, which
looks at its type and lets in only those whom an account names exactly."""


def id_token_rules(client_id: str) -> TokenRules:
    """What says who has signed in, fresh from the provider's token endpoint. The caller checks `nonce`."""
    return TokenRules(
        types=frozenset(("", "jwt")),
        refuses_id_tokens=False,
        audiences=frozenset((client_id,)),
        authorised_party=client_id,
        required=("iat",),
    )
