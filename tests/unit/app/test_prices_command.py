from pathlib import Path

import pytest

from entresol.api_floor.configuration import Configuration
from entresol.app.configuration import read_document
from entresol.app.prices_command import check, show, update
from entresol.config import PriceSettings, Settings
from entresol.core.errors import ConfigError
from unit.app.free_ports import settings_for
from unit.app.test_price_files import NOON, file_with

OVERRIDES = """
prices:
- {provider: openai, model: m, input: 3, since: 2026-11-01}
- {provider: acme, model: "new*", input: 3}
- {provider: acme, model: later, input: 3, since: 2027-01-01}
"""


@pytest.fixture
def settings(tmp_path: Path) -> PriceSettings:
    """With a small table in place and overrides."""
    (tmp_path / "prices.json").write_bytes(file_with("50.1", rate=1_000_000))
    (tmp_path / "own.yaml").write_text(OVERRIDES)
    return PriceSettings(table_file=str(tmp_path / "prices.json"), overrides_file=str(tmp_path / "own.yaml"))


def new_file(tmp_path: Path, data: bytes) -> str:
    (tmp_path / "new.json").write_bytes(data)
    return str(tmp_path / "new.json")


def test_an_update_is_put_in_place_and_says_what_changes(settings: PriceSettings, tmp_path: Path) -> None:
    assert settings.table_file is not None
    data = file_with("50.2", rate=2_000_000)
    assert list(update(settings, new_file(tmp_path, data), force=False)) == [
        "~ openai/m",
        f"{settings.table_file}: genai-prices 50.1 to genai-prices 50.2, 1 model differ; reload to use it",
    ]
    assert Path(settings.table_file).read_bytes() == data


@pytest.mark.parametrize(
    "data", [file_with("50.0"), file_with("51").replace(b"genai-prices", b"somebody")], ids=["older", "foreign"]
)
def test_an_older_or_foreign_table_takes_force(settings: PriceSettings, tmp_path: Path, data: bytes) -> None:
    assert settings.table_file is not None
    before, source = Path(settings.table_file).read_bytes(), new_file(tmp_path, data)
    with pytest.raises(ConfigError, match="--force"):
        list(update(settings, source, force=False))
    assert Path(settings.table_file).read_bytes() == before
    list(update(settings, source, force=True))
    assert Path(settings.table_file).read_bytes() == data


def test_an_update_needs_a_place_and_a_table(settings: PriceSettings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"prices\.table_file"):
        list(update(PriceSettings(), new_file(tmp_path, file_with("99")), force=False))
    with pytest.raises(ConfigError, match="not a price table"):
        list(update(settings, new_file(tmp_path, b"{}"), force=True))


def test_an_update_must_be_signed_where_a_key_is_set(settings: PriceSettings, tmp_path: Path) -> None:
    signed = PriceSettings(table_file=settings.table_file, key_file=str(tmp_path / "key.pem"))
    with pytest.raises(ConfigError, match=r"key\.pem"):
        list(update(signed, new_file(tmp_path, file_with("99")), force=True))


def test_prices_in_force_are_marked(settings: PriceSettings) -> None:
    lines = list(show(settings, "m", "openai", NOON))
    assert [line[:2] for line in lines] == ["op", "* ", "  ", "  ", "  "]
    assert lines[1].startswith("* openai/m@2026-11-01:")
    assert lines[2].strip() == "input $3 a million tokens"
    assert "genai-prices 50.1" in lines[3]


def test_a_model_is_shown_for_every_provider_that_has_it(settings: PriceSettings) -> None:
    assert next(iter(show(settings, "new-1", None, NOON))) == "acme new-1"
    assert list(show(settings, "nothing", None, NOON)) == []


def test_overrides_that_disagree_with_the_table_are_found(settings: PriceSettings) -> None:
    found = check(settings, None, None, NOON)
    assert sorted(found) == [
        "overrides: acme/later has no price in force today",
        "overrides: acme/new* is not in genai-prices 50.1",
        "overrides: openai/m: input $3 a million tokens; genai-prices 50.1: input $1 a million tokens",
    ]


def test_tables_are_compared(settings: PriceSettings, tmp_path: Path) -> None:
    only_table = PriceSettings(table_file=settings.table_file)
    other = new_file(tmp_path, file_with("50.2", rate=5))
    assert check(only_table, other, None, NOON) == ["~ openai/m (genai-prices 50.1 against genai-prices 50.2)"]
    assert check(only_table, settings.table_file, None, NOON) == []


CONFIGURED = """
_format_version: "3.0"
plugins:
- {{name: ai-proxy, config: {{route_type: llm/v1/chat, model: {{provider: openai, name: {name}, options: {options}}}}}}}
"""


@pytest.mark.parametrize(
    ("name", "options", "is_missing"),
    [
        ("m", "{}", False),
        ("nobody-knows", "{}", True),
        ("nobody-knows", "{input_cost: 1, output_cost: 2}", False),
        ("'$(headers.model)'", "{}", False),
    ],
)
def test_models_without_a_price_are_found(
    settings: PriceSettings, tmp_path: Path, name: str, options: str, is_missing: bool
) -> None:
    configuration = configured(settings_for(tmp_path / "c.yaml", CONFIGURED.format(name=name, options=options)))
    found = check(PriceSettings(table_file=settings.table_file), None, configuration, NOON)
    assert [line.endswith("no price for openai/nobody-knows") for line in found] == [True] * is_missing


def configured(settings: Settings) -> Configuration:
    found = read_document(settings, {})
    assert isinstance(found, tuple), found
    return found[1]
