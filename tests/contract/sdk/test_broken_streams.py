"""The official clients behind the gateway, and a provider whose streams break: each hears what came, and raises."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import anthropic
import boto3
import cohere
import httpx
import ollama
import openai
import pytest
from botocore.config import Config
from google import genai
from google.genai import types as genai_types

from contract.sdk.raw_provider import FORMATS, PROVIDERS, Answering, RawStand
from entresol.llm.events import ErrorDetail, Failed
from entresol.llm.replay import events_of
from fidelity.classes import chat_format
from fidelity.matrix import answer
from fidelity.sdk_readers import Heard, heard_from
from fidelity.test_broken_streams import GARBAGE, SHAPE, begun

SAME = [*((name, name) for name in FORMATS), ("openai-chat", "ollama-chat"), ("openai-responses", "ollama-chat")]
"""Pairs that speak one wire: bytes pass. Ollama has OpenAI's, too."""
HUBS = ("openai-chat", "anthropic-messages")
PAIRS = [
    (client, provider)
    for client in FORMATS
    for provider in PROVIDERS
    if (client, provider) not in SAME and (client in HUBS or provider in HUBS)
]
"""Every client and every provider with these two: elsewhere is no more of a pair than of its ends."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawStand]:
    running = RawStand(tmp_path_factory.mktemp("raw"))
    running.start()
    yield running
    running.stop()


def _openai(url: str) -> openai.OpenAI:
    return openai.OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)


def _anthropic(url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url=url, max_retries=0)


def _gemini(url: str) -> genai.Client:
    retries = genai_types.HttpRetryOptions(attempts=1)
    return genai.Client(api_key="k", http_options=genai_types.HttpOptions(base_url=url, retry_options=retries))


def _bedrock(url: str) -> AbstractContextManager[Any]:
    config = Config(retries={"max_attempts": 0}, parameter_validation=False)
    session = boto3.Session("AKIDEXAMPLE", "secret", region_name="eu-central-1")
    return closing(session.client("bedrock-runtime", endpoint_url=url, config=config))


@contextmanager
def _cohere(url: str) -> Iterator[Any]:
    with httpx.Client() as transport:
        yield cohere.ClientV2(api_key="k", base_url=url, httpx_client=transport)


def _ollama(url: str) -> ollama.Client:
    return ollama.Client(host=url)


SDKS: dict[str, Callable[[str], AbstractContextManager[Any]]] = {
    "openai-chat": _openai,
    "openai-responses": _openai,
    "anthropic-messages": _anthropic,
    "gemini": _gemini,
    "bedrock-converse": _bedrock,
    "cohere-chat": _cohere,
    "ollama-chat": _ollama,
}


def heard(place: RawStand, client: str, provider: str, answering: Answering) -> Heard:
    """What a client makes of what the provider sends."""
    place.raw.answer = answering
    with SDKS[client](place.base(client, provider)) as sdk:
        return heard_from(client, sdk)


def whole(provider: str) -> bytes:
    """A stream to its end."""
    return chat_format(provider).stream_encoder(SHAPE).encode(events_of(answer(False)))


def failed(provider: str) -> bytes:
    return chat_format(provider).stream_encoder(SHAPE).encode([Failed(ErrorDetail(status=503, message="overloaded"))])


def broken(provider: str) -> dict[str, Answering]:
    """Ways in which a stream breaks behind its words."""
    wire = chat_format(provider)
    kind, words = wire.stream_content_type, begun(wire)
    garbage = GARBAGE[kind]
    return {
        "garbage in the same read": Answering(kind, [words + garbage]),
        "garbage in a read of its own": Answering(kind, [words, garbage, whole(provider)]),
        "an error": Answering(kind, [words + failed(provider)]),
        "an end before the end": Answering(kind, [words]),
        "a connection that is cut": Answering(kind, [words], is_cut=True),
        "a connection that is cut in an event": Answering(kind, [words, words[: len(words) // 3]], is_cut=True),
    }


WAYS = list(broken("openai-chat"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_a_stream_that_breaks_raises_behind_what_came(place: RawStand, client: str, provider: str, way: str) -> None:
    found = heard(place, client, provider, broken(provider)[way])
    assert found.error is not None
    assert found.text == "Let me see."
    assert found.finish in (None, "ERROR", "TIMEOUT")


NO_STREAMS: dict[str, Callable[[str], Answering]] = {
    "HTML": lambda _: Answering(b"text/html", [b"<html><body>Welcome</body></html>"]),
    "HTML that says it is a stream": lambda name: Answering(
        chat_format(name).stream_content_type, [b"<html><body>Welcome</body></html>"]
    ),
    "nothing": lambda name: Answering(chat_format(name).stream_content_type, []),
    "nothing, and a cut": lambda name: Answering(chat_format(name).stream_content_type, [], is_cut=True),
    "a compressed stream": lambda name: Answering(
        chat_format(name).stream_content_type, [gzip.compress(whole(name))], encoding=b"gzip"
    ),
    "an error with status 200": lambda name: Answering(
        b"application/json", [chat_format(name).error_body(ErrorDetail(status=500, message="it broke"), "r")]
    ),
    "JSON of something else": lambda _: Answering(b"application/json", [b'{"hello":"world"}']),
}


@pytest.mark.parametrize("case", NO_STREAMS)
@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_what_is_no_stream_raises(place: RawStand, client: str, provider: str, case: str) -> None:
    found = heard(place, client, provider, NO_STREAMS[case](provider))
    assert found.error is not None
    assert (found.text, found.finish in (None, "ERROR")) == ("", True)


@pytest.mark.parametrize("as_whole", [False, True])
@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_a_good_stream_and_an_answer_that_is_none_arrive(
    place: RawStand, client: str, provider: str, as_whole: bool
) -> None:
    wire = chat_format(provider)
    body = wire.encode_response(answer(False)).body if as_whole else whole(provider)
    kind = b"application/json" if as_whole else wire.stream_content_type
    found = heard(place, client, provider, Answering(kind, [body]))
    assert (found.error, found.text) == (None, "Let me see.")
    assert found.finish is not None
