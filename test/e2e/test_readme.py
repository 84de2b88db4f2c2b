"""README and the pages for beginners: their commands run, and answer what they show."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import requests
from torchserve_process import REPOSITORY, TorchServe, free_ports, wait_for

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
FIRST_STEPS = (REPOSITORY / "docs" / "first-steps.md").read_text(encoding="utf-8")
PRODUCTION = (REPOSITORY / "docs" / "production.md").read_text(encoding="utf-8")


class Block:
    """A fenced block: its language and its text."""

    def __init__(self, language: str, text: str) -> None:
        self.language = language
        self.text = text

    def commands(self) -> list[str]:
        return [line for line in self.text.splitlines() if line.strip()]


def blocks(heading: str, page: str = FIRST_STEPS) -> list[Block]:
    """The fenced blocks of one section."""
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [Block(*found) for found in re.findall(r"^```(\w+)\n(.*?)^```$", section, re.M | re.S)]


class Reader:
    """A user who types what README says, in a clone that is set up."""

    def __init__(self, folder: Path) -> None:
        self.server = TorchServe(folder / "server", torch=True)
        self.clone = folder / "clone"
        self.clone.mkdir()
        (self.clone / "examples").symlink_to(REPOSITORY / "examples")
        defaults = ("8080", "8081", "8082", "7070", "7071", "8443", "8444")
        self.ports = dict(zip(defaults, free_ports(len(defaults)), strict=True))
        # The default ports may be taken here; nothing else differs from what a reader does.
        self.defaults = (
            f"metrics_address=http://127.0.0.1:{self.ports['8082']}\n"
            f"grpc_inference_port={self.ports['7070']}\n"
            f"grpc_management_port={self.ports['7071']}\ndefault_workers_per_model=1\n"
        )
        (self.clone / "config.properties").write_text(
            f"inference_address=http://127.0.0.1:{self.ports['8080']}\n"
            f"management_address=http://127.0.0.1:{self.ports['8081']}\n{self.defaults}",
            encoding="utf-8",
        )

    def on_free_ports(self, text: str) -> str:
        """A text of README with ports that are free here."""
        for default, free in self.ports.items():
            text = re.sub(rf"(127\.0\.0\.1|localhost):{default}\b", rf"\1:{free}", text)
        return text

    def types(self, command: str, before: Sequence[str] = ()) -> str:
        """Runs one line, in a shell that has run those `before`; returns what it prints."""
        lines = self.on_free_ports("\n".join((*before, command)))
        command = lines.replace("curl ", "curl --silent --show-error --max-time 90 ")
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.clone,
            env={
                **{
                    name: value
                    for name, value in self.server.environment.items()
                    if not name.endswith("_LOCATION")
                },
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def waits_until_known(self, model: str) -> None:
        """Does what reading on does: on a busy machine, unpacking takes a moment."""
        url = f"http://127.0.0.1:{self.ports['8081']}/models/{model}"
        wait_for(lambda: requests.get(url, timeout=30).status_code == 200, f"{model} to be known")

    def as_shown(self, printed: str) -> str:
        """Output with the default ports again."""
        for default, free in self.ports.items():
            printed = printed.replace(f"127.0.0.1:{free}", f"127.0.0.1:{default}")
        return printed.replace(str(self.clone), "/home/you/torchserve-next")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    if shutil.which("curl") is None:
        pytest.skip("README's commands need curl")
    if shutil.which("openssl") is None:
        pytest.skip("README's commands need openssl")
    one = Reader(tmp_path)
    yield one
    one.types("torchserve --stop")
    wait_for(lambda: not one.server.processes(), "the server to end")
    one.server.assert_nothing_left()


def shape(value: object) -> object:
    """What must be the same on every machine: names and types, and texts as they are."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(member) for member in value]
    return type(value).__name__ if isinstance(value, float) else value


def assert_same_json(printed: str, shown: Block) -> None:
    assert shown.language == "json"
    assert shape(json.loads(printed)) == shape(json.loads(shown.text))


def test_first_five_minutes_and_a_handler(reader: Reader) -> None:
    first = blocks("The first five minutes")
    setup, pack, start, started, predict, predicted, explain = first[:7]
    manage, *managed, error, refused = first[7:]
    assert setup.commands() == ["scripts/setup", "source .venv/bin/activate"]

    for command in pack.commands():
        reader.types(command)
    (command,) = start.commands()
    printed = reader.as_shown(reader.types(command)).splitlines()
    assert [without_folder(line) for line in printed] == [
        without_folder(line) for line in started.commands()
    ]

    reader.waits_until_known("digits")
    assert_same_json(reader.types(*predict.commands()), predicted)
    explanation = json.loads(reader.types(*explain.commands()))
    assert explanation["class"] == "7"
    assert [len(row) for row in explanation["attributions"]] == [8] * 8

    listed, described, scaled, pinged = [reader.types(line) for line in manage.commands()]
    for answer, shown in zip((listed, scaled, pinged), managed, strict=True):
        assert_same_json(answer, shown)
    assert json.loads(described)[0]["workers"][0]["status"] == "READY"
    assert_same_json(reader.types(*error.commands()), refused)

    (client,) = blocks("gRPC")
    (reader.clone / "ask.py").write_text(reader.on_free_ports(client.text), encoding="utf-8")
    assert_same_json(reader.types("python ask.py"), predicted)
    write_a_handler(reader)


def test_readme_is_short_and_its_first_model_is_served(reader: Reader) -> None:
    assert len(README.splitlines()) <= 150
    calls, answered, commands, handler = blocks("A first model", README)
    pack, start, predict = calls.commands()
    reader.types(pack)
    assert "Model server started." in reader.types(start)
    reader.waits_until_known("digits")
    assert_same_json(reader.types(predict), answered)
    models, tried, stop = commands.commands()
    assert "digits" in reader.types(models)
    assert '"class": "7"' in reader.types(tried)
    assert reader.types(stop) == "TorchServe has stopped.\n"
    (reader.clone / "handler.py").write_text(handler.text, encoding="utf-8")
    (reader.clone / "words.txt").write_text("one two three", encoding="utf-8")
    assert '"bytes": 13' in reader.types("torchserve try handler.py --input words.txt")


def test_index_has_each_page_once() -> None:
    folder = REPOSITORY / "docs"
    linked = re.findall(r"\]\(([\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
    pages = {page.name for page in folder.glob("*.md")} - {"README.md"}
    assert sorted(linked) == sorted(pages)


def write_a_handler(reader: Reader) -> None:
    handler, calls, streamed, stop = blocks("Write a handler")
    (reader.clone / "words.py").write_text(handler.text, encoding="utf-8")
    archive, register, call = calls.commands()
    reader.types(archive)
    assert "registered with 1 initial workers" in reader.types(register)
    assert reader.types(call) == streamed.text.rstrip("\n")
    assert reader.types(*stop.commands()) == "TorchServe has stopped.\n"


def test_production_has_keys_tls_and_versions_that_take_over(reader: Reader) -> None:
    found = blocks("Run it in production", PRODUCTION)
    properties, start, started, shell, refuse, refused, ask, answered, swap, *swapped = found
    reader.types("python examples/digits/build.py model_store")
    (reader.clone / "production.properties").write_text(
        reader.on_free_ports(properties.text) + reader.defaults, encoding="utf-8"
    )
    certificate, command = start.commands()
    reader.types(certificate)
    printed = reader.as_shown(reader.types(command)).splitlines()
    assert printed == started.commands()

    before = shell.commands()
    url = f"https://localhost:{reader.ports['8444']}/models/digits"
    wait_for(lambda: '"READY"' in reader.types(f"manage {url}", before), "the model to be ready")
    assert_same_json(reader.types(*refuse.commands()), refused)
    assert_same_json(reader.types(*ask.commands(), before), answered)
    build, *calls = swap.commands()
    reader.types(build)
    for call, shown in zip(calls, swapped, strict=True):
        assert_same_json(reader.types(call, before), shown)
    assert_same_json(reader.types(*ask.commands(), before), answered)


def without_folder(line: str) -> str:
    return re.sub(r"^(  logs +)/.*$", r"\1FOLDER", line)
