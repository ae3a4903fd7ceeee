"""Declarative files: Kong's `_format_version: "3.0"` in, a `Configuration` out, or everything that is wrong with it."""

import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Literal

import msgspec

from entresol.api_floor.compat import DEFAULT, Compat, entity_defaults, plugin_defaults
from entresol.api_floor.configuration import Configuration
from entresol.api_floor.entities import Entity, PluginInstance
from entresol.api_floor.plugin import PluginConfig
from entresol.api_floor.registry import PluginRegistry
from entresol.core.errors import ConfigError
from entresol.core.schema import NOT_YET, Violation, Violations, parse
from entresol.store.declarative_drafts import KINDS, NOT_YET_KINDS, Draft, Linker, flatten
from entresol.store.group_members import PAIRS, spread_members
from entresol.store.references import ReferenceResolver, without_quotes
from entresol.store.text_reading import UnreadableText, read_text

logger = logging.getLogger("entresol.store")

_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9.\-_~/%]*\Z")


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """decK's `_info`."""

    select_tags: tuple[str, ...] = ()
    defaults: dict[str, dict[str, Any]] = {}
    default_lookup_tags: dict[str, Any] = {}
    consumer_group_policy_overrides: bool = False
    skip_hash_for_basic_auth: bool = False
    include_plugin_definitions: bool = False


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says about itself."""

    format_version: Literal["1.1", "2.1", "3.0"] = msgspec.field(name="_format_version")
    transform: bool = msgspec.field(name="_transform", default=True)
    comment: str | None = msgspec.field(name="_comment", default=None)
    ignore: tuple[Any, ...] = msgspec.field(name="_ignore", default=())
    workspace: str | None = msgspec.field(name="_workspace", default=None)
    konnect: dict[str, Any] | None = msgspec.field(name="_konnect", default=None)
    plugin_configs: dict[str, dict[str, Any]] = msgspec.field(name="_plugin_configs", default_factory=dict)
    info: Info = msgspec.field(name="_info", default_factory=Info)


_OF_A_CLUSTER: Final = ("clustering_data_planes", "parameters", "workspaces")
"""What `kong config db_export` also writes: it says nothing about requests."""
_HEADER_FIELDS: Final = frozenset(field.encode_name for field in msgspec.structs.fields(Header))


def load(
    text: str | bytes,
    environment: Mapping[str, str],
    registry: PluginRegistry | None = None,
    compat: Compat = DEFAULT,
) -> Configuration | Violations:
    """Read a file. `environment` answers its references; `registry` defaults to the installed plugins.

    References without a value are warnings of the configuration (using such a value raises ConfigError
    `secret_unresolved`), except where the field is not confidential. Raises ConfigError `plugin_clash` only.
    """
    if isinstance(text, bytes):
        with suppress(UnicodeDecodeError):  # which `read_text` reports
            text = text.decode("utf-8-sig")
    try:
        data = read_text(without_quotes(text) if isinstance(text, str) else text)
    except UnreadableText as error:
        return [Violation("", str(error))]
    if not isinstance(data, dict):
        return [Violation("", "expected a record with '_format_version' and entities")]
    return _Loading(environment, registry or PluginRegistry.installed(), compat).load(data)


class _Loading:
    """One file on its way."""

    def __init__(self, environment: Mapping[str, str], registry: PluginRegistry, compat: Compat) -> None:
        self._references = ReferenceResolver(environment)
        self._registry = registry
        self._compat = compat
        self._violations: Violations = []
        self._warnings: Violations = []
        self._header: Header | None = None

    def load(self, raw: dict[Any, Any]) -> Configuration | Violations:
        data = self._references.resolve(raw)
        self._check_top_level(data)
        drafts = flatten(data, self._violations)
        spread_members(data, drafts, self._violations)
        for draft in drafts:
            self._fill(draft)
        Linker().link(drafts)
        entities: dict[str, list[Entity]] = {kind: [] for kind in KINDS}
        for draft in drafts:
            entity = self._entity(draft)
            if entity is not None:
                entities[draft.cls.kind].append(entity)
        found = [*self._references.violations, *self._violations]
        said = {violation.path for violation in self._references.violations}
        found += [violation for draft in drafts for violation in draft.violations if violation.path not in said]
        if found:
            return list(dict.fromkeys(found))
        _name_certificates(entities)
        warnings = (*self._references.warnings, *self._warnings)
        return Configuration(**{kind: tuple(own) for kind, own in entities.items()}, warnings=warnings)  # type: ignore[arg-type]

    def _check_top_level(self, data: dict[Any, Any]) -> None:
        header = parse(Header, {name: value for name, value in data.items() if name in _HEADER_FIELDS})
        if isinstance(header, Header):
            self._header = header
        else:
            self._violations += header
        for name in ("_workspace", "_konnect", *_OF_A_CLUSTER):
            if data.get(name):
                self._warnings.append(Violation(name, "has no meaning here and is ignored"))
        for name, value in data.items():
            if name in NOT_YET_KINDS:
                if value:
                    self._violations.append(Violation(name, f"{NOT_YET}; supported: {', '.join(KINDS)}"))
            elif name not in KINDS and name not in _HEADER_FIELDS and name not in (PAIRS, *_OF_A_CLUSTER):
                self._violations.append(Violation(str(name), "unknown field"))

    def _fill(self, draft: Draft) -> None:
        """What the file means without saying it for each entity: defaults, tags, shorthands."""
        raw = draft.raw
        header = self._header
        if header is not None:
            defaults = {
                **entity_defaults(self._compat, draft.cls.kind),
                **header.info.defaults.get(draft.cls.kind[:-1], {}),
            }
            for field, value in defaults.items():
                if raw.get(field) is None:
                    raw[field] = value
            if header.info.select_tags and isinstance(raw.get("tags", []), list):
                raw["tags"] = list(dict.fromkeys([*(raw.get("tags") or []), *header.info.select_tags]))
            if header.format_version != "3.0" and isinstance(raw.get("paths"), list):
                raw["paths"] = [_with_regex_mark(path) for path in raw["paths"]]
        expand: Callable[[dict[str, Any]], tuple[dict[str, Any], list[tuple[str, str]]]] | None
        expand = getattr(draft.cls, "expand", None)
        if expand is not None:
            draft.raw, problems = expand(raw)
            for field, message in problems:
                draft.refuse(field, message)
        if draft.cls is PluginInstance:
            self._fill_plugin(draft)

    def _fill_plugin(self, draft: Draft) -> None:
        snippet = draft.raw.pop("_config", None)
        if snippet is None or self._header is None:
            return
        shared = self._header.plugin_configs.get(snippet) if isinstance(snippet, str) else None
        if shared is None:
            draft.refuse("_config", "does not name one of '_plugin_configs'")
        elif isinstance(draft.raw.get("config") or {}, dict):
            draft.raw["config"] = _merged(shared, draft.raw.get("config") or {})

    def _entity(self, draft: Draft) -> Entity | None:
        entity = parse(draft.cls, draft.raw, draft.path)
        if isinstance(entity, list):
            said = {violation.path for violation in draft.violations}
            draft.violations += [violation for violation in entity if violation.path not in said]
            self._check_plugin(draft)
            return None
        if isinstance(entity, PluginInstance):
            config = self._check_plugin(draft)
            return None if config is None else msgspec.structs.replace(entity, config=config)
        return entity

    def _check_plugin(self, draft: Draft) -> msgspec.Struct | None:
        """A plugin's configuration, checked even when the entity around it has faults."""
        name = draft.text("name")
        if draft.cls is not PluginInstance or not name:
            return None
        try:
            plugin = self._registry.find(name)
        except ConfigError as error:
            draft.refuse("name", error.message)
            return None
        if plugin is None:
            shown = name if isinstance(draft.raw["name"], str) else "***"
            draft.refuse("name", f"plugin '{shown}' not enabled; add it to the 'plugins' configuration property")
            return None
        for scope in ("service", "route", "consumer", "consumer_group"):
            if draft.raw.get(scope) is not None and scope not in plugin.scopes:
                draft.refuse(scope, "value must be null")
        raw = draft.raw.get("config")
        if raw is None:
            raw = {}
        if isinstance(raw, dict):
            known = {field.encode_name for field in msgspec.structs.fields(plugin.config_type)}
            raw = {**{k: v for k, v in plugin_defaults(self._compat, name).items() if k in known}, **raw}
        config = _parse_config(name, plugin.config_type, raw, f"{draft.path}.config")
        if isinstance(config, list):
            draft.violations += config
            return None
        return config


def _parse_config(name: str, config_type: type[PluginConfig], raw: Any, path: str) -> PluginConfig | Violations:
    try:
        return parse(config_type, raw, path)
    except Exception as error:  # a plugin's own rules may raise anything
        logger.exception("the configuration of plugin %r cannot be checked", name)
        return [Violation(path, f"plugin '{name}' cannot check it: {type(error).__name__}")]


def _merged(shared: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Two configurations; of fields both have, records are merged likewise, and else `own` wins."""
    result = {**shared, **own}
    for name in shared.keys() & own.keys():
        if isinstance(shared[name], dict) and isinstance(own[name], dict):
            result[name] = _merged(shared[name], own[name])
    return result


def _with_regex_mark(path: Any) -> Any:
    """Before format 3.0 a path was a regular expression when it looked like one."""
    return path if not isinstance(path, str) or _PLAIN_PATH.match(path) else f"~{path}"


def _name_certificates(entities: dict[str, list[Entity]]) -> None:
    """`Certificate.snis` repeats what the SNI entities say."""
    names: dict[str, list[str]] = {}
    for sni in entities["snis"]:
        names.setdefault(sni.certificate, []).append(sni.name)  # type: ignore[attr-defined]
    entities["certificates"] = [
        msgspec.structs.replace(certificate, snis=tuple(names.get(certificate.id, ())))
        for certificate in entities["certificates"]
    ]
