"""What handlers may do with the context."""

from __future__ import annotations

from typing import Any

import pytest
from ts.context import Context, RequestHeaders, RequestProcessor


@pytest.fixture
def context() -> Context:
    context = Context("m", "/m", {"model": {}}, 2, None, "1.0.0", metrics="cache")
    context.request_ids = {0: "a", 1: "b"}
    context.request_processor = [
        RequestProcessor({"X-Thing": "1", "ts_request_sequence_id": "s"}, [("p", 1), ("p", 2)]),
        RequestProcessor({}),
    ]
    return context


def test_properties(context: Context) -> None:
    assert context.system_properties == {
        "model_dir": "/m",
        "gpu_id": None,
        "batch_size": 2,
        "server_name": "MMS",
        "server_version": "1.0.0",
        "limit_max_image_pixels": True,
    }
    assert (context.model_name, context.metrics, context.model_yaml_config) == ("m", "cache", {})
    context.metrics = "other"
    assert context.metrics == "other"


def test_request_headers_ignore_case_and_keep_their_spelling(context: Context) -> None:
    assert context.get_request_header(0, "x-thing") == "1"
    assert context.get_request_header(0, "X-Thing") == "1"
    assert context.get_request_header(0, "none") is None
    headers = context.get_all_request_header(0)
    assert list(headers) == ["X-Thing", "ts_request_sequence_id"]
    assert "x-THING" in headers
    assert headers["x-thing"] == "1"
    headers["New"] = "2"
    assert context.get_request_header(0, "new") == "2"
    assert context.get_sequence_id(0) == "s"
    assert context.get_sequence_id(1) is None
    assert 5 not in RequestHeaders()


def test_repeated_parts(context: Context) -> None:
    assert context.get_all_values(0, "p") == [1, 2]
    assert context.get_all_values(1, "p") == []


def test_responses(context: Context) -> None:
    assert context.get_response_status(0) == (200, None)
    context.set_response_status(404, "Gone", 1)
    assert context.get_response_status(1) == (404, "Gone")
    context.set_all_response_status(201)
    assert context.get_response_status(0) == (201, "")
    context.set_response_content_type(0, "image/png")
    context.set_response_header(0, "k", "v")
    assert context.get_response_content_type(0) == "image/png"
    assert context.get_response_headers(0) == {"content-type": "image/png", "k": "v"}
    assert context.get_response_content_type(1) is None


def test_before_the_first_batch() -> None:
    context = Context("m", "/m", None, 1, 0, "1.0.0")
    assert context.get_request_id() is None
    context.set_response_status(500, "x")
    context.set_all_response_status(500)
    with pytest.raises(RuntimeError, match="outside a batch"):
        context.get_request_header(0, "a")


def test_equality_is_by_content_and_hash_by_identity(context: Context) -> None:
    other = Context("m", "/m", None, 1, 0, "1.0.0")
    assert other == Context("m", "/m", None, 1, 0, "1.0.0")
    assert other != context
    assert {context: 1}[context] == 1


def test_sequence_header_names_follow_the_environment(monkeypatch: Any) -> None:
    monkeypatch.setenv("TS_REQUEST_SEQUENCE_ID", "my-id")
    context = Context("m", "/m", None, 1, 0, "1.0.0")
    assert context.header_key_sequence_id == "my-id"
    assert context.header_key_sequence_start == "ts_request_sequence_start"
    assert context.header_key_sequence_end == "ts_request_sequence_end"


def test_handlers_may_keep_attributes_of_their_own(context: Context) -> None:
    context.cache = {}  # type: ignore[attr-defined]
    assert context.cache == {}  # type: ignore[attr-defined]
