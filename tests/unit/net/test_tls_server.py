"""TLS towards clients: certificates by name, client certificates, reloads."""

import logging
import os
import ssl

import pytest

from entresol.api_floor.entities import Certificate
from entresol.core.errors import ConfigError
from entresol.core.secret import Secret
from entresol.net.tls_server import TlsContexts, TlsSettings
from unit.net.tls_authority import ca_pem, certificate, chain_pem, client_context, handshake, issued, key_pem


def default(*names: str) -> TlsSettings:
    leaf = issued(*names)
    return TlsSettings(certificate=chain_pem(leaf), key=key_pem(leaf))


def names_seen(contexts: TlsContexts, server_name: str) -> set[str]:
    """The names in the certificate that a client asking for `server_name` gets."""
    client = client_context()
    client.check_hostname = False
    ours, _ = handshake(contexts, server_name, client)
    shown = ours.getpeercert()
    assert shown is not None
    return {str(name[1]) for name in shown["subjectAltName"]}


def test_the_certificate_is_chosen_by_name() -> None:
    contexts = TlsContexts(
        default("default.test"),
        [
            certificate("a.test"),
            certificate("*.b.test"),
            certificate("c.*", names=("c.test", "c.example")),
            certificate("exact.b.test"),
        ],
    )
    assert names_seen(contexts, "a.test") == {"a.test"}
    assert names_seen(contexts, "A.TEST") == {"a.test"}
    assert names_seen(contexts, "x.b.test") == {"*.b.test"}
    assert names_seen(contexts, "exact.b.test") == {"exact.b.test"}
    assert names_seen(contexts, "c.example") == {"c.test", "c.example"}
    assert names_seen(contexts, "other.test") == {"default.test"}


@pytest.mark.parametrize("name", ["b.test", "x.y.b.test", "b.test.evil.test"])
def test_a_wildcard_stands_for_exactly_one_label(name: str) -> None:
    assert TlsContexts(TlsSettings(), [certificate("*.b.test")]).find(name) is None


def test_a_trailing_dot_and_case_do_not_matter() -> None:
    contexts = TlsContexts(TlsSettings(), [certificate("a.test")])
    assert contexts.find("A.test.") is contexts.find("a.test") is not None


def test_a_certificate_entity_for_the_star_is_the_default() -> None:
    contexts = TlsContexts(TlsSettings(), [certificate("*", names=("any.test",))])
    assert names_seen(contexts, "what.ever") == {"any.test"}


def test_an_unknown_name_without_a_default_fails_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    contexts = TlsContexts(TlsSettings(), [certificate("a.test")])
    with caplog.at_level(logging.WARNING), pytest.raises(ssl.SSLError):
        handshake(contexts, "b.test", client_context())
    assert "no certificate for 'b.test'" in caplog.text


def test_a_client_without_a_name_gets_the_default() -> None:
    client = client_context()
    client.check_hostname = False
    _, theirs = handshake(TlsContexts(default("default.test"), []), None, client)
    assert getattr(theirs, "server_name", "") is None


def test_http_11_is_agreed_on() -> None:
    ours, theirs = handshake(TlsContexts(default("a.test"), []), "a.test", client_context(alpn=["h2", "http/1.1"]))
    assert ours.selected_alpn_protocol() == theirs.selected_alpn_protocol() == "http/1.1"


def test_the_alpn_of_a_certificate_found_by_name_is_the_same() -> None:
    contexts = TlsContexts(TlsSettings(), [certificate("a.test")])
    ours, _ = handshake(contexts, "a.test", client_context(alpn=["http/1.1"]))
    assert ours.selected_alpn_protocol() == "http/1.1"


def test_nothing_older_than_tls_12_is_spoken() -> None:
    contexts = TlsContexts(default("a.test"), [certificate("b.test")])
    for context in (contexts.context, contexts.find("a.test"), contexts.find("b.test")):
        assert context is not None
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_the_minimum_version_can_be_raised() -> None:
    leaf = issued("a.test")
    settings = TlsSettings(certificate=chain_pem(leaf), key=key_pem(leaf), minimum_version="1.3")
    client = client_context()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        handshake(TlsContexts(settings, []), "a.test", client)
    assert handshake(TlsContexts(settings, []), "a.test", client_context())[0].version() == "TLSv1.3"


def client_checking(mode: str, **more: str) -> TlsSettings:
    leaf = issued("a.test")
    ca = more.get("client_ca", ca_pem("clients"))
    return TlsSettings(
        certificate=chain_pem(leaf),
        key=key_pem(leaf),
        client_certificates="required" if mode == "required" else "optional",
        client_ca=ca,
    )


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("mode", ["optional", "required"])
def test_a_valid_client_certificate_is_taken(mode: str, by_name: bool) -> None:
    contexts = TlsContexts(client_checking(mode), [certificate("b.test")])
    leaf = issued("client@users.test", by="clients")
    _, theirs = handshake(contexts, "b.test" if by_name else "a.test", client_context(leaf))
    assert theirs.getpeercert(binary_form=True) is not None


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("mode", ["optional", "required"])
def test_a_client_certificate_of_a_stranger_is_refused(mode: str, by_name: bool) -> None:
    contexts = TlsContexts(client_checking(mode), [certificate("b.test")])
    leaf = issued("client@users.test", by="strangers")
    with pytest.raises(ssl.SSLError):
        handshake(contexts, "b.test" if by_name else "a.test", client_context(leaf))


def test_only_the_required_mode_insists() -> None:
    _, theirs = handshake(TlsContexts(client_checking("optional"), []), "a.test", client_context())
    assert theirs.getpeercert(binary_form=True) is None
    with pytest.raises(ssl.SSLError):
        handshake(TlsContexts(client_checking("required"), []), "a.test", client_context())


def test_client_certificates_need_an_authority() -> None:
    with pytest.raises(ConfigError) as missing:
        TlsContexts(TlsSettings(client_certificates="required"), [])
    assert missing.value.code == "client_ca_missing"
    with pytest.raises(ConfigError) as broken:
        TlsContexts(client_checking("required", client_ca="no PEM"), [])
    assert broken.value.code == "client_ca_invalid"


def test_a_reload_swaps_certificates_for_later_handshakes() -> None:
    contexts = TlsContexts(TlsSettings(), [certificate("a.test"), certificate("b.test")])
    kept = contexts.find("b.test")
    contexts.replace([certificate("b.test"), certificate("c.test")])
    assert contexts.find("a.test") is None
    assert contexts.find("b.test") is kept, "an unchanged certificate loses its session tickets"
    assert names_seen(contexts, "c.test") == {"c.test"}


def test_a_bad_certificate_names_its_entity_and_leaves_the_old_ones() -> None:
    contexts = TlsContexts(TlsSettings(), [certificate("a.test")])
    mixed = Certificate(
        id="mixed-up", cert=chain_pem(issued("b.test")), key=Secret(key_pem(issued("c.test"))), snis=("b.test",)
    )
    with pytest.raises(ConfigError) as fault:
        contexts.replace([mixed])
    assert fault.value.code == "certificate_invalid"
    assert "mixed-up" in fault.value.message
    assert "PRIVATE KEY" not in str(fault.value)
    assert names_seen(contexts, "a.test") == {"a.test"}


def test_a_key_that_is_no_pem_is_refused_without_a_prompt() -> None:
    broken = Certificate(id="x", cert=chain_pem(issued("b.test")), key=Secret("nonsense"), snis=("b.test",))
    with pytest.raises(ConfigError, match="certificate x does not load"):
        TlsContexts(TlsSettings(), [broken])


def test_keys_never_stand_in_a_repr() -> None:
    assert "PRIVATE" not in repr(default("a.test"))


def test_no_file_stays_open_or_on_disk() -> None:
    TlsContexts(default("a.test"), [])
    before = len(os.listdir("/proc/self/fd"))
    TlsContexts(default("a.test"), [certificate("a.test"), certificate("b.test")])
    assert len(os.listdir("/proc/self/fd")) == before
