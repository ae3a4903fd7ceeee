"""TLS towards upstreams: one SSLContext per configuration, since making one costs milliseconds."""

import contextlib
import os
import ssl
import tempfile
from typing import Final

from entresol.core.errors import ConfigError
from entresol.core.http import Origin, TlsClient

MAX_CONTEXTS: Final = 256

_DEFAULT = TlsClient()


class TlsContexts:
    """The SSLContexts in use. Reading certificates happens here, once per configuration."""

    def __init__(self) -> None:
        self._contexts: dict[TlsClient, ssl.SSLContext] = {}

    def context_for(self, origin: Origin) -> ssl.SSLContext:
        """The context for an https origin. Raises ConfigError for certificates or keys that do not load."""
        config = origin.tls or _DEFAULT
        context = self._contexts.get(config)
        if context is None:
            context = self._contexts[config] = build_context(config)
            if len(self._contexts) > MAX_CONTEXTS:  # left over from earlier configurations
                del self._contexts[next(iter(self._contexts))]
        return context


def server_name_for(origin: Origin) -> str:
    """The name to ask for (SNI) and to verify."""
    configured = origin.tls.server_name if origin.tls is not None else None
    return configured or origin.host


def build_context(config: TlsClient) -> ssl.SSLContext:
    """TLS 1.2 or newer, HTTP/1.1 by ALPN, verification on unless the configuration says otherwise."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not config.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif config.ca_pem is None:
        context.load_default_certs()
    else:
        _load_ca(context, config.ca_pem)
    if config.certificate_pem is not None:
        _load_client_certificate(context, config.certificate_pem, config.key_pem or config.certificate_pem)
    return context


def _load_ca(context: ssl.SSLContext, pem: str) -> None:
    try:
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError("tls_certificate_invalid", f"the CA certificate does not load: {_reason(error)}") from None


def _load_client_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # OpenSSL's file interface is the only one Python offers; the key is on disk for a moment, readable by us alone
    with contextlib.ExitStack() as files:
        folder = files.enter_context(tempfile.TemporaryDirectory(dir=_memory_folder()))
        certificate_path = _write_private(folder, "certificate.pem", certificate)
        key_path = _write_private(folder, "key.pem", key)
        try:
            context.load_cert_chain(certificate_path, key_path, password="")
        except (ssl.SSLError, ValueError) as error:
            text = f"the client certificate or its key does not load: {_reason(error)}"
            raise ConfigError("tls_certificate_invalid", text) from None


def _memory_folder() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  # memory, so no key reaches a disk


def _write_private(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    return path


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or str(error)
