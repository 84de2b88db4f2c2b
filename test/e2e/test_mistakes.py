"""Each mistake of docs/troubleshooting.md is answered with its place and the next step."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
from mistakes import HANDLERS, LOADS, MAKERS, QUICK, World
from torchserve_process import REPOSITORY, TorchServe, wait_for

PAGE = (REPOSITORY / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
SAVE = "import sys, torch; torch.save(torch.nn.Linear(2, 2).state_dict(), sys.argv[1])"
STAGES = ["Pack", "Start", "Configure", "Register and scale", "Call", "Stream", "Stop"]


@dataclass(frozen=True)
class Mistake:
    """A row of the page: what was typed, what is seen, the place in it, and the next step."""

    typed: str
    seen: str
    place: str
    next_step: str


def table() -> list[Mistake]:
    """The rows of the page."""
    rows = []
    for line in PAGE.splitlines():
        if line.startswith("| ") and not line.startswith("| mistake |"):
            typed, *parts, advice = line.strip("| ").split(" | ")
            assert advice, line
            rows.append(Mistake(typed, *(part.strip("`") for part in parts)))
    return rows


MISTAKES = table()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server with models that cannot be loaded, and one that does what it is told."""
    folder = tmp_path_factory.mktemp("mistakes")
    server = TorchServe(folder / "server", torch=True)
    for name, code in HANDLERS.items():
        server.store.write_handler(name, code, LOADS if name == "works" else QUICK)
    weights = server.store.path / "torch_load" / "model.pt"
    subprocess.run([sys.executable, "-c", SAVE, str(weights)], check=True, timeout=120)
    server.start(*HANDLERS, "missing.mar")
    server.wait_ready("works")
    for name in HANDLERS:
        if name != "works":
            wait_for(lambda name=name: server.describe(name)["state"] == "FAILED", name)
    yield World(server, folder / "commands")
    server.stop()
    server.assert_nothing_left()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.typed)
def test_mistake_is_answered_with_its_place_and_the_next_step(
    world: World, mistake: Mistake
) -> None:
    world.server.wait_ready("works")
    text = MAKERS[mistake.typed](world)
    for part in (mistake.seen, mistake.place, mistake.next_step):
        assert part in text, text
    assert not re.search(r"[a-z')]\.\.(?!\.)", text), f"two dots in {text}"


def test_page_has_thirty_mistakes_and_some_of_each_stage() -> None:
    assert len(MISTAKES) >= 30
    assert [mistake.typed for mistake in MISTAKES] == list(MAKERS)
    assert re.findall(r"^## (.*)$", PAGE, re.M) == STAGES
    for section in re.split(r"^## ", PAGE, flags=re.M)[1:]:
        assert section.count("\n| ") >= 3, section


def test_cause_is_the_same_wherever_it_is_told(world: World) -> None:
    server = world.server
    cause = "KeyError: 'vocab' (handler.py:7, in read)"
    described = server.describe("no_key")
    assert described["reason"].endswith(f"; {cause}.")
    assert described["lastError"]["detail"] == cause
    assert str(described).count("Traceback (most recent") == 1
    assert "_worker" not in described["lastError"]["traceback"]
    ready = requests.get(f"{server.inference}/ready", timeout=30).json()
    reasons = {model["name"]: model["reason"] for model in ready["models"]}
    assert reasons["no_key"] == described["reason"]
    ping = requests.get(f"{server.inference}/ping", timeout=30).json()
    assert {model["name"]: model["reason"] for model in ping["models"]}["no_key"] == cause
    refused = server.predict("no_key", data=b"x")
    assert (refused.status_code, refused.json()["detail"]) == (503, cause)
    registered = requests.post(
        f"{server.management}/models?url=no_key&model_name=again&initial_workers=1", timeout=60
    )
    assert (registered.status_code, registered.json()["detail"]) == (500, cause)
    assert f"Load model failed: no_key, error: {cause}" in server.log("ts_log.log")
