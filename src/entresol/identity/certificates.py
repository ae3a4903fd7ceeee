"""Client certificates: who somebody is by what TLS has already verified.

The chain is TLS's business. Here the leaf is read: a SPIFFE ID if it has one, else its subject.

Sources: SPIFFE X509-SVID §2 to §4 (exactly one URI; a leaf is no CA and does not sign certificates), RFC 4514
(distinguished names as text), RFC 8705 §2.1.2 (`tls_client_auth` by subject) and §3.1 (`x5t#S256`), RFC 5280.
"""

import base64
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from entresol.core.decision import Deny
from entresol.identity.principal import Principal
from entresol.identity.spiffe import spiffe_fault, trust_domain

MAX_BYTES: Final = 16_384
X509: Final = "x509:"
"""Principals without a SPIFFE ID have the issuer `x509:` and the distinguished name of the certificate's issuer."""


class BadCertificate(ValueError):
    """It cannot be read, or says of itself what cannot be. The message holds nothing of it."""


class CertificateIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What a certificate says of its holder."""

    subject: str
    """RFC 4514; empty if it has none."""
    issuer: str
    serial: str
    """Hexadecimal."""
    uris: tuple[str, ...] = ()
    """URIs among its subject alternative names."""
    is_authority: bool
    """It may sign other certificates."""
    not_before: int
    not_after: int
    thumbprint: str
    """`x5t#S256`: base64url of the SHA-256 of the whole, for tokens that are bound to it."""
    fingerprint: str
    """The first 16 hexadecimal digits of the same."""


def read_certificate(raw: bytes) -> CertificateIdentity:
    """A certificate in DER or PEM. Raises BadCertificate."""
    if len(raw) > MAX_BYTES:
        raise BadCertificate(f"the certificate is larger than {MAX_BYTES} bytes")
    try:
        is_text = raw.lstrip().startswith(b"-----BEGIN")
        return _identity(x509.load_pem_x509_certificate(raw) if is_text else x509.load_der_x509_certificate(raw))
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise BadCertificate("the certificate cannot be read") from None


def principal_of(
    certificate: CertificateIdentity, organisations: Mapping[str, str], now: int, default_organisation: str = ""
) -> Principal | Deny:
    """Who holds it. `organisations`: by SPIFFE trust domain, only these are trusted. `default_organisation`: that of
    holders without a SPIFFE ID; empty: there are none. Refusals: 401 `certificate_not_accepted`."""
    refusal = _refusal(certificate, now)
    if refusal:
        return _refused(refusal)
    if certificate.uris:
        spiffe_id = certificate.uris[0]
        domain = trust_domain(spiffe_id)
        organisation, issuer, subject = organisations.get(domain, ""), f"spiffe://{domain}", spiffe_id
        if not organisation:
            return _refused("its trust domain is not trusted here")
    else:
        organisation, issuer, subject = default_organisation, X509 + certificate.issuer, certificate.subject
        if not organisation or not subject:
            return _refused("it has no SPIFFE ID")
    return Principal(
        tenant=organisation,
        issuer=issuer,
        subject=subject,
        kind="service",
        token_id=certificate.serial,
        fingerprint=certificate.fingerprint,
        expires_at=certificate.not_after,
    )


def is_subject(certificate: CertificateIdentity, distinguished_name: str) -> bool:
    """Whether the certificate's subject is this name, however it is spaced and escaped (RFC 8705 §2.1.2)."""
    try:
        wanted = x509.Name.from_rfc4514_string(distinguished_name).rfc4514_string()
    except ValueError:
        return False
    return wanted != "" and wanted == certificate.subject


def _refusal(certificate: CertificateIdentity, now: int) -> str:
    if not certificate.not_before <= now <= certificate.not_after:
        return "it is not valid now"
    if certificate.is_authority:
        return "it is that of an authority, not of a workload"
    spiffe = [uri for uri in certificate.uris if uri.lower().startswith("spiffe:")]
    if certificate.uris and (len(certificate.uris) != 1 or not spiffe):
        return "it has other URIs than one SPIFFE ID"
    return spiffe_fault(spiffe[0]) if spiffe else ""


def _refused(why: str) -> Deny:
    return Deny(401, "certificate_not_accepted", f"the client certificate is not accepted: {why}")


def _identity(certificate: x509.Certificate) -> CertificateIdentity:
    digest = sha256(certificate.public_bytes(Encoding.DER))
    return CertificateIdentity(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        uris=_uris(certificate),
        is_authority=_is_authority(certificate),
        not_before=int(certificate.not_valid_before_utc.timestamp()),
        not_after=int(certificate.not_valid_after_utc.timestamp()),
        thumbprint=base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode(),
        fingerprint=digest.hexdigest()[:16],
    )


def _uris(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(names.get_values_for_type(x509.UniformResourceIdentifier))


def _is_authority(certificate: x509.Certificate) -> bool:
    extensions = certificate.extensions
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return True
    except x509.ExtensionNotFound:
        pass
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return usage.key_cert_sign or usage.crl_sign
