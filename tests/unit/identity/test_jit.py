"""Users come and stay up to date by what their issuer says."""

from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
import pytest

from entresol.core.decision import Deny
from entresol.identity.jit import SignedIn, assignment_id, known_user, link, membership_id, sign_in
from entresol.identity.jwt_results import Mapped
from entresol.identity.records.access import Role, RoleAssignment
from entresol.identity.records.accounts import ExternalIdentity, Membership, Team, User
from fake_records import MemoryRecords
from unit.identity.issuing import NOW, issuer

ISSUER = issuer()
OTHER = issuer(id="iss-2", issuer="https://other.example")


def ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"id-{next(numbers)}"


def mapped(subject: str = "ada", **changes: Any) -> Mapped:
    fields: dict[str, Any] = {"subject": subject, "username": "Ada@Example.org", "email": "ada@example.org"}
    return Mapped(**(fields | changes))


def signed_in(records: MemoryRecords, of: Mapped, record: Any = ISSUER, now: int = NOW) -> SignedIn:
    fresh = ids()
    outcome = sign_in(records, record, of, now, lambda: f"{record.id}-{of.subject}-{fresh()}")
    assert isinstance(outcome, SignedIn), outcome
    return outcome


def roles_of(records: MemoryRecords, user: User) -> set[str]:
    return {assignment.role for assignment in records.find(RoleAssignment, grantee=user.id)}


def test_the_first_sign_in_makes_a_user_and_the_next_one_finds_it() -> None:
    records = MemoryRecords()
    first = signed_in(records, mapped(display_name="Ada L."))
    assert first.is_new
    assert (first.user.username, first.user.source, first.user.last_seen_at) == ("ada@example.org", "sign-in", NOW)
    second = signed_in(records, mapped(display_name="Ada Lovelace", email="new@example.org"), now=NOW + 60)
    assert (second.is_new, second.user.id) == (False, first.user.id)
    assert (second.user.display_name, second.user.email) == ("Ada Lovelace", "new@example.org")
    assert known_user(records, ISSUER, "ada") == second.user


def test_a_sign_in_that_changes_nothing_writes_nothing() -> None:
    records = MemoryRecords()
    first = signed_in(records, mapped(roles=frozenset(("member",)), teams=frozenset(("Eng",))))
    again = signed_in(records, mapped(roles=frozenset(("member",)), teams=frozenset(("Eng",))), now=NOW + 59)
    assert again.user.revision == first.user.revision


def test_the_same_subject_name_or_address_at_another_issuer_is_another_user() -> None:
    records = MemoryRecords()
    first, second = signed_in(records, mapped()), signed_in(records, mapped(), OTHER)
    assert first.user.id != second.user.id
    assert second.user.username.startswith("ada@example.org~")


def test_a_deactivated_user_is_refused_and_nothing_is_written() -> None:
    records = MemoryRecords()
    user = signed_in(records, mapped()).user
    records.replace(msgspec.structs.replace(user, is_active=False))
    outcome = sign_in(records, ISSUER, mapped(roles=frozenset(("admin",))), NOW, ids())
    assert isinstance(outcome, Deny)
    assert outcome.code == "account_disabled"
    assert roles_of(records, user) == set()


def test_a_removed_user_does_not_come_back_by_signing_in() -> None:
    records = MemoryRecords()
    user = signed_in(records, mapped()).user
    records.delete(User, user.id)
    for record in (ISSUER, issuer(links_directory=True)):
        outcome = sign_in(records, record, mapped(), NOW, ids())
        assert isinstance(outcome, Deny)
        assert outcome.code == "account_disabled"


def test_an_issuer_that_makes_no_users_lets_only_known_ones_in() -> None:
    records = MemoryRecords()
    closed = issuer(creates_users=False)
    outcome = sign_in(records, closed, mapped(), NOW, ids())
    assert isinstance(outcome, Deny)
    assert outcome.code == "no_account"
    assert records.count(User) == 0
    signed_in(records, mapped())
    assert not signed_in(records, mapped(), closed).is_new


@pytest.mark.parametrize("kind", ["service", "agent", "key"])
def test_programs_are_no_users(kind: Any) -> None:
    assert isinstance(sign_in(MemoryRecords(), ISSUER, mapped(kind=kind), NOW, ids()), Deny)


def test_roles_of_claims_come_and_go_and_others_stay() -> None:
    records = MemoryRecords()
    user = signed_in(records, mapped(roles=frozenset(("viewer", "operator")))).user
    records.insert(
        RoleAssignment(
            id=assignment_id("auditor", "user", user.id),
            organisation="org",
            role="auditor",
            grantee_kind="user",
            grantee=user.id,
        )
    )
    signed_in(records, mapped(roles=frozenset(("operator", "auditor"))))
    assert roles_of(records, user) == {"operator", "auditor"}
    signed_in(records, mapped())
    assert roles_of(records, user) == {"auditor"}


def test_roles_are_found_by_name_or_id_within_the_organisation_only() -> None:
    records = MemoryRecords()
    records.insert(Role(id="r1", organisation="org", name="Prompt Engineer"))
    records.insert(Role(id="r2", organisation="two", name="Owner"))
    user = signed_in(records, mapped(roles=frozenset(("Prompt Engineer", "r2")))).user
    assert roles_of(records, user) == {"r1"}


def test_teams_of_claims_are_made_joined_and_left_and_others_stay() -> None:
    records = MemoryRecords()
    records.insert(Team(id="t-local", organisation="org", name="Local"))
    first = signed_in(records, mapped(teams=frozenset(("Eng", "Local"))))
    eng = records.one(Team, organisation="org", name="Eng")
    assert eng is not None
    assert (eng.source, first.teams) == ("claims", frozenset((eng.id, "t-local")))
    records.insert(Team(id="t-two", organisation="org", name="Two"))
    records.insert(
        Membership(id=membership_id("t-two", first.user.id), organisation="org", team="t-two", member=first.user.id)
    )
    assert signed_in(records, mapped(teams=frozenset(("Eng",)))).teams == frozenset((eng.id, "t-two"))
    assert signed_in(records, mapped()).teams == frozenset(("t-two",))


def test_a_team_that_a_directory_keeps_is_not_joined_by_claims() -> None:
    records = MemoryRecords()
    records.insert(Team(id="t1", organisation="org", name="Eng", source="scim", external_id="x"))
    assert signed_in(records, mapped(teams=frozenset(("Eng",)))).teams == frozenset()


def test_what_administrators_and_directories_say_of_a_user_stays() -> None:
    records = MemoryRecords()
    records.insert(
        User(id="u1", organisation="org", username="ada", email="hr@example.org", source="scim", external_id="00u1")
    )
    assert isinstance(link(records, records.need(User, "u1"), ISSUER, "ada"), ExternalIdentity)
    assert signed_in(records, mapped()).user.email == "hr@example.org"


def test_a_user_of_the_directory_is_found_where_the_issuer_belongs_to_it() -> None:
    for record, subject, external_id in (
        (issuer(links_directory=True), "00u1", "00u1"),
        (issuer(links_directory=True, profile="entra"), "tenant:person", "person"),
    ):
        records = MemoryRecords()
        records.insert(User(id="u1", organisation="org", username="a", source="scim", external_id=external_id))
        assert signed_in(records, mapped(subject), record).user.id == "u1"
        assert signed_in(records, mapped(subject), issuer()).user.id == "u1"  # it is linked from now on


@pytest.mark.parametrize(
    ("record", "source"),
    [(issuer(), "scim"), (issuer(links_directory=True), "local"), (issuer(links_directory=True), "sign-in")],
)
def test_no_other_user_is_found_by_an_external_id(record: Any, source: Any) -> None:
    records = MemoryRecords()
    records.insert(User(id="u1", organisation="org", username="a", source=source, external_id="00u1"))
    assert signed_in(records, mapped("00u1"), record).is_new


def test_an_identity_belongs_to_one_user() -> None:
    records = MemoryRecords()
    ada, bob = signed_in(records, mapped()).user, signed_in(records, mapped("bob")).user
    assert isinstance(link(records, ada, OTHER, "x"), ExternalIdentity)
    assert isinstance(link(records, ada, OTHER, "x"), ExternalIdentity)
    taken = link(records, bob, OTHER, "x")
    assert isinstance(taken, Deny)
    assert taken.code == "identity_taken"
    assert signed_in(records, mapped("x"), OTHER).user.id == ada.id
    with pytest.raises(ValueError, match="another organisation"):
        link(records, ada, issuer(organisation="two"), "x")
