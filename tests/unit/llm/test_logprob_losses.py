"""Losses of log probabilities."""

import pytest

from entresol.llm.logprob_losses import lost_logprobs
from entresol.llm.types import JsonObject

ALONE: JsonObject = {"token": "a", "logprob": -0.5}
AMONG_OTHERS: JsonObject = ALONE | {"top_logprobs": [ALONE]}


@pytest.mark.parametrize(
    ("logprobs", "takes_alternatives", "lost"),
    [
        ({}, False, []),
        ({"content": [ALONE], "refusal": None}, False, []),
        ({"content": [ALONE], "refusal": []}, True, []),
        ({"content": [AMONG_OTHERS]}, True, []),
        ({"content": [ALONE, AMONG_OTHERS]}, False, ["logprobs.top_logprobs"]),
        ({"content": ["garbage"], "refusal": [ALONE]}, False, ["logprobs.refusal"]),
    ],
)
def test_what_has_no_place_is_named(logprobs: JsonObject, takes_alternatives: bool, lost: list[str]) -> None:
    assert lost_logprobs(logprobs, takes_alternatives) == lost
