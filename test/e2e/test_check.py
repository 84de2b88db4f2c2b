"""``torchserve --check`` in full: the command, the JVM, and what is left on the disk."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from torchserve_process import REPOSITORY, TorchServe

CONFIGS = REPOSITORY / "test" / "configs"


def check(server: TorchServe, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        server.command("--check", "--model-store", str(server.store.path), *words),
        env=server.environment,
        cwd=server.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def files(server: TorchServe) -> set[Path]:
    return {path for path in server.folder.rglob("*") if path.is_file()}


def test_check_says_what_the_start_would_meet_and_leaves_nothing(tmp_path: Path) -> None:
    server = TorchServe(tmp_path)
    server.store.add_directory(REPOSITORY / "test" / "models" / "commands")
    server.config_file.write_text(
        "compatibility=0.12\nload_models=commands\nmetrics_mode=prometheus\n"
        "disable_token_authorization=true\n"
    )
    before = files(server)
    done = check(server, "--ts-config", str(server.config_file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "works    commands: It is model commands, version 1.0" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last == "Works: 0 fail, 0 differ, 3 work. Nothing was started or changed."
    assert files(server) == before
    server.assert_nothing_left()


def test_problems_of_all_kinds_come_at_once_as_json(tmp_path: Path) -> None:
    server = TorchServe(tmp_path)
    log4j = (CONFIGS / "files" / "log4j2-cut.xml").as_uri()
    metrics = CONFIGS / "files" / "metrics-misspelt.yaml"
    server.config_file.write_text(
        f"enable_metrics_api=yes\nvmargs=-Dlog4j.configurationFile={log4j}\n"
        f"metrics_config={metrics}\nload_models=gone.mar\n"
    )
    done = check(
        server, "--json", "--ts-config", str(server.config_file), "--workflow-store", "nowhere"
    )
    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["result"] == "fails"
    assert set(report["findings"][0]) == {"level", "subject", "what", "remedy"}
    subjects = [one["subject"] for one in report["findings"] if one["level"] == "fails"]
    assert [Path(subject).name for subject in subjects] == [
        "torchserve",
        "enable_metrics_api",
        "log4j2-cut.xml",
        "metrics-misspelt.yaml",
        "gone.mar",
    ]
    assert report["counts"]["fails"] == 5
    server.assert_nothing_left()


def test_newest_snapshot_is_looked_at_where_the_start_would_take_it(tmp_path: Path) -> None:
    server = TorchServe(tmp_path)
    server.store.add_directory(REPOSITORY / "test" / "models" / "commands")
    folder = Path(server.environment["LOG_LOCATION"]) / "config"
    folder.mkdir(parents=True)
    model = {
        "defaultVersion": True,
        "marName": "commands",
        "minWorkers": 1,
        "maxWorkers": 1,
        "batchSize": 1,
        "maxBatchDelay": 100,
    }
    state = {"name": "x", "modelCount": 1, "models": {"commands": {"1.0": model}}}
    (folder / "20260101000000000-startup.cfg").write_text(
        f"model_snapshot={json.dumps(state)}\nenable_model_api=true\n"
    )
    done = check(server)
    assert "differs  snapshots: Restoring the state of 1 model versions" in done.stdout
    assert "Settings and options that were saved with it do not come back." in done.stdout
    assert "works    commands: It is model commands" in done.stdout
    named = check(server, "--models", "none")
    assert "is not restored: models are named by command line --models" in named.stdout
    assert "works    commands" not in named.stdout
