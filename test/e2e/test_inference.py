"""The inference routes, against a real torch model and a handler that shows what it got."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import requests
from torchserve_process import TorchServe


def check_digit(answer: requests.Response) -> None:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["class"] == "7", answer.text
    assert answer.json()["probability"] > 0.5


@pytest.mark.parametrize(
    "path",
    [
        "/predictions/digits",
        "/predictions/digits/1.0",
        "/models/digits/invoke",
        "/digits/predict",
        "/digits/1.0/predict",
        "/invocations?model_name=digits",
    ],
)
def test_every_prediction_route_answers_a_real_image(
    server: TorchServe, seven: bytes, path: str
) -> None:
    check_digit(requests.post(server.inference + path, data=seven, timeout=30))


def test_put_as_curl_t_sends_it_is_accepted(server: TorchServe, seven: bytes) -> None:
    check_digit(requests.put(f"{server.inference}/predictions/digits", data=seven, timeout=30))


def test_multipart_upload_is_the_part_of_that_name(server: TorchServe, seven: bytes) -> None:
    check_digit(server.predict("digits", files={"data": ("seven.png", seven, "image/png")}))


def test_explanation_has_an_attribution_for_every_pixel(server: TorchServe, seven: bytes) -> None:
    answer = requests.post(f"{server.inference}/explanations/digits", data=seven, timeout=60)
    assert answer.status_code == 200, answer.text
    text = json.dumps(answer.json())
    assert len(re.findall(r"-?\d+\.\d+(?:e-?\d+)?", text)) >= 64, text[:300]


def test_multipart_parts_keep_names_types_and_last_of_a_name_wins(server: TorchServe) -> None:
    files = [
        ("note", (None, "hello")),
        ("table", ("t.json", '{"a": 1}', "application/json")),
        ("text", ("t.txt", "grüße".encode(), "text/plain")),
        ("raw", ("r.bin", b"\x00\x01", "application/octet-stream")),
        ("note", (None, "again")),
    ]
    inputs = server.predict("commands", files=files).json()
    assert inputs["types"] == {
        "note": "bytearray",
        "table": "dict",
        "text": "str",
        "raw": "bytearray",
    }
    assert inputs["inputs"]["note"] == "again"
    assert inputs["inputs"]["table"] == {"a": 1}
    assert inputs["inputs"]["text"] == "grüße"
    assert inputs["inputs"]["raw"] == "\x00\x01"


def test_form_fields_become_inputs(server: TorchServe) -> None:
    inputs = server.predict("commands", data={"a": "1", "b": "x y"}).json()
    assert inputs["inputs"] == {"a": "1", "b": "x y"}
    assert set(inputs["types"].values()) == {"bytearray"}


def test_query_parameters_are_inputs_on_legacy_routes_only(server: TorchServe) -> None:
    legacy = requests.post(f"{server.inference}/commands/predict?q=1", data=b"x", timeout=30).json()
    assert legacy["inputs"] == {"q": "1", "body": "x"}
    modern = requests.post(
        f"{server.inference}/predictions/commands?q=1", data=b"x", timeout=30
    ).json()
    assert modern["inputs"] == {"body": "x"}


@pytest.mark.parametrize(
    ("content_type", "body", "shown", "kind"),
    [
        ("application/json", b'{"k": [1]}', {"k": [1]}, "dict"),
        ("application/json; charset=utf-8", b'{"k": 2}', {"k": 2}, "dict"),
        ("application/json", b"{not json", "{not json", "bytearray"),
        ("text/plain", "ü".encode(), "ü", "str"),
        ("text/csv", b"a,b", "a,b", "str"),
        ("application/octet-stream", b"\xff", "\xff", "bytearray"),
        (None, b"", "", "bytearray"),
    ],
)
def test_bodies_are_decoded_by_their_media_type(
    server: TorchServe, content_type: str | None, body: bytes, shown: object, kind: str
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = server.predict("commands", data=body, headers=headers).json()
    assert answer["inputs"] == {"body": shown}
    assert answer["types"] == {"body": kind}


def test_request_headers_reach_the_handler_as_spelled(server: TorchServe) -> None:
    headers = server.predict(
        "commands",
        json={"do": "headers"},
        headers={"X-Spelled-So": "v", "explain": "True", "describe": "True"},
    ).json()
    assert headers["X-Spelled-So"] == "v"
    assert headers["explain"] == "False"
    assert "describe" not in headers


def test_path_after_the_version_reaches_the_handler_as_url_path(server: TorchServe) -> None:
    url = f"{server.inference}/predictions/commands/1.0/v1/completions"
    assert requests.post(url, json={"do": "headers"}, timeout=30).json()["url_path"] == (
        "v1/completions"
    )


def test_request_id_is_honoured_returned_and_known_to_the_handler(server: TorchServe) -> None:
    answer = server.predict(
        "commands", json={"do": "request_id"}, headers={"x-request-id": "my.id-1"}
    )
    assert answer.headers["x-request-id"] == "my.id-1"
    assert answer.json() == {"id": "my.id-1"}


def test_bad_request_id_is_replaced(server: TorchServe) -> None:
    answer = server.predict(
        "commands", json={"do": "request_id"}, headers={"x-request-id": "no spaces"}
    )
    assert answer.headers["x-request-id"] != "no spaces"
    assert answer.json()["id"] == answer.headers["x-request-id"]


def test_handler_sets_status_phrase_headers_and_content_type(server: TorchServe) -> None:
    answer = server.order("status", code=418, phrase="Teapot", text="short and stout")
    assert (answer.status_code, answer.reason, answer.text) == (418, "Teapot", "short and stout")
    assert server.order("header", name="x-mine", value="1").headers["x-mine"] == "1"
    assert server.order("content_type", value="image/x-icon").headers["content-type"] == (
        "image/x-icon"
    )


def test_handler_headers_that_would_break_the_protocol_do_not(server: TorchServe) -> None:
    answer = server.order("header", name="x-mine", value="a\r\nx-injected: 1")
    assert "x-injected" not in answer.headers
    assert answer.status_code == 500
    assert server.order("echo").status_code == 200


@pytest.mark.parametrize(
    ("action", "arguments", "content_type"),
    [
        ("echo", {}, "application/json"),
        ("text", {"text": "words"}, "text/plain; charset=utf-8"),
        ("bytes", {"size": 3}, "application/octet-stream"),
    ],
)
def test_content_type_follows_what_the_handler_returned(
    server: TorchServe, action: str, arguments: dict[str, object], content_type: str
) -> None:
    answer = server.order(action, **arguments)
    assert answer.headers["content-type"] == content_type
    assert answer.headers["cache-control"].startswith("no-cache")


SUMS = """
class Sums:
    def initialize(self, context):
        self.context = context

    def handle(self, data, context):
        if context.get_request_header(0, "explain") == "True":
            return ["explained" for _ in data]
        return [sum(row) for row in data]
"""


def test_kserve_v1_predicts_and_explains_through_its_envelope(
    start: Callable[..., TorchServe],
) -> None:
    server = start(config={"service_envelope": "kserve"})
    server.store.write_handler("sums", SUMS, "minWorkers: 1\nmaxWorkers: 1\n")
    registered = requests.post(f"{server.management}/models?url=sums", timeout=60)
    assert registered.status_code == 200, registered.text
    url = f"{server.inference}/v1/models/sums"
    answer = requests.post(f"{url}:predict", json={"instances": [[1, 2], [3, 4]]}, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"predictions": [3, 7]}
    answer = requests.post(f"{url}:explain", json={"instances": [[1, 2]]}, timeout=30)
    assert answer.json() == {"explanations": ["explained"]}
    described = requests.get(url, timeout=30).json()
    assert (described["name"], described["ready"]) == ("sums", True)
    bad = requests.post(f"{url}:predict", json={"wrong": []}, timeout=30)
    assert bad.status_code == 400, bad.text
    assert "instances" in bad.json()["message"]


def test_openapi_documents_are_valid(server: TorchServe) -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    for url, method in [
        (f"{server.inference}/", "OPTIONS"),
        (f"{server.inference}/api-description", "GET"),
        (f"{server.inference}/predictions/digits", "OPTIONS"),
        (f"{server.management}/", "OPTIONS"),
        (f"{server.management}/api-description", "GET"),
        (f"{server.management}/models/digits", "OPTIONS"),
    ]:
        answer = requests.request(method, url, timeout=30)
        assert answer.status_code == 200, (url, answer.text)
        document = answer.json()
        assert document["openapi"] == "3.0.1"
        validator.validate(document)


ERRORS = [
    ("POST", "/predictions/cats", 404, "ModelNotFoundException", "Model not found: cats"),
    (
        "POST",
        "/predictions/digits/9.9",
        404,
        "ModelVersionNotFoundException",
        "Model version: 9.9 does not exist for model: digits",
    ),
    (
        "GET",
        "/nothing/here",
        404,
        "ResourceNotFoundException",
        "Requested resource is not found, please refer to API document.",
    ),
    (
        "POST",
        "/predictions//digits",
        404,
        "ResourceNotFoundException",
        "Requested resource is not found, please refer to API document.",
    ),
    (
        "DELETE",
        "/predictions/digits",
        405,
        "MethodNotAllowedException",
        "Requested method is not allowed, please refer to API document.",
    ),
    (
        "POST",
        "/",
        405,
        "MethodNotAllowedException",
        "Requested method is not allowed, please refer to API document.",
    ),
    ("POST", "/v1/models/cats:predict", 404, "ModelNotFoundException", "Model not found: cats"),
]


@pytest.mark.parametrize(("method", "path", "status", "kind", "message"), ERRORS)
def test_errors_have_code_type_and_message(
    server: TorchServe, method: str, path: str, status: int, kind: str, message: str
) -> None:
    answer = requests.request(method, server.inference + path, timeout=30)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    error = answer.json()
    assert (error["code"], error["type"], error["message"]) == (status, kind, message)
    if status == 405:
        assert answer.headers["allow"]


def test_ping_answers_get_and_head(server: TorchServe) -> None:
    answer = requests.get(f"{server.inference}/ping", timeout=30)
    assert (answer.status_code, answer.json()) == (200, {"status": "Healthy"})
    head = requests.head(f"{server.inference}/ping", timeout=30)
    assert (head.status_code, head.text) == (200, "")
    assert head.headers["content-length"] == answer.headers["content-length"]


def test_customized_description_comes_from_the_handler(
    start: Callable[..., TorchServe],
) -> None:
    server = start()
    server.store.write_handler(
        "described",
        """
class Described:
    def initialize(self, context):
        pass

    def handle(self, data, context):
        if context.get_request_header(0, "describe") == "True":
            return [{"labels": ["a", "b"]}]
        return ["no" for _ in data]
""",
        "minWorkers: 1\nmaxWorkers: 1\n",
    )
    assert requests.post(f"{server.management}/models?url=described", timeout=60).status_code == 200
    answer = requests.get(f"{server.management}/models/described?customized=true", timeout=30)
    assert answer.json()[0]["customizedMetadata"] == {"labels": ["a", "b"]}
