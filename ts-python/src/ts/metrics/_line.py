"""The text form of samples, for output that is not carried by the worker protocol."""

from __future__ import annotations

import functools
import socket

from ts.metrics._sample import MetricSample


@functools.cache
def host_name() -> str:
    """Return the name of this machine, asked once per process."""
    return socket.gethostname()


def format_line(sample: MetricSample) -> str:
    """Return the ``[METRICS]`` line of `sample`, without a line feed."""
    dimensions = ",".join(f"{name}:{value}" for name, value in sample.dimensions)
    line = (
        f"[METRICS]{sample.name}.{sample.unit}:{sample.value}|#{dimensions}"
        f"|#type:{sample.type.upper()}|#hostname:{host_name()},{sample.time_ms // 1000}"
    )
    return f"{line},{sample.request_ids}" if sample.request_ids else line
