import json

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
    assert (usage.total_input, usage.total_output) == (p, c)
    assert min(usage.input, usage.cache_read, usage.output, usage.reasoning, usage.output_image) >= 0


def test_null_counts_are_zero() -> None:
    assert read_usage(UsageWire(None, None, PromptDetails(), CompletionDetails())) == Usage()


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_usage_survives_being_written(plain: int, cached: int, answer: int, reasoning: int) -> None:
    usage = Usage(input=plain, cache_read=cached, cache_write=3, output=answer, reasoning=reasoning, output_image=2)
    body = json.dumps({"choices": [], "usage": write_usage(usage)}).encode()
    assert CHAT.response_facts(body).usage == usage
