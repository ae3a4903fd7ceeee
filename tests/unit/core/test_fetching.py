"""Calls to other servers, driven by hand."""

import pytest

from entresol.core.fetching import FetchFailed, FetchRequest, FetchResponse, Steps


def _greeting() -> Steps[str]:
    answer = yield FetchRequest(url="https://a.example/greeting")
    return answer.body.decode()


def test_a_piece_of_work_asks_and_comes_to_an_end() -> None:
    steps = _greeting()
    assert next(steps).url == "https://a.example/greeting"
    with pytest.raises(StopIteration) as ended:
        steps.send(FetchResponse(status=200, body=b"hello"))
    assert ended.value.value == "hello"


def test_a_url_counts_as_named_from_outside_unless_said_otherwise() -> None:
    assert FetchRequest(url="https://a.example").origin == "outside"


def test_a_failure_can_be_caught_in_the_work() -> None:
    steps = _greeting()
    next(steps)
    with pytest.raises(FetchFailed, match=r"https://a\.example: refused"):
        steps.throw(FetchFailed("https://a.example", "refused"))
