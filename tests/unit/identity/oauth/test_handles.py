"""Handles."""

from entresol.identity.oauth.handles import handle_digest, is_handle, new_handle


def test_a_handle_is_long_random_and_recognised_by_its_digest_alone() -> None:
    first, second = new_handle("x_"), new_handle("x_")
    assert first != second
    assert first.startswith("x_")
    assert len(first) == 2 + 43
    assert is_handle(first, handle_digest(first))
    assert not is_handle(first, handle_digest(second))
    assert not is_handle("", "")
    assert not is_handle("\ud800", handle_digest("x"))
