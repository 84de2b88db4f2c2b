"""docs/migrating.md keeps its word: its commands run, print what it shows, and name real keys."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from page_reader import blocks_of
from torchserve_process import REPOSITORY, TorchServe

PAGE = (REPOSITORY / "docs" / "migrating.md").read_text(encoding="utf-8")
BLOCKS = blocks_of(PAGE)


def test_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    (_, command), (_, shown), (_, properties), (_, as_json) = BLOCKS
    server = TorchServe(tmp_path / "server")
    folder = tmp_path / "you"
    (folder / "model_store").mkdir(parents=True)
    (folder / "config.properties").write_text(properties)
    (folder / "words.py").write_text("def handle(data, context):\n    return data\n")
    pack = "torch-model-archiver --model-name words --version 1.0 --handler words.py"
    typed(server, folder, f"{pack} --export-path model_store")
    code, printed = typed(server, folder, command)
    assert printed.replace(str(folder), "/home/you/torchserve-next") == shown
    assert code == 1
    code, printed = typed(server, folder, as_json)
    report = json.loads(printed)
    assert (code, report["result"]) == (1, "fails")
    for name in (*report, *report["counts"], *report["findings"][0]):
        assert f"`{name}`" in PAGE
    server.assert_nothing_left()


def typed(server: TorchServe, folder: Path, line: str) -> tuple[int, str]:
    program, *words = line.split()
    done = subprocess.run(
        [str(Path(server.command()[0]).parent / program), *words],
        cwd=folder,
        env=server.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_settings_that_the_page_names_exist() -> None:
    known = (REPOSITORY / "docs" / "configuration.md").read_text(encoding="utf-8") + (
        REPOSITORY / "docs" / "model-config.md"
    ).read_text(encoding="utf-8")
    known += (REPOSITORY / "docs" / "compatibility.md").read_text(encoding="utf-8")
    named = {word.split("=")[0] for word in re.findall(r"`([a-z]+_[a-z_0-9]+(?:=[^`]*)?)`", PAGE)}
    metrics = {name for name in named if name.startswith("ts_requests")} | {"model_archiver"}
    assert "allowed_hosts" in named
    missing = {name for name in named - metrics if f"`{name}" not in known}
    assert not missing
