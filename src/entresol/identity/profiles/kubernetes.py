"""Kubernetes: projected tokens of service accounts (`system:serviceaccount:NAMESPACE:NAME`).

Source: Kubernetes, "Service accounts" and "Authenticating" (the groups that a service account is in).
"""

from entresol.identity.principal import PrincipalKind
from entresol.identity.profiles.generic import Generic
from entresol.identity.profiles.reading import Claims, text
from entresol.identity.records.issuers import Issuer

_PREFIX = "system:serviceaccount:"


class Kubernetes(Generic):
    name = "kubernetes"

    def faults(self, issuer: Issuer) -> tuple[str, ...]:
        return () if issuer.audiences else ("say which audiences tokens are projected for",)

    def refusal(self, issuer: Issuer, claims: Claims) -> str:
        parts = text(claims, "sub").removeprefix(_PREFIX).split(":")
        is_account = text(claims, "sub").startswith(_PREFIX) and len(parts) == 2 and all(parts)
        return "" if is_account else f"the subject is not {_PREFIX}NAMESPACE:NAME"

    def kind(self, claims: Claims, otherwise: PrincipalKind) -> PrincipalKind:
        return "service"

    def client(self, claims: Claims) -> str:
        return ""

    def scopes(self, claims: Claims) -> tuple[str, ...]:
        return ()

    def groups(self, claims: Claims) -> tuple[str, ...]:
        namespace = text(claims, "sub").removeprefix(_PREFIX).partition(":")[0]
        return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")

    def roles(self, claims: Claims) -> tuple[str, ...]:
        return ()

    def username(self, claims: Claims) -> str:
        return text(claims, "sub")
