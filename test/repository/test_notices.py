"""NOTICE names what the wheel contains, and the wheel holds it with the texts of all licences."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
NOTICE = (REPOSITORY / "NOTICE").read_text(encoding="utf-8")


def test_notice_lists_the_jars_that_are_built_and_their_own_notices() -> None:
    checked = subprocess.run(
        [sys.executable, REPOSITORY / "scripts" / "notices", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, f"run scripts/notices\n{checked.stdout}{checked.stderr}"


def test_wheel_holds_the_notice_the_jars_it_lists_and_their_licences() -> None:
    (path,) = (REPOSITORY / ".venv" / "wheels").glob("torchserve_next-*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        (folder,) = (name[: -len("NOTICE")] for name in names if name.endswith("/licenses/NOTICE"))
        assert wheel.read(f"{folder}NOTICE").decode() == NOTICE
        assert b"Apache License" in wheel.read(f"{folder}LICENSE")
        texts = {
            Path(name).stem: wheel.read(name).decode()
            for name in names
            if name.startswith(f"{folder}licenses/")
        }
    listed = re.findall(r"^(\S+) (\d\S*): (\S+), .+$", NOTICE, re.M)
    jars = {name for name in names if name.endswith(".jar") and "/tsnext-" not in name}
    assert {f"ts/frontend/{name}-{version}.jar" for name, version, _ in listed} == jars
    assert {licence for *_, licence in listed} == {"Apache-2.0", *texts}
    for holder in re.findall(r"\(MIT, ([^,)]+)\)", re.sub(r"\n  ", " ", NOTICE)):
        assert holder in texts["MIT"]


def test_each_distribution_has_the_licence_of_the_repository() -> None:
    licence = (REPOSITORY / "LICENSE").read_bytes()
    for folder in ("ts-python", "model-archiver"):
        assert (REPOSITORY / folder / "LICENSE").read_bytes() == licence
