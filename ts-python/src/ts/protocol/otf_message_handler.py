"""The messages that frontend and worker of TorchServe 0.12 exchanged.

This server does not speak them any more, see ``docs/worker-protocol.md``. They are kept for tests
of handlers and for tools. All integers are signed 32-bit big-endian; a text or value is its length
in bytes and the bytes; -1 ends a list.
"""

from __future__ import annotations

import os
import socket
import struct
import warnings
from collections.abc import Mapping
from typing import Any

from ts._protocol.messages import Part
from ts._worker.non_finite import JsonNan, NotFiniteError
from ts._worker.values import decode_part, encode_value

__all__ = [
    "END_OF_LIST",
    "LOAD_MSG",
    "PREDICT_MSG",
    "create_load_model_response",
    "create_predict_response",
    "encode_response_headers",
    "retrieve_msg",
    "send_intermediate_predict_response",
]

LOAD_MSG = b"L"
PREDICT_MSG = b"I"
END_OF_LIST = -1
RESPONSE = 3
int_size = 4
bool_size = 1

_INT = struct.Struct("!i")
_MAX_BYTES = 1 << 31


def retrieve_msg(conn: socket.socket) -> tuple[bytes, Any]:
    """Receive one message; return its command byte and its content.

    A load message is a dict, a predict message a list with a dict per request. Raises `ValueError`
    for an unknown command, and `EOFError` where the peer has closed.
    """
    command = _receive(conn, 1)
    if command == LOAD_MSG:
        return command, _retrieve_load_msg(conn)
    if command == PREDICT_MSG:
        return command, _retrieve_inference_msg(conn)
    raise ValueError(f"Invalid command: {command!r}")


def encode_response_headers(resp_hdr_map: Mapping[str, Any]) -> bytes:
    """Encode response headers: their number, then name and value of each."""
    out = [_INT.pack(len(resp_hdr_map))]
    for name, value in resp_hdr_map.items():
        out += (_with_length(str(name).encode("utf-8")), _with_length(str(value).encode("utf-8")))
    return b"".join(out)


def create_load_model_response(code: int, message: str) -> bytearray:
    """Encode the answer to a load message."""
    body = _INT.pack(code) + _with_length(message.encode("utf-8")) + _INT.pack(END_OF_LIST)
    return bytearray(body)


def create_predict_response(
    ret: list[Any] | None,
    req_id_map: Mapping[int, str],
    message: str,
    code: int,
    context: Any = None,
    ts_stream_next: bool = False,
) -> bytearray | None:
    """Encode the answer to a predict message; None on every rank of a group but the first.

    Args:
        ret: One result per request; without it every request has the body ``error``.
        req_id_map: Index in the batch to request id.
        message: Text about the whole batch.
        code: Status of the whole batch.
        context: Where status and headers of the single requests are, if anywhere.
        ts_stream_next: Whether more results will follow.
    """
    if os.environ.get("LOCAL_RANK", "0") != "0":
        return None
    bodies: list[bytes] = []
    if ret is not None:
        nan = JsonNan.of_environment()
        try:
            bodies = [bytes(encode_value(ret[index], nan)[1]) for index in req_id_map]
        except TypeError:
            return create_predict_response(
                None, req_id_map, "Unsupported model output data type.", 503
            )
        except NotFiniteError as error:
            return create_predict_response(None, req_id_map, error.message, 500)
    out = [_INT.pack(code), _with_length(message.encode("utf-8"))]
    for position, (index, request_id) in enumerate(req_id_map.items()):
        out.append(_with_length(request_id.encode("utf-8")))
        value = ret[index] if ret is not None else None
        out.append(_response_head(index, value, code, context, ts_stream_next))
        out.append(_with_length(bodies[position] if ret is not None else b"error"))
    out.append(_INT.pack(END_OF_LIST))
    return bytearray(b"".join(out))


def send_intermediate_predict_response(
    ret: list[Any],
    req_id_map: Mapping[int, str] | None,
    message: str,
    code: int,
    context: Any = None,
) -> None:
    """Send a chunk; use `ts.handler_utils.utils.send_intermediate_predict_response` instead."""
    warnings.warn(
        "Use ts.handler_utils.utils.send_intermediate_predict_response; this path is deprecated",
        PendingDeprecationWarning,
        stacklevel=2,
    )
    from ts.handler_utils.utils import send_intermediate_predict_response as send

    send(ret, req_id_map, message, code, context)


def _response_head(index: int, value: Any, code: int, context: Any, ts_stream_next: bool) -> bytes:
    if context is None:
        return _with_length(b"") + _INT.pack(code) + _with_length(b"") + encode_response_headers({})
    content_type = context.get_response_content_type(index) or ""
    status, phrase = context.get_response_status(index)
    headers = context.get_response_headers(index)
    criteria = context.stopping_criteria
    if ts_stream_next:
        # It stays in the context: that is how the answer after it is known to be the last chunk.
        headers["ts_stream_next"] = "true"
    elif criteria is not None:
        verdict = criteria[index](value)
        if verdict is not None:
            headers["ts_stream_next"] = "false" if verdict else "true"
    elif "ts_stream_next" in headers:
        headers["ts_stream_next"] = "false"
    return (
        _with_length(str(content_type).encode("utf-8"))
        + _INT.pack(status)
        + _with_length(str(phrase or "").encode("utf-8"))
        + encode_response_headers(headers)
    )


def _with_length(value: bytes) -> bytes:
    return _INT.pack(len(value)) + value


def _receive(conn: socket.socket, size: int) -> bytes:
    # By recv alone: the connections that tests make up have no other method.
    received = bytearray()
    while len(received) < size:
        piece = conn.recv(size - len(received))
        if not piece:
            raise EOFError("Frontend disconnected.")
        received += piece
    return bytes(received)


def _receive_int(conn: socket.socket) -> int:
    (value,) = _INT.unpack(_receive(conn, _INT.size))
    return int(value)


def _receive_bytes(conn: socket.socket) -> bytes | None:
    """Return a text or value, or None at the end of a list."""
    size = _receive_int(conn)
    if size == END_OF_LIST:
        return None
    if not 0 <= size < _MAX_BYTES:
        raise ValueError(f"length {size}, expected 0 or more")
    return _receive(conn, size)


def _retrieve_load_msg(conn: socket.socket) -> dict[str, Any]:
    message: dict[str, Any] = {
        "modelName": _receive_bytes(conn),
        "modelPath": _receive_bytes(conn),
        "batchSize": _receive_int(conn),
        "handler": _receive_bytes(conn),
    }
    gpu_id = _receive_int(conn)
    if gpu_id >= 0:
        message["gpu"] = gpu_id
    message["envelope"] = _receive_bytes(conn)
    message["limitMaxImagePixels"] = _receive(conn, 1) != b"\0"
    return message


def _retrieve_inference_msg(conn: socket.socket) -> list[dict[str, Any]]:
    requests = []
    decode = os.environ.get("TS_DECODE_INPUT_REQUEST", "true") == "true"
    while (request_id := _receive_bytes(conn)) is not None:
        headers = []
        while (name := _receive_bytes(conn)) is not None:
            headers.append({"name": name, "value": _receive_bytes(conn)})
        parameters = []
        while (name := _receive_bytes(conn)) is not None:
            content_type = (_receive_bytes(conn) or b"").decode("utf-8")
            value: Any = bytearray(_receive_bytes(conn) or b"")
            part = Part(name.decode("utf-8"), content_type, value)
            parameters.append(
                {
                    "name": part.name,
                    "contentType": content_type,
                    "value": decode_part(part) if decode and content_type else value,
                }
            )
        requests.append({"requestId": request_id, "headers": headers, "parameters": parameters})
    return requests
