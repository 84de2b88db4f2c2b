"""What the systems are asked for. A workload is a deployment and the cases measured on it."""

from __future__ import annotations

from perf.cases import Case, ClosedLoop, OpenLoop, Paced, Streaming
from perf.clients import Target
from perf.deployment import Deployment
from perf.systems import BARE, MOSEC, OURS, TORCHSERVE

# Ratios of CPU time are what counts, and there are small differences to be seen.
CPU_ROUNDS = 5


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
        warms_together: Whether all servers are loaded for `settle_sec`, at the same time; for
            rates so low that they do not take the cores from each other.
        weighs: Whether the memory and the number of processes are measured after the last case.
    """

    name: str
    title: str
    deployment: Deployment
    quick: int | None = None
    systems: tuple[str, ...] = ()
    rounds: int = 1
    settle_sec: int = 10
    warms_together: bool = False
    weighs: bool = False

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
    # LitServe cannot do much more than the highest rate.
    systems = (OURS, MOSEC, TORCHSERVE)
    settle_sec = 120
    warms_together = True

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


class DefaultHandler(Workload):
    """An archive without code of its own but the network: a handler that comes with TorchServe."""

    name = "imageclassifier1"
    title = "Images (JPEG in, classes out) by the handler image_classifier, batch size 1"
    deployment = Deployment("imageclassifier")
    systems = (OURS, TORCHSERVE, BARE)
    rounds = CPU_ROUNDS
    settle_sec = 25

    def cases(self) -> list[Case]:
        """Return one number of connections."""
        return [ClosedLoop(8)]


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
    weighs = True

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
        DefaultHandler(),
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
