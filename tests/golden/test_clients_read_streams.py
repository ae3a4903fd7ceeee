"""The official clients read every golden stream: whole ones to their end, failed ones as an error, never as success."""

from pathlib import Path

import anthropic
import cohere
import httpx
import httpx2
import ollama
import openai
import pytest
from openai.types.responses import ResponseCompletedEvent, ResponseIncompleteEvent

from golden.test_translations import HERE, shown


def streams(target: str, ending: str = "sse") -> list[Path]:
    paths = sorted(HERE.glob(f"*/*.{target}.{ending}"))
    return [path for path in paths if not path.read_bytes().startswith(b"refused")]


def transport(path: Path) -> httpx2.MockTransport:
    content = path.read_bytes()
    return httpx2.MockTransport(
        lambda request: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=content)
    )


def is_failure(path: Path) -> bool:
    return b'"error":{' in path.read_bytes()


@pytest.mark.parametrize("path", streams("openai-chat"), ids=shown)
def test_openais_client_reads_the_stream(path: Path) -> None:
    client = openai.OpenAI(api_key="k", base_url="http://test/v1", http_client=httpx2.Client(transport=transport(path)))
    with client, client.chat.completions.create(model="m", messages=[], stream=True) as stream:
        if is_failure(path):
            with pytest.raises(openai.APIError):
                list(stream)
        else:
            reasons = [choice.finish_reason for chunk in stream for choice in chunk.choices]
            assert reasons[-1] is not None


@pytest.mark.parametrize("path", streams("openai-responses"), ids=shown)
def test_openais_client_reads_the_stream_of_a_response(path: Path) -> None:
    client = openai.OpenAI(api_key="k", base_url="http://test/v1", http_client=httpx2.Client(transport=transport(path)))
    with client, client.responses.create(model="m", input="x", stream=True) as stream:
        if is_failure(path):
            with pytest.raises(openai.APIError):
                list(stream)
        else:
            *_, last = stream
            assert isinstance(last, ResponseCompletedEvent | ResponseIncompleteEvent)
            assert (last.response.status == "completed") == (last.type == "response.completed")


@pytest.mark.parametrize("path", streams("openai-responses"), ids=shown)
def test_openais_client_gathers_the_stream_of_a_response(path: Path) -> None:
    client = openai.OpenAI(api_key="k", base_url="http://test/v1", http_client=httpx2.Client(transport=transport(path)))
    with client, client.responses.stream(model="m", input="x") as stream:
        if is_failure(path):
            with pytest.raises(openai.APIError):
                stream.until_done()
            return
        words = "".join([event.delta for event in stream if event.type == "response.output_text.delta"])
        if b"event: response.completed" in path.read_bytes():
            assert stream.get_final_response().output_text == words


@pytest.mark.parametrize("path", streams("anthropic-messages"), ids=shown)
def test_anthropics_client_reads_the_stream(path: Path) -> None:
    client = anthropic.Anthropic(
        api_key="k", base_url="http://test", http_client=httpx2.Client(transport=transport(path))
    )
    with client, client.messages.stream(model="m", messages=[], max_tokens=5) as stream:
        if is_failure(path):
            with pytest.raises(anthropic.APIError):
                stream.get_final_message()
        else:
            assert stream.get_final_message().stop_reason is not None


def is_failed(path: Path) -> bool:
    return b'{"error":' in path.read_bytes()


def ollamas_client(path: Path) -> ollama.Client:
    content, headers = path.read_bytes(), {"content-type": "application/x-ndjson"}
    answer = httpx.MockTransport(lambda request: httpx.Response(200, headers=headers, content=content))
    return ollama.Client(host="http://test", transport=answer)


@pytest.mark.parametrize("path", streams("ollama-chat", "ndjson"), ids=shown)
def test_ollamas_client_reads_the_stream_of_a_chat(path: Path) -> None:
    with ollamas_client(path) as client:
        stream = client.chat("m", [], stream=True)
        if is_failed(path):
            with pytest.raises(ollama.ResponseError):
                list(stream)
        else:
            *_, last = stream
            assert (last.done, last.done_reason is None) == (True, False)


@pytest.mark.parametrize("path", streams("ollama-generate", "ndjson"), ids=shown)
def test_ollamas_client_reads_the_stream_of_a_completion(path: Path) -> None:
    with ollamas_client(path) as client:
        stream = client.generate("m", "x", stream=True)
        if is_failed(path):
            with pytest.raises(ollama.ResponseError):
                list(stream)
        else:
            *_, last = stream
            assert (last.done, last.done_reason is None) == (True, False)


@pytest.mark.parametrize("path", streams("cohere-chat"), ids=shown)
def test_coheres_client_reads_the_stream(path: Path) -> None:
    content, headers = path.read_bytes(), {"content-type": "text/event-stream"}
    answer = httpx.MockTransport(lambda request: httpx.Response(200, headers=headers, content=content))
    with httpx.Client(transport=answer) as transport:
        client = cohere.ClientV2(api_key="k", base_url="http://test", httpx_client=transport)
        *events, last = client.chat_stream(model="m", messages=[])
    assert last.type == "message-end"
    assert "message-end" not in [event.type for event in events]
    assert last.delta is not None
    is_failed = b'"error":' in content
    assert (last.delta.finish_reason in ("ERROR", "TIMEOUT"), last.delta.error is not None) == (is_failed, is_failed)
