"""When to try again: however a provider says it, clients of every wire get the seconds, and their own error."""

import msgspec
import pytest

from entresol.core.http import HeaderPairs, Headers, ResponseHead
from entresol.llm.answers import ErrorAnswer
from entresol.llm.call import Ends, LLMCall
from entresol.llm.events import ErrorDetail
from entresol.llm.format import Format
from entresol.llm.registry import format_named
from fidelity.bad_requests import EMBEDDINGS, RERANKS, SHAPES, ends_of
from fidelity.matrix import CLIENTS, PROVIDERS

NOW = 1_700_000_000.0
PAIRS = [
    (client, native)
    for ours in ((CLIENTS, PROVIDERS), (EMBEDDINGS, EMBEDDINGS), (RERANKS, RERANKS))
    for client in ours[0]
    for native in ours[1]
]
SAID: dict[str, tuple[HeaderPairs, bytes | None]] = {
    "seconds": ([(b"retry-after", b"7")], b"7"),
    "a fraction": ([(b"retry-after", b"6.5")], b"7"),
    "a date": ([(b"retry-after", b"Tue, 14 Nov 2023 22:13:27 GMT")], b"7"),
    "milliseconds": ([(b"retry-after-ms", b"6800")], b"7"),
    "OpenAI's limits": ([(b"x-ratelimit-remaining-tokens", b"0"), (b"x-ratelimit-reset-tokens", b"6.2s")], b"7"),
    "Anthropic's limits": ([(b"anthropic-ratelimit-requests-reset", b"2023-11-14T22:13:27Z")], b"7"),
    "a negative number": ([(b"retry-after", b"-7")], None),
    "garbage": ([(b"retry-after", b"in a while")], None),
    "nothing": ([], None),
}


def call_of(ends: Ends) -> LLMCall:
    return LLMCall(ends, "a-model", "0" * 32, NOW)


def refused(client: str, native: str, status: int, fields: HeaderPairs, body: bytes) -> tuple[ResponseHead, bytes, int]:
    """The head and body that a client gets, and the seconds of the body."""
    head = ResponseHead(status, Headers([(b"content-type", b"application/json"), *fields]), len(body))
    reading = call_of(ends_of(client, native)).answer(head)
    assert isinstance(reading, ErrorAnswer)
    out = reading.feed(body, True)
    return head, out, -1 if reading.retry_after is None else reading.retry_after


def is_its_own(client: Format, status: int, body: bytes) -> bool:
    wire = msgspec.json.decode(body)
    for path, kind in SHAPES[client.name.partition("-")[0]].items():
        value = wire
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if not isinstance(value, kind):
            return False
    heard = client.decode_error(status, body)
    return heard is not None and heard.message == "slow down"


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("status", [429, 503, 529])
@pytest.mark.parametrize(("client", "native"), PAIRS)
def test_a_client_hears_when_to_try_again_in_seconds(client: str, native: str, status: int, said: str) -> None:
    fields, wait = SAID[said]
    body = format_named(native).error_body(ErrorDetail(status=status, message="slow down"), "r")
    head, out, _ = refused(client, native, status, fields, body)
    assert head.headers.get_all(b"retry-after") == ([] if wait is None else [wait])
    is_kept = status != 529 or client == native or client.startswith("anthropic")
    assert head.status == (status if is_kept else 503)
    assert is_its_own(format_named(client), head.status, out), out


@pytest.mark.parametrize("client", CLIENTS)
def test_geminis_details_say_when_to_try_again(client: str) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38.2s"}
    error = {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED", "details": [info]}
    head, out, wait = refused(client, "gemini", 429, [], msgspec.json.encode({"error": error}))
    assert (head.status, wait) == (429, 39)
    assert is_its_own(format_named(client), 429, out)


@pytest.mark.parametrize("client", CLIENTS)
def test_bedrocks_throttling_is_a_429_of_each_wire(client: str) -> None:
    body = b'{"message":"slow down"}'
    kind = (b"x-amzn-errortype", b"ThrottlingException:http://x")
    head, out, _ = refused(client, "bedrock-converse", 429, [kind], body)
    assert (head.status, b"retry-after" in head.headers) == (429, False)
    assert head.headers.get_all(b"x-amzn-errortype") == ([kind[1]] if client == "bedrock-converse" else [])
    assert is_its_own(format_named(client), 429, out)


@pytest.mark.parametrize("native", PROVIDERS)
def test_awss_clients_find_the_kind_of_an_error_in_the_head(native: str) -> None:
    kinds = {429: b"ThrottlingException", 400: b"ValidationException", 529: b"ServiceUnavailableException"}
    for status, kind in kinds.items():
        head, _, _ = refused("bedrock-converse", native, status, [], b"")
        assert head.headers.get_all(b"x-amzn-errortype") == [kind]


@pytest.mark.parametrize("client", CLIENTS)
def test_other_errors_keep_their_status_and_lose_only_what_makes_no_sense(client: str) -> None:
    for said, wait in ((b"7", [b"7"]), (b"soon", [])):
        head, _, _ = refused(client, "openai-chat", 500, [(b"retry-after", said)], b"")
        assert (head.status, head.headers.get_all(b"retry-after")) == (500, wait)
