import msgspec
import pytest

from entresol.llm.plain_turn import PlainTurn, decode_turns


def test_a_turn_is_a_role_and_a_text() -> None:
    assert decode_turns(b'[{"content":"hi","role":"user"}]') == [PlainTurn("user", "hi")]


@pytest.mark.parametrize("turn", ["{}", '{"role":"user"}', '{"role":"u","content":"x"}', '{"role":"user","content":1}'])
def test_anything_else_is_none(turn: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_turns(f"[{turn}]".encode())
    with pytest.raises(msgspec.DecodeError):
        decode_turns(b'[{"role":"user","content":"x","name":"n"}]')
