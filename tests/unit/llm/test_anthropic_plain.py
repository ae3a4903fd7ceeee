"""Blocks in their ordinary form, read at once."""

from typing import Any

import pytest

from entresol.llm.anthropic_parts import read_block
from entresol.llm.anthropic_plain import plain_blocks
from entresol.llm.format import bad_request
from entresol.llm.reading import ObjectReader

TEXT = {"type": "text", "text": "hello"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1, {"b": "ü"}]}}


@pytest.mark.parametrize("block", [TEXT, TEXT | {"text": ""}, TEXT | {"citations": None}, CALL, CALL | {"input": {}}])
def test_ordinary_blocks_are_what_the_other_reader_makes_of_them(block: dict[str, Any]) -> None:
    assert plain_blocks([block]) == [read_block(ObjectReader(block, "content[0]", bad_request))]


def test_blocks_keep_their_order() -> None:
    parts = plain_blocks([TEXT, CALL, TEXT])
    assert parts is not None
    assert [type(part).__name__ for part in parts] == ["Text", "ToolCall", "Text"]


@pytest.mark.parametrize(
    "block",
    [
        TEXT | {"cache_control": {"type": "ephemeral"}},
        TEXT | {"citations": []},
        TEXT | {"text": 1},
        {"type": "text"},
        {"type": "text", "citations": None},
        CALL | {"id": ""},
        CALL | {"name": None},
        CALL | {"input": "{}"},
        CALL | {"caller": {"type": "direct"}},
        {"type": "thinking", "thinking": "", "signature": "x"},
        "hello",
        None,
    ],
)
def test_one_block_out_of_the_ordinary_leaves_all_to_the_other_reader(block: object) -> None:
    assert plain_blocks([TEXT, block]) is None


@pytest.mark.parametrize("value", [None, "hello", TEXT])
def test_what_is_no_list_is_left_to_the_other_reader(value: object) -> None:
    assert plain_blocks(value) is None
