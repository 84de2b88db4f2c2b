"""The pod of the chart as Helm renders it, run in namespaces."""

from __future__ import annotations

import base64
import signal
from pathlib import Path

import pytest
from chart.rendered import CPU, refusal, render
from image_container import HOME, USER, ImageContainer, Network
from image_container import refusal as refusal_of_containers
from torchserve_process import ModelStore, wait_for

REFUSAL = refusal() or refusal_of_containers()
pytestmark = pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))

ECHO = """\
def handle(data, context):
    return None if data is None else [bytes(row["body"]).decode() for row in data]
"""


def test_pod_serves_with_its_tokens_on_a_read_only_root_and_is_not_ready_while_it_stops(
    tmp_path: Path,
) -> None:
    objects = render("drain.shutdown_delay_sec=3", values=CPU)
    pod = objects["Deployment", "torchserve"]["spec"]["template"]["spec"]
    (spec,) = pod["containers"]
    assert pod["securityContext"]["runAsUser"] == USER
    assert spec["securityContext"]["readOnlyRootFilesystem"]
    tokens = {
        name: base64.b64decode(value).decode()
        for name, value in objects["Secret", "torchserve-tokens"]["data"].items()
    }
    sources = {"tokens": tokens, "settings": objects["ConfigMap", "torchserve-settings"]["data"]}
    mounts = {}
    for mount in spec["volumeMounts"]:
        source = tmp_path / mount["name"]
        for name, text in sources.get(mount["name"], {}).items():
            source.mkdir(exist_ok=True)
            (source / name).write_text(text)
        if source.exists() or mount["name"] == "persistent-storage":
            mounts[mount["mountPath"]] = source
    ModelStore(tmp_path / "persistent-storage" / "model-store").write_handler("echo", ECHO)
    assert set(mounts) == {
        f"{HOME}/shared",
        "/etc/torchserve/settings",
        "/etc/torchserve/tokens",
    }

    network = Network()
    container = ImageContainer(
        tmp_path / "container",
        network,
        environment={variable["name"]: variable["value"] for variable in spec["env"]},
        read_only=True,
        mounts=mounts,
        workdir=spec["workingDir"],
    )
    url = "http://127.0.0.1:8080"
    try:
        container.start(*spec["args"])
        probe = url + spec["readinessProbe"]["httpGet"]["path"]
        wait_for(lambda: container.ask("GET", probe).status_code == 200, container.text())
        asked = {"data": "one", "headers": {"Authorization": f"Bearer {tokens['inference']}"}}
        answer = container.ask("POST", f"{url}/predictions/echo", **asked)
        assert (answer.status_code, answer.text) == (200, "one")
        assert container.ask("POST", f"{url}/predictions/echo", data="one").status_code == 401

        container.send(signal.SIGTERM)
        wait_for(lambda: container.ask("GET", probe).status_code == 503, "not to be ready")
        # Until balancers have taken note, it serves.
        assert container.ask("POST", f"{url}/predictions/echo", **asked).text == "one"
        assert container.wait() == 128 + signal.SIGTERM, container.text()
    finally:
        container.stop()
        network.close()
