import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.completion_logprobs import read_logprobs, write_logprobs
from entresol.llm.types import JsonObject

LISTS: JsonObject = {
    "tokens": ["a", "bc"],
    "token_logprobs": [-0.5, -0.25],
    "top_logprobs": [{"a": -0.5, "x": -1.5}, {"bc": -0.25}],
    "text_offset": [0, 1],
}


def test_lists_side_by_side_become_a_list_of_tokens_and_back() -> None:
    read = read_logprobs(LISTS)
    assert read["content"] == [
        {
            "token": "a",
            "logprob": -0.5,
            "top_logprobs": [{"token": "a", "logprob": -0.5}, {"token": "x", "logprob": -1.5}],
        },
        {"token": "bc", "logprob": -0.25, "top_logprobs": [{"token": "bc", "logprob": -0.25}]},
    ]
    dropped: list[str] = []
    assert write_logprobs(read, dropped) == LISTS
    assert write_logprobs(read, dropped, offset=7)["text_offset"] == [7, 8]
    assert dropped == []


def test_the_first_token_of_an_echo_has_no_probability() -> None:
    read = read_logprobs({"tokens": ["a"], "token_logprobs": [None], "top_logprobs": None})
    assert read == {"content": [{"token": "a", "logprob": 0.0, "top_logprobs": []}]}


def test_what_is_said_of_a_refusal_is_named() -> None:
    dropped: list[str] = []
    write_logprobs({"content": None, "refusal": [{"token": "a", "logprob": -1}]}, dropped)
    assert dropped == ["logprobs.refusal"]


@pytest.mark.parametrize("wire", [{"tokens": 5}, {"tokens": ["a"], "token_logprobs": ["b"]}])
def test_garbage_is_the_providers_fault(wire: JsonObject) -> None:
    with pytest.raises(UpstreamError, match="logprobs"):
        read_logprobs(wire)
    with pytest.raises(UpstreamError, match="logprobs"):
        write_logprobs({"content": [{"token": 5}]}, [])
