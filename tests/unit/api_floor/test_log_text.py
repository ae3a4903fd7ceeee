import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from entresol.api_floor import log_text
from entresol.api_floor.log_text import MAX_LENGTH, MAX_TEXTS, decimal, escaped, escaped_once, number

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(TEXTS)
@example("")
@example('"')
@example("\\")
@example("\x00\x1f\x7f\x80\u2028")
@example("ü" * 300)
def test_text_is_escaped_as_the_encoder_does_it(text: str) -> None:
    expected = msgspec.json.encode(text).decode()
    assert [f'"{escaped(text)}"', f'"{escaped(text)}"', f'"{escaped_once(text)}"'] == [expected] * 3


@pytest.mark.parametrize("value", [0, 7, 999, 1000, 2**40, -1])
def test_whole_numbers_are_digits(value: int) -> None:
    assert number(value) == str(value)


@given(
    st.integers(0, 10**13).map(lambda thousandths: thousandths / 1000)
    | st.floats(0, 1e20, allow_nan=False)
    | st.floats(-1, 1)
)
@example(0.0)
@example(0.001)
@example(1.5)
@example(999_999_999.999)
@example(-0.0)
def test_decimals_are_written_as_the_encoder_does_it(value: float) -> None:
    assert decimal(value) == msgspec.json.encode(value).decode()


def test_many_texts_are_escaped_and_not_kept_for_ever() -> None:
    assert [escaped(f'"{number}') for number in range(3_000)] == [f'\\"{number}' for number in range(3_000)]
    assert len(log_text._known) <= MAX_TEXTS


def test_long_texts_are_not_kept() -> None:
    long = "x" * (MAX_LENGTH + 1)
    assert escaped(long) == long
    assert long not in log_text._known
