"""What the TLS handshake with a client established."""

import ssl

from entresol.core.http import TlsInfo


def read_tls_info(ssl_object: ssl.SSLObject) -> TlsInfo:
    """The facts of a finished handshake.

    A client certificate appears only if it was verified. Python 3.13 hands out the verified chain; before, it is
    reached through the private object behind `ssl.SSLObject`, and where that fails too, the chain is the leaf alone.
    """
    cipher = ssl_object.cipher()
    leaf = ssl_object.getpeercert(binary_form=True)
    return TlsInfo(
        version=ssl_object.version() or "",
        cipher=cipher[0] if cipher else "",
        server_name=getattr(ssl_object, "server_name", None),
        client_certificate=leaf,
        client_chain=_verified_chain(ssl_object, leaf) if leaf is not None else (),
    )


def _verified_chain(ssl_object: ssl.SSLObject, leaf: bytes) -> tuple[bytes, ...]:
    public = getattr(ssl_object, "get_verified_chain", None)
    if public is not None:
        return tuple(public())
    private = getattr(getattr(ssl_object, "_sslobj", None), "get_verified_chain", None)
    if private is None:
        return (leaf,)
    return tuple(ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in private())
