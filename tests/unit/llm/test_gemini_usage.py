from entresol.llm.gemini_structs import UsageWire
from entresol.llm.gemini_usage import read_usage
from entresol.llm.types import Usage


def test_counts_that_overlap_become_buckets_that_do_not() -> None:
    assert read_usage(UsageWire(prompt_token_count=9, cached_content_token_count=4, candidates_token_count=3)) == Usage(
        input=5, cache_read=4, output=3
    )
    assert read_usage(UsageWire(prompt_token_count=9, tool_use_prompt_token_count=4)).input == 13
    assert read_usage(UsageWire(prompt_token_count=1, cached_content_token_count=5)) == Usage(cache_read=1)
