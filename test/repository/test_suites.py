"""scripts/test runs every suite and module to its end, and tells what failed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
REPORT = '<testsuite name="n" tests="2" errors="0" skipped="0" failures="{failures}"/>'
MAVEN = """#!/usr/bin/env bash
report() {{
    mkdir -p "frontend/$1/target/surefire-reports"
    printf '%s' "$2" >"frontend/$1/target/surefire-reports/TEST-$1.xml"
}}
{lines}
"""
PYTHON = f"""#!/usr/bin/env bash
[ "$1 $2" = "-m pytest" ] || exec "{sys.executable}" "$@"
printf '%s' '{REPORT.format(failures=0)}' >"${{3#--junitxml=}}"
"""


class Clone:
    """A clone with the scripts and two modules; its Maven and its pytest only write reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "scripts").mkdir()
        for name in ("test", "common.sh"):
            shutil.copy(REPOSITORY / "scripts" / name, folder / "scripts")
        self.script("scripts/setup", "#!/usr/bin/env bash\n")
        for module in ("one", "two"):
            (folder / "frontend" / module / "src" / "test" / "java").mkdir(parents=True)
        self.script(".venv/bin/python", PYTHON)
        self.maven(one=0, two=0)

    def script(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def maven(self, status: int = 0, **failures: int) -> None:
        """A Maven whose modules have reports of two tests, with that number of failures."""
        lines = [f"report {m} '{REPORT.format(failures=count)}'" for m, count in failures.items()]
        text = MAVEN.format(lines="\n".join([*lines, f"exit {status}"]))
        self.script("bin/mvn", text)

    def run(self, *suites: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "scripts" / "test"), *suites],
            env={**os.environ, "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


@pytest.mark.parametrize("suites", [(), ("java", "python"), ("java",), ("e2e", "java")])
def test_all_that_passes_is_counted(clone: Clone, suites: tuple[str, ...]) -> None:
    done = clone.run(*suites)
    chosen = suites or ("java", "python", "e2e")
    assert done.returncode == 0, done.stdout
    for suite, count in (("java", 4), ("python", 2), ("e2e", 2)):
        assert (f"{suite}: {count} passed, 0 failed" in done.stdout) == (suite in chosen)


def test_failed_test_keeps_no_module_and_no_suite_from_being_run(clone: Clone) -> None:
    clone.maven(one=1, two=0)
    done = clone.run()
    assert done.returncode == 1
    assert "java: 3 passed, 1 failed" in done.stdout
    assert "python: 2 passed, 0 failed" in done.stdout
    assert "e2e: 2 passed, 0 failed" in done.stdout


@pytest.mark.parametrize("suites", [("java",), ("java", "python")])
def test_module_without_a_report_and_a_build_that_fails_are_told(
    clone: Clone, suites: tuple[str, ...]
) -> None:
    clone.maven(one=0)
    done = clone.run(*suites)
    assert done.returncode == 1
    assert "frontend/two/: no test was run" in done.stdout
    assert "java broke off; see above" in done.stdout
    clone.maven(status=1, one=0, two=0)
    done = clone.run(*suites)
    assert done.returncode == 1
    assert "java broke off; see above" in done.stdout
