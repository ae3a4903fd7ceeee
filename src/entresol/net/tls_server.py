"""TLS towards clients: which certificate a name gets, and whether clients have to show one of their own.

All contexts of a listener are made alike, because OpenSSL takes some settings from the context a handshake began
with (versions, client verification) and some from the one the name chose (certificate, CA names, ALPN).
"""

import contextlib
import logging
import os
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from entresol.api_floor.entities import Certificate
from entresol.core.errors import ConfigError

logger = logging.getLogger("entresol.net.tls")


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a listener speaks TLS. PEM texts, not paths."""

    certificate: str | None = None
    """The default certificate with its chain, for names no certificate entity is for."""
    key: str | None = None
    minimum_version: Literal["1.2", "1.3"] = "1.2"
    client_certificates: Literal["none", "optional", "required"] = "none"
    """`optional`: a client may show none, but one that it shows must be valid."""
    client_ca: str | None = None
    """The authorities that client certificates are verified against."""

    def __repr__(self) -> str:
        return f"TlsSettings(client_certificates={self.client_certificates!r})"  # the key stays out of logs


class ServerSideTls(ssl.SSLObject):
    """A TLS session that remembers which name the client asked for."""

    server_name: str | None = None


class TlsContexts:
    """The certificates of one listener. `replace` swaps them as a whole for every handshake that begins later."""

    def __init__(self, settings: TlsSettings, certificates: Iterable[Certificate]) -> None:
        self._settings = settings
        self.context = self._new_context()
        """The context handshakes begin with."""
        self.context.sni_callback = self._choose
        self._by_pem: dict[tuple[str, str], ssl.SSLContext] = {}
        self._by_name: dict[str, ssl.SSLContext] = {}
        self.replace(certificates)

    def replace(self, certificates: Iterable[Certificate]) -> None:
        """Use these certificates from now on. On a ConfigError the old ones stay."""
        by_pem: dict[tuple[str, str], ssl.SSLContext] = {}
        by_name: dict[str, ssl.SSLContext] = {}
        settings = self._settings
        if settings.certificate is not None and settings.key is not None:
            by_name["*"] = self._context_of(settings.certificate, settings.key, "the listener's certificate", by_pem)
        for certificate in certificates:
            what = f"certificate {certificate.id}"
            context = self._context_of(certificate.cert, certificate.key.reveal(), what, by_pem)
            for name in certificate.snis:
                by_name[name.lower()] = context
        self._by_pem, self._by_name = by_pem, by_name

    def find(self, server_name: str | None) -> ssl.SSLContext | None:
        """The context for a name: the name itself, then `*.rest`, then `first.*`, then the default."""
        by_name = self._by_name
        if server_name:
            name = server_name.lower().removesuffix(".")
            first, _, rest = name.partition(".")
            for candidate in (name, f"*.{rest}", f"{name.rpartition('.')[0]}.*", f"{first}.*"):
                context = by_name.get(candidate)
                if context is not None:
                    return context
        return by_name.get("*")

    def _choose(self, session: ssl.SSLSocket | ssl.SSLObject, server_name: str | None, _: ssl.SSLContext) -> int | None:
        """OpenSSL calls this in each handshake, with None when the client names no server."""
        context = self.find(server_name)
        if context is None:
            shown = ascii((server_name or "")[:255])
            logger.warning("refused a TLS handshake: no certificate for %s, and no default certificate", shown)
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        session.context = context
        if isinstance(session, ServerSideTls):
            session.server_name = server_name
        return None

    def _context_of(
        self, certificate: str, key: str, what: str, made: dict[tuple[str, str], ssl.SSLContext]
    ) -> ssl.SSLContext:
        """A context for a key pair; an unchanged pair keeps its own, and with it its session tickets."""
        pair = (certificate, key)
        context = made.get(pair) or self._by_pem.get(pair)
        if context is None:
            context = self._new_context()
            try:
                with _as_file(f"{key}\n{certificate}\n") as path:
                    context.load_cert_chain(path, password=_no_password)
            except (ssl.SSLError, ValueError) as error:
                reason = getattr(error, "reason", None) or str(error) or "cannot be read"
                raise ConfigError("certificate_invalid", f"{what} does not load with its key: {reason}") from None
        made[pair] = context
        return context

    def _new_context(self) -> ssl.SSLContext:
        settings = self._settings
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sslobject_class = ServerSideTls
        context.minimum_version = (
            ssl.TLSVersion.TLSv1_2 if settings.minimum_version == "1.2" else ssl.TLSVersion.TLSv1_3
        )
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        if settings.client_certificates != "none":
            if settings.client_ca is None:
                raise ConfigError("client_ca_missing", "client certificates are asked for, but no client_ca is given")
            required = settings.client_certificates == "required"
            context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
            try:
                context.load_verify_locations(cadata=settings.client_ca)
            except ssl.SSLError as error:
                raise ConfigError("client_ca_invalid", f"client_ca cannot be read: {error.reason}") from None
        return context


def _no_password() -> str:
    raise ValueError("the key is encrypted")  # else OpenSSL would ask on the terminal


@contextlib.contextmanager
def _as_file(text: str) -> Iterator[str]:
    """A path that reads as `text`: Python loads certificates from files only. In memory where the system allows."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("certificate", os.MFD_CLOEXEC)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            yield f"/proc/self/fd/{handle}"
    else:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:  # mode 0600
            file.write(text)
            file.flush()
            yield file.name
