"""What a handshake tells plugins."""

import ssl

import pytest

from entresol.net.tls_info import read_tls_info
from entresol.net.tls_server import TlsContexts, TlsSettings
from unit.net.tls_authority import authority, ca_pem, chain_pem, client_context, handshake, issued, key_pem


def contexts() -> TlsContexts:
    leaf = issued("a.test")
    settings = TlsSettings(
        certificate=chain_pem(leaf), key=key_pem(leaf), client_certificates="optional", client_ca=ca_pem("clients")
    )
    return TlsContexts(settings, [])


def test_a_handshake_without_a_client_certificate() -> None:
    _, theirs = handshake(contexts(), "a.test", client_context())
    info = read_tls_info(theirs)
    assert (info.version, info.server_name) == ("TLSv1.3", "a.test")
    assert info.cipher.startswith("TLS_")
    assert (info.client_certificate, info.client_chain) == (None, ())


def test_the_verified_chain_is_handed_out_leaf_first() -> None:
    leaf = issued("client@users.test", by="clients")
    _, theirs = handshake(contexts(), "a.test", client_context(leaf))
    info = read_tls_info(theirs)
    root = ssl.PEM_cert_to_DER_cert(authority("clients").cert_pem.bytes().decode())
    expected = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    assert info.client_certificate == expected
    assert info.client_chain == (expected, root)


class WithoutChain:
    """An SSL object of a Python that hands out no chain."""

    def cipher(self) -> tuple[str, str, int]:
        return ("TLS_AES_128_GCM_SHA256", "TLSv1.3", 128)

    def version(self) -> str:
        return "TLSv1.3"

    def getpeercert(self, binary_form: bool) -> bytes:
        return b"leaf"


class WithPublicChain(WithoutChain):
    """An SSL object of Python 3.13 and later."""

    def get_verified_chain(self) -> list[bytes]:
        return [b"leaf", b"root"]


@pytest.mark.parametrize(
    ("ssl_object", "chain"), [(WithoutChain(), (b"leaf",)), (WithPublicChain(), (b"leaf", b"root"))]
)
def test_without_an_interface_for_the_chain_it_is_the_leaf_alone(ssl_object: object, chain: tuple[bytes, ...]) -> None:
    assert read_tls_info(ssl_object).client_chain == chain  # type: ignore[arg-type]
