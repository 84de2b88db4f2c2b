"""What the systems are asked for. A workload is a deployment and the cases measured on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from perf import open_loop, stream_client, wrk
from perf.clients import Target
from perf.deployment import Deployment
from perf.systems import BARE, MOSEC, OURS, TORCHSERVE

CAPACITY_SEC = 2
# Ratios of CPU time are what counts, and there are small differences to be seen.
CPU_ROUNDS = 5
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


class Workload:
    """A deployment and the cases measured on it.

    Attributes:
        name: What chooses it on the command line.
        title: What a reader is told.
        deployment: What the systems serve.
        quick: Whether it is part of a quick run; then the case of that index is measured.
        systems: Names of the systems that are measured; empty for all.
        rounds: How many measurements there are at least, unless the run is quick.
        settle_sec: How long a server with a Java process is loaded before the first case, for its
            compiler to finish.
    """

    name: str
    title: str
    deployment: Deployment
    quick: int | None = None
    systems: tuple[str, ...] = ()
    rounds: int = 1
    settle_sec: int = 10

    def cases(self) -> list[Case]:
        """Return the cases, made anew."""
        raise NotImplementedError


class NoOp(Workload):
    """The server alone."""

    name = "noop"
    title = "A handler that does nothing"
    deployment = Deployment("noop")
    quick = 2
    rounds = CPU_ROUNDS
    settle_sec = 25

    def cases(self) -> list[Case]:
        """Return three numbers of connections."""
        return [ClosedLoop(1), ClosedLoop(8), ClosedLoop(64)]


class PacedNoOp(Workload):
    """The server alone, nearly idle."""

    name = "paced"
    title = "A handler that does nothing, at a fixed rate"
    deployment = Deployment("noop")
    systems = (OURS, MOSEC)
    settle_sec = 120

    def cases(self) -> list[Case]:
        """Return three rates."""
        return [Paced(100), Paced(10), Paced(1000)]


class Images(Workload):
    """An ordinary image archive: torchvision's transforms and one of its networks."""

    systems = (OURS, MOSEC, TORCHSERVE, BARE)
    rounds = CPU_ROUNDS
    settle_sec = 25

    def __init__(self, batch_size: int) -> None:
        self.name = f"images{batch_size}"
        self.title = f"Images (JPEG in, class out, torchvision), batch size {batch_size}"
        self.deployment = Deployment("images", batch_size)

    def cases(self) -> list[Case]:
        """Return the number of connections that suits the batch size."""
        return [ClosedLoop(8) if self.deployment.batch_size == 1 else ClosedLoop(64)]


class Texts(Workload):
    """An ordinary text archive: a classifier of transformers."""

    name = "texts1"
    title = "Sentences (text in, class out, transformers), batch size 1"
    deployment = Deployment("texts")
    systems = (OURS, MOSEC, TORCHSERVE, BARE)

    def cases(self) -> list[Case]:
        """Return one number of connections."""
        return [ClosedLoop(8)]


class Digits(Workload):
    """A small model, where the server's share shows."""

    def __init__(self, batch_size: int) -> None:
        self.name = f"digits{batch_size}"
        self.title = f"Handwritten digits (PNG in, JSON out), batch size {batch_size}"
        self.deployment = Deployment("digits", batch_size)
        self.quick = 1 if batch_size == 1 else 0

    def cases(self) -> list[Case]:
        """Return three numbers of connections, or the one that fills batches."""
        if self.deployment.batch_size > 1:
            return [ClosedLoop(64)]
        return [ClosedLoop(1), ClosedLoop(8), ClosedLoop(64)]


class Embeddings(Workload):
    """A larger model, where batches help."""

    systems = (OURS, MOSEC, TORCHSERVE)

    def __init__(self, batch_size: int) -> None:
        self.name = f"embeddings{batch_size}"
        self.title = f"Sentence embeddings (MiniLM), batch size {batch_size}"
        self.deployment = Deployment("embeddings", batch_size)

    def cases(self) -> list[Case]:
        """Return enough connections to fill batches."""
        return [ClosedLoop(32)]


class Bodies(Workload):
    """Bodies sent back as they came."""

    name = "bodies"
    title = "A handler that returns its body"
    deployment = Deployment("echo")
    quick = 2
    systems = (OURS, MOSEC, TORCHSERVE, BARE)

    def cases(self) -> list[Case]:
        """Return four sizes."""
        sizes = {"1 B": 1, "100 KB": 100_000, "1 MB": 1_000_000, "10 MB": 10_000_000}
        return [
            ClosedLoop(4, f"{label} in and out, 4 connections", b"x" * size)
            for label, size in sizes.items()
        ]


class Stream(Workload):
    """A handler that streams."""

    name = "stream"
    title = "A handler that streams 100 chunks of 16 bytes"
    deployment = Deployment("stream")
    quick = 0

    def cases(self) -> list[Case]:
        """Return one and several streams at a time."""
        return [Streaming(1), Streaming(8)]


class Workers(Workload):
    """Several workers of one model."""

    systems = (OURS, MOSEC, TORCHSERVE)

    def __init__(self, workers: int) -> None:
        self.name = f"workers{workers}"
        suffix = "" if workers == 1 else "s"
        self.title = f"Handwritten digits with {workers} worker{suffix}"
        self.deployment = Deployment("digits", workers=workers)

    def cases(self) -> list[Case]:
        """Return one number of connections."""
        return [ClosedLoop(16)]


class Models(Workload):
    """Several models, asked in turn."""

    systems = (OURS, MOSEC, TORCHSERVE)

    def __init__(self, models: int) -> None:
        self.name = f"models{models}"
        suffix = "" if models == 1 else "s, asked in turn"
        self.title = f"A handler that does nothing, {models} model{suffix}"
        self.deployment = Deployment("noop", models=models)

    def cases(self) -> list[Case]:
        """Return one number of connections."""
        return [ClosedLoop(8)]


class Overload(Workload):
    """Requests that come whether or not the server keeps up."""

    name = "openloop"
    title = "Handwritten digits, requests at random moments"
    deployment = Deployment("digits")
    systems = (OURS, MOSEC, TORCHSERVE)

    def cases(self) -> list[Case]:
        """Return half, all and twice of what a server can do."""
        capacities: dict[Target, float] = {}
        return [OpenLoop(share, capacities) for share in (0.5, 1.0, 2.0)]


def all_workloads() -> list[Workload]:
    """Return every workload, in the order in which they run."""
    return [
        NoOp(),
        Digits(1),
        Digits(8),
        Images(1),
        Images(8),
        Texts(),
        Embeddings(1),
        Embeddings(16),
        Bodies(),
        Stream(),
        Workers(2),
        Models(50),
        Overload(),
        PacedNoOp(),
    ]
