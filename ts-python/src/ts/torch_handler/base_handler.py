"""The base of handlers: loads the model of an archive and runs batches through it."""

from __future__ import annotations

import importlib
import logging
import os
import time
from abc import ABC
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from ts._loader import weights
from ts.handler_utils.timer import timed
from ts.torch_handler._compile import (
    aot_compile_wanted,
    compile_arguments,
    describe_compile,
    keep_compiled_code,
)
from ts.torch_handler._exported import load_exported
from ts.torch_handler._loading import (
    load_model_class,
    load_torchscript,
    load_weights,
    select_device,
)
from ts.torch_handler._onnx import create_session, is_session, run_session
from ts.torch_handler._requests import checked_target, target_of
from ts.utils._optional import import_optional
from ts.utils._row_errors import read_rows
from ts.utils.util import check_valid_pt2_backend, load_label_mapping

logger = logging.getLogger(__name__)

# What this worker can do, for handlers that ask. The version of torch decides the first three;
# the others are looked at when they are asked for, see __getattr__.
PROFILER_AVAILABLE = True
PT2_AVAILABLE = True
PT230_AVAILABLE: bool = torch.__version__ >= "2.3"  # compared as versions

# Where TorchServe 0.12 put traces, and where users look for them.
_PROFILER_FOLDER = Path("/tmp/pytorch_profiler")  # noqa: S108


def __getattr__(name: str) -> bool:
    """Tell whether IPEX, onnxruntime and torch_xla can be used here."""
    if name in _LOOKED_AT:
        return _LOOKED_AT[name]()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def profiler_enabled() -> bool:
    """Tell whether batches run under torch's profiler: ``ENABLE_TORCH_PROFILER`` is not empty."""
    return bool(os.environ.get("ENABLE_TORCH_PROFILER"))


def setup_ort_session(model_pt_path: str, map_location: str | None) -> Any:
    """Return an onnxruntime session for the ``.onnx`` file `model_pt_path`."""
    return create_session(model_pt_path, map_location)


class BaseHandler(ABC):  # noqa: B024 - steps of subclasses may be abstract
    """Loads a model and answers batches in three steps: preprocess, inference, postprocess.

    Subclasses override steps. One object serves one worker: `initialize` is called once, then
    `handle` for each batch.

    Attributes:
        model: The loaded model, on `device`, ready for inference.
        mapping: Labels by class index as a string, from ``index_to_name.json``, or ``None``.
        device: The device of the model and of its inputs.
        context: The context of the batch that runs now.
        model_pt_path: The file with the weights, or ``None``.
        manifest: The archive's manifest.
        map_location: Kind of the device, such as ``"cuda"``.
        explain: Whether the batch that runs now asks for an explanation.
        target: Class to explain.
        profiler_args: Arguments for ``torch.profiler.profile``, which replace the defaults.
        model_yaml_config: Content of model-config.yaml, set by `initialize`.
    """

    def __init__(self) -> None:
        self.model: Any = None
        self.mapping: dict[str, str] | None = None
        self.device: Any = None
        self.initialized = False
        self.context: Any = None
        self.model_pt_path: str | None = None
        self.manifest: Any = None
        self.map_location: str | None = None
        self.explain = False
        self.target: Any = 0
        self.profiler_args: dict[str, Any] = {}
        self.model_yaml_config: dict[str, Any] = {}

    def initialize(self, context: Any) -> None:
        """Load the model, compile it if model-config.yaml says so, and read the labels.

        Raises:
            RuntimeError: The archive holds no model that can be loaded.
            ValueError: The model file does not define exactly one class.
        """
        properties = context.system_properties
        self.context = context
        self.manifest = context.manifest
        self.model_yaml_config = getattr(context, "model_yaml_config", None) or {}
        self.map_location, self.device = select_device(
            properties.get("gpu_id"), _flag("TS_IPEX_GPU_ENABLE")
        )
        if self.map_location == "cuda" and torch.cuda.get_device_capability(self.device) >= (8, 0):
            torch.set_float32_matmul_precision("high")
        self.model = self._load_model(Path(properties["model_dir"]))
        if not self._compile_model() and (_flag("TS_IPEX_ENABLE") or _flag("TS_IPEX_GPU_ENABLE")):
            self._optimize_with_ipex()
        mapping_path = Path(properties["model_dir"]) / "index_to_name.json"
        # Most models have no labels: that is worth no warning.
        self.mapping = load_label_mapping(mapping_path) if mapping_path.is_file() else None
        self._warm_up()
        self.initialized = True

    @timed
    def preprocess(self, data: Any) -> Any:
        """Turn the rows of a batch into the input of the model; here, numbers into a tensor."""
        return torch.as_tensor(data, device=self.device)

    @timed
    def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the model on the output of `preprocess`."""
        if is_session(self.model):
            return run_session(self.model, data)
        with torch.inference_mode():
            return self.model(data.to(self.device), *args, **kwargs)

    @timed
    def postprocess(self, data: Any) -> Any:
        """Turn the output of the model into a list with one answer per request."""
        return data.tolist()

    def handle(self, data: Any, context: Any) -> list[Any]:
        """Answer a batch.

        Args:
            data: One row per request, a dict from the names of the inputs to their values.
            context: Headers, ids and response settings of the batch.

        Returns:
            One answer per request.
        """
        start = time.perf_counter()
        self.context = context
        if self._is_describe():
            return [self.describe_handle()]
        if profiler_enabled():
            output, _ = self._infer_with_profiler(data)
        else:
            data_preprocess = self.preprocess(data)
            if self._is_explain():
                output = self.explain_handle(data_preprocess, data)
            else:
                output = self.postprocess(self.inference(data_preprocess))
        elapsed_ms = round((time.perf_counter() - start) * 1000, 2)
        context.metrics.add_time("HandlerTime", elapsed_ms, None, "ms")
        return list(output) if isinstance(output, tuple) else output

    def explain_handle(self, data_preprocess: Any, raw_data: Any) -> Any:
        """Explain a batch with `get_insights`, which a subclass provides.

        The class to explain is ``target`` of each row or its JSON body, 0 if there is none. If the
        rows name different classes, `get_insights` gets the list of them.

        Args:
            data_preprocess: Output of `preprocess`.
            raw_data: The rows of the batch.
        """
        first = raw_data[0]
        inputs = first.get("data") or first.get("body") if isinstance(first, dict) else first
        targets = read_rows(raw_data, lambda row, _: target_of(row))
        if any(target != 0 for target in targets):
            shape = self._shape_of_scores(data_preprocess)
            if shape is not None:
                targets = read_rows(raw_data, lambda row, i: checked_target(targets[i], shape))
        same = all(target == targets[0] for target in targets)
        self.target = targets[0] if same else targets
        return self.get_insights(data_preprocess, inputs, self.target)

    def _shape_of_scores(self, data_preprocess: Any) -> Sequence[int] | None:
        """Return the shape of the scores of one request, if it is known."""
        return None

    def get_insights(self, data_preprocess: Any, raw_input: Any, target: Any = 0) -> Any:
        """Return one explanation per request. Handlers that explain override this."""
        raise NotImplementedError(f"{type(self).__name__} has no explanations: no get_insights")

    def describe_handle(self) -> Any:
        """Return what a customized description of the model shows; override it."""
        return None

    def get_device(self) -> Any:
        """Return the device of the model."""
        return self.device

    def _is_explain(self) -> bool:
        self.explain = self._header_is_true("explain")
        return self.explain

    def _is_describe(self) -> bool:
        return self._header_is_true("describe")

    def _header_is_true(self, name: str) -> bool:
        return bool(self.context) and self.context.get_request_header(0, name) in ("True", True)

    def _load_model(self, model_dir: Path) -> Any:
        model = (self.manifest or {}).get("model") or {}
        model_file = model.get("modelFile")
        serialized_file = model.get("serializedFile")
        path = str(model_dir / serialized_file) if serialized_file else None
        self.model_pt_path = path
        if path is not None and not Path(path).is_file():
            raise RuntimeError(f"Missing the serialized file {path}, which the manifest names")
        if model_file:
            logger.debug("Loading eager model")
            eager = self._load_pickled_model(str(model_dir), model_file, path)
            return eager.to(self.device).eval()
        suffix = Path(path).suffix if path else ""
        if path and suffix in weights.TORCHSCRIPT:
            return self._load_torchscript_model(path).eval()
        if path and suffix in weights.EXPORTED:
            return load_exported(path, self.device)
        if path and suffix in weights.ONNX:
            return setup_ort_session(path, self.map_location)
        if (
            path
            and suffix in weights.LIBRARIES
            and aot_compile_wanted(self.model_yaml_config.get("pt2"))
        ):
            return self._load_torch_export_aot_compile(path)
        raise RuntimeError(f"No model weights could be loaded: {self._why_not_loadable(path)}")

    def _why_not_loadable(self, path: str | None) -> str:
        if self.manifest is None:
            return "the model has no MAR-INF/MANIFEST.json, which names the model's files"
        if path is None:
            return "the manifest names neither a modelFile nor a serializedFile"
        if path.endswith(weights.WEIGHTS_ALONE):
            return f"{path} holds weights alone, expected a modelFile with the class of the model"
        if path.endswith(weights.LIBRARIES):
            return f"{path} needs pt2: {{export: {{aot_compile: true}}}} in model-config.yaml"
        return (
            f"{path} is of no known kind, expected one of {', '.join(weights.KINDS)}, or a "
            "modelFile with the class of the model"
        )

    def _load_torchscript_model(self, model_pt_path: str) -> Any:
        """Return the TorchScript module of a file, on `device`."""
        # An XLA device cannot be the target of the load.
        return load_torchscript(model_pt_path, self.device if self.map_location else "cpu")

    def _load_torch_export_aot_compile(self, model_so_path: str) -> Any:
        """Return a function that runs a library compiled ahead of time."""
        module = import_optional("torch._export", "A model compiled ahead of time", "torch>=2.3")
        if not hasattr(module, "aot_load"):
            raise RuntimeError(f"torch {torch.__version__} cannot load {model_so_path}")
        kind = self.map_location or "cpu"
        return module.aot_load(model_so_path, kind)

    def _load_pickled_model(
        self, model_dir: str, model_file: str, model_pt_path: str | None
    ) -> Any:
        """Return a model of the class in `model_file`, with the weights of `model_pt_path`."""
        path = Path(model_dir) / model_file
        if not path.is_file():
            raise RuntimeError(f"Missing the model.py file: {path}, which the manifest names")
        model = load_model_class(path)()
        if model_pt_path:
            state = load_weights(model_pt_path, self._weights_only())
            if isinstance(state, torch.nn.Module):
                state = state.state_dict()
            model.load_state_dict(state)
        return model

    def _weights_only(self) -> bool:
        """Tell whether files may hold only tensors: ``handler.weights_only``, default true."""
        section = self.model_yaml_config.get("handler")
        value = section.get("weights_only", True) if isinstance(section, dict) else True
        if not isinstance(value, bool):
            raise ValueError(f"handler.weights_only is {value!r}, expected true or false")
        return value

    def _compile_model(self) -> bool:
        """Compile the model as the section ``pt2`` says. Returns whether it was compiled."""
        arguments = compile_arguments(self.model_yaml_config.get("pt2"))
        if arguments is None or not isinstance(self.model, torch.nn.Module):
            return False
        backend = arguments.get("backend")
        if backend is not None and not check_valid_pt2_backend(backend):
            return False
        keep_compiled_code(os.environ)
        try:
            self.model = torch.compile(self.model, **arguments)
        except Exception as e:
            # The model works without: slower is better than not at all.
            logger.warning("Compiling the model with %s failed, it runs eagerly: %s", arguments, e)
            return False
        logger.info(describe_compile(arguments))
        return True

    def _optimize_with_ipex(self) -> None:
        if not isinstance(self.model, torch.nn.Module):
            return
        ipex = import_optional("intel_extension_for_pytorch", "IPEX, which is switched on,")
        # The overload for 4-dimensional inputs lacks in the type stubs of Module.to.
        self.model = ipex.optimize(self.model.to(memory_format=torch.channels_last))

    def _warm_up(self) -> None:
        """Run the model once with zeros if ``pt2: {warm_up: {shape: [...]}}`` is given.

        Compilation happens on the first input of a kind, which a client would have to wait for.
        """
        pt2 = self.model_yaml_config.get("pt2")
        section = pt2.get("warm_up") if isinstance(pt2, dict) else None
        if not isinstance(section, dict):
            return
        dtype = getattr(torch, str(section.get("dtype", "float32")), None)
        if not isinstance(dtype, torch.dtype):
            raise ValueError(f"pt2.warm_up.dtype is {section['dtype']!r}, expected such as float32")
        start = time.perf_counter()
        self.inference(torch.zeros(section["shape"], dtype=dtype, device=self.device))
        logger.info("Warmed the model up in %.2f s", time.perf_counter() - start)

    def _infer_with_profiler(self, data: Any) -> tuple[Any, Any]:
        """Answer a batch under torch's profiler. Returns the answers and the profiler."""
        from torch.profiler import ProfilerActivity, profile, record_function

        arguments = dict(self.profiler_args)
        if not arguments:
            activities = [ProfilerActivity.CPU]
            if torch.cuda.is_available():
                activities.append(ProfilerActivity.CUDA)
            arguments = {"activities": activities, "record_shapes": True}
        if "on_trace_ready" not in arguments:
            model = ((self.manifest or {}).get("model") or {}).get("modelName")
            folder = _PROFILER_FOLDER / str(model or getattr(self.context, "model_name", "model"))
            logger.info("Traces of the profiler go to %s", folder)
            arguments["on_trace_ready"] = torch.profiler.tensorboard_trace_handler(str(folder))
        with profile(**arguments) as profiler:
            with record_function("preprocess"):
                data_preprocess = self.preprocess(data)
            if self._is_explain():
                with record_function("explain"):
                    output = self.explain_handle(data_preprocess, data)
            else:
                with record_function("inference"):
                    result = self.inference(data_preprocess)
                with record_function("postprocess"):
                    output = self.postprocess(result)
        logger.info("%s", profiler.key_averages().table(sort_by="cpu_time_total", row_limit=10))
        return output, profiler


def _flag(name: str) -> bool:
    return os.environ.get(name, "false").lower() == "true"


def _can_import(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


_LOOKED_AT: dict[str, Callable[[], bool]] = {
    "IPEX_AVAILABLE": lambda: (
        (_flag("TS_IPEX_ENABLE") or _flag("TS_IPEX_GPU_ENABLE"))
        and _can_import("intel_extension_for_pytorch")
    ),
    "ONNX_AVAILABLE": lambda: _can_import("onnxruntime"),
    "XLA_AVAILABLE": lambda: _can_import("torch_xla"),
}
