"""What becomes of other formats' requests for Cohere is what Cohere takes, as strictly as the scripted provider is."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from entresol.scripted import cohere_checks
from entresol.scripted.script import Refusal
from golden.test_translations import HERE, shown

FAULTY = {
    "gemini/unanswered_name.cohere-chat.json": "no matching tool call",  # the client answers a call that was not made
    "gemini/urls.cohere-chat.json": "does not look like image/jpeg",  # its picture is none
}


def requests() -> list[Path]:
    paths = [path for path in HERE.glob("*/*.cohere-chat.json") if path.parent.name != "cohere_chat"]
    return sorted(path for path in paths if ".response." not in path.name and "body" in read(path))


def read(path: Path) -> dict[str, Any]:
    written: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return written


def check(body: dict[str, Any]) -> None:
    cohere_checks.check_chat(cohere_checks.check_shape(body | {"model": body["model"] or "m"}, cohere_checks.CHAT))


@pytest.mark.parametrize("path", [path for path in requests() if shown(path) not in FAULTY], ids=shown)
def test_cohere_takes_what_becomes_of_a_request(path: Path) -> None:
    check(read(path)["body"])


@pytest.mark.parametrize(("name", "why"), FAULTY.items())
def test_what_was_wrong_stays_wrong(name: str, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        check(read(HERE / name)["body"])
