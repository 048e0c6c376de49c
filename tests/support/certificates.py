"""Certificates for local servers: an authority of our own, and one that nobody trusts."""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_MAY_SIGN = x509.KeyUsage(
    key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False,
    key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
    decipher_only=False,
)  # fmt: skip
"""As RFC 5280 wants it: Python 3.13 verifies strictly."""


class Certificates:
    """An authority (`authority`, a PEM file to be named in SSL_CERT_FILE) and what it has signed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"Test authority {secrets.token_hex(4)}")
        authority = _builder(self._name, self._name, self._key.public_key(), days=365)
        authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        authority = authority.add_extension(_MAY_SIGN, critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        authority = authority.add_extension(identifier, critical=False)
        self._certificate = authority.sign(self._key, hashes.SHA256())
        self.authority = directory / "authority.pem"
        self.authority.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, host: str = "", days: int = 30) -> ssl.SSLContext:
        """A server's side of TLS, for 127.0.0.1 and localhost, or for another host's name."""
        key = ec.generate_private_key(ec.SECP256R1())
        here: list[x509.GeneralName] = [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        names = [x509.DNSName(host)] if host else here
        builder = _builder(_name("Test server"), self._name, key.public_key(), days)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(signer, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        path = self._directory / f"server-{host or 'here'}-{days}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    """Valid from a year ago, for `days` from now on (below zero: no longer)."""
    now = dt.datetime.now(dt.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=365))
        .not_valid_after(now + dt.timedelta(days=days))
    )
