"""Processes that only fork give back what their imports have read."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ts._zygote.memory import unmodified_files

TORCH = True
SMAPS = """\
7f00-7f10 r-xp 00000000 fd:00 12 /lib/a b.so
Private_Clean:        64 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
VmFlags: rd ex mr
7f10-7f20 r--p 00010000 fd:00 12 /lib/relocated.so
Private_Dirty:         4 kB
VmFlags: rd mr
7f20-7f30 rw-p 00020000 fd:00 12 /lib/data.so
Private_Dirty:         0 kB
VmFlags: rd wr
7f30-7f40 r--p 00000000 00:00 0
Private_Dirty:         0 kB
VmFlags: rd
7f40-7f50 r--s 00000000 fd:00 13 /shared
Private_Dirty:         0 kB
VmFlags: rd
"""
CODE = """
import re
from ts._zygote.memory import release_file_pages
import sqlite3, decimal, ssl, hashlib
def resident():
    return int(re.search(r"RssFile:\\s+(\\d+)", open("/proc/self/status").read())[1])
before = resident()
assert release_file_pages() > 10
assert resident() < before
assert sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,)
assert str(decimal.Decimal(2).sqrt())[:6] == "1.4142"
assert hashlib.sha256(b"").hexdigest()[:8] == "e3b0c442"
"""


def test_only_what_the_file_still_holds_is_unmapped() -> None:
    assert list(unmodified_files(SMAPS.splitlines())) == [(0x7F00, 0x7F10)]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel is not Linux")
def test_process_works_as_before_when_its_pages_are_unmapped() -> None:
    done: Any = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel is not Linux")
def test_init_has_no_torch_and_an_idle_zygote_keeps_little_of_its_files(
    frontend: Any, until: Any
) -> None:
    zygote = frontend.wait_for("READY")["pid"]
    assert _maps_torch(zygote)
    until(lambda: 4 * _kibibytes(zygote, "RssFile") < _read_at_most(zygote), "the release")
    assert not _maps_torch(frontend.init.pid)


def _maps_torch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def _read_at_most(pid: int) -> int:
    """Return the KiB of files that were mapped when the process was largest."""
    return _kibibytes(pid, "VmHWM") - _kibibytes(pid, "RssAnon")


def _kibibytes(pid: int, field: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)[0])
