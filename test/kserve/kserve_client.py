"""Sends tensors by `kserve` to a model that answers with its inputs; prints JSON.

Apart from tritonclient: both bring the same messages of gRPC, and one process can have them once.
"""

from __future__ import annotations

import asyncio
import json

from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from tensors import ARRAYS, GRPC, URL, is_same


async def by_kserve(wrong: list[str]) -> int:
    """Sends tensors by the SDK of KServe."""
    rest = InferenceRESTClient(RESTConfig(protocol="v2", timeout=60))
    grpc = InferenceGRPCClient(GRPC)
    count = 0
    for datatype in ("FP16", "FP32", "INT64", "BYTES"):
        sent = ARRAYS[datatype]
        for binary in (True, False):
            if datatype == "FP16" and not binary:
                continue
            tensor = InferInput("x", list(sent.shape), datatype)
            tensor.set_data_from_numpy(sent, binary_data=binary)
            request = InferRequest(
                "echo", [tensor], request_id="7", parameters={"binary_data_output": binary}
            )
            answer = await rest.infer(f"http://{URL}", request, model_name="echo")
            count += 1
            if not is_same(datatype, sent, answer.outputs[0].as_numpy()):
                wrong.append(f"kserve, {datatype}, binary {binary}: {answer}")
        if datatype != "BYTES":
            tensor = InferInput("x", list(sent.shape), datatype)
            tensor.set_data_from_numpy(sent, binary_data=True)
            answer = await grpc.infer(InferRequest("echo", [tensor], request_id="7"))
            count += 1
            if not is_same(datatype, sent, answer.outputs[0].as_numpy()):
                wrong.append(f"kserve over gRPC, {datatype}: {answer}")
    return count


wrong: list[str] = []
print(json.dumps({"count": asyncio.run(by_kserve(wrong)), "wrong": wrong}))
