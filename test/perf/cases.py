"""Ways to load a server, and what is measured meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from perf import open_loop, stream_client, wrk
from perf.clients import Target

CAPACITY_SEC = 2
PACED_SEC = 10
DEADLINE_SEC = 0.1


@dataclass(frozen=True)
class Metric:
    """What a number means."""

    name: str
    lower_is_better: bool = False


RATE = Metric("requests/s")
P50 = Metric("p50 ms", lower_is_better=True)
P99 = Metric("p99 ms", lower_is_better=True)
CHUNK_RATE = Metric("chunks/s")
FIRST_CHUNK = Metric("first chunk ms", lower_is_better=True)
OFFERED = Metric("offered/s")
CPU = Metric("CPU µs a request, all processes", lower_is_better=True)
JVM_CPU = Metric("CPU µs a request, Java process", lower_is_better=True)
PSS = Metric("MB (PSS), all processes", lower_is_better=True)
PROCESSES = Metric("processes", lower_is_better=True)
IN_TIME = Metric(f"% within {DEADLINE_SEC * 1000:.0f} ms")
REFUSED = Metric("% refused", lower_is_better=True)


@dataclass(frozen=True)
class Sample:
    """One measurement.

    Attributes:
        values: One for each metric of its case.
        errors: How many answers were wrong.
        requests: How many there were; 0 where CPU time for one of them means nothing.
    """

    values: tuple[float, ...]
    errors: int = 0
    requests: int = 0


class Case(Protocol):
    """One way to load a server. The first metric is the one that counts."""

    label: str
    metrics: tuple[Metric, ...]
    body: bytes | None
    """What to send, ``None`` for the usual body of the work."""

    def warm_up(self, targets: Sequence[Target], seconds: int, scratch: Path) -> None:
        """Bring the server to speed."""
        ...

    def measure(self, targets: Sequence[Target], seconds: int, scratch: Path) -> Sample:
        """Load the server for some seconds."""
        ...


@dataclass
class ClosedLoop:
    """Connections that send the next request when they have the answer."""

    connections: int
    label: str = ""
    body: bytes | None = None
    metrics: tuple[Metric, ...] = (RATE, P99)

    def __post_init__(self) -> None:
        suffix = "" if self.connections == 1 else "s"
        self.label = self.label or f"{self.connections} connection{suffix}"

    def warm_up(self, targets: Sequence[Target], seconds: int, scratch: Path) -> None:
        """Load it as it will be measured."""
        wrk.run(targets, self.connections, seconds, scratch)

    def measure(self, targets: Sequence[Target], seconds: int, scratch: Path) -> Sample:
        """Run wrk."""
        load = wrk.run(targets, self.connections, seconds, scratch)
        return Sample((load.rate, load.p99_ms), load.errors, load.requests)


@dataclass
class Streaming:
    """Connections that read one stream after the other."""

    connections: int
    label: str = ""
    body: bytes | None = b"x"
    metrics: tuple[Metric, ...] = (CHUNK_RATE, FIRST_CHUNK)

    def __post_init__(self) -> None:
        suffix = "" if self.connections == 1 else "s"
        self.label = f"100 chunks, {self.connections} connection{suffix}"

    def warm_up(self, targets: Sequence[Target], seconds: int, scratch: Path) -> None:
        """Read streams for a moment."""
        self.measure(targets, seconds, scratch)

    def measure(self, targets: Sequence[Target], seconds: int, scratch: Path) -> Sample:
        """Read streams."""
        streams = stream_client.run(targets[0], self.connections, seconds)
        return Sample((streams.chunk_rate, streams.first_chunk_ms), requests=streams.streams)


@dataclass
class OpenLoop:
    """Requests at a share of what each system can do at best."""

    share: float
    capacities: dict[Target, float] = field(default_factory=dict)
    label: str = ""
    body: bytes | None = None
    metrics: tuple[Metric, ...] = (IN_TIME, P50, P99, REFUSED, OFFERED)

    def __post_init__(self) -> None:
        self.label = f"{self.share:g} x its capacity"

    def warm_up(self, targets: Sequence[Target], seconds: int, scratch: Path) -> None:
        """Find the capacity, once for each server."""
        if targets[0] not in self.capacities:
            wrk.run(targets, 8, seconds, scratch)
            self.capacities[targets[0]] = wrk.run(targets, 8, CAPACITY_SEC, scratch).rate

    def measure(self, targets: Sequence[Target], seconds: int, scratch: Path) -> Sample:
        """Offer the load. What is refused is a figure here, not an error."""
        rate = self.share * self.capacities[targets[0]]
        load = open_loop.run(targets[0], rate, seconds, DEADLINE_SEC)
        return Sample(
            (100 * load.in_time, load.p50_ms, load.p99_ms, 100 * load.refused, load.offered)
        )


@dataclass
class Paced:
    """Requests at a fixed rate, at random moments, far below what a server can do."""

    rate: int
    label: str = ""
    body: bytes | None = None
    metrics: tuple[Metric, ...] = (JVM_CPU, P50, P99)

    def __post_init__(self) -> None:
        suffix = "" if self.rate == 1 else "s"
        self.label = f"{self.rate:,} request{suffix} a second"

    def warm_up(self, targets: Sequence[Target], seconds: int, scratch: Path) -> None:
        """Load it as it will be measured."""
        open_loop.run(targets[0], self.rate, seconds, DEADLINE_SEC)

    def measure(self, targets: Sequence[Target], seconds: int, scratch: Path) -> Sample:
        """Offer the load, for long enough to have some requests."""
        seconds = max(seconds, PACED_SEC)
        load = open_loop.run(targets[0], self.rate, seconds, DEADLINE_SEC)
        offered = round(load.offered * seconds)
        wrong = round((load.refused + load.unanswered) * offered)
        return Sample((load.p50_ms, load.p99_ms), wrong, offered)
