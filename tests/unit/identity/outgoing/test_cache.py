"""Tokens that are kept."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from entresol.core.errors import InternalError
from entresol.identity.outgoing.cache import TokenCache, cache_key
from entresol.identity.outgoing.granted import Caller, Granted, TokenRefused
from entresol.identity.principal import Actor
from unit.identity.outgoing.asking import ADA, CALLER, NOW, upstream

AUTH = upstream(mode="token_exchange", audience="a")
KEY = cache_key(AUTH, CALLER)


def token(life: int | None = 3600) -> Granted:
    return Granted(access_token="t", expires_at=None if life is None else NOW + life)


def kept(granted: Granted, caller: Caller = CALLER, **settings: Any) -> TokenCache:
    cache = TokenCache()
    cache.put(KEY, granted, replace(AUTH, **settings), caller, NOW)
    return cache


@pytest.mark.parametrize(
    "other",
    [
        cache_key(AUTH, replace(CALLER, principal=replace(ADA, tenant="other"))),
        cache_key(AUTH, replace(CALLER, principal=replace(ADA, issuer="https://other.example"))),
        cache_key(AUTH, replace(CALLER, principal=replace(ADA, subject="eve"))),
        cache_key(AUTH, replace(CALLER, principal=replace(ADA, client="app"))),
        cache_key(AUTH, replace(CALLER, principal=replace(ADA, actors=(Actor(issuer="i", subject="a"),)))),
        cache_key(AUTH, replace(CALLER, subject_token="another")),
        cache_key(AUTH, replace(CALLER, actor_token="another")),
        cache_key(replace(AUTH, id="gitlab"), CALLER),
        cache_key(replace(AUTH, audience="b"), CALLER),
        cache_key(replace(AUTH, resource="b"), CALLER),
        cache_key(replace(AUTH, scopes=()), CALLER),
        cache_key(replace(AUTH, revision=2), CALLER),
    ],
)
def test_whatever_a_token_depends_on_keeps_keys_apart(other: Any) -> None:
    assert other != KEY
    assert kept(token()).get(other, NOW) is None


@pytest.mark.parametrize("changes", [{"subject": ""}, {"issuer": ""}])
def test_strangers_never_share_a_token(changes: dict[str, str]) -> None:
    with pytest.raises(InternalError, match="empty_subject"):
        cache_key(AUTH, Caller(principal=replace(ADA, **changes)))


def test_the_callers_token_is_in_a_key_as_a_digest_only() -> None:
    assert "subject.token" not in repr(KEY)


@pytest.mark.parametrize(
    ("life", "caller_life", "lifetime_s", "good_for"),
    [
        (3600, None, 300, 300),  # what the settings allow
        (100, None, 300, 70),  # its end, less the skew
        (20, None, 300, 10),  # of a short one at most half
        (3600, 40, 300, 40),  # no longer than the caller's own token
        (None, None, 300, 300),
    ],
)
def test_a_token_is_kept_no_longer_than_all_allow(
    life: int | None, caller_life: int | None, lifetime_s: int, good_for: int
) -> None:
    caller = replace(CALLER, subject_expires_at=None if caller_life is None else NOW + caller_life)
    cache = kept(token(life), caller, lifetime_s=lifetime_s)
    assert cache.get(KEY, NOW + good_for - 1) == token(life)
    assert cache.get(KEY, NOW + good_for) is None
    assert len(cache) == 0


@given(st.integers(-10, 10**6), st.integers(0, 10**6))
def test_no_token_is_given_out_after_its_end(life: int, later: int) -> None:
    found = kept(token(life), lifetime_s=10**7).get(KEY, NOW + later)
    assert found is None or later < life


def test_a_refusal_is_remembered_for_a_moment() -> None:
    cache = TokenCache()
    cache.put_refusal(KEY, TokenRefused("x", "invalid_scope"), NOW)
    with pytest.raises(TokenRefused):
        cache.get(KEY, NOW + 4)
    assert cache.get(KEY, NOW + 5) is None


def test_a_token_that_the_upstream_refuses_is_dropped_once() -> None:
    cache = kept(token())
    assert not cache.forget(KEY, "another")
    assert cache.forget(KEY, "t")
    assert not cache.forget(KEY, "t")
    assert cache.get(KEY, NOW) is None


def test_the_cache_is_bounded() -> None:
    cache = TokenCache(max_entries=2)
    keys = [cache_key(replace(AUTH, id=name), CALLER) for name in "abc"]
    for key in keys[:2]:
        cache.put(key, token(), AUTH, CALLER, NOW)
    cache.get(keys[0], NOW)
    cache.put(keys[2], token(), AUTH, CALLER, NOW)
    assert len(cache) == 2
    assert cache.get(keys[1], NOW) is None
    assert cache.get(keys[0], NOW) is not None
