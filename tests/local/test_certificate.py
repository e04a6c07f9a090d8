"""The embedded AWS's certificates: trusted by clients that are given them, strict ones included."""

import socket
import ssl
import threading
from pathlib import Path

import pytest

from local.certificate import Certificates, make_certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), {})


def handshake(certificates: Certificates, trust: Path, name: str) -> str:
    """Connect a client that trusts this file to a server with the certificate; returns the protocol's version."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificates.server, certificates.server_key)
    client_context = ssl.create_default_context(cafile=str(trust))
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    here, there = socket.socketpair()

    def serve() -> None:
        try:
            with server_context.wrap_socket(there, server_side=True):
                pass
        except OSError:
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client_context.wrap_socket(here, server_hostname=name) as connection:
            return connection.version() or ""
    finally:
        here.close()
        thread.join()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_client_that_trusts_the_authority_connects(certificates: Certificates, name: str) -> None:
    """Also one that checks as strictly as Python 3.13 does."""
    assert handshake(certificates, certificates.authority, name).startswith("TLS")
    assert handshake(certificates, certificates.trust, name).startswith("TLS")


def test_another_name_is_refused(certificates: Certificates) -> None:
    """The certificate is good for this machine only."""
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(certificates, certificates.authority, "s3.amazonaws.com")


def test_the_functions_trust_the_outside_as_well(certificates: Certificates) -> None:
    """With a real API they call it over TLS; the authority alone would make that fail."""
    assert certificates.trust.read_text().count("BEGIN CERTIFICATE") > 20
    assert certificates.authority.read_text().count("BEGIN CERTIFICATE") == 1


def test_a_bundle_named_by_the_environment_is_used(tmp_path: Path) -> None:
    """A company's proxy may need it."""
    (tmp_path / "company.pem").write_text("COMPANY")
    made = make_certificates(tmp_path, {"REQUESTS_CA_BUNDLE": str(tmp_path / "company.pem")})
    assert made.trust.read_text().endswith("COMPANY")


def test_only_the_owner_reads_the_key(certificates: Certificates) -> None:
    """Loopback is shared by all users of a machine."""
    assert certificates.server_key.stat().st_mode & 0o077 == 0
