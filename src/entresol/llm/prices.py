"""What a call costs: the operator's own prices first, then the price table.

A model without a price has cost None, a state that logs show and budgets can refuse; it is never zero.
"""

import re
from collections.abc import Mapping
from typing import Final
from zlib import crc32

from msgspec import json

from entresol.llm.model_config import ModelOptions
from entresol.llm.price_table import PriceTable, Rates, Tier
from entresol.llm.types import Usage
from entresol.llm.usage import cost_nanodollars, rate_of

CONFIGURED: Final = "config"
"""Instead of a table's version, for prices that stand in the configuration."""
REPORTED: Final = "reported"
"""Instead of a row, for a cost that the provider told with its answer."""
_PERIOD: Final = 900.0
"""Prices change on quarters of an hour at most, in seconds."""
_FAST_TIER: Final = re.compile(r"\bfast\b")


class Charge:
    """What a call costs, and by which price."""

    __slots__ = ("cost", "price_id", "price_version")

    def __init__(self, cost: int | None, price_id: str | None = None, price_version: str | None = None) -> None:
        self.cost = cost
        """Nano-dollars; None if no price is known."""
        self.price_id = price_id
        """Of the row of the table; `config:…` for the operator's own; with `+config:…` after it where factors of the
        operator's apply; `reported` for what the provider told. None if no price is known."""
        self.price_version = price_version
        """The table's, `config`, or the provider that told it."""

    def parts(self) -> tuple[object, ...]:
        """Everything, for tests and debugging."""
        return self.cost, self.price_id, self.price_version

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Charge) and self.parts() == other.parts()

    __hash__ = None  # type: ignore[assignment]  # a value that is compared, never a key

    def __repr__(self) -> str:
        return f"Charge{self.parts()!r}"


class KnownPrice:
    """A price in force, the largest threshold first; without tiers when there is none."""

    __slots__ = ("id", "tiers", "version")

    def __init__(self, tiers: tuple[Tier, ...], price_id: str, version: str) -> None:
        self.tiers = tiers
        self.id = price_id
        self.version = version


class Prices:
    """The prices of one configured model. Looking up is memoised per model name."""

    def __init__(self, options: ModelOptions, table: PriceTable, provider: str) -> None:
        self._options = options
        self._table = table
        self._listed = table.version
        self._provider = provider
        self._known: dict[tuple[str, str | None, float], KnownPrice] = {}
        self._latest = KnownPrice((), "", "")  # the last that was looked up: most calls are for one model
        self._latest_model = ""
        self._latest_tier: str | None = None
        self._period = 0.0
        own = own_rates(options)
        self._own = None if own is None else KnownPrice((Tier(above=0, rates=own),), own_id(own), CONFIGURED)
        self._has_factors = bool(options.context_window_factor or options.service_tier_factor)
        self._factors_id = _digest((options.context_window_factor, options.service_tier_factor))

    def cost(self, model: str, usage: Usage, service_tier: str | None, now: float) -> int | None:
        """Nano-dollars of a call at `now` (epoch seconds); None if no price is known."""
        return self.charge(model, usage, service_tier, now).cost

    def charge(self, model: str, usage: Usage, service_tier: str | None, now: float) -> Charge:
        """What a call at `now` (epoch seconds) costs, and by which price."""
        price = self._own
        if price is None:
            price = self._latest
            if (
                model != self._latest_model
                or service_tier != self._latest_tier
                or not 0 <= now - self._period < _PERIOD
            ):
                price = self._look_up(model, service_tier, now)
        tiers = price.tiers
        if not tiers:
            return Charge(None)
        rates = tiers[0].rates if len(tiers) == 1 else rates_for(usage.total_input, tiers)
        price_id = price.id
        if self._has_factors:
            rates, price_id = self._factored(rates, usage, service_tier), f"{price_id}+config:{self._factors_id}"
        cost = cost_nanodollars(usage, rates)
        return Charge(None) if cost is None else Charge(cost, price_id, price.version)

    def _look_up(self, model: str, service_tier: str | None, now: float) -> KnownPrice:
        """The price that holds now. Memoised: it changes with the period at most."""
        period = now // _PERIOD * _PERIOD
        known = self._known.get((model, service_tier, period))
        if known is None:
            if len(self._known) > 1000:  # names come from clients where no model is configured
                self._known.clear()
            price = self._table.price(self._provider, model, service_tier, period)
            known = KnownPrice((), "", "") if price is None else KnownPrice(price.tiers, price.id, price.version)
            self._known[model, service_tier, period] = known
        self._latest, self._latest_model, self._latest_tier, self._period = known, model, service_tier, period
        return known

    def cost_of_any(self, models: tuple[str | None, ...], usage: Usage, service_tier: str | None, now: float) -> Charge:
        """The cost by the first of several names of the model that has a price.

        What the provider says it charged is better than its list, and yields to the operator's own prices only.
        """
        reported = usage.reported_cost
        for model in models:
            if model is not None:
                charge = self.charge(model, usage, service_tier, now)
                if charge.cost is not None and (reported is None or charge.price_version != self._listed):
                    return charge
        return Charge(None) if reported is None else Charge(reported, REPORTED, self._provider)

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


def own_id(rates: Rates) -> str:
    """What log records call prices that stand in the configuration: the same as long as they are the same."""
    return f"{CONFIGURED}:{_digest(rates)}"


def rates_for(size: int, tiers: tuple[Tier, ...]) -> Rates:
    """The rates of a call with so many input tokens. `tiers` with the largest threshold first."""
    return next(tier.rates for tier in tiers if size > tier.above or not tier.above)


def _digest(value: object) -> str:
    return f"{crc32(json.encode(value)):08x}"


def _rate(dollars_per_million: float | None) -> int | None:
    return None if dollars_per_million is None else rate_of(dollars_per_million)
