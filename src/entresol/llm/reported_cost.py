"""What providers say that a call costs, in whole nano-dollars.

Sources: OpenRouter "Usage accounting" (`cost`), xAI "Cost tracking" (`cost_in_usd_ticks`), Perplexity API reference
(`cost.total_cost`).
"""

from typing import Final

from entresol.llm.openai_structs import CostWire

_DOLLAR: Final = 1
_TICK: Final = 10_000_000_000
"""A dollar has so many."""
_MOST: Final = 1_000_000
"""Dollars. No call costs more: what says so is not believed."""


def reported_cost(wire: CostWire) -> int | None:
    """Nano-dollars; None where nothing is said, or nothing that can be."""
    ticks = wire.cost_in_usd_ticks
    if ticks is not None:
        return _nanodollars(ticks, _TICK)
    cost = wire.cost
    if cost is None:
        return None
    if isinstance(cost, dict):
        return _nanodollars(cost.get("total_cost"), _DOLLAR)
    charged = _nanodollars(cost, _DOLLAR)
    if charged is not None and wire.is_byok is True and isinstance(wire.cost_details, dict):
        charged += _nanodollars(wire.cost_details.get("upstream_inference_cost"), _DOLLAR) or 0
    return charged


def _nanodollars(value: object, per_dollar: int) -> int | None:
    """An amount in units of which a dollar has so many."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST * per_dollar:
        return None
    return round(value * 1_000_000_000 / per_dollar)
