"""Request envelopes, one request and batches."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from handler_fakes import FakeContext
from ts._worker.non_finite import JsonNan, NotFiniteError
from ts._worker.values import encode_value
from ts.torch_handler.request_envelope.base import BaseEnvelope
from ts.torch_handler.request_envelope.body import BodyEnvelope
from ts.torch_handler.request_envelope.json import JSONEnvelope
from ts.torch_handler.request_envelope.kserve import KServeEnvelope
from ts.torch_handler.request_envelope.kservev2 import KServev2Envelope
from ts.utils.util import PredictionException


def context(count: int = 1, **header: str) -> FakeContext:
    return FakeContext(Path(), {"modelName": "x", "modelVersion": "1.0"}, headers=[header] * count)


def echo(data: Any, _: Any) -> Any:
    return data


def body(value: Any) -> dict[str, Any]:
    return {"body": value}


def content(value: Any) -> dict[str, Any]:
    return {"body": bytearray(json.dumps(value).encode())}


def test_body_envelope_gives_payloads() -> None:
    envelope = BodyEnvelope(echo)
    assert envelope.handle([{"data": 1}, {"body": b"2"}], context(2)) == [1, b"2"]


def test_json_envelope_joins_and_splits_a_batch() -> None:
    seen = []

    def handler(data: Any, _: Any) -> Any:
        seen.extend(data)
        return [i * 10 for i in data]

    rows = [body({"instances": [1, 2]}), content({"instances": [3]}), {"instances": []}]
    answer = JSONEnvelope(handler).handle(rows, context(3))
    assert seen == [1, 2, 3]
    assert answer == ['{"predictions": [10, 20]}', '{"predictions": [30]}', '{"predictions": []}']


def test_json_envelope_leaves_what_is_no_json_to_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nan = float("nan")
    rows = [body({"instances": [value]}) for value in (1, nan, 3, 4)]

    def handler(data: Any, _: Any) -> Any:
        return [*data[:3], {1, 2}]

    answer = JSONEnvelope(handler).handle(rows, context(4))
    assert answer[0::2] == ['{"predictions": [1]}', '{"predictions": [3]}']
    for text, place in ((answer[1], '["predictions"][0] is NaN'), (answer[3], "set")):
        with pytest.raises((ValueError, TypeError), match=re.escape(place)):
            encode_value(text, JsonNan.ERROR)
    monkeypatch.setenv("TS_JSON_NAN", "null")
    assert JSONEnvelope(echo).handle(rows, context(4))[1] == '{"predictions": [null]}'
    monkeypatch.setenv("TS_JSON_NAN", "literal")
    assert JSONEnvelope(echo).handle(rows, context(4))[1] == '{"predictions": [NaN]}'


@pytest.mark.parametrize("envelope", [KServeEnvelope, KServev2Envelope])
def test_number_that_is_not_finite_fails_its_request_alone(envelope: type[BaseEnvelope]) -> None:
    tensor = {"name": "x", "shape": [2], "datatype": "FP32"}
    values = [[1.0, 2.0], [1.0, float("nan")]]
    rows = [body({"instances": [v], "inputs": [{**tensor, "data": v}]}) for v in values]

    def handler(data: Any, _: Any) -> Any:
        return [item["data"] if isinstance(item, dict) else item for item in data]

    good, bad = envelope(handler).handle(rows, context(2))
    assert encode_value(good, JsonNan.ERROR)
    place = '["outputs"][0]["data"][1]' if envelope is KServev2Envelope else '["predictions"][0][1]'
    with pytest.raises(NotFiniteError, match=re.escape(f"{place} is NaN")):
        encode_value(bad, JsonNan.ERROR)


def test_json_envelope_decodes_base64() -> None:
    b64 = {"b64": base64.b64encode(b"hi").decode()}
    instances = JSONEnvelope(echo).parse_input([body({"instances": [b64, {"a": b64, "n": 1}, 7]})])
    assert instances == [b"hi", {"a": b"hi", "n": 1}, 7]


@pytest.mark.parametrize("envelope", [JSONEnvelope, KServeEnvelope])
@pytest.mark.parametrize(
    ("row", "message"),
    [
        (body(b"{"), "Request 0 is not JSON"),
        (body([1]), "Request 0 is a JSON list"),
        (body({"inputs": []}), '"instances" is missing, expected a list'),
        (body({"instances": 1}), '"instances" is a JSON int'),
    ],
)
def test_bad_request_is_the_clients_mistake(
    envelope: type[BaseEnvelope], row: Any, message: str
) -> None:
    with pytest.raises(PredictionException, match=message) as caught:
        envelope(echo).handle([row], context())
    assert caught.value.error_code == 400


def test_bad_base64_is_the_clients_mistake() -> None:
    with pytest.raises(PredictionException, match='"b64" is not Base64'):
        JSONEnvelope(echo).handle([body({"instances": [{"b64": 3}]})], context())


def test_kserve_envelope_answers_every_request() -> None:
    rows = [body({"instances": ["a", "b"]}), content({"instances": ["c"]})]
    assert KServeEnvelope(echo).handle(rows, context(2)) == [
        {"predictions": ["a", "b"]},
        {"predictions": ["c"]},
    ]


def test_kserve_envelope_names_explanations() -> None:
    answer = KServeEnvelope(echo).handle([body({"instances": [1]})], context(explain="True"))
    assert answer == [{"explanations": [1]}]


def test_single_request_gets_whatever_the_handler_returned() -> None:
    envelope = KServeEnvelope(lambda data, _: ["only one"])
    assert envelope.handle([body({"instances": [1, 2]})], context()) == [
        {"predictions": ["only one"]}
    ]


def test_wrong_number_of_results_for_a_batch_is_said() -> None:
    envelope = KServeEnvelope(lambda data, _: [1])
    rows = [body({"instances": [1]}), body({"instances": [2]})]
    with pytest.raises(PredictionException, match="1 results for 2 instances of 2 requests"):
        envelope.handle(rows, context(2))


def test_description_passes_through() -> None:
    envelope = KServeEnvelope(lambda data, _: None)
    assert envelope.handle([{}], context(describe="True")) is None


def tensor(datatype: str, data: Any, shape: list[int], name: str = "in") -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "data": data, "shape": shape}


@pytest.mark.parametrize(
    ("datatype", "dtype", "data"),
    [
        ("BOOL", np.bool_, [True, False]),
        ("INT8", np.int8, [-1, 2]),
        ("UINT64", np.uint64, [0, 2**64 - 1]),
        ("INT64", np.int64, [-(2**63), 2**63 - 1]),
        ("FP16", np.float16, [0.5, -2]),
        ("FP32", np.float32, [0.1, 2]),
        ("FP64", np.float64, [0.1, 2]),
    ],
)
def test_v2_keeps_datatype_and_shape(datatype: str, dtype: Any, data: list[Any]) -> None:
    seen = []

    def handler(inputs: Any, _: Any) -> Any:
        seen.extend(inputs)
        return [i["data"] for i in inputs]

    request = {"id": "r", "inputs": [tensor(datatype, data, [1, 2])]}
    (answer,) = KServev2Envelope(handler).handle([content(request)], context())
    array = seen[0]["data"]
    assert array.dtype == dtype
    assert array.shape == (1, 2)
    assert answer == {
        "id": "r",
        "model_name": "m",
        "model_version": "1.0",
        "outputs": [
            {
                "name": "in",
                "datatype": datatype,
                "data": np.array(data, dtype).tolist(),
                "shape": [1, 2],
            }
        ],
    }


def test_v2_answers_every_request_with_its_own_id_and_names() -> None:
    requests = [
        {"id": "first", "inputs": [tensor("FP32", [1], [1], "a"), tensor("FP32", [2], [1], "b")]},
        {"inputs": [tensor("INT32", [3], [1], "c")], "outputs": [{"name": "result"}]},
    ]
    envelope = KServev2Envelope(lambda inputs, _: [i["data"] for i in inputs])
    first, second = envelope.handle([body(r) for r in requests], context(2))
    assert [o["name"] for o in first["outputs"]] == ["a", "b"]
    assert (first["id"], second["id"]) == ("first", "id-1")
    assert second["outputs"] == [{"name": "result", "datatype": "INT32", "data": [3], "shape": [1]}]


@pytest.mark.parametrize(
    ("result", "input_type", "expected"),
    [
        ([[0.5, 1.5]], "FP32", ("FP32", [0.5, 1.5], [1, 2])),
        ([0.5], "INT64", ("FP64", [0.5], [1])),
        ([7], "INT32", ("INT32", [7], [1])),
        ([300], "UINT8", ("INT64", [300], [1])),
        (7, "FP32", ("INT64", [7], [1])),
        ("text", "FP32", ("BYTES", ["text"], [1])),
        (b"text", "FP32", ("BYTES", ["text"], [1])),
        (b"\x89\0", "FP32", ("BYTES", [{"b64": "iQA="}], [1])),
        (bytearray(b"ab"), "FP32", ("BYTES", ["ab"], [1])),
        ([[b"a\0", bytearray(b"\xff")]], "BYTES", ("BYTES", ["a\0", {"b64": "/w=="}], [1, 2])),
        (["a", b"b"], "BYTES", ("BYTES", ["a", "b"], [2])),
        (torch.ones(2, 1), "INT8", ("FP32", [1.0, 1.0], [2, 1])),
        (torch.ones(1, dtype=torch.bfloat16), "FP32", ("BF16", [1.0], [1])),
    ],
)
def test_v2_encodes_results(result: Any, input_type: str, expected: Any) -> None:
    envelope = KServev2Envelope(lambda inputs, _: [result])
    request = {"inputs": [tensor(input_type, [1], [1])]}
    (answer,) = envelope.handle([body(request)], context())
    (output,) = answer["outputs"]
    assert (output["datatype"], output["data"], output["shape"]) == expected


def test_v2_bytes_that_are_no_text_come_as_bytes_and_go_back_as_they_came() -> None:
    seen = []

    def handler(inputs: Any, _: Any) -> Any:
        seen.extend(item["data"] for item in inputs)
        return [item["data"] for item in inputs]

    one, many = [{"b64": "iVBORwA="}], ["text", {"b64": "/wA="}, {"b64": "/w==", "more": 1}]
    rows = [body({"inputs": [tensor("BYTES", one, [1]), tensor("BYTES", many, [3])]})]
    (answer,) = KServev2Envelope(handler).handle(rows, context())
    assert seen == [b"\x89PNG\0", ["text", b"\xff\0", {"b64": "/w==", "more": 1}]]
    assert answer["outputs"][0]["data"] == one
    assert answer["outputs"][1]["data"] == many


def test_v2_bytes_are_the_item_or_the_list() -> None:
    envelope = KServev2Envelope(echo)
    one, two = envelope.parse_input(
        [body({"inputs": [tensor("BYTES", ["x"], [1]), tensor("BYTES", ["x", "y"], [2])]})]
    )
    assert one["data"] == "x"
    assert two["data"] == ["x", "y"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], '"inputs" is empty'),
        ([3], "input 0 is not a JSON object"),
        ([tensor("FP32", [1], [2])], r"shape \[2\] has 2 elements, data has 1"),
        ([tensor("BYTES", ["a"], [3])], "has 3 elements, data has 1"),
        ([tensor("BYTES", [{"b64": "x"}], [1])], '"b64" is not text in base64'),
        ([tensor("BYTES", [{"b64": 7}], [1])], '"b64" is not text in base64'),
        ([tensor("FP8", [1], [1])], "datatype.*'FP8', expected one of BOOL"),
        ([tensor("UINT8", [256], [1])], "do not fit UINT8"),
        ([tensor("INT8", [1.5], [1])], "do not fit INT8"),
        ([tensor("FP32", ["1"], [1])], "do not fit FP32"),
        ([tensor("FP32", [[1], [1, 2]], [3])], "do not fit FP32"),
        ([tensor("FP32", [1], [-1])], "shape.*non-negative"),
        ([tensor("FP32", 1, [1])], "not a list"),  # type: ignore[arg-type]
        ([{"datatype": "FP32"}], '"name" is None'),
    ],
)
def test_v2_bad_tensor_is_the_clients_mistake(inputs: Any, message: str) -> None:
    with pytest.raises(PredictionException, match=message) as caught:
        KServev2Envelope(echo).handle([body({"inputs": inputs})], context())
    assert caught.value.error_code == 400


def test_v2_more_outputs_than_inputs_is_an_error() -> None:
    envelope = KServev2Envelope(lambda inputs, _: [1, 2])
    with pytest.raises(PredictionException, match="2 outputs for 1 inputs of request 0"):
        envelope.handle([body({"inputs": [tensor("FP32", [1], [1])]})], context())


def test_batches_of_an_async_handler_do_not_meet() -> None:
    async def handler(data: Any, _: Any) -> Any:
        await asyncio.sleep(0)  # lets the other batch in
        return data

    async def both() -> Any:
        envelope = JSONEnvelope(handler)
        return await asyncio.gather(
            envelope.handle([body({"instances": [1]}), body({"instances": [2, 3]})], context(2)),
            envelope.handle([body({"instances": [4, 5]}), body({"instances": [6]})], context(2)),
        )

    assert asyncio.run(both()) == [
        ['{"predictions": [1]}', '{"predictions": [2, 3]}'],
        ['{"predictions": [4, 5]}', '{"predictions": [6]}'],
    ]


def test_envelope_of_ones_own_may_override_handle() -> None:
    class Mine(BodyEnvelope):
        def handle(self, data: Any, context: Any) -> Any:
            return ["mine", *super().handle(data, context)]

    assert Mine(lambda data, _: data).handle([{"body": 1}], None) == ["mine", 1]


def test_envelope_of_ones_own_may_override_handle_of_a_coroutine() -> None:
    async def handle(data: Any, context: Any) -> Any:
        return data

    class Mine(BodyEnvelope):
        async def handle(self, data: Any, context: Any) -> Any:
            return ["mine", *await super().handle(data, context)]

    assert asyncio.run(Mine(handle).handle([{"body": 1}], None)) == ["mine", 1]


def test_envelope_without_a_translation_is_not_made() -> None:
    class Half(BaseEnvelope):
        def parse_input(self, data: Any) -> Any:
            return data

    with pytest.raises(TypeError, match="format_output"):
        Half(lambda data, _: data)  # type: ignore[abstract]
