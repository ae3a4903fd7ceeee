import hashlib
from typing import Any

import msgspec
import pytest

from entresol.api_floor.entities import Consumer, KeyAuthCredential
from entresol.api_floor.plugin import Scope
from entresol.core.http import HeaderPairs
from entresol.plugins.key_auth import KeyAuth
from entresol.plugins.rate_limiting import RateLimiting
from entresol.store.counters import LocalCounters
from playbooks.harness import START, AwaitedCounters, BrokenCounters, Gateway, ManualClock, Reply

ALICE = Consumer(id="00000000-0000-4000-8000-0000000000a1", username="alice", groups=("silver", "gold"))
KEYS = [
    KeyAuthCredential(
        id=f"00000000-0000-4000-8000-0000000000c{number}",
        consumer=ALICE.id,
        key_sha256=hashlib.sha256(key).hexdigest(),
    )
    for number, key in enumerate((b"one", b"two"))
]
# START is 2023-11-14T22:13:20Z: 40 s before the minute ends, 2800 s before the hour does.


def gateway(config: dict[str, Any], **more: Any) -> Gateway:
    return Gateway((RateLimiting, config), **more)


def limit_fields(reply: Reply) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in reply.headers if b"ratelimit" in name}


def test_every_answer_says_what_is_left_in_kongs_fields() -> None:
    reply = gateway({"minute": 5, "hour": 7}).call()
    assert reply.status == 200
    assert limit_fields(reply) == {
        "ratelimit-limit": "5",
        "ratelimit-remaining": "4",
        "ratelimit-reset": "40",
        "x-ratelimit-limit-minute": "5",
        "x-ratelimit-remaining-minute": "4",
        "x-ratelimit-limit-hour": "7",
        "x-ratelimit-remaining-hour": "6",
    }
    assert reply.header("retry-after") is None


def test_over_the_limit_is_429_until_the_window_ends() -> None:
    gate = gateway({"minute": 2})
    assert [gate.call().status for _ in range(3)] == [200, 200, 429]
    reply = gate.call()
    assert (reply.status, reply.header("x-entresol-error")) == (429, "rate_limited")
    assert reply.json["message"] == "API rate limit exceeded"
    assert reply.header("retry-after") == "40"
    assert limit_fields(reply) == {
        "ratelimit-limit": "2",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "40",
        "x-ratelimit-limit-minute": "2",
        "x-ratelimit-remaining-minute": "0",
    }
    assert reply.sent is None
    gate.clock.time += 39.9
    assert gate.call().status == 429
    gate.clock.time += 0.1
    assert gate.call().status == 200


def test_a_request_refused_by_the_shorter_window_does_not_use_up_the_longer() -> None:
    gate = gateway({"second": 1, "hour": 3})
    statuses = []
    for _ in range(4):
        statuses += [gate.call().status, gate.call().status]
        gate.clock.time += 1
    assert statuses == [200, 429, 200, 429, 200, 429, 429, 429]


def test_a_longer_window_can_be_the_tightest() -> None:
    gate = gateway({"minute": 3, "hour": 3})
    reply = gate.call()
    assert (reply.header("ratelimit-reset"), reply.header("ratelimit-remaining")) == ("2800", "2")


def test_an_upstreams_own_fields_of_the_same_name_are_replaced() -> None:
    pairs = [(b"ratelimit-limit", b"999"), (b"x-ratelimit-limit-requests", b"60")]
    reply = gateway({"minute": 5}, upstream=lambda request, body: (200, pairs, b"")).call()
    assert reply.headers.get_all(b"ratelimit-limit") == [b"5"]
    assert reply.header("x-ratelimit-limit-requests") == "60"


def test_clients_are_told_nothing_when_fields_are_hidden() -> None:
    gate = gateway({"minute": 1, "hide_client_headers": True})
    assert limit_fields(gate.call()) == {}
    refused = gate.call()
    assert (refused.status, limit_fields(refused), refused.header("retry-after")) == (429, {}, None)


def test_status_and_message_are_as_configured() -> None:
    gate = gateway({"minute": 1, "error_code": 503, "error_message": "come back later"})
    gate.call()
    reply = gate.call()
    assert (reply.status, reply.json["message"]) == (503, "come back later")


def key(value: bytes) -> HeaderPairs:
    return [(b"apikey", value)]


@pytest.mark.parametrize(
    ("config", "first", "second", "shared"),
    [
        ({"limit_by": "consumer"}, key(b"one"), key(b"two"), True),
        ({"limit_by": "credential"}, key(b"one"), key(b"two"), False),
        ({"limit_by": "ip"}, key(b"one"), key(b"two"), True),
        ({"limit_by": "service"}, key(b"one"), key(b"two"), True),
        ({"limit_by": "consumer-group"}, key(b"one"), key(b"two"), True),
        ({"limit_by": "header", "header_name": "X-Tenant"}, [(b"x-tenant", b"a")], [(b"x-tenant", b"b")], False),
        ({"limit_by": "header", "header_name": "X-Tenant"}, [(b"x-tenant", b"a")], [(b"x-tenant", b"a")], True),
        ({"limit_by": "header", "header_name": "X-Tenant"}, [], [], True),
        ({"limit_by": "header", "header_name": "X-Tenant"}, [(b"x-tenant", b"203.0.113.7")], [], False),
        (
            {"limit_by": "header", "header_name": "X-Tenant"},
            [(b"x-tenant", b"a" * 5000)],
            [(b"x-tenant", b"a" * 5001)],
            False,
        ),
    ],
)
def test_who_shares_a_count(config: dict[str, Any], first: HeaderPairs, second: HeaderPairs, shared: bool) -> None:
    by_key = bool(first) and first[0][0] == b"apikey"
    plugins: list[Any] = [(KeyAuth, {})] if by_key else []
    gate = Gateway(*plugins, (RateLimiting, {"minute": 1, **config}), consumers=[ALICE], credentials=KEYS)
    assert gate.call(headers=first).status == 200
    assert gate.call(headers=second).status == (429 if shared else 200)


def test_a_configured_path_is_counted_apart_from_the_others() -> None:
    gate = gateway({"minute": 1, "limit_by": "path", "path": "/hot"})
    assert [gate.call("GET", path).status for path in ("/hot", "/cold", "/hot", "/other")] == [200, 200, 429, 429]


@pytest.mark.parametrize("spelling", ["//hot", "/./hot", "/x/../hot", "/%68ot"])
def test_no_spelling_of_a_configured_path_escapes_its_count(spelling: str) -> None:
    gate = gateway({"minute": 1, "limit_by": "path", "path": "/hot"})
    assert [gate.call("GET", path).status for path in ("/hot", spelling)] == [200, 429]


def test_a_limit_beyond_all_counting_reaches_the_counters_as_a_number_they_can_send() -> None:
    counters = LocalCounters(ManualClock())
    gate = gateway({"minute": 1e18, "hour": 10**23}, counters=counters)
    assert gate.call().status == 200
    [tally] = counters._tallies.values()
    assert msgspec.msgpack.encode([window.limit for window in tally.windows])


def test_a_group_has_one_count_for_all_its_consumers() -> None:
    counters = LocalCounters(ManualClock())
    gate = gateway({"minute": 1, "limit_by": "consumer-group"}, counters=counters, scope=Scope(consumer_group="gold"))
    gate.call()
    assert [key.split(":")[1] for key in counters._tallies] == ["ggold"]


def test_plugin_instances_do_not_share_counts() -> None:
    counters = LocalCounters(ManualClock())
    first = gateway({"minute": 1, "limit_by": "ip"}, counters=counters)
    other = Gateway((KeyAuth, {"anonymous": "alice"}), (RateLimiting, {"minute": 1, "limit_by": "ip"}),
                    counters=counters, consumers=[ALICE])  # fmt: skip
    assert [first.call().status, other.call().status] == [200, 200]


def test_an_answer_that_has_to_be_awaited_counts_the_same() -> None:
    gate = gateway({"minute": 1}, counters=AwaitedCounters(LocalCounters(ManualClock())))
    first, second = gate.call_awaited(), gate.call_awaited()
    assert (first.status, first.header("ratelimit-remaining"), second.status) == (200, "0", 429)


def test_counters_that_cannot_be_reached_let_requests_pass_unless_told_otherwise() -> None:
    passed = gateway({"minute": 1}, counters=BrokenCounters()).call()
    assert (passed.status, limit_fields(passed)) == (200, {})
    refused = gateway({"minute": 1, "fault_tolerant": False}, counters=BrokenCounters()).call()
    assert (refused.status, refused.header("x-entresol-error")) == (500, "counters_unavailable")
    assert refused.json["message"] == "An unexpected error occurred"


def test_a_month_ends_where_the_calendar_says() -> None:
    gate = gateway({"month": 5, "year": 50})
    reply = gate.call()
    assert reply.header("ratelimit-reset") == str(1_701_388_800 - int(START))  # 2023-12-01T00:00:00Z
