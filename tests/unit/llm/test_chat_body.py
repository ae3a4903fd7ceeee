from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.llm.chat_body import ChatBody, read_chat
from entresol.llm.chat_structs import ChatTurn
from entresol.llm.json_fields import encode_json, raw_json, read_fields
from entresol.llm.prompt_text import USER, read_prompts


def plain(body: bytes) -> ChatBody:
    chat = read_chat(body)
    assert chat is not None
    return chat


BODY = b'{"model":"m","messages":[{"role":"system","content":"be kind"},{"role":"user","content":"hi"}],"n":1.0}'


def test_a_plain_request_is_read() -> None:
    chat = plain(BODY)
    assert (chat.model, chat.stream, len(chat.turns), chat.get("n"), chat.get("tools")) == (
        "m", False, 2, msgspec.Raw(b"1.0"), None,
    )  # fmt: skip
    assert (chat.texts(USER), chat.texts(None)) == ([b"hi"], [b"hi", b"be kind"])


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b'{"messages":', b'{"model":"m"}', b'{"model":"m","messages":"x"}',
        b'{"model": "m","messages":[]}', b'{ "model":"m","messages":[]}', b'{"model":"m", "messages":[]}',
        b'{"model":"m","messages":[]}\n', b'{"model":"m","messages":[ ]}', b'{"model":"m","messages":[],"x":1}',
        b'{"model":"a","model":"m","messages":[]}', b'{"model":"m","messages":[],"messages":[]}',
        b'{"messages":[{"role":"user","content":"\xff"}]}', b'{"messages":[],"user":"\xc3"}',
        b'{"mod\\u0065l":"m","messages":[]}', b'{"model":"\\u006d","messages":[]}',
        b'{"model":"m","messages":[{"role":"user","role":"user","content":"x"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"evil","content":"x"}]}',
        b'{"model":"m","messages":[{"role":"user","cont\\u0065nt":"x"}]}',
        b'{"model":"m","messages":[{"role": "user","content":"x"}]}',
        b'{"model":"m","messages":[{"role":"system","content":"\\ud800"}]}',
        b'{"model":null,"messages":[]}', b'{"model":"m","stream":null,"messages":[]}',
        b'{"model":"m","messages":' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_anything_else_is_not_plain(body: bytes) -> None:
    assert read_chat(body) is None


@pytest.mark.parametrize(
    ("turn", "text"),
    [
        (b'{"role":"user","content":"say \\"it\\"\\n"}', 'say "it"\n'),
        ('{"role":"user","content":"größer"}'.encode(), "größer"),
        (b'{"content":"x","role":"user"}', "x"),
        (b'{"role":"user","content":"x","name":"n"}', None),
        (b'{"role":"user","content":null}', None),
        (b'{"role":"user"}', None),
        (b'{"role":"user","content":[{"type":"text","text":"x"}]}', None),
        (b'{"role":"User","content":"x"}', None),
    ],
)
def test_texts_are_read_only_where_turns_are_nothing_but_texts(turn: bytes, text: str | None) -> None:
    assert plain(b'{"messages":[%b]}' % turn).texts(USER) == (None if text is None else [text.encode()])


def test_what_stands_deeper_is_never_taken_for_the_top_level() -> None:
    tool = b'{"tools":[{"messages":[],"model":"x"}],"model":"m","messages":[{"role":"user","content":"x"}]}'
    chat = plain(tool)
    assert not chat.prepend(b"[0,", [])
    assert not chat.put("model", b'"n"')
    assert chat.body == tool


@pytest.mark.parametrize("name", ["tools", "unheard_of", "messages", "stream"])
def test_what_cannot_be_done_is_not_done(name: str) -> None:
    body = b'{"messages":[],"tools":[],"stream":true}'
    chat = plain(body)
    assert not chat.put(name, b"1")
    assert not chat.prepend(b"[0,", [])
    assert chat.body == body


KEYS = st.sampled_from(['"role"', '"content"', '"cont\\u0065nt"', '"name"'])
TEXTS = st.sampled_from(['"user"', '"system"', '"a\\nb"', '"\\""', '"content"', '"ä"', "null", "[]", '"\\u0061"'])
SPACE = st.sampled_from(["", "", "", " "])
TOP = st.sampled_from(
    ['"model":"m"', '"model":"\\u006d"', '"stream":true', '"tools":[{"model":1,"messages":[]}]', '"n":1.0',
     '"user":"{"',
     '"stream_options":null', '"messages":[]', '"m\\u0065ssages":[]', '"model":"ä"']
)  # fmt: skip


@given(
    st.lists(st.lists(st.tuples(KEYS, SPACE, TEXTS), max_size=3), max_size=3), st.lists(TOP, max_size=4),
    st.lists(TOP, max_size=2), SPACE,
)  # fmt: skip
def test_a_plain_request_is_what_the_strict_readers_find_and_changes_as_its_fields_do(
    turns: Any, before: list[str], behind: list[str], space: str
) -> None:
    written = ["{" + ",".join([key + gap + ":" + text for key, gap, text in turn]) + "}" for turn in turns]
    body = ("{" + ",".join([*before, f'{space}"messages":[{",".join(written)}]', *behind]) + "}").encode()
    chat = read_chat(body)
    if chat is None:
        return
    fields = read_fields(body)
    assert encode_json(fields) == body
    said = chat.texts(USER)
    if said is not None:
        prompts = read_prompts(body)
        assert said == [text.encode() for prompt in reversed(prompts) if prompt.role == USER for text in prompt.texts]
    turn = {"role": "system", "content": "kind"}
    if chat.prepend(b"[" + encode_json(turn) + b",", [ChatTurn("system", raw_json("kind"))]):
        fields["messages"] = raw_json([turn, *msgspec.json.decode(fields["messages"], type=list[msgspec.Raw])])
    for name, value in (("stream_options", {"include_usage": True}), ("model", "other"), ("stream", True)):
        if chat.put(name, encode_json(value)):
            fields[name] = raw_json(value)
            assert name == "stream" or name == "model" or chat.get(name) == fields[name]
    assert chat.body == encode_json(fields)
    again = read_chat(chat.body)
    assert again is None or [turn.role for turn in again.turns] == [turn.role for turn in chat.turns]
