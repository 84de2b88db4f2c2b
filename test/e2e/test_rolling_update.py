"""Three servers behind HAProxy are replaced one after the other, under load."""

from __future__ import annotations

import csv
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
import requests
from debian_packages import Refused, command
from image_container import ImageContainer, Network, refusal
from torchserve_process import LIMIT_SEC, REPOSITORY, wait_for

pytestmark = pytest.mark.skipif(refusal() is not None, reason=str(refusal()))

CONFIG = REPOSITORY / "deploy" / "haproxy" / "haproxy.cfg"
URL = "http://127.0.0.1:8000/predictions/echo"
TOKEN = "a-token-that-all-servers-have"
CLIENTS = 4
# Long enough that requests are always under way on each server.
HANDLER = """\
import time


def handle(data, context):
    if data is None:
        return None
    time.sleep(0.04)
    return [bytes(row["body"]).decode() + " VERSION" for row in data]
"""


class HAProxy:
    """HAProxy with the example's settings, in a network."""

    def __init__(self, folder: Path, network: Network) -> None:
        words, environment = command("haproxy", "haproxy")
        self._socket = folder / "haproxy.sock"
        settings = folder / "haproxy.cfg"
        stats = f"global\n    stats socket {self._socket}\n"
        settings.write_text(CONFIG.read_text().replace("global\n", stats))
        joined = ["nsenter", f"--net={network.path}"]
        self.output = folder / "haproxy.log"
        with self.output.open("w") as output:
            self._process = subprocess.Popen(
                [*joined, *words, "-db", "-f", settings],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def states(self) -> dict[str, str]:
        """The state of each server, such as UP or DOWN."""
        try:
            with socket.socket(socket.AF_UNIX) as asked:
                asked.settimeout(LIMIT_SEC)
                asked.connect(str(self._socket))
                asked.sendall(b"show stat\n")
                text = b"".join(iter(lambda: asked.recv(65536), b"")).decode()
        except OSError:
            assert self._process.poll() is None, self.output.read_text()
            return {}
        rows = csv.DictReader(text.removeprefix("# ").splitlines())
        return {row["svname"]: row["status"] for row in rows if row["svname"].startswith("ts")}

    def wait_up(self, name: str) -> None:
        """Waits until HAProxy sends requests to a server."""
        wait_for(lambda: self.states().get(name) == "UP", f"{name} to be up: {self.states()}")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(LIMIT_SEC)


class Load:
    """Clients that send one request after the other until they are stopped."""

    def __init__(self, network: Network) -> None:
        self._stopped = threading.Event()
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._clients: list[Future[None]] = [
            network.submit(lambda: self._send()) for _ in range(CLIENTS)
        ]

    def _send(self) -> None:
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {TOKEN}"
            while not self._stopped.is_set():
                try:
                    answer = session.post(URL, data="one", timeout=LIMIT_SEC)
                    said = f"{answer.status_code} {answer.text}"
                except requests.RequestException as problem:
                    said = f"lost: {problem!r}"
                with self._lock:
                    self.counts[said] += 1

    def served_since(self, before: int, count: int) -> bool:
        return sum(self.counts.values()) >= before + count

    def stop(self) -> None:
        self._stopped.set()
        for client in self._clients:
            client.result(LIMIT_SEC)


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network(threads=CLIENTS + 2)
    yield network
    network.close()


@pytest.fixture
def haproxy(tmp_path: Path, network: Network) -> Iterator[HAProxy]:
    try:
        proxy = HAProxy(tmp_path, network)
    except Refused as reason:
        pytest.skip(str(reason))
    yield proxy
    proxy.stop()


def begin(folder: Path, network: Network, number: int, version: str) -> ImageContainer:
    container = ImageContainer(
        folder / f"{version}-{number}",
        network,
        environment={
            "TS_INFERENCE_ADDRESS": f"http://127.0.0.1{number}:8080",
            "TS_MANAGEMENT_ADDRESS": f"http://127.0.0.1{number}:8081",
            "TS_METRICS_ADDRESS": f"http://127.0.0.1{number}:8082",
            "TS_ENABLE_GRPC_API": "false",
            "TS_DEFAULT_WORKERS_PER_MODEL": "1",
            "TS_DISABLE_SYSTEM_METRICS": "true",
            "TS_INFERENCE_TOKEN": TOKEN,
            "TS_MANAGEMENT_TOKEN": f"{TOKEN}-for-management",
            "TS_SHUTDOWN_DELAY_SEC": "2",
        },
    )
    with (container.home / "config.properties").open("a") as settings:
        # A server that lives for seconds is compiled once, not twice.
        settings.write("vmargs=-XX:TieredStopAtLevel=1\n")
    container.store.write_handler("echo", HANDLER.replace("VERSION", version))
    container.begin("serve", "--models", "echo", "--ncs")
    return container


def test_rolling_update_behind_haproxy_loses_no_request(
    tmp_path: Path,
    network: Network,
    haproxy: HAProxy,
    record_property: pytest.RecordProperty,
) -> None:
    containers = {number: begin(tmp_path, network, number, "old") for number in (1, 2, 3)}
    load = None
    try:
        for number in containers:
            haproxy.wait_up(f"ts{number}")
        load = Load(network)
        for number, container in list(containers.items()):
            before = sum(load.counts.values())
            wait_for(lambda before=before: load.served_since(before, 30), f"load: {load.counts}")
            container.send(signal.SIGTERM)
            assert container.wait() == 128 + signal.SIGTERM, container.text()
            containers[number] = begin(tmp_path, network, number, "new")
            haproxy.wait_up(f"ts{number}")
        before = sum(load.counts.values())
        wait_for(lambda: load.served_since(before, 30), f"load: {load.counts}")
        load.stop()
        record_property("requests", sum(load.counts.values()))
        print(f"\nrequests in the rolling update: {dict(load.counts)}")
        assert set(load.counts) == {"200 one old", "200 one new"}
    finally:
        if load is not None:
            load.stop()
        for container in containers.values():
            container.stop()
