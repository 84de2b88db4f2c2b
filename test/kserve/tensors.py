"""What the clients send to the model that answers with its inputs, and how they compare it."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

URL, GRPC = "127.0.0.1:8080", "127.0.0.1:8081"
NO_TEXT = bytes(range(256))
ARRAYS = {
    "BOOL": np.array([[True, False, True]]),
    "INT8": np.array([[-128, 0, 127]], np.int8),
    "INT16": np.array([[-(2**15), 0, 2**15 - 1]], np.int16),
    "INT32": np.array([[-(2**31), 0, 2**31 - 1]], np.int32),
    "INT64": np.array([[-(2**63), 0, 2**63 - 1]], np.int64),
    "UINT8": np.array([[0, 1, 255]], np.uint8),
    "UINT16": np.array([[0, 1, 2**16 - 1]], np.uint16),
    "UINT32": np.array([[0, 1, 2**32 - 1]], np.uint32),
    "UINT64": np.array([[0, 1, 2**64 - 1]], np.uint64),
    "FP16": np.array([[0.1, -65504, 6e-8]], np.float16),
    "BF16": np.array([[0.1, -2.5, 3e38]], ml_dtypes.bfloat16),
    "FP32": np.array([[0.1, -3.4e38, 1e-45]], np.float32),
    "FP64": np.array([[0.1, -1.7e308, 5e-324]], np.float64),
    "BYTES": np.array([b"text", "süß".encode(), b""], np.object_),
}
ONLY_BINARY = ("FP16", "BF16")


def is_same(datatype: str, sent: Any, received: Any) -> bool:
    """Whether a tensor came back as it went."""
    if datatype == "BYTES":
        flat = [item.encode() if isinstance(item, str) else item for item in received.ravel()]
        return flat == list(sent.ravel())
    if datatype == "BF16":
        sent = sent.astype(np.float32)  # as the client gives it back
    return sent.dtype == received.dtype and np.array_equal(sent, received)
