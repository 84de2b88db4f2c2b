"""The image of deploy/docker: its entry point as process 1, in namespaces, as user 1000."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from image_container import HOME, USER, ImageContainer, Network, refusal
from torchserve_process import wait_for

pytestmark = pytest.mark.skipif(refusal() is not None, reason=str(refusal()))

ECHO = """\
def handle(data, context):
    return None if data is None else [bytes(row["body"]).decode() for row in data]
"""
BROKEN = """\
raise RuntimeError("the weights are not there")
"""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


@pytest.fixture
def container(tmp_path: Path, network: Network) -> Iterator[ImageContainer]:
    """A container for a command."""
    container = ImageContainer(tmp_path, network)
    yield container
    container.stop()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, network: Network) -> Iterator[ImageContainer]:
    """What `docker run IMAGE serve --models echo` is; the last test of it ends it."""
    container = ImageContainer(tmp_path_factory.mktemp("served"), network)
    container.store.write_handler("echo", ECHO)
    container.start("serve", "--models", "echo")
    yield container
    container.stop()


def test_serve_runs_the_server_as_the_images_user_below_an_init_and_logs_to_its_output(
    served: ImageContainer,
) -> None:
    processes = served.processes()
    assert Path(processes[1].command[0]).name == "dumb-init"
    for process in processes.values():
        assert set(process.users) == {USER}, process
        assert "tail" not in process.command
    wait_for(lambda: "The inference API listens on" in served.text(), "the log in the output")
    assert (served.home / "logs" / "ts_log.log").exists()


def test_serve_asks_for_tokens_and_answers_with_them(served: ImageContainer) -> None:
    url = "http://127.0.0.1:8080"
    ready = f"{url}/ready"
    wait_for(lambda: served.ask("GET", ready).status_code == 200, f"/ready; {served.text()}")
    assert served.ask("POST", f"{url}/predictions/echo", data="one").status_code == 401
    answer = served.ask(
        "POST", f"{url}/predictions/echo", data="one", headers=served.token("inference")
    )
    assert (answer.status_code, answer.text) == (200, "one")
    listed = served.ask("GET", "http://127.0.0.1:8081/models", headers=served.token("management"))
    assert [model["modelName"] for model in listed.json()["models"]] == ["echo"]
    assert served.ask("GET", "http://127.0.0.1:8082/metrics").status_code == 200


def test_orphans_are_waited_for(served: ImageContainer) -> None:
    # The shell that starts it ends first, so that it becomes a child of process 1.
    done = served.execute("sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!")
    orphan = int(done.stdout)
    first = served.first_process()
    wait_for(lambda: served.processes()[orphan].parent == first, "its new parent")
    served.execute("kill", "-KILL", str(orphan))
    wait_for(lambda: orphan not in served.processes(), "the orphan to be gone, not a zombie")
    wait_for(
        lambda: not [each for each in served.processes().values() if each.state == "Z"],
        "no zombie",
    )


def test_health_check_finds_the_server(served: ImageContainer) -> None:
    done = served.execute("/usr/local/bin/torchserve-health")
    assert (done.returncode, done.stdout) == (0, "http://0.0.0.0:8080/ping: 200\n"), done.stderr


def test_sigterm_ends_the_server_with_all_its_children_and_its_status(
    served: ImageContainer,
) -> None:
    processes = dict(served.processes())
    assert len(processes) > 4
    served.send(signal.SIGTERM)
    assert served.wait() == 128 + signal.SIGTERM, served.text()
    wait_for(lambda: not any(each.folder.exists() for each in processes.values()), "their end")
    # It has drained: nothing temporary is left of it, no token, and the log says so.
    assert "key_file.json" not in [path.name for path in served.home.iterdir()]
    assert not [path for path in (served.home / "tmp").rglob("*") if path.suffix == ".sock"]


def test_torchserve_start_stays_in_the_foreground_also_on_a_read_only_root(
    tmp_path: Path, network: Network
) -> None:
    # As many pods are: nothing can be written to but /tmp.
    container = ImageContainer(
        tmp_path, network, read_only=True, environment={"TS_KEY_FILE": "/tmp/key_file.json"}
    )
    container.store.write_handler("broken", BROKEN, "maxRetryTimeoutInSec: 1\n")
    store = f"--model-store={HOME}/model-store"
    try:
        container.start("torchserve", "--start", store, "--models", "broken", "--ncs")
        health = wait_for(
            lambda: (
                (done := container.execute("/usr/local/bin/torchserve-health")).returncode and done
            ),
            "a model that cannot be loaded to be told",
        )
        assert health.stdout == "http://0.0.0.0:8080/ping: 500\n"
        assert "the weights are not there" in container.text()
        (java,) = (
            process.number
            for process in container.processes().values()
            if process.command and process.command[0].endswith("/java")
        )
        container.execute("kill", "-KILL", str(java))
        # A server that dies ends the container, with the status of its death.
        assert container.wait() == 128 + signal.SIGKILL
    finally:
        container.stop()


def test_variable_has_serve_ask_for_no_tokens_and_options_may_follow_the_word(
    container: ImageContainer,
) -> None:
    container.environment["TS_DISABLE_TOKEN_AUTHORIZATION"] = "true"
    status, text = container.run("serve", "--print-config")
    assert status == 0
    assert "disable_token_authorization = true" in text
    assert f"model_store = {HOME}/model-store" in text


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("sh", "-c", "echo $0 $1; exit 7", "a b", "c"), 7, "a b c\n"),
        (("torchserve --version",), 0, "TorchServe Version is"),
        (("echo 'one two' | tr a-z A-Z; exit 3",), 3, "ONE TWO\n"),
        (("printf %s. 'one two' three",), 0, "one two.three."),
        (("pwd",), 0, f"{HOME}\n"),
        (("no-such-command",), 127, "no-such-command"),
        (("torchserve", "completion", "bash"), 0, "# "),
        (("torchserve", "status", "--json"), 3, '"running": false'),
        (("torchserve try no.mar",), 1, "There is no no.mar."),
    ],
    ids=[
        "words",
        "one-string",
        "shell",
        "quotes",
        "folder",
        "missing",
        "completion",
        "status",
        "try",
    ],
)
def test_any_command_is_run_as_given_and_its_status_is_the_containers(
    container: ImageContainer, words: tuple[str, ...], status: int, text: str
) -> None:
    ended, said = container.run(*words)
    assert ended == status, said
    assert said.startswith(text) if status == 0 else text in said


def test_signals_reach_any_command(container: ImageContainer) -> None:
    script = "trap 'echo stopping; exit 5' TERM; echo waiting; while :; do sleep 0.05; done"
    container.begin("sh", "-c", script)
    wait_for(lambda: container.has_said("waiting"), "its first line")
    container.send(signal.SIGTERM)
    assert container.wait() == 5
    assert container.text() == "waiting\nstopping\n"
