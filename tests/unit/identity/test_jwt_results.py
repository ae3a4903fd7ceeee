"""What comes of checking a token."""

from entresol.core.fetching import FetchRequest, Steps
from entresol.identity.jwt_results import Mapped, NeedGroups, NeedKeys


def steps() -> Steps[None]:
    yield FetchRequest(url="https://idp.example/keys")


def test_a_need_starts_its_steps_anew_each_time() -> None:
    for need in (NeedKeys(key="k", start=steps, why="w"), NeedGroups(key="g", start=steps, why="w")):
        assert next(need.start()) == next(need.start())


def test_claims_that_say_nothing_give_nothing() -> None:
    mapped = Mapped(subject="1")
    assert (mapped.groups, mapped.roles, mapped.teams, mapped.scopes) == (frozenset(),) * 4
