"""``preloadModel``: the model is loaded once, in the template process of its workers.

Memory that a fork shares stays shared as long as no process writes to it. Weights are not written.
A fork does not copy threads: a thread pool of the template process is a hang in the worker. So the
template process loads with one thread, and reports if the model's code has started others.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

from ts._imports.perform import end_progress_bars, network_sockets, running_threads
from ts._protocol.control import Failed, Load
from ts._worker.loading import load_failure, load_service
from ts.metrics._sample import MetricSample
from ts.service import Service

_MAX_SAMPLES = 1000


class PreloadError(Exception):
    """The model was loaded, but workers that are forked from this process would not work."""


class Preloaded:
    """A model that was loaded, or could not be, before the worker was forked.

    Attributes:
        threads: How many threads torch would have used, for the workers; None without torch.
        forks: How many workers were forked; set by the template process.
    """

    def __init__(self, load: Load) -> None:
        self.forks = 0
        self._load = load
        self._samples: list[MetricSample] = []
        self._emit: Callable[[MetricSample], None] = self._keep
        self.threads = _use_one_thread()
        self._outcome = load_service(load, lambda sample: self._emit(sample), None)
        if isinstance(self._outcome, Service):
            reason = why_not_forkable()
            if reason is not None:
                self._outcome = load_failure(load, PreloadError(reason))
        # Objects that the collector does not visit keep their pages shared.
        gc.collect()
        gc.freeze()

    @property
    def failed(self) -> bool:
        """Whether workers can only tell why there is no model."""
        return isinstance(self._outcome, Failed)

    def take(self, load: Load, emit: Callable[[MetricSample], None]) -> Service | Failed:
        """Return the model, or why there is none; called in a worker.

        Samples of metrics go to `emit` from now on; those of the load leave with the first worker.
        """
        if load != self._load:
            reason = "the LOAD message differs from what the template process has loaded"
            return load_failure(load, PreloadError(reason))
        self._emit = emit
        if self.forks == 1:
            for sample in self._samples:
                emit(sample)
        self._samples.clear()
        return self._outcome

    def _keep(self, sample: MetricSample) -> None:
        if len(self._samples) < _MAX_SAMPLES:
            self._samples.append(sample)


def _use_one_thread() -> int | None:
    """Have torch compute in the calling thread; return how many threads it would have used."""
    try:
        import torch
    except ImportError:
        return None
    threads: int = torch.get_num_threads()
    torch.set_num_threads(1)
    return threads


def why_not_forkable() -> str | None:
    """Return what a fork of this process would lack or must not share, or None."""
    end_progress_bars()
    others = running_threads()
    if others:
        return (
            "preloadModel cannot be used: loading the model started threads that still run"
            f" ({', '.join(others[:8])}), and a forked worker would wait for them for ever. Start"
            " them with the first request, end them in initialize, or leave out preloadModel"
        )
    peers = network_sockets(connected=True)
    if peers:
        return (
            "preloadModel cannot be used: loading the model opened network connections"
            f" ({', '.join(peers[:8])}), which the workers would share. Open them with the first"
            " request, close them in initialize, or leave out preloadModel"
        )
    return None
