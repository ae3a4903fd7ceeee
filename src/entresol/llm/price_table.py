"""The price table: what the models of a provider cost, since when, in which service tier, above which size.

Money is in whole pico-dollars (1e-12 $) per token. The table that comes with the package is built by
`scripts/build_prices.py`; a provider's part is decoded when the first model of it is configured, because most nodes
call few providers and the table knows some forty.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Annotated, Final

import msgspec
from msgspec import Meta

FORMAT: Final = 2
"""Of the data file. Another is refused."""

_DAY: Final = r"^(\d{4}-\d{2}-\d{2})?$"
_INPUTS: Final = (
    "input", "cache_read", "cache_read_audio", "cache_write", "cache_write_1h", "input_audio", "input_image",
)  # fmt: skip
_LONGEST_NAME: Final = 2048
_PLACE: Final = re.compile(r"^(?:projects/[^/]+/locations/[^/]+/)?publishers/[^/]+/models/|^google/(?=gemini)")
"""Google's resource names, and the names of its endpoint that is compatible with OpenAI's."""
_VERSION: Final = re.compile(r"@[a-z0-9]+$|(?<=pro)-\d{3}$|(?<=flash)-\d{3}$|(?<=lite)-\d{3}$")
"""Vertex AI's versions of models. They cost the same."""
_PER_CALL: Final = ("request",)

Rate = Annotated[int, Meta(ge=0, le=10**15)]
"""Up to $1,000 a token, or $1,000 a call."""
Minute = Annotated[int, Meta(ge=0, le=1440)]
Day = Annotated[str, Meta(pattern=_DAY)]


class Rates(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Pico-dollars per token of each usage bucket. None: the provider has no rate of its own for it."""

    input: Rate
    output: Rate | None = None
    cache_read: Rate | None = None
    cache_read_audio: Rate | None = None
    cache_write: Rate | None = None
    cache_write_1h: Rate | None = None
    input_audio: Rate | None = None
    input_image: Rate | None = None
    output_audio: Rate | None = None
    output_image: Rate | None = None
    reasoning: Rate | None = None
    request: Rate | None = None
    """Per call, whatever it used."""

    def scaled(self, input_factor: float, output_factor: float) -> "Rates":
        """These rates times a factor per direction; what a call costs by itself stays."""
        changes: dict[str, int] = {}
        for name in self.__struct_fields__:
            rate = getattr(self, name)
            if rate is not None and name not in _PER_CALL:
                changes[name] = round(rate * (input_factor if name in _INPUTS else output_factor))
        return msgspec.structs.replace(self, **changes)


class Tier(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Rates for calls with more than `above` input tokens; 0 for all calls."""

    above: Annotated[int, Meta(ge=0)]
    rates: Rates


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The prices of a model in one period and service tier. `tiers` from the smallest `above`, which is 0, to the
    largest."""

    since: Day = ""
    """First day, `YYYY-MM-DD`, UTC; empty from the beginning."""
    until: Day = ""
    """First day that it does not hold any more; empty for ever."""
    minutes: tuple[Minute, Minute] | None = None
    """Only in this part of the day, in minutes after midnight UTC, the second excluded; it may go over midnight."""
    service_tier: str | None = None
    """`flex`, `priority`, `batch`, `fast`, … None: the default one."""
    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1)]

    def __post_init__(self) -> None:
        steps = [tier.above for tier in self.tiers]
        if steps[:1] != [0] or any(low >= high for low, high in pairwise(steps)):
            raise ValueError("tiers must begin at 0 and rise")

    def holds(self, day: str, minute: int) -> bool:
        """Whether it is in force on a day (`YYYY-MM-DD`) at a minute of it."""
        if self.since > day or (self.until and self.until <= day):
            return False
        if self.minutes is None:
            return True
        start, end = self.minutes
        return start <= minute < end if start <= end else minute >= start or minute < end


class Model(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A model of the table: how its names look, and its prices, the ones that win first."""

    id: str
    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    rows: tuple[Row, ...]

    def is_like(self, name: str) -> bool:
        """Whether a name that is nobody's exact name means this model."""
        if (self.prefixes and name.startswith(self.prefixes)) or (self.suffixes and name.endswith(self.suffixes)):
            return True
        return any(part in name for part in self.parts) or any(_search(pattern, name) for pattern in self.patterns)

    def row(self, service_tier: str | None, day: str, minute: int) -> Row | None:
        """The prices in force; a service tier without prices of its own costs the default."""
        for tier in dict.fromkeys((service_tier, None)):
            for row in self.rows:
                if row.service_tier == tier and row.holds(day, minute):
                    return row
        return None


class ProviderPrices(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A provider's models, in the order in which they are asked for a name they may know."""

    models: tuple[Model, ...]
    others: tuple[str, ...] = ()
    """Providers whose models it serves at their default prices, where it has none of its own."""


class Price(msgspec.Struct, frozen=True):
    """A row that was found, and what log records call it."""

    id: str
    """`provider/model@since~minutes#tier:digest`: the same in every table in which the row is the same."""
    version: str
    """Of the table it is from."""
    tiers: tuple[Tier, ...]
    """The largest threshold first."""


class TableHead(msgspec.Struct, frozen=True, kw_only=True):
    """Where a table's numbers are from."""

    format: int
    source: Annotated[str, Meta(max_length=64)]
    version: Annotated[str, Meta(max_length=64)]
    """Sorts by time: numbers with dots."""
    licence: str


class TableFile(TableHead, frozen=True, kw_only=True):
    """The data file. Providers are decoded when they are needed."""

    providers: dict[str, msgspec.Raw]


class _Index:
    """A provider's models by name."""

    __slots__ = ("_by_name", "_vague", "prices")

    def __init__(self, prices: ProviderPrices) -> None:
        self.prices = prices
        self._by_name: dict[str, Model] = {}
        for model in prices.models:
            for name in (model.id, *model.names):
                self._by_name.setdefault(name.lower(), model)
        self._vague = tuple(m for m in prices.models if m.prefixes or m.suffixes or m.parts or m.patterns)

    def find(self, name: str) -> Model | None:
        model = self._by_name.get(name)
        return next((each for each in self._vague if each.is_like(name)), None) if model is None else model


class PriceTable:
    """Prices by provider and model, and the operator's before them."""

    def __init__(
        self,
        head: TableHead,
        providers: Mapping[str, msgspec.Raw | ProviderPrices],
        overrides: "PriceTable | None" = None,
    ) -> None:
        self.head = head
        self._providers = providers
        self._indexes: dict[str, _Index] = {}
        self._overrides = overrides

    @property
    def version(self) -> str:
        """`source version`, as log records tell it."""
        return f"{self.head.source} {self.head.version}"

    @property
    def providers(self) -> tuple[str, ...]:
        """Whose prices it knows."""
        return tuple(self._providers)

    def models(self, provider: str) -> tuple[Model, ...]:
        """A provider's models; none where it is not known."""
        index = self._index(provider)
        return () if index is None else index.prices.models

    def overridden(self, overrides: "PriceTable") -> "PriceTable":
        """This table, with another's rows before its own."""
        return PriceTable(self.head, self._providers, overrides)

    def find(self, provider: str, name: str) -> tuple[str, Model] | None:
        """The model a provider calls `name`, and whose it is; an exact name before a pattern."""
        index = self._index(provider)
        if index is None or len(name) > _LONGEST_NAME:
            return None
        owners = [(owner, self._index(owner)) for owner in (provider, *index.prices.others)]
        for spelling in _spellings(name.lower()):
            for owner, known in owners:
                model = None if known is None else known.find(spelling)
                if model is not None:
                    return owner, model
        return None

    def price(self, provider: str, name: str, service_tier: str | None, now: float) -> Price | None:
        """What a model costs at `now` (epoch seconds). The operator's row for it wins over the table's."""
        if self._overrides is not None:
            price = self._overrides.price(provider, name, service_tier, now)
            if price is not None:
                return price
        found = self.find(provider, name)
        if found is None:
            return None
        owner, model = found
        moment = datetime.fromtimestamp(now, UTC)
        tier = service_tier if owner == provider else None  # the tiers of another's own service
        row = model.row(tier, moment.date().isoformat(), moment.hour * 60 + moment.minute)
        if row is None:
            return None
        return Price(row_id(owner, model.id, row), self.version, row.tiers[::-1])

    def row_named(self, price_id: str) -> Row | None:
        """The row a log record names, to compute its cost again; None when this table has it not, or not so."""
        provider = price_id.partition("/")[0]
        for model in self.models(provider):
            if price_id.startswith(f"{provider}/{model.id}"):
                for row in model.rows:
                    if row_id(provider, model.id, row) == price_id:
                        return row
        return None if self._overrides is None else self._overrides.row_named(price_id)

    def _index(self, provider: str) -> _Index | None:
        index = self._indexes.get(provider)
        if index is None:
            prices = self._providers.get(provider)
            if prices is None:
                return None
            if isinstance(prices, msgspec.Raw):
                prices = msgspec.json.decode(prices, type=ProviderPrices)
            index = self._indexes[provider] = _Index(prices)
        return index


def _spellings(name: str) -> Iterator[str]:
    """A name as it is, and without what clouds write around it: where it stands, and which version of it."""
    name = name.removeprefix("models/")
    yield name
    for bare in (_PLACE.sub("", name), _VERSION.sub("", _PLACE.sub("", name))):
        if bare != name:
            yield bare


def row_id(provider: str, model: str, row: Row) -> str:
    """A row's name. The digest is of its whole content, so that a corrected price is another row."""
    since = f"@{row.since}" if row.since else ""
    hours = f"~{row.minutes[0]}-{row.minutes[1]}" if row.minutes is not None else ""
    tier = f"#{row.service_tier}" if row.service_tier is not None else ""
    return f"{provider}/{model}{since}{hours}{tier}:{zlib.crc32(msgspec.json.encode(row)):08x}"


def table_of(head: TableHead, models: Iterable[tuple[str, Model]]) -> PriceTable:
    """A table of (provider, model) pairs."""
    providers: dict[str, list[Model]] = {}
    for provider, model in models:
        providers.setdefault(provider, []).append(model)
    return PriceTable(head, {name: ProviderPrices(models=tuple(known)) for name, known in providers.items()})


def read_table(data: bytes) -> PriceTable:
    """A table from its file. Raises ValueError when it is none, or one of another format."""
    try:
        head = msgspec.json.decode(data, type=TableHead)
        if head.format != FORMAT:
            raise ValueError(f"format {head.format} of the price table is not known, only {FORMAT}")
        file = msgspec.json.decode(data, type=TableFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a price table: {error}") from None
    return PriceTable(head, file.providers)


@cache
def price_table() -> PriceTable:
    """The table that comes with the package, read once."""
    return read_table(files("entresol.llm").joinpath("data/prices.json").read_bytes())


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _search(pattern: str, name: str) -> bool:
    return _compiled(pattern).search(name) is not None
