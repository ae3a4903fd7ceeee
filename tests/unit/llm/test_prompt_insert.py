from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError
from entresol.llm.chat_body import read_chat
from entresol.llm.json_fields import encode_json, read_fields
from entresol.llm.prompt_insert import Inserted, inserter, inserter_of_chat

BEFORE = [Inserted("system", "S1"), Inserted("user", "U1"), Inserted("assistant", "A1")]
AFTER = [Inserted("system", "S2"), Inserted("user", "U2")]


def inserted(llm_format: str, body: bytes, is_responses: bool = False) -> bytes:
    fields = read_fields(body)
    inserter(llm_format, BEFORE, AFTER)(fields, is_responses)
    return encode_json(fields)


@pytest.mark.parametrize("llm_format", ["openai", "huggingface", "cohere", "ollama"])
def test_openai_turns_go_around_the_messages_and_the_rest_keeps_its_bytes(llm_format: str) -> None:
    body = b'{"temperature": 0.10,"messages":[ {"role":"user" , "content":"hi","x":1e400} ],"unknown":{"a":[ 1 ]}}'
    assert inserted(llm_format, body) == (
        b'{"temperature":0.10,"messages":['
        b'{"role":"system","content":"S1"},{"role":"user","content":"U1"},{"role":"assistant","content":"A1"},'
        b'{"role":"user" , "content":"hi","x":1e400},'
        b'{"role":"system","content":"S2"},{"role":"user","content":"U2"}],"unknown":{"a":[ 1 ]}}'
    )


SYSTEM_ONLY = [Inserted("system", "S1")], [Inserted("system", "S2")]


@pytest.mark.parametrize(
    ("own", "expected"), [("", "S1\n\nS2"), (',"system":"mine"', "S1\n\nmine\n\nS2"), (',"raw":false', "S1\n\nS2")]
)
def test_a_prompt_for_ollama_has_its_system_words_beside_it(own: str, expected: str) -> None:
    fields = read_fields(f'{{"prompt": "hi"{own}}}'.encode())
    inserter("ollama", *SYSTEM_ONLY)(fields, False)
    assert msgspec.json.decode(encode_json(fields))["system"] == expected
    assert bytes(fields["prompt"]) == b'"hi"'


@pytest.mark.parametrize(
    ("own", "code"),
    [
        ('"raw":true', "not_a_chat_request"),
        ('"template":"{{ .Prompt }}"', "not_a_chat_request"),
        ('"messages":[]', "not_a_chat_request"),
        ('"system":["x"]', "bad_request"),
    ],
)
def test_what_would_keep_ollama_from_reading_system_words_is_refused(own: str, code: str) -> None:
    fields = read_fields(f'{{"prompt":"hi",{own}}}'.encode())
    with pytest.raises(ClientError) as caught:
        inserter("ollama", *SYSTEM_ONLY)(fields, False)
    assert caught.value.code == code


@pytest.mark.parametrize("text", [b'"hi"', b'[{"role":"user","content":"hi"}]'])
def test_a_responses_input_becomes_turns(text: bytes) -> None:
    turns = msgspec.json.decode(inserted("openai", b'{"input":%b}' % text, is_responses=True))["input"]
    assert [turn["content"] for turn in turns] == ["S1", "U1", "A1", "hi", "S2", "U2"]


def test_an_input_that_is_not_a_responses_requests_is_left_alone() -> None:
    with pytest.raises(ClientError) as caught:
        inserted("openai", b'{"input":"embed me"}')
    assert caught.value.code == "not_a_chat_request"


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (None, "S1\n\nS2"),
        ("null", "S1\n\nS2"),
        ('"mine"', "S1\n\nmine\n\nS2"),
        (
            '[{"type":"text","text":"mine","cache_control":{"type":"ephemeral"}}]',
            [
                {"type": "text", "text": "S1"},
                {"type": "text", "text": "mine", "cache_control": {"type": "ephemeral"}},
                {"type": "text", "text": "S2"},
            ],
        ),
    ],
)
def test_anthropic_system_prompts_go_into_system(system: str | None, expected: Any) -> None:
    field = "" if system is None else f'"system":{system},'
    body = msgspec.json.decode(
        inserted("anthropic", f'{{{field}"messages":[{{"role":"user","content":[]}}]}}'.encode())
    )
    assert body["system"] == expected
    assert body["messages"] == [
        {"role": "user", "content": "U1"},
        {"role": "assistant", "content": "A1"},
        {"role": "user", "content": []},
        {"role": "user", "content": "U2"},
    ]


@pytest.mark.parametrize("name", ["systemInstruction", "system_instruction"])
def test_gemini_system_prompts_go_into_the_instruction_under_either_name(name: str) -> None:
    body = msgspec.json.decode(
        inserted("gemini", b'{"contents":[],"%b":{"role":"user","parts":[{"text":"mine"}]}}' % name.encode())
    )
    assert body == {
        "contents": [
            {"role": "user", "parts": [{"text": "U1"}]},
            {"role": "model", "parts": [{"text": "A1"}]},
            {"role": "user", "parts": [{"text": "U2"}]},
        ],
        name: {"role": "user", "parts": [{"text": "S1"}, {"text": "mine"}, {"text": "S2"}]},
    }


@pytest.mark.parametrize("name", ["systemInstruction", "system_instruction"])
def test_one_object_stands_for_a_list_where_gemini_lets_it(name: str) -> None:
    one = b'{"contents":{"parts":{"text":"hi"}},"%b":{"parts": {"text":"mine"} }}' % name.encode()
    many = b'{"contents":[{"parts":{"text":"hi"}}],"%b":{"parts":[{"text":"mine"}]}}' % name.encode()
    assert inserted("gemini", one) == inserted("gemini", many)


def test_gemini_without_an_instruction_gets_one() -> None:
    body = msgspec.json.decode(inserted("gemini", b'{"contents":[]}'))
    assert body["systemInstruction"] == {"parts": [{"text": "S1"}, {"text": "S2"}]}


@pytest.mark.parametrize(("system", "texts"), [("", ["S1", "S2"]), ('"system":[{"text":"x"}],', ["S1", "x", "S2"])])
def test_bedrock_has_blocks_everywhere(system: str, texts: list[str]) -> None:
    body = msgspec.json.decode(inserted("bedrock", f'{{{system}"messages":[]}}'.encode()))
    assert body["system"] == [{"text": text} for text in texts]
    assert body["messages"][0] == {"role": "user", "content": [{"text": "U1"}]}


@pytest.mark.parametrize(
    ("llm_format", "body", "code"),
    [
        ("openai", b'{"prompt":"x"}', "not_a_chat_request"),
        ("openai", b'{"messages":null}', "not_a_chat_request"),
        ("openai", b'{"messages":"x"}', "bad_request"),
        ("anthropic", b'{"prompt":"x"}', "not_a_chat_request"),
        ("anthropic", b'{"messages":{"role":"user","content":"x"}}', "bad_request"),
        ("anthropic", b'{"messages":[],"system":5}', "bad_request"),
        ("gemini", b'{"messages":[]}', "not_a_chat_request"),
        ("gemini", b'{"contents":[],"systemInstruction":"x"}', "bad_request"),
        ("gemini", b'{"contents":[],"systemInstruction":{"parts":5}}', "bad_request"),
        ("bedrock", b'{"messages":[],"system":"x"}', "bad_request"),
        ("huggingface", b'{"inputs":"x"}', "not_a_chat_request"),
        ("huggingface", b'{"inputs":"x","messages":[]}', "not_a_chat_request"),
        ("ollama", b'{"input":"x"}', "not_a_chat_request"),
        ("ollama", b'{"prompt":"x"}', "not_a_chat_request"),  # where would the turns of users go?
        ("ollama", b'{"prompt":"x","messages":[]}', "not_a_chat_request"),
        ("ollama", b'{"messages":{"role":"user","content":"x"}}', "bad_request"),
    ],
)
def test_a_request_that_is_not_a_conversation_is_refused(llm_format: str, body: bytes, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        inserted(llm_format, body)
    assert caught.value.code == code


@pytest.mark.parametrize("array", [b"[]", b"[ \t\r\n]"])
@pytest.mark.parametrize(("before", "after"), [(BEFORE, AFTER), (BEFORE, []), ([], AFTER)])
def test_an_empty_conversation_gets_no_stray_comma(array: bytes, before: list[Inserted], after: list[Inserted]) -> None:
    fields = read_fields(b'{"messages": %b }' % array)
    inserter("openai", before, after)(fields, False)
    turns = msgspec.json.decode(encode_json(fields))["messages"]
    assert [turn["content"] for turn in turns] == [prompt.content for prompt in (*before, *after)]


SPACE = st.text(" \t\r\n", max_size=2)
TURN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(TURN, max_size=4), SPACE, SPACE, st.sampled_from([(BEFORE, AFTER), (BEFORE, []), ([], AFTER)]))
def test_turns_are_joined_as_if_all_had_been_decoded(
    turns: list[Any], space: str, gap: str, prompts: tuple[list[Inserted], list[Inserted]]
) -> None:
    array = f"{gap},{space}".join([msgspec.json.encode(turn).decode() for turn in turns])
    fields = read_fields(f'{{"n":1,"messages"{gap}:{space}[{gap}{array}{space}]{space}}}'.encode())
    inserter("openai", *prompts)(fields, False)
    before, after = ([{"role": one.role, "content": one.content} for one in some] for some in prompts)
    assert msgspec.json.decode(encode_json(fields)) == {"n": 1, "messages": [*before, *turns, *after]}


def test_a_plain_chat_request_gets_the_same_prompts_in_its_bytes() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"n":1.0}'
    before = [Inserted("system", 'say "yes"'), Inserted("user", "ä")]
    into_fields, into_chat = inserter("openai", before, []), inserter_of_chat("openai", before, [])
    fields, chat = read_fields(body), read_chat(body)
    into_fields(fields, False)
    assert into_chat is not None
    assert chat is not None
    assert into_chat(chat)
    assert chat.body == encode_json(fields)
    assert chat.texts(None) == [b"hi", "ä".encode(), b'say "yes"']


@pytest.mark.parametrize(
    ("llm_format", "after"), [("anthropic", []), ("gemini", []), ("openai", [Inserted("user", "x")])]
)
def test_other_formats_and_prompts_behind_go_into_the_fields(llm_format: str, after: list[Inserted]) -> None:
    assert inserter_of_chat(llm_format, [Inserted("system", "x")], after) is None


CONTENTS: Any = {"contents": [{"parts": [{"text": "hi"}]}]}
CONVERSE: Any = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}


@pytest.mark.parametrize(
    ("llm_format", "path", "chat"),
    [
        ("gemini", ("generateContentRequest",), CONTENTS),
        ("gemini", ("generate_content_request",), CONTENTS),
        ("bedrock", ("input", "converse"), CONVERSE),
    ],
)
def test_a_request_to_be_counted_gets_the_same_prompts(llm_format: str, path: tuple[str, ...], chat: Any) -> None:
    body, expected = chat, msgspec.json.decode(inserted(llm_format, msgspec.json.encode(chat)))
    for name in reversed(path):
        body, expected = {name: body}, {name: expected}
    assert msgspec.json.decode(inserted(llm_format, msgspec.json.encode(body))) == expected
    both = msgspec.json.decode(inserted(llm_format, msgspec.json.encode({**chat, **body})))
    assert both == {**msgspec.json.decode(inserted(llm_format, msgspec.json.encode(chat))), **expected}


@pytest.mark.parametrize(
    ("llm_format", "body"),
    [
        ("gemini", {"generateContentRequest": {}}),
        ("gemini", {"generateContentRequest": 1}),
        ("bedrock", {"input": {}}),
        ("bedrock", {"input": []}),
        ("bedrock", {"input": {"converse": {}}}),
        ("bedrock", {"input": {"invokeModel": {"body": "e30="}}}),
    ],
)
def test_what_holds_no_conversation_to_be_counted_is_refused(llm_format: str, body: Any) -> None:
    with pytest.raises(ClientError) as caught:
        inserted(llm_format, msgspec.json.encode(body))
    assert caught.value.code == "not_a_chat_request"
