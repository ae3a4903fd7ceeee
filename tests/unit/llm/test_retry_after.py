import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.http import Headers
from entresol.llm.retry_after import seconds_in, seconds_said

NOW = 1_700_000_000.0
"""Tue, 14 Nov 2023 22:13:20 GMT"""

HEADS: dict[str, tuple[dict[str, str], int | None]] = {
    "seconds": ({"retry-after": "7"}, 7),
    "no time at all": ({"retry-after": "0"}, 0),
    "a fraction": ({"retry-after": "1.2"}, 2),
    "a whole fraction": ({"retry-after": "3.000"}, 3),
    "a date": ({"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"}, 60),
    "a date that has passed": ({"retry-after": "Tue, 14 Nov 2023 22:00:00 GMT"}, 0),
    "a date beside the provider's own": (
        {"date": "Tue, 14 Nov 2023 22:14:00 GMT", "retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"},
        20,
    ),
    "an old date beside a broken one": ({"date": "today", "retry-after": "Tue, 14-Nov-2023 22:14:20 GMT"}, 60),
    "no date": ({"retry-after": "Tue, 34 Nov 2023 22:14:20 GMT"}, None),
    "no month": ({"retry-after": "Tue, 14 Nev 2023 22:14:20 GMT"}, None),
    "negative": ({"retry-after": "-5"}, None),
    "garbage": ({"retry-after": "soon"}, None),
    "empty": ({"retry-after": ""}, None),
    "for ever": ({"retry-after": "9999999999"}, None),
    "not a number": ({"retry-after": "nan"}, None),
    "milliseconds": ({"retry-after-ms": "1500"}, 2),
    "milliseconds beside garbage": ({"retry-after": "soon", "retry-after-ms": "250"}, 1),
    "milliseconds beside seconds": ({"retry-after": "2", "retry-after-ms": "1200"}, 2),
    "no milliseconds": ({"retry-after-ms": "-1"}, None),
    "OpenAI's tokens used up": (
        {
            "x-ratelimit-remaining-requests": "9",
            "x-ratelimit-reset-requests": "120ms",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        360,
    ),
    "OpenAI's limits, none used up": (
        {"x-ratelimit-reset-requests": "1h0m3.5s", "x-ratelimit-reset-tokens": "17ms"},
        1,
    ),
    "limits in seconds": ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "31"}, 31),
    "limits that make no sense": ({"x-ratelimit-reset-requests": "-1s", "x-ratelimit-reset-tokens": "m"}, None),
    "Anthropic's requests used up": (
        {
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:50Z",
            "anthropic-ratelimit-tokens-remaining": "50",
            "anthropic-ratelimit-tokens-reset": "2023-11-14T22:13:21Z",
        },
        30,
    ),
    "Anthropic's output tokens": (
        {
            "anthropic-ratelimit-output-tokens-remaining": "0",
            "anthropic-ratelimit-output-tokens-reset": "2023-11-15T00:13:50.250+02:00",
        },
        31,
    ),
    "a moment without a zone": ({"anthropic-ratelimit-tokens-reset": "2023-11-14T22:13:50"}, None),
    "a moment that is none": ({"anthropic-ratelimit-tokens-reset": "2023-14-14T22:13:50Z"}, None),
    "seconds before limits": ({"retry-after": "4", "x-ratelimit-reset-tokens": "6m0s"}, 4),
    "nothing": ({}, None),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_says_when_to_try_again(name: str) -> None:
    fields, wait = HEADS[name]
    headers = Headers([(key.encode(), value.encode()) for key, value in fields.items()])
    assert seconds_said(headers, NOW) == wait


def test_the_first_of_several_fields_that_makes_sense_counts() -> None:
    assert seconds_said(Headers([(b"retry-after", b"soon"), (b"retry-after", b"3")]), NOW) == 3


INFO = b'{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"%b"}'


@pytest.mark.parametrize(("delay", "wait"), [(b"38s", 38), (b"38.5s", 39), (b"0s", 0), (b"-1s", None), (b"soon", None)])
@pytest.mark.parametrize("shape", [b'{"error":{"details":[{"@type":"x"},%b]}}', b'[{"error":{"details":[%b]}}]'])
def test_googles_errors_say_it_in_their_details(shape: bytes, delay: bytes, wait: int | None) -> None:
    assert seconds_in(shape % (INFO % delay)) == wait


@pytest.mark.parametrize(
    "body",
    [b"", b"RetryInfo", b'{"error":"RetryInfo"}', b'["RetryInfo"]', b"[]", b'{"RetryInfo":1}', b"[" * 9999 + INFO],
)
def test_other_errors_say_nothing(body: bytes) -> None:
    assert seconds_in(body) is None


@given(st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens", "date"]), st.text(max_size=40))
def test_any_text_is_a_time_to_wait_or_none(name: str, text: str) -> None:
    wait = seconds_said(Headers([(name.encode(), text.encode("latin-1", "replace"))]), NOW)
    assert wait is None or wait >= 0
