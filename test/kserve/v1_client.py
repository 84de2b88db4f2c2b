"""Asks a server as the `kserve` SDK does, over KServe's protocols 1 and 2; prints JSON."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

import httpx
from kserve import InferenceGRPCClient, InferenceRESTClient
from kserve.inference_client import RESTConfig

URL = "http://127.0.0.1:8080"
GRPC = "127.0.0.1:8081"


async def ask(model: str, image: Path) -> dict[str, Any]:
    """Asks everything that the SDK has functions for."""
    v1 = InferenceRESTClient(RESTConfig(protocol="v1", timeout=60))
    v2 = InferenceRESTClient(RESTConfig(protocol="v2", timeout=60))
    grpc = InferenceGRPCClient(GRPC)
    data = base64.b64encode(image.read_bytes()).decode()
    request = {"instances": [{"data": data}]}
    try:
        await v1.infer(URL, request, model_name="unknown")
    except httpx.HTTPStatusError as error:
        unknown = str(error)
    return {
        "v1": {
            "live": await v1.is_server_live(URL),
            "model_ready": await v1.is_model_ready(URL, model),
            "prediction": await v1.infer(URL, request, model_name=model),
            "explanation": await v1.explain(URL, model, request),
            "unknown": unknown,
        },
        "v2": {
            "live": await v2.is_server_live(URL),
            "ready": await v2.is_server_ready(URL),
            "model_ready": await v2.is_model_ready(URL, model),
        },
        "grpc": {
            "live": await grpc.is_server_live(),
            "ready": await grpc.is_server_ready(),
            "model_ready": await grpc.is_model_ready(model),
        },
    }


print(json.dumps(asyncio.run(ask(sys.argv[1], Path(sys.argv[2])))))
