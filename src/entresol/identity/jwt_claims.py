"""The registered claims of a token: when it counts, for whom, and bound to what.

Sources: RFC 7519 §4.1, RFC 9068 §4, OpenID Connect Core §2 and §3.1.3.6 (what only ID tokens have), RFC 7800 §3.1,
RFC 9449 §6.1 (`jkt`), RFC 8705 §3.1 (`x5t#S256`), RFC 8693 §4.1 (`act`).
"""

import math
from typing import TYPE_CHECKING, Any, Final

from entresol.identity.jwt_rules import TokenRules
from entresol.identity.principal import Actor
from entresol.identity.profiles.reading import Claims

if TYPE_CHECKING:  # it brings cryptography with it, and who only reads claims needs none
    from entresol.identity.issuer_trust import TrustedIssuer

MAX_AUDIENCES: Final = 64
MAX_ACTORS: Final = 8
_ONLY_IN_ID_TOKENS: Final = ("nonce", "at_hash", "c_hash", "s_hash")
_LAST_SECOND: Final = 2**40


def claims_refusal(claims: Claims, issuer: "TrustedIssuer", rules: TokenRules, now: int, proofs: frozenset[str]) -> str:
    """Why a token must not be taken, its signature aside; empty if it may."""
    return (
        _time_refusal(claims, rules, issuer.skew_s, now)
        or _missing(claims, (*rules.required, *issuer.record.required_claims))
        or _chain_refusal(claims)
        or (_party_refusal(claims, rules.authorised_party) if rules.authorised_party else "")
        or (_binding_refusal(claims, proofs) if rules.checks_binding else "")
        or (_id_token_refusal(claims, issuer) if rules.refuses_id_tokens else "")
    )


def numeric_date(claims: Claims, name: str) -> float | None:
    """Seconds since the epoch; None without the claim or where it is no time."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and 0 <= value < _LAST_SECOND else None


def audiences_of(claims: Claims) -> frozenset[str]:
    """Whom it is for; nobody if that cannot be read."""
    value = claims.get("aud")
    if isinstance(value, str):
        return frozenset((value,)) if value else frozenset()
    if not isinstance(value, list) or len(value) > MAX_AUDIENCES or not all(isinstance(item, str) for item in value):
        return frozenset()
    return frozenset(item for item in value if item)


def confirmation_of(claims: Claims) -> str:
    """The key that the token is bound to, as in `proofs`; empty if any bearer may use it; `unknown` if it is bound in
    a way that cannot be checked."""
    value = claims.get("cnf")
    if value is None:
        return ""
    if isinstance(value, dict) and len(value) == 1:
        name, thumbprint = next(iter(value.items()))
        if name in ("jkt", "x5t#S256") and isinstance(thumbprint, str) and thumbprint:
            return f"{name}:{thumbprint}"
    return "unknown"


def actors_of(claims: Claims, issuer: str) -> tuple[Actor, ...]:
    """Who acts for the subject, who acts now first. An actor without `iss` is the issuer's own."""
    chain: list[Actor] = []
    act: Any = claims.get("act")
    while isinstance(act, dict) and len(chain) < MAX_ACTORS:
        subject, named = act.get("sub"), act.get("iss", issuer)
        if not isinstance(subject, str) or not isinstance(named, str):
            break
        chain.append(Actor(issuer=named, subject=subject))
        act = act.get("act")
    return tuple(chain)


def _time_refusal(claims: Claims, rules: TokenRules, skew_s: int, now: int) -> str:
    expires_at = numeric_date(claims, "exp")
    if expires_at is None:
        return "the token does not say when it expires"
    if now >= expires_at + skew_s:
        return "the token has expired"
    for name in ("nbf", "iat"):
        if name not in claims:
            continue
        starts_at = numeric_date(claims, name)
        if starts_at is None or starts_at > now + skew_s:
            return f"the token is from the future: see its {name!r}"
    if rules.longest_life_s is not None:
        issued_at = numeric_date(claims, "iat")
        if expires_at - (now if issued_at is None else issued_at) > rules.longest_life_s + skew_s:
            return f"the token counts for more than {rules.longest_life_s} seconds"
    return ""


def _missing(claims: Claims, required: tuple[str, ...]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.strip():
        return "the token has no subject"
    absent = next((name for name in required if claims.get(name) is None), "")
    return f"the token lacks the claim {absent!r}" if absent else ""


def _binding_refusal(claims: Claims, proofs: frozenset[str]) -> str:
    bound_to = confirmation_of(claims)
    if bound_to and bound_to not in proofs:
        return "the token is bound to a key that the sender has not shown to hold"
    return ""


def _party_refusal(claims: Claims, party: str) -> str:
    if "azp" not in claims and len(audiences_of(claims)) == 1:
        return ""
    return "" if claims.get("azp") == party else "the token was issued to another client"


def _chain_refusal(claims: Claims) -> str:
    act = claims.get("act")
    if act is not None and not _is_chain(act):
        return "the token's chain of actors cannot be read"
    return ""


def _is_chain(act: Any) -> bool:
    for _ in range(MAX_ACTORS):
        if not isinstance(act, dict) or not isinstance(act.get("sub"), str) or not act["sub"]:
            return False
        if not isinstance(act.get("iss", ""), str):
            return False
        act = act.get("act")
        if act is None:
            return True
    return False


def _id_token_refusal(claims: Claims, issuer: "TrustedIssuer") -> str:
    """An ID token tells a client who signed in. Sent here, it is stolen or a mistake."""
    if any(name in claims for name in _ONLY_IN_ID_TOKENS) or claims.get("token_use", "access") != "access":
        return "an ID token is no access token"
    if issuer.login_client and issuer.login_client in audiences_of(claims):
        return "a token for the sign-in client is no access token"
    return issuer.profile.refusal(issuer.record, claims)
