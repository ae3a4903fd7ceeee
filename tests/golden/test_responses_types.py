"""Every golden answer and stream for clients of Responses is what the official client's types say."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from entresol.llm.sse import events_in
from golden.test_translations import HERE, shown

EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def targets(ending: str) -> list[Path]:
    paths = sorted(HERE.glob(f"*/*.openai-responses.{ending}"))
    return [path for path in paths if b"refused" not in path.read_bytes()[:20]]


@pytest.mark.parametrize("path", [path for path in targets("json") if ".response." in path.name], ids=shown)
def test_an_answer_is_a_response(path: Path) -> None:
    Response.model_validate(msgspec.json.decode(path.read_bytes())["body"])


@pytest.mark.parametrize("path", targets("sse"), ids=shown)
def test_a_stream_is_of_responses_events(path: Path) -> None:
    numbers = []
    for event in events_in(path.read_bytes(), from_start=True):
        read = EVENTS.validate_python(msgspec.json.decode(event.data))
        assert read.type == event.name.decode()
        numbers.append(read.sequence_number)
    assert numbers == list(range(len(numbers)))
