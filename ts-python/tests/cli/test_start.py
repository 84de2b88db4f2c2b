from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from fake_java import ADDRESSES, FakeJava, Run, Spawn, kill, wait_until

MAIN_CLASS = "org.tsnext.server.ModelServer"


def folder_of_servers() -> Path:
    return Path(tempfile.gettempdir(), f".torchserve-next-{os.getuid()}")


def pid_file() -> Path:
    return Path(tempfile.gettempdir(), ".model_server.pid")


def test_started_says_where_it_listens_and_what_it_loads(java: FakeJava, run: Run) -> None:
    java.starts(
        models=["digits", "echo", "x.mar"],
        failed=["x.mar: Model not found at: x.mar"],
        warnings=["tokens are off"],
    )

    outcome = run("--start", "--model-store", "store")

    assert outcome.status == 0
    lines = outcome.out.splitlines()
    assert lines[-1] == "Model server started."
    assert "  inference   http://127.0.0.1:8080" in lines
    assert "  management  http://127.0.0.1:8081" in lines
    assert "  loading     digits, echo" in lines
    assert "  failed      x.mar: Model not found at: x.mar" in lines
    assert f"  logs        {Path('logs').absolute()}" in lines
    assert "  stop        torchserve --stop" in lines
    assert "Warning: tokens are off" in lines
    assert outcome.err == ""


def test_started_with_tokens_says_where_the_keys_are(java: FakeJava, run: Run) -> None:
    words = ("--start", "--model-store", "store")
    java.starts(key_file="/srv/key_file.json")

    assert "  keys        /srv/key_file.json" in run(*words).out.splitlines()

    java.starts()
    assert run("--stop").status == 0
    assert "  keys  " not in run(*words).out


def test_command_line_of_the_frontend(java: FakeJava, run: Run, home: Path) -> None:
    Path("my.properties").write_text("inference_address=http://127.0.0.1:9000\n")
    words = (
        "--ts-config my.properties --model-store store --workflow-store store --ncs --dt "
        "--enable-model-api --models a.mar b=c.mar"
    )

    assert run(*words.split()).status == 0

    vm, server = split_words(java.words())
    assert vm[-2:] == ["-cp", f"{home}/frontend/*"]
    assert {"-Dtsnext.console=off", "-Dtsnext.announce=off"} <= set(vm)
    assert f"-Dmodel_server_home={home.parent}" in vm
    status = server[server.index("--status-file") + 1]
    store = str(Path("store").absolute())
    expected = f"--ts-home {home} -f {Path('my.properties').absolute()} -s {store} -w {store} -ncs"
    assert server[0] == "--python"
    assert server[2:] == [
        *expected.split(),
        *["-dt", "-mapi", "-m", "a.mar", "b=c.mar", "--status-file"],
        *[status, "--pid-file", str(Path(tempfile.gettempdir()).resolve() / ".model_server.pid")],
        *["--known-as", "org.pytorch.serve.ModelServer"],
    ]
    assert Path(status).parent == folder_of_servers()


def split_words(words: list[str]) -> tuple[list[str], list[str]]:
    position = words.index(MAIN_CLASS)
    return words[:position], words[position + 1 :]


def test_server_is_detached(java: FakeJava, run: Run) -> None:
    inherited = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(inherited, False)

    run("--model-store", "store")

    os.close(inherited)
    seen = java.records()[-1]
    assert seen["session"] == seen["pid"]
    assert seen["stdin"] == os.devnull
    # 0, 1, 2, the two files that it has locked, and the folder listing itself
    assert len(seen["files"]) <= 6
    assert seen["cwd"] == str(Path.cwd())


def test_empty_log_folders_are_the_default_ones(
    java: FakeJava, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOG_LOCATION", "")
    monkeypatch.setenv("METRICS_LOCATION", str(tmp_path))
    java.starts()

    assert run("--model-store", "store").status == 0

    # log4j would take the empty one for the root of the file system.
    assert java.records()[-1]["locations"] == {"METRICS_LOCATION": str(tmp_path)}


def test_reader_that_leaves_early_does_not_hinder(java: FakeJava, home: Path) -> None:
    java.starts()
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        command_in_a_process(home),
        env=environment_of_commands(),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writing)

    assert (done.returncode, done.stderr) == (0, "")


def test_its_files_are_private_and_the_pid_file_is_as_in_0_12(java: FakeJava, run: Run) -> None:
    run("--model-store", "store")

    assert stat.S_IMODE(folder_of_servers().stat().st_mode) == 0o700
    ours = [path for path in folder_of_servers().iterdir() if path.suffix != ".status"]
    assert len(ours) == 2
    assert all(not path.stat().st_mode & 0o077 for path in ours)
    assert pid_file().read_bytes() == str(java.records()[-1]["pid"]).encode()


def test_reported_failure_is_told_and_nothing_is_left(java: FakeJava, run: Run) -> None:
    java.does(status={"state": "failed", "reason": "job_queue_size=many: expected a number"})

    outcome = run("--model-store", "store")

    assert outcome.status == 1
    assert "job_queue_size=many: expected a number" in outcome.err
    assert "Model server started." not in outcome.out
    assert_nothing_left(java)


def test_early_end_of_the_jvm_shows_its_last_words(java: FakeJava, run: Run) -> None:
    java.does(exits=134, prints="first\nError: Could not find or load main class")

    outcome = run("--model-store", "store")

    assert outcome.status == 1
    assert "the JVM ended with status 134" in outcome.err
    assert "Could not find or load main class" in outcome.err
    assert_nothing_left(java)


def test_start_that_takes_too_long_is_ended(java: FakeJava, run: Run) -> None:
    java.does(status={"state": "starting"})

    outcome = run("--model-store", "store", start_limit_sec=0.5)

    assert outcome.status == 1
    assert "was not ready within 0.5 s" in outcome.err
    assert_nothing_left(java)


def assert_nothing_left(java: FakeJava) -> None:
    for record in java.records():
        with pytest.raises(ProcessLookupError):
            os.kill(record["pid"], 0)
    assert list(folder_of_servers().iterdir()) == []
    assert not pid_file().exists()


def test_same_addresses_are_already_running(java: FakeJava, run: Run) -> None:
    run("--model-store", "store")

    outcome = run("--model-store", "store")

    assert outcome.status == 1
    assert outcome.out == (
        "TorchServe is already running, please use torchserve --stop to stop TorchServe.\n"
    )
    assert len(java.records()) == 1


def test_port_of_a_server_of_ours_is_already_running(java: FakeJava, run: Run) -> None:
    # The settings do not tell the address: only the frontend finds it taken.
    run("--model-store", "store")
    reason = "inference_address http://127.0.0.1:8080: Address already in use"
    java.does(status={"state": "failed", "reason": reason})
    Path("config.properties").write_text(
        "inference_address=http://0.0.0.0:8080\nmanagement_address=http://0.0.0.0:8081\n"
    )

    outcome = run("--model-store", "store")

    assert outcome.status == 1
    assert outcome.out.startswith("TorchServe is already running")
    assert reason in outcome.out


def test_port_of_another_process_is_the_reason_given(java: FakeJava, run: Run) -> None:
    reason = "inference_address http://127.0.0.1:8080: Address already in use"
    java.does(status={"state": "failed", "reason": reason})

    outcome = run("--model-store", "store")

    assert (outcome.status, outcome.out) == (1, "")
    assert reason in outcome.err


def test_other_addresses_run_side_by_side(java: FakeJava, run: Run) -> None:
    run("--model-store", "store")
    first = pid_file().read_text()
    Path("config.properties").write_text(
        "inference_address=http://127.0.0.1:9080\nmanagement_address: http://127.0.0.1:9081\n"
    )
    java.starts({"inference": "http://127.0.0.1:9080", "management": "http://127.0.0.1:9081"})

    assert run("--model-store", "store").status == 0

    assert len(java.records()) == 2
    assert pid_file().read_text() == first


@pytest.mark.parametrize("text", ["", "nonsense", "-1", "99999999999999", "1", "\0\xff"])
def test_garbage_in_the_pid_file_is_replaced(java: FakeJava, run: Run, text: str) -> None:
    pid_file().write_bytes(text.encode("latin-1"))

    assert run("--model-store", "store").status == 0

    assert pid_file().read_text() == str(java.records()[-1]["pid"])


def test_pid_file_that_named_a_start_which_has_failed_since_names_the_server(
    java: FakeJava, run: Run, spawn: Spawn
) -> None:
    """Of two starts at a time one has the addresses, and perhaps the other had the file."""
    rival = spawn([sys.executable, "-c", "import time; time.sleep(600)", MAIN_CLASS])
    pid_file().write_text(str(rival.pid))
    java.does(kills=rival.pid, status={"state": "started", "addresses": ADDRESSES})

    assert run("--model-store", "store").status == 0

    assert pid_file().read_text() == str(java.records()[-1]["pid"])


def test_what_is_left_of_a_killed_server_does_not_hinder(java: FakeJava, run: Run) -> None:
    run("--model-store", "store")
    kill(java.records()[-1]["pid"])
    (folder_of_servers() / "broken.json").write_text("{")

    assert run("--model-store", "store").status == 0

    assert pid_file().read_text() == str(java.records()[-1]["pid"])
    assert len(list(folder_of_servers().glob("*.json"))) == 1


def test_folder_that_others_can_write_to_is_refused(java: FakeJava, run: Run) -> None:
    folder_of_servers().mkdir()
    folder_of_servers().chmod(0o777)

    outcome = run("--model-store", "store")

    assert outcome.status == 1
    assert str(folder_of_servers()) in outcome.err
    assert java.records() == []


def test_interrupted_start_leaves_no_server(java: FakeJava, home: Path, spawn: Spawn) -> None:
    java.does(status={"state": "starting"})
    command = spawn(command_in_a_process(home), env=environment_of_commands())
    # Not before its status stands there: what it was writing would stay.
    wait_until(lambda: bool(list(folder_of_servers().glob("*.status"))))

    command.terminate()

    assert command.wait(60) == 143
    assert_nothing_left(java)


def command_in_a_process(home: Path) -> list[str]:
    code = (
        "import pathlib; from ts._cli.main import main; from ts._cli.streams import run_command; "
        f"home = pathlib.Path({str(home)!r}); "
        "run_command('torchserve', lambda: main(['--model-store', 'store'], home=home))"
    )
    return [sys.executable, "-c", code]


def environment_of_commands() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
