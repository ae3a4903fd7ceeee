"""Google: ID tokens of service accounts (`gcloud auth print-identity-token --audiences=…`, metadata servers).

Google has no JWT access tokens. Its issuer is everybody's, so a condition or an exact subject decides who comes in.
"""

from entresol.identity.principal import PrincipalKind
from entresol.identity.profiles.generic import Generic
from entresol.identity.profiles.reading import Claims, text
from entresol.identity.records.issuers import Issuer

_ISSUER = "https://accounts.google.com"


class Google(Generic):
    name = "google"

    def is_shared(self, issuer: Issuer) -> bool:
        return True

    def issuer_names(self, issuer: Issuer) -> tuple[str, ...]:
        """Google writes its name in two ways (OpenID Connect Core §15.6.2)."""
        return (_ISSUER, "accounts.google.com") if issuer.issuer == _ISSUER else (issuer.issuer,)

    def client(self, claims: Claims) -> str:
        return text(claims, "azp")

    def kind(self, claims: Claims, otherwise: PrincipalKind) -> PrincipalKind:
        return "service" if text(claims, "email").endswith(".gserviceaccount.com") else "user"

    def username(self, claims: Claims) -> str:
        return text(claims, "email")
