# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS: whose certificates are trusted."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import ipaddress
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.auth import authenticator
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.client import ConsoleClient
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.errors import (
    BadOptionError,
    UnreachableError,
    WrongAddressError,
)
from ansible_collections.wxgov.sagemaker.plugins.module_utils.console.transport import Transport

TYPES = b'{"types": [{"id": "1", "name": "Model", "localized_label": "Model"}]}'


DAY = datetime.timedelta(days=1)


def certificate(folder, host="127.0.0.1", age=DAY, ends_in=DAY):
    """Write a certificate for an address that is its own authority; returns the paths of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"console {folder.name}"[:64])])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - age)
        .not_valid_after(now + ends_in)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "console.pem", folder / "console.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return public, private


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # the name that http.server looks for
        self.send_response(200)
        self.send_header("Content-Length", str(len(TYPES)))
        self.end_headers()
        self.wfile.write(TYPES)

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(public, private):
    """A console behind TLS: its address, and its context, which takes another certificate at any time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *arguments: None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", context
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def tls(tmp_path):
    """A console behind TLS: its address and the file of its certificate."""
    public, private = certificate(tmp_path)
    with serving(public, private) as (url, _unused):
        yield url, public


def types(url, **options):
    login = authenticator("basic", username="svc", password="p")
    client = ConsoleClient(Transport(url, login, sleep=lambda seconds: None, **options))
    try:
        return list(client.types().types)
    finally:
        client.close()


def test_a_certificate_that_is_not_trusted_is_said_so_at_once(tls):
    with pytest.raises(WrongAddressError, match="certificate that is not trusted here"):
        types(tls[0])


def test_an_authority_can_be_given(tls):
    assert types(tls[0], ca_path=str(tls[1])) == ["Model"]


def test_a_certificate_for_another_address_is_not_good(tls):
    with pytest.raises(WrongAddressError, match="has a certificate for another host"):
        types(tls[0].replace("127.0.0.1", "localhost"), ca_path=str(tls[1]))


@pytest.mark.parametrize(
    ("values", "words"),
    [({"host": "127.0.0.2"}, "for another address"), ({"age": -DAY, "ends_in": 2 * DAY}, "not valid yet")],
)
def test_what_is_wrong_with_a_certificate_is_said(values, words, tmp_path):
    public, private = certificate(tmp_path, **values)
    with serving(public, private) as (url, _unused), pytest.raises(WrongAddressError, match=words):
        types(url, ca_path=str(public))


def test_an_expired_certificate_is_said_so_and_its_renewal_noticed_by_the_same_client(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    expired = certificate(old, age=2 * DAY, ends_in=-DAY)
    renewed = certificate(new)
    both = tmp_path / "authorities.pem"
    both.write_bytes(expired[0].read_bytes() + renewed[0].read_bytes())
    login = authenticator("basic", username="svc", password="p")
    with serving(*expired) as (url, context):
        client = ConsoleClient(Transport(url, login, ca_path=str(both), sleep=lambda seconds: None))
        with pytest.raises(WrongAddressError, match="has a certificate that has expired"):
            client.types()
        context.load_cert_chain(*renewed)
        assert list(client.types().types) == ["Model"]
        client.close()


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_a_file_of_authorities_that_is_of_no_use_is_named(text, tmp_path):
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadOptionError, match="ca.pem"):
        types("https://host", ca_path=str(path))


def test_a_handshake_that_breaks_off_is_an_outage_and_not_a_matter_of_trust():
    server = socket.create_server(("127.0.0.1", 0))
    accepted = []

    def hang_up():
        with contextlib.suppress(OSError):
            while True:
                connection, _unused = server.accept()
                accepted.append(1)
                connection.recv(1000)
                connection.close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    with pytest.raises(UnreachableError, match="5 attempts"):
        types(f"https://127.0.0.1:{server.getsockname()[1]}")
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    assert len(accepted) == 5


def test_checking_can_be_left_out_whatever_the_environment_says(tls, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    with pytest.warns(match="Unverified HTTPS request"):
        assert types(tls[0], validate_certs=False) == ["Model"]
