import pytest

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.json_fields import (
    decode_json,
    decode_request_as,
    decode_response_as,
    encode_json,
    read_field,
    read_fields,
)

DEEP = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
BAD_JSON = "content-type header does not match request body, or bad JSON formatting"

REFUSED = [
    (b"", BAD_JSON),
    (b"not json", BAD_JSON),
    (b'{"model":"x"', BAD_JSON),
    (b"[]", BAD_JSON),
    (b'"text"', BAD_JSON),
    (b'{"a":1}{"b":2}', BAD_JSON),
    (b'{"\xff":1}', BAD_JSON),
    (b'{"a":"\xff"}', BAD_JSON),
    (b'{"a":[{"b":"\xc3"}]}', BAD_JSON),
    (b'{"a":"\xed\xa0\x80"}', BAD_JSON),
    (DEEP, "the request body is nested too deeply"),
]


@pytest.mark.parametrize(("body", "message"), REFUSED)
def test_what_is_no_json_object_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(ClientError) as error:
        read_fields(body)
    assert (error.value.status, error.value.code, error.value.message) == (400, "bad_json", message)


@pytest.mark.parametrize("body", [b"{", DEEP])
def test_typed_reading_refuses_the_same(body: bytes) -> None:
    with pytest.raises(ClientError) as client:
        decode_request_as(decode_json, body)
    with pytest.raises(UpstreamError) as upstream:
        decode_response_as(decode_json, body)
    assert (client.value.code, upstream.value.code) == ("bad_json", "provider_bad_response")


def test_a_number_out_of_range_is_told_with_its_field() -> None:
    body = b'{"model":"m","messages":[{"content":"x"},{"content":[{"text":"y","n":1e999}]}]}'
    with pytest.raises(ClientError) as client:
        decode_request_as(decode_json, body)
    assert (client.value.code, client.value.message) == (
        "bad_request",
        "messages[1].content[0].n: Number out of range",
    )
    with pytest.raises(UpstreamError, match=r"cannot be read: messages\[1\]\.content\[0\]\.n: Number out of range"):
        decode_response_as(decode_json, body)


def test_untouched_values_keep_their_bytes() -> None:
    fields = read_fields(b'{ "a" : { "x" : 1.0e2, "y":"\\u00e9" } , "b":null}')
    assert encode_json(fields) == b'{"a":{ "x" : 1.0e2, "y":"\\u00e9" },"b":null}'


def test_null_counts_as_missing() -> None:
    assert read_field(read_fields(b'{"model":null}'), "model", str) is None
    assert read_field({}, "stream", bool) is None
