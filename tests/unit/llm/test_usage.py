import msgspec
from hypothesis import given
from hypothesis import strategies as st

from entresol.llm.price_table import Rates
from entresol.llm.types import BUCKETS, Usage
from entresol.llm.usage import completion_details, cost_nanodollars, prompt_details, rate_of

TOKENS = st.integers(0, 10_000_000)
USAGES = st.builds(Usage, **dict.fromkeys(BUCKETS, TOKENS))
RATE = st.integers(0, 10**9)
ALL_RATES = st.builds(
    Rates, input=RATE, output=RATE,
    **dict.fromkeys([name for name in Rates.__struct_fields__ if name not in ("input", "output")], st.none() | RATE),
)  # fmt: skip


def test_each_bucket_has_its_rate() -> None:
    rates = Rates(
        input=1000, cache_read=2000, cache_write=3000, cache_write_1h=4000, input_audio=5000,
        output=6000, output_audio=7000, output_image=8000, cache_read_audio=9000, input_image=11_000,
    )  # fmt: skip
    usage = Usage(
        input=1, cache_read=10, cache_write=100, cache_write_1h=1000, input_audio=10_000,
        output=1, reasoning=2, output_audio=10, output_image=100, cache_read_audio=1000, input_image=10_000,
    )  # fmt: skip
    assert cost_nanodollars(usage, rates) == 1 + 20 + 300 + 4000 + 50_000 + 18 + 70 + 800 + 9000 + 110_000


def test_a_bucket_without_a_rate_costs_what_it_is_part_of() -> None:
    rates = Rates(input=1000, output=5000, cache_write=2000)
    assert cost_nanodollars(Usage(input_image=1, cache_read_audio=1), rates) == 2
    assert cost_nanodollars(Usage(cache_read_audio=10), Rates(input=1000, cache_read=100)) == 1
    assert cost_nanodollars(Usage(cache_read=1, input_audio=1), rates) == 2
    assert cost_nanodollars(Usage(cache_write_1h=1), rates) == 2
    assert cost_nanodollars(Usage(output_audio=1, output_image=1, reasoning=1), rates) == 15


def test_output_without_a_rate_has_no_known_cost() -> None:
    assert cost_nanodollars(Usage(input=1, output=1), Rates(input=1000)) is None
    assert cost_nanodollars(Usage(input=1), Rates(input=1000)) == 1


def test_half_nanodollars_are_rounded_up_once() -> None:
    assert rate_of(0.0625) == 62_500
    assert cost_nanodollars(Usage(input=1), Rates(input=62_500, output=0)) == 63
    assert cost_nanodollars(Usage(input=2), Rates(input=62_500, output=0)) == 125


@given(TOKENS, TOKENS, TOKENS, TOKENS)
def test_splitting_a_call_never_makes_it_cheaper(a: int, b: int, c: int, d: int) -> None:
    rates = Rates(input=62_500, output=250_000)
    parts = [cost_nanodollars(Usage(input=x, output=y), rates) or 0 for x, y in ((a, b), (c, d))]
    whole = cost_nanodollars(Usage(input=a + c, output=b + d), rates) or 0
    assert whole <= sum(parts) <= whole + 1


@given(USAGES, ALL_RATES)
def test_a_cost_is_a_whole_number_and_never_negative(usage: Usage, rates: Rates) -> None:
    cost = cost_nanodollars(usage, rates)
    assert type(cost) is int
    assert cost >= 0


@given(USAGES, ALL_RATES, st.sampled_from(BUCKETS), TOKENS)
def test_more_tokens_never_cost_less(usage: Usage, rates: Rates, bucket: str, more: int) -> None:
    larger = msgspec.structs.replace(usage, **{bucket: getattr(usage, bucket) + more})
    assert (cost_nanodollars(larger, rates) or 0) >= (cost_nanodollars(usage, rates) or 0)


@given(USAGES, USAGES, ALL_RATES)
def test_costs_add_up_but_for_one_rounding_and_one_fee_per_call(one: Usage, other: Usage, rates: Rates) -> None:
    both = Usage(**{name: getattr(one, name) + getattr(other, name) for name in BUCKETS})
    parts = [cost_nanodollars(usage, msgspec.structs.replace(rates, request=None)) or 0 for usage in (one, other)]
    whole = cost_nanodollars(both, msgspec.structs.replace(rates, request=None)) or 0
    assert sum(parts) - 1 <= whole <= sum(parts)
    fee = -(-(rates.request or 0) // 1000)
    assert whole + fee - 1 <= (cost_nanodollars(both, rates) or 0) <= whole + fee


def test_reasoning_and_calls_can_have_prices_of_their_own() -> None:
    rates = Rates(input=1000, output=2000, reasoning=5000, request=7000)
    assert cost_nanodollars(Usage(input=1, output=1, reasoning=1), rates) == 1 + 2 + 5 + 7
    assert cost_nanodollars(Usage(), rates) == 7


def test_details_are_there_only_if_there_are_any() -> None:
    assert prompt_details(Usage(input=5)) is None
    assert completion_details(Usage(output=5)) is None
    details = prompt_details(Usage(cache_read=1, cache_write=2, cache_write_1h=3))
    assert details == {"cached_tokens": 1, "cache_write_tokens": 5, "audio_tokens": 0, "cache_write_1h_tokens": 3}
    assert prompt_details(Usage(cache_write=2)) == {"cached_tokens": 0, "cache_write_tokens": 2, "audio_tokens": 0}
    assert completion_details(Usage(reasoning=4)) == {"reasoning_tokens": 4, "audio_tokens": 0, "image_tokens": 0}
