"""Client certificates for tests."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from unit.identity.issuing import NOW

SPIFFE = "spiffe://acme.example/ns/prod/sa/agent"
_KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(
    subject: str = "CN=agent",
    uris: Sequence[str] = (SPIFFE,),
    is_authority: bool | None = False,
    signs_certificates: bool | None = None,
    issuer: str = "CN=Acme CA",
) -> bytes:
    """One in DER, good for an hour around NOW."""
    start = datetime.fromtimestamp(NOW, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string(subject))
        .issuer_name(x509.Name.from_rfc4514_string(issuer))
        .public_key(_KEY.public_key())
        .serial_number(0xABC)
        .not_valid_before(start - timedelta(minutes=30))
        .not_valid_after(start + timedelta(minutes=30))
    )
    if uris:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        builder = builder.add_extension(names, critical=False)
    if is_authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    if signs_certificates is not None:
        usage = x509.KeyUsage(True, False, False, False, False, signs_certificates, False, False, False)
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(_KEY, hashes.SHA256()).public_bytes(Encoding.DER)
