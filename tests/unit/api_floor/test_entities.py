"""api_floor.entities"""

from pathlib import Path
from typing import Any

import pytest

from entresol.api_floor.entities import (
    ENTITIES,
    Certificate,
    Consumer,
    Entity,
    KeyAuthCredential,
    PluginInstance,
    Route,
    Service,
    Sni,
)
from entresol.core.json_schema import field_table, schema_of
from entresol.core.schema import Violation, parse
from entresol.core.secret import Secret

ONLY_TAGS = "invalid tag 'a,b': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"
ID = "4d924084-1adb-40a5-c042-63b19db421d1"
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "entities.md"

NO_MATCHER = "must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'"
NOT_YET = "is not supported yet; expected one of: http, https"
LOOK_AROUND = (
    "invalid regex: '(?!a)' (invalid perl operator: (?!; patterns are RE2: no look-around, no back-references)"
)
REDIRECTS = "expected one of: 301, 302, 307, 308, 426"
SNIS = "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'"
PROTOCOLS = "expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp, ws, wss"

FAULTS: list[tuple[type[Entity], dict[str, Any], str, str]] = [
    (Service, {"host": "h", "id": "1"}, "id", "expected a valid UUID"),
    (Service, {}, "host", "required field missing"),
    (Service, {"host": "h", "protocol": "grpc"}, "protocol", f"grpc {NOT_YET}"),
    (Service, {"host": "h", "tls_verify": True}, "tls_verify", "value must be null"),
    (Service, {"host": "h", "path": "v1"}, "path", "should start with: /"),
    (Service, {"host": "h", "read_timeout": 0}, "read_timeout", "value should be between 1 and 2147483646"),
    (Service, {"host": "h", "retries": 32768}, "retries", "value should be between 0 and 32767"),
    (Service, {"host": "h", "client_certificate": {"id": ID}}, "client_certificate", "not supported yet"),
    (Service, {"host": "h", "tags": ["a,b"]}, "tags[0]", ONLY_TAGS),
    (Route, {"paths": ["/"], "sources": [{"ip": "::1"}]}, "sources", "not supported yet"),
    (Route, {"paths": ["/"], "expression": 'http.path == "/"'}, "expression", "not supported yet"),
    (Route, {}, "", "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"),
    (Route, {"paths": [], "protocols": ["http"]}, "", NO_MATCHER),
    (Route, {"methods": ["get"]}, "methods[0]", "invalid value: get"),
    (Route, {"paths": ["/"], "protocols": ["tcp"]}, "protocols[0]", f"tcp {NOT_YET}"),
    (Route, {"paths": ["/"], "protocols": []}, "protocols", "length must be at least 1"),
    (Route, {"headers": {"x": []}}, "headers.x", "length must be at least 1"),
    (Route, {"headers": {"x": ["~*(?!a)"]}}, "headers.x", LOOK_AROUND),
    (Route, {"headers": {"x": "a"}}, "headers.x", "expected an array"),
    (Route, {"hosts": "a"}, "hosts", "expected an array"),
    (Route, {"methods": "GET"}, "methods", "expected a set"),
    (Route, {"protocols": "http"}, "protocols", "expected a set"),
    (Route, {"snis": "a"}, "snis", "expected a set"),
    (Route, {"tags": "a"}, "tags", "expected a set"),
    (Route, {"paths": ["/"], "https_redirect_status_code": 303}, "https_redirect_status_code", REDIRECTS),
    (Route, {"snis": ["a.test"], "protocols": ["http"]}, "snis", SNIS),
    (Consumer, {}, "", "at least one of these fields must be non-empty: 'custom_id', 'username'"),
    (Consumer, {"username": ""}, "username", "length must be at least 1"),
    (KeyAuthCredential, {"consumer": ID, "key_sha256": "AB"}, "key_sha256", "expected 64 lower-case hex digits"),
    (Certificate, {"cert": "x", "key": "k"}, "cert", "invalid certificate: expected PEM"),
    (Sni, {"name": "192.0.2.1", "certificate": ID}, "name", "must not be an IP"),
    (PluginInstance, {"name": "x", "protocols": ["ftp"]}, "protocols[0]", PROTOCOLS),
    (PluginInstance, {"name": "x", "ordering": {}}, "ordering", "not supported yet"),
]  # fmt: skip


@pytest.mark.parametrize(("cls", "raw", "path", "message"), FAULTS)
def test_a_fault_is_told_in_kongs_words(cls: type[Entity], raw: dict[str, Any], path: str, message: str) -> None:
    assert parse(cls, {"id": ID, **raw}) == [Violation(path, message)]


def test_defaults_are_those_of_kong_3_15() -> None:
    route = parse(Route, {"id": ID, "paths": ["/"]})
    assert isinstance(route, Route)
    assert route.protocols == ("https",)
    assert (route.strip_path, route.preserve_host, route.path_handling, route.regex_priority) == (True, False, "v0", 0)
    assert (route.https_redirect_status_code, route.request_buffering, route.response_buffering) == (426, True, True)
    service = parse(Service, {"id": ID, "host": "h"})
    assert isinstance(service, Service)
    assert (service.protocol, service.port, service.retries, service.enabled) == ("http", 80, 5, True)
    assert {service.connect_timeout, service.read_timeout, service.write_timeout} == {60000}


def test_the_shorthand_url_stands_for_four_fields() -> None:
    expanded, problems = Service.expand({"id": ID, "url": "https://api.test/v1"})
    assert problems == []
    assert parse(Service, expanded) == Service(id=ID, protocol="https", host="api.test", port=443, path="/v1")


def test_a_key_is_kept_only_as_its_digest() -> None:
    expanded, problems = KeyAuthCredential.expand({"id": ID, "consumer": ID, "key": "abc"})
    assert problems == []
    assert "abc" not in repr(expanded)
    credential = parse(KeyAuthCredential, expanded)
    assert isinstance(credential, KeyAuthCredential)
    assert credential.key_sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_private_key_is_not_shown() -> None:
    certificate = parse(Certificate, {"id": ID, "cert": "-----BEGIN CERTIFICATE-----", "key": "S3CRET"})
    assert isinstance(certificate, Certificate)
    assert certificate.key == Secret("S3CRET")
    assert "S3CRET" not in repr(certificate)


def test_every_kind_comes_after_the_kinds_it_refers_to() -> None:
    seen: set[str] = set()
    for cls in ENTITIES:
        properties = schema_of(cls)["$defs"][cls.__name__]["properties"].values()
        options = [option for prop in properties for option in (prop, *prop.get("anyOf", ()))]
        assert {option["x-foreign"] for option in options if "x-foreign" in option} <= seen
        seen.add(cls.kind)


def test_every_field_says_what_it_is_for() -> None:
    rows = [row for cls in ENTITIES for row in field_table(cls).splitlines()[2:]]
    assert [row for row in rows if row.endswith("|  |")] == []


def test_the_reference_page_has_every_entity_as_declared() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for cls in ENTITIES:
        assert f"## {cls.kind}\n\n{cls.__doc__}\n\n{field_table(cls)}" in page, (
            f"{cls.kind} is out of date:\n{field_table(cls)}"
        )


def test_what_a_set_repeats_counts_once_in_the_order_it_came() -> None:
    route = parse(Route, {"id": ID, "paths": ["/b", "/b"], "methods": ["PUT", "GET", "PUT"], "tags": ["b", "a", "b"]})
    assert isinstance(route, Route)
    assert (route.methods, route.tags, route.paths) == (("PUT", "GET"), ("b", "a"), ("/b", "/b"))
