"""One answer for every door."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from entresol.core.decision import Deny
from entresol.core.fetching import Steps
from entresol.identity.authenticate import MAX_REMEMBERED, Authenticator, Pending, is_within
from entresol.identity.jwt_results import Mapped, NeedKeys, Outcome, Verified
from entresol.identity.oauth.families import revoke
from entresol.identity.own_access import OwnTokens
from entresol.identity.presented import Presented
from entresol.identity.principal import Principal
from entresol.identity.records.accounts import ServiceAccount, User
from entresol.identity.records.oauth_clients import OAuthClient
from entresol.identity.snapshot import take
from entresol.identity.virtual_keys import Wanted, create, pepper_of, rotate
from entresol.identity.virtual_keys import revoke as revoke_key
from fake_records import MemoryRecords
from unit.identity.people import ADA, GATEWAY, IDP, NOW, peopled
from unit.identity.test_own_access import own, token

STRANGER = Principal(tenant="org", issuer=IDP, subject="eve", kind="user", scopes=frozenset(("llm",)), client="app")


class Others:
    """Another issuer's tokens, as the test says."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.asked = 0

    def check(self, token: bytes, now: int, *, proofs: frozenset[str] = frozenset()) -> Outcome:
        self.asked += 1
        return self.outcomes[min(self.asked, len(self.outcomes)) - 1]


class Door:
    """An authenticator over records that a test changes."""

    def __init__(self, others: Others | None = None) -> None:
        self.records = peopled()
        self.others = others or Others(Deny(401, "invalid_token", "no"))
        self.authenticator = Authenticator(pepper_of(self.records), own(), self.others)
        self.look()

    def look(self) -> None:
        self.authenticator.use(take(self.records, GATEWAY))

    def ask(self, credential: str | bytes, address: str = "", now: int = NOW, *proofs: str) -> Any:
        raw = credential if isinstance(credential, bytes) else credential.encode()
        return self.authenticator.authenticate(Presented(raw, address, frozenset(proofs)), now)

    def code(self, credential: str, address: str = "", now: int = NOW, *proofs: str) -> str:
        found = self.ask(credential, address, now, *proofs)
        assert isinstance(found, Deny), found
        return found.code

    def key(self, **wanted: Any) -> str:
        new = create(self.records, ADA, replace(Wanted(name="k"), **wanted), "x", frozenset(("llm",)), NOW)
        self.look()
        self.key_id = new.record.id
        return new.key


def verified(principal: Principal = STRANGER, **fields: Any) -> Verified:
    known: dict[str, Any] = {
        "principal": principal, "mapped": Mapped(subject=principal.subject, teams=frozenset(("lab",))), "claims": {},
        "header": {}, "audiences": frozenset(("x",)), "issuer": "i", "issued_at": NOW, "expires_at": NOW + 600,
    }  # fmt: skip
    return Verified(**(known | fields))


def test_a_key_is_its_owner() -> None:
    door = Door()
    found = door.ask(door.key())
    assert isinstance(found, Principal)
    assert (found.account, found.token_id) == ("u-ada", door.key_id)


def test_a_key_that_nobody_holds_is_told_from_one_that_is_cut_off() -> None:
    door = Door()
    key = door.key()
    other = Door().key()
    assert "nobody holds" in door.ask(other).message
    assert "cut off" in door.ask(key[:-1]).message
    assert door.code(other) == door.code(key[:-1]) == "invalid_key"


def test_a_key_ends_at_its_second() -> None:
    door = Door()
    key = door.key(expires_at=NOW + 10)
    assert isinstance(door.ask(key, now=NOW + 9), Principal)
    assert door.code(key, now=NOW + 10) == "key_expired"


def test_a_revoked_key_ends_with_the_next_snapshot() -> None:
    door = Door()
    key = door.key()
    revoke_key(door.records, door.key_id, NOW)
    door.look()
    assert door.code(key) == "key_revoked"


def test_the_old_text_of_a_rotated_key_ends_after_the_overlap() -> None:
    door = Door()
    old = door.key()
    new = rotate(door.records, door.key_id, NOW, overlap_s=60).key
    door.look()
    assert isinstance(door.ask(old, now=NOW + 59), Principal)
    assert door.code(old, now=NOW + 60) == "key_expired"
    assert isinstance(door.ask(new, now=NOW + 60), Principal)


def test_a_key_may_be_bound_to_addresses() -> None:
    door = Door()
    key = door.key(addresses=("10.0.0.0/8", "2001:db8::/32"))
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1", "10.1.2.3"):
        assert isinstance(door.ask(key, address), Principal)
    for address in ("11.0.0.1", "", "10.0.0.1.evil.example", "::1", "unix:"):
        assert door.code(key, address) == "address_refused"


def test_a_key_of_somebody_who_left_does_not_count() -> None:
    door = Door()
    key = door.key()
    door.records.replace(replace(door.records.need(User, "u-ada"), is_active=False))
    door.look()
    assert door.code(key) == "account_disabled"


def test_a_token_of_ours_is_its_account_with_the_rights_it_has_now() -> None:
    door = Door()
    found = door.ask(token())
    assert isinstance(found, Principal)
    assert found.roles == {"member", "editor"}
    assert found.teams == {"t-lab", "t-company"}
    assert found.scopes == {"llm", "mcp"}
    assert found.impersonator == "u-root"
    assert door.others.asked == 0


@pytest.mark.parametrize("what", ["jti:t1", "family:f1", "session:s1", "account:u-ada", "client:app"])
def test_a_revocation_ends_tokens_that_are_remembered(what: str) -> None:
    door = Door()
    held = token(fam="f1", sid="s1")
    assert isinstance(door.ask(held), Principal)
    revoke(door.records, what, NOW)
    door.look()
    assert "revoked" in door.ask(held).message


def test_a_token_issued_after_the_revocation_counts() -> None:
    door = Door()
    revoke(door.records, "account:u-ada", NOW - 1)
    door.look()
    assert isinstance(door.ask(token()), Principal)


@pytest.mark.parametrize(
    "change",
    [
        lambda records: records.replace(replace(records.need(User, "u-ada"), is_active=False)),
        lambda records: records.delete(User, "u-ada"),
        lambda records: records.replace(replace(records.need(User, "u-ada"), organisation="other")),
    ],
)
def test_a_token_of_somebody_who_left_does_not_count(change: Callable[[MemoryRecords], object]) -> None:
    door = Door()
    assert isinstance(door.ask(token()), Principal)
    change(door.records)
    door.look()
    assert door.code(token()) == "account_disabled"


def test_a_client_that_was_disabled_takes_its_tokens_along() -> None:
    door = Door()
    door.records.insert(OAuthClient(id="app", name="app", is_enabled=False))
    door.look()
    assert door.code(token()) == "invalid_token"


def test_somebody_of_another_issuer_is_the_account_that_was_linked() -> None:
    linked = replace(STRANGER, subject="ada@idp", roles=frozenset(("admin",)), groups=frozenset(("g",)))
    found = Door(Others(verified(linked))).ask("a.b.c")
    assert (found.account, found.issuer, found.subject) == ("u-ada", IDP, "ada@idp")
    assert found.roles == {"member", "editor"}
    assert found.groups == {"g"}


def test_a_workload_is_its_service_account_and_brings_no_groups() -> None:
    workload = replace(STRANGER, subject="repo:x", groups=frozenset(("g",)))
    found = Door(Others(verified(workload))).ask("a.b.c")
    assert (found.account, found.kind, found.roles, found.groups) == ("s-bot", "agent", {"runner"}, frozenset())


def test_a_linked_account_that_is_off_keeps_the_issuers_token_out() -> None:
    door = Door(Others(verified(replace(STRANGER, subject="repo:x"))))
    door.records.replace(replace(door.records.need(ServiceAccount, "s-bot"), is_active=False))
    door.look()
    assert door.code("a.b.c") == "account_disabled"


def test_somebody_without_an_account_has_what_the_claims_were_mapped_to() -> None:
    found = Door(Others(verified(replace(STRANGER, roles=frozenset(("painter", "member")))))).ask("a.b.c")
    assert found.account == ""
    assert found.teams == {"t-lab", "t-company"}
    assert found.roles == {"r-1", "member"}


def test_a_token_is_checked_once_in_a_minute() -> None:
    door = Door(Others(verified()))
    for second in range(60):
        assert isinstance(door.ask("a.b.c", now=NOW + second), Principal)
    assert door.others.asked == 1
    door.ask("a.b.c", now=NOW + 60)
    assert door.others.asked == 2


def test_a_token_is_not_remembered_beyond_its_end() -> None:
    door = Door(Others(verified(expires_at=NOW + 5), Deny(401, "invalid_token", "over")))
    assert isinstance(door.ask("a.b.c", now=NOW + 4), Principal)
    assert door.code("a.b.c", now=NOW + 5) == "invalid_token"


def test_a_bound_token_counts_with_its_proof_only() -> None:
    door = Door()
    held = token(cnf={"jkt": "mine"})
    assert isinstance(door.ask(held, "", NOW, "jkt:mine"), Principal)
    assert door.code(held) == "invalid_token"
    assert door.code(held, "", NOW, "jkt:other") == "invalid_token"
    assert isinstance(door.ask(held, "", NOW, "jkt:mine"), Principal)


def test_whoever_shows_a_stolen_bound_token_does_not_keep_its_holder_out() -> None:
    door = Door(Others(Deny(401, "invalid_token", "unproven"), verified(bound_to="jkt:mine")))
    assert door.code("a.b.c") == "invalid_token"
    assert isinstance(door.ask("a.b.c", "", NOW, "jkt:mine"), Principal)


def test_the_same_bad_token_is_not_checked_again_and_again() -> None:
    door = Door()
    for second in range(5):
        assert door.code("a.b.c", now=NOW + second) == "invalid_token"
    assert door.others.asked == 1
    door.code("a.b.c", now=NOW + 5)
    assert door.others.asked == 2


def test_a_trouble_of_the_issuer_is_not_remembered() -> None:
    door = Door(Others(Deny(503, "issuer_unavailable", "down"), verified()))
    assert door.code("a.b.c") == "issuer_unavailable"
    assert isinstance(door.ask("a.b.c"), Principal)


def test_what_has_to_be_fetched_is_asked_for() -> None:
    def start() -> Steps[None]:
        raise AssertionError("not run here")

    found = Door(Others(NeedKeys(key="k", start=start, why="new"))).ask("a.b.c")
    assert isinstance(found, Pending)
    assert (found.key, found.start) == ("k", start)


def test_other_keys_or_issuers_make_every_token_be_checked_again() -> None:
    door = Door()
    assert isinstance(door.ask(token()), Principal)
    door.authenticator.trust(OwnTokens(GATEWAY, {}, frozenset()), door.others)
    assert door.code(token()) == "invalid_token"


@pytest.mark.parametrize("credential", [b"", b"\xff\xfe", "gr\u00fc\u00dfe".encode(), b"x" * 100_000])
def test_what_is_no_credential_is_refused(credential: bytes) -> None:
    found = Door().ask(credential)
    assert isinstance(found, Deny)
    assert found.status == 401


def test_what_is_remembered_is_bounded() -> None:
    door = Door(Others(verified()))
    for number in range(MAX_REMEMBERED + 10):
        door.ask(f"a.b.{number}")
    assert len(door.authenticator._known) <= MAX_REMEMBERED
    for number in range(6000):
        door.others.outcomes = [Deny(401, "invalid_token", "no")]
        door.ask(f"c.d.{number}")
    assert len(door.authenticator._refused) <= 5000


def test_networks_are_compared_by_their_numbers() -> None:
    assert is_within("10.0.0.1", ("10.0.0.1/32",))
    assert not is_within("10.0.0.10", ("10.0.0.1/32",))
    assert not is_within("nonsense", ("0.0.0.0/0",))


def test_which_keys_were_used_is_told_once() -> None:
    door = Door()
    key = door.key()
    door.ask(key, now=NOW + 5)
    door.ask(key, now=NOW + 9)
    door.ask("esk_unknown")
    assert door.authenticator.take_uses() == [(door.key_id, NOW + 9)]
    assert door.authenticator.take_uses() == []


def test_a_token_for_the_admin_api_counts_there_only() -> None:
    admin, models = f"{GATEWAY}/admin", "https://models.example"
    door = Door(Others(verified(audiences=frozenset((admin,)))))
    door.authenticator = Authenticator(pepper_of(door.records), own(), door.others, frozenset((admin,)))
    door.look()

    def asked(resource: str) -> Any:
        return door.authenticator.authenticate(Presented(b"a.b.c", resource=resource), NOW)

    assert isinstance(asked(admin), Principal)
    assert asked("").message == "the token is not meant for this resource"
    assert asked(models).code == "invalid_token"


@pytest.mark.parametrize(
    ("issuer", "audiences", "resource", "counts"),
    [
        ("", {"a"}, "a", True),  # ours
        ("", {"a"}, "b", False),
        ("", {"a", "b"}, "b", True),
        ("", {"admin"}, "", False),
        ("", {"admin", "a"}, "", True),
        ("i", {"api://gateway"}, "admin", True),  # another issuer's, for the gateway as a whole
        ("i", {"api://gateway"}, "", True),
        ("i", {"admin"}, "", False),
    ],
)
def test_a_token_counts_where_it_is_meant_for(issuer: str, audiences: set[str], resource: str, counts: bool) -> None:
    door = Door(Others(verified(issuer=issuer, audiences=frozenset(audiences))))
    door.authenticator = Authenticator(pepper_of(door.records), own(), door.others, frozenset(("admin",)))
    door.look()
    found = door.authenticator.authenticate(Presented(b"a.b.c", resource=resource), NOW)
    assert isinstance(found, Principal) == counts
