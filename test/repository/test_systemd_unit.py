"""The unit of deploy/systemd: systemd itself reads it where it is installed, and we everywhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
UNIT = REPOSITORY / "deploy" / "systemd" / "torchserve.service"
SETTINGS = REPOSITORY / "deploy" / "systemd" / "config.properties"
DRAIN_SEC = 30
"""The default of shutdown_drain_timeout."""


def values(section: str, key: str) -> list[str]:
    found, current = [], ""
    for line in UNIT.read_text().splitlines():
        current = line.strip("[]") if line.startswith("[") else current
        name, equals, value = line.partition("=")
        if current == section and equals and name == key:
            found.append(value)
    return found


def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd-analyze here")
    unit = tmp_path / UNIT.name
    # It looks whether the command exists.
    command = str(Path(sys.executable).with_name("python"))
    text = UNIT.read_text()
    assert "/opt/torchserve-next/bin/torchserve" in text
    unit.write_text(text.replace("/opt/torchserve-next/bin/torchserve", command))
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    # 10 is a service that may do everything, 0 one that may do nothing; newer ones weigh otherwise.
    limit = ["security", "--offline=true", "--threshold=25", "--no-pager"]
    judged = subprocess.run([analyze, *limit, unit], capture_output=True, text=True, check=False)
    if "nrecognized option" in judged.stderr or "unknown" in judged.stderr.lower():
        pytest.skip("this systemd-analyze judges no files: older than 250")
    assert judged.returncode == 0, judged.stdout


def test_stop_by_a_signal_is_a_success_and_reaches_the_server_alone() -> None:
    assert values("Service", "SuccessExitStatus") == ["143"]
    assert values("Service", "KillMode") == ["mixed"]
    assert values("Service", "Restart") == ["on-failure"]
    (command,) = values("Service", "ExecStart")
    assert " --start --foreground " in command
    assert values("Service", "Type") == ["exec"]


def test_service_has_time_to_drain() -> None:
    delay = re.search(r"^shutdown_delay_sec=(\d+)$", SETTINGS.read_text(), re.M)
    assert delay is not None
    (limit,) = values("Service", "TimeoutStopSec")
    assert int(limit) > int(delay[1]) + DRAIN_SEC


def test_service_is_not_root_and_opens_nothing_by_its_settings() -> None:
    assert values("Service", "User") == ["model-server"]
    assert values("Service", "CapabilityBoundingSet") == [""]
    for key in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "RestrictNamespaces"):
        assert values("Service", key) == ["yes"], key
    # Java and torch compile at run time.
    assert values("Service", "MemoryDenyWriteExecute") == []
    assert "0.0.0.0" not in SETTINGS.read_text()
    assert "disable_token" not in SETTINGS.read_text() + UNIT.read_text()
