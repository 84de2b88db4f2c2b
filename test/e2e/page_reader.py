"""A user who types what a page of the documentation shows, and compares what it answers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import requests
from torchserve_process import REPOSITORY, TorchServe, free_ports, wait_for


class Block(NamedTuple):
    """A fenced block."""

    language: str
    text: str

    def lines(self) -> list[str]:
        """Its lines as they are, without empty ones."""
        return [line for line in self.text.splitlines() if line.strip()]

    def commands(self) -> list[str]:
        """What is typed: all, or what has a prompt; what goes on in a next line is joined."""
        joined = self._replace(text=self.text.replace("\\\n", " "))
        lines = [line.strip() for line in joined.lines()]
        prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return prompted or lines


def blocks_of(text: str) -> list[Block]:
    """The fenced blocks of a page, or of a part of one."""
    return [Block(*found) for found in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)]


def blocks(heading: str, page: str) -> list[Block]:
    """The fenced blocks of one section."""
    return blocks_of(page.split(f"\n## {heading}\n")[1].split("\n## ")[0])


class Reader:
    """A user who types what a page says.

    Attributes:
        clone: The folder in which it is typed; it has the examples of a clone.
        environment: Of the shell; by default that of a clone which is set up.
    """

    def __init__(self, folder: Path) -> None:
        self.server = TorchServe(folder / "server", torch=True)
        self.clone = folder / "clone"
        self.clone.mkdir()
        (self.clone / "examples").symlink_to(REPOSITORY / "examples")
        defaults = ("8080", "8081", "8082", "7070", "7071", "8443", "8444")
        self.ports = dict(zip(defaults, free_ports(len(defaults)), strict=True))
        self.environment = {
            **{k: v for k, v in self.server.environment.items() if not k.endswith("_LOCATION")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
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
        """A text of the page with ports that are free here."""
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
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def waits_until_known(self, model: str) -> None:
        """Does what reading on does: on a busy machine, unpacking takes a moment."""
        url = f"http://127.0.0.1:{self.ports['8081']}/models/{model}"
        wait_for(lambda: requests.get(url, timeout=30).status_code == 200, f"{model} to be known")

    def leaves(self) -> None:
        """Stops what the page has started, and checks that nothing of it is left."""
        self.types("torchserve stop")
        wait_for(lambda: not self.server.processes(), "the server to end")
        self.server.assert_nothing_left()

    def as_shown(self, printed: str) -> str:
        """Output with the default ports again."""
        for default, free in self.ports.items():
            printed = printed.replace(f"127.0.0.1:{free}", f"127.0.0.1:{default}")
        return printed.replace(str(self.clone), "/home/you/torchserve-next")


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
