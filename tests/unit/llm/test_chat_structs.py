import msgspec
import pytest

from entresol.llm.chat_structs import ChatTop, decode_chat
from entresol.llm.json_fields import encode_json
from entresol.llm.plain_turns import WITHOUT_TEXT


def test_no_field_but_messages_holds_a_prompt() -> None:
    assert set(ChatTop.__struct_fields__) <= WITHOUT_TEXT


def test_values_keep_their_bytes_and_what_is_not_there_is_not_written() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":[ 1.0 ]}],"temperature":1.0e2,"stream":true}'
    assert encode_json(decode_chat(body)) == body


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b'{"model":null}', b'{"stream":"yes"}', b'{"messages":{}}', b'{"messages":[{"content":"x"}]}',
        b'{"messages":[{"role":"user","cache_control":{}}]}', b'{"system":"x"}', b'{"prompt":"x"}', b'{"input":"x"}',
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_chat(body)
