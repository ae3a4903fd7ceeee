"""GitHub Actions: the tokens of jobs.

Everybody's workflows have the same issuer: an exact subject (`repo:ORG/REPO:ref:refs/heads/main`) or a condition
decides. Names of repositories can be given up and taken by others; `repository_owner_id` and `repository_id` cannot.
"""

from urllib.parse import urlsplit

from entresol.identity.principal import PrincipalKind
from entresol.identity.profiles.generic import Generic
from entresol.identity.profiles.reading import Claims, text
from entresol.identity.records.issuers import Issuer


class GitHubActions(Generic):
    name = "github-actions"

    def is_shared(self, issuer: Issuer) -> bool:
        """But not an enterprise's own issuer, which has a path, or its own server."""
        parts = urlsplit(issuer.issuer)
        return parts.netloc == "token.actions.githubusercontent.com" and parts.path.strip("/") == ""

    def kind(self, claims: Claims, otherwise: PrincipalKind) -> PrincipalKind:
        return "service"

    def client(self, claims: Claims) -> str:
        return ""

    def scopes(self, claims: Claims) -> tuple[str, ...]:
        return ()

    def groups(self, claims: Claims) -> tuple[str, ...]:
        return ()

    def roles(self, claims: Claims) -> tuple[str, ...]:
        return ()

    def username(self, claims: Claims) -> str:
        return text(claims, "repository")
