"""store.declarative_dump"""

import json
from typing import Annotated, Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from entresol.api_floor.configuration import Configuration
from entresol.api_floor.plugin import Plugin, PluginConfig
from entresol.api_floor.registry import PluginRegistry
from entresol.core.secret import Secret
from entresol.store.declarative import load
from entresol.store.declarative_dump import dump


class Part(Struct, frozen=True):
    size: int = 1


class SampleConfig(PluginConfig, frozen=True, kw_only=True):
    token: Secret | None = None
    names: tuple[str, ...] = ("a",)
    limit: Annotated[int, Meta(ge=0)] = 5
    parts: tuple[Part, ...] = ()
    tokens: dict[str, Secret] = {}


class Sample(Plugin[SampleConfig]):
    name = "sample"
    priority = 1
    config_type = SampleConfig


REGISTRY = PluginRegistry.of(Sample)
ENVIRONMENT = {"KEY": "S3CRET"}


def loaded(text: str) -> Configuration:
    result = load(text, ENVIRONMENT, REGISTRY)
    assert isinstance(result, Configuration), "\n".join(map(str, result))
    return result


FILE = """
_format_version: "3.0"
services:
- name: s
  url: https://a.test/v1
  routes:
  - {name: r, paths: [/a, "~/b"], headers: {x: [y]}, hosts: ["*.a.test"], created_at: 5}
  plugins:
  - {name: sample, config: {token: "Bearer {vault://env/key}", parts: [{size: 2}], tokens: {a: "{vault://env/gone}"}}}
consumer_groups: [{name: gold}]
consumers:
- username: alice
  groups: [gold]
  keyauth_credentials: [{key: k, expires_at: 99}]
certificates:
- {cert: "-----BEGIN CERTIFICATE-----", key: "{vault://env/key}", snis: [a.test]}
plugins:
- {name: sample, instance_name: all, enabled: false, tags: [t]}
"""


def test_what_was_dumped_loads_to_the_same_configuration() -> None:
    configuration = loaded(FILE)
    again = loaded(dump(configuration))
    assert {kind: again.of(kind) for kind in ("services", "plugins", "snis")} == {
        kind: configuration.of(kind) for kind in ("services", "plugins", "snis")
    }
    assert again.version() == configuration.version()
    assert dump(again) == dump(configuration)


def test_values_behind_references_are_not_dumped() -> None:
    text = dump(loaded(FILE))
    assert "S3CRET" not in text
    assert json.loads(text)["plugins"][0]["config"]["token"] == "Bearer {vault://env/key}"


def test_a_reference_is_dumped_as_deck_writes_it() -> None:
    text = '_format_version: "3.0"\nplugins:\n- {name: sample, config: {token: "a-${{ env \\"DECK_T\\" | toString }}"}}'
    configuration = load(text, {"DECK_T": "S3CRET"}, REGISTRY)
    assert isinstance(configuration, Configuration)
    assert json.loads(dump(configuration))["plugins"][0]["config"]["token"] == 'a-${{ env "DECK_T" | toString }}'


def test_a_key_whose_reference_had_no_value_is_left_out() -> None:
    text = '_format_version: "3.0"\nconsumers: [{username: a, keyauth_credentials: [{key: "{vault://env/gone}"}]}]'
    assert "keyauth_credentials" not in json.loads(dump(loaded(text)))


NAMES = st.text(alphabet="abc-_.~", min_size=1, max_size=6)
ROUTE = st.fixed_dictionaries(
    {"paths": st.lists(st.sampled_from(["/", "/a", "~/a+"]), min_size=1, max_size=2)},
    optional={
        "methods": st.just(["GET"]),
        "strip_path": st.booleans(),
        "tags": st.lists(NAMES, max_size=2),
        "regex_priority": st.integers(-5, 5),
        "plugins": st.just([{"name": "sample", "config": {"limit": 7}}]),
    },
)
SERVICE = st.fixed_dictionaries(
    {"host": st.sampled_from(["a.test", "::1"]), "protocol": st.just("https")},
    optional={"port": st.integers(0, 65535), "routes": st.lists(ROUTE, max_size=2), "tls_verify": st.booleans()},
)


@given(st.dictionaries(NAMES, SERVICE, max_size=3))
def test_any_configuration_survives(services: dict[str, dict[str, Any]]) -> None:
    data = {"_format_version": "3.0", "services": [{"name": name, **fields} for name, fields in services.items()]}
    configuration = loaded(yaml.safe_dump(data))
    assert loaded(dump(configuration)) == configuration
