from hypothesis import given
from hypothesis import strategies as st

from entresol.policy.fair_keys import FairKeys


def filled(keys: FairKeys, names: list[str]) -> list[str]:
    """What had to go while these came."""
    gone = []
    for name in names:
        if keys.is_full:
            victim = next(keys.candidates(name))
            keys.discard(victim)
            gone.append(victim)
        keys.add(name)
    return gone


def test_whoever_makes_many_keys_loses_its_own_and_its_oldest_first() -> None:
    keys = FairKeys(10)
    assert filled(keys, [f"a:{n}" for n in range(3)]) == []
    assert filled(keys, [f"b:{n}" for n in range(20)]) == [f"b:{n}" for n in range(13)]


def test_a_newcomer_takes_from_the_largest_until_it_has_its_share() -> None:
    keys = FairKeys(10)
    filled(keys, [f"b:{n}" for n in range(10)])
    assert filled(keys, [f"a:{n}" for n in range(8)]) == [*(f"b:{n}" for n in range(5)), "a:0", "a:1", "a:2"]


def test_only_the_part_before_the_first_colon_is_the_namespace() -> None:
    keys = FairKeys(4)
    filled(keys, ["a:1", "b:2001:db8::1", "b:2001:db8::2", "b::"])
    assert list(keys.candidates("b:2001:db9::")) == ["b:2001:db8::1", "b:2001:db8::2", "b::"]


def test_keys_without_a_colon_share_one_namespace() -> None:
    keys = FairKeys(3)
    assert filled(keys, ["a", "b", ":c", "d"]) == ["a"]


def test_what_is_gone_leaves_nothing_behind() -> None:
    keys = FairKeys(2)
    for number in range(1_000):
        keys.add(f"{number}:k")
        keys.discard(f"{number}:k")
        keys.discard(f"{number}:k")
    assert (len(keys), keys.is_full, keys.namespaces) == (0, False, 0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), max_size=200))
def test_nobody_loses_a_key_to_another_while_within_its_share(pairs: list[tuple[str, int]]) -> None:
    keys, live = FairKeys(12), set[str]()
    for space, number in pairs:
        name = f"{space}:{number}"
        if name in live:
            continue
        if keys.is_full:
            victim = next(keys.candidates(name))
            mates = sum(key[0] == victim[0] for key in live)
            assert victim[0] == space or mates > 12 // 3
            keys.discard(victim)
            live.remove(victim)
        keys.add(name)
        live.add(name)
        assert len(keys) == len(live) <= 12
