"""`torchserve try` runs a model in the worker's own code; as a process, which becomes a worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ts._cli.errors import Refusal
from ts._cli.trying.socket_folder import socket_folder

SOURCES = Path(__file__).parents[2] / "src"
DIGITS = Path(__file__).parents[3] / "examples" / "digits"
Try = Callable[..., "subprocess.CompletedProcess[bytes]"]

ECHO = """
import os
print("imported", flush=True)
os.write(1, b"from C\\n")
def handle(data, context):
    if data is None:
        return None
    return [{"body": str(d["body"]), "batch": len(data), "name": context.model_name} for d in data]
"""
STAGES = """
from ts.torch_handler.base_handler import BaseHandler
class Handler(BaseHandler):
    def initialize(self, context): self.initialized = True
    def preprocess(self, data): return [d["body"] for d in data]
    def inference(self, data): return [len(d) for d in data]
    def postprocess(self, data): return data
"""
FAILS = """
def handle(data, context):
    if data is None:
        return None
    return [{}["vocab"]]
"""


@pytest.fixture
def try_(place: Path) -> Try:
    def run(*words: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        code = "import sys; from ts._cli.main import main; sys.exit(main())"
        command = [sys.executable, "-c", code, "try", *(str(word) for word in words)]
        environ = {**os.environ, "PYTHONPATH": str(SOURCES)}
        return subprocess.run(command, input=stdin, capture_output=True, env=environ)

    return run


def write(folder: str, code: str, **more: str) -> Path:
    path = Path(folder)
    path.mkdir()
    (path / "handler.py").write_text(code)
    for name, content in more.items():
        (path / name.replace("__", "-").replace("_yaml", ".yaml")).write_text(content)
    return path


def test_answer_is_all_of_standard_output(try_: Try) -> None:
    done = try_(write("echo", ECHO), "--data", "hello")

    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == {"body": "hello", "batch": 1, "name": "echo"}
    said = done.stderr.decode()
    assert "imported\n" in said
    assert "from C\n" in said
    assert "echo 1.0, handler handler.py, cpu" in said
    assert "peak memory" in said
    assert "Torch worker started" not in said


def test_handler_file_is_tried_with_its_folder(try_: Try) -> None:
    folder = write("m", ECHO, **{"model__config_yaml": "batchSize: 4\n"})
    (folder / "handler.py").rename(folder / "mine.py")

    done = try_(folder / "mine.py", "--data", "x", "--json")

    said = json.loads(done.stdout)
    assert (said["model"], said["handler"], said["ok"]) == ("mine", "mine.py", True)


@pytest.mark.parametrize("name", ["m.mar", "m.tar.gz"])
def test_archives_are_tried(try_: Try, name: str) -> None:
    manifest = {"model": {"handler": "handler.py", "modelName": "packed", "modelVersion": "2.0"}}
    folder = write("packed", ECHO)
    (folder / "MAR-INF").mkdir()
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
    if name.endswith(".mar"):
        with zipfile.ZipFile(name, "w") as archive:
            for each in ("handler.py", "MAR-INF/MANIFEST.json"):
                archive.write(folder / each, each)
    else:
        with tarfile.open(name, "w:gz") as packed:
            packed.add(folder, "packed")

    done = try_(name, "--data", "x")

    assert json.loads(done.stdout)["name"] == "packed", done.stderr.decode()
    assert "packed 2.0" in done.stderr.decode()


def test_input_has_the_type_of_its_name_as_in_predict(try_: Try) -> None:
    folder = write("echo", ECHO)
    Path("a.json").write_text('{"a": 1}')
    Path("a.png").write_bytes(b"\x89")

    assert json.loads(try_(folder, "--input", "a.json").stdout)["body"] == "{'a': 1}"
    assert json.loads(try_(folder, "--input", "a.png").stdout)["body"] == r"bytearray(b'\x89')"
    assert "bytearray" in json.loads(try_(folder, "--input", "-", stdin=b"x").stdout)["body"]


def test_several_inputs_and_batch_are_one_call(try_: Try) -> None:
    folder = write("echo", ECHO)
    Path("a.txt").write_text("a")
    Path("b.txt").write_text("b")

    done = try_(folder, "--input", "a.txt", "--input", "b.txt", "--batch", "2", "--json")

    answers = json.loads(done.stdout)["answers"]
    assert [answer["value"]["body"] for answer in answers] == ["a", "b", "a", "b"]
    assert {answer["value"]["batch"] for answer in answers} == {4}


def test_without_input_it_is_only_loaded(try_: Try) -> None:
    done = try_(write("echo", ECHO))

    assert done.returncode == 0
    assert done.stdout == b""
    assert "load" in done.stderr.decode()


def test_stages_are_timed_and_repeats_have_a_median(try_: Try) -> None:
    done = try_(write("staged", STAGES), "--data", "abc", "--repeat", "3", "--json")

    said = json.loads(done.stdout)
    assert said["answers"][0]["value"] == 3
    assert {name: len(times) for name, times in said["stages"].items()} == {
        "preprocess": 3,
        "inference": 3,
        "postprocess": 3,
        "explain_handle": 0,
    }
    assert len(said["requestSeconds"]) == 3
    assert said["peakMemoryBytes"] > 0


def test_failed_load_has_the_traceback_in_the_users_words(try_: Try) -> None:
    folder = write("whole", "import this_is_missing\n")

    done = try_(folder)

    said = done.stderr.decode()
    assert done.returncode == 1
    assert f'File "{folder.absolute()}/handler.py", line 1' in said
    assert "No module named 'this_is_missing'" in said.splitlines()[-1]
    assert said.splitlines()[-1].startswith(
        "Model 'whole' could not be loaded: ModuleNotFoundError"
    )


def test_failed_request_has_the_traceback_and_status_1(try_: Try) -> None:
    done = try_(write("fails", FAILS), "--data", "x")

    assert done.returncode == 1
    assert "KeyError: 'vocab'" in done.stderr.decode()
    assert "503 Prediction failed" in done.stderr.decode()
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("ecko", "There is no ecko. Did you mean echo?"),
        ("store", "has no MAR-INF/MANIFEST.json and no handler.py"),
        ("x.txt", "x.txt is no model: expected a folder, a handler's .py file, or an archive"),
        ("x.mar", "x.mar cannot be unpacked"),
    ],
)
def test_what_is_no_model_says_what_was_expected(try_: Try, path: str, said: str) -> None:
    write("echo", ECHO)
    for name in ("x.txt", "x.mar"):
        Path(name).write_text("no archive")

    done = try_(path)

    assert done.returncode == 1
    assert said in done.stderr.decode()


CODE = "".join(f"# {number * number}\n" for number in range(300))


def damaged_zip(method: int) -> bytes:
    """A file in it is of another text than its end says."""
    with zipfile.ZipFile("m.mar", "w", method) as archive:
        archive.writestr("handler.py", CODE)
    content = bytearray(Path("m.mar").read_bytes())
    content[100:140] = bytes(40)
    return bytes(content)


def changed_zip(marks: tuple[int, int], value: int) -> bytes:
    """Both headers of the only file have another value at these places."""
    with zipfile.ZipFile("m.mar", "w") as archive:
        archive.writestr("handler.py", CODE)
    content = bytearray(Path("m.mar").read_bytes())
    for signature, mark in zip((b"PK\3\4", b"PK\1\2"), marks, strict=True):
        content[content.index(signature) + mark] = value
    return bytes(content)


def cut_tar() -> bytes:
    with tarfile.open("m.tar.gz", "w:gz") as packed:
        packed.add("echo")
    return Path("m.tar.gz").read_bytes()[:100]


@pytest.mark.parametrize(
    ("name", "packed", "said"),
    [
        ("x.mar", lambda: damaged_zip(zipfile.ZIP_STORED), "Bad CRC-32"),
        ("x.mar", lambda: damaged_zip(zipfile.ZIP_DEFLATED), "Error -3 while decompressing"),
        ("x.mar", lambda: damaged_zip(zipfile.ZIP_BZIP2), "Invalid data stream"),
        ("x.mar", lambda: damaged_zip(zipfile.ZIP_LZMA), "Corrupt input data"),
        ("x.mar", lambda: changed_zip((6, 8), 1), "is encrypted, password required"),
        ("x.mar", lambda: changed_zip((8, 10), 99), "compression method is not supported"),
        ("x.tgz", cut_tar, "ended before the end-of-stream marker"),
        ("x.tar.gz", lambda: b"\x1f\x8b\x08" + bytes(200), "file could not be opened"),
    ],
    ids=["stored", "deflated", "bzip2", "lzma", "encrypted", "unknown-method", "cut", "no-gzip"],
)
def test_archive_that_cannot_be_unpacked_is_refused_in_one_line(
    try_: Try, name: str, packed: Callable[[], bytes], said: str
) -> None:
    write("echo", ECHO)
    Path(name).write_bytes(packed())

    done = try_(name)

    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(f"{name} cannot be unpacked: ")
    assert said in line


def test_folder_of_a_model_stays_as_it_was(try_: Try) -> None:
    folder = write("echo", ECHO)
    (folder / "MAR-INF").mkdir()
    (folder / "MAR-INF" / "MANIFEST.json").write_text('{"model": {"handler": "handler.py"}}')
    before = sorted(folder.rglob("*"))

    assert try_(folder, "--data", "x").returncode == 0
    assert sorted(folder.rglob("*")) == before


def test_explanation_is_asked_for_as_the_server_does(try_: Try) -> None:
    code = STAGES + "    def explain_handle(self, data, raw): return ['because']\n"

    done = try_(write("staged", code), "--data", "abc", "--explain")

    assert done.stdout == b"because\n", done.stderr.decode()


def test_model_of_torch_is_found_in_its_folder_and_profiled(try_: Try) -> None:
    done = try_(DIGITS, "--input", DIGITS / "sample" / "seven.png", "--profile", "--json")

    said = json.loads(done.stdout)
    assert said["answers"][0]["value"]["class"] == "7", done.stderr.decode()
    assert "aten::" in said["profile"]


def test_interrupt_tells_where_the_model_hangs_and_is_130(place: Path) -> None:
    folder = write("hangs", "import time\nprint('hanging', flush=True)\ntime.sleep(600)\n")
    code = "import sys; from ts._cli.main import main; sys.exit(main())"
    environ = {**os.environ, "PYTHONPATH": str(SOURCES)}
    command = [sys.executable, "-c", code, "try", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environ, text=True) as process:
        try:
            assert process.stderr is not None
            while process.stderr.readline() != "hanging\n":
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert "handler.py" in process.stderr.read()
            assert process.wait(60) == 130
        finally:
            process.kill()


def test_temporary_folder_may_have_any_path(place: Path) -> None:
    folder = write("echo", ECHO)
    long = place / ("t" * 120)
    long.mkdir()
    code = "import sys; from ts._cli.main import main; sys.exit(main())"

    done = subprocess.run(
        [sys.executable, "-c", code, "try", str(folder), "--data", "hello"],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(SOURCES), "TMPDIR": str(long)},
    )

    assert done.returncode == 0, done.stderr.decode()
    assert list(long.iterdir()) == []


def test_socket_without_a_place_names_the_cause_and_the_way_out(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = place / ("t" * 120)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with pytest.raises(Refusal, match=r"at most \(.*/t+: its path would have \d+ bytes; /no: No s"):
        socket_folder(["/no"])
    assert list(long.iterdir()) == []
    # The path of `place` may be too long itself: that depends on TMPDIR.
    with (
        tempfile.TemporaryDirectory(prefix="ts-", dir="/tmp") as short,
        socket_folder([short]) as made,
    ):
        assert Path(made).parent == Path(short)
        assert oct(Path(made).stat().st_mode & 0o777) == "0o700"
