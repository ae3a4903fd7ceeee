"""What is held of a request body."""

import pytest

from entresol.api_floor.request_body import RequestBody
from entresol.core.errors import ClientError


def test_pieces_come_out_as_one() -> None:
    body = RequestBody()
    assert (body.has_begun, body.is_complete) == (False, False)
    body.add(b"a", False, [])
    body.add(b"", False, [])
    body.add(b"b", True, [(b"x", b"1")])
    assert (body.size, body.is_complete, body.trailers) == (2, True, [(b"x", b"1")])
    assert body.take() == b"ab"
    assert body.take() == b""


def test_one_piece_is_not_copied() -> None:
    body, piece = RequestBody(), bytes(bytearray(b"piece"))
    body.add(piece, True, [])
    assert body.take() is piece


@pytest.mark.parametrize(("size", "limit", "refused"), [(10, 10, False), (11, 10, True), (10**6, None, False)])
def test_the_limit_counts_bytes(size: int, limit: int | None, refused: bool) -> None:
    body = RequestBody()
    body.add(b"x" * size, False, [])
    if not refused:
        body.check(limit)
        return
    with pytest.raises(ClientError, match=f"larger than the {limit} bytes") as caught:
        body.check(limit)
    assert (caught.value.status, caught.value.code) == (413, "request_too_large")


def test_what_was_put_back_is_taken_again() -> None:
    body = RequestBody()
    body.add(b"ab", False, [])
    body.put_back(body.take().upper())
    body.add(b"cd", True, [])
    assert body.take() == b"ABcd"
