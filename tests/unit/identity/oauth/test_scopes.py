"""Scopes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.identity.oauth.errors import OAuthError
from entresol.identity.oauth.scopes import (
    GRANTABLE,
    SCOPES,
    covers,
    granted_scopes,
    in_words,
    parse_scope,
    scopes_of,
)
from entresol.identity.records.oauth_clients import OAuthClient

ANYBODY = OAuthClient(id="c", name="C")
CONSOLE = OAuthClient(id="console", name="Console", scopes=("openid", "admin:read", "made-up"))


def test_scopes_are_read_once_each_and_in_order() -> None:
    assert parse_scope("mcp llm mcp  openid") == ("mcp", "llm", "openid")
    assert parse_scope("") == ()


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\tb", "ä", "a\x00", " ".join(f"s{n}" for n in range(65))])
def test_what_is_no_list_of_scopes_is_refused(text: str) -> None:
    with pytest.raises(OAuthError) as caught:
        parse_scope(text)
    assert caught.value.error == "invalid_scope"


@given(st.text(max_size=200))
def test_whatever_is_read_can_be_sent_again(text: str) -> None:
    try:
        names = parse_scope(text)
    except OAuthError:
        return
    assert parse_scope(" ".join(names)) == names


def test_a_client_without_a_list_may_ask_for_what_people_may_grant_and_for_nothing_of_administrators() -> None:
    assert scopes_of(ANYBODY) == frozenset(GRANTABLE)
    assert not any(name.startswith("admin") for name in scopes_of(ANYBODY))
    with pytest.raises(OAuthError, match="admin:read"):
        granted_scopes(("mcp", "admin:read"), ANYBODY, ())


def test_a_client_with_a_list_may_ask_for_what_is_known_of_it() -> None:
    assert scopes_of(CONSOLE) == {"openid", "admin:read"}
    assert granted_scopes(("admin:read",), CONSOLE, ()) == ("admin:read",)
    with pytest.raises(OAuthError):
        granted_scopes(("llm",), CONSOLE, ())


def test_where_nothing_is_asked_it_is_what_the_resource_needs() -> None:
    assert granted_scopes((), ANYBODY, ("mcp",)) == ("mcp",)
    assert granted_scopes((), ANYBODY, ("llm", "mcp", "llm")) == ("llm", "mcp")
    with pytest.raises(OAuthError, match="ask for some"):
        granted_scopes((), CONSOLE, ("llm",))


def test_unknown_scopes_are_left_out_unless_nothing_is_left() -> None:
    assert granted_scopes(("address", "mcp"), ANYBODY, ()) == ("mcp",)
    with pytest.raises(OAuthError, match="none of the scopes"):
        granted_scopes(("address",), ANYBODY, ())


@pytest.mark.parametrize(
    ("granted", "needed", "covered"),
    [
        (("llm", "mcp"), ("mcp",), True),
        (("llm",), ("mcp",), False),
        (("admin:*",), ("admin:write", "admin:read"), True),
        (("admin:write",), ("admin:read",), True),
        (("admin:read",), ("admin:write",), False),
        (("admin:write",), ("admin:*",), False),
        ((), (), True),
    ],
)
def test_a_scope_covers_what_it_includes(granted: tuple[str, ...], needed: tuple[str, ...], covered: bool) -> None:
    assert covers(granted, needed) is covered


def test_every_scope_has_words_that_follow_it_can() -> None:
    assert [scope.name for scope in in_words(("mcp", "openid", "unknown"))] == ["openid", "mcp"]
    assert all(scope.words[0].islower() and not scope.words.endswith(".") for scope in SCOPES.values())
