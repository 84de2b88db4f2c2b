"""Traces as their receiver gets them: one tree from the client to the handler."""

from __future__ import annotations

import json
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from grpc_api import Client
from otlp_receiver import Receiver, Span, Tls, grpc_receiver, http_receiver
from torchserve_process import REPOSITORY, TorchServe, wait_for

SERVER = 2
"""The kind of a span."""

KEYS = REPOSITORY / "frontend/transport/src/test/resources/org/tsnext/transport/tls"
RECEIVERS = {"grpc": grpc_receiver, "http/protobuf": http_receiver}

HANDLER = """
import json, logging, os, signal, time
from pathlib import Path

from opentelemetry import baggage, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

OWN = Path(__file__).with_name("own.jsonl")
DIED = Path(__file__).with_name("died")


class Lines(SpanExporter):
    def export(self, spans):
        with OWN.open("a") as file:
            for span in spans:
                file.write(json.dumps({
                    "name": span.name,
                    "trace": format(span.context.trace_id, "032x"),
                    "parent": format(span.parent.span_id, "016x") if span.parent else "",
                }) + "\\n")
        return SpanExportResult.SUCCESS


class Handler:
    def initialize(self, context):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(Lines()))
        trace.set_tracer_provider(provider)

    def handle(self, data, context):
        body = data[0]["body"] if "body" in data[0] else data[0]["data"]
        order = body if isinstance(body, dict) else json.loads(bytes(body))
        with trace.get_tracer("handler").start_as_current_span("look up"):
            logging.getLogger(__name__).info("looked up %s", order.get("what", ""))
        do = order.get("do")
        if do == "fail":
            raise ValueError("no such order")
        if do == "stream":
            return [(str(number) for number in range(3))]
        if do == "die" and not DIED.exists():
            DIED.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if do == "wait":
            time.sleep(0.05)
        return [
            json.dumps({
                "parent": context.get_trace_parent(index),
                "baggage": dict(baggage.get_all()),
            })
            for index in range(len(data))
        ]
"""


def traceparent() -> tuple[str, str, str]:
    """A trace that a client has begun: its header, its id, and the id of its span."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return f"00-{trace}-{span}-01", trace, span


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with grpc_receiver() as running:
        yield running


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[TorchServe]:
    server = TorchServe(
        tmp_path_factory.mktemp("traced"),
        environment={
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        },
    )
    for name, config in (
        ("one", ""),
        ("dies", ""),
        ("batched", "batchSize: 3\nmaxBatchDelay: 5000\n"),
    ):
        server.store.write_handler(name, HANDLER, config)
    server.start("one", "dies", "batched")
    for name in ("one", "dies", "batched"):
        server.wait_ready(name)
    yield server
    server.stop()
    server.assert_nothing_left()


def named(receiver: Receiver, trace: str, names: list[str]) -> list[Span]:
    """Waits until a trace has the spans with these names, and no others."""

    def found() -> list[Span]:
        spans = receiver.spans(trace)
        return spans if sorted(span.name for span in spans) == sorted(names) else []

    spans: list[Span] = wait_for(found, f"the spans {names} of trace {trace}")
    return spans


def tree(receiver: Receiver, trace: str, names: list[str]) -> dict[str, Span]:
    """As `named`, by name."""
    return {span.name: span for span in named(receiver, trace, names)}


def check_tree(spans: dict[str, Span], request: str, client: str) -> None:
    """Each span stands below the one above it, and within its time."""
    assert spans[request].parent == client
    assert spans[request].kind == SERVER
    for below, above in (
        ("queue", request),
        ("batch", request),
        ("worker", "batch"),
        ("handler", "worker"),
    ):
        assert spans[below].parent == spans[above].id, (below, spans)
        assert spans[above].start - 2_000_000 <= spans[below].start, (below, spans)
        assert spans[below].start <= spans[below].end
    assert [link.span for link in spans["batch"].links] == [spans[request].id]
    assert spans["queue"].end == spans["worker"].start
    assert spans["worker"].attributes["torchserve.batch.size"] == 1


HTTP_SPAN = "POST /predictions/{model_name}"
GRPC_SPAN = "org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions"
BELOW = ["queue", "batch", "worker", "handler"]


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_trace_of_http_goes_from_the_client_to_the_handler(
    traced: TorchServe, receiver: Receiver, version: str
) -> None:
    header, trace, span = traceparent()
    with httpx.Client(http1=version == "1.1", http2=version == "2", timeout=60) as client:
        answer = client.post(
            f"{traced.inference}/predictions/one",
            json={"do": "wait"},
            headers={"traceparent": header, "baggage": "tenant=a%20b"},
        )
    assert answer.status_code == 200, answer.text
    spans = tree(receiver, trace, [HTTP_SPAN, *BELOW])
    check_tree(spans, HTTP_SPAN, span)
    request = spans[HTTP_SPAN]
    assert request.attributes["http.request.method"] == "POST"
    assert request.attributes["http.route"] == "/predictions/{model_name}"
    assert request.attributes["url.path"] == "/predictions/one"
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["network.protocol.version"] == version
    assert request.attributes["torchserve.request_id"] == answer.headers["x-request-id"]
    assert request.resource["service.name"] == "torchserve"
    assert not request.failed
    assert spans["handler"].end - spans["handler"].start >= 50_000_000
    told = answer.json()
    assert told["parent"] == f"00-{trace}-{spans['handler'].id}-01"
    assert told["baggage"] == {"tenant": "a b"}


def test_trace_of_grpc_goes_from_the_client_to_the_handler(
    traced: TorchServe, receiver: Receiver
) -> None:
    header, trace, span = traceparent()
    client = Client(traced)
    message = client.messages.PredictionsRequest(model_name="one", input={"data": b"{}"})
    answer = client.stub.Predictions(message, metadata=(("traceparent", header),), timeout=60)
    spans = tree(receiver, trace, [GRPC_SPAN, *BELOW])
    check_tree(spans, GRPC_SPAN, span)
    assert spans[GRPC_SPAN].attributes["rpc.system"] == "grpc"
    assert spans[GRPC_SPAN].attributes["rpc.method"] == "Predictions"
    assert spans[GRPC_SPAN].attributes["rpc.grpc.status_code"] == 0
    assert json.loads(answer.prediction)["parent"].startswith(f"00-{trace}-")


def test_own_spans_of_a_handler_stand_below_its_span(
    traced: TorchServe, receiver: Receiver
) -> None:
    header, trace, _ = traceparent()
    assert post(traced, "one", {}, header).status_code == 200
    spans = tree(receiver, trace, [HTTP_SPAN, *BELOW])
    lines = [
        json.loads(line)
        for file in traced.folder.rglob("own.jsonl")
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    own = [line for line in lines if line["trace"] == trace]
    assert own == [{"name": "look up", "trace": trace, "parent": spans["handler"].id}]


def post(server: TorchServe, model: str, order: dict[str, Any], header: str) -> requests.Response:
    return requests.post(
        f"{server.inference}/predictions/{model}",
        json=order,
        headers={"traceparent": header},
        timeout=60,
    )


def test_trace_of_a_stream_ends_with_the_stream(traced: TorchServe, receiver: Receiver) -> None:
    header, trace, span = traceparent()
    answer = post(traced, "one", {"do": "stream"}, header)
    assert answer.text == "012"
    spans = tree(receiver, trace, [HTTP_SPAN, *BELOW])
    check_tree(spans, HTTP_SPAN, span)


def test_trace_of_a_failure_says_so(traced: TorchServe, receiver: Receiver) -> None:
    header, trace, span = traceparent()
    assert post(traced, "one", {"do": "fail"}, header).status_code == 503
    spans = tree(receiver, trace, [HTTP_SPAN, *BELOW])
    check_tree(spans, HTTP_SPAN, span)
    assert spans[HTTP_SPAN].failed
    assert spans[HTTP_SPAN].attributes["error.type"] == "503"
    ids = f"trace_id={trace} span_id={spans['handler'].id}"
    traced.wait_log("model_log.log", f"looked up {ids}|looked up  {ids}")
    traced.wait_log("model_log.log", f"(?<!looked up ) {ids}")


def test_request_that_no_model_gets_has_a_span_alone(
    traced: TorchServe, receiver: Receiver
) -> None:
    header, trace, span = traceparent()
    assert post(traced, "missing", {}, header).status_code == 404
    spans = tree(receiver, trace, [HTTP_SPAN])
    assert spans[HTTP_SPAN].parent == span
    assert not spans[HTTP_SPAN].failed
    assert spans[HTTP_SPAN].attributes["http.response.status_code"] == 404


def test_batch_has_links_to_its_requests_and_each_has_a_tree(
    traced: TorchServe, receiver: Receiver
) -> None:
    clients = [traceparent() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda each: post(traced, "batched", {}, each[0]), clients))
    assert {answer.status_code for answer in answers} == {200}
    traces = [trace for _, trace, _ in clients]
    wait_for(
        lambda: sum(len(receiver.spans(trace)) for trace in traces) == 13,
        "four spans of each request, and that of the batch",
    )
    spans = [span for trace in traces for span in receiver.spans(trace)]
    (batch,) = [span for span in spans if span.name == "batch"]
    served = {span.trace: span for span in spans if span.kind == SERVER}
    assert {(link.trace, link.span) for link in batch.links} == {
        (span.trace, span.id) for span in served.values()
    }
    for answer, (_, trace, client) in zip(answers, clients):
        by_name = {span.name: span for span in receiver.spans(trace)}
        assert served[trace].parent == client
        handler, worker = by_name["handler"], by_name["worker"]
        assert handler.parent == worker.id
        assert worker.parent == (batch.id if trace == batch.trace else served[trace].id)
        assert worker.attributes["torchserve.batch.size"] == 3
        assert answer.json()["parent"] == f"00-{trace}-{handler.id}-01"
        if trace != batch.trace:
            assert [link.span for link in worker.links] == [batch.id]


def test_retry_after_a_killed_worker_is_a_second_attempt(
    traced: TorchServe, receiver: Receiver
) -> None:
    header, trace, _ = traceparent()
    assert post(traced, "dies", {"do": "die"}, header).status_code == 200
    twice = [HTTP_SPAN, "handler", *["queue", "batch", "worker"] * 2]
    spans = named(receiver, trace, twice)
    lost, served = sorted((s for s in spans if s.name == "worker"), key=lambda s: s.start)
    assert lost.failed
    assert lost.attributes["error.type"] == "worker_lost"
    assert not served.failed
    assert next(s for s in spans if s.name == "handler").parent == served.id
    restarts = requests.get(f"{traced.metrics}/metrics", timeout=60).text
    assert re.search(
        r'ts_worker_restarts_total\{model_name="dies",model_version="1.0",cause="killed",\} 1.0',
        restarts,
    )


def test_access_log_has_the_ids_of_the_trace(traced: TorchServe, receiver: Receiver) -> None:
    header, trace, _ = traceparent()
    assert post(traced, "one", {}, header).status_code == 200
    span = tree(receiver, trace, [HTTP_SPAN, *BELOW])[HTTP_SPAN]
    traced.wait_log(
        "access_log.log",
        rf'"POST /predictions/one HTTP/1.1" 200 \d+ trace_id={trace} span_id={span.id}',
    )


def test_exemplars_lead_from_a_bucket_to_the_trace(traced: TorchServe, receiver: Receiver) -> None:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    header, trace, _ = traceparent()
    assert post(traced, "one", {"do": "wait"}, header).status_code == 200
    page = requests.get(
        f"{traced.metrics}/metrics",
        headers={"accept": "application/openmetrics-text; version=1.0.0"},
        timeout=60,
    )
    assert page.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    exemplars = [
        sample.exemplar
        for family in text_string_to_metric_families(page.text)
        if family.name == "ts_request_latency_seconds"
        for sample in family.samples
        if sample.exemplar is not None
    ]
    (found,) = [each for each in exemplars if each.labels == {"trace_id": trace}]
    assert 0.05 <= found.value < 60
    assert abs(float(found.timestamp) - time.time()) < 60


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": "00-zz-11-01"},
        {"traceparent": f"00-{'0' * 32}-{'1' * 16}-01"},
        {"traceparent": f"00-{'a' * 32}-{'1' * 16}-01-{'b' * 600}"},
        {"traceparent": f"00-{'a' * 32}-{'1' * 16}-01", "tracestate": "x=" + "y" * 4000},
        {"baggage": "k=" + "v" * 6000 + ",;;;,=,"},
    ],
)
def test_malformed_or_huge_trace_headers_are_ignored(
    traced: TorchServe, headers: dict[str, str]
) -> None:
    answer = requests.post(
        f"{traced.inference}/predictions/one", json={}, headers=headers, timeout=60
    )
    assert answer.status_code == 200, answer.text
    parent = answer.json()["parent"]
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", parent)
    if "tracestate" not in headers and "traceparent" in headers:
        assert f"-{'a' * 32}-" not in parent


def test_traces_go_over_http_and_what_is_not_sampled_stays_here(
    start: Callable[..., TorchServe], tmp_path: Path
) -> None:
    with http_receiver() as receiver:
        server = start(
            environment={
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{receiver.endpoint}/v1/traces",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_BSP_SCHEDULE_DELAY": "100",
                "OTEL_SERVICE_NAME": "digits",
            }
        )
        server.store.write_handler("one", HANDLER)
        server.register("one")
        skipped, trace_of_skipped, _ = traceparent()
        skipped = skipped.removesuffix("01") + "00"
        answer = post(server, "one", {}, skipped)
        assert answer.json()["parent"].startswith(f"00-{trace_of_skipped}-")
        assert answer.json()["parent"].endswith("-00")
        header, trace, span = traceparent()
        assert post(server, "one", {}, header).status_code == 200
        spans = tree(receiver, trace, [HTTP_SPAN, *BELOW])
        check_tree(spans, HTTP_SPAN, span)
        assert spans[HTTP_SPAN].resource["service.name"] == "digits"
        assert receiver.spans(trace_of_skipped) == []


def start_exporting(
    start: Callable[..., TorchServe], endpoint: str, protocol: str, **variables: str
) -> TorchServe:
    """Start a server that exports soon, and has the model ``one``."""
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        **variables,
    }
    server = start(environment=environment)
    server.store.write_handler("one", HANDLER)
    server.register("one")
    return server


@pytest.mark.parametrize("protocol", RECEIVERS)
def test_export_is_compressed_has_its_headers_and_trusts_the_certificate_that_it_is_given(
    start: Callable[..., TorchServe], protocol: str
) -> None:
    tls = Tls(KEYS / "rsa-pkcs8.pem", KEYS / "rsa.crt")
    with RECEIVERS[protocol](tls) as receiver:
        server = start_exporting(
            start,
            receiver.endpoint,
            protocol,
            OTEL_EXPORTER_OTLP_CERTIFICATE=str(tls.certificate),
            OTEL_EXPORTER_OTLP_HEADERS="api-key=secret%20key,tenant=a",
            OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        )
        header, trace, span = traceparent()
        assert post(server, "one", {}, header).status_code == 200
        check_tree(tree(receiver, trace, [HTTP_SPAN, *BELOW]), HTTP_SPAN, span)
        headers = receiver.exports[-1]
        assert headers["api-key"] == "secret key"
        assert headers["tenant"] == "a"
        if protocol == "http/protobuf":
            assert headers["content-encoding"] == "gzip"
        assert "secret" not in server.log("ts_log.log")


@pytest.mark.parametrize("protocol", RECEIVERS)
def test_receiver_whose_certificate_is_not_known_gets_nothing(
    start: Callable[..., TorchServe], protocol: str
) -> None:
    with RECEIVERS[protocol](Tls(KEYS / "rsa-pkcs8.pem", KEYS / "rsa.crt")) as receiver:
        other = str(KEYS / "ec.crt")
        server = start_exporting(
            start, receiver.endpoint, protocol, OTEL_EXPORTER_OTLP_CERTIFICATE=other
        )
        header, _, _ = traceparent()
        assert post(server, "one", {}, header).status_code == 200
        server.wait_log("ts_log.log", r"Traces cannot be exported: .*[Cc]ertif")
        assert receiver.spans() == []


@pytest.mark.parametrize("protocol", RECEIVERS)
def test_export_that_is_refused_for_the_moment_comes_again(
    start: Callable[..., TorchServe], protocol: str
) -> None:
    with RECEIVERS[protocol]() as receiver:
        receiver.refusals = 2
        server = start_exporting(start, receiver.endpoint, protocol)
        header, trace, span = traceparent()
        assert post(server, "one", {}, header).status_code == 200
        check_tree(tree(receiver, trace, [HTTP_SPAN, *BELOW]), HTTP_SPAN, span)
        assert len(receiver.exports) >= 3
        assert "Traces cannot be exported" not in server.log("ts_log.log")


@pytest.mark.parametrize("protocol", RECEIVERS)
def test_receiver_that_is_slow_costs_no_request_anything(
    start: Callable[..., TorchServe], protocol: str
) -> None:
    with RECEIVERS[protocol]() as receiver:
        receiver.delay_sec = 1.5
        server = start_exporting(start, receiver.endpoint, protocol)
        header, trace, _ = traceparent()
        began = time.monotonic()
        for _ in range(5):
            assert post(server, "one", {}, header).status_code == 200
        took = time.monotonic() - began
        wait_for(lambda: len(receiver.spans(trace)) == 25, "the spans of five requests")
        assert took < 5
        assert "Traces cannot be exported" not in server.log("ts_log.log")


@pytest.mark.parametrize("protocol", RECEIVERS)
@pytest.mark.parametrize("how", ["down", "hangs"])
def test_receiver_that_does_not_answer_costs_no_request_anything(
    start: Callable[..., TorchServe], how: str, protocol: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        if how == "down":
            silent.close()
        server = start_exporting(
            start,
            f"http://127.0.0.1:{port}",
            protocol,
            OTEL_TRACES_EXPORTER="otlp",
            OTEL_EXPORTER_OTLP_TIMEOUT="500",
        )
        header, _, _ = traceparent()
        post(server, "one", {}, header)
        server.wait_log("ts_log.log", "Traces cannot be exported")
        began = time.monotonic()
        for _ in range(20):
            assert post(server, "one", {}, header).status_code == 200
        assert time.monotonic() - began < 10
        assert server.log("ts_log.log").count("Traces cannot be exported") == 1
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_without_a_switch_nothing_is_traced(
    start: Callable[..., TorchServe], environment: dict[str, str]
) -> None:
    server = start(environment=environment)
    server.store.write_handler("one", HANDLER)
    server.register("one")
    header, _, _ = traceparent()
    assert post(server, "one", {}, header).json() == {"parent": None, "baggage": {}}
    server.wait_log("access_log.log", r'"POST /predictions/one HTTP/1.1" 200 \d+$')


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "pigeon"}, "pigeon"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "OTEL_TRACES_EXPORTER=console: expected otlp"),
        ({"OTEL_TRACES_EXPORTER": "otlp,jaeger"}, "OTEL_TRACES_EXPORTER=otlp,jaeger"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, "collector:4317"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}, "soon"),
        ({"OTEL_EXPORTER_OTLP_CERTIFICATE": "/no/such/file.pem"}, "/no/such/file.pem"),
        ({"OTEL_TRACES_SAMPLER": "sometimes"}, "sometimes"),
        ({"OTEL_PROPAGATORS": "b3"}, "b3"),
    ],
)
def test_variables_that_cannot_be_used_are_told(
    tmp_path: Path, variables: dict[str, str], told: str
) -> None:
    server = TorchServe(
        tmp_path / "server", environment={"OTEL_TRACES_EXPORTER": "otlp", **variables}
    )
    with pytest.raises(AssertionError):
        server.start()
    server.stop()
    text = "\n".join(server.output)
    assert "Invalid configuration: " in text
    assert told in text
    assert "OTEL_" in text
