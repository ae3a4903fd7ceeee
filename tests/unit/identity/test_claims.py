"""What claims mean here, step by step."""

from typing import Any

import pytest

from entresol.identity.claims import ClaimReader, GroupsElsewhere, NotAdmitted, explain, mapping_faults
from entresol.identity.records.issuers import ClaimMapping
from unit.identity.issuing import claims, issuer

GROUPED: dict[str, Any] = claims(groups=["eng", "ops"], email="ada@example.org", email_verified=True, name="Ada L.")


def reader(**mapping: Any) -> ClaimReader:
    return ClaimReader(issuer(mapping=ClaimMapping(**mapping)))


def test_without_a_mapping_the_profile_says_what_claims_mean() -> None:
    mapped = reader().read(GROUPED)
    assert (mapped.subject, mapped.client, mapped.kind) == ("ada", "cli", "user")
    assert (mapped.scopes, mapped.groups) == (frozenset(("llm", "mcp")), frozenset(("eng", "ops")))
    assert (mapped.username, mapped.email, mapped.display_name) == ("ada@example.org", "ada@example.org", "Ada L.")
    assert mapped.is_email_verified
    assert (mapped.roles, mapped.teams) == (frozenset(), frozenset())


def test_a_mapping_says_what_the_profile_does_not() -> None:
    mapped = reader(
        subject="claims.iss + '#' + claims.sub",
        groups="groups.filter(g, g != 'ops') + ['all']",
        scopes="scopes.filter(s, s == 'llm')",
        username="claims.email.split('@')[0]",
        email="'x@' + claims.email.split('@')[1]",
        display_name="claims.sub.upperAscii()",
        roles=(("'ops' in claims.groups", "operator"), ("'ops' in groups", "never"), ("true", "member")),
        teams=(("groups.exists(g, g == 'eng')", "Engineering"),),
        attributes=(("domain", "claims.email.split('@')[1]"), ("department", "claims.department")),
        admit="'llm' in scopes",
    ).read(GROUPED)
    assert mapped.subject == "https://idp.example#ada"
    assert (mapped.groups, mapped.scopes) == (frozenset(("eng", "all")), frozenset(("llm",)))
    assert (mapped.username, mapped.email, mapped.display_name) == ("ada", "x@example.org", "ADA")
    assert not mapped.is_email_verified  # the issuer has verified another one
    assert (mapped.roles, mapped.teams) == (frozenset(("operator", "member")), frozenset(("Engineering",)))
    assert mapped.attributes == {"domain": "example.org"}


@pytest.mark.parametrize(
    ("mapping", "step"),
    [
        ({"subject": "claims.absent"}, "subject"),
        ({"subject": "claims.exp"}, "subject"),
        ({"subject": "''"}, "subject"),
        ({"subject": "groups == [] ? 'nobody' : 'a'"}, "subject"),
        ({"subject": "'a\\nb'"}, "subject"),
        ({"groups": "claims.absent"}, "groups"),
        ({"groups": "claims.sub"}, "groups"),
        ({"groups": "[1]"}, "groups"),
        ({"scopes": "claims.absent"}, "scopes"),
        ({"admit": "claims.absent == 'x'"}, "admit"),
        ({"admit": "!(claims.absent == 'x')"}, "admit"),
        ({"admit": "claims.sub"}, "admit"),
        ({"admit": "false"}, "admit"),
    ],
)
def test_a_fault_in_what_decides_keeps_everybody_out(mapping: dict[str, Any], step: str) -> None:
    with pytest.raises(NotAdmitted, match=f"^{step}: "):
        reader(**mapping).read(GROUPED)


@pytest.mark.parametrize(
    "changes",
    [
        {"groups": "a b", "sub": ""},
        {"groups": {"a": 1}},
        {"groups": [1]},
        {"scope": 7},
        {"sub": "x" * 513},
    ],
)
def test_claims_of_the_wrong_kind_keep_their_owner_out(changes: dict[str, Any]) -> None:
    with pytest.raises(NotAdmitted):
        reader().read(claims(**changes))


def test_groups_that_cannot_be_read_are_not_taken_for_none_by_an_expression() -> None:
    objects = claims(groups=[{"name": "eng"}])
    assert reader(groups="claims.groups.map(g, g.name)").read(objects).groups == frozenset(("eng",))
    with pytest.raises(NotAdmitted):
        reader(groups="groups.filter(g, g != 'x')").read(objects)


def test_issuers_roles_that_cannot_be_read_fail_the_conditions_that_ask_for_them() -> None:
    objects = claims(roles=[{"name": "admin"}])
    assert reader().read(objects).roles == frozenset()
    mapped = reader(roles=(("!('admin' in roles)", "a"), ("claims.roles.exists(r, r.name == 'admin')", "b"))).read(
        objects
    )
    assert mapped.roles == frozenset(("b",))
    with pytest.raises(NotAdmitted):
        reader(admit="!('blocked' in roles)").read(objects)


def test_a_condition_that_cannot_be_evaluated_gives_no_role_and_no_team() -> None:
    mapped = reader(
        roles=(("!('contractor' in claims.kinds)", "staff"), ("claims.sub", "b")), teams=(("claims.absent", "T"),)
    ).read(GROUPED)
    assert (mapped.roles, mapped.teams) == (frozenset(), frozenset())


def test_default_roles_are_for_people_only() -> None:
    record = issuer(default_roles=("member",))
    assert ClaimReader(record).read(claims()).roles == frozenset(("member",))
    assert ClaimReader(record).read(claims(sub="cli")).roles == frozenset()  # a program with its own token


def test_groups_that_the_token_does_not_carry_have_to_be_asked_for_whatever_the_mapping_says() -> None:
    overage = claims(_claim_names={"groups": "src1"})
    for mapping in ({}, {"groups": "['fixed']"}, {"admit": "!('blocked' in groups)"}):
        with pytest.raises(GroupsElsewhere):
            reader(**mapping).read(overage)
    assert reader().read(overage, frozenset(("g",))).groups == frozenset(("g",))
    assert reader(groups="groups.map(g, 'x-' + g)").read(overage, frozenset(("g",))).groups == frozenset(("x-g",))
    with pytest.raises(NotAdmitted):
        reader(admit="!('blocked' in groups)").read(overage, frozenset(("blocked",)))


def test_every_step_is_explained_even_after_one_that_refuses() -> None:
    record = issuer(mapping=ClaimMapping(admit="claims.level > 3", roles=(("claims.absent", "r"), ("true", "member"))))
    found = {finding.step: finding for finding in explain(record, GROUPED | {"level": 3})}
    assert list(found) == [
        *("subject", "kind", "groups", "issuer's roles", "scopes", "admit", "role r", "role member"),
        *("username", "email", "display_name"),
    ]
    assert (found["subject"].value, found["subject"].source) == ("ada", "profile generic")
    assert (found["admit"].value, found["admit"].fault, found["admit"].weight) == (
        False,
        "the condition does not hold",
        "refuses",
    )
    assert (found["role r"].value, found["role r"].fault) == (False, "there is no 'absent'")
    assert (found["role member"].value, found["role member"].source) == (True, "true")


def test_the_explanation_says_that_groups_are_missing() -> None:
    found = {f.step: f for f in explain(issuer(profile="entra"), claims(hasgroups=True))}
    assert "too many groups" in found["groups"].fault
    assert found["subject"].fault


def test_a_good_mapping_has_no_faults() -> None:
    assert mapping_faults(issuer(mapping=ClaimMapping(admit="true", roles=(("true", "r"),)))) == ()
