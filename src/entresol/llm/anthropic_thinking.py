"""Thinking: how much, and in whose terms. Anthropic's models changed from token budgets to an effort.

Source: Anthropic docs, "Extended thinking", "Adaptive thinking", "Effort"; models before Claude Opus 4.6 and Sonnet 4.6
take budgets, later ones an effort, and several of those refuse a budget.
"""

import re
from typing import Final

from entresol.llm.reading import ObjectReader
from entresol.llm.types import JsonObject, Reasoning

MIN_BUDGET: Final = 1024
_BUDGETS: Final = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 32768}
_EFFORTS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}
_USUAL_BUDGET: Final = 8192
_MOST_OF_ANY: Final = 32000
"""What every model that thinks can say in one answer."""
_LEAST_ANSWER: Final = 4096
_DISPLAYS: Final = {"summarized": True, "omitted": False}
_TAKES_BUDGET: Final = re.compile(r"claude-(?:3|(?:opus|sonnet|haiku)-4-(?:[0-5](?!\d)|20\d{6}))")


def takes_budget(model: str) -> bool:
    """True for models whose thinking is switched on with a budget."""
    return _TAKES_BUDGET.search(model) is not None


def is_off(reasoning: Reasoning) -> bool:
    """True when the client asked for no thinking."""
    return reasoning.is_enabled is False or reasoning.effort == "none" or reasoning.budget_tokens == 0


def read_thinking(thinking: ObjectReader | None, effort: str | None) -> Reasoning:
    """`thinking` and `output_config.effort` as canonical reasoning. Raises ClientError `bad_request`."""
    reasoning = Reasoning(effort=effort)
    if thinking is None:
        return reasoning
    kind, display = thinking.string("type"), thinking.string("display")
    if kind is not None:
        reasoning.is_enabled = kind != "disabled"
    reasoning.budget_tokens = thinking.integer("budget_tokens")
    reasoning.include_thoughts = None if display is None else _DISPLAYS.get(display)
    reasoning.extra = thinking.rest()
    if kind not in (None, "enabled", "disabled", "adaptive"):
        reasoning.extra["type"] = kind
    if display is not None and reasoning.include_thoughts is None:
        reasoning.extra["display"] = display
    return reasoning


def write_own_thinking(reasoning: Reasoning) -> JsonObject | None:
    """`thinking` as the client wrote it."""
    if reasoning.is_enabled is None:
        return None
    wire: JsonObject = {"type": "disabled"}
    if reasoning.is_enabled:
        wire["type"] = "adaptive" if reasoning.budget_tokens is None else "enabled"
    if reasoning.budget_tokens is not None:
        wire["budget_tokens"] = reasoning.budget_tokens
    if reasoning.include_thoughts is not None:
        wire["display"] = "summarized" if reasoning.include_thoughts else "omitted"
    return wire | reasoning.extra


def limit_beside(reasoning: Reasoning, answer: int) -> int:
    """`max_tokens`, which counts thinking, too, for an answer of `answer` tokens when the client set no limit."""
    if is_off(reasoning):
        return answer
    if reasoning.budget_tokens is not None:
        return answer + reasoning.budget_tokens
    if reasoning.effort is None:
        return answer
    return max(answer, min(answer + _BUDGETS.get(reasoning.effort, _USUAL_BUDGET), _MOST_OF_ANY))


def write_foreign_thinking(
    reasoning: Reasoning, model: str, max_tokens: int | None
) -> tuple[JsonObject, str | None] | None:
    """`thinking` and the effort for a client that spoke another format; None when the answer is too short for it.

    `max_tokens` is the client's limit, which holds thinking and answer: an effort leaves half of it to the answer.
    """
    if is_off(reasoning):
        return {"type": "disabled"}, None
    wire: JsonObject = {"type": "adaptive"}
    effort = None
    if takes_budget(model):
        if max_tokens is not None and max_tokens <= MIN_BUDGET:
            return None
        wire = {"type": "enabled", "budget_tokens": _budget(reasoning, max_tokens)}
    elif reasoning.effort is not None:
        effort = _EFFORTS.get(reasoning.effort, "medium")
    elif reasoning.budget_tokens is not None and reasoning.budget_tokens > 0:
        effort = next(name for name, budget in _BUDGETS.items() if reasoning.budget_tokens <= budget or name == "max")
        effort = _EFFORTS[effort]
    if reasoning.include_thoughts is not None:
        wire["display"] = "summarized" if reasoning.include_thoughts else "omitted"
    return wire, effort


def _budget(reasoning: Reasoning, max_tokens: int | None) -> int:
    budget = reasoning.budget_tokens
    if budget is None:
        budget = _BUDGETS.get(reasoning.effort or "medium", _USUAL_BUDGET)
        budget = min(budget, _MOST_OF_ANY - _LEAST_ANSWER if max_tokens is None else max_tokens // 2)
    budget = max(budget, MIN_BUDGET)
    return budget if max_tokens is None else min(budget, max_tokens - 1)
