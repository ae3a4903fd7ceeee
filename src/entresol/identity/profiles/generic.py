"""What the standards say claims mean, for any issuer, and what other profiles differ from.

Sources: RFC 9068 §2.2 (`client_id`, `scope`, `groups`, `roles`), RFC 7519 §4.1, OpenID Connect Core §5.1.
"""

from typing import ClassVar

from entresol.identity.principal import PrincipalKind
from entresol.identity.profiles.reading import Claims, needed, text, texts, words
from entresol.identity.records.issuers import Issuer


class Generic:
    """A profile has no state: it reads claims, and knows what its issuers do differently."""

    name: ClassVar[str] = "generic"

    def faults(self, issuer: Issuer) -> tuple[str, ...]:
        """What is wrong with the configuration of such an issuer, for whoever saves it."""
        return ()

    def is_shared(self, issuer: Issuer) -> bool:
        """Whether strangers have accounts at it, so that a token alone says nothing."""
        return False

    def issuer_names(self, issuer: Issuer) -> tuple[str, ...]:
        """What `iss` may be, exactly."""
        return (issuer.issuer,)

    def vouches(self, issuer: Issuer, claims: Claims) -> bool:
        """Whether `iss` fits the other claims, where several may be right."""
        return text(claims, "iss") in self.issuer_names(issuer)

    def metadata_url(self, issuer: Issuer) -> str:
        """The issuer whose metadata to ask for."""
        return issuer.issuer

    def metadata_issuer(self, issuer: Issuer) -> str:
        """What that metadata says it is."""
        return issuer.issuer

    def audiences(self, configured: frozenset[str]) -> frozenset[str]:
        """What `aud` may be, given what an administrator wrote."""
        return configured

    def refusal(self, issuer: Issuer, claims: Claims) -> str:
        """Why it is no access token although everything else is right; empty if it is one."""
        return ""

    def subject(self, claims: Claims) -> str:
        """What stays the same for one person. Raises ClaimFault."""
        return needed(claims, "sub")

    def client(self, claims: Claims) -> str:
        """The OAuth client that the token was issued to."""
        return text(claims, "client_id") or text(claims, "azp")

    def kind(self, claims: Claims, otherwise: PrincipalKind) -> PrincipalKind:
        """What the subject is."""
        client = self.client(claims)
        return "service" if client and client == text(claims, "sub") else otherwise

    def scopes(self, claims: Claims) -> tuple[str, ...]:
        """Raises ClaimFault."""
        return words(claims, "scope" if "scope" in claims else "scp")

    def groups(self, claims: Claims) -> tuple[str, ...]:
        """Raises ClaimFault."""
        return texts(claims, "groups")

    def roles(self, claims: Claims) -> tuple[str, ...]:
        """What the issuer calls roles: for conditions, none of them is a role here by itself. Raises ClaimFault."""
        return texts(claims, "roles")

    def username(self, claims: Claims) -> str:
        """For people to read."""
        return text(claims, "preferred_username") or text(claims, "email")

    def email(self, claims: Claims) -> tuple[str, bool]:
        """The address, and whether the issuer has verified it."""
        return text(claims, "email"), claims.get("email_verified") is True

    def lacks_groups(self, claims: Claims) -> bool:
        """Whether the token says that there are groups it does not carry."""
        names = claims.get("_claim_names")
        return isinstance(names, dict) and "groups" in names


def unexpected(claims: Claims, name: str, *allowed: str) -> str:
    """Why a claim must not be what it is; empty if it may."""
    value = claims.get(name)
    return "" if value is None or value in allowed else f"the claim {name!r} is not {' or '.join(allowed)}"
