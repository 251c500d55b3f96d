"""Certificates for tests of TLS: an authority, and what it issues to servers and clients.

They are made anew for each test run, by the library that the product's tokens are checked with, and are valid for an
hour on 127.0.0.1.
"""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["Authority", "Certificates"]


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files; ``keystore`` has key and certificate in one."""

    authority: Path
    certificate: Path
    key: Path
    keystore: Path

    def of_server(self) -> ssl.SSLContext:
        """For a server that takes only clients with a certificate of the same authority."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.authority))
        context.load_cert_chain(self.certificate, self.key)
        context.verify_mode = ssl.CERT_REQUIRED
        return context


class Authority:
    """Its certificate is in ``folder``, and so is what it issues; two of them don't know each other."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "authority.pem"
        self._folder, self._name = folder, _named("test authority")
        self._key = ec.generate_private_key(ec.SECP256R1())
        made = (
            _begun(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> Certificates:
        """A key and a certificate for it, whose subject is ``CN=name``, for a server or a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        certificate = (
            _begun(_named(name), self._name, key)
            .add_extension(address, critical=False)
            .sign(self._key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        files = (self._folder / f"{name}{end}" for end in (".pem", ".key", ".keystore"))
        found = Certificates(self.path, *files)
        found.certificate.write_bytes(certificate)
        found.key.write_bytes(private)
        found.keystore.write_bytes(private + certificate)
        return found


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begun(name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
    )
