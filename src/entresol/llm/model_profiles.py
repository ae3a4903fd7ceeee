"""What is known of single models, as data: sizes, modalities, tools, thinking, and what they refuse.

`data/models.json` is built by `scripts/build_models.py`: facts that are curated with their sources, by provider and by
the start of a model's name, and context windows from genai-prices. What is not known is None, and then nothing is
adapted or refused. An operator's facts about a model (`ModelFacts` in the configuration) win over all of it.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from entresol.llm.price_table import PriceTable, price_table
from entresol.llm.profile import Profile

Modality = Literal["text", "image", "audio", "video", "document"]
Tokens = Annotated[int, Meta(gt=0)]
Thinking = Literal["none", "budget", "effort", "adaptive"]
Field = Literal[
    "frequency_penalty", "logit_bias", "logprobs", "max_tokens", "metadata", "modalities", "n", "parallel_tool_calls",
    "presence_penalty", "reasoning", "response_format", "seed", "service_tier", "stop", "temperature", "tool_choice",
    "top_k", "top_logprobs", "top_p", "user",
]  # fmt: skip
"""Canonical request fields that a model can refuse without losing its prompt."""

_MOST: Final = 1000
_MAKER: Final = re.compile(r"^(?:[a-z-]{2,9}\.)?(?:ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen)\.")
"""Amazon's names: `us.anthropic.claude-…`, `us-gov.openai.…`."""
_DASHED: Final = re.compile(r"^gemini-(\d)-(\d)")
"""Databricks' names have no dots."""


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Facts about one model. None: not known, so nothing is changed because of it."""

    context_window: Annotated[Tokens, Meta(description="Tokens of prompt and answer together.")] | None = None
    max_output: Annotated[Tokens, Meta(description="Tokens of the longest answer.")] | None = None
    input: Annotated[tuple[Modality, ...], Meta(description="What a prompt may hold.")] | None = None
    output: Annotated[tuple[Modality, ...], Meta(description="What an answer may hold.")] | None = None
    tools: Annotated[bool, Meta(description="Whether it calls functions.")] | None = None
    thinking: Annotated[Thinking, Meta(description="How much it thinks can be said how, if it thinks.")] | None = None
    thinks_by_default: Annotated[bool, Meta(description="Whether it thinks when the request does not say.")] | None = (
        None
    )
    refused: Annotated[tuple[Field, ...], Meta(description="Request fields that it answers with an error.")] | None = (
        None
    )
    refused_thinking: (
        Annotated[tuple[Field, ...], Meta(description="The same, unless it is told not to think.")] | None
    ) = None
    exclusive: (
        Annotated[tuple[Field, ...], Meta(description="Request fields of which it takes one; the first wins.")] | None
    ) = None
    max_tokens_field: (
        Annotated[Literal["max_tokens", "max_completion_tokens"], Meta(description="What the limit is called.")] | None
    ) = None
    developer_role: Annotated[bool, Meta(description="Whether it knows messages of the role `developer`.")] | None = (
        None
    )
    tool_name_length: Annotated[Tokens, Meta(description="Characters of the longest tool name.")] | None = None

    def with_facts(self, others: "ModelFacts") -> "ModelFacts":
        """These facts, and another's where it has any."""
        changes = {name: value for name, value in msgspec.structs.asdict(others).items() if value is not None}
        return msgspec.structs.replace(self, **changes) if changes else self

    def refusing_too(self, others: "ModelFacts") -> "ModelFacts":
        """Like `with_facts`, but what either refuses stays refused."""
        merged = self.with_facts(others)
        if not self.refused or not others.refused:
            return merged
        return msgspec.structs.replace(merged, refused=tuple(dict.fromkeys((*self.refused, *others.refused))))


NO_FACTS: Final = ModelFacts()


class VersionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What changes from a version of a provider's API on. Versions are dates."""

    start: str = msgspec.field(name="from")
    source: str
    facts: ModelFacts


class ProviderFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for all models at a provider."""

    source: str
    facts: ModelFacts
    versions: tuple[VersionFacts, ...] = ()


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """Models whose names start alike, wherever they are served."""

    start: str
    source: str
    facts: ModelFacts


class ModelTable(msgspec.Struct, frozen=True, kw_only=True):
    """The data file."""

    format: int
    sources: tuple[str, ...]
    providers: dict[str, ProviderFacts]
    families: tuple[Family, ...]
    """The longest starts first."""
    windows: dict[str, msgspec.Raw]
    """Provider to model id to context window, by the ids of the price table. Decoded when needed."""


class ModelProfiles:
    """Looks facts up; what was looked up is remembered."""

    def __init__(self, table: ModelTable, prices: PriceTable) -> None:
        self._table = table
        self._prices = prices
        self._known: dict[tuple[str, str, str], ModelFacts] = {}
        self._windows: dict[str, Mapping[str, int]] = {}

    def of(self, provider: str, model: str, version: str = "") -> ModelFacts:
        """All that is known of a model at a provider, in a version of its API (empty: the default one)."""
        key = (provider, model, version)
        facts = self._known.get(key)
        if facts is None:
            if len(self._known) >= _MOST:  # names come from clients where no model is configured
                self._known.clear()
            facts = self._known[key] = self._look_up(provider, model, version)
        return facts

    def _look_up(self, provider: str, model: str, version: str) -> ModelFacts:
        facts = ModelFacts(context_window=self._window(provider, model))
        known = self._table.providers.get(provider)
        if known is not None:
            facts = facts.with_facts(known.facts)
            for each in known.versions:
                if version[:2] == "20" and version >= each.start:
                    facts = facts.refusing_too(each.facts)
        name = plain_name(model)
        family = next((family for family in self._table.families if name.startswith(family.start)), None)
        return facts if family is None else facts.refusing_too(family.facts)

    def _window(self, provider: str, model: str) -> int | None:
        found = self._prices.find(provider, model)
        if found is None:
            return None
        owner, known = found
        windows = self._windows.get(owner)
        if windows is None:
            raw = self._table.windows.get(owner)
            windows = {} if raw is None else msgspec.json.decode(raw, type=dict[str, int])
            self._windows[owner] = windows
        return windows.get(known.id)


def profile_of(provider: str, model: str, version: str = "") -> ModelFacts:
    """What the package knows of a model at a provider."""
    return model_profiles().of(provider, model, version)


@cache
def model_profiles() -> ModelProfiles:
    """The facts that come with the package, read once."""
    data = files("entresol.llm").joinpath("data/models.json").read_bytes()
    return ModelProfiles(msgspec.json.decode(data, type=ModelTable), price_table())


def plain_name(model: str) -> str:
    """A model's name without its maker and cloud: `claude-opus-4-7` of `us.anthropic.claude-opus-4-7-v1:0`."""
    name = model.lower().rpartition("/")[2].removeprefix("ft:").removeprefix("databricks-")
    name = _MAKER.sub("", name)
    return name.replace(".", "-") if name.startswith("claude") else _DASHED.sub(r"gemini-\1.\2", name)


def refined(profile: Profile, facts: ModelFacts) -> Profile:
    """A provider's profile, with what is known of the model."""
    refused = set(facts.refused or ())
    if facts.thinking == "none":
        refused.add("reasoning")
    changes: dict[str, object] = {}
    if not refused <= profile.unsupported:
        changes["unsupported"] = profile.unsupported | refused
    if facts.max_tokens_field is not None and facts.max_tokens_field != profile.max_tokens_field:
        changes["max_tokens_field"] = facts.max_tokens_field
    if facts.developer_role is not None and facts.developer_role != profile.has_developer_role:
        changes["has_developer_role"] = facts.developer_role
    if facts.max_output is not None and facts.max_output < profile.default_max_tokens:
        changes["default_max_tokens"] = facts.max_output
    return msgspec.structs.replace(profile, **changes) if changes else profile
