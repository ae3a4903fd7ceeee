"""The commands of `entresol prices`: what models cost here, and where that comes from."""

from collections.abc import Iterator

from entresol.api_floor.configuration import Configuration
from entresol.app.price_changes import changes, described, when
from entresol.app.price_files import (
    check_signature,
    installed_prices,
    is_older,
    newest_table,
    overrides_in,
    read,
    table_in,
    write_atomically,
)
from entresol.config import PriceSettings
from entresol.core.errors import ConfigError
from entresol.llm.price_table import PriceTable, row_id


def update(settings: PriceSettings, source: str, force: bool) -> Iterator[str]:
    """Put a table in place, and say what changes. Raises ConfigError when it is not to be used, OSError."""
    if settings.table_file is None:
        raise ConfigError("prices_unreadable", "where to? set prices.table_file")
    data = read(source)
    if settings.key_file is not None:
        check_signature(data, source, settings.key_file)
    new, old = table_in(data, source), newest_table(settings)
    if not force:
        if new.head.source != old.head.source:
            raise ConfigError("prices_unreadable", f"{new.version} is no update of {old.version}; --force takes it")
        if is_older(new, old):
            raise ConfigError("prices_unreadable", f"{new.version} is older than {old.version}; --force takes it")
    found = changes(old, new)
    write_atomically(settings.table_file, data)
    yield from found.lines()
    yield f"{settings.table_file}: {old.version} to {new.version}, {_models(found.total)} differ; reload to use it"


def show(settings: PriceSettings, name: str, provider: str | None, now: float) -> Iterator[str]:
    """Every price of a model, those in force marked with `*`. Nothing where no provider has one."""
    table = installed_prices(settings)
    own = None if settings.overrides_file is None else overrides_in(settings.overrides_file)
    for each in [provider] if provider is not None else sorted({*table.providers, *(own.providers if own else ())}):
        yield from _shown(table, own, each, name, now)


def _shown(table: PriceTable, own: PriceTable | None, provider: str, name: str, now: float) -> Iterator[str]:
    lines: list[str] = []
    for source in (own, table):
        found = None if source is None else source.find(provider, name)
        if source is None or found is None:
            continue
        owner, model = found
        for row in model.rows:
            if owner != provider and row.service_tier is not None:
                continue  # tiers are of the maker's own service
            price_id = row_id(owner, model.id, row)
            price = table.price(provider, name, row.service_tier, now)
            mark = "*" if price is not None and price.id == price_id else " "
            lines.append(f"{mark} {price_id}  ({source.version}; {when(row)})")
            for tier in row.tiers:
                above = f"above {tier.above} tokens: " if tier.above else ""
                lines.append(f"      {above}{described(tier.rates)}")
    if lines:
        yield f"{provider} {name}"
        yield from lines


def check(settings: PriceSettings, against: str | None, configuration: Configuration | None, now: float) -> list[str]:
    """What an operator should look at, a line each: prices that disagree, and models without one."""
    table = newest_table(settings)
    found: list[str] = []
    if settings.overrides_file is not None:
        own = overrides_in(settings.overrides_file)
        found += _disagreements(own, table, now)
        table = table.overridden(own)
    if against is not None:
        other = table_in(read(against), against)
        found += [f"{line} ({table.version} against {other.version})" for line in changes(table, other).lines()]
    if configuration is not None:
        found += _missing(configuration, table, now)
    return found


def _disagreements(own: PriceTable, table: PriceTable, now: float) -> Iterator[str]:
    """Overrides in force that say something else than the table, or are of models it does not know."""
    for provider in own.providers:
        for model in own.models(provider):
            name = model.id.removesuffix("*")
            theirs, ours = table.price(provider, name, None, now), own.price(provider, name, None, now)
            if ours is None:
                yield f"overrides: {provider}/{model.id} has no price in force today"
            elif theirs is None:
                yield f"overrides: {provider}/{model.id} is not in {table.version}"
            elif theirs.tiers != ours.tiers:
                yield (
                    f"overrides: {provider}/{model.id}: {described(ours.tiers[-1].rates)}; "
                    f"{table.version}: {described(theirs.tiers[-1].rates)}"
                )


def _missing(configuration: Configuration, table: PriceTable, now: float) -> Iterator[str]:
    """Models that the configuration names and nobody has a price for."""
    for instance in configuration.plugins:
        model = getattr(instance.config, "model", None)
        provider, name = getattr(model, "provider", None), getattr(model, "name", None)
        if provider is None or name is None or "$(" in name:
            continue
        options = getattr(model, "options", None)
        if getattr(options, "input_cost", None) is not None and getattr(options, "output_cost", None) is not None:
            continue
        if table.price(provider, name, None, now) is None:
            yield f"plugin {instance.name} ({instance.id}): no price for {provider}/{name}"


def _models(count: int) -> str:
    return f"{count} model" if count == 1 else f"{count} models"
