"""The load generator wrk: closed loops of requests over connections that stay."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perf.clients import Target

INSTALL = "apt-get install wrk (Debian), or brew install wrk (macOS)"
RESULT_MARK = "RESULT "
# Requests are made once; the function that hands them out takes them in turn.
SCRIPT = """
local requests = {}
local count = 0
local body = nil
function init(args)
  local file = assert(io.open(args[1], "rb"))
  body = file:read("*all")
  file:close()
  local headers = {["Content-Type"] = "application/octet-stream"}
  for index = 2, #args do
    requests[index - 1] = wrk.format("POST", args[index], headers, body)
  end
end
function request()
  count = count % #requests + 1
  return requests[count]
end
function done(summary, latency, all)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "connect": %d, "read": %d, "write": %d, ' ..
    '"status": %d, "timeout": %d, "p50": %.0f, "p99": %.0f}\\n',
    summary.requests, summary.duration, errors.connect, errors.read, errors.write,
    errors.status, errors.timeout, latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Load:
    """What wrk saw.

    Attributes:
        rate: Right answers per second.
        p50_ms, p99_ms: Time to the whole answer.
        errors: Answers that were not 2xx or 3xx, and failures of sockets.
        requests: All answers.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    errors: int
    requests: int


def require() -> None:
    """Check that wrk is there.

    Raises:
        SystemExit: It is not.
    """
    if shutil.which("wrk") is None:
        raise SystemExit(f"The load generator wrk is missing: {INSTALL}")


def run(targets: Sequence[Target], connections: int, seconds: int, scratch: Path) -> Load:
    """Load one server for a while; requests go to the targets in turn.

    Raises:
        RuntimeError: wrk failed.
    """
    first = targets[0]
    script, body = scratch / "wrk.lua", scratch / "wrk.body"
    script.write_text(SCRIPT, encoding="utf-8")
    body.write_bytes(first.body)
    words = ["wrk", "--threads", "1", "--connections", str(connections)]
    words += ["--duration", f"{seconds}s", "--timeout", "30s", "--script", str(script)]
    words += [f"http://{first.host}:{first.port}", "--", str(body)]
    words += [target.path for target in targets]
    done = subprocess.run(
        words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=seconds + 60
    )
    if done.returncode != 0:
        raise RuntimeError(f"wrk ended with {done.returncode}: {done.stderr or done.stdout}")
    return parse(done.stdout)


def parse(output: str) -> Load:
    """Return what wrk printed by `SCRIPT`.

    Raises:
        RuntimeError: There is no result in it.
    """
    match = re.search(rf"^{RESULT_MARK}(.*)$", output, re.M)
    if match is None:
        raise RuntimeError(f"no result in the output of wrk: {output[-500:]!r}")
    values = json.loads(match.group(1))
    errors = sum(values[key] for key in ("connect", "read", "write", "status", "timeout"))
    right = values["requests"] - values["status"]
    return Load(
        rate=right / (values["microseconds"] / 1e6),
        p50_ms=values["p50"] / 1000,
        p99_ms=values["p99"] / 1000,
        errors=errors,
        requests=values["requests"],
    )
