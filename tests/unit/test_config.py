import re
from pathlib import Path

import msgspec
import pytest

from entresol.config import Listen, Settings, load_settings


def loaded(text: str | None = None, environment: dict[str, str] | None = None, **flags: object) -> Settings:
    settings = load_settings(text, environment or {}, {name.replace("__", "."): value for name, value in flags.items()})
    assert isinstance(settings, Settings), settings
    return settings


def refused(text: str | None = None, environment: dict[str, str] | None = None, **flags: object) -> list[str]:
    found = load_settings(text, environment or {}, {name.replace("__", "."): value for name, value in flags.items()})
    assert isinstance(found, list)
    return [str(violation) for violation in found]


def test_the_defaults_listen_on_loopback_only() -> None:
    settings = loaded()
    assert [str(listen) for listen in (*settings.proxy_listens, *settings.status_listens)] == [
        "127.0.0.1:8000",
        "127.0.0.1:8100",
    ]
    assert settings.worker_count == 1


def test_later_sources_win() -> None:
    text = "workers: {count: 2, drain_s: 5}\nlog: {level: debug}\nheaders: {brand: Kong}\n"
    environment = {"ENTRESOL_WORKERS__COUNT": "3", "ENTRESOL_LOG__LEVEL": "error"}
    settings = loaded(text, environment, workers__count=4)
    assert (settings.worker_count, settings.workers.drain_s) == (4, 5.0)
    assert (settings.log.level, settings.headers.brand) == ("error", "Kong")


def test_variables_become_the_kind_of_value_their_field_wants() -> None:
    settings = loaded(
        environment={
            "ENTRESOL_PROXY__LISTEN": "127.0.0.1:8000, 0.0.0.0:8443 ssl proxy_protocol",
            "ENTRESOL_PROXY__TRUSTED_IPS": "10.0.0.0/8,::1",
            "ENTRESOL_STATUS__LISTEN": "",
            "ENTRESOL_STATUS__KONG_METRIC_NAMES": "False",
            "ENTRESOL_WORKERS__COUNT": "auto",
            "ENTRESOL_LIMITS__MAX_BODY": "1024",
            "ENTRESOL_LIMITS__KEEP_ALIVE_S": "7.5",
            "ENTRESOL_CONFIGURATION__COMPAT": "3.9",
        }
    )
    assert settings.proxy_listens[1] == Listen("0.0.0.0", 8443, ssl=True, proxy_protocol=True)
    assert settings.proxy.trusted_ips == ("10.0.0.0/8", "::1")
    assert settings.status.listen == ()
    assert not settings.status.kong_metric_names
    assert settings.worker_count >= 1
    assert (settings.limits.max_body, settings.limits.keep_alive_s) == (1024, 7.5)
    assert settings.configuration.compat == "3.9"


def test_variables_without_a_section_are_other_peoples() -> None:
    assert loaded(environment={"ENTRESOL_CONFIG": "kong.yaml", "OTHER__NAME": "1"}) == Settings()


def test_everything_that_is_wrong_is_said_at_once_with_its_place() -> None:
    text = "proxy: {listen: [nowhere, '127.0.0.1:1 http3'], ports: 3}\nworkers: 4\nnetwork: {}\n"
    environment = {"ENTRESOL_LOG__LEVEL": "loud", "ENTRESOL_WORKERS__COLOUR": "red", "ENTRESOL_LIMITS__MAX_BODY": "big"}
    assert sorted(refused(text, environment)) == [
        "limits.max_body (ENTRESOL_LIMITS__MAX_BODY): expected an integer",
        "log.level (ENTRESOL_LOG__LEVEL): expected one of: debug, error, info, warning",
        "network: unknown field",
        "proxy.listen[0]: expected ADDRESS:PORT or unix:PATH",
        "proxy.listen[1]: unknown word 'http3'; known: ssl, proxy_protocol",
        "proxy.ports: unknown field",
        "workers: expected a record",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("proxy: {listen: []}", "proxy.listen: length must be at least 1"),
        ("limits: {max_head: -1}", "limits.max_head: value must be at least 0"),
        ("workers: {count: 0}", "workers.count: expected a number from 1 to 1024, or auto"),
        ("workers: {count: some}", "workers.count: expected a number from 1 to 1024, or auto"),
        ("workers: {drain_s: -1}", "workers.drain_s: value must be at least 0"),
        ("proxy: {client_certificates: required}", "proxy.client_ca: required when client certificates are verified"),
        (
            "proxy: {certificate: a.pem}",
            "proxy.certificate_key: required, as the other of certificate and certificate_key is set",
        ),
        (
            "proxy: {listen: ['127.0.0.1:1 proxy_protocol']}",
            "proxy.trusted_ips: required, as a listener takes the PROXY protocol",
        ),
        ("proxy: {trusted_ips: [10.0.0.0/33]}", "proxy.trusted_ips[0]: expected an IP address or network"),
        ("- a list", "expected a record"),
        ("a: [", "line 2"),
    ],
)
def test_a_bad_setting_is_refused(text: str, expected: str) -> None:
    assert any(expected in message for message in refused(text)), refused(text)


def test_an_empty_file_changes_nothing() -> None:
    assert loaded("") == loaded("proxy:\n") == Settings()


@pytest.mark.parametrize(
    ("text", "listen", "shown"),
    [
        ("127.0.0.1:0", Listen("127.0.0.1", 0), "127.0.0.1:0"),
        ("localhost:80 ssl", Listen("localhost", 80, ssl=True), "localhost:80"),
        ("[::1]:8443 ssl", Listen("::1", 8443, ssl=True), "[::1]:8443"),
        ("unix:/run/e.sock proxy_protocol", Listen(path="/run/e.sock", proxy_protocol=True), "unix:/run/e.sock"),
    ],
)
def test_listening_addresses_are_written_as_in_kong(text: str, listen: Listen, shown: str) -> None:
    assert Listen.parse(text) == listen
    assert str(listen) == shown


@pytest.mark.parametrize(
    "text", ["", "8000", "127.0.0.1", ":80", "example.com:80", "127.0.0.1:65536", "unix:", "::1:80"]
)
def test_what_is_no_listening_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|not an IP"):
        Listen.parse(text)


def test_every_setting_is_documented_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    rows = dict.fromkeys(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    documented = {section: part for section, _, part in (part.partition("\n") for part in page.split("\n## ")[1:])}
    for section in msgspec.structs.fields(Settings):
        for field in msgspec.structs.fields(section.type):
            assert f"| `{field.name}` |" in documented[section.name], (section.name, field.name)
            rows.pop(field.name, None)
    assert not rows
