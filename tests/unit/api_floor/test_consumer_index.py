"""api_floor.consumer_index"""

from hashlib import sha256

from entresol.api_floor.consumer_index import ConsumerIndex
from entresol.api_floor.entities import Consumer, KeyAuthCredential

KIND = "keyauth_credentials"
ALICE = Consumer(id="c1", username="alice", custom_id="a-1")
BOB = Consumer(id="c2", custom_id="b-1")


class FixedClock:
    def __init__(self, now: float) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now


def digest(key: str) -> bytes:
    return sha256(key.encode()).digest()


def credential(key: str, consumer: Consumer, expires_at: int | None = None) -> KeyAuthCredential:
    return KeyAuthCredential(id=f"k-{key}", consumer=consumer.id, key_sha256=digest(key).hex(), expires_at=expires_at)


def index(*credentials: KeyAuthCredential, now: float = 1000.0) -> ConsumerIndex:
    return ConsumerIndex([ALICE, BOB], credentials, FixedClock(now))


def test_a_key_tells_its_consumer() -> None:
    alices = credential("a", ALICE)
    directory = index(alices, credential("b", BOB))
    assert directory.by_credential(KIND, digest("a")) == (ALICE, alices)
    assert directory.by_credential(KIND, digest("c")) is None
    assert directory.by_credential("basicauth_credentials", digest("a")) is None


def test_nobody_holds_an_expired_key() -> None:
    old = credential("a", ALICE, expires_at=1000)
    assert index(old, now=999.9).by_credential(KIND, digest("a")) == (ALICE, old)
    assert not index(old, now=999.9).has_expired(KIND, digest("a"))
    assert index(old).by_credential(KIND, digest("a")) is None
    assert index(old).has_expired(KIND, digest("a"))


def test_only_known_keys_can_have_expired() -> None:
    assert not index(credential("a", ALICE)).has_expired(KIND, digest("a"))
    assert not index().has_expired(KIND, digest("a"))


def test_a_key_without_a_value_belongs_to_nobody() -> None:
    directory = index(KeyAuthCredential(id="k", consumer=ALICE.id))
    assert directory.by_credential(KIND, digest("")) is None


def test_consumers_are_found_by_username_or_id() -> None:
    directory = index()
    assert directory.by_name("alice") == directory.by_name("c1") == ALICE
    assert directory.by_name("c2") == BOB
    assert directory.by_name("b-1") is None
