"""Keys are fetched when they are needed, rarely, and count for a while when they cannot be."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from joserfc.jwk import ECKey

from entresol.core.fetching import FetchResponse
from entresol.identity.jwks import KeyCache, KeyCaches, KeySource, NoKey
from unit.identity.issuing import ES256, ISSUER, NOW, RS256, Web, key_set, run, web_of

KEYS_URL = f"{ISSUER}/keys"
NEW = ECKey.generate_key("P-256", {"kid": "es-new"})


def cache() -> KeyCache:
    return KeyCache(KeySource(issuer=ISSUER))


def filled(web: Web, now: int = NOW) -> KeyCache:
    keys = cache()
    run(keys.refresh(now), web)
    assert not keys.fault
    web.asked.clear()
    return keys


def ids(found: object) -> list[str]:
    assert isinstance(found, tuple), found
    return [key.kid for key in found]


def test_the_first_question_asks_for_a_fetch() -> None:
    keys, web = cache(), web_of()
    assert keys.find("es-1", "ES256", NOW) is NoKey.FETCH
    run(keys.refresh(NOW), web)
    assert ids(keys.find("es-1", "ES256", NOW)) == ["es-1"]


def test_what_the_metadata_names_outside_the_issuer_is_asked_as_a_strangers_address() -> None:
    web = Web({f"{ISSUER}/.well-known/openid-configuration": {"issuer": ISSUER, "jwks_uri": "https://10.0.0.1/k"}})
    run(cache().refresh(NOW), web)
    assert [request.origin for request in web.asked] == ["configured", "outside"]
    web = web_of()
    run(cache().refresh(NOW), web)
    assert [request.origin for request in web.asked] == ["configured", "configured"]


def test_a_configured_address_is_asked_without_any_metadata() -> None:
    keys = KeyCache(KeySource(issuer=ISSUER, jwks_uri="https://10.0.0.1:6443/openid/v1/jwks"))
    web = Web({"https://10.0.0.1:6443/openid/v1/jwks": key_set(ES256)})
    run(keys.refresh(NOW), web)
    assert ids(keys.find("es-1", "ES256", NOW)) == ["es-1"]
    assert [request.origin for request in web.asked] == ["configured"]


def test_configured_keys_are_never_fetched() -> None:
    keys = KeyCache(KeySource(issuer=ISSUER, jwks=key_set(ES256).decode()))
    assert ids(keys.find("es-1", "ES256", NOW)) == ["es-1"]
    assert keys.find("other", "ES256", NOW) is NoKey.UNKNOWN
    assert not keys.is_due(NOW + 10**9)
    assert run(keys.refresh(NOW), Web({})) is None


def test_a_flood_of_unknown_key_ids_makes_one_fetch_per_cooldown() -> None:
    web = web_of()
    keys = filled(web)
    fetches = 0
    for second in range(300):
        for tried in range(20):
            if keys.find(f"random-{second}-{tried}", "ES256", NOW + second) is NoKey.FETCH:
                run(keys.refresh(NOW + second), web)
                fetches += 1
    assert fetches == 9  # the first one cooled down for thirty seconds, too
    assert ids(keys.find("es-1", "ES256", NOW + 300)) == ["es-1"]


def test_a_new_key_is_found_after_the_cooldown() -> None:
    web = web_of()
    keys = filled(web)
    web.pages[KEYS_URL] = key_set(ES256, NEW)
    assert keys.find("es-new", "ES256", NOW + 29) is NoKey.UNKNOWN
    assert keys.find("es-new", "ES256", NOW + 30) is NoKey.FETCH
    run(keys.refresh(NOW + 30), web)
    assert ids(keys.find("es-new", "ES256", NOW + 30)) == ["es-new"]


def test_while_a_fetch_runs_another_one_does_nothing_and_known_keys_go_on() -> None:
    web = web_of()
    keys = filled(web)
    first = keys.refresh(NOW + 60)
    request = next(first)
    assert run(keys.refresh(NOW + 60), web) is None
    assert web.asked == []
    assert keys.find("unknown", "ES256", NOW + 60) is NoKey.FETCH  # to wait for the one that runs
    assert ids(keys.find("es-1", "ES256", NOW + 60)) == ["es-1"]
    assert request.url.startswith(ISSUER)


def test_a_fetch_that_is_given_up_does_not_block_the_next() -> None:
    keys, web = cache(), web_of()
    steps = keys.refresh(NOW)
    next(steps)
    steps.close()
    assert keys.find("es-1", "ES256", NOW) is NoKey.FETCH
    run(keys.refresh(NOW), web)
    assert ids(keys.find("es-1", "ES256", NOW)) == ["es-1"]


def test_keys_count_on_while_the_issuer_is_down_but_not_for_ever() -> None:
    web = web_of()
    keys = filled(web)
    web.pages = dict.fromkeys(web.pages, "connection refused")
    assert keys.find("es-1", "ES256", NOW + 3600) is NoKey.FETCH
    run(keys.refresh(NOW + 3600), web)
    assert "connection refused" in keys.fault
    assert ids(keys.find("es-1", "ES256", NOW + 3601)) == ["es-1"]
    assert keys.find("es-new", "ES256", NOW + 3601) is NoKey.DOWN
    last = NOW + 3600 + 86_400
    run(keys.refresh(last - 1), web)
    assert ids(keys.find("es-1", "ES256", last - 1)) == ["es-1"]
    assert keys.find("es-1", "ES256", last) is NoKey.DOWN


def test_a_key_that_the_issuer_withdrew_counts_no_more_once_its_time_is_over() -> None:
    web = web_of()
    keys = filled(web)
    web.pages[KEYS_URL] = key_set(NEW)
    assert keys.find("es-1", "ES256", NOW + 3600) is NoKey.FETCH
    run(keys.refresh(NOW + 3600), web)
    assert keys.find("es-1", "ES256", NOW + 3600) is NoKey.UNKNOWN


def test_retries_wait_longer_each_time_up_to_a_minute() -> None:
    keys, web = cache(), Web({})
    waits, now = [], NOW
    for _ in range(6):
        run(keys.refresh(now), web)
        assert keys.find("es-1", "ES256", now) is NoKey.DOWN
        waits.append(keys.retry_after_s)
        assert keys.find("es-1", "ES256", now + waits[-1] - 1) is NoKey.DOWN
        now += waits[-1]
        assert keys.find("es-1", "ES256", now) is NoKey.FETCH
    assert waits == [5, 10, 20, 40, 60, 60]


@pytest.mark.parametrize(
    ("cache_control", "life"),
    [
        ("", 3600),
        ("public, max-age=7200, must-revalidate", 7200),
        ("max-age=0", 300),
        ("max-age=999999999", 86_400),
        ("s-maxage=9000", 3600),
        ("Max-Age=600", 600),
    ],
)
def test_keys_live_as_long_as_the_issuer_says_within_bounds(cache_control: str, life: int) -> None:
    web = web_of()
    web.pages[KEYS_URL] = FetchResponse(status=200, headers={"cache-control": cache_control}, body=key_set(ES256))
    keys = filled(web)
    assert ids(keys.find("es-1", "ES256", NOW + life - 1)) == ["es-1"]
    assert keys.find("es-1", "ES256", NOW + life) is NoKey.FETCH
    assert not keys.is_due(NOW + life * 4 // 5 - 1)
    assert keys.is_due(NOW + life * 4 // 5)


@pytest.mark.parametrize("page", [FetchResponse(status=500), b"{}", b"no json", FetchResponse(status=301)])
def test_a_bad_answer_does_not_displace_good_keys(page: object) -> None:
    web = web_of()
    keys = filled(web)
    web.pages[KEYS_URL] = page
    run(keys.refresh(NOW + 60), web)
    assert keys.fault
    assert ids(keys.find("es-1", "ES256", NOW + 61)) == ["es-1"]


def test_keys_are_asked_for_where_they_were_when_only_the_metadata_is_gone() -> None:
    web = web_of()
    keys = filled(web)
    web.pages = {KEYS_URL: key_set(NEW)}
    run(keys.refresh(NOW + 60), web)
    assert ids(keys.find("es-new", "ES256", NOW + 60)) == ["es-new"]


def test_metadata_without_keys_is_a_fault() -> None:
    keys = cache()
    run(keys.refresh(NOW), Web({f"{ISSUER}/.well-known/openid-configuration": {"issuer": ISSUER}}))
    assert "no jwks_uri" in keys.fault


def test_caches_outlive_changes_of_the_configuration_and_are_forgotten_when_unused() -> None:
    caches = KeyCaches()
    one, two = KeySource(issuer=ISSUER), KeySource(issuer="https://two.example")
    first = caches.of(one)
    assert caches.of(KeySource(issuer=ISSUER)) is first
    assert caches.of(two) is not first
    caches.keep_only({two})
    assert caches.of(one) is not first


def test_a_clock_that_was_set_back_does_not_stop_fetches() -> None:
    keys = cache()
    run(keys.refresh(NOW), Web({}))
    assert keys.find("rs-1", "RS256", NOW - 1000) is NoKey.FETCH
    run(keys.refresh(NOW - 1000), web_of(ISSUER, RS256))
    assert ids(keys.find("rs-1", "RS256", NOW - 1000)) == ["rs-1"]


POOL = [ECKey.generate_key("P-256", {"kid": f"k{number}"}) for number in range(4)]
LIFE_S, STALE_S = 3600, 86_400


class Lifetime(RuleBasedStateMachine):
    """Any course of events: time passes, the issuer goes down and changes its keys, tokens come in floods."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = cache()
        self.web = web_of(ISSUER, POOL[0])
        self.now = NOW
        self.published = {"k0"}
        self.last_known: dict[str, int] = {}
        """When each key was last seen in an answer."""
        self.fetches: list[int] = []

    @rule(seconds=st.sampled_from([0, 1, 5, 29, 30, 300, 3000, 3600, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(is_up=st.booleans())
    def the_issuer_comes_or_goes(self, is_up: bool) -> None:
        whole = web_of(ISSUER, *(key for key in POOL if key.kid in self.published))
        self.web.pages = dict(whole.pages) if is_up else dict.fromkeys(whole.pages, "down")

    @rule(numbers=st.sets(st.integers(0, 3), min_size=1))
    def the_issuer_changes_its_keys(self, numbers: set[int]) -> None:
        self.published = {f"k{number}" for number in numbers}
        if isinstance(self.web.pages[KEYS_URL], bytes):
            self.the_issuer_comes_or_goes(True)

    @rule(kid=st.sampled_from(["k0", "k1", "k2", "k3", "no such key"]))
    def a_token_comes(self, kid: str) -> None:
        found = self.keys.find(kid, "ES256", self.now)
        if found is NoKey.FETCH:
            self.refresh()
            found = self.keys.find(kid, "ES256", self.now)
        assert found is not NoKey.FETCH, "a fetch is asked for twice"
        if isinstance(found, tuple):
            assert ids(found) == [kid]
            assert self.now < self.last_known[kid] + LIFE_S + STALE_S

    @rule()
    def keys_are_renewed_in_the_background(self) -> None:
        if self.keys.is_due(self.now):
            self.refresh()
            assert not self.keys.is_due(self.now)

    def refresh(self) -> None:
        self.web.asked.clear()
        run(self.keys.refresh(self.now), self.web)
        self.fetches.append(self.now)
        if not self.keys.fault:
            self.last_known = dict.fromkeys(self.published, self.now)

    @invariant()
    def fetches_keep_their_distance(self) -> None:
        assert all(later - earlier >= 5 for earlier, later in zip(self.fetches, self.fetches[1:], strict=False))


TestLifetime = Lifetime.TestCase
TestLifetime.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
