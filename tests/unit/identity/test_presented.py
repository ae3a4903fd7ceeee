"""What a request brings."""

from entresol.identity.presented import Presented


def test_nothing_is_proven_unless_it_is_said() -> None:
    presented = Presented(b"key")
    assert (presented.credential, presented.address, presented.proofs) == (b"key", "", frozenset())
