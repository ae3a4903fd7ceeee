import json

import pytest

from entresol.api_floor import log_text
from entresol.api_floor.log_text import MAX_LENGTH, MAX_TEXTS, changing_json_text, json_text


@pytest.mark.parametrize("text", ["", "plain", 'say "no"\n', "ü", "x" * (MAX_LENGTH + 1)])
def test_a_text_is_a_json_string_the_first_time_and_the_second(text: str) -> None:
    assert json.loads(json_text(text)) == json.loads(json_text(text)) == text
    assert json.loads(changing_json_text(text)) == text


def test_no_more_is_remembered_than_has_room() -> None:
    for number in range(2 * MAX_TEXTS + 10):
        json_text(f"text {number}")
    json_text("y" * (MAX_LENGTH + 1))
    assert len(log_text._known) <= MAX_TEXTS
    assert "y" * (MAX_LENGTH + 1) not in log_text._known
