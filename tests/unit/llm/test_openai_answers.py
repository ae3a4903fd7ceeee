import json

import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import bad_request
from entresol.llm.openai_answers import read_answer, read_bias, read_stream_options, said, write_answer
from entresol.llm.reading import ObjectReader
from entresol.llm.types import ChatRequest, ChatResponse, Choice, JsonObject, Usage

ANSWER: JsonObject = {
    "id": "c-1",
    "object": "x",
    "created": 5.5,
    "model": "m",
    "service_tier": "flex",
    "choices": [{"text": "a"}, {"text": "b"}],
    "usage": {"prompt_tokens": 2, "completion_tokens": 3},
    "system_fingerprint": "fp",
    "warnings": [],
    "error": None,
}


def read(reader: ObjectReader, index: int) -> Choice:
    return Choice(index=index, extra={"text": reader.need_string("text")})


def test_everything_around_the_choices_is_read() -> None:
    answer = read_answer("f", json.dumps(ANSWER).encode(), read)
    assert (answer.origin, answer.id, answer.model, answer.created) == ("f", "c-1", "m", 5)
    assert (answer.service_tier, answer.usage) == ("flex", Usage(input=2, output=3))
    assert [choice.extra["text"] for choice in answer.choices] == ["a", "b"]
    assert answer.extra == {"system_fingerprint": "fp"}


@pytest.mark.parametrize(("is_own", "lost"), [(True, []), (False, ["system_fingerprint"])])
def test_what_one_format_says_alone_is_written_in_it_and_reported_in_others(is_own: bool, lost: list[str]) -> None:
    answer = ChatResponse(origin="f", id="c", model="m", extra={"system_fingerprint": "fp"}, usage=Usage(input=1))
    dropped: list[str] = []
    wire = json.loads(write_answer(answer, "kind", [{"index": 0}], is_own, dropped).body)
    assert (wire["object"], wire["choices"], wire["usage"]["total_tokens"]) == ("kind", [{"index": 0}], 1)
    assert (wire.get("system_fingerprint"), dropped) == ("fp" if is_own else None, lost)


def test_fields_that_say_nothing_are_none() -> None:
    assert said({"a": None, "b": [], "c": 0, "d": False, "e": ""}) == {"c": 0, "d": False, "e": ""}


def test_settings_are_read_as_they_were_written() -> None:
    request = ChatRequest(origin="f", messages=[])
    wire = {"logit_bias": {"50256": -100, "7": 1.5}, "stream_options": {"include_usage": True, "x": 1}}
    reader = ObjectReader(wire, "", bad_request)
    read_bias(reader, request)
    read_stream_options(reader, request)
    assert request.logit_bias == {"50256": -100, "7": 1.5}
    assert (request.include_usage, request.extra) == (True, {"stream_options.x": 1})
    with pytest.raises(ClientError, match=r"logit_bias\.a"):
        read_bias(ObjectReader({"logit_bias": {"a": "b"}}, "", bad_request), request)
