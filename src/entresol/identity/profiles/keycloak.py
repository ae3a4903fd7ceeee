"""Keycloak: roles in `realm_access` and `resource_access`, groups by path, the kind of a token in the claim `typ`."""

from typing import Any

from entresol.identity.principal import PrincipalKind
from entresol.identity.profiles.generic import Generic, unexpected
from entresol.identity.profiles.reading import ClaimFault, Claims, inner, text, texts
from entresol.identity.records.issuers import Issuer


class Keycloak(Generic):
    name = "keycloak"

    def faults(self, issuer: Issuer) -> tuple[str, ...]:
        faults = []
        if "account" in issuer.audiences:
            faults.append("every token of a realm has the audience 'account': give the client an audience mapper")
        if issuer.issuer.endswith("/"):
            faults.append("Keycloak's issuer has no slash at its end: https://HOST/realms/REALM")
        return tuple(faults)

    def refusal(self, issuer: Issuer, claims: Claims) -> str:
        """All of a realm's tokens have the same keys: ID and refresh tokens differ by `typ` only."""
        return unexpected(claims, "typ", "Bearer", "DPoP")

    def client(self, claims: Claims) -> str:
        return text(claims, "azp") or text(claims, "client_id")

    def kind(self, claims: Claims, otherwise: PrincipalKind) -> PrincipalKind:
        """A service account is a user with a reserved name."""
        client = self.client(claims)
        is_program = client != "" and text(claims, "preferred_username") == f"service-account-{client.lower()}"
        return "service" if is_program else "user"

    def roles(self, claims: Claims) -> tuple[str, ...]:
        """Realm roles by name, roles of clients as `CLIENT/ROLE`."""
        found = list(texts(inner(claims, "realm_access"), "roles"))
        for client, access in inner(claims, "resource_access").items():
            found += [f"{client}/{role}" for role in texts(_object(access), "roles")]
        return tuple(found)


def _object(value: Any) -> Claims:
    if not isinstance(value, dict):
        raise ClaimFault("the claim 'resource_access' must hold an object for each client")
    return value
