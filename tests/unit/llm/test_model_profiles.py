import msgspec
import pytest

from entresol.core.schema import parse
from entresol.llm.model_profiles import (
    NO_FACTS,
    ModelFacts,
    ModelProfiles,
    ModelTable,
    model_profiles,
    plain_name,
    profile_of,
    refined,
)
from entresol.llm.price_table import FORMAT, Model, Rates, Row, TableHead, Tier, table_of
from entresol.llm.profile import Profile
from entresol.llm.registry import provider_named

ROWS = (Row(tiers=(Tier(above=0, rates=Rates(input=1)),)),)
PRICES = table_of(
    TableHead(format=FORMAT, source="test", version="1", licence=""),
    [("acme", Model(id="big", prefixes=("big-",), rows=ROWS))],
)
TABLE = msgspec.json.decode(
    b"""{
    "format": 1, "sources": [], "windows": {"acme": {"big": 1000}},
    "providers": {"acme": {"source": "s", "facts": {"tools": true, "refused": ["top_k"]}, "versions": [
        {"from": "2026-10-01", "source": "s", "facts": {"refused": ["top_p"]}}
    ]}},
    "families": [
        {"start": "big-2", "source": "s", "facts": {"max_output": 20, "refused": ["seed", "top_k"]}},
        {"start": "big", "source": "s", "facts": {"max_output": 10, "tools": false}}
    ]}""",
    type=ModelTable,
)
PROFILES = ModelProfiles(TABLE, PRICES)


def test_facts_come_from_provider_family_and_table() -> None:
    facts = PROFILES.of("acme", "BIG-1")
    assert facts == ModelFacts(context_window=1000, max_output=10, tools=False, refused=("top_k",))


def test_the_longest_start_wins_alone_and_refusals_add_up() -> None:
    facts = PROFILES.of("acme", "big-2-mini")
    assert facts == ModelFacts(context_window=1000, max_output=20, tools=True, refused=("top_k", "seed"))


@pytest.mark.parametrize(
    ("version", "is_refused"), [("", False), ("2026-09-30", False), ("2026-10-01", True), ("v2", False)]
)
def test_a_version_of_the_api_changes_facts_from_its_day_on(version: str, is_refused: bool) -> None:
    assert ("top_p" in (PROFILES.of("acme", "big-1", version).refused or ())) is is_refused


def test_nothing_is_known_of_strangers() -> None:
    assert PROFILES.of("nobody", "nothing") == NO_FACTS
    assert PROFILES.of("nobody", "big-1") == ModelFacts(max_output=10, tools=False)


def test_what_was_looked_up_is_remembered_up_to_a_limit() -> None:
    profiles = ModelProfiles(TABLE, PRICES)
    first = profiles.of("acme", "big-1")
    assert profiles.of("acme", "big-1") is first
    for number in range(2000):
        profiles.of("acme", f"made-up-{number}")
    assert profiles.of("acme", "big-1") == first


def test_an_operators_facts_win_over_all_others() -> None:
    facts = PROFILES.of("acme", "big-1").with_facts(ModelFacts(refused=(), max_output=99, tools=None))
    assert facts == ModelFacts(context_window=1000, max_output=99, tools=False, refused=())
    assert facts.with_facts(NO_FACTS) is facts


def test_facts_can_stand_in_a_configuration() -> None:
    raw = {"context_window": 32_768, "input": ["text", "image"], "thinking": "none", "refused": ["temperature"]}
    assert parse(ModelFacts, raw) == ModelFacts(
        context_window=32_768, input=("text", "image"), thinking="none", refused=("temperature",)
    )
    for wrong in ({"context_window": 0}, {"input": ["smell"]}, {"refused": ["messages"]}, {"contexts": 1}):
        assert isinstance(parse(ModelFacts, wrong), list)


@pytest.mark.parametrize(
    ("model", "plain"),
    [
        ("us.anthropic.claude-opus-4-7-v1:0", "claude-opus-4-7-v1:0"),
        ("us-gov.openai.gpt-oss-20b-1:0", "gpt-oss-20b-1:0"),
        ("anthropic/claude-3.7-sonnet", "claude-3-7-sonnet"),
        ("anthropic/claude-opus-4.7", "claude-opus-4-7"),
        ("publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("databricks-gemini-3-8-flash", "gemini-3.8-flash"),
        ("gemini-3-flash-preview", "gemini-3-flash-preview"),
        ("ft:gpt-4o-mini-2024-07-18:org::id", "gpt-4o-mini-2024-07-18:org::id"),
        ("GPT-5.1", "gpt-5.1"),
    ],
)
def test_a_model_has_one_name_wherever_it_is_served(model: str, plain: str) -> None:
    assert plain_name(model) == plain


# What comes with the package.


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("openai", "gpt-5-mini", {"thinking": "effort", "max_output": 128_000, "context_window": 400_000}),
        ("openai", "gpt-4o", {"thinking": "none", "max_output": 16_384, "context_window": 128_000}),
        ("openai", "gpt-5.2", {"thinks_by_default": False, "refused": ("top_k",)}),
        ("anthropic", "claude-opus-4-7", {"thinking": "adaptive", "refused": ("temperature", "top_p", "top_k")}),
        ("anthropic", "claude-sonnet-4-5", {"exclusive": ("temperature", "top_p"), "tool_name_length": 128}),
        ("bedrock", "us.anthropic.claude-opus-4-7-v1:0", {"tool_name_length": 64, "context_window": 1_000_000}),
        ("vertex", "claude-opus-4-7", {"context_window": 1_000_000, "thinking": "adaptive"}),
        ("gemini", "gemini-2.5-pro", {"context_window": 1_048_576, "thinking": "budget"}),
        ("azure", "gpt-4o", {"context_window": 128_000, "input": ("text", "image", "document")}),
        ("openrouter", "openai/o3-mini", {"input": ("text",), "tools": True}),
        ("vllm", "my-model", {"context_window": None, "refused": None, "input": None}),
    ],
)
def test_models_that_are_known(provider: str, model: str, expected: dict[str, object]) -> None:
    facts = msgspec.structs.asdict(profile_of(provider, model))
    assert {name: facts[name] for name in expected} == expected


def test_every_fact_has_a_source() -> None:
    table = model_profiles()._table
    entries = [(each.source, each.facts) for each in table.families]
    for provider in table.providers.values():
        entries += [(provider.source, provider.facts), *[(each.source, each.facts) for each in provider.versions]]
    assert len(entries) > 90
    assert all(source and facts != NO_FACTS for source, facts in entries)
    starts = [family.start for family in table.families]
    assert starts == sorted(set(starts), key=lambda start: (-len(start), start))


OPENAI = (
    "gpt-5",
    "gpt-5-mini",
    "gpt-4o",
    "gpt-3.5-turbo",
    "gpt-4.1",
    "ft:gpt-4o:o::x",
    "chatgpt-4o-latest",
    "o3",
    "gpt-6-sol",
)


@pytest.mark.parametrize(
    ("provider", "model", "version"),
    [("openai", model, "") for model in OPENAI]
    + [("anthropic", "claude-sonnet-4-5", version) for version in ("", "2023-06-01", "2026-10-21", "2027-01-01")],
)
def test_the_data_says_all_that_the_providers_say_of_their_models(provider: str, model: str, version: str) -> None:
    theirs = provider_named(provider).profile(model, version)
    found = refined(Profile(provider=provider), profile_of(provider, model, version))
    assert found.max_tokens_field == theirs.max_tokens_field
    assert found.has_developer_role == theirs.has_developer_role
    assert found.unsupported >= theirs.unsupported


def test_a_profile_that_agrees_stays_the_same_object() -> None:
    profile = Profile(provider="p", unsupported=frozenset(("top_k",)))
    assert refined(profile, NO_FACTS) is profile
    assert refined(profile, ModelFacts(refused=("top_k",), max_tokens_field="max_tokens", max_output=9999)) is profile


def test_a_profile_takes_what_is_known_of_the_model() -> None:
    facts = ModelFacts(thinking="none", refused=("seed",), developer_role=True, max_output=100)
    assert refined(Profile(provider="p", unsupported=frozenset(("top_k",))), facts) == Profile(
        provider="p",
        unsupported=frozenset(("top_k", "seed", "reasoning")),
        has_developer_role=True,
        default_max_tokens=100,
    )
