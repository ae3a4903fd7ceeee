import msgspec

from entresol.llm.gemini_structs import Modality, UsageWire
from entresol.llm.gemini_usage import read_usage, write_usage
from entresol.llm.types import Usage


def test_counts_that_overlap_become_buckets_that_do_not() -> None:
    assert read_usage(UsageWire(prompt_token_count=9, cached_content_token_count=4, candidates_token_count=3)) == Usage(
        input=5, cache_read=4, output=3
    )
    assert read_usage(UsageWire(prompt_token_count=9, tool_use_prompt_token_count=4)) == Usage(input=13)
    assert read_usage(UsageWire(prompt_token_count=1, cached_content_token_count=5)) == Usage(cache_read=1)


def test_cached_sound_is_a_bucket_of_its_own() -> None:
    wire = UsageWire(
        prompt_token_count=100,
        tool_use_prompt_token_count=20,
        cached_content_token_count=60,
        candidates_token_count=5,
        thoughts_token_count=7,
        prompt_tokens_details=[Modality("TEXT", 40), Modality("AUDIO", 60)],
        tool_use_prompt_tokens_details=[Modality("TEXT", 15), Modality("AUDIO", 5)],
        cache_tokens_details=[Modality("TEXT", 10), Modality("AUDIO", 50)],
    )
    usage = read_usage(wire)
    assert usage == Usage(input=45, cache_read=10, cache_read_audio=50, input_audio=15, output=5, reasoning=7)
    assert usage is not None
    assert read_usage(msgspec.convert(write_usage(usage), UsageWire)) == usage
