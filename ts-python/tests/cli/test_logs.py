from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import threading
from pathlib import Path

import pytest
from fake_java import FakeJava, Run, wait_until
from ts._cli.commands.logs import LogLines

LINES = """\
2030-01-01T10:00:00,000 [INFO ] W-9000-digits_1.0-stdout MODEL_LOG - loaded
2030-01-01T10:00:01,000 [WARN ] W-9001-digits_two_1.0-stderr MODEL_LOG - other
2030-01-01T10:00:02,000 [ERROR] W-9000-digits_1.0-stderr MODEL_LOG - KeyError: 'vocab'
2030-01-01T10:00:03,000 [WARN ] background-1 MODEL_LOG - W-9000-digits_1.0 could not load its model
    Traceback (most recent call last):
2030-01-01T10:00:04,000 [WARN ] background-1 MODEL_LOG - W-9001-digits_two_1.0 is replaced
    for a reason
"""


@pytest.fixture(autouse=True)
def logs(java: FakeJava, run: Run) -> Path:
    """The folder of the logs of a server that was started from here."""
    assert run("--start", "--model-store", "store").status == 0
    folder = Path("logs")
    folder.mkdir(exist_ok=True)
    (folder / "ts_log.log").write_text("".join(f"line {n}\n" for n in range(100)))
    (folder / "model_log.log").write_text(LINES)
    return folder


def test_logs_are_the_last_lines_of_the_server(run: Run) -> None:
    assert run("logs", "-n", "2").out == "line 98\nline 99\n"
    assert len(run("logs").out.splitlines()) == 50


def test_logs_of_a_model_are_its_workers_lines_alone(run: Run) -> None:
    lines = LINES.splitlines()

    assert run("logs", "digits").out.splitlines() == [lines[0], *lines[2:5]]
    assert run("logs", "digits_two").out.splitlines() == [lines[1], *lines[5:]]


def test_logs_as_json_are_an_object_for_each_line(run: Run) -> None:
    said = [json.loads(line) for line in run("logs", "digits", "--json").out.splitlines()]

    assert [each.get("level") for each in said] == ["INFO", "ERROR", "WARN", None]
    assert said[1]["message"] == "KeyError: 'vocab'"


def test_missing_log_says_which_file(run: Run, logs: Path) -> None:
    outcome = run("logs", "--kind", "access")

    assert outcome.status == 1
    assert f"{logs.absolute() / 'access_log.log'} cannot be read" in outcome.err


def test_logs_are_followed_over_a_replaced_file_until_the_server_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n")
    alive = threading.Event()
    alive.set()
    seen: list[str] = []
    with contextlib.closing(LogLines(path.open("rb"), path)) as lines:
        assert list(lines.until_now()) == ["old"]

        def follow_each() -> None:
            for line in lines.from_now(alive.is_set):
                seen.append(line)

        thread = threading.Thread(target=follow_each)
        thread.start()
        with path.open("a") as more:
            more.write("first\nha")
            more.flush()
            wait_until(lambda: seen == ["first"])
            more.write("lf\n")
        wait_until(lambda: seen == ["first", "half"])
        os.rename(path, tmp_path / "a.log.1")
        (tmp_path / "new").write_text("third\n")
        os.rename(tmp_path / "new", path)
        wait_until(lambda: seen == ["first", "half", "third"])
        alive.clear()
        thread.join(60)
        assert not thread.is_alive()


def test_control_characters_do_not_reach_a_terminal(
    logs: Path, command: list[str], java: FakeJava
) -> None:
    (logs / "ts_log.log").write_text("a\x1b]0;title\x07b\n")
    ours, theirs = pty.openpty()
    code = command[2].replace("main(", "main(['logs'], ", 1)
    subprocess.run([*command[:2], code], stdout=theirs, check=True)
    os.close(theirs)
    assert os.read(ours, 65536) == b"a\\x1b]0;title\\x07b\r\n"
    os.close(ours)
