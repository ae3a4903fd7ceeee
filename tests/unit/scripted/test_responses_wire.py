from typing import Any

import msgspec
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from entresol.llm.sse import events_in
from entresol.scripted.prompt import Prompt, Reply, reply_to
from entresol.scripted.responses_wire import read_responses, response_frames, response_of
from entresol.scripted.script import Refusal

EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
PNG = "data:image/png;base64,iVBORw0KGgo="
WEATHER = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
}


def said(**fields: Any) -> tuple[dict[str, Any], Prompt, Reply]:
    body: dict[str, Any] = {"model": "gpt-5", "input": "Hi"} | fields
    prompt = read_responses(body)
    return body, prompt, reply_to(prompt)


CASES: list[dict[str, Any]] = [
    {},
    {"input": "weather in Rome and Oslo", "tools": [WEATHER]},
    {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]},
    {"include": ["message.output_text.logprobs"], "top_logprobs": 1},
    {"model": "scripted-refusal"},
    {"input": "Say 200 words", "max_output_tokens": 16},
]


@pytest.mark.parametrize("fields", CASES)
def test_answers_are_what_the_clients_types_say(fields: dict[str, Any]) -> None:
    response = Response.model_validate(response_of(*said(**fields), b"seed"))
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


@pytest.mark.parametrize("fields", CASES)
def test_events_are_what_the_clients_types_say_and_add_up_to_the_answer(fields: dict[str, Any]) -> None:
    call = said(**fields)
    data = b"".join(response_frames(*call, b"seed"))
    events = [EVENTS.validate_python(msgspec.json.decode(event.data)) for event in events_in(data, from_start=True)]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    done = [event.item for event in events if event.type == "response.output_item.done"]
    assert [item.model_dump() for item in done] == [item.model_dump() for item in events[-1].response.output]
    assert events[-1].response == Response.model_validate(response_of(*call, b"seed"))


def test_the_prompt_is_the_last_words_of_the_users() -> None:
    items = [
        {"role": "user", "content": "first"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "yes"}]},
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "second"}, {"type": "input_image", "image_url": PNG}],
        },
    ]
    _, prompt, _ = said(input=items)
    assert prompt.text == "second"
    assert [item.media_type for item in prompt.attachments] == ["image/png"]


def test_results_are_found_by_their_calls() -> None:
    items = [
        {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "sunny"}]},
    ]
    assert said(input=items)[2].text == "weather says: sunny"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_image", "image_url": "data:image/png;base64,QUJD"},
        {"type": "input_image", "image_url": "ftp://a"},
        {"type": "input_image"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0=", "file_id": "f"},
        {"type": "input_file", "file_data": "JVBERi0=", "filename": "a.pdf"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0="},
    ],
)
def test_bad_media_is_refused(part: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match=r"Invalid file data") as caught:
        said(input=[{"role": "user", "content": [part]}])
    assert caught.value.param == "input[0].content[0]"
