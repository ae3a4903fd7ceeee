from typing import Any

from entresol.llm.gemini_logprobs import read_logprobs, write_logprobs

WIRE: dict[str, object] = {
    "chosenCandidates": [{"token": "é", "logProbability": -0.1}, {"token": "b", "logProbability": -0.2}],
    "topCandidates": [{"candidates": [{"token": "é", "logProbability": -0.1}]}, {"candidates": []}],
}


def test_log_probabilities_go_there_and_back() -> None:
    read = read_logprobs(WIRE)
    content: Any = read["content"]
    first, second = content
    assert first["bytes"] == [0xC3, 0xA9]
    assert (first["logprob"], len(first["top_logprobs"]), second["top_logprobs"]) == (-0.1, 1, [])
    assert write_logprobs(read) == WIRE


def test_what_is_missing_is_empty() -> None:
    assert read_logprobs({}) == {"content": [], "refusal": None}
    assert read_logprobs({"chosenCandidates": [{}]})["content"] == [
        {"token": "", "logprob": None, "bytes": [], "top_logprobs": []}
    ]
    assert write_logprobs({"content": None}) == {"chosenCandidates": [], "topCandidates": []}
