"""Handlers of large language models, with fakes in place of vLLM and TensorRT-LLM."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import types
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from handler_fakes import FakeContext
from ts.torch_handler import trt_llm_handler, vllm_handler
from ts.torch_handler._vllm_app import command_line, model_of, restrict_code
from ts.torch_handler.trt_llm_handler import TRTLLMHandler
from ts.torch_handler.vllm_handler import VLLMHandler
from ts.utils.util import PredictionException


class LlmContext(FakeContext):
    """A context that records what is sent."""

    def __init__(self, folder: Path, section: dict[str, Any], path: str = "") -> None:
        super().__init__(folder, {}, {"handler": section}, [{"url_path": path}])
        self.content_types: dict[int, str] = {}
        self.sent: list[str] = []

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.content_types[idx] = value


@pytest.fixture(autouse=True)
def _record_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(ret: list[str], req_id_map: Any, message: str, code: int, context: Any) -> None:
        assert (len(ret), code) == (1, 200)
        context.sent.extend(ret)

    monkeypatch.setattr(vllm_handler, "send_intermediate_predict_response", send)
    monkeypatch.setattr(trt_llm_handler, "send_intermediate_predict_response", send)


class FakeOpenAi:
    """An ASGI application that answers as vLLM's does."""

    def __init__(self) -> None:
        self.state = types.SimpleNamespace()
        self.cancelled = asyncio.Event()
        self.seen: list[tuple[str, str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        request = json.loads(body) if body else None
        self.seen.append((scope["method"], scope["path"], request))
        if request and request.get("prompt") == "crash":
            raise RuntimeError("engine is dead")
        status = 400 if request and request.get("max_tokens") == -1 else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        if not (request and request.get("stream")):
            answer = json.dumps({"path": scope["path"], "status": status}).encode()
            await send({"type": "http.response.body", "body": answer})
            return
        try:
            for piece in (b"data: 1\n\n", b"data: 2\n\n", b"data: [DONE]\n\n"):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if request.get("prompt") == "endless":
                    await asyncio.sleep(600)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.fixture(params=["0.11", "0.32"])
def vllm(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[types.SimpleNamespace]:
    """Put a fake package where vLLM would be, with the modules that a version has."""
    record = types.SimpleNamespace(app=None, args=None)

    def module(name: str, **content: Any) -> None:
        fake = types.ModuleType(name)
        vars(fake).update(content)
        monkeypatch.setitem(sys.modules, name, fake)

    def make_arg_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
        # The options of vLLM 0.11 that this handler sets.
        for name in ("--model", "--served-model-name", "--chat-template", "--lora-modules"):
            parser.add_argument(name)
        parser.add_argument("--max-num-seqs", type=int, default=7)
        parser.add_argument("--enable-lora", action="store_true")
        return parser

    class AsyncEngineArgs:
        @staticmethod
        def from_cli_args(args: argparse.Namespace) -> argparse.Namespace:
            record.args = args
            return args

    @asynccontextmanager
    async def build_client(engine_args: Any) -> Any:
        yield types.SimpleNamespace(vllm_config="config")

    def build_app(args: argparse.Namespace) -> FakeOpenAi:
        record.app = FakeOpenAi()
        return record.app

    async def init_app_state(engine_client: Any, vllm_config: Any, state: Any, args: Any) -> None:
        assert vllm_config == "config"
        state.ready = True

    class LoRAModulePath(types.SimpleNamespace):
        pass

    entrypoints = "vllm.entrypoints"
    for name in ("vllm", entrypoints, f"{entrypoints}.openai", "vllm.engine"):
        module(name, __path__=[])
    module("vllm.engine.arg_utils", AsyncEngineArgs=AsyncEngineArgs)
    client = {"build_async_engine_client_from_engine_args": build_client}
    if request.param == "0.11":
        module("vllm.utils", FlexibleArgumentParser=argparse.ArgumentParser)
        module(f"{entrypoints}.openai.cli_args", make_arg_parser=make_arg_parser)
        module(f"{entrypoints}.openai.serving_models", LoRAModulePath=LoRAModulePath)
        server = {"build_app": build_app, "init_app_state": init_app_state, **client}
        module(f"{entrypoints}.openai.api_server", **server)
    else:
        launchers = f"{entrypoints}.launchers"
        for name in ("vllm.utils", launchers, f"{launchers}.api_server"):
            module(name, __path__=[])
        module("vllm.utils.argparse_utils", FlexibleArgumentParser=argparse.ArgumentParser)
        module(f"{launchers}.cli_args", make_arg_parser=make_arg_parser)
        module(f"{launchers}.app", build_app=build_app)
        module(f"{launchers}.api_server.entry", **client)
        module(f"{launchers}.api_server.app_state", init_app_state=init_app_state)
        module(f"{entrypoints}.openai.models", __path__=[])
        module(f"{entrypoints}.openai.models.protocol", LoRAModulePath=LoRAModulePath)
    record.handler = VLLMHandler()
    yield record
    if record.handler._server is not None:
        record.handler._server.stop()


SECTION = {"model_path": "weights", "vllm_engine_config": {"max_num_seqs": 3, "no_such": 1}}


def ask(handler: VLLMHandler, context: LlmContext, body: Any) -> Any:
    return asyncio.run(handler.handle([{"body": body}], context))


def test_engine_starts_at_load_with_the_settings(
    vllm: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "lora").mkdir()
    section = {**SECTION, "adapters": {"a": "lora", "b": "org/hub"}}
    vllm.handler.initialize(LlmContext(tmp_path, section))
    assert vllm.app.state.ready
    assert vllm.args.model == str(tmp_path / "weights")
    assert vllm.args.served_model_name == ["m"]
    assert vllm.args.max_num_seqs == 3
    assert vllm.args.enable_lora
    paths = {adapter.name: adapter.path for adapter in vllm.args.lora_modules}
    assert paths == {"a": str(tmp_path / "lora"), "b": "org/hub"}
    assert "no settings no_such" in caplog.text


def test_routes_that_the_engine_has_not_are_refused_by_the_frontend(
    vllm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = ("/health", "/v1/embeddings", "/v1/models")
    routes = [types.SimpleNamespace(path=path) for path in paths]
    monkeypatch.setattr(FakeOpenAi, "routes", routes, raising=False)
    vllm.handler.initialize(LlmContext(tmp_path, SECTION))
    assert vllm.handler.openai_routes == ("v1/embeddings",)


def test_version_of_vllm_that_lacks_what_is_used_is_told(
    vllm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("vllm.utils", "vllm.utils.argparse_utils"):
        if name in sys.modules:
            monkeypatch.delattr(sys.modules[name], "FlexibleArgumentParser", raising=False)
    monkeypatch.setattr(sys.modules["vllm"], "__version__", "9.9", raising=False)
    with pytest.raises(RuntimeError, match=r"vLLM 9.9 has no FlexibleArgumentParser in vllm\."):
        vllm.handler.initialize(LlmContext(tmp_path, SECTION))


def test_requests_reach_the_routes(vllm: Any, tmp_path: Path) -> None:
    vllm.handler.initialize(LlmContext(tmp_path, SECTION))
    context = LlmContext(tmp_path, SECTION, "v1/completions")
    (answer,) = ask(vllm.handler, context, {"prompt": "x"})
    assert json.loads(answer) == {"path": "/v1/completions", "status": 200}
    assert context.content_types == {0: "application/json"}
    ask(vllm.handler, LlmContext(tmp_path, SECTION, "v1/models"), None)
    raw = bytearray(b'{"messages": []}')
    ask(vllm.handler, LlmContext(tmp_path, SECTION, "v1/chat/completions"), raw)
    assert vllm.app.seen == [
        ("POST", "/v1/completions", {"prompt": "x"}),
        ("GET", "/v1/models", None),
        ("POST", "/v1/chat/completions", {"messages": []}),
    ]


def test_stream_is_passed_on_chunk_by_chunk(vllm: Any, tmp_path: Path) -> None:
    vllm.handler.initialize(LlmContext(tmp_path, SECTION))
    context = LlmContext(tmp_path, SECTION, "v1/completions")
    answer = ask(vllm.handler, context, {"prompt": "x", "stream": True})
    assert context.sent == ["data: 1\n\n", "data: 2\n\n"]
    assert answer == ["data: [DONE]\n\n"]
    assert context.content_types == {0: "text/event-stream"}


def test_cancelled_request_stops_the_engines_work(vllm: Any, tmp_path: Path) -> None:
    vllm.handler.initialize(LlmContext(tmp_path, SECTION))

    async def leave_early() -> None:
        context = LlmContext(tmp_path, SECTION, "v1/completions")
        body = {"prompt": "endless", "stream": True}
        task = asyncio.create_task(vllm.handler.handle([{"body": body}], context))
        while not vllm.app.seen:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    asyncio.run(leave_early())
    loop = vllm.handler._server._loop
    asyncio.run_coroutine_threadsafe(vllm.app.cancelled.wait(), loop).result(timeout=60)


def test_status_of_the_engines_error_is_kept(vllm: Any, tmp_path: Path) -> None:
    vllm.handler.initialize(LlmContext(tmp_path, SECTION))
    context = LlmContext(tmp_path, SECTION, "v1/completions")
    (answer,) = ask(vllm.handler, context, {"max_tokens": -1})
    assert context.statuses == {0: 400}
    assert json.loads(answer)["status"] == 400
    with pytest.raises(RuntimeError, match="no complete answer") as caught:
        ask(vllm.handler, LlmContext(tmp_path, SECTION, "v1/completions"), {"prompt": "crash"})
    assert "engine is dead" in str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("v1/audio/speech", {}, 404),
        ("v1/load_lora_adapter", {}, 404),
        ("health", {}, 404),
        ("", {}, 404),
        ("v1/completions", b"{", 400),
        ("v1/completions", [1], 400),
    ],
)
def test_wrong_request_is_refused(
    vllm: Any, tmp_path: Path, path: str, body: Any, code: int
) -> None:
    with pytest.raises(PredictionException) as caught:
        ask(vllm.handler, LlmContext(tmp_path, SECTION, path), body)
    assert caught.value.error_code == code


def test_model_must_be_named_and_vllm_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RuntimeError, match="names no model"):
        VLLMHandler().initialize(LlmContext(tmp_path, {}))
    assert model_of({"vllm_engine_config": {"model": "org/hub"}}, tmp_path) == "org/hub"
    settings = command_line({"model_path": "a/b"}, tmp_path, ["m"], {"model"})
    assert settings == {"model": "a/b"}
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(RuntimeError, match="A vLLM handler needs the Python package vllm"):
        VLLMHandler().initialize(LlmContext(tmp_path, SECTION))


def test_model_is_served_under_all_its_names(vllm: Any, tmp_path: Path) -> None:
    section = {**SECTION, "adapters": {"lora": "org/hub"}}
    context = LlmContext(tmp_path, section)
    context.model_yaml_config["servedModelName"] = ["org/model", "m", "lora"]
    vllm.handler.initialize(context)
    assert vllm.args.served_model_name == ["m", "org/model"]
    assert set(vllm.handler.openai_routes) == {
        "v1/completions",
        "v1/chat/completions",
        "v1/embeddings",
        "v1/responses",
    }


def test_code_of_others_is_off_unless_the_configuration_switches_it_on(
    vllm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("VLLM_ALLOW_INSECURE_SERIALIZATION", "VLLM_PLUGINS"):
        monkeypatch.setenv(name, "1")
    vllm.handler.initialize(LlmContext(tmp_path, SECTION))
    assert os.environ["VLLM_ALLOW_INSECURE_SERIALIZATION"] == "0"
    assert os.environ["VLLM_PLUGINS"] == ""
    assert command_line(SECTION, tmp_path, ["m"], {"trust_remote_code"}) == {
        "trust_remote_code": False
    }
    assert "trust_remote_code" not in caplog.text
    trusting = {**SECTION, "trust_remote_code": True, "allow_pickle": True, "plugins": ["a", "b"]}
    restrict_code(trusting)
    assert os.environ["VLLM_ALLOW_INSECURE_SERIALIZATION"] == "1"
    assert os.environ["VLLM_PLUGINS"] == "a,b"
    assert "trust_remote_code is on" in caplog.text
    assert command_line(trusting, tmp_path, ["m"], {"trust_remote_code"})["trust_remote_code"]


class FakeOutput:
    """What ``generate_async`` returns."""

    def __init__(self, pieces: list[str]) -> None:
        self.pieces = pieces
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True

    async def aresult(self) -> Any:
        return types.SimpleNamespace(outputs=[types.SimpleNamespace(text="".join(self.pieces))])

    async def __aiter__(self) -> Any:
        for piece in self.pieces:
            if piece == "hang":
                await asyncio.sleep(600)
            yield types.SimpleNamespace(outputs=[types.SimpleNamespace(text_diff=piece)])


class FakeLlm:
    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments
        self.pieces = ["a ", "", "b"]
        self.calls: list[Any] = []
        self.output: Any = None

    def generate_async(self, prompt: str, sampling: Any, streaming: bool) -> FakeOutput:
        self.calls.append((prompt, sampling, streaming))
        self.output = FakeOutput(self.pieces)
        return self.output


TRT_SECTION = {
    "engine_dir": "engine",
    "tokenizer_dir": "org/tokenizer",
    "kv_cache_config": {"free_gpu_memory_fraction": 0.1},
}


@pytest.fixture
def trt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TRTLLMHandler:
    package: Any = types.ModuleType("tensorrt_llm")
    llmapi: Any = types.ModuleType("tensorrt_llm.llmapi")
    package.LLM = FakeLlm
    package.__path__ = []

    def sampling(top_k: int = 1, max_tokens: int = 2) -> dict[str, int]:
        return {"top_k": top_k, "max_tokens": max_tokens}

    package.SamplingParams = sampling
    llmapi.KvCacheConfig = dict
    monkeypatch.setitem(sys.modules, "tensorrt_llm", package)
    monkeypatch.setitem(sys.modules, "tensorrt_llm.llmapi", llmapi)
    (tmp_path / "engine").mkdir()
    handler = TRTLLMHandler()
    handler.initialize(LlmContext(tmp_path, TRT_SECTION))
    return handler


def test_trt_llm_answers_the_text(trt: TRTLLMHandler, tmp_path: Path) -> None:
    assert trt.model.arguments == {
        "model": str(tmp_path / "engine"),
        "tokenizer": "org/tokenizer",
        "trust_remote_code": False,
        "kv_cache_config": {"free_gpu_memory_fraction": 0.1},
    }
    context = LlmContext(tmp_path, TRT_SECTION)
    answer = asyncio.run(trt.handle([{"body": {"prompt": "x", "top_k": 5}}], context))
    assert answer == ["a b"]
    assert trt.model.calls == [("x", {"top_k": 5, "max_tokens": 2}, False)]


def test_trt_llm_streams(trt: TRTLLMHandler, tmp_path: Path) -> None:
    context = LlmContext(tmp_path, TRT_SECTION)
    body = b'{"prompt": "x", "streaming": true}'
    answer = asyncio.run(trt.handle([{"body": body}], context))
    assert context.sent == ['{"text": "a "}', '{"text": "b"}']
    assert answer == ['{"text": ""}']


def test_trt_llm_aborts_a_cancelled_request(trt: TRTLLMHandler, tmp_path: Path) -> None:
    trt.model.pieces = ["a", "hang"]
    context = LlmContext(tmp_path, TRT_SECTION)

    async def leave_early() -> None:
        body = {"prompt": "x", "streaming": True}
        task = asyncio.create_task(trt.handle([{"body": body}], context))
        while not context.sent:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(leave_early())
    assert trt.model.output.aborted


@pytest.mark.parametrize("body", [b"{", {"text": "x"}, {"prompt": 3}, {"prompt": "x", "beam": 1}])
def test_trt_llm_refuses_wrong_requests(trt: TRTLLMHandler, tmp_path: Path, body: Any) -> None:
    with pytest.raises(PredictionException) as caught:
        asyncio.run(trt.handle([{"body": body}], LlmContext(tmp_path, TRT_SECTION)))
    assert caught.value.error_code == 400


def test_trt_llm_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match=r"handler\.engine_dir, handler\.tokenizer_dir"):
        TRTLLMHandler().initialize(LlmContext(tmp_path, {}))
    monkeypatch.setitem(sys.modules, "tensorrt_llm", None)
    with pytest.raises(RuntimeError, match="needs the Python package tensorrt_llm"):
        TRTLLMHandler().initialize(LlmContext(tmp_path, TRT_SECTION))
