"""Auth0: the issuer ends with a slash, and claims of one's own have names that are URLs.

`groups`, `roles` and `permissions` are restricted names, so Actions set `https://NAMESPACE/groups`. Without an
`audience` in the authorization request Auth0's access tokens are opaque: they have no three parts and get nowhere here.
"""

from entresol.identity.principal import PrincipalKind
from entresol.identity.profiles.generic import Generic
from entresol.identity.profiles.reading import ClaimFault, Claims, text, texts
from entresol.identity.records.issuers import Issuer


class Auth0(Generic):
    name = "auth0"

    def faults(self, issuer: Issuer) -> tuple[str, ...]:
        return () if issuer.issuer.endswith("/") else ("Auth0's issuer has a slash at its end: https://TENANT/",)

    def client(self, claims: Claims) -> str:
        return text(claims, "azp") or text(claims, "client_id")

    def kind(self, claims: Claims, otherwise: PrincipalKind) -> PrincipalKind:
        is_program = text(claims, "gty") == "client-credentials" or text(claims, "sub").endswith("@clients")
        return "service" if is_program else "user"

    def groups(self, claims: Claims) -> tuple[str, ...]:
        return _namespaced(claims, "groups")

    def roles(self, claims: Claims) -> tuple[str, ...]:
        """Roles of an Action's claim, and `permissions`, which Auth0 adds where an API has RBAC."""
        return (*_namespaced(claims, "roles"), *texts(claims, "permissions"))

    def username(self, claims: Claims) -> str:
        return text(claims, "preferred_username") or text(claims, "email") or text(claims, "nickname")


def _namespaced(claims: Claims, name: str) -> tuple[str, ...]:
    """The one claim of that name in whatever namespace."""
    found = [claim for claim in claims if claim.startswith(("https://", "http://")) and claim.endswith(f"/{name}")]
    if len(found) > 1:
        raise ClaimFault(f"several claims end with /{name}: say in the mapping which one counts")
    return texts(claims, found[0]) if found else ()
