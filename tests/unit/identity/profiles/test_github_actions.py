"""Tokens of jobs of GitHub Actions."""

import pytest

from entresol.identity.profiles.github_actions import GitHubActions
from unit.identity.issuing import issuer
from unit.identity.profiles.told import Told, told

PROFILE = GitHubActions()
HOST = "https://token.actions.githubusercontent.com"


def test_a_job_is_a_program_without_scopes_or_groups() -> None:
    claims = {"sub": "repo:acme/app:ref:refs/heads/main", "repository": "acme/app", "scope": "admin", "groups": ["x"]}
    assert told(PROFILE, claims) == Told(claims["sub"], "service", "", username="acme/app")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "is_shared"),
    [(HOST, True), (f"{HOST}/", True), (f"{HOST}/acme", False), ("https://ghe.example/_services/token", False)],
)
def test_everybody_has_jobs_unless_the_issuer_is_an_enterprises_own(name: str, is_shared: bool) -> None:
    assert PROFILE.is_shared(issuer(issuer=name)) is is_shared
