"""Every profile, by the name that an Issuer record has."""

from typing import Final

from entresol.identity.profiles.auth0 import Auth0
from entresol.identity.profiles.entra import Entra
from entresol.identity.profiles.generic import Generic
from entresol.identity.profiles.github_actions import GitHubActions
from entresol.identity.profiles.google import Google
from entresol.identity.profiles.keycloak import Keycloak
from entresol.identity.profiles.kubernetes import Kubernetes
from entresol.identity.profiles.okta import Okta

PROFILES: Final[dict[str, Generic]] = {
    profile.name: profile
    for profile in (Generic(), Okta(), Entra(), Auth0(), Keycloak(), Google(), GitHubActions(), Kubernetes())
}
