"""Check tokens that other issuers have signed.

Sources: RFC 8725 (best practices for JWTs), RFC 9068 §4 (access tokens), RFC 7519 §7.2, RFC 6750 §3.1
(`invalid_token`), RFC 7800 §3 (`cnf`), RFC 8693 §4.1 (`act`).

The issuer is chosen by the unverified `iss` among those that are configured, and all that matters then comes from its
record: where the keys are, which algorithms it uses, who tokens may be for. Nothing in the token's header chooses a key
but `kid`, which is only ever compared.
"""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, Final

from entresol.core.decision import Deny, header
from entresol.core.fetching import Steps
from entresol.identity.claims import GroupsElsewhere, NotAdmitted
from entresol.identity.issuer_trust import TrustedIssuer, TrustedIssuers
from entresol.identity.jwks import NoKey
from entresol.identity.jwks_keys import VerificationKey
from entresol.identity.jwt_claims import actors_of, audiences_of, claims_refusal, confirmation_of, numeric_date
from entresol.identity.jwt_parsing import MAX_KID_CHARACTERS, MalformedToken, ParsedToken, parse
from entresol.identity.jwt_results import Mapped, NeedGroups, NeedKeys, Outcome, Verified
from entresol.identity.jwt_rules import ACCESS_TOKEN, TokenRules
from entresol.identity.principal import Principal
from entresol.identity.profiles.entra_groups import GroupSource, MissingGroups

_KEY_IN_HEADER: Final = ("jku", "jwk", "x5u")
_UNUSUAL: Final = ("crit", "b64", "enc", "zip", "cty", *_KEY_IN_HEADER)


class Verifier:
    """Checks tokens against a set of issuers. Cheap to make anew when records change: keys and groups stay in their
    caches. No clock, no socket: see `jwt_results` for how to run what it needs."""

    def __init__(self, issuers: TrustedIssuers, groups: GroupSource | None = None) -> None:
        self.issuers = issuers
        self._groups = groups or GroupSource()

    def check(
        self,
        token: bytes,
        now: int,
        rules: TokenRules = ACCESS_TOKEN,
        *,
        organisation: str | None = None,
        issuer_id: str | None = None,
        proofs: frozenset[str] = frozenset(),
    ) -> Outcome:
        """What the token proves. `now`: seconds since the epoch.

        `organisation`, `issuer_id`: take no other's tokens. `proofs`: the keys that the sender has shown to hold, as
        `jkt:THUMBPRINT` or `x5t#S256:THUMBPRINT`; a token that is bound to a key counts with its proof only.

        Refusals: 401 `invalid_token`, 403 `not_admitted`, 503 `issuer_unavailable` and `groups_unavailable`.
        """
        try:
            parsed = parse(token)
        except MalformedToken as fault:
            return _invalid(str(fault))
        refusal = _header_refusal(parsed.header, rules)
        if refusal:
            return _invalid(refusal)
        chosen = self._choose(parsed, rules, organisation, issuer_id)
        if isinstance(chosen, str):
            return _invalid(chosen)
        issuer, audiences = chosen
        refusal = claims_refusal(parsed.claims, issuer, rules, now, proofs)
        if refusal:
            return _invalid(refusal)
        outcome = _check_signature(parsed, issuer, now)
        if outcome is not None:
            return outcome
        if rules.needs_admission and issuer.needs_admission:
            return _not_admitted("everybody can have an account at this issuer, and no condition says who may come in")
        mapped = self._map(parsed, issuer, now)
        if not isinstance(mapped, Mapped):
            return mapped
        return _verified(token, parsed, issuer, audiences, mapped)

    def due(self, now: int) -> tuple[NeedKeys, ...]:
        """Keys to fetch now so that no request has to wait for them. Ask every few seconds."""
        caches = {issuer.source: issuer for issuer in self.issuers.by_id.values()}
        return tuple(_need_keys(issuer, now) for issuer in caches.values() if issuer.keys.is_due(now))

    def missing(self, now: int) -> tuple[NeedKeys, ...]:
        """Keys of issuers that none were fetched of yet: to have them before the first token comes."""
        caches = {issuer.source: issuer for issuer in self.issuers.by_id.values()}
        return tuple(_need_keys(issuer, now) for issuer in caches.values() if not issuer.keys.is_filled)

    def _choose(
        self, parsed: ParsedToken, rules: TokenRules, organisation: str | None, issuer_id: str | None
    ) -> tuple[TrustedIssuer, frozenset[str]] | str:
        """The issuer, and which of its audiences the token is for; or why there is none."""
        known = [
            issuer
            for issuer in self.issuers.named(parsed.issuer)
            if (issuer_id == issuer.record.id if issuer_id is not None else issuer.vouches_for_tokens)
            and (organisation is None or issuer.record.organisation == organisation)
            and issuer.profile.vouches(issuer.record, parsed.claims)
        ]
        if not known:
            return "the token's issuer is not trusted here"
        meant = audiences_of(parsed.claims)
        fitting = [(issuer, audiences) for issuer in known if (audiences := meant & _audiences(issuer, rules))]
        if not fitting:
            return "the token is not meant for this gateway"
        if len(fitting) > 1:
            return "several organisations trust this issuer for the same audience: give each its own"
        return fitting[0]

    def _map(self, parsed: ParsedToken, issuer: TrustedIssuer, now: int) -> Mapped | Deny | NeedGroups:
        try:
            return issuer.reader.read(parsed.claims)
        except NotAdmitted as refused:
            return _not_admitted(str(refused))
        except GroupsElsewhere:
            pass
        groups = self._groups.of(issuer.record, parsed.claims, now)
        if isinstance(groups, MissingGroups):
            if groups.start is not None:
                return NeedGroups(key=groups.key, start=groups.start, why="the token has too many groups")
            return _unavailable("groups_unavailable", groups.why, groups.retry_after_s)
        try:
            return issuer.reader.read(parsed.claims, groups)
        except NotAdmitted as refused:
            return _not_admitted(str(refused))


def _audiences(issuer: TrustedIssuer, rules: TokenRules) -> frozenset[str]:
    return (issuer.audiences if rules.audiences is None else rules.audiences) | rules.also_for


def _header_refusal(head: dict[str, Any], rules: TokenRules) -> str:
    for name in _UNUSUAL:
        if name in head:
            return f"the token's header has {name!r}"
    kid = head.get("kid", "")
    if not isinstance(kid, str) or len(kid) > MAX_KID_CHARACTERS:
        return "the token's key id is no text, or too long"
    kind = head.get("typ", "")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in rules.types:
        return "the token is of another type"
    return ""


def _check_signature(parsed: ParsedToken, issuer: TrustedIssuer, now: int) -> Deny | NeedKeys | None:
    """None: it is the issuer's."""
    algorithm = parsed.algorithm
    if algorithm not in issuer.algorithms:
        return _invalid("the issuer does not sign with this algorithm")
    keys = issuer.keys.find(parsed.header.get("kid", ""), algorithm, now)
    if keys is NoKey.FETCH:
        return _need_keys(issuer, now)
    if keys is NoKey.DOWN:
        return _unavailable("issuer_unavailable", "the issuer's keys cannot be fetched", issuer.keys.retry_after_s)
    if keys is NoKey.UNKNOWN:
        return _invalid("the issuer has no such key")
    return None if _is_signed(parsed, algorithm, keys) else _invalid("the signature is wrong")


def _is_signed(parsed: ParsedToken, algorithm: str, keys: Iterable[VerificationKey]) -> bool:
    return any(key.verifies(algorithm, parsed.signing_input, parsed.signature) for key in keys)


def _need_keys(issuer: TrustedIssuer, now: int) -> NeedKeys:
    keys = issuer.keys
    source = issuer.source
    start: Callable[[], Steps[None]] = lambda: keys.refresh(now)  # noqa: E731
    key = f"keys:{source.issuer}|{source.jwks_uri}"
    return NeedKeys(key=key, start=start, why=f"the keys of {source.issuer} have to be fetched")


def _verified(
    token: bytes, parsed: ParsedToken, issuer: TrustedIssuer, audiences: frozenset[str], mapped: Mapped
) -> Verified:
    claims, record = parsed.claims, issuer.record
    expires_at = int(numeric_date(claims, "exp") or 0)
    token_id = claims.get("jti")
    acr = claims.get("acr")
    auth_time = numeric_date(claims, "auth_time")
    issued_at = numeric_date(claims, "iat")
    principal = Principal(
        tenant=record.organisation,
        issuer=record.issuer,
        subject=mapped.subject,
        kind=mapped.kind,
        actors=actors_of(claims, record.issuer),
        client=mapped.client,
        groups=mapped.groups,
        roles=mapped.roles,
        scopes=mapped.scopes,
        auth_time=None if auth_time is None else int(auth_time),
        acr=acr if isinstance(acr, str) else "",
        token_id=token_id if isinstance(token_id, str) and len(token_id) <= 256 else "",
        fingerprint=sha256(token).hexdigest()[:16],
        expires_at=expires_at,
        attributes=mapped.attributes,
    )
    return Verified(
        principal=principal,
        mapped=mapped,
        claims=claims,
        header=parsed.header,
        audiences=audiences,
        issuer=record.id,
        issued_at=None if issued_at is None else int(issued_at),
        expires_at=expires_at,
        bound_to=confirmation_of(claims),
    )


def _invalid(why: str) -> Deny:
    return Deny(401, "invalid_token", why)


def _not_admitted(why: str) -> Deny:
    return Deny(403, "not_admitted", f"the token is genuine, but its claims do not admit it: {why}")


def _unavailable(code: str, why: str, retry_after_s: int) -> Deny:
    return Deny(503, code, why, (header("retry-after", max(1, retry_after_s)),))
