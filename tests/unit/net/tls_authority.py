"""A certificate authority for tests, and handshakes in memory."""

import ssl
from functools import cache

import trustme

from entresol.api_floor.entities import Certificate
from entresol.core.secret import Secret
from entresol.net.tls_server import TlsContexts


@cache
def authority(name: str = "server") -> trustme.CA:
    """One authority per name and test run: keys are slow to make."""
    return trustme.CA(organization_name=f"Entresol tests {name}")


@cache
def issued(*names: str, by: str = "server") -> trustme.LeafCert:
    """A certificate for these names."""
    return authority(by).issue_cert(*names)


def ca_pem(name: str = "server") -> str:
    return authority(name).cert_pem.bytes().decode()


def chain_pem(leaf: trustme.LeafCert) -> str:
    return "".join(part.bytes().decode() for part in leaf.cert_chain_pems)


def key_pem(leaf: trustme.LeafCert) -> str:
    return leaf.private_key_pem.bytes().decode()


def certificate(*snis: str, names: tuple[str, ...] | None = None, identity: str = "cert") -> Certificate:
    """A certificate entity for these names."""
    leaf = issued(*(names or snis))
    return Certificate(id=identity, cert=chain_pem(leaf), key=Secret(key_pem(leaf)), snis=snis)


def client_context(leaf: trustme.LeafCert | None = None, alpn: list[str] | None = None) -> ssl.SSLContext:
    """A client that trusts the test authority, with a certificate of its own if given."""
    context = ssl.create_default_context(cadata=ca_pem())
    if alpn:
        context.set_alpn_protocols(alpn)
    if leaf is not None:
        leaf.configure_cert(context)
    return context


def handshake(
    contexts: TlsContexts, server_name: str | None, client: ssl.SSLContext
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Client and server after a handshake through memory. Raises what either raises."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=server_name)
    theirs = contexts.context.wrap_bio(to_server, to_client, server_side=True)
    pending = [ours, theirs]
    for _ in range(10):
        for side in tuple(pending):
            try:
                side.do_handshake()
                pending.remove(side)
            except ssl.SSLWantReadError:
                pass
        if not pending:
            break
    assert not pending, "the handshake did not end"
    return ours, theirs
