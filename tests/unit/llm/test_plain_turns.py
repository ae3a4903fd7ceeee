from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError
from entresol.llm import prompt_text
from entresol.llm.format import encode_json, read_fields
from entresol.llm.plain_turns import WITHOUT_TEXT, plain_turns
from entresol.llm.prompt_text import read_prompts, refuse_repeated_keys


def said(body: bytes, is_rewritten: bool = False) -> list[tuple[str, str]] | None:
    turns = plain_turns(body, read_fields(body), is_rewritten)
    return None if turns is None else [(turn.role, turn.content) for turn in turns]


@pytest.mark.parametrize(
    ("body", "turns"),
    [
        (b'{"messages":[]}', []),
        (b'{"model":"m","messages":[{"role":"user","content":"hi"}],"n":1}', [("user", "hi")]),
        (
            b'{"messages":[{"content":"a","role":"system"},{"role":"user","content":"b"}]}',
            [("system", "a"), ("user", "b")],
        ),
        (b'{ "messages" : [ {"role": "user", "content": "hi"} ] }', [("user", "hi")]),
        (b'{"messages":[{"role":"user","content":"say \\"it\\"\\n"}]}', [("user", 'say "it"\n')]),
        (b'{"messages": [{"role": "user", "content": "say \\"it\\"\\n"}]}', [("user", 'say "it"\n')]),
        ('{"messages":[{"role":"user","content":"größer"}]}'.encode(), [("user", "größer")]),
        (b'{"messages":[{"role":"user","content":"gr\\u00f6\\u00dfer"}]}', [("user", "größer")]),
        (b'{"messages":[{"role":"assistant","content":"x"}],"tools":[{"a":1,"a":2}]}', [("assistant", "x")]),
    ],
)
def test_plain_requests_are_read(body: bytes, turns: list[tuple[str, str]]) -> None:
    assert said(body) == turns


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m"}',
        b'{"messages":null}',
        b'{"messages":"x"}',
        b'{"messages":{"role":"user","content":"x"}}',
        b'{"messages":["x"]}',
        b'{"messages":[{"role":"user","content":"x"}],"prompt":"y"}',
        b'{"messages":[{"role":"user","content":"x"}],"system":"y"}',
        b'{"messages":[{"role":"user","content":"x"}],"Messages":[]}',
        b'{"messages":[{"role":"user","content":"x"}],"unheard_of":1}',
        b'{"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]}',
        b'{"messages":[{"role":"user","content":null}]}',
        b'{"messages":[{"role":"user","content":"x","name":"n"}]}',
        b'{"messages":[{"role":"User","content":"x"}]}',
        b'{"messages":[{"role":"chatbot","content":"x"}]}',
        b'{"messages":[{"content":"x"}]}',
    ],
)
def test_what_is_not_plain_is_left_to_the_reader_that_overlooks_nothing(body: bytes) -> None:
    assert said(body) is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages":[{"role":"user","content":"evil"}],"messages":[{"role":"user","content":"fine"}]}',
        b'{"messages":[{"role":"user","content":"evil"}],"messages":[]}',
        b'{"mess\\u0061ges":[{"role":"user","content":"evil"}],"messages":[]}',
        b'{"messages":[{"role":"user","content":"evil"}],"mess\\u0061ges":[]}',
        b'{"messages":[{"role":"user","content":"evil","content":"fine"}]}',
        b'{"messages":[{"role":"user","content":"evil","cont\\u0065nt":"fine"}]}',
        b'{"messages":[{"role":"user","cont\\u0065nt":"evil","content":"fine"}]}',
        b'{"messages":[{"role":"user","role":"assistant","content":"evil"}]}',
        b'{"messages":[{"role":"user","r\\u006Fle":"assistant","content":"evil"}]}',
        b'{"messages": [{"role": "user", "role": "assistant", "content": "\\n"}]}',
    ],
)
def test_a_key_that_is_said_twice_is_never_plain(body: bytes) -> None:
    assert said(body) is None
    with pytest.raises(ClientError, match="repeated_json_key"):
        read_prompts(body)


@pytest.mark.parametrize("extra", [b',"content":"fine"', b',"role":"assistant"', b',"cont\\u0065nt":"fine"'])
@pytest.mark.parametrize("text", [b"evil", b"ev\\nil", b'\\"'])
def test_a_rewritten_body_may_still_hold_a_repeated_key_in_a_turn(text: bytes, extra: bytes) -> None:
    body = encode_json(read_fields(b'{"messages":[{"role":"user","content":"%b"%b}]}' % (text, extra)))
    assert said(body, is_rewritten=True) is None


def test_no_field_without_text_is_one_that_the_reader_takes_for_a_prompt() -> None:
    assert {name.lower() for name in WITHOUT_TEXT} & set(prompt_text._PLACES) == {"messages"}


KEYS = st.sampled_from(['"role"', '"content"', '"cont\\u0065nt"', '"Role"', '"name"'])
TEXTS = st.sampled_from(['"user"', '"system"', '"a\\nb"', '"\\""', '"content"', '"ä"', "null", "[]", '"\\u0061"'])
SPACE = st.sampled_from(["", " "])


@given(
    st.lists(st.lists(st.tuples(KEYS, SPACE, TEXTS), max_size=4), max_size=3),
    st.lists(
        st.sampled_from(['"model":"m"', '"messages":[]', '"tools":[{}]', '"m\\u0065ssages":[]']),
        max_size=2,
        unique=True,
    ),
    SPACE,
)
def test_plain_turns_are_what_the_strict_reader_finds(turns: Any, others: list[str], space: str) -> None:
    written = ["{" + ",".join([key + gap + ":" + text for key, gap, text in turn]) + "}" for turn in turns]
    messages = f'{space}"messages":[{f"{space},".join(written)}]'
    body = ("{" + ",".join([*others, messages]) + "}").encode()
    for is_rewritten in (False, True):
        whole = encode_json(read_fields(body)) if is_rewritten else body
        plain = said(whole, is_rewritten)
        if plain is not None:
            refuse_repeated_keys(whole)
            assert plain == [(turn["role"], turn["content"]) for turn in msgspec.json.decode(whole)["messages"]]
            assert len(read_prompts(whole)) == len(plain)
