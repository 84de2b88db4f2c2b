"""Which error a client sees for what went wrong in a handler."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Sequence

from ts._protocol.errors import PeerClosed, ProtocolError
from ts._protocol.messages import ErrorResponse
from ts._worker.advice import advice_on
from ts._worker.console import report
from ts._worker.places import place_of, relative_to_model

CANCELLED = ErrorResponse(499, "Request cancelled")
EXPIRED = ErrorResponse(408, "Request expired before it was run")
NOT_A_LIST = "Invalid model predict output"
WRONG_LENGTH = "number of batch response mismatched"
NOT_ENCODABLE = "Unsupported model output data type."
ENDS_WORKER = (SystemExit, KeyboardInterrupt, ProtocolError, PeerClosed)
"""What a worker ends by. Whatever else a handler raises fails requests, `GeneratorExit` as well."""

_TOO_LARGE = 413
_SERVER = 500
_OUT_OF_RESOURCES = 507
_MAX_HEADERS = 64
_MAX_HEADERS_SIZE = 8 * 1024
_MAX_TEXT = 700
"""Characters of an error's text, so that place and advice have room in a description."""
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


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


def explain(error: BaseException, model_dir: str | None, *, advice: str | None = None) -> str:
    """Return type, text and place of an error, its cause if the code names one, and what to do.

    ``KeyError: 'vocab' (handler.py:12, in initialize)``. The type comes first; a long text is cut,
    so that the rest is never lost.

    Args:
        error: What was raised.
        model_dir: The folder of the model, in which files are named, or None.
        advice: What to do, where the caller knows better than `advice_on`.
    """
    text = _with_place(error, model_dir, describe(error))
    cause = error.__cause__
    if cause is not None:
        text += f", caused by {_with_place(cause, model_dir, describe(cause))}"
        advice = advice or advice_on(cause, model_dir)
    return _with_advice(text, advice_on(error, model_dir) or advice)


def where(error: BaseException, model_dir: str | None) -> str:
    """Return what the detail of an error adds to a message that is the text of the error."""
    return _with_advice(
        _with_place(error, model_dir, type(error).__name__), advice_on(error, model_dir)
    )


def _with_place(error: BaseException, model_dir: str | None, text: str) -> str:
    text = relative_to_model(_ESCAPES.sub("", text), model_dir)
    if isinstance(error, SyntaxError) and error.msg:
        text = f"{type(error).__name__}: {error.msg}"
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT]}..."
    place = place_of(error, model_dir)
    return text if place is None else f"{text} ({place})"


def _with_advice(text: str, advice: str | None) -> str:
    if advice is None:
        return text
    return f"{text}{'' if text.endswith(('.', '!', '?')) else '.'} {advice}."


def _text_of(value: object) -> str:
    try:
        return str(value)
    except BaseException as broken:
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


def prediction_error(
    error: BaseException, model_dir: str | None = None, advice: str | None = None
) -> ErrorResponse:
    """Return the answer to the whole batch for an exception of the handler.

    Prints the traceback to stderr, which is the model log.

    Args:
        error: What the handler raised.
        model_dir: The folder of the model, in which places are named, or None.
        advice: What to do, where the error itself does not tell.
    """
    if isinstance(error, RequestCancelled):
        return CANCELLED
    if _is_fault_of_client(error):
        # With these two an empty detail would say that the handler did not run.
        told = getattr(error, "error_code", 0) in (CANCELLED.code, EXPIRED.code)
        return _chosen_response(error, type(error).__name__ if told else "", "")
    text = format_traceback(error)
    report(text)
    if _is_prediction_exception(error):
        return _chosen_response(error, where(error, model_dir), text)
    if _is_too_large_an_image(error):
        message = f"The image has too many pixels: {_text_of(error)}"
        return ErrorResponse(400, message, where(error, model_dir), text)
    detail = explain(error, model_dir, advice=advice)
    if is_out_of_resources(error):
        return ErrorResponse(507, "Out of resources", detail, text)
    return ErrorResponse(503, "Prediction failed", detail, text)


def _chosen_response(error: BaseException, detail: str, text: str) -> ErrorResponse:
    """Return the answer whose status the handler chose."""
    code = getattr(error, "error_code", 500)
    if not isinstance(code, int) or not 100 <= code <= 999:
        code = 500
    if code == _TOO_LARGE and not _is_request_error(error):
        code = _OUT_OF_RESOURCES  # as in TorchServe 0.12
    message = _text_of(getattr(error, "message", ""))
    return ErrorResponse(code, message, detail, text, _headers_of(error))


def _headers_of(error: BaseException) -> list[tuple[str, str]]:
    """Return the headers of a `RequestError`, as they can be sent."""
    headers = getattr(error, "headers", None)
    if not isinstance(headers, dict):
        return []
    encodable = [(_encodable(name), _encodable(value)) for name, value in headers.items()]
    size = sum(len(name) + len(value) for name, value in encodable)
    if len(encodable) > _MAX_HEADERS or size > _MAX_HEADERS_SIZE:
        report(f"{len(encodable)} headers of an error were left out: they are too many or too long")
        return []
    return encodable


def _encodable(value: object) -> str:
    return _text_of(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _is_request_error(error: BaseException) -> bool:
    # A handler that raised it has imported its module; the worker itself need not.
    kind = getattr(sys.modules.get("ts.handler"), "RequestError", None)
    return kind is not None and isinstance(error, kind)


def _is_fault_of_client(error: BaseException) -> bool:
    return _is_request_error(error) and getattr(error, "error_code", 500) < _SERVER


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
    """Return the traceback without the frames by which this package calls the user's code."""
    trace = after = error.__traceback__
    while after is not None:
        module = str(after.tb_frame.f_globals.get("__name__"))
        after = after.tb_next
        if _calls_users_code(module):
            trace = after
        elif not module.startswith("asyncio."):
            break
    shown = trace if trace is not None else error.__traceback__
    lines: Sequence[str] = traceback.format_exception(type(error), error, shown)
    return "".join(lines)


def _calls_users_code(module: str) -> bool:
    return module in _OWN_MODULES or module == "importlib" or module.startswith("importlib.")


_OWN_MODULES = frozenset(
    (
        "ts._worker.server",
        "ts._worker.async_server",
        "ts._worker.handler_run",
        "ts._worker.lazy_loop",
        "ts._worker.loading",
        "ts._worker.result_streams",
        "ts._loader.entry_point",
        "ts.model_loader",
    )
)
