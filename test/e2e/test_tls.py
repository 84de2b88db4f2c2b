"""TLS as clients meet it: versions, ciphers, kinds of keys, exchange of a key, plain clients."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from torchserve_process import REPOSITORY, TorchServe, wait_for

KEYS = REPOSITORY / "frontend/transport/src/test/resources/org/tsnext/transport/tls"
ECHO = """
def handle(data, context):
    return data and [row.get("data") or row.get("body") for row in data]
"""


def tls_server(folder: Path, config: dict[str, str], **options: object) -> TorchServe:
    """A server, not yet started, whose inference listener is https; management stays plain."""
    server = TorchServe(folder, config=config, **options)  # type: ignore[arg-type]
    text = server.config_file.read_text().replace(
        server.inference, server.inference.replace("http", "https")
    )
    server.config_file.write_text(text)
    server.inference = server.inference.replace("http", "https")
    server.store.write_handler("echo", ECHO)
    return server


def pem(key: str, certificate: str) -> dict[str, str]:
    return {"private_key_file": str(KEYS / key), "certificate_file": str(KEYS / certificate)}


@pytest.fixture(scope="module")
def rsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """One server with an RSA key for most tests of this module."""
    server = tls_server(tmp_path_factory.mktemp("rsa"), pem("rsa-pkcs1.pem", "rsa.crt"))
    try:
        server.start("echo")
        server.wait_ready("echo")
        yield server
    finally:
        server.stop()


def client(certificate: str, *protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=KEYS / certificate)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def connect(server: TorchServe, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", server.inference_port), 30)
    return context.wrap_socket(plain, server_hostname="localhost")


def test_model_answers_over_tls_and_the_certificate_is_checked(rsa: TorchServe) -> None:
    answer = requests.post(
        f"{rsa.inference}/predictions/echo", b"hello", verify=KEYS / "rsa.crt", timeout=60
    )
    assert (answer.status_code, answer.content) == (200, b"hello")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{rsa.inference}/ping", timeout=60)


@pytest.mark.parametrize(
    ("version", "name"), [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]
)
def test_versions_1_2_and_1_3_are_spoken(
    rsa: TorchServe, version: ssl.TLSVersion, name: str
) -> None:
    context = client("rsa.crt")
    context.minimum_version = context.maximum_version = version
    with connect(rsa, context) as connection:
        assert connection.version() == name


@pytest.mark.filterwarnings("ignore:.*TLSVersion.*deprecated:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_versions_before_1_2_are_refused(rsa: TorchServe, version: ssl.TLSVersion) -> None:
    context = client("rsa.crt")
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(rsa, context)


@pytest.mark.parametrize(
    "cipher", ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA"]
)
def test_old_cipher_suites_are_refused(rsa: TorchServe, cipher: str) -> None:
    context = client("rsa.crt")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(cipher)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(rsa, context)


def test_protocol_is_what_alpn_says_and_http_1_1_without(rsa: TorchServe) -> None:
    for protocols in ((), ("http/1.1",), ("spdy/3", "http/1.1")):
        with connect(rsa, client("rsa.crt", *protocols)) as connection:
            assert connection.selected_alpn_protocol() in (None, "http/1.1")
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
            answer = b""
            while data := connection.recv(65536):
                answer += data
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer


def test_plain_http_on_an_https_port_is_told_so(rsa: TorchServe) -> None:
    answer = requests.get(rsa.inference.replace("https", "http") + "/ping", timeout=60)
    assert answer.status_code == 403
    assert answer.json() == {"status": "This TorchServe instance only accepts HTTPS requests"}
    assert answer.headers["connection"] == "close"


def test_nonsense_and_broken_handshakes_hurt_no_other_client(rsa: TorchServe) -> None:
    for first in (
        b"\x16",
        b"\x16\x03\x01\x00\x05hello",
        b"\x16" * 500,
        b"\x80\x2e\x01\x00",
        b"\r\n\r\n",
        b"\x00",
    ):
        with socket.create_connection(("127.0.0.1", rsa.inference_port), 30) as connection:
            connection.sendall(first)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(60)
            while connection.recv(65536):
                pass
    answer = requests.get(f"{rsa.inference}/ping", verify=KEYS / "rsa.crt", timeout=60)
    assert answer.json() == {"status": "Healthy"}
    assert "ERROR" not in "".join(rsa.output), rsa.tail()


def test_silent_client_loses_its_connection(rsa: TorchServe) -> None:
    with socket.create_connection(("127.0.0.1", rsa.inference_port), 30) as connection:
        connection.settimeout(60)
        assert connection.recv(1) == b""


def test_large_bodies_and_early_answers_pass(rsa: TorchServe) -> None:
    body = bytes(range(256)) * 16384
    with requests.Session() as session:
        # The environment's certificates would come before the session's.
        session.trust_env = False
        session.verify = str(KEYS / "rsa.crt")
        for _ in range(3):
            answer = session.post(f"{rsa.inference}/predictions/echo", body, timeout=60)
            assert answer.content == body
        refused = session.post(f"{rsa.inference}/predictions/echo", bytes(7_000_000), timeout=60)
        assert refused.status_code == 413


@pytest.mark.parametrize(
    ("config", "certificate"),
    [
        (pem("ec-sec1.pem", "ec.crt"), "ec.crt"),
        (pem("ed25519.pem", "ed25519.crt"), "ed25519.crt"),
        ({**pem("rsa-encrypted.pem", "rsa.crt"), "private_key_pass": "env:KEY_PASS"}, "rsa.crt"),
        ({"keystore": str(KEYS / "rsa.p12"), "keystore_pass": "file:{password}"}, "rsa.crt"),
    ],
    ids=["ec", "ed25519", "encrypted", "pkcs12"],
)
def test_other_kinds_of_keys_serve_too(
    tmp_path: Path, config: dict[str, str], certificate: str
) -> None:
    password = tmp_path / "password"
    password.write_text("secret\n")
    config = {key: value.replace("{password}", str(password)) for key, value in config.items()}
    server = tls_server(tmp_path / "server", config, environment={"KEY_PASS": "secret"})
    try:
        server.start()
        answer = requests.get(f"{server.inference}/ping", verify=KEYS / certificate, timeout=60)
        assert answer.json() == {"status": "Healthy"}
        assert "secret" not in "".join(server.output)
    finally:
        server.stop()


def test_key_is_exchanged_under_load_without_losing_a_request(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    shutil.copy(KEYS / "rsa-pkcs8.pem", key)
    shutil.copy(KEYS / "rsa.crt", certificate)
    both = tmp_path / "both.crt"
    both.write_text((KEYS / "rsa.crt").read_text() + (KEYS / "ec.crt").read_text())
    config = {
        "private_key_file": str(key),
        "certificate_file": str(certificate),
        "tls_reload_interval": "1",
    }
    server = tls_server(tmp_path / "server", config)
    failures: list[str] = []
    done = threading.Event()

    def load(keep: bool) -> None:
        session = requests.Session()
        session.trust_env = False
        session.verify = str(both)
        while not done.is_set():
            if not keep:
                session.close()
            try:
                answer = session.post(f"{server.inference}/predictions/echo", b"x", timeout=60)
                if (answer.status_code, answer.content) != (200, b"x"):
                    failures.append(f"{answer.status_code} {answer.text}")
            except requests.RequestException as e:
                failures.append(repr(e))
        session.close()

    def subject() -> str:
        context = ssl.create_default_context(cafile=both)
        with connect(server, context) as connection:
            return str(connection.getpeercert())

    try:
        server.start("echo")
        server.wait_ready("echo")
        assert "rsa.test" in subject()
        threads = [threading.Thread(target=load, args=(keep,)) for keep in (True, False)]
        for thread in threads:
            thread.start()
        try:
            certificate.write_text("nonsense")
            wait_for(lambda: "the old one stays" in "".join(server.output), server.tail())
            assert "rsa.test" in subject()
            shutil.copy(KEYS / "ec-pkcs8.pem", key)
            shutil.copy(KEYS / "ec.crt", certificate)
            wait_for(lambda: "ec.test" in subject(), "the new certificate")
        finally:
            done.set()
            for thread in threads:
                thread.join()
        assert failures == []
        assert "".join(server.output).count("certificate_file") < 10, "said once"
    finally:
        server.stop()


def test_self_signed_certificate_is_made_on_demand_and_its_fingerprint_said(tmp_path: Path) -> None:
    server = tls_server(tmp_path / "server", {"tls_self_signed": "true"})
    try:
        server.start()
        certificate = ssl.get_server_certificate(("127.0.0.1", server.inference_port))
        trusted = tmp_path / "server.crt"
        trusted.write_text(certificate)
        answer = requests.get(f"{server.inference}/ping", verify=trusted, timeout=60)
        assert answer.json() == {"status": "Healthy"}
        shown = subprocess.run(
            ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", str(trusted)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        fingerprint = shown.split("=")[1].strip()
        assert f"SHA-256 {fingerprint}" in "".join(server.output)
        assert "self-signed" in "".join(server.output)
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, "https needs a key: expected private_key_file and certificate_file"),
        (pem("rsa-pkcs8.pem", "ec.crt"), "the first certificate is not that of the key"),
        (pem("rsa.crt", "rsa.crt"), "no private key in it"),
        (pem("missing.pem", "rsa.crt"), "missing.pem: no such file"),
        ({"keystore": str(KEYS / "rsa.p12")}, "expected keystore_pass beside it"),
        ({"keystore": str(KEYS / "rsa.p12"), "keystore_pass": "wrong"}, "does not open the store"),
    ],
    ids=["none", "mismatch", "no key", "missing", "no password", "wrong password"],
)
def test_start_without_a_usable_key_says_why(
    tmp_path: Path, config: dict[str, str], expected: str
) -> None:
    server = tls_server(tmp_path / "server", config)
    run = subprocess.run(
        server.command(*server.start_words(), "--foreground"),
        env=server.environment,
        cwd=server.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert run.returncode != 0
    assert expected in run.stdout + run.stderr
    assert not server.processes()


def test_unix_socket_of_a_group_has_its_mode(
    start: Callable[..., TorchServe], tmp_path: Path
) -> None:
    path = tmp_path / "inference.sock"
    server = start(config={"inference_address": f"unix:{path}", "unix_socket_mode": "0660"})
    assert path.is_socket()
    assert oct(path.stat().st_mode & 0o777) == "0o660"
    answer = subprocess.run(
        ["curl", "-sS", "--unix-socket", str(path), "http://localhost/ping"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert re.search('"status": "Healthy"', answer.stdout)
    server.stop()
    assert not path.exists()
