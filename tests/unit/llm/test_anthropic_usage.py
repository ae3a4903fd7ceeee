import pytest
from msgspec import convert

from entresol.llm.anthropic_structs import CacheCreationWire, OutputDetails, UsageWire
from entresol.llm.anthropic_usage import merge_usage, read_usage, service_tier, write_usage
from entresol.llm.types import Usage


def test_buckets_that_are_disjoint_on_the_wire_stay_so() -> None:
    wire = UsageWire(
        input_tokens=10,
        output_tokens=9,
        cache_creation_input_tokens=7,
        cache_read_input_tokens=5,
        cache_creation=CacheCreationWire(3, 4),
        output_tokens_details=OutputDetails(2),
    )
    assert read_usage(wire) == Usage(input=10, cache_read=5, cache_write=3, cache_write_1h=4, output=7, reasoning=2)


def test_writes_without_a_split_count_as_the_default_lifetime() -> None:
    assert read_usage(UsageWire(cache_creation_input_tokens=7)) == Usage(cache_write=7)
    split = UsageWire(cache_creation_input_tokens=7, cache_creation=CacheCreationWire(None, 4))
    assert read_usage(split) == Usage(cache_write=3, cache_write_1h=4)


def test_usage_of_other_formats_is_written_without_a_token_twice() -> None:
    wire = write_usage(Usage(input=1, input_audio=2, cache_read=4, cache_write=8, output=16, reasoning=32), "default")
    assert wire["input_tokens"] == 3
    assert wire["output_tokens"] == 48
    assert wire["output_tokens_details"] == {"thinking_tokens": 32}
    assert wire["cache_creation"] == {"ephemeral_5m_input_tokens": 8, "ephemeral_1h_input_tokens": 0}
    assert wire["service_tier"] == "standard"


def test_later_counts_replace_earlier_ones_and_absent_ones_leave_them() -> None:
    usage = UsageWire(input_tokens=5, output_tokens=1)
    merge_usage(usage, UsageWire(output_tokens=9))
    assert (usage.input_tokens, usage.output_tokens) == (5, 9)
    merge_usage(usage, UsageWire(input_tokens=0, cache_read_input_tokens=0, output_tokens=11))
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (5, 0, 11)


@pytest.mark.parametrize(
    ("wire", "tier"),
    [
        (UsageWire(), None),
        (UsageWire(service_tier="standard"), "default"),
        (UsageWire(service_tier="priority", speed="standard"), "priority"),
        (UsageWire(service_tier="standard", speed="fast"), "fast"),
        (UsageWire(speed="fast"), "fast"),
    ],
)
def test_the_standard_tier_is_the_default_one_and_fast_mode_is_one_of_its_own(
    wire: UsageWire, tier: str | None
) -> None:
    assert service_tier(wire) == tier
    assert service_tier(convert(write_usage(Usage(), tier), UsageWire)) == tier
