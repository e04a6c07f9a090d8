"""Certificates for the embedded AWS: the bucket policies deny plain http, so it speaks TLS.

A certificate authority is made for each start and its key is thrown away at once; nothing outside the folder trusts it.
"""

import datetime
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = datetime.timedelta(days=397)


@dataclass(frozen=True)
class Certificates:
    """Files in PEM format."""

    authority: Path
    """Trust this one, and the embedded AWS is trusted; nothing else is."""
    trust: Path
    """The authority together with what this machine trusts: for functions that call a real service as well."""
    server: Path
    server_key: Path


def make_certificates(folder: Path, variables: Mapping[str, str] = os.environ) -> Certificates:
    """Make an authority and a server certificate for 127.0.0.1 and localhost in `folder`."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    server_key = ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key)
    server = _server(server_key, authority, authority_key)
    files = Certificates(
        folder / "authority.pem", folder / "trust.pem", folder / "server.pem", folder / "server-key.pem"
    )
    authority_pem = authority.public_bytes(serialization.Encoding.PEM)
    files.authority.write_bytes(authority_pem)
    files.trust.write_bytes(authority_pem + _what_this_machine_trusts(variables))
    files.server.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    files.server_key.touch(mode=0o600)
    files.server_key.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files


def _what_this_machine_trusts(variables: Mapping[str, str]) -> bytes:
    """The bundle that the environment names (a company's proxy may need it), or else Mozilla's list from certifi."""
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        bundle = Path(variables.get(name, ""))
        if bundle.is_file():
            return bundle.read_bytes()
    return Path(certifi.where()).read_bytes()


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("Dropcut on this machine")
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        _dated(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))])
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _dated(_name("localhost"), authority.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _dated(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
