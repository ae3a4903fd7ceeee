"""Microsoft Entra ID: tokens of versions 1 and 2, one tenant or many, and groups that do not fit.

Source: Microsoft, "Access token claims reference" and "Secure applications and APIs by validating claims": a person is
`tid` and `oid` (`sub` differs per application), `iss` must be checked against `tid`.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from entresol.identity.principal import PrincipalKind
from entresol.identity.profiles.generic import Generic
from entresol.identity.profiles.reading import ClaimFault, Claims, needed, text, texts, words
from entresol.identity.records.issuers import Issuer

_GUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_IS_GUID: Final = re.compile(_GUID)
_V2: Final = re.compile(rf"(?P<host>https?://[^/]+)/(?P<tenant>{_GUID}|common|organizations|\{{tenantid\}})/v2\.0")
_V1: Final = re.compile(rf"https://sts\.(?:windows\.net|chinacloudapi\.cn)/{_GUID}/")
_V1_HOSTS: Final = {
    "https://login.microsoftonline.com": "https://sts.windows.net",
    "https://login.microsoftonline.us": "https://sts.windows.net",
    "https://login.partner.microsoftonline.cn": "https://sts.chinacloudapi.cn",
}
_TEMPLATE: Final = "{tenantid}"


class Entra(Generic):
    name = "entra"

    def faults(self, issuer: Issuer) -> tuple[str, ...]:
        if _V2.fullmatch(issuer.issuer) is None and _V1.fullmatch(issuer.issuer) is None:
            return (
                "Entra's issuer is https://login.microsoftonline.com/TENANT-ID/v2.0, for many tenants …/common/v2.0",
            )
        return ()

    def is_shared(self, issuer: Issuer) -> bool:
        """Anybody can make a tenant."""
        return self.is_multi_tenant(issuer)

    def is_multi_tenant(self, issuer: Issuer) -> bool:
        """Whether tokens of any tenant have the issuer's keys."""
        match = _V2.fullmatch(issuer.issuer)
        return match is not None and _IS_GUID.fullmatch(match["tenant"]) is None

    def issuer_names(self, issuer: Issuer) -> tuple[str, ...]:
        """Which version a token has is the application's choice; its tenant and keys are the same. For many tenants:
        the template."""
        match = _V2.fullmatch(issuer.issuer)
        if match is None:
            return (issuer.issuer,)
        tenant = _TEMPLATE if self.is_multi_tenant(issuer) else match["tenant"]
        first = f"{match['host']}/{tenant}/v2.0"
        old = _V1_HOSTS.get(match["host"])
        return (first, f"{old}/{tenant}/") if old else (first,)

    def vouches(self, issuer: Issuer, claims: Claims) -> bool:
        """`iss` is that of the token's own tenant, and of the version it says it has."""
        tenant, iss = text(claims, "tid"), text(claims, "iss")
        if _IS_GUID.fullmatch(tenant) is None:
            return False
        names = [name.replace(_TEMPLATE, tenant) for name in self.issuer_names(issuer)]
        version = "2.0" if iss.endswith("/v2.0") else "1.0"
        return iss in names and f"/{tenant}/" in iss and text(claims, "ver") in ("", version)

    def metadata_url(self, issuer: Issuer) -> str:
        return issuer.issuer.replace(_TEMPLATE, "common")

    def metadata_issuer(self, issuer: Issuer) -> str:
        return self.issuer_names(issuer)[0]

    def audiences(self, configured: frozenset[str]) -> frozenset[str]:
        """Version 2 has the application's id, version 1 its URI, which is `api://ID` unless somebody changed it."""
        ids = {name.removeprefix("api://") for name in configured}
        return configured | {form for i in ids if _IS_GUID.fullmatch(i) for form in (i, f"api://{i}")}

    def refusal(self, issuer: Issuer, claims: Claims) -> str:
        """An ID token may have the very same audience; only access tokens name the client that asked."""
        return "" if self.client(claims) else "Entra's access tokens have the claim 'azp' or 'appid'"

    def subject(self, claims: Claims) -> str:
        tenant, person = needed(claims, "tid"), needed(claims, "oid")
        if _IS_GUID.fullmatch(tenant) is None or _IS_GUID.fullmatch(person) is None:
            raise ClaimFault("the claims 'tid' and 'oid' must be ids of Entra")
        return f"{tenant}:{person}"

    def client(self, claims: Claims) -> str:
        return text(claims, "azp") or text(claims, "appid")

    def kind(self, claims: Claims, otherwise: PrincipalKind) -> PrincipalKind:
        """`idtyp` is optional; only tokens for users have `scp`."""
        if not self.client(claims):
            return "user"  # an ID token
        stated = text(claims, "idtyp")
        return "service" if stated == "app" or (not stated and "scp" not in claims) else "user"

    def scopes(self, claims: Claims) -> tuple[str, ...]:
        """`scp` of users; programs have application permissions in `roles`."""
        return words(claims, "scp") if "scp" in claims else texts(claims, "roles")

    def username(self, claims: Claims) -> str:
        return text(claims, "preferred_username") or text(claims, "upn") or text(claims, "unique_name")

    def email(self, claims: Claims) -> tuple[str, bool]:
        """Never verified: whoever runs a tenant writes into it what they like."""
        return text(claims, "email"), claims.get("xms_edov") in (True, "1", 1)

    def lacks_groups(self, claims: Claims) -> bool:
        """More than 200 groups: a link instead of a list."""
        names = claims.get("_claim_names")
        return (
            (isinstance(names, dict) and "groups" in names)
            or claims.get("hasgroups") in (True, "true")
            or any(name.startswith("groups:src") for name in claims)
        )


def cloud_of(issuer: str) -> str:
    """The host that signs in, `https://login.microsoftonline.com` for one."""
    parts = urlsplit(issuer)
    host = f"{parts.scheme}://{parts.netloc}"
    return {new: old for old, new in reversed(_V1_HOSTS.items())}.get(host, host)
