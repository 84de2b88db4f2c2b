"""Sends tensors by `tritonclient` to a model that answers with its inputs; prints JSON.

What comes back otherwise than it went is listed under `wrong`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tensors import ARRAYS, GRPC, NO_TEXT, ONLY_BINARY, URL, is_same
from tritonclient.utils import InferenceServerException


def triton(protocol: Any, client: Any, datatype: str, sent: Any, **forms: bool) -> Any:
    """Sends a tensor by tritonclient; over HTTP in the given forms."""
    tensor = protocol.InferInput("x", list(sent.shape), datatype)
    if protocol is triton_http:
        tensor.set_data_from_numpy(sent, binary_data=forms["sends"])
        outputs = [protocol.InferRequestedOutput("x", binary_data=forms["wants"])]
        if forms["wants"] and forms["sends"]:
            outputs = None  # all of them, binary: the client's own default
    else:
        tensor.set_data_from_numpy(sent)
        outputs = None
    result = client.infer("echo", [tensor], outputs=outputs, request_id="7")
    return result.as_numpy("x")


def by_triton(wrong: list[str]) -> int:
    """Sends every datatype in every form; returns how many were sent."""
    http = triton_http.InferenceServerClient(URL)
    count = 0
    for datatype, sent in ARRAYS.items():
        for sends, wants in ((True, True), (True, False), (False, True), (False, False)):
            if datatype in ONLY_BINARY and not (sends and wants):
                continue
            received = triton(triton_http, http, datatype, sent, sends=sends, wants=wants)
            count += 1
            if not is_same(datatype, sent, received):
                wrong.append(f"{datatype}, sends {sends}, wants {wants}: {received!r}")
    for name, sent in {
        "no text": np.array([NO_TEXT, b"text", NO_TEXT[::-1]], np.object_),
        "one that is no text": np.array([NO_TEXT], np.object_),
    }.items():
        received = triton(triton_http, http, "BYTES", sent, sends=True, wants=True)
        count += 1
        if not is_same("BYTES", sent, received):
            wrong.append(f"{name}: {received!r}")
    large = np.random.default_rng(0).random((100, 1000), np.float32)
    received = triton(triton_http, http, "FP32", large, sends=True, wants=True)
    if not is_same("FP32", large, received):
        wrong.append("a large tensor")
    return count + 1


def by_triton_grpc(wrong: list[str]) -> int:
    """Sends every datatype; bytes reach the handler in base64 there, as in TorchServe 0.12."""
    client = triton_grpc.InferenceServerClient(GRPC)
    arrays = {name: array for name, array in ARRAYS.items() if name != "BYTES"}
    for datatype, sent in arrays.items():
        received = triton(triton_grpc, client, datatype, sent)
        if not is_same(datatype, sent, received):
            wrong.append(f"gRPC, {datatype}: {received!r}")
    return len(arrays)


def image(model: str, data: bytes) -> list[str]:
    """The bytes of an image as they are, by each way; returns what the model says."""
    http = triton_http.InferenceServerClient(URL)
    grpc = triton_grpc.InferenceServerClient(GRPC)
    answers = []
    for protocol, client in ((triton_http, http), (triton_grpc, grpc)):
        tensor = protocol.InferInput("image", [1], "BYTES")
        tensor.set_data_from_numpy(np.array([data], np.object_))
        answer = client.infer(model, [tensor]).as_numpy("image").ravel()[0]
        text = answer.decode() if isinstance(answer, bytes) else answer
        answers.append(json.loads(text)["class"])
    return answers


def facts() -> dict[str, Any]:
    """What tritonclient tells about server and models, over both protocols."""
    http = triton_http.InferenceServerClient(URL)
    grpc = triton_grpc.InferenceServerClient(GRPC)
    try:
        http.get_model_metadata("unknown")
    except InferenceServerException as error:
        unknown = f"{error.status()} {error.message()}"
    return {
        "live": [client.is_server_live() for client in (http, grpc)],
        "ready": [client.is_server_ready() for client in (http, grpc)],
        "models": {
            name: [client.is_model_ready(name) for client in (http, grpc)]
            for name in ("mnist", "echo", "broken")
        },
        "metadata": http.get_server_metadata(),
        "model": http.get_model_metadata("echo"),
        "unknown": unknown,
    }


wrong: list[str] = []
counts = {"http": by_triton(wrong), "grpc": by_triton_grpc(wrong)}
print(
    json.dumps(
        {
            "facts": facts(),
            "counts": counts,
            "wrong": wrong,
            "image": image("mnist", Path(sys.argv[1]).read_bytes()),
        }
    )
)
