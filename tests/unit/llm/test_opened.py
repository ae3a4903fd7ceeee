import pytest

from entresol.core.errors import ClientError
from entresol.llm.chat_body import read_chat
from entresol.llm.json_fields import encode_json, read_fields
from entresol.llm.opened import Opened, opened_chat, opened_fields


@pytest.mark.parametrize(
    ("body", "model", "stream"),
    [
        (b"{}", None, False),
        (b'{"model":"m","stream":true}', "m", True),
        (b'{"model":"","stream":false}', "", False),
        (b'{"model":null,"stream":null}', None, False),
        (b'{"model":"m\\u006e","stream": true }', "mn", True),
    ],
)
def test_model_and_stream_are_read_where_most_formats_have_them(body: bytes, model: str | None, stream: bool) -> None:
    opened = opened_fields(read_fields(body))
    assert (opened.model, opened.stream, opened.framing, opened.body) == (model, stream, "sse", None)


@pytest.mark.parametrize(("body", "name"), [(b'{"model":5}', "model"), (b'{"stream":"yes"}', "stream")])
def test_a_field_of_the_wrong_type_is_named(body: bytes, name: str) -> None:
    with pytest.raises(ClientError, match=f"^bad_request: {name}"):
        opened_fields(read_fields(body))


def test_a_field_that_is_put_in_replaces_the_old_one_and_the_known_body() -> None:
    opened = opened_fields(read_fields(b'{"model":"m","n":1}'))
    opened.body = b'{"model":"m","n":1}'
    opened.put("model", "other")
    assert encode_json(opened.fields) == b'{"model":"other","n":1}'
    assert opened.body is None


CHAT = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[]}'


def plain() -> Opened:
    chat = read_chat(CHAT)
    assert chat is not None
    return opened_chat(chat)


def test_a_plain_chat_request_is_changed_in_its_bytes() -> None:
    opened = plain()
    assert (opened.model, opened.stream, opened.get("stream_options"), opened.body) == ("m", False, None, CHAT)
    opened.put("stream_options", {"include_usage": True})
    opened.put("model", "n")
    assert opened.body == CHAT[:-1].replace(b'"m"', b'"n"', 1) + b',"stream_options":{"include_usage":true}}'
    assert list(opened.fields) == ["model", "messages", "tools", "stream_options"]


def test_what_cannot_be_changed_in_its_bytes_is_changed_in_its_fields() -> None:
    opened = plain()
    opened.put("n", 2)
    opened.put("tools", [1])
    assert opened.body is None
    assert encode_json(opened.fields) == CHAT[:-3] + b'[1],"n":2}'
    assert opened.get("n") is not None
