from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.anthropic_thinking import (
    is_off,
    limit_beside,
    read_thinking,
    takes_budget,
    write_foreign_thinking,
    write_own_thinking,
)
from entresol.llm.format import bad_request
from entresol.llm.reading import ObjectReader
from entresol.llm.types import Reasoning

NEW, OLD = "claude-sonnet-5-5", "claude-sonnet-4-5"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-3-7-sonnet-20250219", True),
        ("claude-sonnet-4-20250514", True),
        ("claude-opus-4-1-20250805", True),
        ("claude-haiku-4-5", True),
        ("claude-opus-4-6", False),
        ("claude-sonnet-5", False),
        ("claude-opus-5-5", False),
        ("something-else", False),
    ],
)
def test_older_models_are_told_by_their_name(model: str, expected: bool) -> None:
    assert takes_budget(model) is expected


@pytest.mark.parametrize(
    "wire",
    [
        {"type": "enabled", "budget_tokens": 2048},
        {"type": "enabled", "budget_tokens": 2048, "display": "omitted"},
        {"type": "adaptive", "display": "summarized"},
        {"type": "disabled"},
        {"type": "between_tools"},
        {"type": "adaptive", "new_knob": 1},
        {"type": "adaptive", "display": "full"},
    ],
)
def test_what_a_client_wrote_is_written_back(wire: dict[str, object]) -> None:
    assert write_own_thinking(read_thinking(ObjectReader(wire, "thinking", bad_request), None)) == wire


def test_what_is_no_budget_is_refused_and_an_unknown_display_kept() -> None:
    with pytest.raises(ClientError, match=r"thinking\.budget_tokens: expected an integer, got a string"):
        read_thinking(ObjectReader({"type": "enabled", "budget_tokens": "1024"}, "thinking", bad_request), None)
    wire = {"type": "adaptive", "display": "full"}
    assert read_thinking(ObjectReader(wire, "thinking", bad_request), None).extra == {"display": "full"}


@pytest.mark.parametrize(
    ("reasoning", "model", "max_tokens", "written"),
    [
        (Reasoning(effort="none"), NEW, 4096, ({"type": "disabled"}, None)),
        (Reasoning(budget_tokens=0), OLD, 4096, ({"type": "disabled"}, None)),
        (Reasoning(effort="minimal"), NEW, 10, ({"type": "adaptive"}, "low")),
        (Reasoning(effort="xhigh"), NEW, 4096, ({"type": "adaptive"}, "xhigh")),
        (Reasoning(budget_tokens=5000), NEW, 4096, ({"type": "adaptive"}, "medium")),
        (Reasoning(budget_tokens=500_000), NEW, 4096, ({"type": "adaptive"}, "max")),
        (
            Reasoning(is_enabled=True, include_thoughts=True),
            NEW,
            4096,
            ({"type": "adaptive", "display": "summarized"}, None),
        ),
        (Reasoning(include_thoughts=False), NEW, 4096, ({"type": "adaptive", "display": "omitted"}, None)),
        (Reasoning(effort="low"), OLD, 4096, ({"type": "enabled", "budget_tokens": 1024}, None)),
        (Reasoning(effort="high"), OLD, 4096, ({"type": "enabled", "budget_tokens": 2048}, None)),
        (Reasoning(effort="high"), OLD, 1500, ({"type": "enabled", "budget_tokens": 1024}, None)),
        (Reasoning(effort="high"), OLD, None, ({"type": "enabled", "budget_tokens": 24576}, None)),
        (Reasoning(effort="max"), OLD, None, ({"type": "enabled", "budget_tokens": 27904}, None)),
        (Reasoning(budget_tokens=9000), OLD, 4096, ({"type": "enabled", "budget_tokens": 4095}, None)),
        (Reasoning(budget_tokens=10), OLD, 4096, ({"type": "enabled", "budget_tokens": 1024}, None)),
        (Reasoning(effort="high"), OLD, 1024, None),
    ],
)
def test_other_formats_terms_become_the_models_own(
    reasoning: Reasoning, model: str, max_tokens: int | None, written: Any
) -> None:
    assert write_foreign_thinking(reasoning, model, max_tokens) == written


def test_thinking_is_off_in_three_ways() -> None:
    assert all(is_off(r) for r in (Reasoning(is_enabled=False), Reasoning(effort="none"), Reasoning(budget_tokens=0)))
    assert not is_off(Reasoning(effort="low"))


@pytest.mark.parametrize(
    ("reasoning", "limit"),
    [
        (Reasoning(effort="high"), 28672),
        (Reasoning(budget_tokens=2000), 6096),
        (Reasoning(effort="max"), 32000),
        (Reasoning(budget_tokens=60_000), 64096),
        (Reasoning(effort="none"), 4096),
        (Reasoning(effort="of a day to come"), 12288),
        (Reasoning(is_enabled=True), 4096),
    ],
)
def test_an_answer_without_a_limit_of_its_own_has_room_beside_the_thinking(reasoning: Reasoning, limit: int) -> None:
    assert limit_beside(reasoning, 4096) == limit
