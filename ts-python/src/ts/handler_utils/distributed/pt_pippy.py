"""Pipeline parallel models with PiPPy."""

from __future__ import annotations

import importlib.util
import inspect
import logging
from pathlib import Path
from typing import Any

from ts.utils._optional import import_optional

logger = logging.getLogger(__name__)

_PURPOSE = "A pipeline parallel handler"
_PACKAGE = "torchpippy"
_DEFAULT_RPC_TIMEOUT_SEC = 1800
_DEFAULT_RPC_THREADS = 512


def __getattr__(name: str) -> bool:
    """Tell by `pippy_installed` whether pippy can be imported here."""
    if name == "pippy_installed":
        return importlib.util.find_spec("pippy") is not None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def initialize_rpc_workers(local_rank: int, world_size: int, ctx: Any) -> None:
    """Join the RPC group of the ranks, with one GPU per rank where there are GPUs.

    Read from section ``pippy`` of model-config.yaml: ``rpc_timeout`` in seconds,
    ``num_worker_threads``.
    """
    import torch
    from torch.distributed import rpc

    section = _pippy_section(ctx)
    options = rpc.TensorPipeRpcBackendOptions(
        num_worker_threads=int(section.get("num_worker_threads", _DEFAULT_RPC_THREADS)),
        rpc_timeout=float(section.get("rpc_timeout", _DEFAULT_RPC_TIMEOUT_SEC)),
    )
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus:
        own = local_rank % gpus
        for rank in range(world_size):
            options.set_device_map(f"worker{rank}", {own: rank % gpus})
    logger.info("Rank %d of %d joins the RPC group", local_rank, world_size)
    rpc.init_rpc(  # type: ignore[no-untyped-call]
        f"worker{local_rank}",
        rank=local_rank,
        world_size=world_size,
        rpc_backend_options=options,
    )


def get_pipeline_driver(model: Any, world_size: int, ctx: Any) -> Any:
    """Split `model` into equal stages, one per rank, and return what drives them.

    Read from model-config.yaml: ``pippy.input_names``, ``pippy.model_type`` (``HF`` for
    transformers models), ``pippy.chunks`` (1), ``handler.model_path`` and
    ``handler.index_filename``.

    Raises:
        RuntimeError: PiPPy is not installed, or a setting is missing.
    """
    section = _pippy_section(ctx)
    handler_section = (getattr(ctx, "model_yaml_config", None) or {}).get("handler") or {}
    required = [("pippy", section, "input_names"), ("pippy", section, "model_type")]
    required.append(("handler", handler_section, "model_path"))
    missing = [f"{name}.{key}" for name, values, key in required if not values.get(key)]
    if missing:
        raise RuntimeError(f"model-config.yaml lacks {', '.join(missing)}, which PiPPy needs")

    pippy = import_optional("pippy", _PURPOSE, _PACKAGE)
    hf = import_optional("pippy.hf", _PURPOSE, _PACKAGE)
    model_dir = Path(ctx.system_properties["model_dir"])
    checkpoints = model_dir / handler_section["model_path"]
    index = handler_section.get("index_filename")
    is_hf = str(section["model_type"]).upper() == "HF"
    model.eval()
    driver, _ = pippy.all_compile(
        model,
        num_ranks=world_size,
        num_chunks=int(section.get("chunks", 1)),
        schedule="FillDrain",
        split_policy=pippy.split_into_equal_size(world_size),
        tracer=hf.PiPPyHFTracer() if is_hf else None,
        concrete_args=_fixed_arguments(model, section["input_names"]),
        index_filename=str(checkpoints / index) if index else None,
        checkpoint_prefix=None,
    )
    if is_hf:
        hf.inject_pipeline_forward(model, driver)
        return model
    return driver


def _fixed_arguments(model: Any, input_names: list[str]) -> dict[str, Any]:
    """Return the defaults of the arguments of `model` that are not inputs: tracing fixes them."""
    parameters = inspect.signature(model.forward).parameters.values()
    return {p.name: p.default for p in parameters if p.name not in input_names}


def _pippy_section(ctx: Any) -> dict[str, Any]:
    section = (getattr(ctx, "model_yaml_config", None) or {}).get("pippy")
    if not isinstance(section, dict):
        raise RuntimeError("model-config.yaml has no section pippy, which PiPPy needs")
    return section


get_pipline_driver = get_pipeline_driver
"""The spelling of TorchServe's documentation."""
