"""The Open Inference Protocol over gRPC: a real server and real torch models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import requests
from grpc_api import Api, refused
from torchserve_process import REPOSITORY, TorchServe, wait_for

LINEAR = """
import torch

class Linear:
    def initialize(self, context):
        torch.manual_seed(7)
        self.model = torch.nn.Linear(3, 2)
        self.manifest = context.manifest

    def handle(self, inputs, context):
        with torch.inference_mode():
            return [self.model(torch.as_tensor(x["data"], dtype=torch.float32)) for x in inputs]
"""

ECHO = """
import torch

def handle(inputs, context):
    if inputs is None:
        return None
    return [
        torch.tensor(x["data"]).to(torch.bfloat16) if x["datatype"] == "BF16" else x["data"]
        for x in inputs
    ]
"""

SEES = """
import json

def handle(data, context):
    if data is None:
        return None
    answers = []
    for row in data:
        body = row["body"]
        if body["inputs"][0]["name"] == "nonsense":
            answers.append("no JSON")
            continue
        said = json.dumps(body)
        answers.append({"outputs": [
            {"name": "said", "datatype": "BYTES", "shape": [1], "data": [said]},
            {"name": "more", "datatype": "INT8", "shape": [0], "data": []},
        ]})
    return answers
"""

RAW = {
    "BOOL": np.array([True, False]),
    "INT8": np.array([-128, 127], np.int8),
    "INT16": np.array([-32768, 32767], np.int16),
    "INT32": np.array([-(2**31), 2**31 - 1], np.int32),
    "INT64": np.array([-(2**63), 2**63 - 1], np.int64),
    "UINT8": np.array([0, 255], np.uint8),
    "UINT16": np.array([0, 65535], np.uint16),
    "UINT32": np.array([0, 2**32 - 1], np.uint32),
    "UINT64": np.array([0, 2**64 - 1], np.uint64),
    "FP16": np.array([0.1, np.inf, -0.0, 65504], np.float16),
    "FP32": np.array([0.1, np.nan, -np.inf, 1e-45], np.float32),
    "FP64": np.array([0.1, np.nan, np.inf, 5e-324], np.float64),
    "BF16": np.array([0x3F80, 0xFF80, 0x4049], np.uint16),  # 1, -infinity, 3.140625
}

TYPED = {
    "BOOL": ("bool_contents", [True, False]),
    "INT8": ("int_contents", [-128, 127]),
    "INT32": ("int_contents", [-(2**31), 2**31 - 1]),
    "INT64": ("int64_contents", [-(2**63), 2**63 - 1]),
    "UINT8": ("uint_contents", [0, 255]),
    "UINT32": ("uint_contents", [0, 2**32 - 1]),
    "UINT64": ("uint64_contents", [0, 2**64 - 1]),
    "FP32": ("fp32_contents", [0.5, float("-inf")]),
    "FP64": ("fp64_contents", [0.1, float("inf")]),
}


@pytest.fixture(scope="module")
def oip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server switched on as KServe does it."""
    running = TorchServe(
        tmp_path_factory.mktemp("oip"),
        config={"service_envelope": "kservev2"},
        environment={"TS_OPEN_INFERENCE_PROTOCOL": "oip"},
        torch=True,
    )
    running.store.write_handler("linear", LINEAR)
    running.store.write_handler("echo", ECHO, "batchSize: 4\nmaxBatchDelay: 20\n")
    running.start("linear", "echo")
    running.wait_ready("linear")
    running.wait_ready("echo")
    yield running
    running.stop()
    running.assert_nothing_left()


@pytest.fixture(scope="module", params=["inference", "org.pytorch.serve.grpc.openinference"])
def api(oip: TorchServe, request: pytest.FixtureRequest) -> Iterator[Api]:
    """A client that uses the standard name of the service, and one that uses TorchServe's."""
    client = standard(oip, request.param)
    yield client
    client.close()


def standard(server: TorchServe, package: str = "inference") -> Api:
    return Api(
        server.grpc_inference_port,
        "open_inference_grpc",
        "GRPCInferenceService",
        package=package,
    )


def tensor(datatype: str, shape: list[int], name: str = "x", **contents: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "datatype": datatype, "shape": shape}
    return {**made, "contents": contents} if contents else made


def raw_infer(api: Api, model: str, datatype: str, values: np.ndarray[Any, Any]) -> Any:
    return api.ModelInfer(
        model_name=model,
        inputs=[tensor(datatype, list(values.shape))],
        raw_input_contents=[values.tobytes()],
    )


def test_server_and_models_tell_of_themselves(oip: TorchServe, api: Api) -> None:
    assert api.ServerLive().live
    assert wait_for(lambda: api.ServerReady().ready, "the server is ready")
    assert api.ModelReady(name="linear").ready
    assert api.ModelReady(name="linear", version="1.0").ready
    metadata = api.ModelMetadata(name="linear")
    assert (metadata.name, list(metadata.versions)) == ("linear", ["1.0"])
    over_http = requests.get(f"{oip.inference}/v2", timeout=60).json()
    server = api.ServerMetadata()
    assert (server.name, server.version) == (over_http["name"], over_http["version"])
    assert server.version == (REPOSITORY / "VERSION").read_text(encoding="ascii").strip()
    assert list(server.extensions) == over_http["extensions"]
    for call in (api.ModelReady, api.ModelMetadata):
        assert refused(call, name="missing")[0] == "NOT_FOUND"
        assert refused(call, name="linear", version="9")[0] == "NOT_FOUND"
        assert refused(call)[0] == "INVALID_ARGUMENT"


def test_torch_answers_the_same_over_http_typed_and_raw(oip: TorchServe, api: Api) -> None:
    values = np.array([[0.5, -1.25, 3e-7], [1e6, 0.1, -0.0]], np.float32)
    over_http = requests.post(
        f"{oip.inference}/v2/models/linear/infer",
        json={
            "id": "42",
            "inputs": [
                {"name": "x", "datatype": "FP32", "shape": [2, 3], "data": values.ravel().tolist()}
            ],
        },
        timeout=60,
    ).json()
    (expected,) = over_http["outputs"]
    wanted = np.array(expected["data"], np.float32)

    typed = api.ModelInfer(
        model_name="linear",
        id="42",
        inputs=[tensor("FP32", [2, 3], fp32_contents=values.ravel().tolist())],
    )
    assert (typed.id, typed.model_name) == (over_http["id"], over_http["model_name"])
    assert typed.model_version == over_http["model_version"]
    output = typed.outputs[0]
    assert (output.name, output.datatype) == (expected["name"], expected["datatype"])
    assert list(output.shape) == expected["shape"] == [2, 2]
    np.testing.assert_array_equal(np.array(output.contents.fp32_contents, np.float32), wanted)
    assert not typed.raw_output_contents

    raw = raw_infer(api, "linear", "FP32", values)
    np.testing.assert_array_equal(np.frombuffer(raw.raw_output_contents[0], np.float32), wanted)
    assert not raw.outputs[0].HasField("contents")
    assert raw.id, "a request without an id is given one"


@pytest.mark.parametrize("datatype", RAW)
def test_every_raw_datatype_comes_back_bit_by_bit(api: Api, datatype: str) -> None:
    values = RAW[datatype]
    answer = raw_infer(api, "echo", datatype, values)
    assert answer.outputs[0].datatype == datatype
    assert answer.raw_output_contents[0] == values.tobytes()


@pytest.mark.parametrize("datatype", TYPED)
def test_every_typed_datatype_comes_back(api: Api, datatype: str) -> None:
    field, values = TYPED[datatype]
    answer = api.ModelInfer(model_name="echo", inputs=[tensor(datatype, [2], **{field: values})])
    assert list(getattr(answer.outputs[0].contents, field)) == values


def test_each_request_of_a_batch_has_its_own_answer(api: Api) -> None:
    def ask(number: int) -> int:
        values = np.full(number % 5 + 1, number, np.int32)
        answer = raw_infer(api, "echo", "INT32", values)
        assert answer.raw_output_contents[0] == values.tobytes()
        return number

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(40))) == list(range(40))


def test_kserves_wrapper_asks_by_predictions(oip: TorchServe) -> None:
    """Its protocol grpc-v2 sends the JSON of the request as an input named data."""
    wrapper = Api(oip.grpc_inference_port, "inference", "InferenceAPIsService")
    request = {
        "id": "5",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [2], "data": [0.5, 2.0]}],
    }
    answer = wrapper.Predictions(model_name="echo", input={"data": json.dumps(request).encode()})
    said = json.loads(answer.prediction)
    assert (said["id"], said["model_name"]) == ("5", "echo")
    assert [(o["name"], o["datatype"], o["data"]) for o in said["outputs"]] == [
        ("x", "FP32", [0.5, 2.0])
    ]
    wrapper.close()


def test_several_inputs_and_the_outputs_that_are_asked_for(api: Api) -> None:
    inputs = [
        tensor("INT8", [2], "a", int_contents=[1, 2]),
        tensor("FP32", [1], "b", fp32_contents=[0.5]),
    ]
    assert [o.name for o in api.ModelInfer(model_name="echo", inputs=inputs).outputs] == ["a", "b"]
    chosen = api.ModelInfer(model_name="echo", inputs=inputs, outputs=[{"name": "b"}])
    assert [o.name for o in chosen.outputs] == ["b"]
    status, lines = refused(
        api.ModelInfer, model_name="echo", inputs=inputs, outputs=[{"name": "c"}]
    )
    assert (status, lines[0]) == (
        "INVALID_ARGUMENT",
        'The model has no output "c", but [a, b].',
    )


def test_large_tensors_pass(api: Api) -> None:
    values = np.random.default_rng(1).random((3, 100, 100), np.float32)
    answer = raw_infer(api, "echo", "FP32", values)
    assert answer.raw_output_contents[0] == values.tobytes()
    assert list(answer.outputs[0].shape) == [3, 100, 100]


def test_what_is_no_tensor_is_refused_with_what_was_expected(api: Api) -> None:
    for inputs, raw, words in (
        ([tensor("FP32", [3], fp32_contents=[1.0])], [], "1 elements in fp32_contents"),
        ([tensor("FP32", [1], int_contents=[1])], [], "0 elements in fp32_contents and 1 in other"),
        ([tensor("FLOAT", [1], fp32_contents=[1.0])], [], 'datatype "FLOAT", expected one of BOOL'),
        ([tensor("FP32", [-1])], [], "no negative size"),
        ([tensor("INT64", [2])], [b"1234567"], "7 raw bytes, expected 16"),
        ([tensor("BYTES", [1])], [b"\xff\xff\xff\x7f"], "is cut"),
        ([tensor("INT8", [1])], [b"1", b"2"], "expected one for each of the 1 inputs"),
    ):
        status, lines = refused(
            api.ModelInfer, model_name="echo", inputs=inputs, raw_input_contents=raw
        )
        assert status == "INVALID_ARGUMENT", lines
        assert words in lines[0]
    assert refused(api.ModelInfer, model_name="missing")[0] == "NOT_FOUND"
    assert refused(api.ModelInfer)[0] == "INVALID_ARGUMENT"
    # What only the envelope can know is the client's mistake too.
    assert refused(api.ModelInfer, model_name="echo")[0] == "INVALID_ARGUMENT"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server without an envelope: handlers get and give the JSON themselves."""
    running = TorchServe(
        tmp_path_factory.mktemp("plain"), config={"ts_open_inference_protocol": "true"}
    )
    running.store.write_handler("sees", SEES)
    running.start("sees")
    running.wait_ready("sees")
    yield running
    running.stop()
    running.assert_nothing_left()


def test_handler_without_an_envelope_gets_the_json_of_the_request(plain: TorchServe) -> None:
    api = standard(plain)
    request = api.types.ModelInferRequest(
        model_name="sees",
        model_version="1.0",
        id="9",
        inputs=[tensor("BYTES", [2], bytes_contents=[b"hi", b"\xff"])],
        outputs=[{"name": "said"}],
    )
    request.parameters["sequence"].int64_param = 3
    request.inputs[0].parameters["binary"].bool_param = True
    answer = api.ModelInfer(request)
    assert json.loads(answer.outputs[0].contents.bytes_contents[0]) == {
        "id": "9",
        "model_name": "sees",
        "model_version": "1.0",
        "parameters": {"sequence": 3},
        "inputs": [
            {
                "name": "x",
                "shape": [2],
                "datatype": "BYTES",
                "parameters": {"binary": True},
                "data": ["aGk=", "/w=="],
            }
        ],
        "outputs": [{"name": "said"}],
    }
    assert [output.name for output in answer.outputs] == ["said"]
    api.close()


def test_answer_that_is_none_fails_its_call_and_nothing_else(plain: TorchServe) -> None:
    api = standard(plain)
    (worker,) = plain.describe("sees")["workers"]
    nonsense = {"model_name": "sees", "inputs": [tensor("INT8", [0], "nonsense")]}
    for _ in range(3):
        status, lines = refused(api.ModelInfer, **nonsense)
        assert status == "INTERNAL"
        expected = "The response of the handler does not follow the Open Inference Protocol"
        assert lines[0].startswith(expected)
    assert len(api.ModelInfer(model_name="sees", inputs=[tensor("INT8", [0])]).outputs) == 2
    assert plain.describe("sees")["workers"][0]["pid"] == worker["pid"]
    api.close()
