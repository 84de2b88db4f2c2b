"""From the LOAD message to the model, or to the report of why it could not be loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ts._protocol.control import Failed, Load
from ts._protocol.frames import MAX_TRACEBACK
from ts._worker.failures import explain, format_traceback, is_out_of_resources
from ts._worker.metrics import load_metrics
from ts.metrics._sample import MetricSample
from ts.model_loader import TsModelLoader
from ts.service import Service


def load_service(
    load: Load,
    emit: Callable[[MetricSample], None],
    run_awaitable: Callable[[Any], Any] | None,
) -> Service | Failed:
    """Load a model; whatever goes wrong becomes a report, which the frontend logs.

    Args:
        load: The LOAD message.
        emit: Takes the samples of the handler's metrics.
        run_awaitable: Waits for what an asynchronous handler returns while it is initialised; None
            for an event loop of its own.
    """
    try:
        metrics = load_metrics(load.metrics_config, load.model_name, emit)
        loader = TsModelLoader(run_awaitable)
        return loader.load(
            load.model_name,
            load.model_dir,
            load.handler,
            load.gpu_id,
            load.batch_size,
            load.envelope,
            load.limit_max_image_pixels,
            metrics,
        )
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return load_failure(load, error)


def load_failure(load: Load, error: BaseException) -> Failed:
    """Return the report of an error; the frontend logs the traceback, of many restarts once."""
    text = format_traceback(error)
    detail = explain(error, load.model_dir)
    if is_out_of_resources(error):
        code, message = 507, "System out of memory"
    else:
        code, message = 500, f"Model {load.model_name!r} could not be loaded"
    return Failed(code, message, detail[: 8 * 1024], text[-MAX_TRACEBACK:])
