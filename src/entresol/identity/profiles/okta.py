"""Okta: tokens of custom authorization servers.

The org authorization server (`https://ORG.okta.com`) issues tokens for Okta's own API only: their signature is nobody
else's to check (Okta, "Authorization servers"). `sub` of an access token is the login, which changes; `uid` does not.
"""

from urllib.parse import urlsplit

from entresol.identity.principal import PrincipalKind
from entresol.identity.profiles.generic import Generic
from entresol.identity.profiles.reading import Claims, needed, text
from entresol.identity.records.issuers import Issuer


class Okta(Generic):
    name = "okta"

    def faults(self, issuer: Issuer) -> tuple[str, ...]:
        faults = []
        if issuer.issuer.endswith("/"):
            faults.append("Okta's issuer has no slash at its end")
        if issuer.purpose == "tokens" and not _is_custom(issuer.issuer):
            faults.append("tokens of Okta's org authorization server are not for others: use https://ORG/oauth2/ID")
        return tuple(faults)

    def refusal(self, issuer: Issuer, claims: Claims) -> str:
        if not _is_custom(issuer.issuer):
            return "tokens of Okta's org authorization server are for Okta itself"
        return "" if text(claims, "cid") else "Okta's access tokens have the claim 'cid'"

    def subject(self, claims: Claims) -> str:
        """`uid`; of a program its client id; of an ID token `sub`, which there is the same as `uid`."""
        if "uid" in claims:
            return needed(claims, "uid")
        subject = needed(claims, "sub")
        client = text(claims, "cid")
        return subject if not client or client == subject else needed(claims, "uid")

    def client(self, claims: Claims) -> str:
        return text(claims, "cid")

    def kind(self, claims: Claims, otherwise: PrincipalKind) -> PrincipalKind:
        return "service" if text(claims, "cid") and "uid" not in claims else "user"

    def username(self, claims: Claims) -> str:
        return text(claims, "preferred_username") or (text(claims, "sub") if "uid" in claims else "")


def _is_custom(issuer: str) -> bool:
    path = urlsplit(issuer).path
    return path.startswith("/oauth2/") and len(path) > len("/oauth2/")
