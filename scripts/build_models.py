"""Build src/entresol/llm/data/models.json from scripts/model_facts.yaml and genai-prices' context windows.

Run `python scripts/build_models.py` after `scripts/build_prices.py`: windows are kept by the ids of that table.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import msgspec
import yaml
from build_prices import DATA, LEFT_OUT, OUR_NAMES, ROUTED, ROUTER
from genai_prices.data import providers as source_providers

from entresol.core.schema import parse
from entresol.llm.model_profiles import Family, ModelTable, ProviderFacts
from entresol.llm.price_table import price_table

CURATED = Path(__file__).parent / "model_facts.yaml"
TARGET = DATA / "models.json"


class Curated(msgspec.Struct, kw_only=True):
    """The file that people write."""

    providers: dict[str, ProviderFacts]
    families: tuple[Family, ...]


def main() -> None:
    """Write the file and say what is in it."""
    curated = msgspec.convert(yaml.safe_load(CURATED.read_text(encoding="utf-8")), type=Curated, strict=True)
    unknown_fields(yaml.safe_load(CURATED.read_text(encoding="utf-8")))
    families = sorted(curated.families, key=lambda family: (-len(family.start), family.start))
    if len({family.start for family in families}) < len(families):
        raise SystemExit("two families have the same start")
    windows = windows_by_provider()
    table = ModelTable(
        format=1,
        sources=("scripts/model_facts.yaml", f"genai-prices {version('genai-prices')} (MIT): context windows"),
        providers=curated.providers,
        families=tuple(families),
        windows={name: msgspec.Raw(msgspec.json.encode(each)) for name, each in windows.items()},
    )
    TARGET.write_bytes(msgspec.json.format(msgspec.json.encode(table), indent=1) + b"\n")
    count = sum(len(each) for each in windows.values())
    sys.stdout.write(f"{len(families)} families, {count} context windows: {TARGET.stat().st_size} bytes\n")


def unknown_fields(raw: dict[str, dict[str, dict[str, object]]]) -> None:
    """A misspelled fact would be a fact that nobody sees."""
    from entresol.llm.model_profiles import ModelFacts

    entries = [*raw["providers"].values(), *raw["families"]]
    entries += [version for entry in raw["providers"].values() for version in entry.get("versions", ())]  # type: ignore[attr-defined]
    for entry in entries:
        found = parse(ModelFacts, entry["facts"])
        if isinstance(found, list):
            raise SystemExit(f"{entry.get('start', entry['source'])}: {'; '.join(map(str, found))}")


def windows_by_provider() -> dict[str, dict[str, int]]:
    """Context windows of the models in the price table."""
    found: dict[str, dict[str, int]] = {}
    for provider in source_providers:
        if provider.id in LEFT_OUT:
            continue
        is_routed = provider.id.startswith(ROUTED)
        name = ROUTER if is_routed else OUR_NAMES.get(provider.id, provider.id)
        ending = ":" + provider.id.removeprefix(ROUTED) if is_routed else ""
        known = {model.id for model in price_table().models(name)}
        for info in provider.models:
            if info.context_window is not None and info.id.lower() + ending in known:
                found.setdefault(name, {})[info.id.lower() + ending] = info.context_window
    return found


if __name__ == "__main__":
    main()
