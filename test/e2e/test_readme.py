"""README and the pages for beginners: their commands run, and answer what they show."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_reader import Reader, assert_same_json, blocks
from torchserve_process import REPOSITORY, wait_for

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
FIRST_STEPS = (REPOSITORY / "docs" / "first-steps.md").read_text(encoding="utf-8")
PRODUCTION = (REPOSITORY / "docs" / "production.md").read_text(encoding="utf-8")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    if shutil.which("curl") is None:
        pytest.skip("README's commands need curl")
    if shutil.which("openssl") is None:
        pytest.skip("README's commands need openssl")
    one = Reader(tmp_path)
    yield one
    one.leaves()


def test_first_five_minutes_and_a_handler(reader: Reader) -> None:
    first = blocks("The first five minutes", FIRST_STEPS)
    setup, pack, start, started, predict, predicted, explain = first[:7]
    manage, *managed, error, refused = first[7:]
    assert setup.commands() == ["scripts/setup", "source .venv/bin/activate"]

    for command in pack.commands():
        reader.types(command)
    (command,) = start.commands()
    printed = reader.as_shown(reader.types(command)).splitlines()
    assert [without_folder(line) for line in printed] == [
        without_folder(line) for line in started.lines()
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

    (client,) = blocks("gRPC", FIRST_STEPS)
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
    handler, calls, streamed, stop = blocks("Write a handler", FIRST_STEPS)
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
    assert printed == started.lines()

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
