"""What answers say beside their words, and what goes in beside questions, in every pair: usage, stops, results.

Each client's numbers and words are its own; what they mean is the same at every provider.
"""

import base64
from typing import Any

import pytest
from google.genai import types as genai_types

from contract.sdk.stand import CLIENTS, MODELS, PROVIDERS, Stand
from contract.sdk.talking import CITY, PIXEL, TOOL, AnthropicTalk, GeminiTalk, OpenAITalk

every_pair = pytest.mark.parametrize(
    ("client", "provider"), [(client, provider) for client in CLIENTS for provider in PROVIDERS]
)
whole_and_streamed = pytest.mark.parametrize("stream", [False, True])
QUESTION = "Count: one two three four five six seven eight nine ten END eleven"


def openai_answer(stand: Stand, provider: str, model: str, stream: bool, **options: Any) -> Any:
    """The usage, finish reason and text of an answer, as openai tells them."""
    create: Any = OpenAITalk(stand, provider).sdk.chat.completions.create
    options |= {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
    if not stream:
        answer = create(**options)
        choice = answer.choices[0]
        return answer.usage, choice.finish_reason, choice.message.content
    chunks = list(create(**options, stream=True, stream_options={"include_usage": True}))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    reasons = [choice.finish_reason for choice in choices if choice.finish_reason]
    return chunks[-1].usage, reasons[-1], "".join(choice.delta.content or "" for choice in choices)


def anthropic_answer(stand: Stand, provider: str, model: str, stream: bool, **options: Any) -> Any:
    """The same, as anthropic tells them."""
    messages: Any = AnthropicTalk(stand, provider).sdk.messages
    options |= {"model": model, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 500}
    if stream:
        with messages.stream(**options) as events:
            answer = events.get_final_message()
    else:
        answer = messages.create(**options)
    return answer.usage, answer.stop_reason, "".join(block.text for block in answer.content)


def gemini_answer(stand: Stand, provider: str, model: str, stream: bool, **options: Any) -> Any:
    """The same, as google-genai tells them."""
    models: Any = GeminiTalk(stand, provider).sdk.models
    config = genai_types.GenerateContentConfig(**options)
    if stream:
        answers = list(models.generate_content_stream(model=model, contents=QUESTION, config=config))
    else:
        answers = [models.generate_content(model=model, contents=QUESTION, config=config)]
    text = "".join(answer.text or "" for answer in answers)
    return answers[-1].usage_metadata, answers[-1].candidates[0].finish_reason.value, text


@pytest.mark.parametrize("provider", PROVIDERS)
@whole_and_streamed
def test_cached_tokens_are_counted_once_in_each_clients_way(stand: Stand, provider: str, stream: bool) -> None:
    model = f"{MODELS[provider]}-scripted-cached"
    marked = {"type": "text", "text": QUESTION, "cache_control": {"type": "ephemeral"}}
    usage, _, _ = openai_answer(stand, provider, model, stream)
    cached = usage.prompt_tokens_details.cached_tokens
    assert usage.prompt_tokens > 0
    if provider != "anthropic":  # it caches what is marked, and OpenAI's client has marked nothing
        assert 0 < cached < usage.prompt_tokens
    usage, _, _ = anthropic_answer(stand, provider, model, stream, system=[marked])
    assert usage.cache_read_input_tokens > 0
    assert usage.input_tokens > 0
    usage, _, _ = gemini_answer(stand, provider, model, stream)
    if provider != "anthropic":
        assert 0 < usage.cached_content_token_count < usage.prompt_token_count
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count


@pytest.mark.parametrize("provider", PROVIDERS)
@whole_and_streamed
def test_a_stop_string_ends_the_answer_and_is_no_part_of_it(stand: Stand, provider: str, stream: bool) -> None:
    model = MODELS[provider]
    _, reason, first = openai_answer(stand, provider, model, stream, stop="END")
    assert reason == "stop"
    _, reason, second = anthropic_answer(stand, provider, model, stream, stop_sequences=["END"])
    assert reason == ("stop_sequence" if provider == "anthropic" else "end_turn")
    _, reason, third = gemini_answer(stand, provider, model, stream, stop_sequences=["END"])
    assert reason == "STOP"
    assert [first, second, third] == [f'You said: "{QUESTION.partition("END")[0]}'] * 3


@pytest.mark.parametrize("provider", PROVIDERS)
@whole_and_streamed
def test_a_limit_of_tokens_is_told_in_each_clients_words(stand: Stand, provider: str, stream: bool) -> None:
    model = MODELS[provider]
    usage, reason, _ = openai_answer(stand, provider, model, stream, max_completion_tokens=4)
    assert (reason, usage.completion_tokens) == ("length", 4)
    usage, reason, _ = gemini_answer(stand, provider, model, stream, max_output_tokens=4)
    assert (reason, usage.candidates_token_count) == ("MAX_TOKENS", 4)


@pytest.mark.parametrize("provider", [name for name in PROVIDERS if name != "anthropic"])
@whole_and_streamed
def test_several_answers_keep_apart(stand: Stand, provider: str, stream: bool) -> None:
    create: Any = OpenAITalk(stand, provider).sdk.chat.completions.create
    options: Any = {"model": MODELS[provider], "messages": [{"role": "user", "content": "Hello"}], "n": 2}
    texts = {0: "", 1: ""}
    if stream:
        for chunk in create(**options, stream=True):
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
    else:
        texts = {choice.index: choice.message.content for choice in create(**options).choices}
    assert texts == dict.fromkeys((0, 1), 'You said: "Hello".')


@pytest.mark.parametrize("provider", PROVIDERS)
@whole_and_streamed
def test_a_picture_in_the_result_of_a_tool_reaches_every_provider(stand: Stand, provider: str, stream: bool) -> None:
    model = MODELS[provider]
    anthropics = AnthropicTalk(stand, provider)
    turns: list[Any] = [anthropics.user("What is the weather in Paris?")]
    first = anthropics.ask(model, turns, tools=True, stream=stream)
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    content = [{"type": "text", "text": "sun"}, {"type": "image", "source": source}]
    result = {"type": "tool_result", "tool_use_id": first.calls[0][0], "content": content}
    anthropics.ask(model, [*turns, first.turn, {"role": "user", "content": [result]}], tools=True, stream=stream)
    assert PIXEL.encode() in stand.last.body
    assert b"sun" in stand.last.body
    geminis = GeminiTalk(stand, provider)
    turns = [geminis.user("What is the weather in Paris?")]
    first = geminis.ask(model, turns, tools=True, stream=stream)
    blob = genai_types.FunctionResponseBlob(mime_type="image/png", data=base64.b64decode(PIXEL))
    shown = genai_types.FunctionResponse(
        id=first.calls[0][0] or None,
        name=TOOL,
        response={"output": "sun"},
        parts=[genai_types.FunctionResponsePart(inline_data=blob)],
    )
    answered = genai_types.Content(role="user", parts=[genai_types.Part(function_response=shown)])
    geminis.ask(model, [*turns, first.turn, answered], tools=True, stream=stream)
    assert PIXEL.encode() in stand.last.body.replace(b"-", b"+").replace(b"_", b"/")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_words_beside_the_result_of_a_tool_do_not_come_between_it_and_its_call(stand: Stand, provider: str) -> None:
    model, talk = MODELS[provider], GeminiTalk(stand, provider)
    turns: list[Any] = [talk.user("What is the weather in Paris?")]
    first = talk.ask(model, turns, tools=True)
    [answered] = talk.results(first.calls, "sun")
    answered.parts.insert(0, genai_types.Part(text="Here it is."))
    talk.ask(model, [*turns, first.turn, answered], tools=True)
    assert b"Here it is." in stand.last.body


@every_pair
def test_what_a_provider_has_no_word_for_is_reported_by_the_clients(stand: Stand, client: str, provider: str) -> None:
    model, said = MODELS[provider], [{"role": "user", "content": "Hello"}]
    raw: Any
    if client == "openai":
        create: Any = OpenAITalk(stand, provider).sdk.chat.completions.with_raw_response.create
        raw = create(model=model, messages=said, seed=3, presence_penalty=0.5, metadata={"a": "b"}, store=False)
        lost = {"anthropic": "presence_penalty, seed, metadata, store", "gemini": "metadata, store"}
    elif client == "anthropic":
        ask: Any = AnthropicTalk(stand, provider).sdk.messages.with_raw_response.create
        cache: Any = {"type": "ephemeral"}
        raw = ask(model=model, messages=said, max_tokens=50, cache_control=cache, metadata={"user_id": "u"})
        lost = dict.fromkeys(("openai", "openai-compatible"), "cache_control")
        lost["gemini"] = "cache_control, metadata.user_id"
    else:
        config = genai_types.GenerateContentConfig(top_k=3, seed=3, frequency_penalty=0.5)
        talk = GeminiTalk(stand, provider)
        raw = talk.sdk.models.generate_content(model=model, contents="Hello", config=config).sdk_http_response
        lost = {
            "openai": "generationConfig.frequencyPenalty, generationConfig.topK",  # its models that think take neither
            "openai-compatible": "generationConfig.frequencyPenalty, generationConfig.topK",
            "anthropic": "generationConfig.frequencyPenalty, generationConfig.seed, generationConfig.topK",
        }
    told = {name.lower(): value for name, value in raw.headers.items()}.get("x-entresol-dropped", "")
    of_request = [name for name in told.split(", ") if name and not name.startswith("response.")]
    assert set(of_request) == set(filter(None, lost.get(provider, "").split(", ")))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_tool_whose_name_is_long_is_called_and_answered(stand: Stand, provider: str) -> None:
    """Calls of Gemini's older models have no ids; those made for them are no longer than OpenAI takes."""
    name = "get_the_weather_of_a_place_anywhere_in_the_world"
    sdk = GeminiTalk(stand, provider).sdk
    function = genai_types.FunctionDeclaration(name=name, parameters_json_schema=CITY)
    config = genai_types.GenerateContentConfig(tools=[genai_types.Tool(function_declarations=[function])])
    turns: list[Any] = [genai_types.Content(role="user", parts=[genai_types.Part(text="Any weather in Paris?")])]
    first = sdk.models.generate_content(model=MODELS[provider], contents=turns, config=config)
    assert first.candidates is not None
    answer = genai_types.FunctionResponse(name=name, response={"output": "sun"})
    turns += [
        genai_types.Content(
            role="model",
            parts=[
                genai_types.Part(
                    function_call=genai_types.FunctionCall(name=name, args={"city": "Paris"}),
                    thought_signature=b"c2lnbmVk",
                )
            ],
        ),
        genai_types.Content(role="user", parts=[genai_types.Part(function_response=answer)]),
    ]
    second = sdk.models.generate_content(model=MODELS[provider], contents=turns, config=config)
    assert "sun" in (second.text or "")
