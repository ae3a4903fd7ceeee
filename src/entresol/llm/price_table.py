"""The price table that comes with the package, and the rates in it. `scripts/build_prices.py` writes it."""

import re
from functools import cache
from importlib.resources import files
from typing import Annotated

import msgspec


class Rates(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Pico-dollars per token of each usage bucket. None: the provider has no rate of its own for it."""

    input: int
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None
    output_image: int | None = None

    def scaled(self, input_factor: float, output_factor: float) -> "Rates":
        """These rates times a factor per direction."""
        inputs = ("input", "cache_read", "cache_write", "cache_write_1h", "input_audio")
        changes: dict[str, int] = {}
        for name in self.__struct_fields__:
            rate = getattr(self, name)
            if rate is not None:
                changes[name] = round(rate * (input_factor if name in inputs else output_factor))
        return msgspec.structs.replace(self, **changes)


class Tier(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rates for calls with more than `above` input tokens; 0 for all calls."""

    above: Annotated[int, msgspec.Meta(ge=0)]
    rates: Rates


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The prices of a model in one period and service tier. `tiers` from the smallest `above`, which is 0, to the
    largest."""

    since: str = ""
    """First day, `YYYY-MM-DD`; empty from the beginning."""
    service_tier: str | None = None
    tiers: tuple[Tier, ...]


class Model(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model of the table: how its names look, and its prices, newest first."""

    provider: str
    id: str
    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    rows: tuple[Row, ...]

    def is_called(self, name: str) -> bool:
        """Whether a provider's model name means this model."""
        if name == self.id or name in self.names or name.startswith(self.prefixes):
            return True
        return any(re.search(pattern, name) is not None for pattern in self.patterns)


class PriceTable(msgspec.Struct, frozen=True, kw_only=True):
    """The data file. `source` and `version` say where its numbers are from."""

    format: int
    source: str
    version: str
    licence: str
    models: tuple[Model, ...]

    def find(self, provider: str, name: str) -> Model | None:
        """The model a provider calls `name`; an exact name before a pattern."""
        name = name.lower().removeprefix("models/")
        own = [model for model in self.models if model.provider == provider]
        for model in own:
            if name == model.id or name in model.names:
                return model
        return next((model for model in own if model.is_called(name)), None)


@cache
def price_table() -> PriceTable:
    """The table that comes with the package, read once."""
    data = files("entresol.llm").joinpath("data/prices.json").read_bytes()
    return msgspec.json.decode(data, type=PriceTable)
