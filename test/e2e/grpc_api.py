"""Clients of the gRPC APIs, made of this repository's .proto files as a user would."""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2
from grpc_tools import protoc
from torchserve_process import LIMIT_SEC, REPOSITORY, TorchServe

PROTOS = REPOSITORY / "frontend" / "grpc-messages" / "src" / "main" / "proto"
IMPORTED_PROTOS = (Path(protoc.__file__).parent / "_proto", Path(status_pb2.__file__).parents[2])


@cache
def compiled(name: str) -> ModuleType:
    """The messages of a .proto file, in Python."""
    return _made("python_out", name, f"{name}_pb2")


@cache
def stubs(name: str) -> ModuleType:
    """The clients of the services of a .proto file, in Python."""
    compiled(name)
    return _made("grpc_python_out", name, f"{name}_pb2_grpc")


def _made(option: str, name: str, module_name: str) -> ModuleType:
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"--proto_path={path}" for path in (PROTOS, *IMPORTED_PROTOS)]
        status = protoc.main(["protoc", *paths, f"--{option}={folder}", f"{name}.proto"])
        assert status == 0, f"protoc failed on {name}.proto"
        spec = importlib.util.spec_from_file_location(
            module_name, Path(folder) / f"{module_name}.py"
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        spec.loader.exec_module(module)
        return module


JSON = (("input-content-type", "application/json"),)
"""Metadata: the inputs of the call are JSON."""


class Client:
    """A connection, and the rpcs of `InferenceAPIsService` on it."""

    def __init__(self, server: TorchServe, credentials: grpc.ChannelCredentials | None = None):
        target = f"localhost:{server.grpc_inference_port}"
        self.channel = (
            grpc.secure_channel(target, credentials)
            if credentials
            else grpc.insecure_channel(target)
        )
        self.messages: Any = compiled("inference")
        self.stub: Any = stubs("inference").InferenceAPIsServiceStub(self.channel)

    def request(self, model: str = "commands", /, **fields: Any) -> Any:
        return self.messages.PredictionsRequest(model_name=model, **fields)

    def order(self, **order: Any) -> Any:
        """A request for the model that does what it is told."""
        return self.request(input={"body": json.dumps(order).encode()})

    def predict(self, request: Any, **options: Any) -> Any:
        return self.stub.Predictions(request, **{"timeout": LIMIT_SEC, "metadata": JSON, **options})

    def stream(self, request: Any, **options: Any) -> Any:
        return self.stub.StreamPredictions(
            request, **{"timeout": LIMIT_SEC, "metadata": JSON, **options}
        )

    def failure(self, request: Any, **options: Any) -> Any:
        """The error that a request is answered with."""
        with pytest.raises(grpc.RpcError) as failure:
            self.predict(request, **options)
        return failure.value

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()


class Api:
    """One service of a server; `api.Rpc(field=value)` returns the answer."""

    def __init__(
        self,
        port: int,
        file: str,
        service: str,
        *,
        package: str = "",
        key: str = "",
        metadata: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.types = compiled(file)
        self._service = self.types.DESCRIPTOR.services_by_name[service]
        self._package = package or self.types.DESCRIPTOR.package
        self._metadata = [*metadata, *([("authorization", f"Bearer {key}")] if key else [])]
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def __getattr__(self, rpc: str) -> Any:
        method = self._service.methods_by_name[rpc]
        question, answer = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
        call = self._channel.unary_unary(
            f"/{self._package}.{self._service.name}/{rpc}",
            request_serializer=question.SerializeToString,
            response_deserializer=answer.FromString,
        )

        def ask(request: Any = None, timeout: float = LIMIT_SEC, **fields: Any) -> Any:
            return call(request or question(**fields), timeout=timeout, metadata=self._metadata)

        return ask

    def close(self) -> None:
        self._channel.close()


def refused(call: Any, *words: Any, **fields: Any) -> tuple[str, list[str]]:
    """Calls what has to fail; returns the status and the lines of its description."""
    with pytest.raises(grpc.RpcError) as failure:
        call(*words, **fields)
    error: Any = failure.value
    return error.code().name, error.details().split("\n")
