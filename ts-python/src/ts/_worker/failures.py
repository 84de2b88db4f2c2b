"""Which error a client sees for what went wrong in a handler."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

from ts._protocol.messages import ErrorResponse
from ts._worker.console import report

CANCELLED = ErrorResponse(499, "Request cancelled")
EXPIRED = ErrorResponse(408, "Request expired before it was run")
NOT_A_LIST = "Invalid model predict output"
WRONG_LENGTH = "number of batch response mismatched"
NOT_ENCODABLE = "Unsupported model output data type."


class WorkerUnusable(Exception):
    """This process can serve no more; its text says why. A new one has to take its place."""


class RequestCancelled(Exception):
    """No client waits for the batch any more.

    Raised by `ts.handler_utils.utils.send_intermediate_predict_response`. A handler may clean up
    and let it pass, or return; either way nothing more is sent.
    """


def describe(error: BaseException) -> str:
    """Return ``ValueError: bad digit``."""
    text = _text_of(error)
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def _text_of(value: object) -> str:
    try:
        return str(value)
    except Exception as broken:
        return f"<its text failed: {type(broken).__name__}>"


def is_out_of_resources(error: BaseException) -> bool:
    """Return whether memory ran out, the machine's or the accelerator's, or the latter failed.

    The type decides, never the text: a `ValueError` may well speak of CUDA.
    """
    return isinstance(error, (MemoryError, *_accelerator_errors()))


def _accelerator_errors() -> list[type[BaseException]]:
    # What raised one of these has imported torch. Older ones have the first in torch.cuda alone.
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    kinds = (
        getattr(torch, "OutOfMemoryError", None),
        getattr(cuda, "OutOfMemoryError", None),
        getattr(torch, "AcceleratorError", None),
    )
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseException)]


def prediction_error(error: BaseException) -> ErrorResponse:
    """Return the answer to the whole batch for an exception of the handler.

    Prints the traceback to stderr, which is the model log.
    """
    text = format_traceback(error)
    if not isinstance(error, RequestCancelled):
        report(text)
    detail = describe(error)
    if isinstance(error, RequestCancelled):
        return CANCELLED
    if _is_prediction_exception(error):
        code = getattr(error, "error_code", 500)
        if not isinstance(code, int) or not 100 <= code <= 999:
            code = 500
        return ErrorResponse(code, _text_of(getattr(error, "message", "")), detail, text)
    if _is_too_large_an_image(error):
        return ErrorResponse(400, f"The image has too many pixels: {_text_of(error)}", detail, text)
    if is_out_of_resources(error):
        return ErrorResponse(507, "Out of resources", detail, text)
    return ErrorResponse(503, "Prediction failed", detail, text)


def _is_prediction_exception(error: BaseException) -> bool:
    # A handler that raised it has imported its module; the worker itself need not.
    kind = getattr(sys.modules.get("ts.utils.util"), "PredictionException", None)
    return kind is not None and isinstance(error, kind)


def _is_too_large_an_image(error: BaseException) -> bool:
    # Pillow's own refusal, in handlers that open images themselves.
    image = sys.modules.get("PIL.Image")
    names = ("DecompressionBombError", "DecompressionBombWarning")
    return any(isinstance(error, getattr(image, name, ())) for name in names)


def format_traceback(error: BaseException) -> str:
    """Return the traceback without the frames of this package's own call of the handler."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__name__") in _OWN_MODULES:
        trace = trace.tb_next
    lines: Sequence[str] = traceback.format_exception(type(error), error, trace)
    return "".join(lines)


_OWN_MODULES = frozenset(("ts._worker.server", "ts._worker.async_server", "ts._worker.handler_run"))
