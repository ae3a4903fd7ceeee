"""What a token costs: the operator's own prices first, then the table that comes with the package.

A model without a price has cost None, a state that logs show and budgets can refuse; it is never zero.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from entresol.llm.model_config import ModelOptions
from entresol.llm.price_table import Model, PriceTable, Rates, Tier
from entresol.llm.types import Usage
from entresol.llm.usage import cost_nanodollars, rate_of

_FAST_TIER: Final = re.compile(r"\bfast\b")


class Prices:
    """The prices of one configured model. Looking up is memoised per model name."""

    def __init__(self, options: ModelOptions, table: PriceTable, provider: str) -> None:
        self._options = options
        self._table = table
        self._provider = provider
        self._known: dict[tuple[str, str | None, float], tuple[Tier, ...]] = {}
        self._latest: tuple[Tier, ...] = ()  # the last that was looked up: most calls are for one model
        self._latest_model = ""
        self._latest_tier: str | None = None
        self._day = 0.0
        self._own = own_rates(options)
        self._has_factors = bool(options.context_window_factor or options.service_tier_factor)

    def cost(self, model: str, usage: Usage, service_tier: str | None, now: float) -> int | None:
        """Nano-dollars of a call at `now` (epoch seconds); None if no price is known."""
        rates = self._own
        if rates is None:
            tiers = self._latest
            if model != self._latest_model or service_tier != self._latest_tier or not 0 <= now - self._day < 86_400:
                tiers = self._look_up(model, service_tier, now)
            if not tiers:
                return None
            rates = tiers[0].rates if len(tiers) == 1 else _rates_for(usage.total_input, tiers)
        if self._has_factors:
            rates = self._factored(rates, usage, service_tier)
        return cost_nanodollars(usage, rates)

    def _look_up(self, model: str, service_tier: str | None, now: float) -> tuple[Tier, ...]:
        """The table's tiers that hold today, the largest threshold first. Memoised: they change at midnight at most."""
        day = now // 86_400 * 86_400
        tiers = self._known.get((model, service_tier, day))
        if tiers is None:
            if len(self._known) > 1000:  # names come from clients where no model is configured
                self._known.clear()
            found = self._table.find(self._provider, model)
            tiers = () if found is None else tiers_of(found, service_tier, now)
            self._known[model, service_tier, day] = tiers
        self._latest, self._latest_model, self._latest_tier, self._day = tiers, model, service_tier, day
        return tiers

    def cost_of_any(
        self, models: tuple[str | None, ...], usage: Usage, service_tier: str | None, now: float
    ) -> int | None:
        """The cost by the first of several names of the model that has a price."""
        for model in models:
            if model is not None:
                cost = self.cost(model, usage, service_tier, now)
                if cost is not None:
                    return cost
        return None

    def _factored(self, rates: Rates, usage: Usage, service_tier: str | None) -> Rates:
        """Kong's factors: the highest context threshold that is passed, the most specific tier that matches."""
        options = self._options
        passed = [step for step in options.context_window_factor if usage.total_input > int(step.above)]
        if passed:
            step = max(passed, key=lambda step: int(step.above))
            rates = rates.scaled(step.input_factor, step.output_factor)
        if service_tier is not None and options.service_tier_factor:
            reported = service_tier.lower()
            if _FAST_TIER.search(reported) is not None:
                reported += " priority"
            tiers = [each for each in options.service_tier_factor if each.tier.lower() in reported]
            if tiers:
                factor = max(tiers, key=lambda each: len(each.tier)).factor
                rates = rates.scaled(factor, factor)
        return rates


def own_rates(options: ModelOptions) -> Rates | None:
    """The operator's prices; None unless both directions have one."""
    if options.input_cost is None or options.output_cost is None:
        return None
    by_ttl: Mapping[str, float] = {each.ttl: each.cost for each in options.cache_write_cost_list}
    return Rates(
        input=rate_of(options.input_cost),
        output=rate_of(options.output_cost),
        cache_read=_rate(options.cache_read_cost),
        cache_write=_rate(by_ttl.get("5m", options.cache_write_cost)),
        cache_write_1h=_rate(by_ttl.get("1h", options.cache_write_cost)),
    )


def _rates_for(size: int, tiers: tuple[Tier, ...]) -> Rates:
    return next(tier.rates for tier in tiers if size > tier.above or not tier.above)


def tiers_of(model: Model, service_tier: str | None, now: float) -> tuple[Tier, ...]:
    """A model's prices at `now`, the largest threshold first; a service tier without prices costs the default."""
    today = datetime.fromtimestamp(now, UTC).date().isoformat()
    for tier in dict.fromkeys((service_tier, None)):
        for row in model.rows:
            if row.service_tier == tier and row.since <= today:
                return row.tiers[::-1]
    return ()


def _rate(dollars_per_million: float | None) -> int | None:
    return None if dollars_per_million is None else rate_of(dollars_per_million)
