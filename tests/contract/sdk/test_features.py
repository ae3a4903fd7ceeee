"""OpenAI's other operations, and what only one client has: asynchronous clients, structured output, thinking."""

import asyncio
from typing import Any

import anthropic
import httpx
import openai
import pytest
from google import genai
from google.genai import types as genai_types

from contract.sdk.stand import GATEWAY_KEY, MODELS, PROVIDERS, Stand
from contract.sdk.talking import CITY, AnthropicTalk, GeminiTalk, OpenAITalk

every_provider = pytest.mark.parametrize("provider", PROVIDERS)


def test_completions_whole_and_streamed(stand: Stand) -> None:
    sdk = OpenAITalk(stand, "openai").sdk
    whole = sdk.completions.create(model="gpt-5.5", prompt="Hello", max_tokens=50)
    assert whole.choices[0].text == 'You said: "Hello".'
    assert stand.last.path == "/v1/completions"
    chunks = sdk.completions.create(model="gpt-5.5", prompt="Hello", max_tokens=50, stream=True)
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == whole.choices[0].text


@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
def test_a_prompt_is_completed_by_models_of_chats(stand: Stand, provider: str) -> None:
    sdk = OpenAITalk(stand, provider).sdk
    whole = sdk.completions.create(model=MODELS[provider], prompt="Hello", max_tokens=500)
    assert (whole.object, whole.choices[0].text) == ("text_completion", 'You said: "Hello".')
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 5
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(sdk.completions.create(model=MODELS[provider], prompt="Hello", max_tokens=500, **options))
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == whole.choices[0].text
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 5


@pytest.mark.parametrize("suffix", [{"suffix": "the end"}, {"prompt": ["one", "two"]}, {"echo": True}])
def test_what_models_of_chats_cannot_complete_is_refused(stand: Stand, suffix: dict[str, Any]) -> None:
    create: Any = OpenAITalk(stand, "anthropic").sdk.completions.create
    with pytest.raises(openai.BadRequestError, match=next(iter(suffix))):
        create(**{"model": MODELS["anthropic"], "prompt": "Hello", "max_tokens": 500} | suffix)


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings(stand: Stand, encoding: Any) -> None:
    sdk = OpenAITalk(stand, "openai").sdk
    answer = sdk.embeddings.create(
        model="text-embedding-3-small", input=["red car", "blue sky"], dimensions=16, encoding_format=encoding
    )
    assert len(answer.data) == 2
    assert stand.last.json["input"] == ["red car", "blue sky"]
    assert answer.usage.prompt_tokens == 4


def test_an_embedding_request_that_the_provider_refuses_is_400(stand: Stand) -> None:
    with pytest.raises(openai.BadRequestError, match="too short"):
        OpenAITalk(stand, "openai").sdk.embeddings.create(model="text-embedding-3-small", input=["a", ""])


@every_provider
def test_the_asynchronous_clients_work_too(stand: Stand, provider: str) -> None:
    async def run() -> list[str]:
        model = MODELS[provider]
        texts = []
        url = f"{stand.base('openai', provider)}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key=GATEWAY_KEY, max_retries=0) as first:
            chunks = await first.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "Hello"}], stream=True
            )
            texts.append("".join([choice.delta.content or "" async for chunk in chunks for choice in chunk.choices]))
        url = stand.base("anthropic", provider)
        second = anthropic.AsyncAnthropic(base_url=url, api_key=GATEWAY_KEY, max_retries=0)
        turns: Any = [{"role": "user", "content": "Hello"}]
        async with second, second.messages.stream(model=model, messages=turns, max_tokens=50) as events:
            texts.append(await events.get_final_text())
        options = genai_types.HttpOptions(base_url=stand.base("gemini", provider))
        third = genai.Client(api_key=GATEWAY_KEY, http_options=options).aio
        responses = await third.models.generate_content_stream(model=model, contents="Hello")
        texts.append("".join([response.text or "" async for response in responses]))
        await third.aclose()
        return texts

    assert asyncio.run(run()) == ['You said: "Hello".'] * 3


@every_provider
def test_structured_output_follows_the_schema_at_every_provider(stand: Stand, provider: str) -> None:
    model, schema = MODELS[provider], {**CITY, "additionalProperties": False}
    asked = "the capital of Peru"
    answer = OpenAITalk(stand, provider).sdk.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": asked}],
        response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
    )
    assert answer.choices[0].message.content == '{"city":"Peru"}'
    message = AnthropicTalk(stand, provider).sdk.messages.create(
        model=model,
        messages=[{"role": "user", "content": asked}],
        max_tokens=100,
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    assert [block.text for block in message.content if block.type == "text"] == ['{"city":"Peru"}']
    config = genai_types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=CITY)
    gemini = GeminiTalk(stand, provider)
    response = gemini.sdk.models.generate_content(model=model, contents=asked, config=config)
    assert response.text == '{"city":"Peru"}'


@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
def test_thinking_is_seen_and_its_signature_comes_home_in_a_tool_loop(stand: Stand, provider: str) -> None:
    """Anthropic's client on Gemini's model and the other way round: each provider checks the signature it made."""
    model = MODELS[provider]
    sdk = AnthropicTalk(stand, provider).sdk
    tools: Any = [{"name": "get_weather", "input_schema": CITY}]
    turns: list[Any] = [{"role": "user", "content": "weather in Paris"}]
    first = sdk.messages.create(
        model=model, messages=turns, max_tokens=2000, tools=tools, thinking={"type": "adaptive"}
    )
    assert first.content[0].type == "thinking"
    use = next(block for block in first.content if block.type == "tool_use")
    kept = [block.model_dump(exclude_none=True) for block in first.content]
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "sun"}
    turns += [{"role": "assistant", "content": kept}, {"role": "user", "content": [result]}]
    second = sdk.messages.create(
        model=model, messages=turns, max_tokens=2000, tools=tools, thinking={"type": "adaptive"}
    )
    assert any(block.type == "text" and "sun" in block.text for block in second.content)
    assert signature_in(stand.last.json, provider)


@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
def test_thoughts_are_signed_for_geminis_client_as_well(stand: Stand, provider: str) -> None:
    model = MODELS[provider]
    talk = GeminiTalk(stand, provider)
    sdk = talk.sdk
    function = genai_types.FunctionDeclaration(name="get_weather", parameters_json_schema=CITY)
    thinking = genai_types.ThinkingConfig(include_thoughts=True)
    config = genai_types.GenerateContentConfig(
        tools=[genai_types.Tool(function_declarations=[function])], thinking_config=thinking, max_output_tokens=2000
    )
    turns: list[Any] = [genai_types.Content(role="user", parts=[genai_types.Part(text="weather in Paris")])]
    first = sdk.models.generate_content(model=model, contents=turns, config=config)
    assert first.candidates is not None
    assert first.function_calls is not None
    call = first.function_calls[0]
    answer = genai_types.FunctionResponse(id=call.id, name=call.name, response={"output": "sun"})
    turns += [
        first.candidates[0].content,
        genai_types.Content(role="user", parts=[genai_types.Part(function_response=answer)]),
    ]
    second = sdk.models.generate_content(model=model, contents=turns, config=config)
    assert "sun" in (second.text or "")
    assert signature_in(stand.last.json, provider)


def signature_in(body: Any, provider: str) -> bool:
    """Whether the history that a provider got holds a signature that it made itself."""
    if provider == "anthropic":
        blocks = [
            block
            for message in body["messages"]
            if isinstance(message["content"], list)
            for block in message["content"]
        ]
        signatures = [block["signature"] for block in blocks if block["type"] == "thinking"]
    else:
        parts = [part for content in body["contents"] for part in content["parts"]]
        signatures = [part["thoughtSignature"] for part in parts if "thoughtSignature" in part]
    return bool(signatures) and all(signature.startswith("c2ln") for signature in signatures)  # base64 of `sig…`


def test_anthropics_older_header_for_the_key_works(stand: Stand) -> None:
    headers = {"x-api-key": GATEWAY_KEY, "anthropic-version": "2023-06-01"}
    body = {"model": MODELS["anthropic"], "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]}
    answer = httpx.post(f"{stand.base('anthropic', 'anthropic')}/v1/messages", headers=headers, json=body)
    assert answer.status_code == 200
    assert stand.last.headers.get(b"anthropic-version") == b"2023-06-01"


def test_the_version_an_anthropic_client_names_goes_along(stand: Stand) -> None:
    AnthropicTalk(stand, "anthropic").sdk.messages.create(
        model=MODELS["anthropic"], max_tokens=50, messages=[{"role": "user", "content": "Hello"}]
    )
    assert stand.last.headers.get(b"anthropic-version") == b"2026-10-21"


def test_what_a_provider_cannot_say_is_reported_in_a_header(stand: Stand) -> None:
    sdk = OpenAITalk(stand, "anthropic").sdk
    raw = sdk.chat.completions.with_raw_response.create(
        model=MODELS["anthropic"], messages=[{"role": "user", "content": "Hello"}], seed=7, presence_penalty=0.5
    )
    assert raw.headers["x-entresol-dropped"] == "presence_penalty, seed"
    assert "seed" not in stand.last.json


def test_what_would_change_the_answer_is_refused(stand: Stand) -> None:
    before = len(stand.provider.received)
    with pytest.raises(openai.BadRequestError, match="n is not supported by provider anthropic"):
        OpenAITalk(stand, "anthropic").sdk.chat.completions.create(
            model=MODELS["anthropic"], messages=[{"role": "user", "content": "Hello"}], n=3
        )
    assert len(stand.provider.received) == before


def test_a_json_array_stream_is_translated_too(stand: Stand) -> None:
    url = f"{stand.base('gemini', 'openai')}/v1beta/models/{MODELS['openai']}:streamGenerateContent"
    body = {"contents": [{"parts": [{"text": "Hello"}]}]}
    answer = httpx.post(url, headers={"x-goog-api-key": GATEWAY_KEY}, json=body)
    responses = answer.json()
    parts = [part for response in responses for part in response["candidates"][0]["content"]["parts"]]
    assert "".join(part["text"] for part in parts) == 'You said: "Hello".'
    assert responses[-1]["candidates"][0]["finishReason"] == "STOP"
