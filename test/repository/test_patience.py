"""Tests wait for conditions with limits that a busy machine keeps: a limit is no expectation."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LEAST_SEC = 30
PYTHON = re.compile(
    r"\.(?:wait|join|result|get|communicate|settimeout)\((?:timeout=)?(\d+(?:\.\d+)?)\)"
)
WAIT_UNTIL = re.compile(r"^.*\b(?:wait_for|wait_until|until)\(.*, (\d+)\)", re.M)
JAVA = re.compile(r"\b(?:poll|await|get|waitFor|awaitTermination)\((\d+), TimeUnit\.SECONDS\)")
JAVA_MILLIS = re.compile(r"\.(?:join|setSoTimeout)\(([\d_]+)\)")

# Times that tests let pass: a connection must be silent and alive, a writer must wait, for so long;
# and a writer writes at this pace.
LET_PASS = {
    "ConnectionLimitTest.java: 2.0 s",
    "ModelLogTest.java: 0.1 s",
    "test_streams.py: 0.05 s",
}


def short_limits() -> list[str]:
    found = []
    for folder in ("ts-python/tests", "model-archiver/tests", "examples", "test"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for pattern in (PYTHON, WAIT_UNTIL):
                found += [(path.name, float(match[1])) for match in pattern.finditer(text)]
    for path in (REPOSITORY / "frontend").glob("*/src/test/java/**/*.java"):
        text = path.read_text(encoding="utf-8")
        found += [(path.name, float(match[1])) for match in JAVA.finditer(text)]
        for match in JAVA_MILLIS.finditer(text):
            found.append((path.name, int(match[1].replace("_", "")) / 1000))
    return [f"{name}: {seconds} s" for name, seconds in found if 0 < seconds < LEAST_SEC]


def test_limits_of_what_tests_wait_for_are_long() -> None:
    assert not set(short_limits()) - LET_PASS
