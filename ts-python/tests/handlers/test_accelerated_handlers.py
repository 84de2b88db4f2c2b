"""Handlers of frameworks that need other hardware or packages, with fakes in their place."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from handler_fakes import EAGER, FakeContext, write_eager, write_labels
from ts.handler_utils.distributed import pt_pippy
from ts.handler_utils.distributed.deepspeed import create_checkpoints_json, get_ds_engine
from ts.handler_utils.preprocess.dali import get_dali_pipeline
from ts.model_service.model_service import SingleNodeService
from ts.torch_handler import _loading
from ts.torch_handler.dali_image_classifier import DALIImageClassifier
from ts.torch_handler.densenet_handler import DenseNetHandler
from ts.torch_handler.distributed.base_deepspeed_handler import BaseDeepSpeedHandler
from ts.torch_handler.distributed.base_pippy_handler import BasePippyHandler
from ts.utils.util import PredictionException

DALI = {"batch_size": 2, "num_threads": 1, "device_id": 0, "seed": 3}


class FakePipeline:
    """A DALI pipeline whose output is the bytes of each image, as floats."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.fed: list[int] = []
        self.built = False
        self.images: list[Any] = []

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def set_outputs(self, output: Any) -> None:
        self.output = output

    def build(self) -> None:
        self.built = True

    def feed_input(self, name: str, images: list[Any]) -> None:
        assert name == "my_source"
        self.fed.append(len(images))
        self.images = images

    def run(self) -> tuple[Any]:
        array = np.stack(self.images).astype(np.float32)
        dense = types.SimpleNamespace(shape=lambda: list(array.shape), array=array)
        return (types.SimpleNamespace(as_tensor=lambda: dense),)

    @classmethod
    def deserialize(cls, filename: str, **settings: Any) -> FakePipeline:
        return cls(filename=filename, **settings)


@pytest.fixture
def dali(monkeypatch: pytest.MonkeyPatch) -> None:
    def module(name: str, **content: Any) -> None:
        fake = types.ModuleType(name)
        vars(fake).update(content, __path__=[])
        monkeypatch.setitem(sys.modules, name, fake)

    step = lambda *_, **__: "images"  # noqa: E731
    module("nvidia")
    module("nvidia.dali")
    module("nvidia.dali.pipeline", Pipeline=FakePipeline)
    module("nvidia.dali.types", RGB=0, FLOAT=1)
    module(
        "nvidia.dali.fn",
        external_source=step,
        decoders=types.SimpleNamespace(image=step),
        resize=step,
        crop_mirror_normalize=step,
    )
    module("nvidia.dali.plugin")
    module(
        "nvidia.dali.plugin.pytorch",
        feed_ndarray=lambda dense, tensor: tensor.copy_(torch.from_numpy(dense.array)),
    )


@pytest.mark.usefixtures("dali")
def test_dali_classifier_runs_batches_through_the_pipeline(tmp_path: Path) -> None:
    write_eager(tmp_path)
    write_labels(tmp_path, {"0": "a", "1": "b", "2": "c"})
    handler = DALIImageClassifier()
    handler.set_max_result_classes(2)
    context = FakeContext(tmp_path, EAGER, {"dali": DALI}, headers=[{}] * 3)
    handler.initialize(context)
    assert handler.pipeline.built
    assert handler.pipeline.settings == DALI
    answers = handler.handle(
        [{"data": b"\x01\x02"}, {"body": "AQI="}, {"body": b"\x03\x04"}], context
    )
    assert handler.pipeline.fed == [2, 1]
    assert answers[0] == answers[1] != answers[2]
    assert all(len(answer) == 2 for answer in answers)
    with pytest.raises(PredictionException, match="expected the bytes of an image"):
        handler.preprocess([{"body": {}}])


@pytest.mark.usefixtures("dali")
def test_dali_handler_explains_like_one_of_images(tmp_path: Path) -> None:
    write_eager(tmp_path)
    handler = DALIImageClassifier()
    context = FakeContext(tmp_path, EAGER, {"dali": DALI}, headers=[{"explain": "True"}] * 2)
    handler.initialize(context)
    answer = handler.handle([{"data": b"\x01\x02"}, {"data": b"\x03\x04"}], context)
    assert np.array(answer).shape == (2, 2)


@pytest.mark.usefixtures("dali")
def test_dali_pipeline_may_be_a_file(tmp_path: Path) -> None:
    context = FakeContext(tmp_path, {}, {"dali": {**DALI, "pipeline_file": "p.dali"}})
    with pytest.raises(FileNotFoundError, match=r"p\.dali does not exist"):
        get_dali_pipeline(context)
    (tmp_path / "p.dali").touch()
    assert get_dali_pipeline(context).settings["filename"] == str(tmp_path / "p.dali")


def test_dali_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="no section dali"):
        get_dali_pipeline(FakeContext(tmp_path))
    with pytest.raises(RuntimeError, match="lacks num_threads, device_id, seed"):
        get_dali_pipeline(FakeContext(tmp_path, {}, {"dali": {"batch_size": 1}}))
    monkeypatch.setitem(sys.modules, "nvidia.dali", None)
    with pytest.raises(RuntimeError, match="A DALI handler needs the Python package nvidia-dali"):
        get_dali_pipeline(FakeContext(tmp_path, {}, {"dali": DALI}))


DEEPSPEED = {"handler": {"model_path": "weights"}, "deepspeed": {"config": "ds.json"}}


def test_deepspeed_engine_gets_configuration_and_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    fake: Any = types.ModuleType("deepspeed")
    fake.init_inference = lambda model, config: calls.append((model, config)) or "engine"
    monkeypatch.setitem(sys.modules, "deepspeed", fake)
    monkeypatch.setenv("WORLD_SIZE", "4")
    (tmp_path / "ds.json").write_text('{"dtype": "fp16"}')
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "list.json").touch()
    config = {**DEEPSPEED, "deepspeed": {"config": "ds.json", "checkpoint": "list.json"}}
    assert get_ds_engine("model", FakeContext(tmp_path, {}, config)) == "engine"
    (call,) = calls
    assert call == (
        "model",
        {
            "dtype": "fp16",
            "tensor_parallel": {"tp_size": 4},
            "checkpoint": str(tmp_path / "weights" / "list.json"),
        },
    )


def test_deepspeed_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match=r"lacks handler\.model_path"):
        get_ds_engine(None, FakeContext(tmp_path))
    with pytest.raises(RuntimeError, match=r"lacks deepspeed\.config"):
        get_ds_engine(None, FakeContext(tmp_path, {}, {"handler": {"model_path": "x"}}))
    with pytest.raises(FileNotFoundError, match=r"ds\.json, named in section deepspeed"):
        get_ds_engine(None, FakeContext(tmp_path, {}, DEEPSPEED))
    (tmp_path / "ds.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    with pytest.raises(RuntimeError, match="needs the Python package deepspeed"):
        get_ds_engine(None, FakeContext(tmp_path, {}, DEEPSPEED))


def test_checkpoints_are_listed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no checkpoints"):
        create_checkpoints_json(tmp_path, tmp_path / "c.json")
    (tmp_path / "sub").mkdir()
    for name in ("b.bin", "sub/a.pt", "readme.md"):
        (tmp_path / name).touch()
    create_checkpoints_json(tmp_path, tmp_path / "c.json")
    assert json.loads((tmp_path / "c.json").read_text()) == {
        "type": "ds_model",
        "checkpoints": [str(tmp_path / "b.bin"), str(tmp_path / "sub/a.pt")],
        "version": 1.0,
    }


def test_rank_is_the_device_of_deepspeed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = BaseDeepSpeedHandler()
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    handler.initialize(FakeContext(tmp_path))
    assert handler.device == 0
    monkeypatch.setenv("LOCAL_RANK", "3")
    handler.initialize(FakeContext(tmp_path))
    assert handler.device == 3


def test_pippy_rank_joins_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.distributed import rpc

    joined: list[Any] = []
    monkeypatch.setattr(rpc, "init_rpc", lambda name, **kwargs: joined.append((name, kwargs)))
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    context = FakeContext(tmp_path, {}, {"pippy": {"rpc_timeout": 30, "num_worker_threads": 16}})
    handler = BasePippyHandler()
    handler.initialize(context)
    ((name, arguments),) = joined
    options = arguments["rpc_backend_options"]
    assert (name, arguments["rank"], arguments["world_size"]) == ("worker1", 1, 2)
    assert (options.rpc_timeout, options.num_worker_threads) == (30.0, 16)
    assert (handler.local_rank, handler.world_size) == (1, 2)


def test_pippy_needs_torchrun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with pytest.raises(RuntimeError, match="LOCAL_RANK and WORLD_SIZE are not set"):
        BasePippyHandler().initialize(FakeContext(tmp_path))


PIPPY = {
    "pippy": {"input_names": ["x"], "model_type": "HF", "chunks": 2},
    "handler": {"model_path": "weights", "index_filename": "index.json"},
}


class Net(torch.nn.Module):
    def forward(self, x: Any, scale: int = 2) -> Any:
        return x * scale


def test_pippy_splits_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    injected: list[Any] = []
    pippy: Any = types.ModuleType("pippy")
    pippy.__path__ = []
    pippy.split_into_equal_size = lambda n: f"{n} stages"
    pippy.all_compile = lambda model, **kwargs: (calls.append(kwargs), ("driver", None))[1]
    hf: Any = types.ModuleType("pippy.hf")
    hf.PiPPyHFTracer = lambda: "tracer"
    hf.inject_pipeline_forward = lambda model, driver: injected.append(driver)
    monkeypatch.setitem(sys.modules, "pippy", pippy)
    monkeypatch.setitem(sys.modules, "pippy.hf", hf)
    model = Net()
    assert pt_pippy.get_pipline_driver(model, 3, FakeContext(tmp_path, {}, PIPPY)) is model
    assert injected == ["driver"]
    (call,) = calls
    assert call["concrete_args"] == {"scale": 2}
    assert (call["num_ranks"], call["num_chunks"], call["split_policy"]) == (3, 2, "3 stages")
    assert call["index_filename"] == str(tmp_path / "weights" / "index.json")


def test_pippy_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="no section pippy"):
        pt_pippy.get_pipeline_driver(Net(), 1, FakeContext(tmp_path))
    context = FakeContext(tmp_path, {}, {"pippy": {"input_names": ["x"]}})
    with pytest.raises(RuntimeError, match=r"lacks pippy\.model_type, handler\.model_path"):
        pt_pippy.get_pipeline_driver(Net(), 1, context)
    monkeypatch.setitem(sys.modules, "pippy", None)
    with pytest.raises(RuntimeError, match="needs the Python package torchpippy"):
        pt_pippy.get_pipeline_driver(Net(), 1, FakeContext(tmp_path, {}, PIPPY))


def test_densenet_handler_takes_and_gives_tensors(tmp_path: Path) -> None:
    model = write_eager(tmp_path)
    context = FakeContext(tmp_path, EAGER, headers=[{}, {}])
    handler = DenseNetHandler()
    handler.initialize(context)
    inputs = [torch.ones(1, 2), torch.zeros(3, 2)]
    rows = []
    for number, tensor in enumerate(inputs):
        torch.save(tensor, tmp_path / f"{number}.input")
        rows.append({"data": bytearray((tmp_path / f"{number}.input").read_bytes())})
    answers = handler.handle(rows, context)
    for tensor, answer in zip(inputs, answers, strict=True):
        assert torch.allclose(answer, model(tensor))


def test_densenet_handler_refuses_pickles(tmp_path: Path) -> None:
    torch.save({"a": Path}, tmp_path / "evil")
    torch.save([1], tmp_path / "list")
    for encoded in ((tmp_path / "evil").read_bytes(), (tmp_path / "list").read_bytes(), b"x", "y"):
        with pytest.raises(PredictionException) as caught:
            DenseNetHandler().preprocess([{"body": encoded}])
        assert caught.value.error_code == 400


@pytest.mark.parametrize(
    ("gpu_id", "available", "expected"),
    [
        (None, "cuda", ("cpu", "cpu")),
        ("1", "cuda", ("cuda", "cuda:1")),
        (0, "xpu", ("xpu", "xpu:0")),
        (0, "mps", ("mps", "mps")),
        (0, "", ("cpu", "cpu")),
    ],
)
def test_device_is_what_there_is(
    monkeypatch: pytest.MonkeyPatch, gpu_id: Any, available: str, expected: tuple[str, str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available == "cuda")
    monkeypatch.setattr(torch.xpu, "is_available", lambda: available == "xpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: available == "mps")
    kind, device = _loading.select_device(gpu_id, ipex_gpu=True)
    assert (kind, str(device)) == expected


def test_old_service_classes_can_be_derived_from() -> None:
    class Old(SingleNodeService):
        def _inference(self, data: Any) -> Any:
            return [n + 1 for n in data]

    service = Old("m", "dir", {})
    service.initialize("context")
    assert service.handle([1], "context") == [2]
