import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.llm.openai_structs import CompletionDetails, PromptDetails, UsageWire
from entresol.llm.openai_usage import read_usage, write_usage
from entresol.llm.registry import format_named
from entresol.llm.types import Usage

CHAT = format_named("openai-chat")
COUNTS = st.integers(0, 1_000_000)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_buckets_never_overlap_and_never_go_below_zero(
    p: int, c: int, cached: int, audio: int, write: int, r: int
) -> None:
    wire = UsageWire(p, c, PromptDetails(cached, audio, write), CompletionDetails(r, audio, audio))
    usage = read_usage(wire)
    assert usage is not None
    assert (usage.total_input, usage.total_output) == (p, c)
    assert min(usage.input, usage.cache_read, usage.output, usage.reasoning, usage.output_image) >= 0


def test_null_counts_are_zero_beside_one_that_is_not() -> None:
    assert read_usage(UsageWire(None, None, PromptDetails(), CompletionDetails())) is None
    assert read_usage(UsageWire(0, None, PromptDetails(), CompletionDetails())) == Usage()


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_usage_survives_being_written(plain: int, cached: int, answer: int, reasoning: int) -> None:
    usage = Usage(input=plain, cache_read=cached, cache_write=3, output=answer, reasoning=reasoning, output_image=2)
    body = json.dumps({"choices": [], "usage": write_usage(usage)}).encode()
    assert CHAT.response_facts(body).usage == usage


def usage(**wire: object) -> Usage | None:
    return CHAT.response_facts(json.dumps({"choices": [], "usage": wire}).encode()).usage


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        # OpenRouter
        ({"prompt_tokens": 194, "completion_tokens": 2, "total_tokens": 196, "cost": 0.00095,
          "prompt_tokens_details": {"cached_tokens": 90, "cache_write_tokens": 100, "audio_tokens": 0}},
         Usage(input=4, cache_read=90, cache_write=100, output=2, reported_cost=950_000)),
        # xAI: reasoning is not in the completion
        ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135, "cost_in_usd_ticks": 37_756_000,
          "prompt_tokens_details": {"text_tokens": 32, "cached_tokens": 6},
          "completion_tokens_details": {"reasoning_tokens": 94}},
         Usage(input=26, cache_read=6, output=9, reasoning=94, reported_cost=3_775_600)),
        # OpenAI: it is
        ({"prompt_tokens": 32, "completion_tokens": 103, "total_tokens": 135,
          "completion_tokens_details": {"reasoning_tokens": 94}}, Usage(input=32, output=9, reasoning=94)),
        # Gemini's compatible endpoint: only in the total
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115}, Usage(input=10, output=5, reasoning=100)),
        # Perplexity, sonar-deep-research
        ({"prompt_tokens": 33, "completion_tokens": 7163, "total_tokens": 7196, "citation_tokens": 20016,
          "num_search_queries": 26, "reasoning_tokens": 95305, "cost": {"total_cost": 0.513}},
         Usage(input=33, output=7163, reasoning=95305, reported_cost=513_000_000)),
        # Databricks
        ({"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70, "reasoning_tokens": 15,
          "cache_read_input_tokens": 40}, Usage(input=10, cache_read=40, output=5, reasoning=15)),
        # DeepSeek
        ({"prompt_tokens": 100, "completion_tokens": 9, "total_tokens": 109, "prompt_cache_hit_tokens": 64,
          "prompt_cache_miss_tokens": 36}, Usage(input=36, cache_read=64, output=9)),
        # Moonshot, Together
        ({"prompt_tokens": 100, "completion_tokens": 9, "cached_tokens": 64}, Usage(input=36, cache_read=64, output=9)),
        # Mistral
        ({"prompt_tokens": 100, "completion_tokens": 9, "num_cached_tokens": 64},
         Usage(input=36, cache_read=64, output=9)),
        # DashScope
        ({"prompt_tokens": 100, "completion_tokens": 9,
          "prompt_tokens_details": {"cached_tokens": 10, "cache_creation_input_tokens": 50}},
         Usage(input=40, cache_read=10, cache_write=50, output=9)),
        # both names of one thing
        ({"prompt_tokens": 100, "completion_tokens": 9, "prompt_cache_hit_tokens": 64,
          "prompt_tokens_details": {"cached_tokens": 64}}, Usage(input=36, cache_read=64, output=9)),
        # numbers with a decimal point
        ({"prompt_tokens": 100.0, "completion_tokens": 9.0}, Usage(input=100, output=9)),
    ],
)  # fmt: skip
def test_what_compatible_providers_count_elsewhere_is_counted_once(wire: dict[str, object], expected: Usage) -> None:
    assert usage(**wire) == expected


@pytest.mark.parametrize("wire", [{}, {"total_tokens": 12}, {"prompt_tokens": None, "completion_tokens": None}])
def test_usage_that_counts_nothing_is_unknown_and_not_zero(wire: dict[str, object]) -> None:
    assert usage(**wire) is None


def test_a_cost_without_tokens_is_a_cost() -> None:
    assert usage(cost=0.5) == Usage(reported_cost=500_000_000)


def test_embeddings_may_have_a_total_only() -> None:
    body = b'{"data":[{"embedding":[1.0]}],"usage":{"total_tokens":12}}'
    assert format_named("openai-embeddings").response_facts(body).usage == Usage(input=12)


def test_a_count_that_no_call_can_have_breaks_nothing() -> None:
    found = usage(prompt_tokens=10**25, completion_tokens=1)
    assert found is not None
    assert found.input == 10**15
