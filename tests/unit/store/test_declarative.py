"""store.declarative"""

import logging
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta

from entresol.api_floor.configuration import Configuration
from entresol.api_floor.entities import Consumer, KeyAuthCredential, Route, Service
from entresol.api_floor.plugin import Plugin, PluginConfig
from entresol.api_floor.registry import PluginRegistry
from entresol.core.errors import ConfigError
from entresol.core.schema import Violation
from entresol.core.secret import Secret
from entresol.plugins.schemas.rate_limiting import RateLimitingConfig as RateLimitingOfKong
from entresol.store.declarative import load

GOLDEN = Path(__file__).parents[2] / "golden" / "declarative"
DOCS = Path(__file__).parents[3] / "docs"


class KeyAuthConfig(PluginConfig, frozen=True, kw_only=True):
    key_names: tuple[str, ...] = ("apikey",)
    hide_credentials: bool = True
    token: Secret | None = None


class KeyAuth(Plugin[KeyAuthConfig]):
    name = "key-auth"
    priority = 1250
    config_type = KeyAuthConfig
    scopes = frozenset(("service", "route"))


class RateLimitingConfig(PluginConfig, frozen=True, kw_only=True):
    minute: Annotated[int, Meta(ge=1, le=1000)] | None = None
    policy: Literal["local", "redis"] = "local"

    def violations(self) -> list[tuple[str, str]]:
        return [] if self.minute else [("@entity", "at least one of these fields must be non-empty: 'minute'")]


class RateLimiting(Plugin[RateLimitingConfig]):
    name = "rate-limiting"
    priority = 910
    config_type = RateLimitingConfig


class ClumsyConfig(PluginConfig, frozen=True, kw_only=True):
    def violations(self) -> list[tuple[str, str]]:
        raise ValueError("S3CRET")


class Clumsy(Plugin[ClumsyConfig]):
    name = "clumsy"
    priority = 1
    config_type = ClumsyConfig


def broken() -> object:
    raise ImportError


REGISTRY = PluginRegistry(
    {
        "key-auth": lambda: KeyAuth,
        "rate-limiting": lambda: RateLimiting,
        "clumsy": lambda: Clumsy,
        "broken": broken,
    }
)
ENVIRONMENT = {"OPENAI_API_KEY": "sk-1", "DECK_HOST": "deck.test", "DECK_PORT": "8443", "ALICE_KEY": "alice"}


def loaded(text: str, compat: Literal["3.15", "3.9"] = "3.15") -> Configuration:
    result = load(text, ENVIRONMENT, REGISTRY, compat)
    assert isinstance(result, Configuration), "\n".join(map(str, result))
    return result


def refused(text: str) -> list[str]:
    result = load(text, ENVIRONMENT, REGISTRY)
    assert isinstance(result, list)
    return [str(violation) for violation in result]


def file(body: str) -> str:
    return f'_format_version: "3.0"\n{body}'


NESTED = file("""
services:
- name: llm
  url: https://api.test/v1
  tags: [a]
  routes:
  - name: chat
    paths: [/chat]
    plugins:
    - name: key-auth
      config: {token: "Bearer {vault://env/openai-api-key}"}
consumers:
- username: alice
  keyauth_credentials: [{key: alice-key}]
""")
FLAT = file("""
plugins:
- name: key-auth
  route: chat
  config: {token: "Bearer {vault://env/openai-api-key}"}
keyauth_credentials:
- {key: alice-key, consumer: {username: alice}}
routes:
- {name: chat, paths: [/chat], service: {name: llm}}
consumers:
- username: alice
services:
- {name: llm, protocol: https, host: api.test, port: 443, path: /v1, tags: [a]}
""")


def test_nested_and_flat_files_are_one_configuration() -> None:
    assert loaded(NESTED) == loaded(FLAT)
    assert loaded(NESTED).version() == loaded(FLAT).version()


def test_a_file_becomes_typed_entities() -> None:
    configuration = loaded(NESTED)
    (service,), (route,), (plugin,) = configuration.services, configuration.routes, configuration.plugins
    assert isinstance(service, Service)
    assert isinstance(route, Route)
    assert (service.host, service.port, route.service, plugin.route) == ("api.test", 443, service.id, route.id)
    assert isinstance(plugin.config, KeyAuthConfig)
    assert plugin.config.token is not None
    assert plugin.config.token.reveal() == "Bearer sk-1"
    assert configuration.warnings == ()


def test_json_is_read_too() -> None:
    text = '{"_format_version": "3.0", "services": [{"name": "s", "url": "http://a.test"}]}'
    assert loaded(text).services[0].host == "a.test"


def test_nothing_of_a_key_or_a_reference_is_shown() -> None:
    shown = repr(loaded(NESTED))
    assert "alice-key" not in shown
    assert "sk-1" not in shown


@pytest.mark.parametrize("version", ["1.1", "2.1", "3.0"])
def test_older_format_versions_are_accepted(version: str) -> None:
    assert loaded(f'_format_version: "{version}"') == Configuration()


def test_before_format_3_a_path_could_be_a_regex_without_a_mark() -> None:
    text = 'services: [{name: s, host: h, routes: [{paths: ["/a/\\\\d+", /b]}]}]'
    assert loaded(f'_format_version: "2.1"\n{text}').routes[0].paths == (r"~/a/\d+", "/b")


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["expected a record with '_format_version' and entities"]),
        ("- a", ["expected a record with '_format_version' and entities"]),
        ("a: [", ["line 2, column 1: did not find expected node content"]),
        ("services: []", ["_format_version: required field missing"]),
        ("_format_version: 3.0", ["_format_version: expected a string"]),
        ('_format_version: "4.0"', ["_format_version: expected one of: 1.1, 2.1, 3.0"]),
        (file("_info: {selct_tags: []}"), ["_info.selct_tags: unknown field"]),
        (file("services: [{name: a, host: h, name: b}]"), ["line 2, column 31: duplicate key 'name'"]),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(text: str, messages: list[str]) -> None:
    assert refused(text) == messages


def test_every_error_is_told_at_once_with_its_path() -> None:
    """Regenerate with UPDATE_GOLDEN=1 and review the difference."""
    found = "\n".join(refused((GOLDEN / "everything_wrong.yaml").read_text(encoding="utf-8"))) + "\n"
    expected = GOLDEN / "everything_wrong.errors.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(found, encoding="utf-8")
    assert found == expected.read_text(encoding="utf-8")


def test_no_message_repeats_a_key() -> None:
    body = (
        "consumers: [{username: a, keyauth_credentials: [{key: S3CRET}, {key: S3CRET, ttl: x}, {key: S3CRET, zzz: 1}]}]"
    )
    assert "S3CRET" not in "\n".join(refused(file(body)))


def test_a_reference_without_a_value_is_a_warning_until_it_is_used() -> None:
    body = 'plugins: [{name: key-auth, config: {token: "{vault://env/gone}"}}]'
    configuration = loaded(file(body))
    assert configuration.warnings == (
        Violation("plugins[0].config.token", "no value for {vault://env/gone}: GONE is not set"),
    )
    config = configuration.plugins[0].config
    assert isinstance(config, KeyAuthConfig)
    assert config.token is not None
    with pytest.raises(ConfigError, match=r"no value for \{vault://env/gone\}"):
        config.token.reveal()


def test_a_reference_without_a_value_is_an_error_where_the_field_is_not_confidential() -> None:
    body = 'services: [{name: s, host: "{vault://env/gone}"}]'
    assert refused(file(body)) == ["services[0].host: no value for {vault://env/gone}"]


def test_a_key_may_be_a_reference() -> None:
    body = 'consumers: [{username: a, keyauth_credentials: [{key: "{vault://env/KEY}"}]}]'
    for key, is_known in (("alice-key", True), ("gone", False)):
        credential = loaded(file(body.replace("KEY", key))).keyauth_credentials[0]
        assert (credential.key_sha256 is not None) is is_known


def test_a_key_that_refers_to_an_empty_variable_is_an_error_as_an_empty_key_is() -> None:
    body = 'consumers: [{username: a, keyauth_credentials: [{key: "{vault://env/EMPTY}"}]}]'
    found = load(file(body), {"EMPTY": ""}, REGISTRY)
    assert isinstance(found, list)
    assert [str(violation) for violation in found] == [
        "consumers[0].keyauth_credentials[0].key: length must be at least 1: the variable it refers to is empty"
    ]


def test_decks_variables_fill_fields_of_any_type() -> None:
    body = "services: [{name: s, host: '${{ env \"DECK_HOST\" }}', port: '${{ env \"DECK_PORT\" }}'}]"
    service = loaded(file(body)).services[0]
    assert (service.host, service.port) == ("deck.test", 8443)


@pytest.mark.parametrize(
    "value",
    [
        '"${{ env "DECK_HOST" }}"',
        '${{ env "DECK_HOST" }}',
        '"${{ env \\"DECK_HOST\\" }}"',
        "'${{ env \"DECK_HOST\" }}'",
    ],
)
def test_quotes_around_the_name_of_a_variable_end_no_text(value: str) -> None:
    text = file(f"services:\n- name: s\n  host: {value}\n")
    assert loaded(text).services[0].host == "deck.test"
    assert isinstance(load(text.encode(), ENVIRONMENT, REGISTRY), Configuration)


def test_a_variable_of_deck_that_is_not_set_is_one_error() -> None:
    body = "services: [{name: s, host: '${{ env \"DECK_GONE\" }}'}]"
    assert refused(file(body)) == [
        "services[0].host: environment variable 'DECK_GONE' present in state file but not set"
    ]


def test_decks_defaults_and_tags_reach_every_entity() -> None:
    configuration = loaded(
        file("""
_info:
  select_tags: [team-a]
  defaults: {service: {retries: 1, read_timeout: 5}, route: {protocols: [http]}}
services:
- {name: s, host: h, retries: 3, tags: [own], routes: [{name: r, paths: [/]}]}
""")
    )
    service, route = configuration.services[0], configuration.routes[0]
    assert (service.retries, service.read_timeout, service.tags) == (3, 5, ("own", "team-a"))
    assert (route.protocols, route.tags) == (("http",), ("team-a",))


def test_plugins_may_share_a_configuration() -> None:
    shared = "_plugin_configs: {mine: {key_names: [a], hide_credentials: false}}\n"
    config = loaded(file(shared + "plugins: [{name: key-auth, _config: mine, config: {key_names: [b]}}]"))
    assert config.plugins[0].config == KeyAuthConfig(key_names=("b",), hide_credentials=False)
    assert refused(file("plugins: [{name: key-auth, _config: gone}]")) == [
        "plugins[0]._config: does not name one of '_plugin_configs'"
    ]


def test_records_of_a_shared_configuration_are_merged() -> None:
    shared = "_plugin_configs: {mine: {minute: 5, redis: {host: a, port: 1}}}\n"
    text = file(shared + "plugins: [{name: rate-limiting, _config: mine, config: {redis: {host: b}}}]")
    found = load(text, {})
    assert isinstance(found, Configuration)
    assert isinstance(found.plugins[0].config, RateLimitingOfKong)
    assert (found.plugins[0].config.redis.host, found.plugins[0].config.redis.port) == ("b", 1)


def test_defaults_of_kong_3_9_are_there_for_who_asks() -> None:
    body = "services: [{name: s, host: h, routes: [{name: r, paths: [/]}]}]\nplugins: [{name: key-auth}]"
    new, old = loaded(file(body)), loaded(file(body), compat="3.9")
    assert (new.routes[0].protocols, old.routes[0].protocols) == (("https",), ("http", "https"))
    assert (new.plugins[0].config, old.plugins[0].config) == (KeyAuthConfig(), KeyAuthConfig(hide_credentials=False))


def test_a_plugin_that_cannot_be_imported_matters_only_to_files_that_use_it() -> None:
    assert refused(file("plugins: [{name: broken}]")) == [
        "plugins[0].name: plugin 'broken' cannot be imported: ImportError"
    ]


def test_cross_field_rules_of_plugins_are_told_at_the_configuration() -> None:
    assert refused(file("plugins: [{name: rate-limiting}]")) == [
        "plugins[0].config: at least one of these fields must be non-empty: 'minute'"
    ]


def test_a_plugin_whose_rules_fail_is_an_error_of_the_file(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL):
        messages = refused(file("plugins: [{name: clumsy}]"))
    assert messages == ["plugins[0].config: plugin 'clumsy' cannot check it: ValueError"]


def test_the_examples_of_the_reference_page_are_true() -> None:
    page = (DOCS / "reference" / "declarative-file.md").read_text(encoding="utf-8")
    first, nested, flat = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert loaded(first).routes[0].protocols == ("http", "https")
    assert loaded(file(nested)) == loaded(file(flat))
    messages = re.findall(r"^services\[0\].*|^routes\[0\].*|^consumers\[0\].*", page, re.MULTILINE)
    golden = (GOLDEN / "everything_wrong.errors.txt").read_text(encoding="utf-8").splitlines()
    assert len(messages) == 5
    assert [message for message in messages if message not in golden] == []


def test_one_plugin_may_stand_once_in_each_scope() -> None:
    body = """
services: [{name: s, host: h, plugins: [{name: rate-limiting, config: {minute: 1}}]}]
plugins:
- {name: rate-limiting, config: {minute: 1}}
- {name: rate-limiting, service: s, config: {minute: 2}}
"""
    assert refused(file(body)) == [
        "plugins[1]: UNIQUE violation detected on '{name=\"rate-limiting\"} in the same scope'; "
        "first at services[0].plugins[0]"
    ]


def test_certificates_know_their_server_names() -> None:
    pem = "-----BEGIN CERTIFICATE-----"
    body = f"""
certificates: [{{id: 4d924084-1adb-40a5-c042-63b19db421d1, cert: {pem}, key: k, snis: [a.test]}}]
snis: [{{name: b.test, certificate: 4d924084-1adb-40a5-c042-63b19db421d1}}]
"""
    configuration = loaded(file(body))
    assert configuration.certificates[0].snis == ("a.test", "b.test")
    assert [sni.name for sni in configuration.snis] == ["a.test", "b.test"]


def test_groups_scope_plugins() -> None:
    body = """
consumer_groups: [{name: gold, plugins: [{name: rate-limiting, config: {minute: 1}}]}]
consumers: [{username: alice, groups: [{name: gold}]}]
"""
    configuration = loaded(file(body))
    group = configuration.consumer_groups[0].id
    assert configuration.consumers[0].groups == (group,)
    assert configuration.plugins[0].consumer_group == group


def test_words_of_other_tools_are_ignored_with_a_warning() -> None:
    warnings = loaded(file("_workspace: default\n_konnect: {control_plane_name: x}")).warnings
    assert [warning.path for warning in warnings] == ["_workspace", "_konnect"]


def test_what_an_export_says_of_its_cluster_is_ignored_with_a_warning() -> None:
    warnings = loaded(file("parameters: [{key: cluster_id, value: x}]")).warnings
    assert [warning.path for warning in warnings] == ["parameters"]


def test_a_large_file_loads() -> None:
    lines = [f"- {{username: u{index}, keyauth_credentials: [{{key: key-{index}}}]}}" for index in range(2000)]
    configuration = loaded(file("consumers:\n" + "\n".join(lines)))
    assert len(configuration.consumers) == len({one.key_sha256 for one in configuration.keyauth_credentials}) == 2000
    assert isinstance(configuration.consumers[0], Consumer)
    assert isinstance(configuration.keyauth_credentials[0], KeyAuthCredential)


WORDS = st.sampled_from(
    (
        *(
            "services",
            "routes",
            "consumers",
            "plugins",
            "keyauth_credentials",
            "certificates",
            "snis",
            "consumer_groups",
        ),
        *("name", "id", "url", "host", "paths", "key", "ttl", "config", "service", "route", "consumer", "groups"),
        *("tags", "username", "headers", "protocols", "_config", "_info", "_plugin_configs", "_format_version"),
    )
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON_LIKE = st.recursive(
    SCALARS | st.sampled_from(["a", "/a", "~(", "{vault://", "{vault://env/x}", "key-auth", "http://a.test"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=300)
@given(st.dictionaries(WORDS, JSON_LIKE, max_size=6))
def test_any_data_is_loaded_or_refused(data: dict[str, Any]) -> None:
    result = load(yaml.safe_dump({"_format_version": "3.0", **data}), ENVIRONMENT, REGISTRY)
    assert isinstance(result, Configuration) or result
