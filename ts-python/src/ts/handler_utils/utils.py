"""Streaming, and classes by their names."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

from ts._worker.failures import RequestCancelled
from ts.protocol.otf_message_handler import create_predict_response
from ts.utils.util import PredictionException

__all__ = [
    "RequestCancelled",
    "create_predict_response",
    "import_class",
    "send_intermediate_predict_response",
]


# What starts the ranks of a group sets it before Python runs. Reading it takes a microsecond, too
# much for each chunk.
_IS_OTHER_RANK = os.environ.get("LOCAL_RANK", "0") != "0"


def send_intermediate_predict_response(
    ret: list[Any],
    req_id_map: Mapping[int, str] | None,
    message: str,
    code: int,
    context: Any,
) -> None:
    """Send one chunk per request of the batch now; what the handler returns is the last one.

    Status and headers set through the context before the first chunk go out with it; later ones
    have no effect. Requests whose clients have gone are left out. Blocks while the frontend does
    not read. Does nothing on every rank of a group but the first.

    Args:
        ret: One element per request, encoded like a result.
        req_id_map: ``context.request_ids``.
        message: What the clients are told if `code` is not 200.
        code: 200, or the status that the whole batch fails with.
        context: The context the handler was called with.

    Raises:
        PredictionException: `code` is not 200. A handler lets it pass.
        RequestCancelled: Every client of the batch has gone. A handler may clean up and let it
            pass.
        ValueError: `ret` has not one element per request.
    """
    if _IS_OTHER_RANK:
        return
    if code != 200:
        raise PredictionException(message, code)
    run = getattr(context, "_handler_run", None)
    if run is not None:
        run.send_chunks(ret)
        return
    # With messages of 0.12, as in tests of handlers, the context has no more than a connection.
    connection = getattr(context, "cl_socket", None)
    if connection is None:
        raise RuntimeError("there is no request to stream to: the context is used outside a batch")
    ids = req_id_map or {}
    if len(ret) != len(ids):
        raise ValueError(f"{len(ret)} chunks for {len(ids)} requests, expected one each")
    connection.sendall(create_predict_response(ret, ids, message, code, context, True))


def import_class(class_name: str, module_prefix: str | None = None) -> type:
    """Return a class by its name.

    Args:
        class_name: ``pkg.mod.Cls``, or with a prefix also ``Cls``.
        module_prefix: Module that stands before the one in `class_name`.

    Raises:
        ImportError: There is no such module, or no such class in it.
    """
    module_name, _, name = class_name.rpartition(".")
    full_name = ".".join(part for part in (module_prefix, module_name) if part)
    if not full_name:
        raise ImportError(f"class {class_name!r} names no module, expected module.Class")
    module = importlib.import_module(full_name)
    try:
        found: type = getattr(module, name)
    except AttributeError as error:
        raise ImportError(f"module {full_name!r} has no class {name!r}") from error
    return found
